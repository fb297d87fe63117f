"""Imports images that somebody else's generator made."""

from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path

from django.db import IntegrityError, transaction
from django.db.models import CharField

from console import UNSTORABLE, Progress, UserError, no_progress, printable
from files import read_file, shown
from gan.foundation.errors import GanError
from gan.foundation.storage import save_content
from gan.imaging.image_files import MAX_BYTES, open_rgb, sha256
from gan.importing.hints import hints_for
from gan.importing.import_report import Mapped, Rejection
from gan.importing.samples import find_samples
from gan.importing.trained_on import TrainedOn, check_told, record_training_images
from gan.importing.writing import keep_files
from gan.models import GeneratedImage, Generator, LesionImage

BATCH = 500  # rows in one statement
OPTIONS = {
    "name": "--name", "version": "--generator-version", "source": "--source", "licence": "--licence",
    "made_by": "--made-by",
}  # fmt: skip


@dataclass
class GeneratedReport:
    """What one import did, or with `dry_run` would do."""

    recognised: str = ""
    mapping: list[Mapped] = field(default_factory=list)
    to_import: int = 0  # images that a dry run would import
    imported: int = 0
    already_present: int = 0
    rejected: list[Rejection] = field(default_factory=list)
    training_images: int = 0  # images that the generator is now known to have seen
    training_images_in_record: int = 0
    generator: int | None = None

    def as_json(self) -> dict:
        return asdict(self)


@dataclass(frozen=True)
class About:
    """Information about a generator. An empty text says nothing."""

    name: str
    version: str = ""
    source: str = ""
    licence: str = ""
    made_by: str = ""

    def check(self) -> None:
        """Raise `GanError` for a text that a field cannot hold."""
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
    """Import every image below the folder as one of the generator's. Nothing is written before all have been read.

    The diagnosis of an image is `diagnosis`, or what a table says, or the name of its subfolder; see `find_samples`.
    Importing again is safe: an image with the same content is only counted. Raises `UserError` if the folder cannot be
    used, or contradicts the record.
    """
    about.check()
    found_samples = find_samples(folder, diagnosis, samples)
    report = GeneratedReport(found_samples.recognised, rejected=found_samples.rejected)
    existing = Generator.objects.external().filter(name=about.name, version=about.version).first()
    if existing is not None:
        _check_agrees(existing, about, phantoms)
    if dry_run and trained_on is not None:
        check_told(trained_on)
    present = set(existing.generated_images.values_list("sha256", flat=True)) if existing else set()
    real = dict(LesionImage.objects.values_list("sha256", "isic_id"))
    found: dict[str, GeneratedImage] = {}
    origins: dict[str, tuple[Path, str]] = {}
    sides = []
    counts: Counter[tuple[str, str]] = Counter()
    for one in progress(found_samples.images, "Reading images", len(found_samples.images), "image"):
        path = one.path
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
        if digest in real:
            report.rejected.append(
                Rejection(shown(path.relative_to(folder)), f"the same bytes as the real image {real[digest]}")
            )
            continue
        if digest in found:
            report.rejected.append(
                Rejection(shown(path.relative_to(folder)), f"the same bytes as {found[digest].name}; one is taken")
            )
            continue
        sides.append(min(image.size))
        counts[one.original, one.diagnosis] += 1
        file = "" if dry_run else save_content(content, path.suffix.lower())
        origins[file] = path, digest
        found[digest] = GeneratedImage(
            diagnosis=one.diagnosis, file=file, sha256=digest, name=shown(path.relative_to(folder))[-200:]
        )
    hints = hints_for(name for _, name in counts)
    report.mapping = [Mapped(*names, count, hints.get(names[1], "")) for names, count in sorted(counts.items())]
    report.imported, report.to_import = (0, len(found)) if dry_run else (len(found), 0)
    if not found and not report.already_present:
        first = f" (the first: {report.rejected[0].file}: {report.rejected[0].reason})" if report.rejected else ""
        raise GanError(f"{shown(folder)}: none of its files can be imported{first}.")
    if not dry_run:
        with transaction.atomic():
            generator = _save_generator(about, sorted({name for _, name in counts}), sides, phantoms)
            if existing is not None and generator.pk != existing.pk:
                raise GanError(f"{existing} was deleted while its images were read. Import again.")
            _save_images(generator, list(found.values()), report)
            if trained_on is not None:
                record_training_images(generator, trained_on, progress)
            keep_files(origins)
        report.generator = generator.pk
        report.training_images = generator.data_count
        report.training_images_in_record = generator.training_images.count()
    return report


def _check_agrees(existing: Generator, about: About, phantoms: bool) -> None:
    """Check that what is said agrees with the record. More images may join a generator later."""
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
    """Save the external generator of this name and version, with any new information."""
    key = {"kind": Generator.Kind.EXTERNAL, "name": about.name, "version": about.version}
    defaults = {
        "model": "external", "size": min(sides, default=0), "status": Generator.Status.FINISHED,
        "trained_on": Generator.TrainedOn.NOT_TOLD, "uses_phantoms": phantoms,
    }  # fmt: skip
    made, _ = Generator.objects.get_or_create(**key, defaults=defaults)
    # Locked, so that two imports for one generator run one after the other.
    generator = Generator.objects.select_for_update().filter(pk=made.pk).first()
    if generator is None:
        raise GanError(f"{about.name} was deleted while its images were read. Import again.")
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
