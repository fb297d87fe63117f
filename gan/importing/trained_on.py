"""What an external generator was trained on, as far as somebody tells: no study then shows those images as real."""

import re
from dataclasses import dataclass
from pathlib import Path

from console import Progress, UserError, no_progress
from files import read_file, shown, walk
from gan.errors import GanError
from gan.images import MAX_BYTES, SUFFIXES, sha256
from gan.models import Generator, LesionImage, TrainingRun
from tables import parse_table, read_text

ID_COLUMNS = ("isic_id", "image_id", "image", "image_name", "img_id", "id", "name", "file")
ONE_ID = re.compile(r"[^\s,;]+")
AT_ONCE = 500  # values in one SQL query


@dataclass(frozen=True)
class TrainedOn:
    """The training images: a folder of them, a run of ours that had the same, or a list of ids; one of the three."""

    folder: Path | None = None
    run: str = ""
    ids: Path | None = None


def record_training_images(generator: Generator, told: TrainedOn, progress: Progress = no_progress) -> None:
    """Link the generator to the lesion images that it saw, and keep the names of those that are not in the record.

    Raises `UserError` where the folder, the run or the file cannot be used.
    """
    if told.run:
        run = TrainingRun.objects.find(told.run)
        if run is None:
            raise GanError(f"--trained-on-run: no training run {told.run!r}.")
        generator.training_images.set(run.training_images.all())
        generator.data_count, generator.data_fingerprint = run.data_count, run.data_fingerprint
        generator.uses_phantoms = run.uses_phantoms
        generator.training_data = {"kind": "run", "run": run.pk}
    else:
        source = told.folder or told.ids
        assert source is not None, "one of the three is given"
        by_hash, ids = _read_folder(source, progress) if told.folder else ({}, _read_ids(source))
        names = [*by_hash, *ids]
        generator.data_count = len(by_hash or ids)
        generator.data_fingerprint = sha256("\n".join(sorted(by_hash or ids)).encode())
        generator.training_data = {
            "kind": "folder" if told.folder else "ids",
            "path": str(source.resolve()),
            "not_in_record": names,
        }
        generator.training_images.clear()
        _link(generator)
    generator.trained_on = Generator.TrainedOn.KNOWN
    generator.save()


def link_training_images() -> None:
    """After an import of real images: link those among them that an external generator was said to have seen."""
    for generator in Generator.objects.external().exclude(training_data={}):
        if generator.training_data.get("not_in_record"):
            _link(generator)
            generator.save(update_fields=["training_data"])


def _link(generator: Generator) -> None:
    """Find the named images, by content or by id, and keep the names of those that are still not there."""
    names = generator.training_data["not_in_record"]
    found: dict[int, set[str]] = {}
    for start in range(0, len(names), AT_ONCE):
        part = names[start : start + AT_ONCE]
        for column in ("sha256", "isic_id"):
            for key, value in LesionImage.objects.filter(**{f"{column}__in": part}).values_list("pk", column):
                found.setdefault(key, set()).add(value)
    generator.training_images.add(*found)
    seen = {value for values in found.values() for value in values}
    generator.training_data["not_in_record"] = [name for name in names if name not in seen]
    generator.training_data["in_record"] = generator.training_images.count()


def _read_folder(folder: Path, progress: Progress) -> tuple[dict[str, str], list[str]]:
    """Content hashes of the images below the folder, and their names without ending, which may be their ids."""
    walked = walk(folder, SUFFIXES)
    if not walked.files:
        raise GanError(f"--trained-on {shown(folder)}: no image below it.")
    by_hash = {}
    for path in progress(walked.files, "Reading training images", len(walked.files), "image"):
        try:
            by_hash[sha256(read_file(path, MAX_BYTES))] = shown(path.stem)
        except UserError as error:
            raise GanError(f"--trained-on {shown(path)}: {error}.") from None
    return by_hash, sorted(set(by_hash.values()))


def _read_ids(path: Path) -> list[str]:
    """Ids from a text file, one a line, or from the column of a CSV that holds them."""
    text = read_text(path, windows=True)
    header = text.removeprefix("\ufeff").lstrip().splitlines()[:1]
    if header and (columns := [name for name in ID_COLUMNS if name in re.split(r'[",;\t\s]+', header[0].lower())]):
        table = parse_table(text, shown(path))
        lower = [name.lower() for name in table.columns]
        index = lower.index(columns[0])
        ids = [row[index].strip() for row in table.rows]
    else:
        ids = ONE_ID.findall(text)
    ids = sorted({_without_ending(one) for one in ids if one})
    if not ids:
        raise GanError(f"--trained-on-ids {shown(path)}: no id in it.")
    return ids


def _without_ending(name: str) -> str:
    last = name.replace("\\", "/").rsplit("/", 1)[-1]
    return next((last[: -len(end)] for end in SUFFIXES if last.lower().endswith(end)), last)
