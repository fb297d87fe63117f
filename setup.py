"""Puts the files beside the packages into the wheel, as turing/beside/. Everything else is in pyproject.toml."""

from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

BESIDE = ("templates", "static", "locale", "gunicorn.conf.py", "LICENSE")


class BuildWithParts(build_py):
    """Also copies the folders and files at the top of a checkout. `turing/places.py` finds them there."""

    def run(self) -> None:
        super().run()
        # An editable installation uses them where they are. The container image first installs without code.
        if self.editable_mode or not Path("turing").is_dir():
            return
        for name in BESIDE:
            copy = self.copy_tree if Path(name).is_dir() else self.copy_file
            target = Path(self.build_lib, "turing/beside", name)
            target.parent.mkdir(parents=True, exist_ok=True)
            copy(name, str(target))


setup(cmdclass={"build_py": BuildWithParts})
