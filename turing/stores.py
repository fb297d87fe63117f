"""The stores of images and of the cache, as the environment chooses them. `settings.py` reads this module."""

import hashlib
from importlib.util import find_spec
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

from turing import environment


def media() -> dict:
    """The storage of images, for Django's STORAGES."""
    if environment.choice("MEDIA_STORE", ("file", "s3")) == "file":
        return {"BACKEND": "turing.media.folder.FolderMedia"}
    _need("storages", "MEDIA_STORE", "s3")
    bucket = environment.text("S3_BUCKET")
    key, secret = environment.text("AWS_ACCESS_KEY_ID"), environment.secret("AWS_SECRET_ACCESS_KEY")
    if not bucket:
        raise ImproperlyConfigured("The environment variable S3_BUCKET is empty; MEDIA_STORE=s3 needs a bucket.")
    if bool(key) != bool(secret):
        raise ImproperlyConfigured(
            "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (or its _FILE) belong together: set both, or neither."
        )
    return {
        "BACKEND": "turing.media.s3.S3Media",
        "OPTIONS": {
            "bucket_name": bucket,
            "endpoint_url": environment.text("S3_ENDPOINT") or None,
            "region_name": environment.text("S3_REGION") or None,
            "access_key": key or None,
            "secret_key": secret or None,
        },
    }


def cache(code: Path) -> dict:
    """The cache, for Django's CACHES. `code` is the folder of the site's code."""
    address = environment.secret("CACHE_URL")
    if not address:
        return {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
    if not address.startswith(("redis://", "rediss://")):
        # Do not show the address itself, because it may contain a password.
        raise ImproperlyConfigured("The environment variable CACHE_URL must begin with redis:// or rediss://.")
    _need("redis", "CACHE_URL", "redis")
    return {
        "BACKEND": "turing.caching.OptionalRedisCache",
        "LOCATION": address,
        "KEY_PREFIX": _fingerprint(code / "turing"),
        "OPTIONS": {"socket_connect_timeout": 1, "socket_timeout": 2},
    }


def _fingerprint(folder: Path) -> str:
    """A value that changes with the code, because cached analyses must not outlive the code that made them."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def _need(package: str, variable: str, extra: str) -> None:
    if find_spec(package) is None:
        raise ImproperlyConfigured(
            f"The environment variable {variable} needs a package that is not installed. Install it: pip install "
            f"'.[{extra}]'."
        )
