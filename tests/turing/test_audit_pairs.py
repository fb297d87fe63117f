"""The audit passes a blinded study of pairs and finds every planted leak in the pair's page."""

import json
import re
import uuid

import pytest

from tests.turing.test_audit_blinding import audit, leaks_of
from tests.turing.test_forced_choice import make_pairs
from turing.models import Stimulus, Study, Truth
from turing.reading import passage
from turing.studies.design import design_hash

IMAGES = re.compile(r'(<img class="stimulus[^>]*>)(.*?)(<img class="stimulus[^>]*>)', re.DOTALL)


@pytest.fixture
def pairs(run) -> Study:
    return make_pairs(run, real=8, generated=8)


def test_a_blinded_study_of_pairs_passes(run):
    study = make_pairs(run, practice_images=2, break_every=3)
    found, failed = audit(study)
    assert (found["leaks"], failed) == ([], False)
    assert {"pairs", "sides", "sides along the form", "order within pairs"} <= {one["name"] for one in found["checks"]}


def _changing_pairs(get_response, change):
    """A middleware that changes a form page; `change` gets the two images and whether the left one is generated."""

    def middleware(request):
        response = get_response(request)
        if "/trials/" in request.path and "html" in response.headers["Content-Type"]:
            html = response.content.decode()
            if found := IMAGES.search(html):
                key = found[1].split("/stimuli/")[1].split(".png")[0]
                is_left = Stimulus.objects.get(pk=key).truth == Truth.GENERATED
                left, right = change(found[1], found[3], is_left)
                response.content = html.replace(found[0], left + found[2] + right).encode()
        return response

    return middleware


def dom_middleware(get_response):
    """The generated image comes first in the page."""
    return _changing_pairs(get_response, lambda left, right, is_left: (left, right) if is_left else (right, left))


def class_middleware(get_response):
    """The generated image has its own class."""

    def change(left, right, is_left):
        marked = [one.replace('class="stimulus', 'class="stimulus g') for one in (left, right)]
        return (marked[0], right) if is_left else (left, marked[1])

    return _changing_pairs(get_response, change)


def size_middleware(get_response):
    """The generated image is a little smaller."""

    def change(left, right, is_left):
        small = [one.replace('width="512"', 'width="511"') for one in (left, right)]
        return (small[0], right) if is_left else (left, small[1])

    return _changing_pairs(get_response, change)


def words_middleware(get_response):
    """The text for screen readers differs."""

    def change(left, right, is_left):
        return (left.replace("Skin lesion", "Skin  lesion") if is_left else left, right)

    return _changing_pairs(get_response, change)


def preload_middleware(get_response):
    """Real images are loaded ahead first."""

    def middleware(request):
        response = get_response(request)
        if "/trials/" in request.path and request.method == "POST" and response.status_code == 200:
            body = json.loads(response.content)
            for addresses in body["ahead"].values():
                addresses.sort(key=lambda one: Stimulus.objects.get(pk=one[9:-4]).truth, reverse=True)
            response.content = json.dumps(body).encode()
        return response

    return middleware


@pytest.mark.parametrize(
    ("middleware", "expected"),
    [
        (dom_middleware, {"words of pages", "text of pages"}),
        (class_middleware, {"words of pages", "text of pages"}),
        (size_middleware, {"words of pages"}),
        (words_middleware, {"text of pages"}),
        (preload_middleware, {"words of pages"}),
    ],
)
def test_a_page_that_tells_is_found(pairs, settings, middleware, expected):
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, f"{__name__}.{middleware.__name__}"]
    assert leaks_of(pairs) - {"everything but pixels", "numbers in pages"} == expected


def test_a_side_that_tells_is_found(pairs, monkeypatch):
    """The generated image stands on the left of more pairs than on the right."""

    def place(trials, stimuli, excess, seed):
        pair_of = {one.pk: one.pair for one in stimuli}
        both = {(one.pair, one.truth): one.pk for one in stimuli}
        for trial in trials:
            pair = pair_of[trial.stimulus_id]
            trial.stimulus_id, trial.partner_id = both[pair, Truth.GENERATED], both[pair, Truth.REAL]

    monkeypatch.setattr(passage, "place", place)
    assert "sides" in leaks_of(pairs)


def test_ids_that_tell_within_pairs_are_found(pairs):
    """Each generated image has the larger id of its pair."""
    rows = list(pairs.stimuli.all())
    pairs.stimuli.all().delete()
    for number in range(1, 17):
        both = sorted((one for one in rows if one.pair == number), key=lambda one: one.truth, reverse=True)
        for one, id in zip(both, sorted(uuid.uuid4() for _ in both), strict=True):
            one.pk = id
    Stimulus.objects.bulk_create(rows)
    Study.objects.update(design_hash=design_hash(pairs, pairs.stimuli.all()))
    assert "order within pairs" in leaks_of(pairs)


def test_a_pair_of_two_diagnoses_is_found(pairs):
    one, other = (pairs.stimuli.filter(truth="real", diagnosis=name).first() for name in pairs.diagnoses)
    numbers = one.pair, other.pair
    Stimulus.objects.filter(pk=one.pk).update(pair=None)
    Stimulus.objects.filter(pk=other.pk).update(pair=numbers[0])
    Stimulus.objects.filter(pk=one.pk).update(pair=numbers[1])
    assert leaks_of(pairs) == {"pairs", "design as opened"}
