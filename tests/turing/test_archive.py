"""A study's archive holds, is the same every time, and names no reader."""

import csv
import io
import json
import zipfile

import pytest
from django.core.management import CommandError, call_command

from turing.results.archive.contents import Options, archive_files
from turing.results.archive.packing import write_zip
from turing.results.counting import SIMULATED


def output_of(*command):
    out = io.StringIO()
    call_command(*command, stdout=out)
    return out.getvalue()


@pytest.fixture
def simulated(study):
    call_command("simulate_readers", study.slug, readers=6, seed=3)
    return study


@pytest.fixture
def archive(simulated, tmp_path):
    path = tmp_path / "archive.zip"
    call_command("archive_study", simulated.slug, output=path)
    return path


def test_an_archive_verifies(archive):
    import shutil; shutil.copy(archive, "/tmp/archive-try.zip")
    found = json.loads(output_of("verify_archive", str(archive), "--json"))
    assert found["holds"], found
