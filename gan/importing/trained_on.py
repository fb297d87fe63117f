"""What an external generator was trained on, as far as somebody tells: no study then shows those images as real.

What was told is only ever added to: a study that excluded an image goes on excluding it.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from console import Progress, UserError, no_progress
from files import read_file, shown, walk
from gan.errors import GanError
from gan.images import MAX_BYTES, SUFFIXES, sha256
from gan.importing.looks import same_looking
from gan.models import Generator, LesionImage, TrainingName, TrainingRun
from tables import parse_table, read_text

ID_COLUMNS = ("isic_id", "image_id", "image", "image_name", "img_id", "id", "name", "file")
ONE_ID = re.compile(r"[^\s,;]+")
ARCHIVE_ID = re.compile(r"isic_\d{7}", re.IGNORECASE)
AT_ONCE = 500  # values in one SQL statement
LONGEST = 200


@dataclass(frozen=True)
class TrainedOn:
    """The training images: a folder of them, a run of ours that had the same, or a list of ids; one of the three."""

    folder: Path | None = None
    run: str = ""
    ids: Path | None = None


def record_training_images(generator: Generator, told: TrainedOn, progress: Progress = no_progress) -> None:
    """Add to what the generator is known to have seen.

    Images of the record are linked by content, by id or, from a folder, by their look: a training set is often cropped
    and resized. All names are kept, so that an image that is imported later is recognised. Raises `UserError` where the
    folder, the run or the file cannot be used.
    """
    if told.run:
        run = TrainingRun.objects.find(told.run)
        if run is None:
            raise GanError(f"--trained-on-run: no training run {told.run!r}.")
        generator.training_images.add(*run.training_images.values_list("pk", flat=True))
        generator.data_count = max(generator.data_count, run.data_count)
        generator.data_fingerprint = run.data_fingerprint
        generator.uses_phantoms = run.uses_phantoms
        generator.training_data = {"kind": "run", "run": run.pk}
        generator.trained_on = Generator.TrainedOn.KNOWN
        generator.save()
        return
    if told.folder:
        paths = walk(told.folder, SUFFIXES).files
        if not paths:
            raise GanError(f"--trained-on {shown(told.folder)}: no image below it.")
        by_hash = _hashes(paths, progress)
        _remember(generator, [*by_hash, *(_id_of(path.stem) for path in paths)])
        generator.training_images.add(*_named(by_hash), *_named(_id_of(path.stem) for path in paths))
        known = set(generator.training_images.values_list("sha256", "isic_id"))
        seen = {value for pair in known for value in pair}
        rest = [path for digest, path in by_hash.items() if digest not in seen and _id_of(path.stem) not in seen]
        generator.training_images.add(*same_looking(rest, progress))
        count = len(by_hash)
    else:
        assert told.ids is not None, "one of the three is given"
        ids = _read_ids(told.ids)
        _remember(generator, ids)
        generator.training_images.add(*_named(ids))
        count = len(ids)
    tellings = [*generator.training_data.get("told", []), count]
    generator.training_data = {
        "kind": "folder" if told.folder else "ids",
        "path": str(told.folder.resolve()) if told.folder else "",
        "told": tellings,
    }
    generator.data_count = max(generator.data_count, count, generator.training_images.count())
    values = generator.training_names.order_by("value").values_list("value", flat=True)
    generator.data_fingerprint = sha256("\n".join(values).encode())
    found = LesionImage.objects.seen_by([generator]).exists()
    generator.trained_on = Generator.TrainedOn.KNOWN if found else Generator.TrainedOn.NOT_FOUND
    generator.save()


def link_training_images() -> None:
    """After an import of real images: link those among them that an external generator was said to have seen.

    No study depends on it, since `LesionImageQuerySet.seen_by` asks the names themselves; pages count the links.
    """
    for generator in Generator.objects.external().exclude(trained_on=Generator.TrainedOn.NOT_TOLD):
        found = LesionImage.objects.seen_by([generator]).values_list("pk", flat=True)
        generator.training_images.add(*found)
        if found and generator.trained_on == Generator.TrainedOn.NOT_FOUND:
            generator.trained_on = Generator.TrainedOn.KNOWN
            generator.save(update_fields=["trained_on"])


def _remember(generator: Generator, names: Iterable[str]) -> None:
    rows = [TrainingName(generator=generator, value=name) for name in dict.fromkeys(names) if 0 < len(name) <= LONGEST]
    TrainingName.objects.bulk_create(rows, batch_size=AT_ONCE, ignore_conflicts=True)


def _named(names: Iterable[str]) -> set[int]:
    """Lesion images of these contents or ids; of an id of a collection also without the collection's short name."""
    wanted = list(dict.fromkeys(names))
    found: set[int] = set()
    for start in range(0, len(wanted), AT_ONCE):
        part = wanted[start : start + AT_ONCE]
        for column in ("sha256", "isic_id"):
            found.update(LesionImage.objects.filter(**{f"{column}__in": part}).values_list("pk", flat=True))
    # A bare number is too common a file name to say anything.
    plain = {name for name in wanted if not name.isdecimal()}
    others = LesionImage.objects.exclude(isic_id__startswith="ISIC_").values_list("pk", "isic_id")
    for key, name in others.iterator(chunk_size=5000):
        parts = name.split("_")
        if any("_".join(parts[index:]) in plain for index in range(1, len(parts))):
            found.add(key)
    return found


def _hashes(paths: list[Path], progress: Progress) -> dict[str, Path]:
    found = {}
    for path in progress(paths, "Reading training images", len(paths), "image"):
        try:
            found[sha256(read_file(path, MAX_BYTES))] = path
        except UserError as error:
            raise GanError(f"--trained-on {shown(path)}: {error}.") from None
    return found


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
    found = sorted({_id_of(one) for one in ids if one})
    if not any(any(letter.isdigit() for letter in one) for one in found):
        raise GanError(f"--trained-on-ids {shown(path)}: no id in it. An id holds a digit, such as ISIC_0024306.")
    return found


def _id_of(name: str) -> str:
    """The id in a file's name; the archive's in its one spelling."""
    last = name.replace("\\", "/").rsplit("/", 1)[-1]
    last = next((last[: -len(end)] for end in SUFFIXES if last.lower().endswith(end)), last)
    return last.upper() if ARCHIVE_ID.fullmatch(last) else shown(last)
