"""The command line: `manage.py` in a checkout, `lesion-turing` or `python -m turing` in an installed package."""

import os
import sys
from pathlib import Path

from turing import places

# Packages of the extra `train`. An installation that only serves the site does not have them.
TRAINING = {"efficientnet_lite_pytorch", "safetensors", "torch", "torchmetrics"}


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "turing.settings")
    name = Path(sys.argv[0]).name
    if name == "__main__.py":  # python -m turing
        name = sys.argv[0] = "lesion-turing"
    if sys.argv[1:2] == ["serve"]:
        serve(sys.argv[2:])
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line

    try:
        execute_from_command_line(sys.argv)
    except ModuleNotFoundError as error:
        if error.name not in TRAINING:
            raise
        package = "." if places.IS_CHECKOUT else "lesion-turing"
        sys.exit(
            f"This command needs the package {error.name}, which the site itself does not need. Install it: pip "
            f"install '{package}[train]'"
        )
    except ImproperlyConfigured as error:
        sys.exit(f"{name}: {' '.join(str(error).split())}")
    except KeyboardInterrupt:
        sys.exit(f"{name}: interrupted")


def serve(options: list[str]) -> None:
    """Replace this process by gunicorn with the site's settings; `options` go to gunicorn."""
    settings = ["--chdir", str(places.HOME), "--config", str(places.BESIDE / "gunicorn.conf.py")]
    os.execv(sys.executable, [sys.executable, "-m", "gunicorn", *settings, *options, "turing.wsgi"])


if __name__ == "__main__":
    main()
