"""Results count what they should, and exports go in again."""

import csv
import io
import json

import pytest
from django.core.management import CommandError, call_command
from django.urls import reverse

from tests.conftest import make_reader
from turing.models import Response, Trial
from turing.reading.passage import record_response, start_reading
from turing.results.responses_csv import parse_responses


FIGURES = (
    "rates", "readers", "comparisons", "roc", "calibration", "course", "times", "ranking", "strip", "flow",
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
    assert ",".join(list(rows[0])[:8]) + "\n" == HEADER
    assert {row["simulated"] for row in rows} == {"yes"}
    assert "@" not in path.read_text()
    analysis = json.loads(output_of("analyze_responses", str(path), "--json"))
    fooled = Response.objects.filter(trial__stimulus__truth="generated", answer="real").count()
    assert analysis["counts"]["generated_judged_real"] == fooled
    assert analysis["fooling_rate"]["estimate"] == pytest.approx(fooled / 60)
    document = json.loads(output_of("export_results", simulated.slug, "--format", "json"))
    assert document["analysis"]["fooling_rate"] == analysis["fooling_rate"]
    assert document["study"]["design_hash"] == simulated.design_hash


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
        reverse("runs"),
        run.get_absolute_url(),
        reverse("run-losses", args=[run.pk, "svg"]),
        reverse("run-grid", args=[run.pk, "melanoma"]),
        reverse("figure", args=[study.slug, "rates", "svg"]),
        reverse("attributions"),
        "/",
        "/healthz",
    ):
        assert client.get(address).status_code == 200, address
    for address in (
        reverse("figure", args=[study.slug, "secret", "svg"]),
        reverse("figure", args=[study.slug, "rates", "exe"]),
        reverse("run-grid", args=[run.pk, "nothing"]),
        "/research/studies/nowhere/results/",
    ):
        assert client.get(address).status_code == 404, address


HEADER = "reader,image,truth,diagnosis,response,confidence,rt_ms,trial_index\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "line 1: no column reader"),
        (HEADER, "no test responses"),
        (HEADER + "a,1,real,m,maybe,1,5,1\n", "line 2: response is 'maybe'"),
        (HEADER + "a,1,real,m,real,1,5,1\na,1,real,m,real,1,5,1\n", "line 3: reader 'a' answered image '1' in line 2"),
        (HEADER + "a,1,real,m,real,1,5,1\nb,1,generated,m,real,1,5,1\n", "line 3: image '1' has another truth"),
        (HEADER + "a,1,real,m,real,x,5,1\n", "line 2: confidence is 'x'"),
        (HEADER + "a,1,real\n", "line 2: 3 fields, but the header has 8"),
    ],
)
def test_a_bad_csv_is_an_error_that_names_the_line(tmp_path, text, message):
    path = tmp_path / "r.csv"
    path.write_text(text)
    with pytest.raises(CommandError, match=message):
        call_command("analyze_responses", str(path))


def test_bom_semicolons_and_crlf_are_read():
    text = HEADER.replace(",", ";") + "a;1;real;m;generated;;;\n"
    assert len(parse_responses(text.replace("\n", "\r\n"))) == 1
