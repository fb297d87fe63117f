"""A plan is written before the first answer, sealed at opening, and distinguished from later decisions."""

import io
import json
import re
from unittest.mock import Mock

import pytest
from django.core.management import CommandError, call_command
from django.urls import reverse

from turing.errors import StudyError
from turing.models import Preregistration, Study
from turing.statistics.planning import STRUCTURES, Population, expected_power, expected_width
from turing.studies.lifecycle import open_study


def output_of(*command):
    out = io.StringIO()
    call_command(*command, stdout=out)
    return out.getvalue()


def test_opening_a_study_seals_a_preregistration_of_its_design(study):
    found = study.preregistration
    assert found.is_sealed
    assert found.created_at == study.opened_at
    document = json.loads(found.document)
    assert document["stamp"]["design_hash"] == study.design_hash
    assert document["planned"] == {
        "primary": ["fooling_rate"],
        "secondary": ["accuracy", "equivalence", "real_judged_real"],
        "comparisons": ["diagnosis"],
    }
    titles = [section["title"] for section in document["sections"]]
    assert titles == ["Study information", "Design plan", "Sampling plan", "Variables", "Analysis plan", "Other"]
    answers = " ".join(item["answer"] for section in document["sections"] for item in section["items"])
    assert "within 0.5 +- 0.1" in answers
    assert "5 drawn phantoms in the place of real images" in answers


def test_what_was_drawn_up_from_the_draft_is_what_is_sealed(draft):
    drawn = output_of("preregister", draft.slug, "--readers", "12", "--hypotheses", "Experts see more.")
    assert "given when the study opens" in drawn
    again = output_of("preregister", draft.slug, "--stopping", "After 12 readers.")
    for text in ("12 readers are planned", "Experts see more.", "After 12 readers."):
        assert text in again
    study = open_study(draft)
    sealed = output_of("preregister", study.slug)
    for text in ("12 readers are planned", "Experts see more.", "After 12 readers.", study.design_hash):
        assert text in sealed
    assert json.loads(output_of("preregister", study.slug, "--format", "json")) == json.loads(
        study.preregistration.document
    )


def test_a_file_that_cannot_be_written_leaves_the_plan_and_the_earlier_file_as_they_were(draft, tmp_path, monkeypatch):
    path = tmp_path / "plan.md"
    output_of("preregister", draft.slug, "--readers", "12", "--output", str(path))
    kept, lines = draft.preregistration.document, draft.audit_lines.count()
    before = path.read_bytes()
    assert b"12 readers are planned" in before
    with pytest.raises(CommandError, match=r"--output .*plan\.md: No such file or directory: .*none"):
        output_of("preregister", draft.slug, "--readers", "30", "--output", str(tmp_path / "none" / "plan.md"))
    assert Preregistration.objects.get(study=draft).document == kept
    assert draft.audit_lines.count() == lines
    monkeypatch.setattr("files.os.fsync", Mock(side_effect=OSError(28, "No space left on device")))
    with pytest.raises(CommandError, match=r"plan\.md: No space left on device"):
        output_of("preregister", draft.slug, "--readers", "30", "--output", str(path))
    assert [(one.name, one.read_bytes()) for one in tmp_path.iterdir()] == [("plan.md", before)]


def test_expected_precision_is_what_plan_study_computes(draft):
    draft.generated_per_diagnosis = 8
    draft.real_per_diagnosis = 6
    draft.save()
    document = json.loads(output_of("preregister", draft.slug, "--readers", "20", "--format", "json"))
    rows = {row["structure"]: row for row in document["sampling"]["rows"]}
    assert set(rows) == set(STRUCTURES)
    population = Population(0.5, *STRUCTURES["moderate"])
    assert rows["moderate"]["width"] == pytest.approx(expected_width(population, 20, 16), abs=1e-4)
    assert rows["moderate"]["power"] == pytest.approx(expected_power(population, 0.1, 20, 28), abs=1e-4)
    draft.generated_per_diagnosis = 1
    draft.save()
    few = output_of("preregister", draft.slug)
    assert "too few generated images" in few


def test_after_opening_nothing_changes_it(study, client, researcher):
    before = study.preregistration.document
    with pytest.raises(CommandError, match="cannot be changed"):
        output_of("preregister", study.slug, "--readers", "9")
    client.force_login(researcher)
    page = client.post(reverse("preregistration", args=[study.slug]), {"readers": "9"}, follow=True)
    assert "cannot be changed" in page.content.decode()
    kept = Preregistration.objects.get(study=study)
    assert kept.document == before
    with pytest.raises(StudyError, match="cannot be changed"):
        kept.save()


def test_a_study_that_opened_before_has_none_and_says_so(study, client, researcher):
    study.preregistration.delete()
    with pytest.raises(CommandError, match="opened before"):
        output_of("preregister", study.slug)
    call_command("simulate_readers", study.slug, readers=2)
    client.force_login(researcher)
    assert "has none" in client.get(reverse("preregistration", args=[study.slug])).content.decode()
    assert "Nothing was preregistered" in client.get(reverse("results", args=[study.slug])).content.decode()
    assert client.get(reverse("preregistration-file", args=[study.slug, "md"])).status_code == 404


def test_the_results_page_tells_planned_from_exploratory_analyses(study, client, researcher):
    call_command("simulate_readers", study.slug, readers=2)
    client.force_login(researcher)
    page = client.get(reverse("results", args=[study.slug])).content.decode()
    tags = dict(re.findall(r'<h[23] id="(\w+)">[^<]*<span class="tag">([^<]+)</span>', page))
    assert tags["rates"] == "preregistered"
    assert tags["differences"] == "preregistered by diagnosis, otherwise exploratory"
    assert {tags[name] for name in ("images", "detection", "readers", "time")} == {"exploratory"}
    assert "the fooling rate, accuracy, its test of equivalence to guessing" in page


def test_the_page_draws_a_draft_up_and_gives_its_files(draft, client, researcher, reader):
    address = reverse("preregistration", args=[draft.slug])
    client.force_login(reader.user)
    assert client.get(address).status_code == 403
    client.force_login(researcher)
    assert "The number of readers was not fixed" in client.get(address).content.decode()
    assert client.post(address, {"readers": "1"}).status_code == 422
    page = client.post(address, {"readers": "30", "other": "<b>Nothing</b>"}, follow=True).content.decode()
    assert "30 readers are planned" in page
    assert "&lt;b&gt;Nothing&lt;/b&gt;" in page
    assert Study.objects.get(pk=draft.pk).is_draft
    markdown = client.get(reverse("preregistration-file", args=[draft.slug, "md"]))
    assert markdown.content.startswith(b"# Preregistration\n")
    assert json.loads(client.get(reverse("preregistration-file", args=[draft.slug, "json"])).content)["sections"]
    assert client.get(reverse("preregistration-file", args=[draft.slug, "exe"])).status_code == 404
