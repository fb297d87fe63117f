"""Decides which folder names are diagnoses and which only contain such folders. Asks if it is not clear."""

import unicodedata
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from files import shown
from gan.foundation.diagnoses import BINARY, KNOWN, is_diagnosis, normalise_diagnosis
from gan.foundation.errors import GanError

# Folder names that are not diagnoses: parts of a data set, and words for images in the languages of contributors.
WORDS = """
train training test testing val valid validation data dataset datasets export exports download
image images img imgs jpg jpeg png pic pics picture pictures photo photos sample samples all
fake fakes generated synthetic real reals output outputs out results
bild bilder foto fotos resim resimler fotoğraf fotoğraflar imagen imagenes imágenes imagem imagens
immagine immagini afbeeldingen
"""
CONTAINERS = set(WORDS.split())


def is_container(name: str) -> bool:
    """Whether a folder of this name says nothing about what its images show."""
    return unicodedata.normalize("NFC", name).strip().lower() in CONTAINERS


def names_diagnosis(name: str) -> bool:
    """Whether the name is clear: a known diagnosis, or a word that an import understands."""
    said = normalise_diagnosis(name)
    return said in KNOWN or said in BINARY or not is_diagnosis(name)


def diagnosis_folders(files: Sequence[PurePosixPath], folder: Path, beside: str = "") -> list[tuple[str, ...]]:
    """The folders of each file, beginning with the one that names its diagnosis; empty if none does.

    `files` are paths below `folder`. Folders around all others are skipped if they contain diagnoses, or folders such
    as `train`. Raises `GanError` if the one folder around all could be a diagnosis or only a wrapper. The message ends
    with `beside`.
    """
    left = [within_containers(file.parts[:-1]) for file in files]
    while len(tops := {parts[:1] for parts in left}) == 1 and (top := next(iter(tops))):
        if names_diagnosis(top[0]):
            break
        inner = {parts[1:2] for parts in left}
        if not all(one and (is_container(one[0]) or names_diagnosis(one[0])) for one in inner):
            raise _asked(top[0], [*files], left, folder, beside)
        left = [within_containers(parts[1:]) for parts in left]
    return left


def within_containers(parts: tuple[str, ...]) -> tuple[str, ...]:
    """The folders without those at the beginning that do not name a diagnosis."""
    while parts and is_container(parts[0]):
        parts = parts[1:]
    return parts


def _asked(top: str, files: list[PurePosixPath], left: list[tuple[str, ...]], folder: Path, beside: str) -> GanError:
    wrappers = {file.parts[: len(file.parts) - len(parts)] for file, parts in zip(files, left, strict=True)}
    inner = sorted({parts[1] for parts in left if len(parts) > 1})
    said = (
        f"all images lie below {shown(top)!r}, which is not a known diagnosis. If that is their diagnosis, "
        f"say --diagnosis {shown(top)!r}"
    )
    if not inner:
        said += "; if not, put them into one folder per diagnosis, or add a table (.csv) that names each file's"
    elif len(wrappers) == 1:
        path = folder.joinpath(*next(iter(wrappers)), top)
        said += f"; if the folders in it ({shown(', '.join(inner[:5]))}) name diagnoses, import {shown(path)}"
    return GanError(f"{said}.{beside}")
