"""Commands that stand alone: researchers, the ISIC client, the layer tables."""

import io
import os

import pytest
from django.core.management import CommandError, call_command

from gan.models import LesionImage
from tests.conftest import PASSWORD
from turing.models import User


def test_createresearcher_makes_a_researcher_once(db, monkeypatch):
    monkeypatch.setenv("NEW_PASSWORD", PASSWORD)
    for _ in range(2):
        call_command("createresearcher", email="Ada@Clinic.example", name="Ada", password_env="NEW_PASSWORD")
    user = User.objects.get()
    assert user.is_researcher
    assert user.check_password(PASSWORD)


@pytest.mark.parametrize(("email", "password"), [("ada", PASSWORD), ("ada@clinic.example", "123"), ("a@b.example", "")])
def test_createresearcher_refuses_bad_input(db, monkeypatch, email, password):
    monkeypatch.setenv("NEW_PASSWORD", password)
    with pytest.raises(CommandError):
        call_command("createresearcher", email=email, password_env="NEW_PASSWORD")
    assert not User.objects.exists()


def test_createresearcher_trusts_no_account_whose_address_nobody_confirmed(reader):
    with pytest.raises(CommandError, match="nobody has confirmed"):
        call_command("createresearcher", email=reader.user.email)
    assert not User.objects.get().is_researcher
    call_command("createresearcher", email=reader.user.email, trust=True)
    assert User.objects.get().is_researcher


def test_import_fetches_through_the_isic_client_first(db, tmp_path, monkeypatch, phantom_export):
    """Only the archive itself is faked: the client brings a folder of phantoms."""
    client = tmp_path / "bin" / "isic"
    client.parent.mkdir()
    client.write_text(
        f'#!/bin/sh\necho "$@" > {tmp_path}/asked\nfor last; do :; done\ncp -r {phantom_export}/. "$last"\n'
    )
    client.chmod(0o755)
    monkeypatch.setenv("PATH", f"{client.parent}:{os.environ['PATH']}")
    call_command("import_isic", str(tmp_path / "new"), search="age_approx:50", limit=9)
    assert LesionImage.objects.count() == 48
    assert (tmp_path / "asked").read_text().startswith("image download --search age_approx:50 --limit 9 ")
    client.write_text("#!/bin/sh\necho the archive is closed\nexit 3\n")
    with pytest.raises(CommandError, match="exit status 3: the archive is closed"):
        call_command("import_isic", str(tmp_path / "other"), search="x")


def test_the_summary_prints_both_totals():
    out = io.StringIO()
    call_command("train_gan", summary=True, stdout=out)
    assert "2,043,011" in out.getvalue()
    assert "1,720,385" in out.getvalue()
