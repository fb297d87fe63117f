"""Images in a bucket of an S3-compatible store. Needs the extra `s3`."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from django.core.files.base import ContentFile
from storages.backends.s3 import S3Storage

from turing.media import StoreUnavailableError

CONNECT_SECONDS, READ_SECONDS, ATTEMPTS = 3, 10, 3
_creating = threading.Lock()


class S3Media(S3Storage):
    """The S3 storage of django-storages, for small private files that many threads read.

    Every call is one request. Objects have no access list of their own. The bucket decides who may read them, and only
    this site may. No address of an object is ever given out.
    """

    file_overwrite = True
    default_acl = None
    _owner: int | None = None  # the process that made the connection

    def __init__(self, **settings):
        own_endpoint = settings.get("endpoint_url")
        # Other stores than Amazon's often support neither host names by bucket nor the newer checksums in trailers.
        checksums = "when_required" if own_endpoint else "when_supported"
        self.client_config = Config(
            signature_version="s3v4",
            s3={"addressing_style": "path" if own_endpoint else "auto"},
            connect_timeout=CONNECT_SECONDS,
            read_timeout=READ_SECONDS,
            retries={"total_max_attempts": ATTEMPTS, "mode": "standard"},
            max_pool_connections=32,
            request_checksum_calculation=checksums,
            response_checksum_validation=checksums,
        )
        super().__init__(**settings)

    @property
    def connection(self):
        """One connection for all threads of a process. One for each thread, as in the library, costs 12 MB each."""
        if self._owner != os.getpid():
            with _creating:
                if self._owner != os.getpid():
                    self._shared = self._create_session().resource(
                        "s3", region_name=self.region_name, endpoint_url=self.endpoint_url, config=self.client_config
                    )
                    self._owner = os.getpid()
        return self._shared

    def _key(self, name: str) -> dict[str, str]:
        return {"Bucket": self.bucket_name, "Key": self._normalize_name(name)}

    @property
    def _client(self):
        return self.connection.meta.client  # threads may share this, but not the library's objects

    def _head(self, name: str) -> dict:
        with _errors_of(name):
            return self._client.head_object(**self._key(name))

    def _open(self, name, mode="rb"):
        if mode != "rb":
            raise ValueError(f"{name}: files of the store are read whole and saved whole, not opened as {mode!r}.")
        with _errors_of(name):
            return ContentFile(self._client.get_object(**self._key(name))["Body"].read(), name=name)

    def _save(self, name, content):
        body = b"".join(content.chunks())
        with _errors_of(name):
            self._client.put_object(**self._key(name), Body=body, **self._get_write_parameters(name))
        return name

    def listdir(self, name):
        with _errors_of(name):
            return super().listdir(name)

    def delete(self, name):
        with _errors_of(name):
            self._client.delete_object(**self._key(name))

    def exists(self, name):
        try:
            self._head(name)
        except FileNotFoundError:
            return False
        return True

    def size(self, name):
        return self._head(name)["ContentLength"]

    def get_modified_time(self, name):
        return self._head(name)["LastModified"]


@contextmanager
def _errors_of(name: str) -> Iterator[None]:
    """Raise the store's errors as errors of files, which the rest of the site handles."""
    try:
        yield
    except ClientError as error:
        missing = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode") == 404
        if missing and error.response["Error"]["Code"] != "NoSuchBucket":
            raise FileNotFoundError(2, "No such file in the store", name) from error
        raise StoreUnavailableError(5, f"The store refuses: {error}", name) from error
    except BotoCoreError as error:
        raise StoreUnavailableError(5, f"The store does not answer: {error}", name) from error
