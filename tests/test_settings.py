"""Settings come from environment variables, each documented, each refused by name where its value is no good."""

import re
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
    assert read == set(environment.VARIABLES)


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
