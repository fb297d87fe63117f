"""Where the code lies, what lies beside it, and where data go: in a checkout, or installed as a package."""

import sys
from pathlib import Path

CODE = Path(__file__).resolve().parents[1]
_INSTALLED = CODE / "turing" / "beside"  # only a wheel has it: see setup.py
IS_CHECKOUT = not _INSTALLED.is_dir()

# The folder of templates, static files, translations, LICENSE and gunicorn.conf.py.
BESIDE = CODE if IS_CHECKOUT else _INSTALLED
# The folder that DATA_DIR starts from: a checkout's own, else the one that the command was started in.
HOME = CODE if IS_CHECKOUT else Path.cwd()
# Starts a command in a process of its own, in HOME. -P: a file in HOME must not stand in for a module of ours.
COMMAND = [sys.executable, "manage.py"] if IS_CHECKOUT else [sys.executable, "-P", "-m", "turing"]
