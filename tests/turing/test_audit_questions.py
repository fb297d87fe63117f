"""The audit checks the parts of a page that belong to further questions, and finds leaks planted there."""

import json

import pytest

from tests.turing.test_audit_blinding import _changing_pages, audit, leaks_of
from tests.turing.test_questions import QUESTIONS, make_study


@pytest.fixture
def asked(run, tmp_path):
    return make_study(run, tmp_path, QUESTIONS)


def order_middleware(get_response):
    """The diagnoses have another order if the image is generated."""

    def change(html, item):
        if item.truth == "real":
            return html
        return html.replace('value="BCC"', 'value="@"').replace('value="naevus"', 'value="BCC"').replace("@", "naevus")

    return _changing_pages(get_response, change)


def level_middleware(get_response):
    """The scale of realism has one level less if the image is generated."""
    return _changing_pages(
        get_response,
        lambda html, item: (
            html.replace('name="q-realism" value="7"', 'name="q-realism" value="6"')
            if item.truth == "generated"
            else html
        ),
    )


def field_middleware(get_response):
    """There is one more field if the image is real."""
    return _changing_pages(
        get_response,
        lambda html, item: html.replace("</form>", '<input name="q-x"></form>') if item.truth == "real" else html,
    )


def reply_middleware(get_response):
    """The reply says which diagnosis would have been right."""

    def middleware(request):
        response = get_response(request)
        if "/trials/" in request.path and request.method == "POST" and response.status_code == 200:
            body = json.loads(response.content)
            body["stored"]["further"]["q-tumour-right"] = "melanoma"
            response.content = json.dumps(body).encode()
        return response

    return middleware


def test_a_blinded_study_of_several_questions_passes(asked):
    found, failed = audit(asked)
    assert (found["leaks"], failed) == ([], False)


def test_a_blinded_study_with_judgement_and_confidence_in_one_row_passes(run, tmp_path):
    found, failed = audit(make_study(run, tmp_path, [], one_row=True))
    assert (found["leaks"], failed) == ([], False)


@pytest.mark.parametrize(
    ("middleware", "expected"),
    [
        (order_middleware, {"text of pages"}),
        (level_middleware, {"numbers in pages"}),
        (field_middleware, {"text of pages"}),
        (reply_middleware, {"words of pages"}),
    ],
)
def test_a_question_that_tells_is_found(asked, settings, middleware, expected):
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, f"{__name__}.{middleware.__name__}"]
    assert leaks_of(asked) - {"everything but pixels"} == expected
