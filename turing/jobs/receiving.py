"""Takes an upload from the network straight to the disk. Files are never in memory or anywhere else.

A browser sends a folder as files whose names contain their folders. Django's own parser would cut those off.
"""

from contextlib import suppress
from functools import partial
from typing import IO, Any

from django.conf import settings
from django.core.files.uploadhandler import FileUploadHandler, SkipFile
from django.http import HttpRequest
from django.http.multipartparser import MultiPartParser

from turing.jobs.uploads import Names, Upload, UploadError, disk_told

ARCHIVE_FIELD, FILES_FIELD, FOLDER_FIELD = "archive", "files", "folder"
SLOWEST = 64 * 1024  # bytes a second; slower senders are cut off


class Received:
    """A file in the upload's folder, for `request.FILES`."""

    def __init__(self, name: str, size: int) -> None:
        self.name, self.size = name, size

    def close(self) -> None:
        """Do nothing: Django closes every file of a request, and this one is closed already."""


class PathsKept(MultiPartParser):
    """Django's parser, but it keeps the folders in a file's name, which `Names` checks."""

    def sanitize_file_name(self, file_name: str) -> str | None:
        return file_name or None


class ToDisk(FileUploadHandler):
    """Writes each file into the upload's folder. Raises `UploadError` in the parser if the upload is refused."""

    chunk_size = 256 * 1024

    def __init__(self, request: HttpRequest, upload: Upload) -> None:
        super().__init__(request)
        self.upload = upload
        self.names = Names()
        self.bytes = 0
        self.stream: IO[bytes] | None = None

    def new_file(self, field_name: str, file_name: str, *args: Any, **kwargs: Any) -> None:
        super().new_file(field_name, file_name, *args, **kwargs)
        if field_name == ARCHIVE_FIELD:
            if self.upload.archive.exists():
                raise UploadError("Upload one zip at a time.")
            target = self.upload.archive
        elif field_name in (FILES_FIELD, FOLDER_FIELD):
            path = self.names.take(file_name)
            if path is None:
                raise SkipFile
            target = self.upload.files / path
        else:
            raise SkipFile
        with disk_told():
            try:
                target.parent.mkdir(parents=True, exist_ok=True)
                self.stream = target.open("xb")
            except (FileExistsError, NotADirectoryError) as error:  # a file where a folder should be
                raise UploadError(f"{file_name[-80:]!a} cannot be kept: {error.strerror}.") from None

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        assert self.stream is not None
        self.bytes += len(raw_data)
        if self.bytes > settings.UPLOAD_LIMIT:
            raise UploadError(f"More than the {settings.UPLOAD_LIMIT / 1e6:,.0f} MB that an upload may have.")
        with disk_told():
            self.stream.write(raw_data)

    def file_complete(self, file_size: int) -> Received:
        with disk_told():
            self.close()  # writes the rest
        return Received(self.file_name or "", file_size)

    def upload_interrupted(self) -> None:
        self.give_up()

    def give_up(self) -> None:
        """Close a file that will be deleted, and ignore errors of the disk."""
        with suppress(OSError):
            self.close()

    def close(self) -> None:
        stream, self.stream = self.stream, None
        if stream is not None:
            stream.close()


def receive(request: HttpRequest, upload: Upload) -> ToDisk:
    """Read the request's form, with its files into the upload's folder. Raises `UploadError`, also for a full disk."""
    length = int(request.META.get("CONTENT_LENGTH") or 0)
    if more_time := request.META.get("turing.more_time"):  # of turing/serving/server.py, which cuts slow connections
        more_time(length / SLOWEST)
    handler = ToDisk(request, upload)
    request.upload_handlers = [handler]
    request.parse_file_upload = partial(_parse, request)  # type: ignore[method-assign]
    try:
        _ = request.POST
    finally:
        handler.give_up()
    return handler


def _parse(request: HttpRequest, meta: dict[str, Any], stream: Any) -> tuple[Any, Any]:
    return PathsKept(meta, stream, request.upload_handlers, request.encoding).parse()
