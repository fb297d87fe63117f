"""Lets a study's owner share it, hide it, or give it to somebody else. The audit trail records each change."""

from django.core.exceptions import ValidationError
from django.db import transaction

from turing.accounts import check_address
from turing.errors import StudyError
from turing.models import COMMAND_LINE, Actor, AuditLine, Collaborator, Study, User


def clean_address(address: str) -> str:
    """The address as it is stored. Raises `StudyError` if it is not an address."""
    cleaned = address.strip().lower()
    try:
        check_address(cleaned)
    except ValidationError:
        raise StudyError(f"{address[:80]!r} is not an e-mail address.") from None
    return cleaned


def find_researcher(address: str) -> User:
    """The researcher with this address, for commands. Raises `StudyError` if there is none."""
    cleaned = clean_address(address)
    user = User.objects.filter(email=cleaned, is_active=True).first()
    if user is None or not user.is_researcher:
        raise StudyError(f"No researcher has the address {cleaned}: manage.py createresearcher --email {cleaned}")
    return user


@transaction.atomic
def share(study: Study, address: str, role: str, actor: Actor = COMMAND_LINE) -> Collaborator:
    """Let the researcher with this address see, or see and change, the study: now, or once such a researcher registers.

    Nobody checks whether the researcher exists, because the answer would reveal who is registered. An existing
    collaborator gets the new role. Raises `StudyError` for the owner's own address.
    """
    address = clean_address(address)
    study = _locked(study)
    if study.owner and study.owner.email == address:
        raise StudyError(f"{address} is the address of the study's owner.")
    collaborator = study.collaborators.at(address).first() or Collaborator(study=study, email=address)
    if collaborator.pk is None or collaborator.role != role:
        collaborator.role = role
        collaborator.save()
        AuditLine.objects.record(AuditLine.What.SHARED, actor, study, collaborator=collaborator.pk, role=role)
    return collaborator


@transaction.atomic
def unshare(study: Study, collaborator: Collaborator, actor: Actor = COMMAND_LINE) -> None:
    """Take the study away from a collaborator, unless every researcher may see it. Doing it twice changes nothing."""
    number = collaborator.pk
    if Collaborator.objects.filter(pk=number, study=_locked(study)).delete()[0]:
        AuditLine.objects.record(AuditLine.What.UNSHARED, actor, study, collaborator=number)


@transaction.atomic
def give_to(study: Study, owner: User, actor: Actor = COMMAND_LINE) -> Study:
    """Make the researcher the study's owner. The previous owner stays a collaborator who may change it."""
    study = _locked(study)
    before = study.owner
    if before == owner:
        return study
    study.owner = owner
    study.save(update_fields=["owner"])
    Collaborator.objects.of(owner).filter(study=study).delete()
    if before is not None and before.is_active:
        Collaborator.objects.create(study=study, user=before, role=Collaborator.Role.EDIT)
    changed = {"from": before.pk} if before else {}
    AuditLine.objects.record(AuditLine.What.OWNED, actor, study, **changed, to=owner.pk)
    return study


@transaction.atomic
def set_visible(study: Study, visible: bool, actor: Actor = COMMAND_LINE) -> Study:
    """Set whether every researcher may see the study. It does not let them change it."""
    study = _locked(study)
    if study.visible_to_researchers != visible:
        study.visible_to_researchers = visible
        study.save(update_fields=["visible_to_researchers"])
        AuditLine.objects.record(AuditLine.What.VISIBLE, actor, study, visible="yes" if visible else "no")
    return study


def _locked(study: Study) -> Study:
    """The study as it is now, locked, so that of two simultaneous changes one follows the other."""
    return Study.objects.select_for_update().get(pk=study.pk)
