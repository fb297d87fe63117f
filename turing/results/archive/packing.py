"""Writes a zip that is the same byte for byte whenever its files are."""

import hashlib
import zipfile
from collections.abc import Callable, Mapping
from typing import IO

SUMS = "SHA256SUMS"
EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time that a zip can name
LEVEL = 6

Files = Mapping[str, Callable[[], bytes]]  # name: what makes the content, called when its turn comes


def write_zip(files: Files, stream: IO[bytes]) -> None:
    """The files in the order of their names, and last their checksums as `sha256sum --check` reads them."""
    sums = []
    with zipfile.ZipFile(stream, "w") as archive:
        for name in sorted(files):
            content = files[name]()
            sums.append(f"{hashlib.sha256(content).hexdigest()}  {name}\n")
            _add(archive, name, content)
        _add(archive, SUMS, "".join(sums).encode())


def _add(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    entry = zipfile.ZipInfo(name, EPOCH)
    entry.create_system = 3  # Unix, wherever it is made
    entry.external_attr = 0o644 << 16
    archive.writestr(entry, content, zipfile.ZIP_DEFLATED, LEVEL)
