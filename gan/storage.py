"""Where image files lie: one storage, named by content, so that no name tells what an image is."""

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from gan.images import sha256


def content_name(content: bytes, suffix: str) -> str:
    """Storage name of the bytes, such as `images/3f/3fa9….png`."""
    digest = sha256(content)
    return f"images/{digest[:2]}/{digest}{suffix}"


def save_content(content: bytes, suffix: str) -> str:
    """Store the bytes under their own hash and return the name; bytes already there are not written again."""
    name = content_name(content, suffix)
    if not default_storage.exists(name) or default_storage.size(name) != len(content):
        default_storage.delete(name)
        name = default_storage.save(name, ContentFile(content))
    return name
