"""Results of a study of pairs: pages, tables, exports, the archive; without figures of single images."""

import csv
import io
import json
import zipfile

import pytest
from django.core.management import CommandError, call_command
from django.urls import reverse

from tests.turing.test_forced_choice import make_pairs
from turing.errors import StudyError
from turing.models import Study, Truth
from turing.reading.passage import record_response, start_reading
from turing.results.counting import SIMULATED
from turing.results.exports import export, to_csv, to_parquet
from turing.results.responses_csv import parse_responses
from turing.results.study_analysis import analyse_study
from turing.statistics.analysis import PAIRS, analyse


@pytest.fixture
def read(run) -> Study:
    """Six simulated readers on ten pairs, and no person."""
    study = make_pairs(run, practice_images=2)
    call_command("simulate_readers", study.slug, readers=6, dprime=1.5, seed=4)
    return study


def test_simulated_readers_answer_pairs_and_find_more_than_half(read):
    found = analyse_study(read, SIMULATED)["forced_choice"]
    assert found["pairs"] == 10
    assert len(found["by_reader"]) == 6
    assert 0.5 < found["proportion_correct"]["estimate"] < 1


def test_the_csv_gives_the_same_analysis_to_the_last_digit(read, tmp_path, capsys):
    content = to_csv(read, SIMULATED)
    rows = list(csv.DictReader(io.StringIO(content.decode())))
    assert list(rows[0])[-2:] == ["pair", "partner"]
    pairs = {str(one.pk): one for one in read.stimuli.all()}
    for row in rows:
        left, right = pairs[row["image"]], pairs[row["partner"]]
        assert left.pair == right.pair == int(row["pair"])
        assert {left.truth, right.truth} == {"real", "generated"}
        assert row["truth"] == left.truth
        assert row["run"]
    kept = {key: value for key, value in analyse_study(read, SIMULATED).items() if key not in ("learning",)}
    again = analyse(parse_responses(content.decode()), read.equivalence_margin)
    assert {key: value for key, value in again.items() if key in kept} == kept
    file = tmp_path / "pairs.csv"
    file.write_bytes(content)
    capsys.readouterr()
    call_command("analyze_responses", str(file))
    told = capsys.readouterr().out
    assert "6 readers, 10 pairs, 60 responses" in told
    assert "proportion correct" in told
    assert "d'" in told
    assert "fooling_rate" not in told
    call_command("analyze_responses", str(file), json=True)
    assert json.loads(capsys.readouterr().out)["forced_choice"]["pairs"] == 10


HEAD = "reader,image,truth,diagnosis,response,pair,partner\n"


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("a,1,real,m,real,1,2\na,3,real,m,real,,4\n", "line 3: pair is empty, and other rows have one"),
        ("a,1,real,m,real,1,2\na,2,generated,m,real,1,1\n", "line 3: reader 'a' answered pair 1 in line 2 already"),
        ("a,1,real,m,real,1,2\nb,2,generated,n,real,1,1\n", "line 3: pair 1 has another diagnosis"),
        ("a,1,real,m,real,x,2\n", "line 2: pair is 'x'; it must be a whole number from 1"),
    ],
)
def test_a_file_of_pairs_that_does_not_hold_is_refused_with_its_line(rows, message):
    with pytest.raises(StudyError, match=message):
        parse_responses(HEAD + rows, "pairs.csv")


@pytest.mark.parametrize("page", ["results", "report"])
def test_pages_say_how_often_the_generated_image_was_found_and_nothing_of_single_images(client, researcher, read, page):
    client.force_login(researcher)
    html = client.get(reverse(page, args=[read.slug])).content.decode()
    text = " ".join(html.split())
    assert "of the pairs" in text
    assert "chance is 50%" in text
    assert PAIRS in text
    results = text.split("Methods")[0]
    for word in ("for real;", "AUC", "ROC", "kappa", "by the model", "convinced"):
        assert word not in results
    for name in {part.split(".")[0] for part in html.split("/results/figures/")[1:]}:
        for format in ("svg", "pdf"):
            assert client.get(reverse("figure", args=[read.slug, name, format])).status_code == 200
    for address in {part.split('"')[0] for part in html.split('href="')[1:] if "/tables/" in part.split('"')[0]}:
        assert client.get(address.replace("&amp;", "&")).content


def test_figures_tables_and_exports_of_single_images_are_not_found(client, researcher, read):
    client.force_login(researcher)
    for name in ("rates", "roc", "ranking", "readers", "comparisons"):
        assert client.get(reverse("figure", args=[read.slug, name, "svg"])).status_code == 404
    for name in ("rates", "detection", "images", "agreement"):
        assert client.get(reverse("table", args=[read.slug, name])).status_code == 404
    assert client.get(reverse("export", args=[read.slug, "imrmc"])).status_code == 404
    with pytest.raises(StudyError, match="forced_choice"):
        export(read, SIMULATED, "imrmc")
    with pytest.raises(CommandError, match="forced_choice"):
        call_command("add_machine_reader", read.slug, detector=True)
    assert to_parquet(read, SIMULATED)


def test_the_archive_holds_and_its_own_script_repeats_the_numbers(read, tmp_path, monkeypatch, capsys):
    import subprocess
    import sys

    file = tmp_path / "pairs.zip"
    call_command("archive_study", read.slug, output=file, readers="simulated")
    call_command("verify_archive", str(file))
    folder = tmp_path / "unpacked"
    zipfile.ZipFile(file).extractall(folder)
    done = subprocess.run([sys.executable, "reproduce.py"], cwd=folder, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Everything agrees." in done.stdout
    assert "forced_choice.proportion_correct.ci95[0]" in done.stdout
    names = {path.name for path in (folder / "tables").iterdir()}
    assert {"forced-choice.csv", "forced-choice-readers.csv", "forced-choice-pairs.csv"} <= names
    assert not names & {"rates.csv", "detection.csv", "images.csv", "agreement.csv"}
    columns = json.loads((folder / "datapackage.json").read_text())["resources"][0]["schema"]["fields"]
    assert [one["name"] for one in columns][-2:] == ["pair", "partner"]
    assert "two-alternative forced choice" in (folder / "methods.md").read_text()
    assert "pair" in next(csv.reader((folder / "stimuli.csv").open()))


def test_corrections_of_pairs_are_counted_by_side_and_change_the_proportion_correct(
    run, reader, client, researcher, tmp_path
):
    study = make_pairs(run, corrections=True)
    reading = start_reading(study, reader)
    truths = [one.stimulus.truth for one in reading.trials.order_by("position").select_related("stimulus")]
    wrong = {"real": "generated", "generated": "real"}
    for position, truth in enumerate(truths, start=1):  # each right but the first, which is corrected
        record_response(reading, position, wrong[truth] if position == 1 else truth, 1, 900)
        if position == 1:
            record_response(reading, position, truth, 1, 500, number=1)
    Study.objects.update(owner=researcher)
    client.force_login(researcher)
    found = json.loads(client.get(reverse("export", args=["pairs", "json"])).content)["corrections"]
    to_right = truths[0] == Truth.REAL  # the image on the left is real: the generated one is on the right
    assert (found["left_to_right"], found["right_to_left"]) == (to_right, not to_right)
    assert (found["wrong_to_right"], found["correct"], found["correct_first"]) == (1, 10, 9)
    assert not [name for name in found if "fooled" in name or "generated" in name]
    said = "By the first answers the proportion correct would be 90.0% instead of 100.0%."
    for name in ("results", "report"):
        page = client.get(reverse(name, args=["pairs"]))
        assert said in page.content.decode()
        assert "the last pair until the next break" in page.context["methods"]
    content = client.get(reverse("table", args=["pairs", "corrections"])).content.decode()
    assert '"pairs whose generated image was found, by the first answers",9,10,0.9' in content
    call_command("archive_study", "pairs", output=tmp_path / "a.zip")
    assert "tables/corrections.csv" in zipfile.ZipFile(tmp_path / "a.zip").namelist()


def test_everybody_sees_pairs_once_they_are_published(client, read, researcher):
    call_command("close_study", read.slug)
    read.refresh_from_db()
    Study.objects.filter(pk=read.pk).update(published_at=read.closed_at)
    text = " ".join(client.get(reverse("published", args=[read.slug])).content.decode().split())
    assert "of the pairs" in text
    assert "for real;" not in text
    readers = client.get(reverse("published-table", args=[read.slug, "forced-choice-readers"])).content.decode()
    assert "reader 1," in readers
    assert client.get(reverse("published-table", args=[read.slug, "rates"])).status_code == 404


def test_the_plan_is_about_pairs(read, capsys):
    capsys.readouterr()
    call_command("preregister", read.slug)
    plan = capsys.readouterr().out
    assert "which of the two is generated" in plan
    assert "proportion correct" in plan
    assert "fooling rate" not in plan.lower()


def test_a_study_of_pairs_is_no_pilot_of_a_fooling_rate(read):
    with pytest.raises(CommandError, match="forced_choice"):
        call_command("plan_study", width=0.1, pilot=read.slug)
