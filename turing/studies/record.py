"""Renames and deletes generators and collections, unless a study or a training uses them."""

import shutil

from django.db import transaction
from django.db.models import ProtectedError

from gan.models import Generator, LesionImage, remove_unused_files
from turing.errors import StudyError
from turing.models import AuditLine, Job, Study, User

What = AuditLine.What


def uses_of_generator(generator: Generator) -> str:
    """Why the generator cannot be renamed or deleted; '' if it can. No study is named, because some are hidden."""
    found = []
    if count := Study.objects.filter(generators=generator).count():
        found.append(f"{_counted(count, 'study uses', 'studies use')} it")
    if generator.is_being_trained:
        found.append("it is being trained")
    if count := generator.snapshots.count():
        own = _counted(count, "snapshot of it is a generator of its own", "snapshots of it are generators of their own")
        found.append(own)
    if Job.objects.unfinished().filter(arguments__run=generator.pk).exists():
        found.append("a job is at work with it")
    if Job.objects.unfinished().filter(kind=Job.Kind.IMPORT).exists():
        found.append("an import is at work, which may add images to it or have the same files")
    return " and ".join(found)


def uses_of_collection(name: str) -> str:
    """Why the collection cannot be renamed or deleted; '' if it can."""
    images = LesionImage.objects.filter(collection=name)
    found = []
    if count := Study.objects.filter(stimuli__lesion_image__in=images).distinct().count():
        found.append(f"{_counted(count, 'study shows', 'studies show')} images of it")
    if count := Generator.objects.filter(training_images__in=images).distinct().count():
        found.append(f"{_counted(count, 'generator was', 'generators were')} trained on images of it")
    if Job.objects.unfinished().exists():
        found.append("a job is at work, which may use them")
    return " and ".join(found)


@transaction.atomic
def rename_generator(generator: Generator, name: str, version: str, actor: User) -> Generator:
    """Rename the generator. Raises `StudyError` if something uses it, or if another one has the name."""
    found = _locked(generator)
    _refuse(uses_of_generator(found), "renamed")
    was = str(found)
    found.name, found.version = name, "" if found.is_run else version
    others = Generator.objects.filter(name=found.name, version=found.version).exclude(pk=found.pk)
    if others.exists():
        raise StudyError(f"There is a generator called {others[0]} already.")
    found.save(update_fields=["name", "version"])
    AuditLine.objects.record(What.RENAMED, actor, generator=found.pk, was=was, now=str(found))
    return found


def delete_generator(generator: Generator, actor: User) -> int:
    """Delete the generator with its images, figures and, for a run, its files. Returns the number of images.

    Raises `StudyError` if something uses it.
    """
    try:
        with transaction.atomic():
            found = _locked(generator)
            _refuse(uses_of_generator(found), "deleted")
            files = list(found.generated_images.values_list("file", flat=True))
            AuditLine.objects.record(What.DELETED, actor, generator=found.pk, was=str(found), images=len(files))
            found.generated_images.all().delete()
            folder = found.folder
            found.delete()
    except ProtectedError as error:  # a study that opened, or a snapshot that was taken meanwhile
        raise StudyError("It cannot be deleted: a study or a snapshot of it uses it by now.") from error
    remove_unused_files(files)
    shutil.rmtree(folder, ignore_errors=True)
    return len(files)


@transaction.atomic
def rename_collection(name: str, new: str, actor: User) -> int:
    """Rename the collection. Returns how many images have the new name.

    Raises `StudyError` if something uses them, or if another collection has the name.
    """
    _refuse(uses_of_collection(name), "renamed")
    if LesionImage.objects.filter(collection=new).exists():
        raise StudyError(f"There is a collection called {new} already.")
    count = LesionImage.objects.filter(collection=name).update(collection=new)
    AuditLine.objects.record(What.RENAMED, actor, collection=new, was=name, images=count)
    return count


def delete_collection(name: str, actor: User) -> int:
    """Delete the collection's images and their files.

    Returns their number. Raises `StudyError` if something uses them.
    """
    images = LesionImage.objects.filter(collection=name)
    try:
        with transaction.atomic():
            _refuse(uses_of_collection(name), "deleted")
            files = list(images.values_list("file", flat=True))
            AuditLine.objects.record(What.DELETED, actor, collection=name, images=len(files))
            images.delete()
    except ProtectedError as error:  # a study that opened meanwhile uses an image
        raise StudyError("It cannot be deleted: a study shows images of it.") from error
    remove_unused_files(files)
    return len(files)


def _locked(generator: Generator) -> Generator:
    """The generator as it is now, locked until the end of the transaction. Raises `StudyError` if it is gone."""
    found = Generator.objects.select_for_update().filter(pk=generator.pk).first()
    if found is None:
        raise StudyError(f"{generator} was deleted meanwhile.")
    return found


def _refuse(reason: str, what: str) -> None:
    if reason:
        raise StudyError(f"It cannot be {what}: {reason}.")


def _counted(count: int, one: str, several: str) -> str:
    return f"{count} {one if count == 1 else several}"
