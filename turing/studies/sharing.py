"""The owner of a study shares it, hides it, or gives it to somebody else; each change stands in the audit trail."""

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction

from turing.errors import StudyError
from turing.models import COMMAND_LINE, Actor, AuditLine, Collaborator, Study, User


def clean_address(address: str) -> str:
    """As addresses are stored. Raises `StudyError` for what is none."""
    cleaned = address.strip().lower()
    try:
        validate_email(cleaned)
    except ValidationError:
        raise StudyError(f"{address[:80]!r} is not an e-mail address.") from None
    return cleaned


def find_researcher(address: str) -> User:
    """The researcher with this address, for commands. Raises `StudyError` where there is none."""
    cleaned = clean_address(address)
    user = User.objects.filter(email=cleaned, is_active=True).first()
    if user is None or not user.is_researcher:
        raise StudyError(f"No researcher has the address {cleaned}: manage.py createresearcher --email {cleaned}")
    return user


@transaction.atomic
def share(study: Study, address: str, role: str, actor: Actor = COMMAND_LINE) -> Collaborator:
    """Let the researcher with this address see the study, or see and change it, now or once there is such a researcher.

    Nobody looks up whether there is: the answer would tell who is registered. A collaborator of before gets the new
    role. Raises `StudyError` for the owner's own address.
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
    """The collaborator sees the study no more, unless every researcher does; done again, nothing happens."""
    number = collaborator.pk
    if Collaborator.objects.filter(pk=number, study=_locked(study)).delete()[0]:
        AuditLine.objects.record(AuditLine.What.UNSHARED, actor, study, collaborator=number)


@transaction.atomic
def give_to(study: Study, owner: User, actor: Actor = COMMAND_LINE) -> Study:
    """Make the researcher the study's owner; the owner of before stays a collaborator who may change it."""
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
    """Whether every researcher may see the study; none may change it for that."""
    study = _locked(study)
    if study.visible_to_researchers != visible:
        study.visible_to_researchers = visible
        study.save(update_fields=["visible_to_researchers"])
        AuditLine.objects.record(AuditLine.What.VISIBLE, actor, study, visible="yes" if visible else "no")
    return study


def _locked(study: Study) -> Study:
    """The study as it is now, locked: of two changes at once one comes after the other."""
    return Study.objects.select_for_update().get(pk=study.pk)
