"""Every text for readers is translated into every language, and compiled."""

import importlib.util
import re
from pathlib import Path

import pytest
from django.urls import reverse
from django.utils import translation

from turing.models import Study, Truth
from turing.reading.passage import record_response, start_reading
from turing.templatetags.figures import percent
from turing.templatetags.wording import image_count

ROOT = Path(__file__).resolve().parents[1]
specification = importlib.util.spec_from_file_location("messages", ROOT / "scripts/messages.py")
messages = importlib.util.module_from_spec(specification)
specification.loader.exec_module(messages)

PLACE = re.compile(r"%\(\w+\)s|%%|{\w+}|</?\w+>")


@pytest.fixture(params=messages.CATALOGS, ids=lambda path: path.parents[1].name)
def catalog(request):
    return messages.read(request.param)


def test_every_text_is_translated_with_the_same_places_for_numbers(catalog):
    wanted = {message for message, _ in messages.used()}
    assert len(wanted) > 100
    assert {message.id for message in catalog if message.id} == wanted
    for message in catalog:
        if not message.id:
            continue
        texts = message.string if message.pluralizable else (message.string,)
        sources = message.id if message.pluralizable else (message.id,)
        assert all(texts), message.id
        assert {tuple(sorted(PLACE.findall(text))) for text in texts} == {
            tuple(sorted(PLACE.findall(source))) for source in sources
        }, message.id


@pytest.mark.parametrize("path", messages.CATALOGS, ids=lambda path: path.parents[1].name)
def test_the_compiled_file_is_that_of_the_texts(path):
    assert path.with_suffix(".mo").read_bytes() == messages.compiled(messages.read(path)), "run scripts/messages.py"


@pytest.mark.parametrize("language", ["en", "tr"])
def test_the_two_answers_have_keys_of_their_own(language):
    with translation.override(language):
        keys = [str(label)[0] for label in Truth.labels]
    assert len(set(keys)) == len(keys)
    assert all(key.isascii() for key in keys)


def test_numbers_are_written_as_readers_write_them():
    assert percent(0.58725) == "58.7%"
    with translation.override("tr"):
        assert percent(0.58725) == "%58,7"
        assert image_count(20) == "20 görüntü"


def test_a_browser_that_asks_for_turkish_is_answered_in_turkish(client, study, reader, researcher):
    turkish = {"headers": {"Accept-Language": "tr-TR,tr;q=0.9"}}
    client.force_login(reader.user)
    page = client.get(study.get_absolute_url(), **turkish).content.decode()
    assert '<html lang="tr">' in page
    assert "20 görüntü: melanom, bazal hücreli karsinom" in page
    reading = start_reading(study, reader)
    record_response(reading, 1, "real", 2, 900)
    page = client.get(reverse("trial", args=[study.slug, 2]), **turkish).content.decode()
    assert 'data-key="g"' in page
    assert "Yapay" in page
    assert client.get("/nowhere/", **turkish).content.decode().count("Bulunamad") == 2
    client.force_login(researcher)
    page = client.get(reverse("research"), **turkish).content.decode()
    assert '<html lang="en">' in page
    assert reverse("set_language") not in page  # it would change nothing there


def test_a_reader_chooses_a_language(client, study):
    client.post(reverse("set_language"), {"language": "tr", "next": study.get_absolute_url()})
    assert "Onam" in client.get(study.get_absolute_url()).content.decode()
    Study.objects.filter(pk=study.pk).update(slug="research")
    assert reverse("set_language") in client.get("/studies/research/").content.decode()  # no researchers' page
    Study.objects.filter(pk=study.pk).update(slug=study.slug)
    client.post(reverse("set_language"), {"language": "en", "next": study.get_absolute_url()})
    assert "Consent" in client.get(study.get_absolute_url()).content.decode()


def test_the_platforms_consent_is_in_the_readers_language_and_a_studys_own_as_it_was_written(client, study, reader):
    turkish = {"headers": {"Accept-Language": "tr"}}
    client.force_login(reader.user)
    page = client.get(study.get_absolute_url(), **turkish).content.decode()
    assert '<div class="prose" lang="tr">Sizden' in page
    assert f'<h1 lang="en">{study.title}</h1>' in page
    client.post(study.get_absolute_url(), {"consent": "on"}, **turkish)
    for language, agreed in (("tr", True), ("en", False)):
        with translation.override(language):
            assert (study.readings.get().consent_version == study.consent_version) is agreed
    study.readings.get().trials.all().delete()
    study.readings.all().delete()
    Study.objects.filter(pk=study.pk).update(
        language="tr", consent_text="Kabul ediyor musunuz?", instructions="Acele etmeyin."
    )
    page = client.get(study.get_absolute_url()).content.decode()
    assert '<html lang="en">' in page
    for text in ("Kabul ediyor musunuz?", "Acele etmeyin."):
        assert f'lang="tr">{text}</div>' in page
