"""Finds the image files of a folder by the names in a table. Files are never opened by such a name."""

import re
from pathlib import Path, PurePosixPath

from console import UserError
from files import composed, read_file, shown, walk
from gan.imaging.image_files import MAX_BYTES, SUFFIXES, is_grey, open_rgb, sha256


class Pictures:
    """An index of the images below a folder, so that no row of a table can reach outside it."""

    def __init__(self, folder: Path, masks: str = "") -> None:
        found = walk(folder, SUFFIXES, links_out=False)
        self.folder = folder
        self.left_out = found.left_out
        self.masks = 0
        self.files: list[Path] = []
        self._by_path: dict[str, Path] = {}
        self._by_name: dict[str, list[Path]] = {}
        self._by_stem: dict[str, list[Path]] = {}
        for path in found.files:
            within = path.relative_to(folder).as_posix()
            if masks and re.search(masks, within):
                self.masks += 1
                continue
            self.files.append(path)
            self._by_path[composed(within)] = path
            self._by_name.setdefault(composed(path.name).lower(), []).append(path)
            self._by_stem.setdefault(composed(path.stem), []).append(path)

    def called(self, path: Path) -> str:
        """The path within the folder, as text that can be printed."""
        return shown(path.relative_to(self.folder))

    def find(self, name: str) -> list[Path]:
        """Files with this path in the folder, else with this file name, else with this name without its extension."""
        name = composed(name.replace("\\", "/").removeprefix("./"))
        if not name:
            return []
        if name in self._by_path:
            return [self._by_path[name]]
        if "/" in name:
            ending = f"/{name}"
            last = self._by_name.get(PurePosixPath(name).name.lower(), [])
            return [path for path in last if composed(path.as_posix()).endswith(ending)]
        return self._by_name.get(name.lower()) or self._by_stem.get(name, []) or self._with_other_ending(name)

    def _with_other_ending(self, name: str) -> list[Path]:
        """Files with another extension, if the table says `a.jpg` and the file is `a.png`."""
        if not name.lower().endswith(SUFFIXES):
            return []
        return self._by_stem.get(name.rpartition(".")[0], [])


def choose_picture(paths: list[Path]) -> tuple[Path, list[tuple[Path, str]]]:
    """The photograph among several files with one id, and what each of the others is.

    A mask of the lesion has no colour. Among photographs the largest is chosen, and the first of equal ones. Unreadable
    files come last.
    """
    if len(paths) == 1:
        return paths[0], []
    ranked = []
    for index, path in enumerate(paths):
        try:
            content = read_file(path, MAX_BYTES)
            image = open_rgb(content)
            grey = is_grey(image)
            ranked.append((grey, -image.width * image.height, index, path, sha256(content)))
        except UserError:
            ranked.append((True, 1, index, path, ""))
    ranked.sort(key=lambda one: one[:3])
    (grey, _, _, chosen, digest), *others = ranked
    kinds = []
    for other_grey, size, _, path, other_digest in others:
        kind = "another picture"
        if size == 1:
            kind = "a file that cannot be read"
        elif other_digest == digest:
            kind = "the same picture once more"
        elif other_grey and not grey:
            kind = "a picture without colour, such as a mask,"
        kinds.append((path, kind))
    return chosen, kinds
