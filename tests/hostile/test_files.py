"""Files with any name and of any kind are read, walked over or written, or refused with a reason."""

import os
import resource
import socket
from pathlib import Path

import pytest

from console import UserError
from files import check_folder, check_writable, new_file, read_file, shown, walk, write_file

SUFFIXES = (".png",)


@pytest.fixture
def zoo(tmp_path, monkeypatch) -> Path:
    """A folder with one plain image, and everything else that can be called an image file."""
    folder = tmp_path / "zoo"
    for name in ("dir.png", ".ipynb_checkpoints", "__MACOSX"):
        (folder / name).mkdir(parents=True)
        (folder / name / "inner.png").write_bytes(b"x")
    (folder / "plain.png").write_bytes(b"x")
    (folder / "._plain.png").write_bytes(b"x")
    (folder / "Thumbs.db").write_bytes(b"x")
    (tmp_path / "secret.png").write_bytes(b"x")
    (folder / "out.png").symlink_to(tmp_path / "secret.png")
    (folder / "within.png").symlink_to("plain.png")
    (folder / "dangling.png").symlink_to("nowhere.png")
    (folder / "loop.png").symlink_to("loop.png")
    (folder / "folder.png").symlink_to("dir.png")
    (folder / "up").symlink_to("..")
    (folder / "zero.png").symlink_to("/dev/zero")
    os.mkfifo(folder / "fifo.png")
    monkeypatch.chdir(folder)  # a socket's path is short
    with socket.socket(socket.AF_UNIX) as one:
        one.bind("socket.png")
    return folder


def test_a_walk_takes_plain_files_and_says_why_it_leaves_out_the_others(zoo):
    found = walk(zoo, SUFFIXES, links_out=False)
    assert [str(path.relative_to(zoo)) for path in found.files] == ["dir.png/inner.png", "plain.png", "within.png"]
    reasons = {path.name: reason for path, reason in found.left_out}
    assert reasons.keys() == {"out.png", "dangling.png", "loop.png", "zero.png", "fifo.png", "socket.png"}
    assert reasons["out.png"] == "a link that leads out of the folder"
    assert all("leads nowhere" in reasons[name] for name in ("dangling.png", "loop.png"))
    assert all("not a file" in reasons[name] for name in ("zero.png", "fifo.png", "socket.png"))


def test_a_walk_follows_a_link_out_of_a_folder_of_ones_own(zoo):
    assert zoo / "out.png" in walk(zoo, SUFFIXES).files


def test_a_walk_into_folders_deeper_than_a_path_can_be_long_says_where_it_stopped(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for _ in range(200):
        os.mkdir("d" * 30)  # noqa: PTH102, a path of all of them would be too long
        os.chdir("d" * 30)
    Path("deep.png").write_bytes(b"x")
    found = walk(tmp_path, SUFFIXES)
    os.chdir(tmp_path)
    assert not found.files
    assert "too long" in found.left_out[0][1]


def test_names_that_are_no_utf8_or_hold_control_characters_can_be_shown(tmp_path):
    for name in (b"bad\xff\xfe.png", b"new\nline.png", b"esc\x1b[31m.png"):
        (tmp_path / os.fsdecode(name)).write_bytes(b"x")
    names = [shown(path.name) for path in walk(tmp_path, SUFFIXES).files]
    assert sorted(names) == ["bad\\xff\\xfe.png", "esc\\x1b[31m.png", "new\\nline.png"]


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("fifo.png", "pipe or a device"),
        ("zero.png", "pipe or a device"),
        ("dir.png", "Is a directory"),
        ("loop.png", "symbolic links"),
        ("dangling.png", "No such file"),
        ("x" * 5000, "too long"),
        ("a\0b", "no file can have this name"),
    ],
)
def test_what_is_no_file_is_not_read_and_does_not_block(zoo, name, reason):
    with pytest.raises(UserError, match=reason):
        read_file(zoo / name, 100)


def test_a_file_of_a_gigabyte_is_refused_before_it_is_read(tmp_path):
    with (tmp_path / "sparse").open("wb") as stream:
        stream.truncate(1 << 30)
    with pytest.raises(UserError, match="1,073,741,824 bytes, at most 100"):
        read_file(tmp_path / "sparse", 100)
    with pytest.raises(UserError, match="more than the 1,000 bytes"):
        read_file(Path("/dev/zero"), 1000, pipes=True)


def test_a_file_that_is_written_takes_its_place_at_once_and_keeps_links_and_rights(tmp_path):
    (tmp_path / "real.csv").write_bytes(b"before")
    (tmp_path / "real.csv").chmod(0o640)
    (tmp_path / "link.csv").symlink_to("real.csv")
    write_file(tmp_path / "link.csv", b"after")
    assert (tmp_path / "link.csv").is_symlink()
    assert (tmp_path / "real.csv").read_bytes() == b"after"
    assert (tmp_path / "real.csv").stat().st_mode & 0o777 == 0o640
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link.csv", "real.csv"]


def test_a_device_is_written_to_and_never_replaced(tmp_path):
    """The device is a link, so that a fault would replace the link and not the machine's device."""
    for name, device in (("null", "/dev/null"), ("full", "/dev/full")):
        (tmp_path / name).symlink_to(device)
    write_file(tmp_path / "null", b"x")
    with pytest.raises(UserError, match=r"full: No space left on device"):
        write_file(tmp_path / "full", b"x")
    assert (tmp_path / "null").is_char_device()
    assert (tmp_path / "full").is_char_device()


def test_a_pipe_is_written_to_by_the_name_that_a_shell_gives_it(tmp_path):
    """`>(…)` and /dev/stdout resolve to a name such as /proc/7/fd/pipe:[9], which does not exist."""
    reading, writing = os.pipe()
    path = Path(f"/dev/fd/{writing}")
    check_writable(path, "--output")
    write_file(path, b"through")
    os.close(writing)
    with open(reading, "rb") as stream:
        assert stream.read() == b"through"


def test_a_file_is_as_before_when_its_content_cannot_be_made_and_the_reason_is_not_about_it(tmp_path):
    (tmp_path / "a.zip").write_bytes(b"before")

    def write():
        with new_file(tmp_path / "a.zip") as stream:
            stream.write(b"half")
            raise FileNotFoundError(2, "No such file or directory", "source.png")

    with pytest.raises(FileNotFoundError, match=r"source\.png"):
        write()
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("a.zip", b"before")]


def test_a_full_disk_is_told_with_the_file_that_was_to_be_written(tmp_path):
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    (tmp_path / "a.zip").write_bytes(b"before")

    def write():
        with new_file(tmp_path / "a.zip") as stream:
            for _ in range(20):
                stream.write(bytes(10_000))

    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
    try:
        with pytest.raises(UserError, match=r"a\.zip: File too large; what was there"):
            write()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("a.zip", b"before")]


@pytest.mark.parametrize("name", ["", "file/below", "x" * 300, "loop", "a\0b"])
def test_where_nothing_can_be_written_is_told_before_the_work_and_after(tmp_path, name):
    (tmp_path / "file").write_bytes(b"kept")
    (tmp_path / "loop").symlink_to("loop")
    for attempt in (lambda path: write_file(path, b"x"), lambda path: check_writable(path, "--output")):
        with pytest.raises(UserError):
            attempt(tmp_path / name)
    assert (tmp_path / "file").read_bytes() == b"kept"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "loop"]


def test_a_parent_that_is_missing_is_made_and_one_that_is_a_file_is_refused(tmp_path):
    (tmp_path / "file").write_bytes(b"x")
    check_writable(tmp_path / "new/folder/report.csv", "--report", new_folders=True)
    with pytest.raises(UserError, match=r"--report .*report\.csv: No such file or directory: .*new/folder"):
        check_writable(tmp_path / "new/folder/report.csv", "--report")
    check_folder(tmp_path / "new/folder", "--output")
    assert not (tmp_path / "new").exists()
    write_file(tmp_path / "new/folder/report.csv", b"x")
    with pytest.raises(UserError, match=r"--output .* is not a folder"):
        check_folder(tmp_path / "file/below", "--output")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read and write everything")
def test_what_may_not_be_read_or_written_is_said(tmp_path):
    (tmp_path / "locked").mkdir(mode=0o500)
    (tmp_path / "secret.png").write_bytes(b"x")
    (tmp_path / "secret.png").chmod(0)
    with pytest.raises(UserError, match="Permission denied"):
        check_writable(tmp_path / "locked/report.csv", "--report")
    with pytest.raises(UserError, match="Permission denied"):
        read_file(tmp_path / "secret.png", 100)
