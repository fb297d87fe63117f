"""Invites readers with a personal link, with or without an e-mail."""

from collections.abc import Callable, Iterable
from smtplib import SMTPRecipientsRefused

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.mail import send_mail
from django.db import transaction
from django.utils import timezone

from turing.accounts import check_address
from turing.errors import StudyError
from turing.models import COMMAND_LINE, Actor, AuditLine, Invitation, Study
from turing.studies.letters import invitation_letter

MOST_AT_ONCE = 500
REFUSED = (SMTPRecipientsRefused, ValueError)  # this address alone: the server refuses it, or it cannot be encoded


class InvitationForm(forms.Form):
    """E-mail addresses, one a line, and a number of links for readers whose address is not known."""

    addresses = forms.CharField(
        required=False,
        widget=forms.Textarea(attrs={"rows": 5}),
        label="E-mail addresses, one a line",
        help_text="Each address gets its own link. Addresses that were already invited are left out.",
    )
    links = forms.IntegerField(
        initial=0,
        min_value=0,
        max_value=MOST_AT_ONCE,
        label="Links without an address",
        help_text="Number of links that you hand out yourself.",
    )
    language = forms.ChoiceField(choices=settings.LANGUAGES, required=False, label="Language of the e-mails")

    def clean_language(self) -> str:
        return self.cleaned_data["language"] or settings.LANGUAGE_CODE

    def clean_addresses(self) -> list[str]:
        found: dict[str, None] = {}
        for number, line in enumerate(self.cleaned_data["addresses"].splitlines(), start=1):
            address = line.strip().strip(",;").lower()
            if not address:
                continue
            try:
                check_address(address)
            except ValidationError:
                raise forms.ValidationError(f"Line {number}: {address[:80]!r} is not an e-mail address.") from None
            found[address] = None
        if len(found) > MOST_AT_ONCE:
            raise forms.ValidationError(f"At most {MOST_AT_ONCE} addresses at once.")
        return list(found)


def invite(
    study: Study,
    addresses: Iterable[str],
    links: int,
    full_address: Callable[[str], str],
    language: str = "en",
    actor: Actor = COMMAND_LINE,
) -> int:
    """Make invitations, send those that have an address, and return how many are new.

    All are stored before the first is sent. If the server refuses some addresses, the others still get their letter. If
    sending fails, inviting again sends again. If two researchers invite at once, only one sends: each invitation is
    marked before it is sent, and unmarked if sending failed. The audit trail says how many there are, not who.

    `full_address` turns a path into an address with the site's name. Raises `StudyError` if the study is not open, and
    while it follows a purpose-blinded study that still takes answers.
    """
    if not study.is_open:
        raise StudyError(f"The study is {study.get_state_display()}; readers can be invited while it is open.")
    earlier = study.follows
    if earlier and earlier.purpose_blinded and not earlier.is_over:
        raise StudyError(
            f"An invitation to this study would reveal what {earlier} is about. Invite readers once that is "
            "closed, or let "
            "its readers go on by themselves: the debriefing leads them here if this study is not by invitation."
        )
    with transaction.atomic():
        found = [Invitation.objects.get_or_create(study=study, email=address) for address in addresses]
        Invitation.objects.bulk_create(Invitation(study=study) for _ in range(links))
        new = sum(is_new for _, is_new in found) + links
        if new:
            AuditLine.objects.record(AuditLine.What.INVITED, actor, study, readers=new)
    refused = []
    for invitation, _ in found:
        if Invitation.objects.filter(pk=invitation.pk, sent_at=None).update(sent_at=timezone.now()):
            try:
                _send(invitation, full_address(invitation.get_absolute_url()), language)
            except REFUSED as error:
                refused.append(f"{invitation.email} ({error})")
    if refused:
        raise StudyError(f"The e-mail could not be sent to {'; '.join(refused)}. The others are sent.")
    return new


def _send(invitation: Invitation, address: str, language: str) -> None:
    letter = invitation_letter(invitation.study, address, language)
    try:
        send_mail(letter.line, letter.text, None, [invitation.email])
    except BaseException as error:
        Invitation.objects.filter(pk=invitation.pk).update(sent_at=None)
        if isinstance(error, OSError) and not isinstance(error, REFUSED):  # includes every error of SMTP
            raise StudyError(f"{invitation.email}: the e-mail could not be sent ({error}).") from error
        raise
