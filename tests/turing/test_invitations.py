"""A study by invitation needs an unused personal link, and no other reader can begin it."""

from smtplib import SMTPRecipientsRefused

import pytest
from django.contrib.sessions.models import Session
from django.core import mail
from django.core.signing import get_cookie_signer
from django.urls import reverse

from tests.conftest import make_reader
from tests.turing.people.conftest import registration
from turing.errors import StudyError
from turing.models import Invitation, Reading, Study
from turing.people.invited import is_invited
from turing.reading.passage import start_reading
from turing.studies.invitations import invite


@pytest.fixture
def invited(study):
    Study.objects.filter(pk=study.pk).update(by_invitation=True)
    study.refresh_from_db()
    return study


def test_a_link_of_ones_own_begins_the_study_once(client, invited, reader):
    invitation = Invitation.objects.create(study=invited)
    client.get(invitation.get_absolute_url())
    client.force_login(reader.user)  # as after registration: the session goes on
    client.get(invitation.get_absolute_url())
    client.post(invited.get_absolute_url(), {"consent": "on"})
    invitation.refresh_from_db()
    assert invitation.reading == reader.readings.get()
    with pytest.raises(StudyError, match="need an invitation"):
        start_reading(invited, make_reader("second@test.example"), invitation.code)
    assert start_reading(invited, reader) == invitation.reading


def test_an_invitation_kept_by_an_earlier_version_still_counts(rf, invited):
    """Its salt names a module that has moved since."""
    name, request = f"invitation-{invited.pk}", rf.get("/")
    code = Invitation.objects.create(study=invited).code
    request.COOKIES[name] = get_cookie_signer(salt=name + "turing.reading.invited").sign(code)
    assert is_invited(request)


@pytest.mark.parametrize("code", ["", "guess", "other"])
def test_without_a_link_of_the_study_nothing_begins(client, invited, reader, code):
    elsewhere = Study.objects.create(title="Elsewhere", slug="elsewhere", state="open")
    other = Invitation.objects.create(study=elsewhere, code="other")
    client.force_login(reader.user)
    client.get(f"{invited.get_absolute_url()}?invitation={code}")
    page = client.post(invited.get_absolute_url(), {"consent": "on"}, follow=True)
    assert "need an invitation" in page.content.decode()
    assert not Reading.objects.exists()
    other.refresh_from_db()
    assert other.reading is None


def test_a_study_by_invitation_is_not_listed(client, invited):
    assert invited.title not in client.get("/").content.decode()
    Study.objects.update(by_invitation=False)
    assert invited.title in client.get("/").content.decode()


def test_every_address_is_sent_its_own_link_once(client, invited, researcher):
    client.force_login(researcher)
    address = reverse("study-invitations", args=[invited.slug])
    data = {"addresses": "a@x.example\nB@x.example,\n\na@x.example", "links": 2}
    assert "4 new invitations" in client.post(address, data, follow=True).content.decode()
    assert "0 new invitations" in client.post(address, data | {"links": 0}, follow=True).content.decode()
    assert sorted(one.to[0] for one in mail.outbox) == ["a@x.example", "b@x.example"]
    for message in mail.outbox:
        code = Invitation.objects.get(email=message.to[0]).code
        assert f"http://testserver{invited.get_absolute_url()}?invitation={code}" in message.body
    assert Invitation.objects.filter(email="", sent_at=None).count() == 2


def test_a_bad_address_is_named_with_its_line_and_nothing_is_sent(client, invited, researcher):
    client.force_login(researcher)
    address = reverse("study-invitations", args=[invited.slug])
    page = client.post(address, {"addresses": "a@x.example\nnobody", "links": 0})
    assert page.status_code == 422
    assert "Line 2: &#x27;nobody&#x27; is not an e-mail address" in page.content.decode()
    assert (len(mail.outbox), Invitation.objects.count()) == (0, 0)


def test_what_could_not_be_sent_is_sent_when_invited_again(invited, monkeypatch):
    def fail(*args):
        raise ConnectionRefusedError("no server")

    monkeypatch.setattr("turing.studies.invitations.send_mail", fail)
    with pytest.raises(StudyError, match=r"a@x.example: the e-mail could not be sent \(no server\)"):
        invite(invited, ["a@x.example"], 0, str)
    monkeypatch.undo()
    assert invite(invited, ["a@x.example"], 0, str) == 0
    assert [one.to for one in mail.outbox] == [["a@x.example"]]


def test_an_address_that_the_server_refuses_does_not_keep_the_others_from_their_letters(invited, monkeypatch):
    sent = []

    def send(subject, text, sender, recipients):
        if recipients == ["b@x.example"]:
            raise SMTPRecipientsRefused({"b@x.example": (550, b"no such user")})
        sent.extend(recipients)

    monkeypatch.setattr("turing.studies.invitations.send_mail", send)
    for _ in range(2):  # inviting again tries again
        with pytest.raises(StudyError, match=r"could not be sent to b@x.example .*550"):
            invite(invited, ["a@x.example", "b@x.example", "c@x.example"], 0, str)
    assert sent == ["a@x.example", "c@x.example"]


@pytest.mark.parametrize("host", [f"{'ü' * 60}.example", f"{'a.' * 150}example"], ids=["not IDNA", "too long"])
def test_an_address_that_no_letter_reaches_is_named_before_anything_is_sent(client, invited, researcher, host):
    client.force_login(researcher)
    for name in ("study-invitations", "study-sharing"):
        given = {"addresses": f"a@x.example\nada@{host}", "address": f"ada@{host}", "links": 0, "role": "view"}
        page = client.post(reverse(name, args=[invited.slug]), given, follow=True)
        assert page.status_code in (200, 422)
        assert "is not an e-mail address" in page.content.decode() or "at most 254" in page.content.decode()
    assert (len(mail.outbox), Invitation.objects.count(), invited.collaborators.count()) == (0, 0, 0)
    new = registration("ada@" + host)
    assert set(client.post(reverse("register"), new).context["form"].errors) == {"email"}


def test_letters_speak_the_readers_language(client, invited, researcher, reader):
    client.force_login(researcher)
    address = reverse("study-invitations", args=[invited.slug])
    client.post(address, {"addresses": "a@x.example", "links": 0, "language": "tr"})
    client.post(address, {"addresses": "b@x.example", "links": 0})
    assert [message.subject.split(":")[0] for message in mail.outbox] == ["Davet", "Invitation"]
    code = Invitation.objects.first().code
    client.force_login(reader.user)
    turkish = {"headers": {"Accept-Language": "tr"}}
    client.get(invited.get_absolute_url(), {"invitation": code}, **turkish)
    client.post(invited.get_absolute_url(), {"consent": "on"}, **turkish)
    client.force_login(researcher)
    client.post(reverse("study-remind", args=[invited.slug, reader.pseudonym]))
    assert mail.outbox[-1].to == [reader.user.email]
    assert mail.outbox[-1].body.startswith(f"Say\u0131n {reader.user.name},")


def test_the_page_names_no_reader(client, invited, researcher, reader):
    invitation = Invitation.objects.create(study=invited, email="reader@test.example")
    start_reading(invited, reader, invitation.code)
    client.force_login(researcher)
    page = client.get(reverse("study-invitations", args=[invited.slug])).content.decode()
    assert reader.pseudonym not in page
    assert invitation.code not in page


def test_visitors_with_a_link_write_no_session(client, invited):
    invitation = Invitation.objects.create(study=invited)
    for code in (invitation.code, "guess", "", "x" * 3000):
        page = client.get(invited.get_absolute_url(), {"invitation": code})
        assert page.status_code == 200
        assert (f"invitation-{invited.pk}" in page.cookies) is (code == invitation.code)
    assert Session.objects.count() == 0
