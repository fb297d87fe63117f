"""A study belongs to its owner, who decides what others may do. Nobody learns who is registered."""

import io
import json
import re

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, transaction
from django.db.models import ProtectedError
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from tests.conftest import make_reader, make_researcher
from turing.errors import StudyError
from turing.management.commands.demo import RESEARCHER, Command
from turing.models import AuditLine, Collaborator, Right, Study
from turing.people.erasure import erase
from turing.reading.passage import start_reading
from turing.studies.sharing import give_to, set_visible, share


@pytest.fixture
def other(db):
    return make_researcher("other@test.example", "Dr Other")


def right_of(user, study):
    return Study.objects.with_right_of(user).get(pk=study.pk).right


def page_of(client, study):
    return client.get(reverse("research-study", args=[study.slug]))


def post_sharing(client, study, **data):
    return client.post(reverse("study-sharing", args=[study.slug]), data, follow=True)


def test_what_a_researcher_makes_or_clones_is_theirs_alone(client, study, other, researcher):
    set_visible(study, True)
    client.force_login(other)
    client.post(reverse("study-clone", args=[study.slug]))
    copy = Study.objects.get(slug="small-study-copy")
    assert (copy.owner, copy.visible_to_researchers) == (other, False)
    assert right_of(researcher, copy) == Right.NONE
    assert copy.audit_lines.get().detail == {"clone_of": study.slug}


def test_a_study_without_an_owner_is_seen_by_researchers_and_changed_by_none(client, study, other):
    Study.objects.update(owner=None)
    client.force_login(other)
    page = page_of(client, study).content.decode()
    assert f"manage.py share_study {study.slug} --owner EMAIL" in page
    assert "Invite readers" not in page
    assert client.get(reverse("results", args=[study.slug])).status_code == 200
    refused = client.post(reverse("study-close", args=[study.slug]))
    assert refused.status_code == 403
    assert f"manage.py share_study {study.slug} --owner EMAIL" in refused.content.decode()
    assert right_of(make_reader("reader@test.example").user, study) == Right.NONE
    assert Study.objects.get(pk=study.pk).is_open


def test_a_viewer_is_told_whose_the_study_is(client, study, other):
    share(study, other.email, "view")
    client.force_login(other)
    assert "You may see this study and its results, but not change it" in page_of(client, study).content.decode()
    refused = client.post(reverse("study-pause", args=[study.slug]))
    assert "Its owner is Dr Research" in refused.content.decode()
    assert "Dr Research, decides" in client.get(reverse("study-sharing", args=[study.slug])).content.decode()


def test_the_page_says_the_same_of_a_researcher_a_reader_and_nobody(client, study, other, researcher):
    make_reader("reader@test.example")
    client.force_login(researcher)
    answers = set()
    for address in ("other@test.example", "reader@test.example", "nobody@test.example"):
        page = post_sharing(client, study, address=address, role="view").content.decode()
        assert address in page
        # Apart from the address, the tokens of forms and the collaborator's number.
        page = re.sub(r'csrfmiddlewaretoken" value="\w+"|>\d+<|value="\d+"', "", page.replace(address, ""))
        answers.add(page)
        study.collaborators.all().delete()
    assert len(answers) == 1


def test_a_right_waits_for_the_researcher_and_then_belongs_to_the_account(client, study, researcher):
    client.force_login(researcher)
    post_sharing(client, study, address="Late@Test.example", role="edit")
    late = make_researcher("late@test.example", "Dr Late")
    assert right_of(late, study) == Right.EDIT
    client.force_login(late)
    assert "Invite readers" in page_of(client, study).content.decode()
    collaborator = study.collaborators.get()
    assert (collaborator.user, collaborator.email, collaborator.address) == (late, "", late.email)
    joined = AuditLine.objects.get(what="joined")
    assert (joined.account, joined.detail) == (late.pk, {"collaborator": collaborator.pk})
    late.email = "new@test.example"
    late.save()
    assert right_of(late, study) == Right.EDIT


def test_letting_in_again_changes_the_role_and_removing_ends_it(client, study, other, researcher):
    client.force_login(researcher)
    for role, right in (("view", Right.VIEW), ("edit", Right.EDIT), ("view", Right.VIEW)):
        post_sharing(client, study, address=other.email, role=role)
        assert right_of(other, study) == right
    assert study.collaborators.count() == 1
    post_sharing(client, study, remove=study.collaborators.get().pk)
    assert right_of(other, study) == Right.NONE
    assert [line.what for line in study.audit_lines.all()[:4]] == ["unshared", "shared", "shared", "shared"]


def test_the_owner_shows_and_hides_the_study(client, study, other, researcher):
    client.force_login(researcher)
    for word, right in (("yes", Right.VIEW), ("no", Right.NONE)):
        post_sharing(client, study, visible=word)
        assert right_of(other, study) == right
    assert [line.detail for line in AuditLine.objects.filter(what="visible")] == [{"visible": "no"}, {"visible": "yes"}]


def test_a_study_is_given_to_a_collaborator_who_has_come_and_its_owner_stays_an_editor(
    client, study, other, researcher
):
    collaborator = share(study, other.email, "view")
    client.force_login(researcher)
    assert "to a researcher who has come" in post_sharing(client, study, owner=collaborator.pk).content.decode()
    client.force_login(other)
    page_of(client, study)
    client.force_login(researcher)
    assert "belongs to Dr Other" in post_sharing(client, study, owner=collaborator.pk).content.decode()
    assert (right_of(other, study), right_of(researcher, study)) == (Right.OWN, Right.EDIT)
    assert study.collaborators.get().user == researcher
    assert AuditLine.objects.get(what="owned", by="researcher").detail == {"from": researcher.pk, "to": other.pk}
    assert post_sharing(client, study, visible="yes").status_code == 403


@pytest.mark.parametrize(
    ("data", "status", "text"),
    [
        ({"address": "nobody", "role": "view"}, 422, "valid email"),
        ({"address": "researcher@test.example", "role": "view"}, 200, "address of the study&#x27;s owner"),
        ({"address": "a@test.example", "role": "own"}, 422, "valid choice"),
        ({"remove": "999"}, 404, ""),
        ({"remove": "x"}, 404, ""),
        ({"remove": "9" * 40}, 404, ""),
        ({"owner": "²"}, 404, ""),
        ({"visible": "perhaps"}, 200, "Nothing was changed"),
        ({}, 200, "Nothing was changed"),
    ],
)
def test_nonsense_changes_nothing(client, study, researcher, data, status, text):
    client.force_login(researcher)
    before = AuditLine.objects.count()
    answer = post_sharing(client, study, **data)
    assert answer.status_code == status
    assert text in answer.content.decode()
    assert (study.collaborators.count(), AuditLine.objects.count()) == (0, before)


def test_the_pilot_of_a_plan_is_a_study_that_one_may_see(client, study, other, researcher):
    query = {"goal": "width", "width": "0.3", "margin": "0.1", "power": "0.8", "structure": "moderate"}
    for user, seen in ((researcher, True), (other, False)):
        client.force_login(user)
        page = client.get(reverse("plan"), query | {"pilot": study.slug})
        assert (study in page.context["form"].fields["pilot"].queryset) == seen
        assert ("pilot" in page.context["form"].errors) != seen


def test_the_list_takes_as_many_queries_for_ten_studies_as_for_one(client, study, researcher, other):
    client.force_login(researcher)

    def queries():
        with CaptureQueriesContext(connection) as captured:
            page = client.get(reverse("research"))
        return len(captured), len(page.context["studies"])

    client.get(reverse("research"))
    first, count = queries()
    for number in range(9):
        one = Study.objects.create(
            title=f"Study {number}", slug=f"study-{number}", owner=[researcher, other][number % 2]
        )
        one.generators.set(study.generators.all())
        if one.owner == other:
            share(one, researcher.email, "view")
    assert (count, queries()) == (1, (first, 10))
    client.force_login(other)
    assert queries()[1] == 4


def test_erasing_a_person_erases_the_addresses_that_wait_for_them(study, other):
    reader = make_reader("both@test.example")
    share(study, "both@test.example", "view")
    erase(reader.user)
    assert not Collaborator.objects.exists()


def test_no_account_with_studies_is_deleted(study, researcher):
    with pytest.raises(ProtectedError):
        researcher.delete()


def test_the_database_lets_a_researcher_in_once(study, other):
    Collaborator.objects.create(study=study, user=other)
    for values in ({"user": other}, {"email": ""}, {"user": other, "email": "a@test.example"}):
        with pytest.raises(IntegrityError), transaction.atomic():
            Collaborator.objects.create(study=study, **values)


def share_study(*arguments):
    out = io.StringIO()
    call_command("share_study", *arguments, "--json", stdout=out)
    return json.loads(out.getvalue())


def test_the_command_does_what_the_page_does(study, other, researcher):
    Study.objects.update(owner=None)
    slug = study.slug
    found = share_study(slug, "--owner", "Other@test.example", "--view", "a@x.example", "--edit", "b@x.example")
    assert (found["study"], found["owner"], found["visible_to_researchers"]) == (slug, other.email, False)
    assert found["collaborators"] == [
        {"email": "a@x.example", "role": "view", "has_come": False},
        {"email": "b@x.example", "role": "edit", "has_come": False},
    ]
    found = share_study(slug, "--remove", "a@x.example", "--visible", "yes", "--owner", researcher.email)
    assert [(one["email"], one["has_come"]) for one in found["collaborators"]] == [
        ("b@x.example", False),
        (other.email, True),
    ]
    assert found["visible_to_researchers"] is True
    assert set(study.audit_lines.filter(by="command").values_list("what", flat=True)) == {
        "created", "opened", "owned", "shared", "unshared", "visible",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--owner", "nobody@x.example"], "No researcher has the address nobody@x.example"),
        (["--owner", "reader@test.example"], "createresearcher --email reader@test.example"),
        (["--view", "nonsense"], "--view: 'nonsense' is not an e-mail address"),
        (["--remove", "a@x.example"], "--remove: a@x.example is no collaborator of small-study"),
        (["--view", "a@x.example", "--edit", "A@x.example"], "a@x.example is named in more than one"),
        (["--view", "b@x.example", "--edit", "researcher@test.example"], "address of the study's owner"),
    ],
)
def test_the_command_refuses_by_name_and_then_changes_nothing(study, reader, arguments, message):
    with pytest.raises(CommandError, match=message):
        share_study(study.slug, *arguments)
    assert not Collaborator.objects.exists()


def test_the_demo_gives_its_study_to_the_demo_researcher(study, researcher):
    Study.objects.update(owner=None)
    command = Command(stdout=io.StringIO())
    for _ in range(2):
        command._accounts(Study.objects.get(pk=study.pk))
    assert Study.objects.get(pk=study.pk).owner.email == RESEARCHER
    assert AuditLine.objects.filter(what="owned").count() == 1


def test_an_erased_owner_keeps_the_study_closed_to_others(study, other, researcher):
    """Erasure leaves an account without a name. An administrator can give the study to somebody else."""
    researcher.is_active = False
    researcher.save()
    assert right_of(other, study) == Right.NONE
    give_to(study, other)
    assert not study.collaborators.exists()
    with pytest.raises(StudyError):
        share(study, other.email, "view")


def test_invitations_name_readers_to_editors_alone(client, study, other):
    share(study, other.email, "view")
    client.force_login(other)
    assert client.get(reverse("study-invitations", args=[study.slug])).status_code == 403


def test_an_image_is_for_those_who_see_the_study(client, study, other, reader):
    image = study.stimuli.first().get_absolute_url()
    start_reading(study, reader)
    client.force_login(reader.user)
    assert client.get(image).status_code == 200
    client.force_login(other)
    assert client.get(image).status_code == 404
    set_visible(study, True)
    assert client.get(image).status_code == 200


@pytest.mark.parametrize("option", [{"owner": ""}, {"follows": ""}])
def test_an_empty_name_is_not_taken_for_none(run, option):
    """A script whose variable is unset must not make a study that every researcher may see, or that follows none."""
    with pytest.raises(CommandError):
        call_command("create_study", "Unset", run=[str(run.pk)], real=2, generated=2, stimulus_size=64, **option)
    assert not Study.objects.filter(title="Unset").exists()


def test_an_empty_owner_is_refused(study):
    with pytest.raises(CommandError, match="'' is not an e-mail address"):
        call_command("share_study", study.slug, "--owner", "")
