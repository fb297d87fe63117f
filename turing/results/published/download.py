"""The archive that everybody may download. It is made once for each state of the answers and kept in the store."""

import hashlib
import json
import tempfile
from typing import IO

from django.core.cache import cache
from django.core.files import File
from django.core.files.storage import default_storage

from turing.errors import StudyError
from turing.models import Debriefing, Study
from turing.results.archive.contents import Options, archive_files
from turing.results.archive.packing import write_zip
from turing.results.counting import Population, version_of
from turing.results.machines import machines_version
from turing.results.published.images import judged_elsewhere
from turing.results.utility import utilities_of
from turing.version import software

LONGEST_MAKING = 600  # seconds, after which another request may try


def open_archive(study: Study, population: Population) -> IO[bytes]:
    """The zip as a stream. Raises `StudyError` if it is just being made, or cannot be made.

    It holds the profiles that five readers share. It holds images if their licences allow it, but none while another
    study shows one of them to readers. After a reader withdraws an answer, a new archive is made and the old one is no
    longer handed out.
    """
    images = not judged_elsewhere(study).exists()
    name = _name(study, population, images)
    if not default_storage.exists(name):
        _make(study, population, images, name)
    return default_storage.open(name)


def _name(study: Study, population: Population, images: bool) -> str:
    answers = f"{version_of(study, population)} {machines_version(study)}"
    debriefed = Debriefing.objects.filter(reading__study=study, suspected__isnull=False).count()
    measured = json.dumps(utilities_of(study), sort_keys=True)
    of = f"{answers} {images} {study.state} {study.cited_authors} {software()} {measured} {debriefed}"
    return f"published/{study.pk}-{hashlib.sha256(of.encode()).hexdigest()[:20]}.zip"


def _make(study: Study, population: Population, images: bool, name: str) -> None:
    """Make the archive in one request at a time. Visitors must not make the site pack the same files many times."""
    if not cache.add(f"making-{name}", True, LONGEST_MAKING):
        raise StudyError("The archive is being made; please try again in a minute.")
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


def _forget_others(study: Study, kept: str) -> None:
    try:
        names = default_storage.listdir("published")[1]
    except FileNotFoundError:
        return
    for name in names:
        if name.startswith(f"{study.pk}-") and f"published/{name}" != kept:
            default_storage.delete(f"published/{name}")
