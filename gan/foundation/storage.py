"""Stores image files by content, so that no name reveals what an image is."""

import hashlib

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage


def content_name(content: bytes, suffix: str) -> str:
    """Storage name of the bytes, such as `images/3f/3fa9….png`."""
    digest = hashlib.sha256(content).hexdigest()
    return f"images/{digest[:2]}/{digest}{suffix}"


def save_content(content: bytes, suffix: str) -> str:
    """Store the bytes under their hash, and return the name. Bytes that are there already are not written again."""
    name = content_name(content, suffix)
    return name if _stored_length(name) == len(content) else default_storage.save(name, ContentFile(content))


def _stored_length(name: str) -> int | None:
    """The number of bytes under the name, in one request to a remote store; None if there is no such file."""
    try:
        return default_storage.size(name)
    except FileNotFoundError:
        return None
