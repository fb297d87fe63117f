"""No study takes another page's address, HEAD is answered like GET, and old studies keep their addresses."""

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.urls import reverse

from turing.models import AuditLine, Reading, Study
from turing.reading.passage import start_reading
from turing.studies.lifecycle import RESERVED, clone_study, is_reserved, unique_slug
from turing.urls import urlpatterns

BESIDE_STUDIES = ("studies/", "research/studies/")


def fixed_words():
    """Words in the position of a study's name in an address."""
    for one in urlpatterns:
        for before in BESIDE_STUDIES:
            route = str(one.pattern)
            if route.startswith(before) and not route.startswith(f"{before}<"):
                yield route.removeprefix(before).split("/")[0].split(".")[0]


def test_every_fixed_word_beside_the_studies_is_reserved():
    words = list(fixed_words())
    assert "new" in words
    assert [word for word in words if not is_reserved(word)] == []


@pytest.mark.parametrize("title", ["New", "new!", "Plan", "Trail", "Archive"])
def test_a_study_named_like_a_page_gets_another_address(db, title):
    slug = unique_slug(title)
    assert slug == f"{title.lower().strip('!')}-2"
    Study.objects.create(title=title, slug=slug)
    assert unique_slug(title) == f"{title.lower().strip('!')}-3"


def test_a_page_that_comes_later_is_found_without_a_list(db, settings):
    assert not is_reserved("calendar")
    settings.ROOT_URLCONF = "tests.turing.more_urls"
    assert is_reserved("calendar")
    assert unique_slug("Calendar") == "calendar-2"
    assert "calendar" not in RESERVED


def test_a_study_titled_new_is_reached(client, draft, researcher):
    Study.objects.filter(pk=draft.pk).update(title="New")
    copy = clone_study(Study.objects.get(pk=draft.pk), researcher)
    assert client.get(reverse("research-study", args=[copy.slug])).status_code == 302
    client.force_login(researcher)
    assert client.get(reverse("research-study", args=[copy.slug])).context["study"] == copy


def test_an_address_taken_at_the_same_moment_is_another_study_and_no_error(draft, monkeypatch):
    """Two clones begin at once, and the second gets the first one's address before that is stored."""
    given = iter([draft.slug, draft.slug, "free"])
    monkeypatch.setattr("turing.studies.lifecycle.unique_slug", lambda title: next(given))
    assert clone_study(draft).slug == "free"
    assert AuditLine.objects.filter(what="cloned").count() == 1


def test_head_explains_withdrawal_and_withdraws_nothing(client, study, reader):
    reading = start_reading(study, reader)
    client.force_login(reader.user)
    answer = client.head(reverse("withdraw", args=[study.slug]))
    assert (answer.status_code, answer.content) == (200, b"")
    assert Reading.objects.get(pk=reading.pk).withdrawn_at is None


@pytest.mark.parametrize("method", ["get", "head"])
def test_health_is_told_to_get_and_head(client, db, method):
    assert getattr(client, method)("/healthz").status_code == 200


@pytest.mark.django_db(transaction=True)
def test_a_database_of_before_keeps_creators_and_audit_lines_and_moves_a_draft_named_new():
    executor = MigrationExecutor(connection)
    newest = executor.loader.graph.leaf_nodes()
    executor.migrate([("turing", "0010_study_language")])
    before = executor.loader.project_state([("turing", "0010_study_language")]).apps
    user = before.get_model("turing", "User").objects.create(email="a@test.example", name="Ada")
    studies = before.get_model("turing", "Study").objects
    draft = studies.create(title="New", slug="new", created_by=user)
    studies.create(title="Old", slug="old", state="closed")
    before.get_model("turing", "AuditLine").objects.create(what="withdrew", pseudonym="R-1", study=draft)
    try:
        executor = MigrationExecutor(connection)
        executor.migrate(newest)
        assert {one.slug: one.owner and one.owner.name for one in Study.objects.all()} == {"new-2": "Ada", "old": None}
        line = AuditLine.objects.get()
        assert (line.actor, line.study.slug, line.detail) == ("R-1", "new-2", {})
    finally:
        MigrationExecutor(connection).migrate(newest)
