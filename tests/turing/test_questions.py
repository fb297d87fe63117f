"""Further questions: designed, asked, stored with the judgement as one answer, exported, analysed."""

import csv
import io
import json
import threading

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection
from django.urls import reverse

from tests.conftest import make_reader
from turing.models import FurtherAnswer, Response, Study
from turing.models.withdrawal import withdraw
from turing.people.erasure import erase
from turing.reading.passage import record_response, start_reading
from turing.reading.questions import Further
from turing.results.counting import PEOPLE, SIMULATED, load_responses
from turing.results.exports import to_csv
from turing.results.responses_csv import parse_responses
from turing.statistics.analysis import analyse
from turing.studies.design import design_hash
from turing.studies.question_fields import QuestionsField, _row
from turing.studies.questions import QuestionError, as_given, check_questions

QUESTIONS = [
    {
        "type": "diagnosis",
        "name": "tumour",
        "options": ["melanoma", "BCC", {"label": "naevus", "diagnoses": ["nevus"]}],
        "confidence": True,
        "primary": True,
        "test": "equivalence",
    },
    {"type": "judgement"},
    {"type": "realism", "levels": 7},
    {"type": "yes_no", "name": "biopsy", "question": "Would you take a biopsy?", "required": False},
    {"type": "text", "name": "notes"},
    {"type": "cues"},
    {"type": "region"},
]
FURTHER = {"q-tumour": "melanoma", "q-tumour-sure": "4", "q-realism": "6", "q-biopsy": "no"}
JSON = {"Accept": "application/json"}


def make_study(run, tmp_path, questions, **options) -> Study:
    file = tmp_path / "questions.json"
    file.write_text(json.dumps(questions))
    values = {"real": 5, "generated": 5, "stimulus_size": 64} | options
    call_command("create_study", "Asked", run=[str(run.pk)], questions=file, **values)
    call_command("open_study", "asked")
    return Study.objects.get(slug="asked")


@pytest.fixture
def asked(run, tmp_path) -> Study:
    return make_study(run, tmp_path, {"questions": QUESTIONS})


@pytest.fixture
def reading(asked, reader, client):
    client.force_login(reader.user)
    client.post(asked.get_absolute_url(), {"consent": "on"})
    return reader.readings.get()


def send(client, position, **values):
    data = {"position": position, "answer": "real", "confidence": 2, **FURTHER} | values
    return client.post(reverse("trial", args=["asked", position]), data, headers=JSON)


def test_a_file_of_questions_makes_the_design_and_its_hash(asked):
    assert [one.kind for one in asked.all_questions] == [one["type"] for one in QUESTIONS]
    assert asked.further_questions[0].right_answer("basal cell carcinoma") == "BCC"
    assert check_questions([as_given(one) for one in asked.questions]) == asked.questions
    before = design_hash(asked, asked.stimuli.all())
    asked.questions[2]["levels"] = 5
    assert design_hash(asked, asked.stimuli.all()) != before


def test_the_judgement_alone_is_todays_design():
    assert check_questions([]) == check_questions([{"type": "judgement"}]) == []
    assert [one["type"] for one in check_questions([{"type": "realism"}])] == ["judgement", "realism"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("realism", "must be a list"),
        (["realism"], "question 1, type: a question is an object"),
        ([{"type": "colour"}], "question 1, type: 'colour' is none of judgement, diagnosis"),
        ([{"type": "realism", "levels": 6}], "question 1, levels: 6 must be 5 or 7"),
        ([{"type": "realism", "lowest": "bad"}], "'lowest': a question of the type realism has no such key"),
        ([{"type": "text", "primary": True}], "'primary': a question of the type text has no such key"),
        ([{"type": "yes_no"}], "question 1, question: a text is needed"),
        ([{"type": "realism"}, {"type": "realism"}], "question 2, name: 'realism' is taken by question 1"),
        ([{"type": "realism", "name": "Real!"}], "question 1, name: 'Real!' must be"),
        ([{"type": "diagnosis", "options": ["melanoma"]}], "question 1, options: a list of 2 to 20"),
        ([{"type": "diagnosis", "options": ["mel", "melanoma"]}], "options: 'melanoma' is named twice"),
        ([{"type": "realism", "test": "equivalence"}], "question 1, margin: a test of equivalence needs a margin"),
        ([{"type": "realism", "margin": 9}], "question 1, margin: 9 must be a number between 0 and 4"),
        ([{"type": "judgement"}, {"type": "judgement"}], "question 2, type: 'judgement' is taken"),
    ],
)
def test_a_mistake_names_its_question_and_key(given, message):
    with pytest.raises(QuestionError) as error:
        check_questions(given)
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("text", "message"), [("{", "line 1: not valid JSON"), ('{"q": 1}', "the one key 'questions'")]
)
def test_a_file_that_holds_no_questions_is_refused_in_a_line(run, tmp_path, text, message):
    (tmp_path / "bad.json").write_text(text)
    with pytest.raises(CommandError, match=message):
        call_command("create_study", "Bad", run=[str(run.pk)], questions=tmp_path / "bad.json")


def test_each_diagnosis_of_the_study_needs_an_option(run, tmp_path):
    with pytest.raises(CommandError, match="tumour, options: none is right for basal cell carcinoma"):
        make_study(run, tmp_path, [{"type": "diagnosis", "name": "tumour", "options": ["melanoma", "nevus"]}])


def test_an_answer_is_all_of_its_questions_and_a_script_is_told_each_of_them(client, asked, reading):
    marked = {"q-cues": ["hair", "other"], "q-notes": " too smooth ", "q-region": "0.250 1.000"}
    for _ in range(2):
        reply = send(client, 1, answer="generated", **marked)
        assert reply.status_code == 200
        assert reply.json()["stored"]["further"] == {
            **FURTHER, "q-cues": ["hair", "other"], "q-notes": " too smooth ", "q-region": "0.250 1.000",
        }  # fmt: skip
    assert FurtherAnswer.objects.count() == 6
    page = client.get(reverse("trial", args=["asked", 1])).content.decode()
    assert "hair, other" in page
    assert "You answered" in page


def test_another_further_answer_to_an_answered_image_is_refused_and_the_stored_ones_are_told(client, asked, reading):
    send(client, 1)
    reply = send(client, 1, **{"q-realism": "1"})
    assert (reply.status_code, reply.json()["refused"]) == (409, "answered")
    assert reply.json()["stored"]["further"] == FURTHER | {"q-cues": [], "q-region": []}
    assert set(FurtherAnswer.objects.values_list("value", flat=True)) == {"melanoma", "6", "no"}


def test_a_cue_that_is_sent_many_times_is_stored_once(client, asked, reading):
    reply = send(client, 1, answer="generated", **{"q-cues": ["hair"] * 200 + ["other"]})
    assert reply.json()["stored"]["further"]["q-cues"] == ["hair", "other"]


def test_cues_and_marks_belong_to_images_that_were_judged_generated(client, asked, reading):
    reply = send(client, 1, **{"q-cues": ["hair"], "q-region": "0.500 0.500"})
    assert reply.json()["stored"]["further"] == FURTHER | {"q-cues": [], "q-region": []}


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"q-tumour": ""}, "q-tumour"),
        ({"q-tumour": "wart"}, "q-tumour"),
        ({"q-realism": "8"}, "q-realism"),
        ({"q-tumour-sure": ""}, "q-tumour-sure"),
        ({"q-notes": "x" * 501}, "q-notes"),
        ({"q-cues": ["wart"]}, "q-cues"),
        ({"q-region": "2 3"}, "q-region"),
    ],
)
def test_a_bad_further_answer_stores_nothing(client, asked, reading, values, field):
    reply = send(client, 1, **values)
    assert (reply.status_code, set(reply.json()["errors"])) == (422, {field})
    assert not Response.objects.exists()


def test_without_a_script_a_missing_answer_is_named_on_the_page_and_the_others_stay(client, asked, reading):
    data = {"position": 1, "answer": "real", "confidence": 2, **FURTHER, "q-realism": ""}
    page = client.post(reverse("trial", args=["asked", 1]), data)
    assert page.status_code == 422
    assert "Please answer this question." in page.content.decode()
    assert 'value="melanoma" required checked' in page.content.decode()


def test_what_may_be_left_out_may_be_left_out(client, asked, reading):
    assert send(client, 1, **{"q-biopsy": "", "q-notes": "   "}).status_code == 200
    assert set(FurtherAnswer.objects.values_list("question", flat=True)) == {"tumour", "realism"}


def test_a_response_whose_further_answers_cannot_be_stored_is_not_stored_either(asked, reading):
    twice = (Further("realism", "1", None), Further("realism", "2", None))
    with pytest.raises(IntegrityError):
        record_response(reading, 1, "real", 2, None, further=twice)
    assert not Response.objects.exists()


def test_an_answer_with_further_questions_takes_few_queries(client, asked, reading, django_assert_max_num_queries):
    with django_assert_max_num_queries(9):  # two of them begin and end the transaction
        assert send(client, 1).status_code == 200
    with django_assert_max_num_queries(5):
        client.get(reverse("trial", args=["asked", 2]))


@pytest.mark.django_db(transaction=True)
def test_of_answers_that_come_at_once_one_is_stored_whole(run, tmp_path, reader):
    asked = make_study(run, tmp_path, QUESTIONS)
    reading = start_reading(asked, reader)
    told, barrier = [], threading.Barrier(4)

    def answer(level: int) -> None:
        barrier.wait()
        further = (Further("tumour", "melanoma", level), Further("realism", str(level), None))
        told.append(record_response(reading, 1, "real", level, None, further=further))
        connection.close()

    threads = [threading.Thread(target=answer, args=(level,)) for level in (1, 2, 3, 4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    level = Response.objects.get().confidence
    assert {one.stored for one in told} == {
        ("real", level, (Further("tumour", "melanoma", level), Further("realism", str(level), None)))
    }
    assert [one.is_taken for one in told].count(True) == 1


def test_judgement_and_confidence_in_one_row_are_one_answer(run, tmp_path, reader, client):
    make_study(run, tmp_path, [], one_row=True)
    client.force_login(reader.user)
    client.post(reverse("study", args=["asked"]), {"consent": "on"})
    page = client.get(reverse("trial", args=["asked", 1])).content.decode()
    assert page.count('name="answer"') == 8
    assert 'name="confidence"' not in page
    address = reverse("trial", args=["asked", 1])
    assert client.post(address, {"position": 1, "answer": "generated"}, headers=JSON).status_code == 422
    reply = client.post(address, {"position": 1, "answer": "generated-3"}, headers=JSON).json()
    assert (reply["stored"]["answer"], reply["stored"]["confidence"]) == ("generated", 3)
    with pytest.raises(CommandError, match="one_row: One row for judgement and confidence needs 2 to 5"):
        call_command("create_study", "Wide", run=[str(run.pk)], one_row=True, confidence_levels=9)


def rows_of(study, population):
    return list(csv.DictReader(io.StringIO(to_csv(study, population).decode())))


def test_the_export_has_a_column_an_answer_after_all_the_others(client, asked, reading):
    image = reading.trials.get(position=1).stimulus
    send(client, 1, answer="generated", **{"q-cues": ["hair", "other"], "q-notes": "=1+1"})
    row = rows_of(asked, PEOPLE)[0]
    assert list(row)[-9:] == [
        "first_answer", "diagnosis__tumour", "diagnosis__tumour__right", "diagnosis__tumour__confidence",
        "scale7__realism", "yes_no__biopsy", "text__notes", "cues__cues", "region__region",
    ]  # fmt: skip
    assert row["diagnosis__tumour__right"] == ("yes" if image.diagnosis == "melanoma" else "no")
    assert (row["scale7__realism"], row["yes_no__biopsy"], row["cues__cues"]) == ("6", "no", "hair;other")
    assert row["text__notes"] == "'=1+1"  # a spreadsheet would compute it


def test_the_exported_file_gives_the_analysis_that_the_database_gives(asked):
    call_command("simulate_readers", "asked", readers=6, seed=3)
    from_file = parse_responses(to_csv(asked, SIMULATED).decode(), "export")
    from_database = load_responses(asked, SIMULATED)
    analysis = analyse(from_file, 0.1, plan=asked.questions)
    assert analysis == analyse(from_database, 0.1, plan=asked.questions)
    rows = {row["name"]: row for row in analysis["questions"]}
    assert list(rows) == ["judgement", "tumour", "realism", "biopsy", "notes", "cues", "region"]
    grid = rows["region"]["grid"]
    assert sum(map(sum, grid["generated"] + grid["real"])) == len(from_file.judged_real) - from_file.judged_real.sum()
    assert rows["tumour"]["p_holm"] is not None
    assert rows["realism"]["p_holm"] is None


def test_a_study_of_the_judgement_alone_has_no_questions_in_its_export_and_analysis(study):
    call_command("simulate_readers", study.slug, readers=5)
    assert list(rows_of(study, SIMULATED)[0])[-1] == "first_answer"
    assert analyse(load_responses(study, SIMULATED))["questions"] == []


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("scale5__look", "6", "line 3: scale5__look is '6'; it must be a whole number from 1 to 5"),
        ("yes_no__biopsy", "maybe", "line 3: yes_no__biopsy is 'maybe'; it must be yes or no"),
        ("region__where", "0.5;0.5", "line 3: region__where is '0.5;0.5'; it must be two shares such as 0.250 0.750"),
        ("diagnosis__x__right", "yes", "needs the column diagnosis__x"),
    ],
)
def test_a_wrong_answer_in_a_file_is_named_with_its_line(column, value, message):
    text = f"reader,image,truth,response,{column}\na,1,real,real,\na,2,real,real,{value}\n"
    with pytest.raises(Exception, match=message):
        parse_responses(text, "file")


def test_results_preregistration_and_archive_tell_of_the_questions(asked, client, researcher, tmp_path):
    call_command("simulate_readers", "asked", readers=6, seed=3)
    Study.objects.update(owner=researcher)
    client.force_login(researcher)
    page = client.get(reverse("results", args=["asked"]))
    assert "tumour: the right diagnosis" in page.content.decode()
    assert "What readers named as the reason" in page.content.decode()
    assert "a diagnosis out of 3" in page.context["methods"]
    planned = json.loads(asked.preregistration.document)["planned"]
    assert planned["primary"] == ["fooling_rate", "questions.tumour"]
    assert {"questions.realism", "questions.biopsy"} <= set(planned["secondary"])
    assert "Would you take a biopsy?" in client.get(reverse("research-study", args=["asked"])).content.decode()
    address = reverse("figure", args=["asked", "regions", "svg"])
    assert "marks in generated images" in client.get(address).content.decode()
    call_command("archive_study", "asked", output=tmp_path / "a.zip", readers="simulated")
    call_command("verify_archive", str(tmp_path / "a.zip"))


def test_the_form_makes_changes_and_keeps_questions(client, researcher, draft):
    client.force_login(researcher)
    address = reverse("study-edit", args=[draft.slug])
    shown = client.get(address).context["form"]
    data = {key: value for key, value in shown.initial.items() if value is not None and key != "questions"}
    data |= {"generators": [one.pk for one in data["generators"]], "generated_counts": ""}
    data |= {
        "question_1_type": "diagnosis", "question_1_options": "melanoma\nBasal = bcc, nevus",
        "question_1_primary": "yes", "question_1_required": "yes", "question_3_type": "scale",
        "question_3_question": "How sharp?",
        "question_3_levels": "7", "question_3_low": "not", "question_3_high": "very", "question_3_name": "sharp",
    }  # fmt: skip
    assert client.post(address, data).status_code == 302
    draft.refresh_from_db()
    assert [one["name"] for one in draft.questions] == ["judgement", "diagnosis", "sharp"]
    assert draft.questions[1]["options"][1] == {"label": "Basal", "diagnoses": ["basal cell carcinoma", "nevus"]}
    page = client.get(address).content.decode()
    assert "Basal = basal cell carcinoma, nevus" in page
    bad = client.post(address, data | {"revision": draft.revision, "question_3_low": ""})
    assert "Question 3, low: a text is needed" in bad.content.decode()
    assert 'value="very"' in bad.content.decode()


def test_a_study_of_images_shown_for_a_moment_asks_for_no_region(run, tmp_path):
    with pytest.raises(CommandError, match="readers cannot mark a region"):
        make_study(run, tmp_path, [{"type": "region"}], timed=True)


def test_a_withdrawn_reader_leaves_the_answers_too(asked):
    reading = start_reading(asked, make_reader("gone@test.example"))
    record_response(reading, 1, "real", 2, None, further=(Further("realism", "3", None),))
    withdraw(reading)
    assert rows_of(asked, PEOPLE) == []


def test_erasure_deletes_free_words_and_keeps_the_rest(asked):
    gone = make_reader("gone@test.example")
    words = (Further("realism", "3", None), Further("notes", "Ask Dr Miller", None))
    record_response(start_reading(asked, gone), 1, "real", 2, None, further=words)
    erase(gone.user)
    assert list(FurtherAnswer.objects.values_list("question", flat=True)) == ["realism"]


def test_names_of_diagnoses_with_a_comma_stay_whole(run, tmp_path, client, researcher):
    options = [{"label": "MM", "diagnoses": ["melanoma", "melanoma, amelanotic"]}, "basal cell carcinoma"]
    file = tmp_path / "questions.json"
    file.write_text(json.dumps([{"type": "diagnosis", "options": options}]))
    call_command("create_study", "Comma", run=[str(run.pk)], real=2, generated=2, questions=file)
    stored = Study.objects.get(slug="comma").questions
    field = QuestionsField(required=False)
    rows = {number: _row(one) for number, one in enumerate(stored, 1)}
    assert field.clean(rows) == stored
    assert stored[1]["options"][0]["diagnoses"] == ["melanoma", "melanoma, amelanotic"]
