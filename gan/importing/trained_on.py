"""Records what an external generator was trained on, if that is known. Studies never show those images as real.

Records only grow: an image that a study excluded stays excluded.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from console import Progress, UserError, no_progress
from files import read_file, shown, walk
from gan.foundation.errors import GanError
from gan.imaging.image_files import MAX_BYTES, SUFFIXES, sha256, without_suffix
from gan.importing.formats import key
from gan.importing.same_looking import same_looking
from gan.models import Generator, LesionImage, TrainingName, TrainingRun
from tables import SEPARATOR_LINE, parse_table, read_text

ID_COLUMNS = ("isic_id", "image_id", "image", "image_name", "img_id", "id", "name", "file")
COMMENT = re.compile(r"^[ \t]*#[ \t].*$", re.MULTILINE)
ONE_ID = re.compile(r"[^\s,;]+")
ARCHIVE_ID = re.compile(r"isic_\d{7}", re.IGNORECASE)
AT_ONCE = 500  # values in one SQL statement


@dataclass(frozen=True)
class TrainedOn:
    """The training images: a folder of them, one of our runs that used the same, or a list of ids; one of the three."""

    folder: Path | None = None
    run: str = ""
    ids: Path | None = None


def record_training_images(generator: Generator, told: TrainedOn, progress: Progress = no_progress) -> None:
    """Add to the images that the generator is known to have seen.

    Images of the record are linked by content, by id or, from a folder, by their look, because a training set is often
    cropped and resized. All names are kept, so that images imported later are recognised. Raises `UserError` if the
    folder, the run or the file cannot be used.
    """
    fingerprint = ""
    if told.run:
        run = _find_run(told.run)
        fingerprint = run.data_fingerprint
        generator.training_images.add(*run.training_images.values_list("pk", flat=True))
        names = list(run.training_names.values_list("value", flat=True))
        count, generator.uses_phantoms, said = run.data_count, run.uses_phantoms, {"kind": "run", "run": run.pk}
    elif told.folder:
        by_hash = _hashes(_paths(told.folder), progress)
        names = [*by_hash, *(_id_of(path.stem) for path in by_hash.values())]
        generator.training_images.add(*_named(names))
        known = {one for pair in generator.training_images.values_list("sha256", "isic_id") for one in pair}
        rest = [path for digest, path in by_hash.items() if not {digest, _id_of(path.stem)} & known]
        generator.training_images.add(*same_looking(rest, progress))
        count, said = len(by_hash), {"kind": "folder", "path": str(told.folder.resolve())}
    else:
        names = _read_ids(told.ids)
        generator.training_images.add(*_named(names))
        count, said = len(names), {"kind": "ids"}
    # The images can only be read again in full if they were recorded once.
    generator.training_data = said | {"is_all": not generator.training_data}
    TrainingName.objects.remember(generator, names)
    generator.data_count = max(generator.data_count, count, generator.training_images.count())
    values = generator.training_names.order_by("value").values_list("value", flat=True)
    generator.data_fingerprint = fingerprint or sha256("\n".join(values).encode())
    generator.save()


def check_told(told: TrainedOn) -> None:
    """Raise `UserError` if the folder, the run or the file of ids cannot be used; nothing is read in full."""
    if told.run:
        _find_run(told.run)
    elif told.folder:
        _paths(told.folder)
    else:
        _read_ids(told.ids)


def _find_run(reference: str) -> TrainingRun:
    run = TrainingRun.objects.find(reference)
    if run is None:
        raise GanError(f"--trained-on-run: {TrainingRun.objects.missing(reference)}")
    return run


def _paths(folder: Path) -> list[Path]:
    paths = walk(folder, SUFFIXES).files
    if not paths:
        raise GanError(f"--trained-on {shown(folder)}: no image below it.")
    return paths


def link_training_images() -> None:
    """After an import of real images: link those that match known names of a generator's training images.

    No study depends on these links, because `LesionImageQuerySet.seen_by` uses the names; pages count the links.
    """
    for generator in Generator.objects.filter(training_names__isnull=False).distinct():
        generator.training_images.add(*LesionImage.objects.seen_by([generator]).values_list("pk", flat=True))
        TrainingName.objects.remember(generator, [])


def _named(names: Iterable[str]) -> set[int]:
    """Lesion images with these contents or ids.

    An id of a collection also matches without the collection's short name.
    """
    wanted = list(dict.fromkeys(names))
    found: set[int] = set()
    for start in range(0, len(wanted), AT_ONCE):
        part = wanted[start : start + AT_ONCE]
        for column in ("sha256", "isic_id"):
            found.update(LesionImage.objects.filter(**{f"{column}__in": part}).values_list("pk", flat=True))
    # A bare number is too common as a file name to identify an image.
    plain = {name for name in wanted if not name.isdecimal()}
    others = LesionImage.objects.exclude(isic_id__startswith="ISIC_").values_list("pk", "isic_id")
    for primary, name in others.iterator(chunk_size=5000):
        parts = name.split("_")
        if any("_".join(parts[index:]) in plain for index in range(1, len(parts))):
            found.add(primary)
    return found


def _hashes(paths: list[Path], progress: Progress) -> dict[str, Path]:
    found = {}
    for path in progress(paths, "Reading training images", len(paths), "image"):
        try:
            found[sha256(read_file(path, MAX_BYTES))] = path
        except UserError as error:
            raise GanError(f"--trained-on {shown(path)}: {error}.") from None
    return found


def _read_ids(path: Path | None) -> list[str]:
    """Ids from a text file, one a line, or from the id column of a CSV."""
    assert path is not None, "a folder, a run or a file of ids is given"
    text = COMMENT.sub("", read_text(path, windows=True))
    header = SEPARATOR_LINE.sub("", text.removeprefix("\ufeff"), count=1).lstrip().splitlines()[:1]
    if header and _id_column([name.strip(' "') for name in re.split(r"[,;\t]", header[0])]) is not None:
        table = parse_table(text, shown(path))
        index = _id_column(table.columns)
        if index is None:
            listed = ", ".join(table.columns[:30])
            raise GanError(f"--trained-on-ids {shown(path)}: none of its columns holds ids (found: {listed}).")
        ids = [row[index].strip() for row in table.rows]
    else:
        ids = ONE_ID.findall(text)
    found = sorted({_id_of(one) for one in ids if one})
    if not any(any(letter.isdigit() for letter in one) for one in found):
        raise GanError(f"--trained-on-ids {shown(path)}: no id in it. An id holds a digit, such as ISIC_0024306.")
    return found


def _id_column(columns: Sequence[str]) -> int | None:
    """The place of the column that holds ids; None if no column has such a name."""
    names = [key(name) for name in columns]
    return next((names.index(name) for name in ID_COLUMNS if name in names), None)


def _id_of(name: str) -> str:
    """The id in a file's name; ISIC ids in their standard spelling."""
    last = name.replace("\\", "/").rsplit("/", 1)[-1]
    last = without_suffix(last)
    return last.upper() if ARCHIVE_ID.fullmatch(last) else shown(last)
