"""Finds training images, splits them by lesion, and decodes them once."""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from console import UNSTORABLE, UserError
from files import is_file, is_folder, is_hidden, read_file, shown, walk
from gan.foundation.diagnoses import is_diagnosis, normalise_diagnosis
from gan.foundation.errors import GanError
from gan.foundation.patients import Groups, Node
from gan.imaging.image_files import MAX_BYTES, SUFFIXES, centre_square, open_rgb, sha256
from gan.models import LesionImage


@dataclass(frozen=True)
class Source:
    """One training image: its name, its lesion and patient, the hash of its content, and how to read it.

    `repeats` is the name of the image of which curation found it to be a copy.
    """

    name: str
    lesion: str
    sha256: str
    read: Callable[[], bytes]
    lesion_image_id: int | None = None
    patient: str = ""
    repeats: str = ""


def from_database(diagnosis: str, phantoms: bool, image_type: str = "dermoscopic") -> list[Source]:
    """Every usable lesion image of the diagnosis and type, or every phantom, in the order of ids.

    Phantoms and real images are never mixed, and types are not either. Raises `GanError` if there are none.
    """
    pool = LesionImage.objects.usable().filter(is_phantom=phantoms)
    images = pool.of_type(image_type).with_diagnosis(diagnosis).order_by("isic_id")
    if not images and (others := pool.with_diagnosis(diagnosis).by_type()):
        there = ", ".join(f"{row['count']} {row['image_type']}" for row in others)
        raise GanError(f"no {image_type} images of {diagnosis!r}; of other types: {there} (--type chooses one).")
    if not images:
        kind = "phantoms" if phantoms else "lesion images"
        known = ", ".join(sorted({row["diagnosis"] for row in pool.by_diagnosis()})) or "none"
        hint = "" if phantoms else " (--phantoms trains on phantoms)"
        raise GanError(f"no {kind} of {diagnosis!r}; imported diagnoses: {known}{hint}.")
    return sources_of(images)


def sources_of(images: Iterable[LesionImage]) -> list[Source]:
    """Lesion images as sources. A picture that repeats another one belongs to the lesion of that one."""
    return [
        Source(
            image.isic_id,
            image.lesion_id or image.repeats,
            image.sha256,
            image.read,
            image.pk,
            image.patient_id,
            image.repeats,
        )
        for image in images
    ]


def from_folder(folder: Path, warn: Callable[[str], None] = lambda text: None) -> dict[str, list[Source]]:
    """Image files in one subfolder for each diagnosis; `warn` is told what is left out.

    Raises `UserError` if there are none, or if one cannot be read.
    """
    if is_file(folder):
        raise GanError(f"{shown(folder)}: this is a file; name a folder.")
    if not is_folder(folder):
        raise GanError(f"{shown(folder)}: no such folder.")
    found: dict[str, list[Source]] = {}
    for subfolder in _subfolders(folder):
        walked = walk(subfolder, SUFFIXES)
        for path, reason in walked.left_out:
            warn(f"{shown(path)}: {reason}; left out.")
        if not walked.files:
            continue
        diagnosis = normalise_diagnosis(subfolder.name)
        if not is_diagnosis(diagnosis):
            warn(f"{shown(subfolder)}: {diagnosis!r} is not a diagnosis; left out.")
            continue
        if len(diagnosis) > 120 or UNSTORABLE.search(diagnosis):
            raise GanError(f"{shown(subfolder)}: not the name of a diagnosis.")
        if diagnosis in found:
            raise GanError(f"{folder}: two subfolders name the same diagnosis, {diagnosis}.")
        found[diagnosis] = _sources_below(subfolder, walked.files)
    if not found:
        raise GanError(f"{folder}: no images in subfolders. --data needs one subfolder per diagnosis.")
    return found


def _subfolders(folder: Path) -> list[Path]:
    """Folders in the folder, and links to folders, except hidden ones and links that lead back to a folder above."""
    root = folder.resolve()
    return sorted(
        path
        for path in folder.iterdir()
        if is_folder(path) and not is_hidden(path.name) and not root.is_relative_to(path.resolve())
    )


def _sources_below(subfolder: Path, files: list[Path]) -> list[Source]:
    """Image files as sources.

    If file names repeat (`P01/front.png`, `P02/front.png`), the folder says whose an image is: its images count as one
    lesion.
    """
    repeat = len({path.stem for path in files}) < len(files)
    sources = []
    for path in files:
        within = path.relative_to(subfolder)
        name, lesion = (shown(within), f"folder {shown(within.parent)}") if repeat else (shown(path.stem), "")
        read = partial(read_image, path)
        sources.append(Source(name[-200:], lesion, sha256(read()), read))
    return sources


def read_image(path: Path) -> bytes:
    """The bytes of an image file. Raises `GanError`, which names it."""
    try:
        return read_file(path, MAX_BYTES)
    except UserError as error:
        raise GanError(f"{shown(path)}: {error}.") from None


def split_by_lesion(sources: Sequence[Source], held_out: float, seed: int) -> tuple[list[Source], list[Source]]:
    """Training and held-out images of one diagnosis, like `split_all` for several."""
    return split_all({"": sources}, held_out, seed)[""]


def split_all(
    sources: Mapping[str, Sequence[Source]], held_out: float, seed: int
) -> dict[str, tuple[list[Source], list[Source]]]:
    """Training and held-out images by diagnosis. All images of a lesion and of a patient are on one side.

    Lesions that share a patient, and patients that share a lesion, stay together, even if diagnoses differ. In each
    diagnosis, groups are taken in a seeded random order until a share `held_out` in [0, 1) of its images is held out. A
    group with images of an earlier diagnosis stays on its side. An image of unknown lesion and patient is a group of
    its own.
    """
    is_held: dict[Node, bool] = {}
    return {
        diagnosis: _split(members, groups, is_held, held_out, seed)
        for (diagnosis, members), groups in zip(sources.items(), groups_of(sources), strict=True)
    }


def _split(
    sources: Sequence[Source], groups: Sequence[Node], is_held: dict[Node, bool], held_out: float, seed: int
) -> tuple[list[Source], list[Source]]:
    """Split one diagnosis.

    `groups` holds the group of each source; `is_held` the side of each group, which is filled in.
    """
    members: dict[Node, list[Source]] = {}
    for source, group in zip(sources, groups, strict=True):
        members.setdefault(group, []).append(source)
    first = {group: min(one.lesion or f"image {one.name}" for one in found) for group, found in members.items()}
    order = sorted((group for group in members if group not in is_held), key=lambda group: first[group])
    np.random.default_rng(seed).shuffle(order)
    wanted = round(held_out * len(sources))
    count = sum(len(found) for group, found in members.items() if is_held.get(group))
    for group in order:
        is_held[group] = count + len(members[group]) <= wanted
        count += len(members[group]) if is_held[group] else 0
    sides: tuple[list[Source], list[Source]] = ([], [])
    for group, found in members.items():
        sides[is_held[group]].extend(found)
    return sorted(sides[0], key=lambda one: one.name), sorted(sides[1], key=lambda one: one.name)


def groups_of(sources: Mapping[str, Sequence[Source]]) -> list[list[Node]]:
    """The group of each source, by diagnosis: one lesion, one patient, or linked through others.

    File names and folders identify lesions only within one diagnosis; ids of the database do so everywhere.
    """
    groups = Groups()

    def node(kind: str, name: str, source: Source, diagnosis: str) -> Node:
        return kind, name if source.lesion_image_id is not None else f"{diagnosis}\0{name}"

    every = [(source, diagnosis) for diagnosis, members in sources.items() for source in members]
    for source, diagnosis in every:
        itself = node("image", source.name, source, diagnosis)
        groups.root(itself)
        if source.lesion:
            groups.link(node("lesion", source.lesion, source, diagnosis), itself)
        if source.patient:
            groups.link(node("patient", source.patient, source, diagnosis), itself)
        if source.repeats:
            groups.link(node("image", source.repeats, source, diagnosis), itself)
    for source, diagnosis in every:  # a repeated picture identifies a lesion that has no name
        if (repeated := node("image", source.lesion, source, diagnosis)) in groups:
            groups.link(node("lesion", source.lesion, source, diagnosis), repeated)
    return [
        [groups.root(node("image", source.name, source, diagnosis)) for source in members]
        for diagnosis, members in sources.items()
    ]


def group_codes(sources: Mapping[str, Sequence[Source]]) -> dict[str, np.ndarray]:
    """As `groups_of`, with a whole number for each group: (N,) for each diagnosis."""
    groups = groups_of(sources)
    codes = np.unique(["\0".join(one) for found in groups for one in found], return_inverse=True)[1]
    ends = np.cumsum([len(found) for found in groups])
    return dict(zip(sources, np.split(codes, ends[:-1]), strict=True))


def labels_of(sources: Mapping[str, Sequence[Source]]) -> tuple[np.ndarray, np.ndarray]:
    """(N,) the group code and (N,) the diagnosis of every image, one diagnosis after the other."""
    codes = group_codes(sources)
    return np.concatenate(list(codes.values())), np.repeat(list(codes), [len(one) for one in codes.values()])


def fingerprint(sources: Iterable[Source]) -> str:
    """SHA-256 over the images' content hashes, in order.

    It identifies the images that a run saw, whatever their names.
    """
    return hashlib.sha256("\n".join(source.sha256 for source in sources).encode()).hexdigest()


def decode_pixels(sources: Iterable[Source], size: int) -> np.ndarray:
    """All images as one uint8 array (N, size, size, 3). Raises `GanError`, which names an image that cannot be read."""
    arrays = []
    for source in sources:
        try:
            arrays.append(np.asarray(centre_square(open_rgb(source.read()), size)))
        except (GanError, OSError) as error:
            raise GanError(f"{source.name}: {error}") from None
    return np.stack(arrays) if arrays else np.zeros((0, size, size, 3), np.uint8)
