"""Researchers' forms and addresses answer any input with a page, a redirect or a 4xx, never a 500."""

from urllib.parse import quote

import pytest
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from tests.hostile.inputs import FEW, NUMBERS, QUICK, odd_text
from turing.models import Study
from turing.studies.forms import StudyForm

# What a form can carry: a browser sends UTF-8, so that half a character arrives as something else.
value = st.one_of(odd_text, st.sampled_from([*NUMBERS, "x" * 2000])).map(
    lambda text: text.encode("utf-8", "surrogatepass")
)
number = st.one_of(st.integers(-(10**30), 10**30).map(str), st.sampled_from(NUMBERS)).map(
    lambda text: text.encode("utf-8", "surrogatepass")
)


@pytest.fixture
def client_of_researcher(researcher) -> Client:
    client = Client(raise_request_exception=False)
    client.force_login(researcher)
    return client


def send(client: Client, method: str, address: str, data: dict[str, list[bytes]] | None = None) -> int:
    """The status of a request whose form is `data`, as raw bytes instead of a well-behaved client's encoding."""
    body = "&".join(f"{name}={quote(one)}" for name, given_values in (data or {}).items() for one in given_values)
    if method == "GET":
        return client.get(f"{address}?{body}").status_code
    return client.post(address, body, content_type="application/x-www-form-urlencoded").status_code


def plausible(study: Study) -> dict[str, list[bytes]]:
    """Data that the study's own form would send."""
    form = StudyForm(instance=study)
    values = {name: form[name].value() for name in form.fields}
    shown = {name: one for name, one in values.items() if one is not None and one is not False}
    return {
        name: [str(getattr(one, "pk", one)).encode() for one in (given if isinstance(given, list) else [given])]
        for name, given in shown.items()
    }


def test_a_form_as_the_page_sends_it_is_saved(draft, client_of_researcher):
    assert send(client_of_researcher, "POST", f"/research/studies/{draft.slug}/edit/", plausible(draft)) == 302


FIELDS = list(StudyForm.base_fields)


@FEW
@given(changes=st.dictionaries(st.sampled_from(FIELDS), st.lists(st.one_of(value, number), max_size=2), max_size=4))
def test_any_study_form_is_saved_or_shown_again(draft, client_of_researcher, changes):
    Study.objects.filter(pk=draft.pk).update(state="draft")  # the example before may have opened it
    data = plausible(Study.objects.get(pk=draft.pk)) | changes
    for address in ("/research/studies/new/", f"/research/studies/{draft.slug}/edit/"):
        status = send(client_of_researcher, "POST", address, data)
        assert status in (302, 422)
    newest = Study.objects.latest("pk")
    assert send(client_of_researcher, "GET", f"/research/studies/{newest.slug}/") == 200
    assert send(client_of_researcher, "POST", f"/research/studies/{newest.slug}/open/") == 302


@pytest.fixture
def one_simulated_study(monkeypatch):
    monkeypatch.setattr("turing.planning.plans.CHECKED", 1)


PLAN = ["goal", "width", "margin", "power", "rate", "structure", "pilot", "reader_variance", "image_variance"]
BOUNDED = st.floats(0.001, 0.999).map(lambda share: str(share).encode())


@FEW
@given(
    goal=st.sampled_from([b"width", b"margin"]),
    shares=st.dictionaries(st.sampled_from(PLAN[1:5]), BOUNDED, max_size=4),
    changes=st.dictionaries(st.sampled_from(PLAN), st.one_of(value, number, BOUNDED), max_size=2),
)
@pytest.mark.usefixtures("one_simulated_study")
def test_any_plan_is_shown(client_of_researcher, goal, shares, changes):
    first = {"goal": goal, "width": b"0.15", "margin": b"0.1", "power": b"0.8", "structure": b"moderate"}
    data = {name: [one] for name, one in (first | shares | changes).items()}
    assert send(client_of_researcher, "GET", "/research/plan/", data) in (200, 400)
    assert send(client_of_researcher, "GET", "/research/plan/curve.svg", data) in (200, 400, 404)


@QUICK
@given(addresses=value, links=number, language=value)
def test_any_invitation_form_is_taken_or_shown_again(study, client_of_researcher, addresses, links, language):
    data = {"addresses": [addresses], "links": [links], "language": [language]}
    assert send(client_of_researcher, "POST", f"/research/studies/{study.slug}/invitations/", data) in (302, 422)
    assert send(client_of_researcher, "GET", f"/research/studies/{study.slug}/invitations/") == 200
    study.invitations.all().delete()


@QUICK
@given(verdict=st.one_of(value, st.just(b"accepted")), reason=value, page=st.one_of(value, number))
def test_any_filter_of_the_gallery_is_a_page_or_not_found(phantoms, client_of_researcher, verdict, reason, page):
    data = {"verdict": [verdict], "reason": [reason], "page": [page]}
    assert send(client_of_researcher, "GET", "/research/curation/", data) in (200, 400, 404)
    assert send(client_of_researcher, "GET", "/research/curation/", {"page": [page]}) in (200, 400)
    assert send(client_of_researcher, "POST", "/research/curation/1/", data) in (302, 404)


PARTS = [
    "studies/{slug}/results/", "studies/{slug}/results/report/", "studies/{slug}/results/figures/{odd}.svg",
    "studies/{slug}/results/figures/roc.{odd}", "studies/{slug}/results/tables/{odd}.csv", "runs/{odd}/",
    "studies/{slug}/results/responses.{odd}", "studies/{odd}/", "studies/{odd}/results/", "runs/1/{odd}.svg",
    "studies/{slug}/preview/real/{odd}.png", "studies/{slug}/preview/{odd}/1.png", "images/lesion/{odd}.png",
    "images/{odd}/1.png", "runs/1/grids/{odd}/1.png", "runs/1/grids/melanoma/{odd}.png", "curation/{odd}/",
    "plan/curve.{odd}", "studies/{slug}/remind/{odd}/", "runs/{odd}/state.json",
]  # fmt: skip


@FEW
@given(readers=value, odd=st.one_of(value, number))
def test_any_address_below_research_is_a_page_or_not_found(study, client_of_researcher, readers, odd):
    for part in PARTS:
        address = "/research/" + part.format(slug=study.slug, odd=quote(odd, safe=""))
        for method in ("GET", "POST"):
            assert send(client_of_researcher, method, address, {"readers": [readers]}) in (200, 302, 400, 404, 405)


@pytest.mark.parametrize(
    "address",
    [
        "plan/?goal=width&width=0.15&margin=0.1&power=0.8&structure=moderate&pilot=%00",
        "curation/?verdict=%00", "curation/?page=%00", "studies/{slug}/results/?readers=%00",
        "studies/{slug}/results/tables/%00.csv", "runs/1/grids/%00/1.png",
    ],
)  # fmt: skip
def test_a_nul_in_an_address_is_a_bad_request(study, client_of_researcher, address):
    assert client_of_researcher.get("/research/" + address.format(slug=study.slug)).status_code == 400


def test_a_nul_for_a_readers_pseudonym_is_a_bad_request(study, client_of_researcher):
    address = f"/research/studies/{study.slug}/remind/%00/"
    assert client_of_researcher.post(address).status_code == 400


def test_a_diagnosis_with_a_slash_has_a_page_and_grids(run, client_of_researcher):
    run.diagnoses = ["nevus/lentigo", *run.diagnoses[1:]]
    run.save()
    (run.folder / "melanoma").rename(run.diagnosis_folder("nevus/lentigo"))
    grids = run.grids_folder("nevus/lentigo")
    (grids.parent / "melanoma").rename(grids)
    page = client_of_researcher.get(f"/research/runs/{run.pk}/")
    assert page.status_code == 200
    assert client_of_researcher.get(f"/research/runs/{run.pk}/grids/nevus/lentigo/2.png").status_code == 200
