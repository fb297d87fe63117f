"""Rates by skin tone are given if there are enough images and readers, and missing tones are named."""

import json
from html import unescape

import pytest
from django.core.management import call_command
from django.urls import reverse

from gan.models import GeneratedImage, LesionImage
from turing.models import Response, Study
from turing.results import skin_tone
from turing.results.counting import SIMULATED
from turing.results.published.publishing import publish
from turing.results.skin_tone import skin_tone_sentence, with_skin_tone


@pytest.fixture
def toned(study):
    """All generated images are light, and half of the real ones are brown."""
    call_command("simulate_readers", study.slug, readers=6, seed=3)
    GeneratedImage.objects.update(ita=45.0, ita_share=0.3)
    LesionImage.objects.update(ita=45.0, ita_share=0.3)
    for index, one in enumerate(study.stimuli.filter(truth="real")):
        if index % 2:
            LesionImage.objects.filter(pk=one.lesion_image_id).update(ita=-10.0)
    return study


def test_a_study_that_nobody_measured_has_none(study, client, researcher):
    assert with_skin_tone(study, SIMULATED, {})["skin_tone"] is None
    assert skin_tone_sentence({"skin_tone": None}) == ""
    client.force_login(researcher)
    call_command("simulate_readers", study.slug, readers=2)
    assert "Skin tone" not in client.get(reverse("results", args=[study.slug])).content.decode().split("As CSV")[0]


def test_rates_are_of_the_images_of_a_band_and_few_are_not_judged(toned):
    found = with_skin_tone(toned, SIMULATED, {})
    rows = {row["skin"]: row for row in found["skin_tone"]["bands"]}
    answers = Response.objects.filter(trial__stimulus__truth="generated")
    assert rows["light"]["generated_images"] == 10
    assert rows["light"]["fooling_rate"] == pytest.approx(answers.filter(answer="real").count() / answers.count())
    assert rows["light"]["fooling_rate_ci95"][0] < rows["light"]["fooling_rate"] < rows["light"]["fooling_rate_ci95"][1]
    assert rows["brown"]["real_images"] == 5
    assert (rows["brown"]["real_judged_real"], rows["brown"]["said"]) == (None, "too few to say")
    json.dumps(found, allow_nan=False)


def test_who_is_missing_among_generated_images_is_said(toned):
    found = with_skin_tone(toned, SIMULATED, {})
    missing = {row["skin"]: row for row in found["skin_tone"]["missing"]}
    assert (missing["brown"]["real_in_study"], missing["brown"]["generated_in_record"]) == (5, 0)
    assert missing["brown"]["missing"] == "no generated image"
    assert missing["light"]["missing"] == ""
    assert skin_tone_sentence(found).startswith("Real images show brown skin; no generated image does.")
    assert "very light, intermediate, tan, brown and dark skin" in skin_tone_sentence(found)


def test_types_of_the_collection_stand_beside(toned, monkeypatch):
    LesionImage.objects.update(fitzpatrick_skin_type="II")
    monkeypatch.setattr(skin_tone, "FEWEST_IMAGES", 5)
    rows = {row["skin"]: row for row in with_skin_tone(toned, SIMULATED, {})["skin_tone"]["types"]}
    assert rows["II"]["real_images"] == 10
    assert rows["II"]["real_judged_real"] is not None
    assert rows["V"]["real_images"] == 0


def test_pages_and_exports_show_it(toned, client, researcher):
    client.force_login(researcher)
    page = unescape(client.get(reverse("results", args=[toned.slug])).content.decode())
    assert "Real images show brown skin; no generated image does." in page
    assert "too few to say" in page
    assert client.get(reverse("table", args=[toned.slug, "skin-missing"])).content.count(b"\n") == 7
    document = json.loads(client.get(reverse("export", args=[toned.slug, "json"])).content)
    assert len(document["skin_tone"]["bands"]) == 6
    call_command("close_study", toned.slug)
    publish(Study.objects.get(pk=toned.pk))
    page = unescape(client.get(reverse("published", args=[toned.slug])).content.decode())
    assert "Real images show brown skin; no generated image does." in page
