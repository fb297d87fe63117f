"""Good files in a stranger's zip are unpacked. Everything else is refused before anything is written."""

import io
import os
import stat
import struct
import time
import zipfile

import pytest

from turing.jobs import queue, uploads
from turing.jobs.uploads import Upload, UploadError, checked_path, new_upload, root_of
from turing.jobs.zips import check_zip, unpack


def zipped(files: dict[str, bytes] | list[tuple[str, bytes]], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", method) as archive:
        for name, data in files.items() if isinstance(files, dict) else files:
            archive.writestr(name, data)
    return content.getvalue()


@pytest.fixture
def upload(settings, tmp_path):
    """Makes an upload whose zip has these bytes."""
    settings.UPLOADS_ROOT = tmp_path / "uploads"

    def make(content: bytes) -> Upload:
        made = new_upload()
        made.archive.write_bytes(content)
        return made

    return make


def refused(upload: Upload, why: str) -> None:
    with pytest.raises(UploadError, match=why):
        unpack(upload)
    assert not upload.files.exists()
    assert not (upload.folder / "part").exists()
    assert [path.name for path in upload.folder.iterdir()] == ["archive.zip"]


def unpacked(upload: Upload) -> dict[str, bytes]:
    folder = unpack(upload)
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_200_images_in_folders_are_unpacked_and_the_zip_is_gone(upload):
    files = {f"export/images/{index:03d}.JPG": bytes([index]) * 100 for index in range(199)}
    files["export/metadata.csv"] = b"isic_id\n"
    one = upload(zipped(files))
    assert unpacked(one) == files
    assert not one.archive.exists()
    assert root_of(one.files) == one.files / "export"
    assert unpacked(one) == files, "a second time, too"


def test_what_programs_keep_for_themselves_and_what_is_no_image_is_left_out(upload):
    kept = {"a.png": b"1", "b/c.png": b"2"}
    rest = {"__MACOSX/._a.png": b"x", ".DS_Store": b"x", "b/.hidden/c.png": b"x", "run.exe": b"x", "LICENSE": b"x"}
    assert unpacked(upload(zipped(kept | rest))) == kept


def test_a_name_with_other_slashes_and_letters_stays_below_the_folder(upload):
    assert set(unpacked(upload(zipped({"ordner\\bild ä.png": b"1"})))) == {"ordner/bild ä.png"}


@pytest.mark.parametrize("name", ["../a.png", "a/../../b.png", "/etc/a.png", "C:\\a.png", "\\\\host\\a.png"])
def test_names_that_lead_out_are_refused(upload, name):
    refused(upload(zipped({"good.png": b"1", name: b"2"})), r"must not (lead out|begin with)")


@pytest.mark.parametrize("name", ["a/" * 20 + "b.png", "x" * 250 + ".png", "new\nline.png"])
def test_names_that_no_file_should_have_are_refused(upload, name):
    refused(upload(zipped({name: b"1"})), "this name|No file|no file")


def test_names_alone_decide():
    assert checked_path("./a//b.png").as_posix() == "a/b.png"
    assert checked_path("a/.b/c.png") is None
    with pytest.raises(UploadError):
        checked_path("")


def special(name: str, mode: int) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name)
    entry.create_system, entry.external_attr = 3, mode << 16
    return entry


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR])
def test_links_and_devices_are_refused(upload, kind):
    refused(upload(zipped([("good.png", b"1"), (special("a.png", kind | 0o777), b"/etc/passwd")])), "link or a device")


def test_encrypted_entries_are_refused(upload):
    content = bytearray(zipped({"a.png": b"1"}))
    content[content.find(b"PK\x03\x04") + 6] |= 1
    content[content.find(b"PK\x01\x02") + 8] |= 1
    refused(upload(bytes(content)), "encrypted")


@pytest.mark.parametrize("name", ["inner.zip", "a/inner.tar.gz", "X.7Z"])
def test_archives_in_archives_are_refused(upload, name):
    refused(upload(zipped({"a.png": b"1", name: b"2"})), "contains an archive")


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("twin", ["a/b.png", "A/B.PNG", "a//b.png"])
def test_two_files_of_one_name_are_refused(upload, twin):
    refused(upload(zipped([("a/b.png", b"1"), (twin, b"2")])), "two files have this name")


def test_a_file_in_the_place_of_a_folder_is_refused(upload):
    refused(upload(zipped({"a.png": b"1", "a.png/b.png": b"2"})), "cannot be unpacked")


@pytest.mark.parametrize("cut", [1, 22, 100, 0.5])
def test_a_zip_that_was_cut_off_is_refused(upload, cut):
    content = zipped({f"{index}.png": bytes(50) for index in range(9)}, zipfile.ZIP_STORED)
    kept = int(len(content) * cut) if cut < 1 else len(content) - cut
    refused(upload(content[:kept]), "damaged or cut off")


@pytest.mark.parametrize("content", [b"", b"PK", b"\x89PNG" + bytes(5000), b"PK\x05\x06" + b"\xff" * 18])
def test_what_is_no_zip_is_refused(upload, content):
    refused(upload(content), "damaged or cut off|more than")


def test_an_empty_zip_and_one_without_images_are_refused(upload):
    refused(upload(zipped({})), "no image and no table")
    refused(upload(zipped({"folder/": b"", "run.exe": b"x"})), "no image and no table")


def test_damage_inside_a_file_is_found_and_nothing_of_the_zip_stays(upload):
    content = bytearray(zipped({"a.png": b"1" * 50, "b.png": b"2" * 50}, zipfile.ZIP_STORED))
    content[content.find(b"2" * 50)] ^= 1
    refused(upload(bytes(content)), "'b.png' is damaged")


def test_a_bomb_is_refused_by_its_ratio(upload):
    refused(upload(zipped({"a.png": bytes(30_000_000)})), "times its size")


def test_a_bomb_is_refused_by_its_size(upload, settings):
    settings.UPLOAD_LIMIT = 1_000_000
    refused(upload(zipped({"a.png": bytes(600_000), "b.png": bytes(600_000)})), "unpacks to 1 MB")


def test_a_bomb_that_lies_about_its_size_is_stopped(upload):
    content = bytearray(zipped({"a.png": bytes(20_000_000)}))
    for mark, at in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        struct.pack_into("<I", content, content.find(mark) + at, 100)
    one = upload(bytes(content))
    refused(one, "is damaged")


def test_entries_that_overlap_are_refused(upload):
    content = bytearray(zipped({"a.png": b"1" * 3000, "b.png": b"2" * 3000}, zipfile.ZIP_STORED))
    first, second = (i for i in range(len(content)) if content.startswith(b"PK\x01\x02", i))
    for at in (first, second):
        struct.pack_into("<II", content, at + 20, 6000, 6000)
    refused(upload(bytes(content)), "overlap")


def test_too_many_files_are_refused(upload, settings):
    settings.UPLOAD_FILES = 10
    refused(upload(zipped({f"{index}.png": b"1" for index in range(11)})), "More than the 10 files")
    assert len(check_zip(upload(zipped({f"{index}.png": b"1" for index in range(10)})).archive)) == 10


def test_a_directory_of_millions_is_refused_before_it_is_read(upload, settings, monkeypatch):
    settings.UPLOAD_FILES = 10
    content = zipped({f"{index}.png": b"1" for index in range(100)})
    monkeypatch.setattr(zipfile, "ZipFile", None)
    refused(upload(content), "more than the 10 files")


def with_64_bit_end(content: bytes, entries: int | None = None, moved: int = 0) -> bytes:
    """The zip with an additional 64-bit end that says the same, or claims this number of entries."""
    at = content.rfind(b"PK\x05\x06")
    said, _, size, start = struct.unpack_from("<HHII", content, at + 8)
    count = said if entries is None else entries
    record = b"PK\x06\x06" + struct.pack("<QHHIIQQQQ", 44, 45, 45, 0, 0, count, count, size, start)
    return content[:at] + record + b"PK\x06\x07" + struct.pack("<IQI", 0, at + moved, 1) + content[at:]


def saying(content: bytes, entries: int) -> bytes:
    """The zip with a 32-bit end that claims this number of entries."""
    changed = bytearray(content)
    struct.pack_into("<HH", changed, changed.rfind(b"PK\x05\x06") + 8, entries, entries)
    return bytes(changed)


def test_a_64_bit_end_that_says_something_else_is_refused_before_the_directory_is_read(upload, monkeypatch):
    content = zipped({f"{index}.png": b"1" for index in range(100)})
    assert len(unpacked(upload(with_64_bit_end(content)))) == 100
    assert len(unpacked(upload(saying(with_64_bit_end(content), 0xFFFF)))) == 100
    monkeypatch.setattr(zipfile, "ZipFile", None)
    refused(upload(saying(with_64_bit_end(content), 1)), "contradicts itself")
    refused(upload(with_64_bit_end(content, 1_000_000)), "contradicts itself")
    refused(upload(saying(with_64_bit_end(content, 1_000_000), 0xFFFF)), "more than the 20,000 files")
    refused(upload(with_64_bit_end(content, moved=-4)), "damaged or cut off")


def test_more_entries_than_the_end_says_are_refused_before_the_directory_is_read(upload, settings, monkeypatch):
    settings.UPLOAD_FILES = 10
    few, many = (saying(zipped({f"{index}.png": b"1" for index in range(count)}), 1) for count in (9, 41))
    monkeypatch.setattr(zipfile, "ZipFile", None)
    refused(upload(many), "more than the 10 files")
    refused(upload(few), "damaged or cut off")


def test_a_directory_of_many_bytes_is_refused_before_it_is_read(upload, settings, monkeypatch):
    settings.UPLOAD_FILES = 1
    entry = special("a.png", stat.S_IFREG)
    entry.comment = b"x" * 5000
    content = zipped([(entry, b"1")])
    monkeypatch.setattr(zipfile, "ZipFile", None)
    refused(upload(content), "more than the 1 files")


def test_a_long_comment_after_a_64_bit_end_is_read_over(upload):
    content = bytearray(with_64_bit_end(zipped({"a.png": b"1"})))
    struct.pack_into("<H", content, len(content) - 2, 65535)
    assert set(unpacked(upload(bytes(content) + b"x" * 65535))) == {"a.png"}


def test_a_disk_without_room_is_told(upload, settings):
    settings.MIN_FREE_MB = 2**40
    refused(upload(zipped({"a.png": b"1"})), "too little room")


def test_a_folder_with_images_alone_keeps_its_name(tmp_path):
    (tmp_path / "melanoma").mkdir()
    (tmp_path / "melanoma/a.png").touch()
    assert root_of(tmp_path) == tmp_path
    (tmp_path / "melanoma/metadata.csv").touch()
    assert root_of(tmp_path) == tmp_path / "melanoma"


def test_what_nobody_imported_is_removed_after_days(db, upload, researcher):
    old, waiting, new = (upload(zipped({"a.png": b"1"})) for _ in range(3))
    queue.start("check", {"upload": waiting.key}, researcher)
    for one in (old, waiting):
        os.utime(one.folder, (time.time() - 3 * 86400,) * 2)
    assert uploads.remove_expired() == 1
    assert [one.is_there for one in (old, waiting, new)] == [False, True, True]
