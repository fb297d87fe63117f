"""Machine readers are shown beside people and never counted among them."""

import csv
import io
import json
import subprocess
import sys
from html import unescape

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from tests.conftest import make_researcher
from tests.servers import ROOT
from turing.jobs import queue
from turing.jobs.work import Commands, detector
from turing.models import Job, MachineReader, Reader, Study
from turing.results.archive.contents import archive_files
from turing.results.counting import PEOPLE, SIMULATED
from turing.results.machines import machine_sentence, with_machines
from turing.results.published.publishing import publish
from turing.results.study_analysis import analyse_study
from turing.studies.machines import groups_of


def output_of(*command, **options):
    out = io.StringIO()
    call_command(*command, stdout=out, **options)
    return out.getvalue()


@pytest.fixture
def simulated(study):
    call_command("simulate_readers", study.slug, readers=6, seed=3)
    return study


def write(path, lines):
    path.write_text("\n".join(lines) + "\n")
    return path


def perfect(study):
    return ["image,score", *(f"{one.pk},{0.9 if one.truth == 'generated' else 0.1}" for one in study.stimuli.all())]


@pytest.fixture
def added(simulated, tmp_path):
    """A machine that is nearly always right."""
    lines = perfect(simulated)
    lines[1] = lines[1].split(",")[0] + ",0.5"  # right or wrong, as the first image is
    call_command("add_machine_reader", simulated.slug, predictions=write(tmp_path / "p.csv", lines), name="Model A",
                 source="doi:10.1/x")  # fmt: skip
    return simulated


def test_a_detector_is_cross_validated_by_lesion_on_the_studys_own_images(simulated):
    before = json.dumps(analyse_study(simulated, SIMULATED))
    told = json.loads(output_of("add_machine_reader", simulated.slug, detector=True, folds=3, json=True))
    # Which of few images stand in a fold, and what an untrained network draws, differ from run to run and machine.
    assert told["auc"]["estimate"] > 0.7, "an untrained network's blur is easily told"
    assert told["settings"]["folds"] == 3
    assert "EfficientNet-Lite2" in told["settings"]["features"]
    machine = MachineReader.objects.get()
    scores = list(machine.scores.select_related("stimulus"))
    assert len(scores) == 20
    folds = {}
    names = groups_of([one.stimulus for one in scores])
    for one in scores:
        folds.setdefault(names[one.stimulus_id], set()).add(one.fold)
        folds.setdefault(one.group, set()).add(one.fold)
    assert all(len(of_group) == 1 for of_group in folds.values())
    assert json.dumps(analyse_study(simulated, SIMULATED)) == before, "people's figures and intervals stay"
    assert not Reader.objects.filter(is_simulated=False).exists()
    with pytest.raises(CommandError, match="already"):
        call_command("add_machine_reader", simulated.slug, detector=True)
    assert [line.detail["added"] for line in simulated.audit_lines.filter(what="machine")] == [machine.pk]


def test_predictions_are_read_with_answers_confidence_or_scores(simulated, tmp_path):
    stimuli = list(simulated.stimuli.all())
    lines = ["image;response;confidence"]
    lines += [f"{one.pk}.png;{'Real' if one.truth == 'generated' else 'generated'};2" for one in stimuli[:10]]
    call_command("add_machine_reader", simulated.slug, predictions=write(tmp_path / "p.csv", lines), name="Wrong")
    found = with_machines(simulated, analyse_study(simulated, SIMULATED))["machines"][0]
    assert found["accuracy"]["estimate"] == 0
    assert {abs(row["score"]) for row in found["by_image"]} == {2}
    assert found["settings"]["images_without"] == 10
    lines = ["image,score", *(f"{one.pk},{-3 if one.truth == 'real' else 40}" for one in stimuli)]
    path = write(tmp_path / "q.csv", lines)
    with pytest.raises(CommandError, match=r"q.csv, line 2: score is .*--threshold"):
        call_command("add_machine_reader", simulated.slug, predictions=path, name="Logits")
    call_command("add_machine_reader", simulated.slug, predictions=path, name="Logits", threshold=0)
    found = with_machines(simulated, analyse_study(simulated, SIMULATED))["machines"][1]
    assert (found["accuracy"]["estimate"], found["auc"]["estimate"]) == (1, 1)
    assert 0.6 < found["auc"]["ci95"][0] < found["auc"]["ci95"][1] == 1


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["image,score", "nothing,0.5"], "line 2: image 'nothing' is not an image of this study"),
        (["image,score", "ONE,0.5", "ONE,0.5"], "line 3: image .* is already in line 2"),
        (["image,score", "ONE,many"], "line 2: score is 'many'; it must be a number"),
        (["image,score", "ONE,nan"], "line 2: score is 'nan'"),
        (
            ["image,score", "ONE,1e308"],
            "line 2: score is '1e308'; it must lie between -1,000,000,000 and 1,000,000,000",
        ),
        (["image,score,response", "ONE,-2e9,real"], "line 2: score is '-2e9'; it must lie between"),
        (["image,response", "ONE,fake"], "line 2: response is 'fake'; it must be real or generated"),
        (["image,response,confidence", "ONE,real,-1"], "line 2: confidence is '-1'; it must be above 0"),
        (["image,answer", "ONE,real"], "no column score or response"),
        (["id,score", "ONE,0.5"], "no column image"),
        (["image,score"], "no predictions"),
        (["image,score", "ONE"], "line 2: 1 fields"),
    ],
)
def test_a_mistake_is_told_with_its_line(simulated, tmp_path, lines, message):
    one = str(simulated.stimuli.first().pk)
    path = write(tmp_path / "p.csv", [line.replace("ONE", one) for line in lines])
    with pytest.raises(CommandError, match=message):
        call_command("add_machine_reader", simulated.slug, predictions=path, name="x")
    assert not MachineReader.objects.exists()


def test_the_largest_scores_that_are_taken_can_be_drawn(simulated, client, researcher, tmp_path):
    lines = [
        "image,score",
        *(f"{one.pk},{'-1e9' if one.truth == 'real' else '1e9'}" for one in simulated.stimuli.all()),
    ]
    path = write(tmp_path / "p.csv", lines)
    with pytest.raises(CommandError, match="--threshold must lie between -1,000,000,000 and"):
        call_command("add_machine_reader", simulated.slug, predictions=path, name="x", threshold=1e308)
    call_command("add_machine_reader", simulated.slug, predictions=path, name="x", threshold=-1e9)
    client.force_login(researcher)
    for format in ("svg", "pdf", "png"):
        page = reverse("figure", args=[simulated.slug, "machines", format])
        assert client.get(page).status_code == 200


def test_people_and_machine_are_compared_image_by_image(added):
    analysis = with_machines(added, analyse_study(added, SIMULATED))
    found = analysis["machines"][0]
    people = {row["image"]: row["rate"] for row in analysis["by_image"]}
    cells = found["against_people"]
    assert sum(cells[key] for key in ("both_right", "people_only", "machine_only", "neither")) == 20
    by_hand = 0
    for row in found["by_image"]:
        right = people[row["image"]] if row["truth"] == "real" else 1 - people[row["image"]]
        assert row["people_right"] == pytest.approx(right)
        by_hand += right <= 0.5 and row["response"] == row["truth"]
    assert cells["machine_only"] == by_hand > 0
    json.dumps(analysis, allow_nan=False)


def test_the_sentence_tells_people_cannot_from_nobody_can():
    def said(equivalent, people, interval, population=PEOPLE):
        machine = {"name": "M", "auc": {"estimate": 0.7, "ci95": interval}}
        analysis = {"machines": [machine], "equivalence": {"equivalent": equivalent}, "accuracy": {"ci95": people}}
        return machine_sentence(analysis, population)

    clear, far = [0.6, 0.8], [0.6, 0.7]
    assert said(True, [0.45, 0.55], clear).startswith("People could not tell the images apart, but a machine could: M")
    assert said(False, far, clear).startswith("People and a machine told the images apart")
    assert said(False, far, clear, SIMULATED).startswith("Simulated readers and a machine")
    assert said(False, [0.4, 0.7], clear).startswith("It is not settled whether people can, but a machine")
    assert said(True, [0.45, 0.55], [0.4, 0.8]).startswith(
        "People could not tell the images apart, and it is not shown that a machine"
    )
    assert said(False, [0.4, 0.7], None).startswith("It is not shown that a machine")
    assert said(True, [0.4, 0.7], [0.1, 0.3]).startswith("The machine's scores go against the truth")
    assert machine_sentence({"machines": []}, PEOPLE) == ""


def test_pages_figures_and_exports_show_it(added, client, researcher):
    client.force_login(researcher)
    page = unescape(client.get(reverse("results", args=[added.slug])).content.decode())
    # Which sentence it is depends on the simulated readers; `machine_sentence` has tests of its own.
    sentence = machine_sentence(with_machines(added, analyse_study(added, SIMULATED)), SIMULATED)
    assert "Model A, AUC" in sentence
    for text in (sentence, "doi:10.1/x", "Do not show this to the study's readers",
                 "the machine judged them right"):  # fmt: skip
        assert text in page, text
    assert " nan" not in page
    for name in ("machines", "roc"):
        figure = client.get(reverse("figure", args=[added.slug, name, "svg"])).content.decode()
        assert "Model A" in figure, name
    rows = list(
        csv.DictReader(io.StringIO(client.get(reverse("export", args=[added.slug, "machines"])).content.decode()))
    )
    assert len(rows) == 20
    assert set(rows[0]) >= {"machine", "image", "truth", "score", "response", "people_judged_real"}
    document = json.loads(output_of("export_results", added.slug, "--format", "json"))
    assert document["machines"][0]["name"] == "Model A"
    assert "machines" not in document["analysis"]
    files = archive_files(added, SIMULATED)
    assert json.loads(files["machines.json"]())[0]["name"] == "Model A"
    assert files["tables/machine-images.csv"]().count(b"Model A") == 20
    assert "machines" not in json.loads(files["analysis.json"]())
    assert "machines.json" in files["README.md"]().decode()


def test_a_published_page_shows_it(added):
    call_command("close_study", added.slug)
    publish(Study.objects.get(pk=added.pk))
    page = Client().get(reverse("published", args=[added.slug])).content.decode()
    assert "Model A, AUC" in unescape(page)  # whether people could, too, is chance with so few simulated readers
    assert "Model A" in Client().get(reverse("published-figure", args=[added.slug, "machines", "svg"])).content.decode()
    assert "Model A" in Client().get(reverse("published-table", args=[added.slug, "machine-images"])).content.decode()


def test_readers_learn_nothing_of_it(added, reader, client):
    client.force_login(reader.user)
    for name in ("results", "report"):
        assert client.get(reverse(name, args=[added.slug])).status_code == 403
    assert "Model A" not in client.get(added.get_absolute_url()).content.decode()
    assert Client().get(reverse("published", args=[added.slug])).status_code == 404


def test_it_is_removed_by_its_name_and_images_are_written_for_others(added, tmp_path):
    with pytest.raises(CommandError, match="machine readers: Model A"):
        call_command("add_machine_reader", added.slug, remove="Model B")
    call_command("add_machine_reader", added.slug, remove="Model A")
    assert not MachineReader.objects.exists()
    call_command("add_machine_reader", added.slug, stimuli=str(tmp_path / "out"))
    stimulus = added.stimuli.first()
    assert (tmp_path / "out" / f"{stimulus.pk}.png").read_bytes() == stimulus.read()
    assert len(list((tmp_path / "out").iterdir())) == 20


def test_the_job_runs_the_command_for_those_who_may_change_the_study(simulated, client, researcher):
    client.force_login(make_researcher("other@test.example"))
    address = reverse("job-start", args=["detector"])
    given = {"study": simulated.pk, "name": "D", "folds": 3, "seed": 0}
    assert client.post(address, given).status_code == 422
    client.force_login(researcher)
    page = client.get(reverse("research-study", args=[simulated.slug])).content.decode()
    assert f"{address}?study={simulated.pk}" in page
    assert f'<option value="{simulated.pk}" selected>' in client.get(f"{address}?study={simulated.pk}").content.decode()
    assert client.post(address, given).status_code == 302
    job = Job.objects.get()
    assert job.arguments == {"study": simulated.pk, "name": "D", "folds": 3, "seed": 0}

    class Channel:
        def say(self, *args, **kwargs):
            pass

    queue.claim(job.pk, 1, "w")
    commands = Commands(Channel())
    commands.said = io.StringIO()
    detector(job, commands)
    assert simulated.machines.get().name == "D"
    assert "accuracy" in commands.out.getvalue()


def test_web_workers_do_not_load_torch_for_it():
    code = "import sys, django; django.setup(); import turing.urls, turing.results.machines, turing.studies.machines; "
    code += "print([name for name in ('torch', 'scipy') if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True,
                          env={"DJANGO_SETTINGS_MODULE": "turing.settings", "PATH": "/usr/bin"})  # fmt: skip
    assert done.stdout.strip() == "[]", done.stderr
