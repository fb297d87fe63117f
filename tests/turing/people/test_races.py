"""Simultaneous requests are answered as if one had come after the other: real threads, a real database."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.contrib.auth.models import Group
from django.core import mail
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from gan.models import LesionImage
from tests.conftest import PASSWORD, make_reader
from tests.turing.people.conftest import OTHER_PASSWORD, PROFILE, registration
from turing.accounts import RESEARCHERS
from turing.models import Invitation, Reader, Reading, Study, User
from turing.people import confirmation
from turing.people.erasure import erase
from turing.reading.passage import start_reading
from turing.studies.invitations import invite
from turing.studies.lifecycle import clone_study, save_new_study
from turing.studies.monitor import send_reminder

pytestmark = pytest.mark.django_db(transaction=True)


def at_once(*jobs):
    """Run the jobs in separate threads that start together; return their results or exceptions."""
    start = Barrier(len(jobs))

    def run(job):
        try:
            start.wait(timeout=30)
            return job()
        except Exception as error:
            return error
        finally:
            connection.close()

    with ThreadPoolExecutor(len(jobs)) as threads:
        return list(threads.map(run, jobs))


def post(name, data, user=None):
    client = Client()
    if user:
        client.force_login(user)
    return lambda: client.post(reverse(name), data).status_code


def test_a_registration_sent_several_times_makes_one_account():
    assert at_once(*(post("register", registration("a@b.example")) for _ in range(4))) == [302] * 4
    assert (User.objects.count(), Reader.objects.count()) == (1, 1)


def test_a_claim_sent_several_times_makes_one_account(reader):
    jobs = [post("register", registration(reader.user.email, OTHER_PASSWORD)) for _ in range(4)]
    assert at_once(*jobs) == [302] * 4
    assert User.objects.filter(claimed_email=reader.user.email).count() == 1


def test_of_two_people_with_one_address_one_holds_it_and_one_claims_it():
    jobs = [post("register", registration("a@b.example", password)) for password in (PASSWORD, OTHER_PASSWORD)]
    assert at_once(*jobs) == [302] * 2
    assert User.objects.filter(email="a@b.example").count() == 1
    assert User.objects.filter(claimed_email="a@b.example").count() == 1


def test_first_posts_of_a_profile_at_once_make_one_reader(researcher):
    jobs = [post("profile", PROFILE | {"years_experience": years}, researcher) for years in (1, 2, 3)]
    assert at_once(*jobs) == [302] * 3
    assert Reader.objects.get().years_experience in (1, 2, 3)


def test_two_who_confirm_one_address_at_once_do_not_both_get_it():
    holder = make_reader("a@b.example").user
    claimant = User.objects.create(email="x@unconfirmed.invalid", claimed_email="a@b.example", name="Other")
    results = at_once(*(lambda user=user: confirmation.confirm(user) for user in (holder, claimant)))
    assert sum(result is None for result in results) == 1
    assert User.objects.filter(email="a@b.example", email_confirmed_at__isnull=False).count() == 1


def test_erasing_while_the_profile_is_saved_leaves_nothing(reader):
    job = post("profile", PROFILE, reader.user)
    at_once(job, lambda: erase(User.objects.get(pk=reader.user.pk)), job)
    reader.refresh_from_db()
    assert (reader.profession, str(reader.country)) == ("other", "")


def test_erasing_twice_at_once_leaves_one_line(reader):
    results = at_once(*[lambda: erase(User.objects.get(pk=reader.user.pk))] * 3)
    assert sorted(results) == [False, False, True]


def test_a_researcher_created_twice_at_once_is_one(monkeypatch):
    monkeypatch.setenv("NEW_PASSWORD", PASSWORD)
    Group.objects.filter(name=RESEARCHERS).delete()
    job = lambda: call_command("createresearcher", email="a@b.example", password_env="NEW_PASSWORD")  # noqa: E731
    assert at_once(job, job, job) == [None] * 3
    assert User.objects.get().is_researcher


def test_studies_of_one_title_at_once_get_addresses_of_their_own():
    def save():
        study = Study(title="Same title")
        save_new_study(study)
        return study.slug

    assert sorted(at_once(*[save] * 4)) == ["same-title", "same-title-2", "same-title-3", "same-title-4"]
    original = Study.objects.first()
    copies = at_once(*[lambda: clone_study(original).slug] * 3)
    assert sorted(copies) == ["same-title-copy", "same-title-copy-2", "same-title-copy-3"]


def test_two_who_invite_the_same_reader_at_once_send_one_letter():
    study = Study.objects.create(title="Open", slug="open", state="open")
    results = at_once(*[lambda: invite(study, ["a@b.example", "c@d.example"], 0, str)] * 3)
    assert sum(results) == 2
    assert sorted(letter.to[0] for letter in mail.outbox) == ["a@b.example", "c@d.example"]
    assert Invitation.objects.filter(sent_at__isnull=False).count() == 2


def test_two_reminders_at_once_are_one():
    study = Study.objects.create(title="Open", slug="open", state="open")
    reading = Reading.objects.create(
        study=study, reader=make_reader("a@b.example"), consent_version="1", consented_at=timezone.now(), seed=1
    )
    results = at_once(
        *[lambda: send_reminder(Reading.objects.select_related("study", "reader__user").get(pk=reading.pk), "/")] * 3
    )
    assert (sum(result is None for result in results), len(mail.outbox)) == (1, 1)


def test_one_invitation_begins_one_reading():
    study = Study.objects.create(title="Open", slug="open", state="open", by_invitation=True)
    code = Invitation.objects.create(study=study).code
    readers = [make_reader(f"{number}@b.example") for number in range(3)]
    at_once(*(lambda reader=reader: start_reading(study, reader, code) for reader in readers))
    assert Reading.objects.count() == 1


def test_two_imports_of_one_folder_bring_every_image_once(phantom_export):
    assert at_once(*[lambda: call_command("import_isic", str(phantom_export))] * 2) == [None] * 2
    assert LesionImage.objects.count() == 48


def test_a_verdict_overruled_twice_at_once_is_as_before():
    content = {"diagnosis": "melanoma", "file": "x", "sha256": "x", "licence": "CC-0", "attribution": "x"}
    image = LesionImage.objects.create(isic_id="X", width=1, height=1, verdict="rejected", **content)
    at_once(*[lambda: LesionImage.objects.get(pk=image.pk).overrule()] * 2)
    image.refresh_from_db()
    assert (image.verdict, image.overruled) == ("rejected", False)
