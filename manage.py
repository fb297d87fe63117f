#!/usr/bin/env python
"""Command-line entry point of the project."""

import os
import sys

# Packages of the extra `train`: an installation that only serves the site has none of them.
TRAINING = {"efficientnet_lite_pytorch", "safetensors", "torch", "torchmetrics"}


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "turing.settings")
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line

    try:
        execute_from_command_line(sys.argv)
    except ModuleNotFoundError as error:
        if error.name not in TRAINING:
            raise
        sys.exit(f"This command needs {error.name}, which the site alone does not: pip install '.[train]'")
    except ImproperlyConfigured as error:
        sys.exit(f"manage.py: {' '.join(str(error).split())}")
    except KeyboardInterrupt:
        sys.exit("manage.py: interrupted")


if __name__ == "__main__":
    main()
