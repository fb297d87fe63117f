"""The version of this software, and a fingerprint of the modules that compute the figures."""

import hashlib
import platform
import tomllib
from functools import cache
from importlib import metadata

from turing import places

NAME = "lesion-turing"
STATISTICS = places.CODE / "turing" / "statistics"
NUMERIC = ("numpy", "scipy", "krippendorff", "matplotlib", "pyarrow")  # packages that compute figures and write files


@cache
def project() -> dict:
    """`name` and `version` of the installed package.

    A checkout that is not installed uses the fallback in pyproject.toml.
    """
    try:
        version = metadata.version(NAME)
    except metadata.PackageNotFoundError:
        settings = tomllib.loads((places.CODE / "pyproject.toml").read_text())
        version = settings["tool"]["setuptools_scm"]["fallback_version"]
    return {"name": NAME, "version": version}


def name_and_version() -> str:
    """Name and version, such as 'lesion-turing 0.1.0'."""
    return f"{project()['name']} {project()['version']}"


@cache
def statistics_fingerprint() -> str:
    """SHA-256 over the statistics modules, which distinguishes two states of the software with one version."""
    digest = hashlib.sha256()
    for path in sorted(STATISTICS.glob("*.py")):
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def software() -> dict:
    """The software and the packages behind its figures, as JSON values."""
    return {
        "name": project()["name"],
        "version": project()["version"],
        "statistics_sha256": statistics_fingerprint(),
        "python": platform.python_version(),
        "packages": {name: metadata.version(name) for name in NUMERIC},
    }
