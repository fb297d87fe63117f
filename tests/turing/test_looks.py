"""If looks are planned, nobody sees results between them, and trail and methods mention every look."""

import csv
import io
import json
import re
import shutil
import subprocess
import sys
import zipfile

import pytest
from django.core.management import CommandError, call_command
from django.urls import reverse
from django.utils import timezone

from tests.conftest import make_reader, make_researcher
from turing.models import AuditLine, Response, Study, Truth
from turing.reading.passage import record_response, start_reading
from turing.results.archive.verify import verify_archive
from turing.results.counting import PEOPLE, SIMULATED, flow_of, load_responses
from turing.results.exports import FORMATS
from turing.results.looks import take_look
from turing.results.methods import methods_and_references
from turing.results.study_analysis import analyse_study
from turing.studies.design import is_as_opened
from turing.studies.lifecycle import open_study
from turing.studies.sharing import share

FIGURES = ("rates", "ranking", "flow")


def output_of(*command, **options):
    out = io.StringIO()
    call_command(*command, stdout=out, **options)
    return out.getvalue()


@pytest.fixture
def looked(draft):
    """An open study that plans a look at half of the answers of eight readers, 80 of 160."""
    draft.planned_readers, draft.looks = 8, [0.5]
    draft.save()
    return open_study(draft)


def read_by(study, email, *, says=Truth.REAL, answers=None):
    reading = start_reading(study, make_reader(email))
    for trial in reading.trials.all()[:answers]:
        record_response(reading, trial.position, says, 2, 900)


def pages_of(study):
    """Every address that shows or exports results."""
    return [
        *(reverse(name, args=[study.slug]) for name in ("results", "report", "archive")),
        *(reverse("figure", args=[study.slug, name, "svg"]) for name in FIGURES),
        *(reverse("export", args=[study.slug, format]) for format in FORMATS),
        *(reverse("table", args=[study.slug, name]) for name in ("rates", "readers", "images", "looks")),
    ]


def test_before_the_first_look_no_page_and_no_command_shows_a_result(client, researcher, looked, tmp_path):
    for number in range(5):  # a look is due, and nobody took it
        read_by(looked, f"r{number}@test.example")
    client.force_login(researcher)
    for address in pages_of(looked):
        response = client.get(address, follow=True)
        text = response.content.decode()
        assert 'id="hidden"' in text or response.redirect_chain[-1][0].endswith(f"/{looked.slug}/"), address
        assert "100 of 160 planned answers have arrived" in text or "results are hidden until" in text, address
        assert "image/svg" not in response["Content-Type"]
        assert not re.search(r"took \d+% of|[Aa]ccuracy was|accuracy \d", text), address
    for command in (
        ("export_results", looked.slug, "--format", "csv"),
        ("archive_study", looked.slug, "--output", str(tmp_path / "a.zip")),
        ("plan_study", "--pilot", looked.slug),
    ):
        with pytest.raises(CommandError, match="results are hidden until 80 answers have come; so far there are 100"):
            output_of(*command)
    assert len(load_responses(looked, PEOPLE)) == 0
    assert analyse_study(looked, PEOPLE)["fooling_rate"]["estimate"] is None
    assert not looked.audit_lines.filter(what__in=("looked", "viewed", "exported")).exists()


def test_a_look_shows_what_had_come_and_stands_in_the_trail(client, researcher, looked):
    for number in range(3):
        read_by(looked, f"r{number}@test.example")
    client.force_login(researcher)
    look = reverse("look", args=[looked.slug])
    assert "no look is due until 80" in client.post(look, follow=True).content.decode()
    read_by(looked, "r3@test.example", says=Truth.GENERATED)
    assert "A planned look is due" in client.get(reverse("results", args=[looked.slug])).content.decode()
    page = client.post(look, follow=True).content.decode()
    assert "Look 1 is taken, at 80 answers" in page
    assert "Readers took 75% of generated images for real" in page
    line = looked.audit_lines.get(what=AuditLine.What.LOOKED)
    assert line.account == researcher.pk
    assert line.detail["planned"] == "yes"
    assert (line.detail["answers"], line.detail["of"], line.detail["z"]) == (80, 160, 2.9626)
    assert line.detail["fooling_rate"] == 0.75
    read_by(looked, "r4@test.example", says=Truth.GENERATED)
    page = client.get(reverse("results", args=[looked.slug])).content.decode()
    assert "Readers took 75% of generated images for real" in page
    assert "Nothing newer may be seen until the study is closed" in page
    assert flow_of(looked, PEOPLE).test_responses == 80
    exported = csv.DictReader(io.StringIO(output_of("export_results", looked.slug, "--format", "csv")))
    assert len(list(exported)) == 80
    call_command("close_study", looked.slug)
    looked.refresh_from_db()
    page = client.get(reverse("results", args=[looked.slug])).content.decode()
    assert "Readers took 60% of generated images for real" in page
    assert "Results were looked at once before all answers had come" in page
    found = analyse_study(looked, PEOPLE)["looks"]
    assert found["answers"] == [80, 100]


def test_who_may_only_see_a_study_takes_no_look(client, looked):
    call_command("simulate_readers", looked.slug, readers=4, seed=1)
    viewer = make_researcher("viewer@test.example")
    share(looked, viewer.email, "view")
    client.force_login(viewer)
    assert client.post(reverse("look", args=[looked.slug])).status_code == 403
    page = client.get(reverse("results", args=[looked.slug])).content.decode()
    assert "A planned look is due" in page
    assert "Take the look" not in page


def test_a_look_off_schedule_costs_error_and_is_printed(looked):
    call_command("simulate_readers", looked.slug, readers=2, seed=1)
    with pytest.raises(CommandError, match="no look is due until 80 answers have come; so far there are 40"):
        output_of("look_study", looked.slug)
    found = json.loads(output_of("look_study", looked.slug, "--early", "--json"))
    assert (found["planned"], found["answers"], found["readers"]) == ("no", 40, "simulated")
    with pytest.raises(CommandError, match="no answers have come since the last look"):
        output_of("look_study", looked.slug, "--early")
    call_command("simulate_readers", looked.slug, readers=3, seed=2)
    assert "look 2, 100 of 160 planned answers" in output_of("look_study", looked.slug)
    call_command("simulate_readers", looked.slug, readers=3, seed=3)
    with pytest.raises(CommandError, match="all planned answers have arrived"):
        output_of("look_study", looked.slug, "--early")
    call_command("close_study", looked.slug)
    looked.refresh_from_db()
    analysis = analyse_study(looked, SIMULATED)
    assert analysis["looks"]["answers"] == [40, 100, 160]
    text = methods_and_references(looked, analysis, flow_of(looked, SIMULATED), SIMULATED)[0]
    assert "planned at 50% of 160 answers, and taken at 40 (not planned), 100 answers" in text
    with pytest.raises(CommandError, match="is over"):
        output_of("look_study", looked.slug)


@pytest.mark.parametrize(
    ("truth", "rate", "accuracy"), [(Truth.REAL, "-", "100.0%"), (Truth.GENERATED, "100.0%", "0.0%")]
)
def test_a_look_at_answers_to_one_truth_alone_is_printed_and_shown(looked, client, researcher, truth, rate, accuracy):
    for number in range(2):
        reading = start_reading(looked, make_reader(f"r{number}@test.example"))
        for trial in reading.trials.filter(stimulus__truth=truth):  # `record_response` asks for the form's order
            answered = {"confidence": 2, "response_time_ms": 900, "answered_at": timezone.now()}
            Response.objects.create(trial=trial, answer=Truth.REAL, **answered)
    printed = output_of("look_study", looked.slug, "--early")
    assert f"fooling rate: {rate}, no interval\naccuracy: {accuracy}, no interval\n" in printed
    client.force_login(researcher)
    for address in pages_of(looked):
        assert client.get(address, follow=True).status_code == 200, address
    assert output_of("look_study", looked.slug, "--status").startswith("20 of 160 answers")


def test_a_study_that_plans_no_looks_says_when_results_were_seen_all_the_same(client, researcher, study):
    def methods():
        study.refresh_from_db()
        analysis = analyse_study(study, PEOPLE)
        return methods_and_references(study, analysis, flow_of(study, PEOPLE), PEOPLE)[0]

    read_by(study, "r0@test.example")
    output_of("export_results", study.slug, "--format", "csv")
    read_by(study, "r1@test.example")
    client.force_login(researcher)
    client.get(reverse("results", args=[study.slug]))
    read_by(study, "r2@test.example")
    call_command("close_study", study.slug)
    assert "they were seen at 2 stages at least, first after 20 answers" in methods()
    assert analyse_study(study, PEOPLE)["looks"] is None
    with pytest.raises(CommandError, match="plans no looks"):
        output_of("look_study", study.slug)


def test_a_study_that_nobody_looked_at_early_says_nothing_of_looks(study):
    read_by(study, "r0@test.example")
    call_command("close_study", study.slug)
    study.refresh_from_db()
    text = methods_and_references(study, analyse_study(study, PEOPLE), flow_of(study, PEOPLE), PEOPLE)[0]
    assert "look at results" not in text


def test_the_archive_of_a_study_with_looks_holds_and_reproduces_its_numbers(looked, tmp_path):
    call_command("simulate_readers", looked.slug, readers=4, seed=1)
    take_look(looked, SIMULATED)
    call_command("simulate_readers", looked.slug, readers=3, seed=2)
    call_command("close_study", looked.slug)
    path = tmp_path / "a.zip"
    output_of("archive_study", looked.slug, "--output", str(path))
    output_of("archive_study", looked.slug, "--output", str(tmp_path / "b.zip"))
    assert path.read_bytes() == (tmp_path / "b.zip").read_bytes()
    assert "figures" in output_of("verify_archive", str(path))
    with zipfile.ZipFile(path) as archive:
        archive.extractall(tmp_path / "unpacked")
    folder = tmp_path / "unpacked"
    analysis = json.loads((folder / "analysis.json").read_text())
    assert analysis["looks"]["answers"] == [80, 140]
    assert json.loads((folder / "looks.json").read_text())["taken"][0]["answers"] == 80
    done = subprocess.run([sys.executable, folder / "reproduce.py"], capture_output=True, text=True, cwd="/")
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr
    assert "looks.z" in done.stdout
    if shutil.which("Rscript"):
        done = subprocess.run(["Rscript", folder / "reproduce.R"], capture_output=True, text=True, cwd="/")
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr
    wrong = json.loads((folder / "looks.json").read_text())
    wrong["taken"][0]["answers"] = 60
    again = tmp_path / "wrong.zip"
    with zipfile.ZipFile(path) as whole, zipfile.ZipFile(again, "w") as archive:
        for name in whole.namelist():
            archive.writestr(name, json.dumps(wrong) if name == "looks.json" else whole.read(name))
    assert {check.name for check in verify_archive(again) if not check.holds} == {"checksums", "figures"}


def test_looks_belong_to_the_design_and_a_study_without_them_keeps_its_hash(study, run):
    assert "looks" not in json.loads(study.preregistration.document)["sections"][2]["items"][-1]["prompt"].lower()
    assert is_as_opened(study, study.stimuli.all())
    study.looks = [0.5]
    assert not is_as_opened(study, study.stimuli.all())
    options = {"real": 5, "generated": 5, "stimulus_size": 64, "seed": 3}
    with pytest.raises(CommandError, match="looks: Looks: the planned number of readers sets their time"):
        output_of("create_study", "With looks", run=[str(run.pk)], looks="50%", **options)
    with pytest.raises(CommandError, match="'half' is not a share"):
        output_of("create_study", "With looks", run=[str(run.pk)], looks="half", planned_readers=9, **options)
    output_of("create_study", "With looks", run=[str(run.pk)], looks="33%, 0.67", planned_readers=9, **options)
    made = Study.objects.get(slug="with-looks")
    assert (made.looks, made.planned_readers) == ([0.33, 0.67], 9)
    text = output_of("preregister", made.slug)
    assert "At 33% and 67% of the 180 planned answers (9 readers with 20 images)" in text
    assert "at 180 answers z = 1.99" in text


def test_the_form_shows_and_keeps_a_drafts_looks(client, researcher, draft):
    draft.planned_readers, draft.looks = 8, [0.25, 0.5]
    draft.save()
    client.force_login(researcher)
    page = client.get(reverse("study-edit", args=[draft.slug])).content.decode()
    assert 'value="25%, 50%"' in page
    form = client.get(reverse("study-edit", args=[draft.slug])).context["form"]
    data = {name: field.value() for name in form.fields if (field := form[name]).value() is not None}
    data |= {"generators": [one.pk for one in draft.generators.all()], "looks": "50%, 25%"}
    refused = client.post(reverse("study-edit", args=[draft.slug]), data)
    assert refused.status_code == 422
    assert "each share must be larger than the one before" in refused.content.decode()
    assert client.post(reverse("study-edit", args=[draft.slug]), data | {"looks": "40%"}).status_code == 302
    draft.refresh_from_db()
    assert draft.looks == [0.4]
