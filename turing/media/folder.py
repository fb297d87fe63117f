"""Images in a folder of this machine."""

import os
from contextlib import suppress
from pathlib import Path
from tempfile import NamedTemporaryFile

from django.core.files.storage import FileSystemStorage

READABLE = 0o644


class FolderMedia(FileSystemStorage):
    """Writes a file beside its final name, flushes it to the disk and moves it into place."""

    def get_available_name(self, name, max_length=None):
        return name

    def _save(self, name, content):
        path = Path(self.path(name))
        path.parent.mkdir(parents=True, exist_ok=True)
        with NamedTemporaryFile(dir=path.parent, prefix=".", delete=False) as beside:
            try:
                for chunk in content.chunks():
                    beside.write(chunk)
                beside.flush()
                os.fchmod(beside.fileno(), self.file_permissions_mode or READABLE)
                # A study must not be open if a power cut has undone the writing of its images.
                os.fsync(beside.fileno())
                Path(beside.name).replace(path)
            except BaseException:
                with suppress(OSError):
                    Path(beside.name).unlink()
                raise
        _flush_folder(path.parent)
        return name


def _flush_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
