"""Results count the right answers, and exports can be read again."""

import csv
import io
import json
from datetime import timedelta
from html import unescape

import pytest
from django.core.management import CommandError, call_command
from django.urls import reverse

from tests.conftest import make_reader
from turing.models import Reading, Response, Trial
from turing.reading.passage import record_response, start_reading
from turing.results.counting import PEOPLE
from turing.results.methods import equivalence_sentence
from turing.results.responses_csv import COLUMNS
from turing.results.study_analysis import analyse_study, extremes
from turing.results.tables import tables_of

FIGURES = (
    "rates", "readers", "comparisons", "roc", "calibration", "course", "times", "exposures", "ranking", "strip", "flow",
)  # fmt: skip


def output_of(*command):
    out = io.StringIO()
    call_command(*command, stdout=out)
    return out.getvalue()


@pytest.fixture
def simulated(study):
    call_command("simulate_readers", study.slug, readers=6, seed=3)
    return study


def test_export_and_analysis_agree_with_the_database(simulated, tmp_path):
    path = tmp_path / "responses.csv"
    call_command("export_results", simulated.slug, format="csv", output=path)
    rows = list(csv.DictReader(path.open()))
    assert len(rows) == 120
    assert tuple(list(rows[0])[:8]) == COLUMNS
    assert {row["simulated"] for row in rows} == {"yes"}
    assert "@" not in path.read_text()
    analysis = json.loads(output_of("analyze_responses", str(path), "--json"))
    fooled = Response.objects.filter(trial__stimulus__truth="generated", answer="real").count()
    assert analysis["counts"]["generated_judged_real"] == fooled
    assert analysis["fooling_rate"]["estimate"] == pytest.approx(fooled / 60)
    document = json.loads(output_of("export_results", simulated.slug, "--format", "json"))
    assert document["analysis"]["fooling_rate"] == analysis["fooling_rate"]
    assert document["study"]["design_hash"] == simulated.design_hash


def test_the_servers_time_between_answers_stands_beside_the_browsers(study, reader):
    reading = start_reading(study, reader)
    for position in range(1, 5):
        record_response(reading, position, "real", 1, 500)
    start = Response.objects.earliest("pk").answered_at
    for seconds, response in zip((0, 2.5, 3, 60), Response.objects.order_by("pk"), strict=True):
        Response.objects.filter(pk=response.pk).update(answered_at=start + timedelta(seconds=seconds))
    Trial.objects.filter(reading=reading, position=3).update(phase="practice")
    rows = list(csv.DictReader(io.StringIO(output_of("export_results", study.slug, "--format", "csv"))))
    assert [(row["trial_index"], row["since_previous_ms"]) for row in rows] == [("1", ""), ("2", "2500"), ("4", "")]


def test_a_parquet_export_holds_the_rows_with_types_and_the_design(simulated, tmp_path):
    from pyarrow import parquet

    path = tmp_path / "responses.parquet"
    call_command("export_results", simulated.slug, format="parquet", output=path)
    table = parquet.read_table(path)
    rows = list(csv.DictReader(io.StringIO(output_of("export_results", simulated.slug, "--format", "csv"))))
    assert table.num_rows == len(rows) == 120
    assert table.column("trial_index").to_pylist() == [int(row["trial_index"]) for row in rows]
    assert table.schema.metadata[b"design_hash"].decode() == simulated.design_hash
    with pytest.raises(CommandError, match="name a file"):
        call_command("export_results", simulated.slug, format="parquet")


def test_an_imrmc_export_gives_our_auc_back(simulated):
    """The export is read as by the FDA's program: header, truth of each case, one score for each reader and case."""
    header, data = output_of("export_results", simulated.slug, "--format", "imrmc").split("BEGIN DATA:\n")
    sizes = dict(line.split(": ") for line in header.splitlines() if line[:2] in ("N0", "N1", "NR", "NM"))
    assert sizes == {"N0": "10", "N1": "10", "NR": "6", "NM": "1"}
    rows = [line.split(",") for line in data.splitlines()]
    truth = {case: int(value) for reader, case, _, value in rows if reader == "-1"}
    scores = [(reader, case, float(score)) for reader, case, modality, score in rows if modality == "1"]
    assert len(truth) == 20
    assert len(scores) == 120
    assert not any(reader == "-1" for reader, _, _ in scores)
    areas = []
    for name in {reader for reader, _, _ in scores}:
        own = [(truth[case], score) for reader, case, score in scores if reader == name]
        pairs = [(g > r) + (g == r) / 2 for t, g in own if t for u, r in own if not u]
        areas.append(sum(pairs) / len(pairs))
    analysis = json.loads(output_of("export_results", simulated.slug, "--format", "json"))["analysis"]
    assert analysis["auc"]["estimate"] == pytest.approx(sum(areas) / 6)
    assert analysis["auc"]["imrmc"]["estimate"] == pytest.approx(sum(areas) / 6)
    assert {case for _, case, _, _ in rows} == {str(number) for number in range(1, 21)}
    assert {reader for reader, _, _ in scores} == {str(number) for number in range(1, 7)}
    assert header.count("\nimage ") == 20


def test_every_table_comes_as_csv_and_agrees_with_the_analysis(simulated, client, researcher):
    client.force_login(researcher)
    tables = {}
    for name in tables_of(simulated):
        response = client.get(reverse("table", args=[simulated.slug, name]))
        assert response.status_code == 200
        tables[name] = list(csv.DictReader(io.StringIO(response.content.decode())))
    analysis = client.get(reverse("results", args=[simulated.slug])).context["analysis"]
    assert float(tables["rates"][0]["estimate"]) == pytest.approx(analysis["fooling_rate"]["estimate"])
    assert len(tables["readers"]) == 6
    assert len(tables["images"]) == 20
    assert client.get(reverse("table", args=[simulated.slug, "secrets"])).status_code == 404


def test_an_image_that_nobody_took_for_real_is_not_among_those_that_convinced(study, reader, client, researcher):
    reading = start_reading(study, reader)
    for trial in reading.trials.order_by("position"):
        record_response(reading, trial.position, "generated", 2, 900)
    most, least = extremes(study, analyse_study(study, PEOPLE))
    assert (most, len(least) > 0) == ([], True)
    client.force_login(researcher)
    page = client.get(reverse("results", args=[study.slug])).content.decode()
    assert "None yet." in page[page.index("convinced most") : page.index("convinced least")]


def test_dashboard_and_report_say_it_in_sentences(simulated, client, researcher):
    client.force_login(researcher)
    for name in ("results", "report"):
        response = client.get(reverse(name, args=[simulated.slug]))
        page = unescape(response.content.decode())
        rate = response.context["analysis"]["fooling_rate"]
        assert f"Simulated readers took {rate['estimate']:.0%} of generated images for real; 95% interval" in page
        # Which of its sentences that is depends on the simulated answers; test_methods holds each of them.
        assert equivalence_sentence(response.context["analysis"]) in page
        assert "Gallas BD, Pennello GA, Myers KJ." in page
        assert simulated.design_hash in page
        assert "6 simulated readers (6 complete)" in page
        assert page.count(" nan") == 0


def test_a_reader_who_stopped_early_is_told_from_those_who_finished(simulated, client, researcher):
    first = Reading.objects.filter(study=simulated).earliest("pk")
    Response.objects.filter(trial__reading=first, trial__position__gt=5).delete()
    client.force_login(researcher)
    response = client.get(reverse("results", args=[simulated.slug]))
    found = response.context["analysis"]["dropout"]
    assert (found["finished"], found["stopped"], found["form"]) == (5, 1, "given")
    assert found["answered_share"] == pytest.approx(5 / 20)
    assert "1 of 6 readers had not finished. They had answered 25.0% of their images" in response.content.decode()
    exported = list(csv.DictReader(io.StringIO(output_of("export_results", simulated.slug, "--format", "csv"))))
    assert {row["form_trials"] for row in exported} == {"20"}


def test_the_planning_page_plans_and_refuses_nonsense(simulated, client, researcher):
    client.force_login(researcher)
    address = reverse("plan")
    assert "Checked on 500 simulated studies" in client.get(address).content.decode()
    query = {"goal": "margin", "width": "0.1", "margin": "0.1", "power": "0.8", "structure": "moderate"}
    page = client.get(address, query)
    assert page.context["found"]["goal"]["margin"] == 0.1
    assert client.get(reverse("plan-curve", args=["svg"]), query).content.startswith(b"<?xml")
    piloted = client.get(address, query | {"goal": "width", "pilot": simulated.slug})
    pilot_rate = client.get(reverse("results", args=[simulated.slug])).context["analysis"]["fooling_rate"]["estimate"]
    assert piloted.context["found"]["rate"] == pytest.approx(pilot_rate)
    assert client.get(address, query | {"width": "7"}).context["found"] is None
    assert client.get(reverse("plan-curve", args=["svg"]), query | {"power": "9"}).status_code == 404


def test_a_study_that_cannot_be_a_pilot_says_why(study, reader):
    call_command("simulate_readers", study.slug, readers=3, seed=3)  # people count as soon as one has answered
    for person, reason in (
        (reader, "it has the answers of 1 reader, and 2 are needed to tell how readers differ."),
        (make_reader("second@test.example"), "not every reader answered every generated image."),
    ):
        reading = start_reading(study, person)
        last = reading.trials.filter(stimulus__truth="generated").latest("position").position
        for trial in reading.trials.filter(position__lt=last if person != reader else 99):
            record_response(reading, trial.position, "real" if trial.position % 3 else "generated", 2, 900)
        with pytest.raises(CommandError, match=f"{study.slug} cannot be a pilot study: {reason}"):
            call_command("plan_study", width=0.1, pilot=study.slug)


def test_the_planning_command_agrees_with_its_drawing_and_its_json(tmp_path):
    figure = tmp_path / "plan.png"
    found = json.loads(output_of("plan_study", "--width", "0.2", "--figure", str(figure), "--json"))
    assert figure.read_bytes().startswith(b"\x89PNG")
    assert found["goal"]["width"] == 0.2
    assert found["checked"]["coverage"] > 0.9
    components = ["--reader-variance", str(found["variance_components"]["reader"])]
    components += ["--image-variance", str(found["variance_components"]["image"])]
    assert json.loads(output_of("plan_study", "--width", "0.2", *components, "--json"))["plan"] == found["plan"]
    for arguments, message in (
        (["--margin", "2"], "margin must lie"),
        (["--rate", "0"], "rate must lie"),
        (["--reader-variance", "0.1"], "both variance components"),
        (["--reader-variance", "0.3", "--image-variance", "0"], "impossible"),
    ):
        with pytest.raises(CommandError, match=message):
            output_of("plan_study", *arguments)


def test_simulated_readers_are_flagged_and_never_mixed_with_people(simulated, client, researcher):
    client.force_login(researcher)
    address = reverse("results", args=[simulated.slug])
    assert "Simulated readers." in client.get(address).content.decode()
    reading = start_reading(simulated, make_reader("person@test.example"))
    record_response(reading, 1, "real", 1, None)
    page = client.get(address)
    assert page.context["analysis"]["counts"]["responses"] == 1
    assert "A computer drew these answers" not in page.content.decode()
    assert client.get(address, {"readers": "simulated"}).context["analysis"]["counts"]["responses"] == 120


def test_practice_and_repeat_trials_stay_out_of_the_analysis(simulated, client, researcher):
    some = Trial.objects.order_by("pk")[:10].values_list("pk", flat=True)
    Trial.objects.filter(pk__in=list(some)[:4]).update(phase="practice")
    Trial.objects.filter(pk__in=list(some)[4:]).update(phase="repeat")
    client.force_login(researcher)
    analysis = client.get(reverse("results", args=[simulated.slug])).context["analysis"]
    assert analysis["counts"]["responses"] == 110
    assert output_of("export_results", simulated.slug, "--format", "csv").count("repeat") == 6


@pytest.mark.parametrize(("format", "magic"), [("svg", b"<?xml"), ("pdf", b"%PDF"), ("png", b"\x89PNG")])
def test_every_figure_comes_as_svg_pdf_and_png(simulated, client, researcher, format, magic):
    client.force_login(researcher)
    for name in FIGURES:
        response = client.get(reverse("figure", args=[simulated.slug, name, format]))
        assert response.status_code == 200, name
        assert response.content.startswith(magic), name


def test_pages_without_answers_and_of_runs_are_shown(study, run, client, researcher):
    client.force_login(researcher)
    for address in (
        reverse("results", args=[study.slug]),
        reverse("research-study", args=[study.slug]),
        reverse("research"),
        reverse("generators"),
        run.get_absolute_url(),
        reverse("run-figure", args=[run.pk, "losses", "svg"]),
        reverse("run-grid", args=[run.pk, "melanoma", 2]),
        reverse("figure", args=[study.slug, "rates", "svg"]),
        reverse("attributions"),
        "/",
        "/healthz",
    ):
        assert client.get(address).status_code == 200, address
    for address in (
        reverse("figure", args=[study.slug, "secret", "svg"]),
        reverse("figure", args=[study.slug, "rates", "exe"]),
        reverse("run-grid", args=[run.pk, "nothing", 2]),
        "/research/studies/nowhere/results/",
    ):
        assert client.get(address).status_code == 404, address
