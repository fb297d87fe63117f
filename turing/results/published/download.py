"""The archive that everybody may download. It is made once for each state of the answers and kept in the store."""

import hashlib
import json
import logging
import tempfile
from typing import IO

from django.core.cache import cache
from django.core.files import File
from django.core.files.storage import default_storage

from turing.errors import StudyError
from turing.models import Debriefing, Study
from turing.results.archive.contents import Options, archive_files
from turing.results.archive.packing import write_zip
from turing.results.counting import Population, choose_population, version_of
from turing.results.machines import machines_version
from turing.results.published.images import judged_elsewhere
from turing.results.utility import utilities_of
from turing.version import software

logger = logging.getLogger(__name__)

LONGEST_MAKING = 600  # seconds, after which another request may try


class BeingMadeError(StudyError):
    """Another request is making the archive. It can be downloaded in a minute."""


def open_archive(study: Study, population: Population) -> IO[bytes] | None:
    """The zip as a stream; None if there can be none, for example because every reader has withdrawn.

    Raises `BeingMadeError` if another request is just making it.

    It holds the profiles that five readers share. It holds images if their licences allow it, but none while another
    study shows one of them to readers. After a reader withdraws an answer, a new archive is made and the old one is no
    longer handed out.
    """
    images = _shows_images(study)
    name = _name(study, population, images)
    if not default_storage.exists(name):
        try:
            _make(study, population, images, name)
        except BeingMadeError:
            raise
        except StudyError as error:
            logger.error("The archive of %s cannot be made: %s", study.slug, error)
            forget_archive(study)  # an earlier one holds answers that have been withdrawn since
            return None
    return default_storage.open(name)


def _shows_images(study: Study) -> bool:
    return not judged_elsewhere(study).exists()


def _name(study: Study, population: Population, images: bool) -> str:
    answers = f"{version_of(study, population)} {machines_version(study)}"
    debriefed = Debriefing.objects.filter(reading__study=study, suspected__isnull=False).count()
    measured = json.dumps(utilities_of(study), sort_keys=True)
    of = f"{answers} {images} {study.state} {study.cited_authors} {software()} {measured} {debriefed}"
    return f"published/{study.pk}-{hashlib.sha256(of.encode()).hexdigest()[:20]}.zip"


def _make(study: Study, population: Population, images: bool, name: str) -> None:
    """Make the archive in one request at a time. Visitors must not make the site pack the same files many times."""
    if not cache.add(f"making-{name}", True, LONGEST_MAKING):
        raise BeingMadeError("The archive is being made; please try again in a minute.")
    try:
        with tempfile.TemporaryFile() as stream:
            write_zip(archive_files(study, population, Options(images=images)), stream)
            stream.seek(0)
            default_storage.save(name, File(stream))
        _forget_others(study, name)
    finally:
        cache.delete(f"making-{name}")


def forget_archive(study: Study) -> None:
    """Delete every archive of the study from the store."""
    _forget_others(study, "")


def forget_outdated() -> int:
    """Delete the archives that are no longer handed out, and return their number.

    They hold answers that were withdrawn since. A new archive replaces them only when somebody asks for one.
    """
    stored = _stored()  # before the names that are handed out, so that an archive that is just made stays
    studies = Study.objects.published().filter(publishes_archive=True)
    current = {_name(one, choose_population(one), _shows_images(one)) for one in studies}
    outdated = [name for name in stored if name not in current]
    for name in outdated:
        default_storage.delete(name)
    return len(outdated)


def _forget_others(study: Study, kept: str) -> None:
    for name in _stored():
        if name.startswith(f"published/{study.pk}-") and name != kept:
            default_storage.delete(name)


def _stored() -> list[str]:
    try:
        return [f"published/{name}" for name in default_storage.listdir("published")[1]]
    except FileNotFoundError:
        return []
