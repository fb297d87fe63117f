"""Settings come from environment variables. Each is documented, and an invalid value is refused by name."""

import re
import threading
import time
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from turing import environment

ROOT = Path(__file__).resolve().parents[1]


def test_the_documented_table_is_that_of_the_code():
    assert environment.as_table() in (ROOT / "docs/settings.md").read_text(encoding="utf-8")


def test_every_variable_is_read_and_every_one_read_is_documented():
    code = "".join(path.read_text(encoding="utf-8") for path in [*ROOT.glob("turing/**/*.py"), *ROOT.glob("*.py")])
    read = set(re.findall(r'environment\.(?:text|flag|whole_number|items|choice)\(\s*"(\w+)"', code))
    secrets = set(re.findall(r'environment\.secret\(\s*"(\w+)"', code))
    assert read | secrets | {f"{name}_FILE" for name in secrets} == set(environment.VARIABLES)


@pytest.mark.parametrize(
    ("read", "value"),
    [(environment.flag, "yes"), (environment.whole_number, "-1"), (environment.whole_number, "ten")],
)
def test_a_value_of_the_wrong_kind_is_refused_with_the_variables_name(monkeypatch, read, value):
    monkeypatch.setenv("HTTPS", value)
    with pytest.raises(ImproperlyConfigured, match="HTTPS"):
        read("HTTPS")


def test_an_empty_variable_is_as_good_as_none(monkeypatch):
    monkeypatch.setenv("ALLOWED_HOSTS", "")
    assert environment.items("ALLOWED_HOSTS") == ["localhost", "127.0.0.1", "[::1]"]
    monkeypatch.setenv("ALLOWED_HOSTS", "a.example, b.example,")
    assert environment.items("ALLOWED_HOSTS") == ["a.example", "b.example"]


def test_a_secret_may_stand_in_a_file_that_its_owner_alone_can_read(monkeypatch, tmp_path):
    path = tmp_path / "key"
    path.write_text("from-a-file\n")
    path.chmod(0o600)
    monkeypatch.delenv("SECRET_KEY", raising=False)
    monkeypatch.setenv("SECRET_KEY_FILE", str(path))
    assert environment.secret("SECRET_KEY") == "from-a-file"


@pytest.mark.parametrize("mode", [0o640, 0o604])
def test_a_secret_file_that_others_can_read_is_refused(monkeypatch, tmp_path, mode):
    path = tmp_path / "key"
    path.write_text("from-a-file\n")
    path.chmod(mode)
    monkeypatch.delenv("SECRET_KEY", raising=False)
    monkeypatch.setenv("SECRET_KEY_FILE", str(path))
    with pytest.raises(ImproperlyConfigured, match=r"SECRET_KEY_FILE.*chmod 600"):
        environment.secret("SECRET_KEY")


def test_a_missing_or_empty_secret_file_is_refused_by_name(monkeypatch, tmp_path):
    monkeypatch.delenv("SECRET_KEY", raising=False)
    monkeypatch.setenv("SECRET_KEY_FILE", str(tmp_path / "none"))
    with pytest.raises(ImproperlyConfigured, match="SECRET_KEY_FILE"):
        environment.secret("SECRET_KEY")
    (tmp_path / "none").touch(mode=0o600)
    with pytest.raises(ImproperlyConfigured, match=r"SECRET_KEY_FILE.*empty"):
        environment.secret("SECRET_KEY")


def test_a_secret_given_twice_is_refused(monkeypatch, tmp_path):
    monkeypatch.setenv("SECRET_KEY", "one")
    monkeypatch.setenv("SECRET_KEY_FILE", str(tmp_path / "other"))
    with pytest.raises(ImproperlyConfigured, match="Both SECRET_KEY"):
        environment.secret("SECRET_KEY")


def test_a_process_waits_for_the_key_that_another_one_is_writing(tmp_path):
    path = tmp_path / "secret_key"
    path.touch()  # the other process has made the file and not yet written the key

    def write():
        time.sleep(0.2)
        path.write_text("theirs")

    other = threading.Thread(target=write)
    other.start()
    assert environment.kept(path, lambda: "ours") == "theirs"
    other.join()


def test_a_key_is_made_once_for_its_owner_alone_and_kept(tmp_path):
    path = tmp_path / "secret_key"
    assert environment.kept(path, lambda: "first") == "first"
    assert environment.kept(path, lambda: "second") == "first"
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_key_file_that_stays_empty_or_cannot_be_read_is_refused_by_name(tmp_path):
    (tmp_path / "empty").touch()
    with pytest.raises(ImproperlyConfigured, match="empty: delete it and start again"):
        environment.kept(tmp_path / "empty", lambda: "ours", patience=0.1)
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    with pytest.raises(ImproperlyConfigured, match="binary cannot be used"):
        environment.kept(tmp_path / "binary", lambda: "ours")
    with pytest.raises(ImproperlyConfigured, match="missing/key cannot be used"):
        environment.kept(tmp_path / "missing" / "key", lambda: "ours")
