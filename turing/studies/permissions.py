"""Finds a study for a researcher who may see it; `turing/models/sharing.py` says who may."""

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Exists, OuterRef
from django.shortcuts import get_object_or_404

from turing.models import AuditLine, Collaborator, Right, Study, User


def get_study(request, slug: str, right: Right = Right.VIEW, studies=None) -> Study:
    """The study, with the user's `right` in it, for views behind `researcher_required`.

    Answers 404 if the user may not see it, as for a study that does not exist. Answers 403 with the reason if the user
    may see it but not change it. `studies` are those to search; by default all. The first visit of a collaborator is
    recorded.
    """
    waits = Collaborator.objects.waiting_for(request.user).filter(study=OuterRef("pk"))
    studies = (Study.objects.all() if studies is None else studies).visible_to(request.user)
    study = get_object_or_404(studies.annotate(collaborator_waits=Exists(waits)), slug=slug)
    if study.collaborator_waits:
        _join(study, request.user)
    if study.right < right:
        raise PermissionDenied(_reason(study, right))
    return study


@transaction.atomic
def _join(study: Study, user: User) -> None:
    """Link collaborations that waited for the user's address to the user.

    A second request at the same time finds this done.
    """
    for waiting in Collaborator.objects.waiting_for(user).filter(study=study).select_for_update():
        if study.collaborators.filter(user=user).exists():  # shared with an earlier address of this user
            waiting.delete()
            continue
        waiting.user, waiting.email = user, ""
        waiting.save(update_fields=["user", "email"])
        AuditLine.objects.record(AuditLine.What.JOINED, user, study, collaborator=waiting.pk)


def _reason(study: Study, right: Right) -> str:
    if study.owner is None:
        return (
            "This study has no owner. Every researcher may see it, but only an administrator can change it. "
            f"This command gives it an owner: manage.py share_study {study.slug} --owner EMAIL"
        )
    if right == Right.OWN:
        return f"Its owner, {study.owner}, decides who sees and changes this study."
    return f"You may see this study, but not change it. Its owner is {study.owner}."
