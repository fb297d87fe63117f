"""Removes the files of deleted images."""

import logging
from collections.abc import Sequence

from django.core.files.storage import default_storage
from django.db import OperationalError, transaction

from gan.foundation.storage import lock_files
from gan.models.generated import GeneratedImage
from gan.models.images import LesionImage

logger = logging.getLogger(__name__)
AT_ONCE = 50  # files that are removed in one transaction, for which imports wait


def remove_unused_files(names: Sequence[str]) -> None:
    """Delete files that no image uses. Equal bytes are one file. What cannot be deleted now stays there unused."""
    for start in range(0, len(names), AT_ONCE):
        part = names[start : start + AT_ONCE]
        try:
            with transaction.atomic():
                _remove(set(part))
        except OperationalError as error:  # an import holds the lock for long
            logger.warning("%s files, from %s on, are left in the store: %s", len(part), part[0], error)


def _remove(names: set[str]) -> None:
    lock_files()  # an import may be about to commit images with these files
    for model in (LesionImage, GeneratedImage):
        names -= set(model._default_manager.filter(file__in=names).values_list("file", flat=True))
    for name in names:
        try:
            default_storage.delete(name)
        except OSError as error:
            logger.warning("%s is left in the store: %s", name, error)
