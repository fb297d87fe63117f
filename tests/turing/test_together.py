"""A study with everything at once: controls, questions, looks, zoom, repeats, readers who stop early."""

import json
import random
import subprocess
import sys
import zipfile

import pytest
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from tests.conftest import make_reader
from tests.turing.test_controls import older  # noqa: F401, fixture
from tests.turing.test_questions import QUESTIONS
from turing.models import Study
from turing.reading.passage import record_response, start_reading
from turing.reading.questions import Further
from turing.results.archive.verify import verify_archive
from turing.results.counting import PEOPLE
from turing.results.looks import take_look
from turing.results.published.publishing import publish
from turing.results.published.redaction import WITHHELD, public_analysis

TEXTS = ("a\nb", 'say "hi"; no', "=1+1", "\u2028x\u0085y", "x\ry", " sp ", "\x0b\x0c\x1cq")


@pytest.fixture
def whole(run, older, tmp_path) -> Study:  # noqa: F811
    questions = tmp_path / "questions.json"
    questions.write_text(json.dumps([QUESTIONS[0] | {"primary": False}, {"type": "judgement"}, *QUESTIONS[2:]]))
    call_command(
        "create_study", "Whole", run=[str(run.pk)], real=5, generated=5, stimulus_size=64, allow_unaudited=True,
        control_per_diagnosis=1, control_degradation="blur-1.5", control_generator=["Older"], questions=questions,
        looks="50%", planned_readers=10, zoom="free", repeats=2,
    )  # fmt: skip
    call_command("open_study", "whole")
    return Study.objects.get(slug="whole")


def read(study: Study, number: int, rng: random.Random, upto: int | None = None) -> None:
    reading = start_reading(study, make_reader(f"r{number}@test.example"))
    for trial in reading.trials.select_related("stimulus")[:upto]:
        judgement = "real" if rng.random() < (0.6 if trial.stimulus.truth == "real" else 0.45) else "generated"
        further = [Further("tumour", rng.choice(["melanoma", "BCC"]), rng.randint(1, 5))]
        further.append(Further("realism", str(rng.randint(1, 7)), None))
        if number == 0:
            further.append(Further("biopsy", "yes", None))
        if rng.random() < 0.4:
            further.append(Further("notes", rng.choice(TEXTS), None))
        if judgement == "generated":
            further.append(Further("cues", json.dumps(rng.sample(["hair", "other"], rng.randint(1, 2))), None))
            further.append(Further("region", "0.250 0.500", None))
        record_response(
            reading, trial.position, judgement, rng.randint(1, 4), rng.randint(500, 3000), away_ms=rng.choice([0, 400]),
            zoom_percent=rng.choice([100, 200]), zoomed_ms=50, further=tuple(further),
        )  # fmt: skip


def differences(path) -> list[str]:
    """What `verify_archive` and the archive's own script find wrong."""
    call_command("archive_study", "whole", output=path)
    folder = path.with_suffix("")
    zipfile.ZipFile(path).extractall(folder)
    done = subprocess.run([sys.executable, folder / "reproduce.py"], capture_output=True, text=True, cwd="/")
    said = [line for line in done.stdout.splitlines() if "DIFFERS" in line]
    wrong = [f"{check.name}: {check.detail}" for check in verify_archive(path) if not check.holds]
    return [*wrong, *said, *([done.stderr] if done.returncode and not said else [])]


def test_archives_at_a_look_and_at_the_end_repeat_every_number_and_the_public_page_names_nobody(whole, tmp_path):
    rng = random.Random(5)
    for number in range(8):
        read(whole, number, rng, upto=None if number < 4 else 13)
    take_look(whole, PEOPLE)
    assert differences(tmp_path / "look.zip") == []
    for number in (8, 9):
        read(whole, number, rng)
    call_command("close_study", "whole")
    whole.refresh_from_db()
    assert differences(tmp_path / "end.zip") == []
    publish(whole, archive=True)
    assert Client().get(reverse("published", args=["whole"])).status_code == 200
    biopsy = next(one for one in public_analysis(whole, PEOPLE)["questions"] if one["name"] == "biopsy")
    assert (biopsy["difference"], biopsy["reason"]) == (None, WITHHELD)
