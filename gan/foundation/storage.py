"""Where image files lie: one storage, named by content, so that no name tells what an image is."""

import hashlib

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage


def content_name(content: bytes, suffix: str) -> str:
    """Storage name of the bytes, such as `images/3f/3fa9….png`."""
    digest = hashlib.sha256(content).hexdigest()
    return f"images/{digest[:2]}/{digest}{suffix}"


def save_content(content: bytes, suffix: str) -> str:
    """Store the bytes under their own hash and return the name; bytes already there are not written again."""
    name = content_name(content, suffix)
    return name if _stored_length(name) == len(content) else default_storage.save(name, ContentFile(content))


def _stored_length(name: str) -> int | None:
    """Bytes under the name, in one request of a remote store; None where there is nothing."""
    try:
        return default_storage.size(name)
    except FileNotFoundError:
        return None
