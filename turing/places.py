"""The paths of code, of files beside it, and of data: in a checkout, or installed as a package."""

import sys
from pathlib import Path

CODE = Path(__file__).resolve().parents[1]
_INSTALLED = CODE / "turing" / "beside"  # only a wheel has it: see setup.py
IS_CHECKOUT = not _INSTALLED.is_dir()

# The folder of templates, static files, translations, LICENSE and gunicorn.conf.py.
BESIDE = CODE if IS_CHECKOUT else _INSTALLED
# The folder that DATA_DIR is relative to: the checkout, else the folder in which the command was started.
HOME = CODE if IS_CHECKOUT else Path.cwd()
# Starts a command in a separate process, in HOME. With -P, a file in HOME cannot replace one of our modules.
COMMAND = [sys.executable, "manage.py"] if IS_CHECKOUT else [sys.executable, "-P", "-m", "turing"]
