"""Studies in two parts: purpose-blinded, debriefed, followed by an informed one."""

import json
import re

import pytest
from django.core.management import CommandError, call_command
from django.urls import reverse

from tests.conftest import make_reader
from turing.models import Debriefing, Reading, Response, Study
from turing.people.erasure import erase
from turing.reading.passage import start_reading
from turing.studies.blinding.purpose import check_purpose
from turing.studies.blinding.visitors import given_answers
from turing.studies.telling import telling_words, telling_words_of_address

QUESTIONS = [
    {"type": "diagnosis", "name": "tumour", "options": ["melanoma", "BCC"], "confidence": True, "primary": True},
    {"type": "quality"},
    {"type": "text", "name": "notes"},
]
TITLE = "How clear are these lesions?"


def make(run, tmp_path, title=TITLE, questions=QUESTIONS, **options) -> Study:
    file = tmp_path / "questions.json"
    file.write_text(json.dumps(questions))
    values = {"real": 2, "generated": 2, "stimulus_size": 64, "purpose_blinded": True} | options
    call_command("create_study", title, run=[str(run.pk)], questions=file if questions else None, **values)
    return Study.objects.latest("pk")


@pytest.fixture
def blinded(run, tmp_path) -> Study:
    study = make(run, tmp_path)
    call_command("open_study", study.slug)
    return Study.objects.get(pk=study.pk)


def read_all(client, study: Study, reader) -> Reading:
    """By the pages, to the last image."""
    client.force_login(reader.user)
    client.post(reverse("study", args=[study.slug]), {"consent": "on"})
    reading = Reading.objects.get(study=study, reader=reader)
    for trial in reading.trials.all():
        answer = {"position": trial.position, **given_answers(study)}
        reply = client.post(reverse("trial", args=[study.slug, trial.position]), answer)
    assert reply.url == reverse("study-after", args=[study.slug])
    reading.refresh_from_db()
    assert reading.completed_at
    return reading


def answer_after(client, study: Study, noticed="The hairs look odd.", suspected="yes") -> None:
    client.post(reverse("study-after", args=[study.slug]), {"step": "noticed", "noticed": noticed})
    client.post(reverse("study-after", args=[study.slug]), {"step": "suspected", "suspected": suspected})


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Real or fake? AI-made, by a GAN.", ["Real", "fake", "AI", "GAN"]),
        ("Yapay zeka ile ÜRETİLMİŞ, bilgisayarla", ["Yapay", "ÜRETİLMİŞ", "bilgisayarla"]),
        ("Please say what you realise: again, the image is clear; Gani, aid.", []),
        ("How realistic? SENTETİK, gerçekçi", ["realistic", "SENTETİK", "gerçekçi"]),
    ],
)
def test_telling_words_are_found_whole_and_in_turkish(text, found):
    assert telling_words(text) == found


def test_telling_words_are_found_in_addresses():
    assert telling_words_of_address("an-ai-or-gercek-lesion") == ["gercek", "AI", "GERCEK"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"title": "Synthetic lesions"}, "Title: readers of a purpose-blinded study must not read 'Synthetic'"),
        ({"instructions": "Is it fake?"}, "Instructions: readers of a purpose-blinded study must not read 'fake'"),
        ({"questions": [{"type": "realism"}]}, "realism (realism) would tell"),
        ({"questions": [*QUESTIONS, {"type": "cues"}]}, "cues (cues) would tell"),
        ({"questions": [{"type": "yes_no", "name": "x", "question": "Is it real?"}]}, "must not read 'real'"),
        ({"questions": None}, "needs at least one"),
        ({"timed": True}, "not in a purpose-blinded study"),
        ({"practice_images": 2}, "practice tells what each image is"),
        ({"show_score": True}, "the score is of judgements"),
        ({"repeats": 2}, "agreement on the judgement"),
        ({"feedback_after": True}, "it would tell what each image is"),
    ],
)
def test_a_purpose_blinded_design_refuses_what_would_tell(run, tmp_path, change, said):
    with pytest.raises(CommandError, match=re.escape(said)):
        make(run, tmp_path, **change)


def test_the_consent_is_its_own_and_says_nothing(blinded):
    assert telling_words(blinded.consent) == []
    assert "full purpose" in blinded.consent
    assert not blinded.asks_judgement
    assert [one.kind for one in blinded.all_questions] == ["diagnosis", "quality", "text"]


def test_no_page_reply_or_letter_says_that_images_are_generated(blinded):
    [check] = check_purpose(blinded)
    assert check.verdict == "passed", check.detail
    assert Response.objects.count() == 0  # nothing of the audit stays


def _leaking(place, word):
    def middleware(get_response):
        def change(request):
            response = get_response(request)
            if re.search(place, request.path) and response.headers["Content-Type"].startswith(("text/html", "app")):
                response.content = response.content.replace(b"</main>", word.encode() + b"</main>").replace(
                    b'"location"', b'"synthetic": 1, "location"'
                )
            return response

        return change

    return middleware


home_middleware = _leaking("^/$", "yapay")
trial_middleware = _leaking("/trials/", '<i data-truth="Generated"></i>')
certificate_middleware = _leaking("/certificate/", "deepfakes")


@pytest.mark.parametrize(
    ("leak", "said"),
    [("home", "GET / (en) says 'yapay'"), ("trial", "says 'Generated'"), ("certificate", "says 'deepfakes'")],
)
def test_a_planted_word_is_found(blinded, settings, leak, said):
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, f"tests.turing.test_phases.{leak}_middleware"]
    [check] = check_purpose(blinded)
    assert check.verdict == "leak"
    assert said in check.detail


def test_a_telling_title_that_was_given_by_other_means_is_found(blinded):
    Study.objects.filter(pk=blinded.pk).update(title="Real lesions?")
    assert check_purpose(Study.objects.get(pk=blinded.pk))[0].verdict == "leak"


def test_the_debriefing_comes_after_both_questions_and_each_is_stored_once(client, blinded, reader):
    reading = read_all(client, blinded, reader)
    address = reverse("study-after", args=[blinded.slug])
    first = client.get(address).content.decode()
    assert "anything unusual" in first
    assert not telling_words(re.sub(r'value="[^"]+"', "", first))
    client.post(address, {"step": "noticed", "noticed": "The hairs look odd."})
    client.post(address, {"step": "noticed", "noticed": "Something else."})
    second = client.get(address).content.decode()
    assert "generated by a computer" in second
    assert "withdraw" not in second
    assert client.post(address, {"step": "suspected"}).status_code == 422
    client.post(address, {"step": "suspected", "suspected": "yes"})
    client.post(address, {"step": "suspected", "suspected": "no"})
    stored = Debriefing.objects.get(reading=reading)
    assert (stored.noticed, stored.suspected) == ("The hairs look odd.", True)
    assert reverse("withdraw", args=[blinded.slug]) in client.get(address).content.decode()
    erase(reader.user)
    stored.refresh_from_db()
    assert stored.noticed == ""


def test_nobody_is_debriefed_before_the_last_answer_but_all_once_it_is_over(client, blinded, reader):
    start_reading(blinded, reader)
    client.force_login(reader.user)
    address = reverse("study-after", args=[blinded.slug])
    assert client.get(address).url == reverse("study", args=[blinded.slug])
    client.post(reverse("withdraw", args=[blinded.slug]))
    assert client.get(address).url == reverse("study", args=[blinded.slug])
    call_command("close_study", blinded.slug)
    assert "generated by a computer" in client.get(address).content.decode()


def test_the_site_is_discreet_until_a_reader_is_debriefed(client, blinded, study, reader):
    def start_page():
        return client.get("/").content.decode()

    assert study.title not in start_page()
    assert blinded.title in start_page()
    assert "Turing" not in client.get(reverse("login")).content.decode()
    read_all(client, blinded, reader)
    assert study.title not in start_page()
    answer_after(client, blinded)
    assert study.title in start_page()
    assert "Turing" in start_page()


def test_who_knows_the_purpose_cannot_begin_a_purpose_blinded_study(client, blinded, study):
    knowing = make_reader("knowing@test.example")
    start_reading(study, knowing)
    client.force_login(knowing.user)
    client.post(reverse("study", args=[blinded.slug]), {"consent": "on"})
    assert not Reading.objects.filter(study=blinded).exists()
    assert "certain other studies" in client.get(reverse("study", args=[blinded.slug])).content.decode()
