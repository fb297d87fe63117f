"""A file that is not a sound backup of this site is refused in one line before anything changes."""

import hashlib
import io
import json
import sqlite3
import tarfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import dj_database_url
import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.utils import ConnectionHandler

from gan.models import LesionImage
from tests.servers import database_url
from tests.turing.backup.conftest import backup, files, rows


def members_of(path: Path) -> list[tuple[tarfile.TarInfo, bytes]]:
    with tarfile.open(path) as tar:
        return [(member, tar.extractfile(member).read()) for member in tar]


def rewritten(path: Path, members: list[tuple[tarfile.TarInfo, bytes]]) -> None:
    with tarfile.open(path, "w") as tar:
        for member, content in members:
            if member.isreg():
                member.size = len(content)
            tar.addfile(member, io.BytesIO(content))


def with_manifest(path: Path, change: Callable[[dict], None]) -> None:
    """The backup with another manifest and matching checksums."""
    members = members_of(path)
    manifest = json.loads(members[0][1])
    old = hashlib.sha256(members[0][1]).hexdigest()
    change(manifest)
    content = json.dumps(manifest).encode()
    new = hashlib.sha256(content).hexdigest()
    members[0] = (members[0][0], content)
    members[-1] = (members[-1][0], members[-1][1].replace(old.encode(), new.encode()))
    rewritten(path, members)


def flip(path: Path, position: int) -> None:
    content = bytearray(path.read_bytes())
    content[position] ^= 1
    path.write_bytes(content)


def flipped(name: str, offset: int) -> Callable[[Path], None]:
    def damage(path: Path) -> None:
        with tarfile.open(path) as tar:
            member = next(one for one in tar if one.name.startswith(name))
        flip(path, member.offset + offset)

    return damage


def cut_off_in(name: str, offset: int) -> Callable[[Path], None]:
    def damage(path: Path) -> None:
        with tarfile.open(path) as tar:
            member = next(one for one in tar if one.name.startswith(name))
        path.write_bytes(path.read_bytes()[: member.offset + offset])

    return damage


def added(name: str, kind: bytes = tarfile.REGTYPE, content: bytes = b"x", before_end: bool = True, **fields):
    """The backup with one more member before or after the list of checksums."""

    def damage(path: Path) -> None:
        member = tarfile.TarInfo(name)
        member.type = kind
        for field, value in fields.items():
            setattr(member, field, value)
        members = members_of(path)
        members.insert(len(members) - before_end, (member, content))
        rewritten(path, members)

    return damage


def without(name: str) -> Callable[[Path], None]:
    return lambda path: rewritten(path, [one for one in members_of(path) if not one[0].name.startswith(name)])


def long_header(path: Path) -> None:
    """A header that claims a name of 8 GB, which would fill the memory if it were read."""
    member = tarfile.TarInfo("././@LongLink")
    member.type, member.size = tarfile.GNUTYPE_LONGNAME, 8 << 30
    path.write_bytes(member.tobuf(tarfile.GNU_FORMAT) + path.read_bytes())


def sparse(path: Path) -> None:
    """A few bytes that claim to be a terabyte of zeros."""
    member = tarfile.TarInfo("media/bomb.png")
    member.pax_headers = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.realsize": str(1 << 40)}
    content = b"1\n0\n512\n".ljust(1024, b"\0")
    member.size = len(content)
    old = path.read_bytes()
    path.write_bytes(member.tobuf(tarfile.PAX_FORMAT) + content + old)


DAMAGES = {
    "a flipped byte in the database": flipped("database", 512 + 300),
    "a flipped byte in an image": flipped("media/", 512 + 10),
    "a flipped byte in a header": flipped("media/", 20),
    "a flipped byte in the manifest": flipped("manifest", 512 + 40),
    "a flipped byte in the checksums": flipped("SHA256SUMS", 512 + 70),
    "cut off in the middle": cut_off_in("media/", 512 + 100),
    "cut off in a header": cut_off_in("media/", 100),
    "cut off before the checksums": cut_off_in("SHA256SUMS", 0),
    "cut off in the checksums": cut_off_in("SHA256SUMS", 512 + 100),
    "empty": cut_off_in("manifest", 0),
    "not an archive": lambda path: path.write_bytes(b"\x89PNG" * 5000),
    "an image lost": without("media/"),
    "no manifest": without("manifest"),
    "no checksums": without("SHA256SUMS"),
    "no database": without("database"),
    "a path to elsewhere": added("media/../../escaped"),
    "an absolute path": added("/tmp/escaped"),
    "a path of another system": added("media/..\\escaped"),
    "a file of no kind": added("escaped"),
    "an image not listed": added("media/extra.png"),
    "a file after the end": added("media/extra.png", before_end=False),
    "a link": added("media/link", tarfile.SYMTYPE, b"", linkname="/etc/passwd"),
    "a hard link": added("media/link", tarfile.LNKTYPE, b"", linkname="manifest.json"),
    "a device": added("media/device", tarfile.CHRTYPE, b"", devmajor=1, devminor=3),
    "a pipe": added("media/pipe", tarfile.FIFOTYPE, b""),
    "a folder": added("media/folder", tarfile.DIRTYPE, b""),
    "a second database": added("database.sqlite3"),
    "a second manifest": added("manifest.json"),
    "a line break in a name": added("media/a\nb"),
    "an endless header": long_header,
    "a sparse bomb": sparse,
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
def test_a_damaged_or_hostile_file_changes_nothing(small_site, tmp_path, damage):
    path = tmp_path / "backups" / "site.tar"
    path.parent.mkdir()
    backup(path)
    damage(path)
    before = rows(), files(small_site), files(tmp_path)
    with pytest.raises(CommandError) as refusal:
        call_command("restore", str(path), force=True)
    assert "\n" not in str(refusal.value)
    assert str(path) in str(refusal.value)
    assert (rows(), files(small_site), files(tmp_path)) == before
    assert sorted(one.name for one in small_site.iterdir() if ".restoring" in one.name) == []


def of_newer_version(manifest: dict) -> None:
    manifest["migrations"].append(["turing", "9999_from_the_future"])


def of_other_vendor(manifest: dict) -> None:
    manifest["database"]["vendor"] = {"sqlite": "postgresql", "postgresql": "sqlite"}[manifest["database"]["vendor"]]


def of_newer_format(manifest: dict) -> None:
    manifest["format"] = 2


@pytest.mark.parametrize(
    ("change", "message"),
    [(of_newer_version, "newer version.*9999_from_the_future"), (of_newer_format, "newer version")],
)
def test_a_backup_of_a_newer_version_is_refused(small_site, tmp_path, change, message):
    backup(tmp_path / "site.tar")
    with_manifest(tmp_path / "site.tar", change)
    before = rows()
    with pytest.raises(CommandError, match=message):
        call_command("restore", str(tmp_path / "site.tar"), force=True)
    assert rows() == before


def test_a_backup_of_another_kind_of_database_is_refused(small_site, tmp_path):
    path = tmp_path / "site.tar"
    backup(path)
    names = {"sqlite": "database.sqlite3", "postgresql": "database.dump"}
    ours = names.pop(connection.vendor)
    (theirs,) = names.values()
    members = members_of(path)
    members[1][0].name = theirs
    members[-1] = (members[-1][0], members[-1][1].replace(ours.encode(), theirs.encode()))
    rewritten(path, members)
    with_manifest(path, of_other_vendor)
    before = rows()
    with pytest.raises(CommandError, match=r"it was made on .* the site's database is"):
        call_command("restore", str(path), force=True)
    assert rows() == before


def test_a_database_that_is_not_empty_is_replaced_with_force_alone(small_site, tmp_path):
    backup(tmp_path / "site.tar")
    LesionImage.objects.filter(isic_id="I0").delete()
    with pytest.raises(CommandError, match="not empty"):
        call_command("restore", str(tmp_path / "site.tar"))
    assert LesionImage.objects.count() == 2
    call_command("restore", str(tmp_path / "site.tar"), force=True)
    assert LesionImage.objects.count() == 3


def test_a_database_in_use_is_not_replaced(small_site, tmp_path):
    backup(tmp_path / "site.tar")
    other = ConnectionHandler({"default": dj_database_url.parse(database_url())})["default"]
    with closing(other), other.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM turing_user")
        with pytest.raises(CommandError, match="Stop the site"):
            call_command("restore", str(tmp_path / "site.tar"), force=True)
    call_command("restore", str(tmp_path / "site.tar"), force=True)


@pytest.mark.parametrize("place", ["start", "end"])
def test_a_database_that_is_no_sound_one_is_not_put_in_place(small_site, tmp_path, place):
    """The checksums match, because the database was damaged before the backup."""
    path = tmp_path / "site.tar"
    backup(path)
    members = members_of(path)
    content = bytearray(members[1][1])
    # The last rows of a dump; of SQLite some pages, since the last may be an unused one.
    tail = 200 if connection.vendor == "postgresql" else len(content) // 10
    part = slice(0, 16) if place == "start" else slice(len(content) - tail, len(content))
    content[part] = b"\xa5" * len(content[part])
    old, new = (hashlib.sha256(one).hexdigest() for one in (members[1][1], bytes(content)))
    members[1] = (members[1][0], bytes(content))
    members[-1] = (members[-1][0], members[-1][1].replace(old.encode(), new.encode()))
    rewritten(path, members)
    before = rows(), files(small_site)
    seen_early = connection.vendor == "sqlite" or place == "start"
    message = "the database in the backup is damaged" if seen_early else "pg_restore failed"
    with pytest.raises(CommandError, match=message):
        call_command("restore", str(path), force=True)
    assert (rows(), files(small_site)) == before
    with connection.cursor() as cursor:  # what was moved aside is back
        assert (
            connection.vendor == "sqlite"
            or not cursor.execute("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'before_restore%%'").fetchall()
        )


def test_a_present_database_that_is_damaged_is_told_with_what_to_do(elsewhere, small_site, tmp_path):
    backup(tmp_path / "site.tar")
    elsewhere.data.mkdir()
    if connection.vendor == "sqlite":
        (elsewhere.data / "db.sqlite3").write_bytes(b"no database" * 1000)
        message = "move its file away"
    else:
        elsewhere = type(elsewhere)(elsewhere.url + "-not", elsewhere.data)
        message = "does not exist"
    done = elsewhere.manage("restore", str(tmp_path / "site.tar"))
    assert done.returncode == 1
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_without_pg_dump_the_message_says_what_to_install(small_site, tmp_path, monkeypatch):
    if connection.vendor == "sqlite":
        assert sqlite3.sqlite_version_info >= (3, 27)  # VACUUM INTO: nothing else is needed
        return
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CommandError, match=r"pg_dump is not installed.*postgresql-client"):
        backup(tmp_path / "site.tar")
