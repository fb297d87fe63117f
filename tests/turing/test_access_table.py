"""One table says how each role is answered at every address of the site. No address lacks a row.

To add an address, add its route as in `urls.py`, values for its arguments, and the answers.
"""

import re

import pytest
from django.core.management import call_command
from django.db import transaction
from django.db.models import IntegerField, Value
from django.test import Client
from django.urls import URLPattern, get_resolver, reverse

from gan.models import Generator, LesionImage
from tests.conftest import PASSWORD, make_reader, make_researcher
from turing.jobs.queue import start
from turing.models import Right, Study, User
from turing.models.sharing import SharedQuerySet
from turing.reading.passage import record_response, start_reading
from turing.results.published.images import shown_stimuli
from turing.results.published.publishing import publish
from turing.studies.sharing import share

# nobody: not logged in. reader: has read the study; stranger: a reader who has not. other: a researcher whose the study
# is not; viewer and editor share it, owner owns it, root is a superuser.
ROLES = ("nobody", "reader", "stranger", "other", "viewer", "editor", "owner", "root")

# in: sent to log in. me: sent to the profile, since researchers are no readers. One answer alone: everybody's.
# HEAD is answered as GET everywhere, and DELETE with 405. POST sends nothing besides.
TABLE = """
    #       nobody   reader stranger    other   viewer   editor    owner     root
(start)
    GET        200
    POST       405
language/
    GET        405
    POST       302
healthz
    GET        200
    POST       405
readyz
    GET        200
    POST       405
accounts/token/
    GET        200
    POST       405
attributions/
    GET        200
    POST       405
attributions.csv
    GET        200
    POST       405
accounts/register/
    GET        200
    POST       200
accounts/profile/
    GET         in      200      200      200      200      200      200      200
    POST        in      200      200      200      200      200      200      200
accounts/login/
    GET        200
    POST       200
accounts/logout/
    GET        405
    POST       302
accounts/logout/everywhere/
    GET        405
    POST        in      302      302      302      302      302      302      302
accounts/confirm/
    GET        405
    POST        in      302      302      302      302      302      302      302
accounts/confirm/<str:token>/ forged
    GET         in      302      302      302      302      302      302      302
    POST        in      302      302      302      302      302      302      302
accounts/password/
    GET         in      200      200      200      200      200      200      200
    POST        in      200      200      200      200      200      200      200
accounts/password/forgotten/
    GET        200
    POST       200
accounts/password/forgotten/sent/
    GET        200
    POST       405
accounts/password/new/<uidb64>/<token>/ forged forged
    GET        200
    POST       200
accounts/password/new/done/
    GET        200
    POST       405
accounts/two-factor/
    GET         in      403      403      200      200      200      200      200
    POST        in      403      403      200      200      200      200      200
accounts/two-factor/code.svg
    GET         in      403      403      404      404      404      404      404
    POST       405
accounts/two-factor/check/
    GET         in      403      403      302      302      302      302      302
    POST        in      403      403      302      302      302      302      302
studies/<slug:slug>/ STUDY
    GET        200
    POST        in      200      200       me       me       me       me       me
studies/<slug:slug>/continue/ STUDY
    GET         in      302      302       me       me       me       me       me
    POST       405
studies/<slug:slug>/break/ STUDY
    GET         in      302      302       me       me       me       me       me
    POST       405
studies/<slug:slug>/after/ STUDY
    GET         in      404      404       me       me       me       me       me
    POST        in      404      404       me       me       me       me       me
studies/<slug:slug>/feedback/ STUDY
    GET         in      404      404       me       me       me       me       me
    POST       405
studies/<slug:slug>/withdraw/ STUDY
    GET         in      200      404       me       me       me       me       me
    POST        in      302      404       me       me       me       me       me
studies/<slug:slug>/certificate/ STUDY
    GET         in      200      404       me       me       me       me       me
    POST       405
studies/<slug:slug>/trials/<int:page>/ STUDY 1
    GET         in      200      302       me       me       me       me       me
    POST        in      422      302       me       me       me       me       me
stimuli/<uuid:id>.png STIMULUS
    GET        404      200      404      404      200      200      200      200
    POST       405
published/<slug:slug>/ PUBLISHED
    GET        200
    POST       405
published/<slug:slug>/figures/<slug:name>.<slug:format> PUBLISHED flow svg
    GET        200
    POST       405
published/<slug:slug>/tables/<slug:name>.csv PUBLISHED rates
    GET        200
    POST       405
published/<slug:slug>/images/<uuid:id>.png PUBLISHED SHOWN
    GET        200
    POST       405
published/<slug:slug>/citation.<slug:format> PUBLISHED bib
    GET        200
    POST       405
published/<slug:slug>/references.bib PUBLISHED
    GET        200
    POST       405
published/<slug:slug>/archive.zip PUBLISHED
    GET        200
    POST       405
research/
    GET         in      403      403      200      200      200      200      200
    POST       405
research/plan/ ?width=7
    GET         in      403      403      200      200      200      200      200
    POST       405
research/plan/curve.<slug:format> svg ?goal=width&width=0.3&margin=0.1&power=0.8&structure=moderate
    GET         in      403      403      200      200      200      200      200
    POST       405
research/studies/new/
    GET         in      403      403      200      200      200      200      200
    POST        in      403      403      200      200      200      200      200
research/studies/<slug:slug>/ STUDY
    GET         in      403      403      404      200      200      200      200
    POST       405
research/studies/<slug:slug>/edit/ DRAFT
    GET         in      403      403      404      403      200      200      200
    POST        in      403      403      404      403      200      200      200
research/studies/<slug:slug>/open/ DRAFT
    GET        405
    POST        in      403      403      404      403      302      302      302
research/studies/<slug:slug>/pause/ STUDY
    GET        405
    POST        in      403      403      404      403      302      302      302
research/studies/<slug:slug>/resume/ STUDY
    GET        405
    POST        in      403      403      404      403      302      302      302
research/studies/<slug:slug>/close/ STUDY
    GET        405
    POST        in      403      403      404      403      302      302      302
research/studies/<slug:slug>/archive/ STUDY
    GET        405
    POST        in      403      403      404      403      302      302      302
research/studies/<slug:slug>/restore/ STUDY
    GET        405
    POST        in      403      403      404      403      302      302      302
research/studies/<slug:slug>/preview/<slug:kind>/<int:pk>.png DRAFT real SOURCE
    GET         in      403      403      404      200      200      200      200
    POST       405
research/studies/<slug:slug>/clone/ STUDY
    GET        405
    POST        in      403      403      404      302      302      302      302
research/studies/<slug:slug>/invitations/ STUDY
    GET         in      403      403      404      403      200      200      200
    POST        in      403      403      404      403      200      200      200
research/studies/<slug:slug>/remind/<str:pseudonym>/ STUDY LAGGARD
    GET        405
    POST        in      403      403      404      403      302      302      302
research/studies/<slug:slug>/preregistration/ DRAFT
    GET         in      403      403      404      200      200      200      200
    POST        in      403      403      404      403      302      302      302
research/studies/<slug:slug>/preregistration.<slug:format> DRAFT json
    GET         in      403      403      404      200      200      200      200
    POST       405
research/studies/<slug:slug>/results/archive.zip STUDY
    GET         in      403      403      404      200      200      200      200
    POST       405
research/studies/<slug:slug>/publication/ STUDY
    GET         in      403      403      404      403      403      200      200
    POST        in      403      403      404      403      403      302      302
research/studies/<slug:slug>/sharing/ STUDY
    GET         in      403      403      404      403      403      200      200
    POST        in      403      403      404      403      403      302      302
research/studies/<slug:slug>/trail/ STUDY
    GET         in      403      403      404      200      200      200      200
    POST       405
research/studies/<slug:slug>/trail.csv STUDY
    GET         in      403      403      404      200      200      200      200
    POST       405
research/studies/<slug:slug>/results/ STUDY
    GET         in      403      403      404      200      200      200      200
    POST       405
research/studies/<slug:slug>/results/figures/<slug:name>.<slug:format> STUDY flow svg
    GET         in      403      403      404      200      200      200      200
    POST       405
research/studies/<slug:slug>/results/responses.<slug:format> STUDY csv
    GET         in      403      403      404      200      200      200      200
    POST       405
research/studies/<slug:slug>/results/look/ STUDY
    GET        405
    POST        in      403      403      404      403      302      302      302
research/studies/<slug:slug>/results/report/ STUDY
    GET         in      403      403      404      200      200      200      200
    POST       405
research/studies/<slug:slug>/results/tables/<slug:name>.csv STUDY rates
    GET         in      403      403      404      200      200      200      200
    POST       405
research/trail/
    GET         in      403      403      200      200      200      200      200
    POST       405
research/trail.csv
    GET         in      403      403      200      200      200      200      200
    POST       405
research/generators/
    GET         in      403      403      200      200      200      200      200
    POST       405
research/generators/<int:id>/ EXTERNAL
    GET         in      403      403      200      200      200      200      200
    POST       405
research/generators/<int:id>/rename/ EXTERNAL
    GET        405
    POST        in      403      403      302      302      302      302      302
research/generators/<int:id>/delete/ EXTERNAL
    GET        405
    POST        in      403      403      302      302      302      302      302
research/generators/<int:id>/<slug:name>.<slug:format> EXTERNAL utility svg
    GET         in      403      403      200      200      200      200      200
    POST       405
research/runs/
    GET         in      403      403      301      301      301      301      301
    POST       405
research/runs/<int:id>/ RUN
    GET         in      403      403      200      200      200      200      200
    POST       405
research/runs/<int:id>/state.json RUN
    GET         in      403      403      200      200      200      200      200
    POST       405
research/runs/<int:id>/<slug:name>.<slug:format> RUN losses svg
    GET         in      403      403      200      200      200      200      200
    POST       405
research/runs/<int:id>/grids/<path:diagnosis>/<int:step>.png RUN DIAGNOSIS 2
    GET         in      403      403      200      200      200      200      200
    POST       405
research/jobs/
    GET         in      403      403      200      200      200      200      200
    POST       405
research/jobs/new/<slug:kind>/ train
    GET         in      403      403      200      200      200      200      200
    POST        in      403      403      422      422      422      422      422
research/jobs/<int:id>/ JOB
    GET         in      403      403      404      404      404      200      200
    POST       405
research/jobs/<int:id>/state.json JOB
    GET         in      403      403      404      404      404      200      200
    POST       405
research/jobs/<int:id>/cancel/ JOB
    GET        405
    POST        in      403      403      404      404      404      302      302
research/jobs/<int:id>/again/ JOB
    GET        405
    POST        in      403      403      404      404      404      302      302
research/jobs/<int:id>/import/ JOB
    GET        405
    POST        in      403      403      404      404      404      302      302
research/jobs/<int:id>/check/ JOB
    GET        405
    POST        in      403      403      404      404      404      302      302
research/jobs/<int:id>/discard/ JOB
    GET        405
    POST        in      403      403      404      404      404      302      302
research/collections/
    GET         in      403      403      200      200      200      200      200
    POST        in      403      403      422      422      422      422      422
research/collections/one/ ?name=phantoms
    GET         in      403      403      200      200      200      200      200
    POST       405
research/collections/rename/
    GET        405
    POST        in      403      403      404      404      404      404      404
research/collections/delete/
    GET        405
    POST        in      403      403      404      404      404      404      404
research/images/<slug:kind>/<int:pk>.png lesion IMAGE
    GET         in      403      403      200      200      200      200      200
    POST       405
research/curation/
    GET         in      403      403      200      200      200      200      200
    POST       405
research/curation/<int:pk>/ IMAGE
    GET        405
    POST        in      403      403      302      302      302      302      302
"""

PLACEHOLDER = re.compile(r"<[^>]+>")


def rows() -> dict[str, tuple[list[str], dict[str, list[str]]]]:
    """For each route its arguments and, for GET and POST, the answer to each role."""
    found = {}
    for line in TABLE.splitlines():
        if not line.strip() or line.strip().startswith("#"):
            continue
        if not line.startswith(" "):
            route, *arguments = line.split()
            found["" if route == "(start)" else route] = (arguments, answers := {})
        else:
            method, *cells = line.split()
            answers[method] = cells * len(ROLES) if len(cells) == 1 else cells
    return found


def routes(patterns=None, before: str = "") -> list[str]:
    """Every route of the site's resolver."""
    found = []
    for one in get_resolver().url_patterns if patterns is None else patterns:
        route = before + str(one.pattern)
        found += [route] if isinstance(one, URLPattern) else routes(one.url_patterns, route)
    return found


@pytest.fixture
def world(study, reader, researcher):
    """The cookies of a user of every role who is logged in, and values for the words in the table."""
    stranger, laggard = make_reader("stranger@test.example"), make_reader("laggard@test.example")
    others = {name: make_researcher(f"{name}@test.example") for name in ("other", "viewer", "editor")}
    root = User.objects.create_user("root@test.example", PASSWORD, is_superuser=True)
    run = study.generators.get()
    options = {"real": 2, "generated": 2, "stimulus_size": 64, "owner": researcher.email}
    call_command("create_study", "Draft", run=[str(run.pk)], **options)
    draft = Study.objects.get(slug="draft")
    for one in (study, draft):
        share(one, "viewer@test.example", "view")
        share(one, "editor@test.example", "edit")
    reading = start_reading(study, reader)
    for trial in reading.trials.all():
        record_response(reading, trial.position, "real", 2, 900)
    start_reading(study, laggard)
    call_command("create_study", "Over", run=[str(run.pk)], **options | {"seed": 5})
    call_command("open_study", "over")
    call_command("simulate_readers", "over", readers=1)
    call_command("close_study", "over")
    published = publish(Study.objects.get(slug="over"), archive=True)
    LesionImage.objects.update(verdict="accepted")
    job = start("curate", {}, researcher)
    users = {"nobody": None, "reader": reader.user, "stranger": stranger.user, "owner": researcher, "root": root}
    words = {
        "STUDY": study.slug, "DRAFT": draft.slug, "STIMULUS": study.stimuli.first().pk, "LAGGARD": laggard.pseudonym,
        "RUN": run.pk, "DIAGNOSIS": run.diagnoses[0], "IMAGE": LesionImage.objects.first().pk,
        "EXTERNAL": Generator.objects.create(
            kind="external", name="Theirs", size=64, status="finished", trained_on="not_told"
        ).pk,
        "JOB": job.pk, "PUBLISHED": published.slug, "SHOWN": shown_stimuli(published)[0].pk,
        "SOURCE": study.stimuli.filter(truth="real").first().lesion_image_id,
    }  # fmt: skip
    return {"cookies": {role: cookies_of(user) for role, user in (users | others).items()}, "words": words}


def cookies_of(user) -> dict[str, str]:
    client = Client()
    if user:
        client.force_login(user)
    return {name: cookie.value for name, cookie in client.cookies.items()}


def address_of(route: str, arguments: list[str], words: dict) -> str:
    values = [str(words.get(one, one)) for one in arguments]
    query = values.pop() if values and values[-1].startswith("?") else ""
    path = PLACEHOLDER.sub(lambda _: values.pop(0), route)
    assert not values, f"{route}: too many arguments"
    return f"/{path}{query}"


def answer_of(cookies: dict[str, str], method: str, address: str) -> str:
    """The table's notation for an answer. Changes by the request are rolled back, such as the end of a session."""
    client = Client()
    client.cookies.load(cookies)
    with transaction.atomic():
        answer = client.generic(method, address)
        transaction.set_rollback(True)
    if answer.status_code == 302:
        for word, page in (("in", "login"), ("me", "profile")):
            if answer["Location"].startswith(f"{reverse(page)}?"):
                return word
    return str(answer.status_code)


def surprises(world, roles=ROLES, methods=("GET", "HEAD", "POST", "DELETE"), only=lambda route: True) -> list[str]:
    """Answers that differ from the table, one line each."""
    found = []
    for route, (arguments, answers) in rows().items():
        if not only(route):
            continue
        address = address_of(route, arguments, world["words"])
        for method in methods:
            expected = answers.get("GET" if method == "HEAD" else method, ["405"] * len(ROLES))
            for role in roles:
                answer = answer_of(world["cookies"][role], method, address)
                if answer != expected[ROLES.index(role)]:
                    found.append(f"{method} /{route} as {role}: {answer}, not {expected[ROLES.index(role)]}")
    return found


def names_a_study(route: str) -> bool:
    return route.startswith("research/studies/<slug:slug>/")


def test_every_address_has_a_row_and_every_row_an_address():
    assert sorted(rows()) == sorted(routes())


def test_every_row_answers_every_role_in_every_method():
    for route, (_, answers) in rows().items():
        assert set(answers) == {"GET", "POST"}, route
        assert all(len(cells) == len(ROLES) for cells in answers.values()), route


def test_everybody_is_answered_what_the_table_says(world):
    found = surprises(world)
    assert found == [], "\n".join(found)


def test_the_table_lets_nobody_in_who_has_no_business_there():
    """This checks the table itself: it must not expect an open door, whatever else it expects."""
    allowed = {"nobody": {"in", "405"}, "reader": {"403", "405"}, "stranger": {"403", "405"}}
    for route, (_, answers) in rows().items():
        if not route.startswith("research/"):
            continue
        closed = allowed | ({"other": {"404", "405"}} if names_a_study(route) else {})
        for cells in answers.values():
            for role, expected in closed.items():
                assert cells[ROLES.index(role)] in expected, (route, role)


def test_without_the_rule_of_who_sees_a_study_the_table_fails_at_every_study_address(world, monkeypatch):
    def everything(self, user):
        return self.annotate(right=Value(Right.OWN, IntegerField()))

    monkeypatch.setattr(SharedQuerySet, "with_right_of", everything)
    found = surprises(world, ["other"], ["GET", "POST"], names_a_study)
    assert {line.split()[1] for line in found} == {f"/{route}" for route in rows() if names_a_study(route)}
    stimulus = surprises(world, ["other", "stranger"], ["GET"], lambda route: route.startswith("stimuli/"))
    assert len(stimulus) == 2
