"""Writes a zip that is byte for byte the same whenever its files are the same."""

import hashlib
import zipfile
from collections.abc import Callable, Mapping
from typing import IO

SUMS = "SHA256SUMS"
EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time that a zip can name
LEVEL = 6

Files = Mapping[str, Callable[[], bytes]]  # by name, a function that makes the content, called when the file is written


def write_zip(files: Files, stream: IO[bytes]) -> None:
    """Write the files in the order of their names, then their checksums in the format of `sha256sum --check`."""
    sums = []
    with zipfile.ZipFile(stream, "w") as archive:
        for name in sorted(files):
            content = files[name]()
            sums.append(f"{hashlib.sha256(content).hexdigest()}  {name}\n")
            _add(archive, name, content)
        _add(archive, SUMS, "".join(sums).encode())


def _add(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    entry = zipfile.ZipInfo(name, EPOCH)
    entry.create_system = 3  # always Unix, whatever system makes the zip
    entry.external_attr = 0o644 << 16
    archive.writestr(entry, content, zipfile.ZIP_DEFLATED, LEVEL)
