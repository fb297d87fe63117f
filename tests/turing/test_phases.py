"""Studies in two parts: a purpose-blinded one with debriefing, followed by an informed one."""

import csv
import io
import json
import re
import subprocess
import sys
import zipfile
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.urls import reverse
from django.utils import timezone
from scipy.stats import binomtest

from gan.models import GeneratedImage
from tests.conftest import make_reader, make_researcher
from turing.errors import StudyError
from turing.models import Debriefing, Reading, Response, Study
from turing.models.withdrawal import withdraw
from turing.people.erasure import erase
from turing.reading.passage import record_response, start_reading
from turing.results.archive.verify import verify_archive
from turing.results.counting import PEOPLE, SIMULATED
from turing.results.exports import to_csv, to_json
from turing.results.noticing import with_noticing
from turing.results.published.publishing import publish
from turing.results.responses_csv import parse_responses
from turing.results.sittings import with_sittings
from turing.results.study_analysis import analyse_study
from turing.statistics.analysis import analyse
from turing.studies.blinding.audit import as_json, audit_blinding
from turing.studies.blinding.purpose import check_purpose
from turing.studies.blinding.visitors import given_answers
from turing.studies.design import frozen_design, is_as_opened
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
    """Answer all images through the pages."""
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
        ({"title": "Synthetic lesions"}, "Title: readers of a purpose-blinded study must not see 'Synthetic'"),
        ({"instructions": "Is it fake?"}, "Instructions: readers of a purpose-blinded study must not see 'fake'"),
        ({"questions": [{"type": "realism"}]}, "realism (realism) would reveal"),
        ({"questions": [*QUESTIONS, {"type": "cues"}]}, "cues (cues) would reveal"),
        ({"questions": [{"type": "yes_no", "name": "x", "question": "Is it real?"}]}, "must not see 'real'"),
        ({"questions": None}, "needs at least one"),
        ({"timed": True}, "a purpose-blinded study cannot have this"),
        ({"practice_images": 2}, "practice tells what each image is"),
        ({"show_score": True}, "the score counts judgements"),
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
    checks = {check.name: check for check in audit_blinding(blinded)}
    assert checks["purpose"].verdict == "passed", checks["purpose"].detail
    assert as_json(list(checks.values()))["leaks"] == []
    assert Response.objects.count() == 0  # nothing of the audit stays


def _leaking(place, word):
    def middleware(get_response):
        def change(request):
            response = get_response(request)
            if re.search(place, request.get_full_path()) and response.headers["Content-Type"].startswith(
                ("text/html", "app")
            ):
                response.content = response.content.replace(b"</main>", word.encode() + b"</main>").replace(
                    b'"location"', b'"synthetic": 1, "location"'
                )
            return response

        return change

    return middleware


home_middleware = _leaking("^/$", "yapay")
trial_middleware = _leaking("/trials/", '<i data-truth="Generated"></i>')
certificate_middleware = _leaking("/certificate/", "deepfakes")
correction_middleware = _leaking("correct=", "artificial")


@pytest.mark.parametrize(
    ("leak", "said"),
    [("home", "GET / (en) says 'yapay'"), ("trial", "says 'Generated'"), ("certificate", "says 'deepfakes'")],
)
def test_a_planted_word_is_found(blinded, settings, leak, said):
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, f"tests.turing.test_phases.{leak}_middleware"]
    [check] = check_purpose(blinded)
    assert check.verdict == "leak"
    assert said in check.detail


def test_pages_of_corrections_are_read_too(run, tmp_path, settings):
    study = make(run, tmp_path, corrections=True)
    call_command("open_study", study.slug)
    study.refresh_from_db()
    [check] = check_purpose(study)
    assert check.verdict == "passed", check.detail
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, "tests.turing.test_phases.correction_middleware"]
    [check] = check_purpose(study)
    assert "?correct=1 (en) says 'artificial'" in check.detail


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


def test_results_compare_the_questions_and_hold_no_figure_of_the_judgement(client, blinded, researcher, tmp_path):
    call_command("simulate_readers", blinded.slug, readers=6, seed=1)
    call_command("close_study", blinded.slug)
    analysis = analyse_study(blinded, SIMULATED)
    assert [row["name"] for row in analysis["questions"]] == ["tumour", "quality", "notes"]
    assert analysis["asks_judgement"] is False
    assert analysis["fooling_rate"]["estimate"] is analysis["auc"] is analysis["equivalence"] is None
    assert analysis["counts"]["generated_judged_real"] is None
    assert analysis["by_reader"] == analysis["by_image"] == analysis["comparisons"] == []
    Study.objects.filter(pk=blinded.pk).update(owner=researcher)
    client.force_login(researcher)
    for name in ("results", "report"):
        page = client.get(reverse(name, args=[blinded.slug])).content.decode()
        assert "tumour: the right diagnosis" in page
        assert "for real;" not in page
        assert "ROC curve" not in page.partition("<ol>")[0]
    assert client.get(reverse("figure", args=[blinded.slug, "roc", "svg"])).status_code == 404
    assert client.get(reverse("export", args=[blinded.slug, "imrmc"])).status_code == 404
    assert client.get(reverse("preregistration", args=[blinded.slug])).status_code == 200
    assert client.get(reverse("research-study", args=[blinded.slug])).status_code == 200
    rows = list(csv.DictReader(io.StringIO(to_csv(blinded, SIMULATED).decode())))
    assert {row["response"] for row in rows} == {""}
    (tmp_path / "answers.csv").write_bytes(to_csv(blinded, SIMULATED))
    call_command("analyze_responses", tmp_path / "answers.csv")
    again = analyse(parse_responses(to_csv(blinded, SIMULATED).decode()), plan=blinded.questions)
    assert again["questions"] == analysis["questions"]
    publish(blinded, archive=True)
    public = client.get(reverse("published", args=[blinded.slug])).content.decode()
    assert "purpose-blinded" in public
    assert "had suspected" in public
    assert client.get(reverse("published-table", args=[blinded.slug, "noticed"])).status_code == 404
    assert client.get(reverse("published-table", args=[blinded.slug, "rates"])).status_code == 404
    archive = tmp_path / "archive.zip"
    call_command("archive_study", blinded.slug, output=archive)
    assert [check.name for check in verify_archive(archive) if not check.holds] == []
    with zipfile.ZipFile(archive) as found:
        assert "tables/rates.csv" not in found.namelist()
        assert json.loads(found.read("noticing.json"))["answered"] == 6
        found.extractall(tmp_path / "archive")
    done = subprocess.run([sys.executable, "reproduce.py"], cwd=tmp_path / "archive", capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_share_who_suspected_has_an_exact_interval_and_words_go_to_researchers_alone(client, blinded, researcher):
    for number, suspected in enumerate(["yes", "no", "no"]):
        one = make_reader(f"reader{number}@test.example")
        read_all(client, blinded, one)
        answer_after(client, blinded, noticed="=odd hairs", suspected=suspected)
    found = with_noticing(blinded, PEOPLE, {})["noticing"]
    assert (found["suspected"], found["answered"], found["completed"]) == (1, 3, 3)
    assert found["ci95"] == pytest.approx(binomtest(1, 3).proportion_ci(0.95, "exact"), abs=1e-12)
    assert with_noticing(blinded, PEOPLE, {}, is_public=True)["noticing"]["share"] is None  # of fewer than five
    document = json.loads(to_json(blinded, PEOPLE))
    assert [row["suspected"] for row in document["noticing"]["readers"]].count(True) == 1
    Study.objects.filter(pk=blinded.pk).update(owner=researcher)
    client.force_login(researcher)
    table = client.get(reverse("table", args=[blinded.slug, "noticed"])).content.decode()
    assert "'=odd hairs" in table
    withdraw(Reading.objects.filter(study=blinded, debriefing__suspected=True).get())
    assert with_noticing(blinded, PEOPLE, {})["noticing"]["suspected"] == 0


def make_second(run, blinded, title="Which of these were generated?", **options) -> Study:
    values = {"real": 2, "generated": 2, "stimulus_size": 64, "follows": blinded.slug} | options
    call_command("create_study", title, run=[str(run.pk)], **values)
    study = Study.objects.latest("pk")
    call_command("open_study", study.slug)
    return Study.objects.get(pk=study.pk)


def sources_of(study: Study) -> set:
    return set(study.stimuli.values_list("lesion_image", "generated_image"))


def test_the_second_part_shows_other_images_or_the_very_same_ones(run, blinded):
    other = make_second(run, blinded, practice_images=4)
    assert not sources_of(other) & sources_of(blinded)
    lesions = {one.lesion_image.lesion_id for one in blinded.stimuli.exclude(lesion_image=None)}
    assert not lesions & {one.lesion_image.lesion_id for one in other.stimuli.exclude(lesion_image=None)}
    same = make_second(run, blinded, same_images=True, stimulus_size=128, seed=7, practice_images=2)
    assert set(same.stimuli.of_test().values_list("lesion_image", "generated_image")) == sources_of(blinded)
    assert same.stimuli.count() == blinded.stimuli.count() + 2


def test_the_second_part_shows_no_twin_of_the_first(run, tmp_path):
    """Earlier versions drew both diagnoses from the same latents, here eight."""
    run.model = "projected"
    run.save()
    for name in run.diagnoses:
        for number, image in enumerate(run.generated_images.filter(diagnosis=name).order_by("pk")):
            image.latent_seed = number
            image.save()
    first = make(run, tmp_path)
    call_command("open_study", first.slug)
    second = make_second(run, first)
    latents = GeneratedImage.objects.filter(stimuli__study__in=[first, second]).values_list("latent_seed", flat=True)
    assert sorted(latents) == list(range(8))


def test_the_hash_of_a_design_without_parts_is_as_before_and_parts_change_it(run, blinded):
    assert not {"follows_id", "same_images", "washout_days"} & frozen_design(blinded).keys()
    second = make_second(run, blinded, washout_days=3)
    assert frozen_design(second)["follows_id"] == blinded.pk
    assert is_as_opened(second, second.stimuli.all())


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"real": 1, "same_images": True}, "must be the same as in"),
        ({"follows": None, "same_images": True}, "choose the earlier study"),
        ({"follows": None, "washout_days": 3}, "choose the earlier study"),
        ({"follows": "no-such-study"}, "No study 'no-such-study'"),
    ],
)
def test_a_second_part_that_does_not_fit_the_first_is_refused(run, blinded, change, said):
    with pytest.raises((CommandError, StudyError), match=said):
        make_second(run, blinded, **change)


def test_a_study_cannot_be_opened_before_the_one_that_it_follows(run, tmp_path):
    first = make(run, tmp_path)
    with pytest.raises((CommandError, StudyError), match="is a draft; it must be opened first"):
        make_second(run, first)


def test_the_second_part_is_hidden_until_the_debriefing_and_begins_after_the_washout(client, run, blinded, reader):
    second = make_second(run, blinded, washout_days=2)
    address = reverse("study", args=[second.slug])
    for name in ("/", address):
        assert second.title not in client.get(name).content.decode()
    read_all(client, blinded, reader)
    page = client.get(address).content.decode()
    assert blinded.title in page
    assert not telling_words(re.sub(r'value="[^"]+"|"/[^"]*"', "", page))
    client.post(address, {"consent": "on"})
    assert not Reading.objects.filter(study=second).exists()
    answer_after(client, blinded)
    told = client.get(reverse("study-after", args=[blinded.slug])).content.decode()
    assert second.title in told
    assert "You can begin this study from" in told
    assert second.title in client.get("/").content.decode()
    client.post(address, {"consent": "on"})
    assert not Reading.objects.filter(study=second).exists()
    Reading.objects.update(completed_at=timezone.now() - timedelta(days=2, minutes=1))
    assert address in client.get(reverse("study-after", args=[blinded.slug])).content.decode()
    client.post(address, {"consent": "on"})
    assert Reading.objects.filter(study=second, reader=reader).exists()


def test_a_reader_who_withdrew_from_the_first_part_cannot_begin_the_second(client, run, blinded, reader):
    second = make_second(run, blinded)
    read_all(client, blinded, reader)
    answer_after(client, blinded)
    client.post(reverse("withdraw", args=[blinded.slug]))
    with pytest.raises(StudyError, match="have not left the study"):
        start_reading(second, reader)


def test_simulated_readers_of_the_second_part_are_those_of_the_first(run, blinded):
    second = make_second(run, blinded, washout_days=2)
    call_command("simulate_readers", blinded.slug, readers=3, seed=1)
    call_command("simulate_readers", second.slug, readers=2, seed=2)
    readers = {pk: set(study.readings.values_list("reader", flat=True)) for pk, study in enumerate([blinded, second])}
    assert readers[1] < readers[0]
    with pytest.raises((CommandError, StudyError), match="Simulate readers of that one first"):
        call_command("simulate_readers", second.slug, readers=2, seed=2)


def test_a_researcher_chooses_among_studies_that_they_may_see(client, blinded, researcher):
    other = make_researcher("other@test.example")
    Study.objects.filter(pk=blinded.pk).update(owner=other, visible_to_researchers=False)
    client.force_login(researcher)
    assert blinded.title not in client.get(reverse("study-create")).content.decode()
    client.force_login(other)
    assert blinded.title in client.get(reverse("study-create")).content.decode()


def test_the_change_between_two_sittings_is_of_the_readers_of_both(client, run, study, researcher):
    call_command("simulate_readers", study.slug, readers=7, seed=1, dprime=0.2)
    second = make_second(run, study, title="Second sitting", same_images=True, real=5, generated=5)
    call_command("simulate_readers", second.slug, readers=5, seed=2, dprime=2.5)
    Study.objects.filter(pk=second.pk).update(owner=researcher)
    second.refresh_from_db()
    found = with_sittings(second, SIMULATED, {})["sittings"]
    assert found["readers"] == 5

    def accuracy(of):
        rows = Response.objects.filter(trial__reading__study=of, trial__reading__reader__readings__study=second)
        right = [one.answer == one.trial.stimulus.truth for one in rows.select_related("trial__stimulus")]
        assert len(right) == 5 * 20
        return sum(right) / len(right)

    assert found["difference"] == pytest.approx(accuracy(second) - accuracy(study))
    low, high = found["ci95"]
    assert low < found["difference"] < high
    Study.objects.filter(pk=second.pk).update(owner=researcher)
    client.force_login(researcher)
    assert "5 readers also read small-study." in client.get(reverse("results", args=[second.slug])).content.decode()
    assert json.loads(to_json(second, SIMULATED))["sittings"] == found
    assert with_sittings(study, SIMULATED, {})["sittings"] is None


def test_feedback_is_for_readers_who_have_finished(client, run, reader):
    values = {"real": 1, "generated": 1, "stimulus_size": 64, "feedback_after": True, "confidence_levels": 0}
    call_command("create_study", "First sitting", run=[str(run.pk)], **values)
    call_command("open_study", "first-sitting")
    found = Study.objects.get(slug="first-sitting")
    reading = start_reading(found, reader)
    client.force_login(reader.user)
    address = reverse("study-feedback", args=[found.slug])
    assert client.get(address).status_code == 404
    for trial in reading.trials.all():
        record_response(reading, trial.position, "generated", None, 900)
    page = client.get(address).content.decode()
    assert page.count("<strong>Real</strong>") == page.count("<strong>Generated</strong>") == 2
    assert "You judged 2 of 4 images right" in " ".join(page.split())
    withdraw(reading)
    assert client.get(address).status_code == 404
