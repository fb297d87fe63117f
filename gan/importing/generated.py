"""Brings images that somebody else's generator made into the record."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

from django.db import IntegrityError, transaction
from django.db.models import CharField

from console import UNSTORABLE, Progress, UserError, no_progress, printable
from files import composed, is_file, read_file, shown, walk
from gan.diagnoses import is_diagnosis, normalise_diagnosis
from gan.errors import GanError
from gan.images import MAX_BYTES, SUFFIXES, open_rgb, sha256
from gan.importing.report import Rejection
from gan.importing.trained_on import TrainedOn, record_training_images
from gan.models import GeneratedImage, Generator
from gan.storage import save_content
from tables import parse_table, read_text

SAMPLES = "samples.csv"
BATCH = 500  # rows in one statement
OPTIONS = {
    "name": "--name", "version": "--generator-version", "source": "--source", "licence": "--licence",
    "made_by": "--made-by",
}  # fmt: skip


@dataclass
class GeneratedReport:
    """What one import did, or with `dry_run` would do."""

    recognised: str = ""
    mapping: dict[str, int] = field(default_factory=dict)  # images of each diagnosis, by our name
    to_import: int = 0  # that a dry run would import
    imported: int = 0
    already_present: int = 0
    rejected: list[Rejection] = field(default_factory=list)
    training_images: int = 0  # that the generator is now known to have seen
    training_images_in_record: int = 0
    generator: int | None = None

    def as_json(self) -> dict:
        return asdict(self)


@dataclass(frozen=True)
class About:
    """What is said of a generator; an empty text says nothing."""

    name: str
    version: str = ""
    source: str = ""
    licence: str = ""
    made_by: str = ""

    def check(self) -> None:
        """Raise `GanError` for a text that no field holds."""
        if not self.name.strip():
            raise GanError("--name: a generator needs a name.")
        for key, value in asdict(self).items():
            field_of = Generator._meta.get_field(key)
            assert isinstance(field_of, CharField)
            limit = field_of.max_length or 0
            if len(value) > limit or UNSTORABLE.search(value) or not value.isprintable():
                raise GanError(f"{OPTIONS[key]}: one line of at most {limit} characters.")


def import_generated(
    folder: Path,
    about: About,
    *,
    diagnosis: str = "",
    samples: Path | None = None,
    trained_on: TrainedOn | None = None,
    phantoms: bool = False,
    dry_run: bool = False,
    progress: Progress = no_progress,
) -> GeneratedReport:
    """Import every image below the folder as one of the generator's; nothing is written before all have been read.

    The diagnosis of an image is `diagnosis`, or what `samples.csv` (columns `file`, `diagnosis`) says of it, or the
    name of the subfolder that it lies in. Idempotent by content: an image that the generator has already is counted.
    Raises `UserError` where the folder cannot be used, or contradicts what is in the record.
    """
    about.check()
    report = GeneratedReport()
    named = list(_named(folder, diagnosis, samples, report))
    existing = Generator.objects.external().filter(name=about.name, version=about.version).first()
    if existing is not None:
        _check_agrees(existing, about, phantoms)
    present = set(existing.generated_images.values_list("sha256", flat=True)) if existing else set()
    found: dict[str, GeneratedImage] = {}
    sides = []
    for path, name in progress(named, "Reading images", len(named), "image"):
        try:
            content = read_file(path, MAX_BYTES)
            image = open_rgb(content)
        except UserError as error:
            report.rejected.append(Rejection(shown(path.relative_to(folder)), printable(str(error))))
            continue
        digest = sha256(content)
        if digest in present:
            report.already_present += 1
            continue
        if digest in found:
            report.rejected.append(
                Rejection(shown(path.relative_to(folder)), f"the same bytes as {found[digest].name}; one is taken")
            )
            continue
        sides.append(min(image.size))
        report.mapping[name] = report.mapping.get(name, 0) + 1
        file = "" if dry_run else save_content(content, path.suffix.lower())
        found[digest] = GeneratedImage(
            diagnosis=name, file=file, sha256=digest, name=shown(path.relative_to(folder))[-200:]
        )
    report.imported, report.to_import = (0, len(found)) if dry_run else (len(found), 0)
    if not found and not report.already_present:
        first = f" (the first: {report.rejected[0].file}: {report.rejected[0].reason})" if report.rejected else ""
        raise GanError(f"{shown(folder)}: none of its files can be imported{first}.")
    if not dry_run:
        with transaction.atomic():
            generator = _save_generator(about, sorted(report.mapping), sides, phantoms)
            _save_images(generator, list(found.values()), report)
            if trained_on is not None:
                record_training_images(generator, trained_on, progress)
        report.generator = generator.pk
        report.training_images = generator.data_count
        report.training_images_in_record = generator.training_images.count()
    return report


def _named(folder: Path, diagnosis: str, samples: Path | None, report: GeneratedReport) -> Iterator[tuple[Path, str]]:
    """Each image with its diagnosis, by the first rule that applies; what cannot be taken goes into the report."""
    walked = walk(folder, SUFFIXES, links_out=False)
    report.rejected += [Rejection(shown(path), reason) for path, reason in walked.left_out]
    if not walked.files:
        raise GanError(f"{shown(folder)}: no image below it ({', '.join(SUFFIXES)} are read).")
    listed = samples or (folder / SAMPLES if is_file(folder / SAMPLES) else None)
    if diagnosis:
        name = _checked(diagnosis, "--diagnosis")
        report.recognised = f"{len(walked.files)} images, all of {name}"
        yield from ((path, name) for path in walked.files)
    elif listed is not None:
        report.recognised = f"{len(walked.files)} images, named by {shown(listed)}"
        yield from _by_table(folder, listed, walked.files, report)
    elif loose := [path for path in walked.files if path.parent == folder]:
        raise GanError(
            f"{shown(folder)}: {len(loose)} images lie directly in it, and nothing says what they show. Give "
            f"--diagnosis, put them into one subfolder per diagnosis, or add {SAMPLES} with the columns file and "
            "diagnosis."
        )
    else:
        names = Counter(path.relative_to(folder).parts[0] for path in walked.files)
        report.recognised = f"{len(walked.files)} images in {len(names)} folders named by diagnosis"
        by_folder = {name: _checked(name, f"folder {shown(name)}") for name in sorted(names)}
        yield from ((path, by_folder[path.relative_to(folder).parts[0]]) for path in walked.files)


def _by_table(folder: Path, listed: Path, files: list[Path], report: GeneratedReport) -> Iterator[tuple[Path, str]]:
    table = parse_table(read_text(listed), shown(listed), needed=["file", "diagnosis"])
    at = {composed(path.relative_to(folder).as_posix()): path for path in files}
    by_name: dict[str, list[Path]] = {}
    for one in files:
        by_name.setdefault(composed(one.name), []).append(one)
    file_column, diagnosis_column = (table.columns.index(name) for name in ("file", "diagnosis"))
    taken = set()
    for line, row in zip(table.lines, table.rows, strict=True):
        file, said = composed(row[file_column].strip()), row[diagnosis_column].strip()
        same_name = by_name.get(file, [])
        path: Path | None = at.get(file.replace("\\", "/").removeprefix("./")) or (
            same_name[0] if len(same_name) == 1 else None
        )
        where = f"{listed.name} line {line}"
        if path is None:
            why = (
                "several files have this name; give its folder, too" if same_name else "no such image below the folder"
            )
            report.rejected.append(Rejection(where, f"{printable(file)[:120]}: {why}"))
        elif path in taken:
            report.rejected.append(Rejection(where, f"{printable(file)[:120]} stands in an earlier line, too"))
        else:
            try:
                name = _checked(said, f"diagnosis {said[:80]!r}")
            except GanError as error:
                report.rejected.append(Rejection(where, printable(str(error))))
                continue
            taken.add(path)
            yield path, name
    for one in files:
        if one not in taken:
            report.rejected.append(Rejection(shown(one.relative_to(folder)), f"no line in {listed.name}"))


def _checked(text: str, what: str) -> str:
    """The diagnosis by its one spelling. Raises `GanError` where the text is none."""
    name = normalise_diagnosis(text)
    if not is_diagnosis(text) or len(name) > 120 or UNSTORABLE.search(name) or not name.isprintable():
        raise GanError(f"{what} is not the name of a diagnosis.")
    return name


def _check_agrees(existing: Generator, about: About, phantoms: bool) -> None:
    """More images may join a generator, under what was said of it before."""
    for key, value in asdict(about).items():
        before = getattr(existing, key)
        if value and before and value != before:
            raise GanError(
                f"{OPTIONS[key]} {value!r}: {existing} is in the record with {before!r}. Leave the option "
                "out to add images to it, or give another --generator-version."
            )
    if phantoms and not existing.uses_phantoms:
        raise GanError(f"--phantoms: {existing} is in the record as trained on real images.")


def _save_generator(about: About, diagnoses: list[str], sides: list[int], phantoms: bool) -> Generator:
    """The external generator of this name and version, with what is newly said of it."""
    key = {"kind": Generator.Kind.EXTERNAL, "name": about.name, "version": about.version}
    defaults = {
        "model": "external", "size": min(sides, default=0), "status": Generator.Status.FINISHED,
        "trained_on": Generator.TrainedOn.NOT_TOLD, "uses_phantoms": phantoms,
    }  # fmt: skip
    generator, _ = Generator.objects.get_or_create(**key, defaults=defaults)
    # Locked: two imports for one generator come one after the other.
    generator = Generator.objects.select_for_update().get(pk=generator.pk)
    for name in ("source", "licence", "made_by"):
        setattr(generator, name, getattr(about, name) or getattr(generator, name))
    generator.diagnoses = sorted({*generator.diagnoses, *diagnoses})
    generator.size = min([*sides, generator.size])
    generator.save()
    return generator


def _save_images(generator: Generator, images: list[GeneratedImage], report: GeneratedReport) -> None:
    for image in images:
        image.generator = generator
    try:
        with transaction.atomic():
            GeneratedImage.objects.bulk_create(images, batch_size=BATCH)
    except IntegrityError:  # another import brought some of them meanwhile
        before = generator.generated_images.count()
        for image in images:
            image.pk = None
        GeneratedImage.objects.bulk_create(images, batch_size=BATCH, ignore_conflicts=True)
        report.imported = generator.generated_images.count() - before
        report.already_present += len(images) - report.imported
