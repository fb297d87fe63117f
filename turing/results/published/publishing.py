"""Publishes a study's results and closes the page again. The audit trail records both."""

from django.db import transaction
from django.utils import timezone

from turing.errors import StudyError
from turing.models import COMMAND_LINE, Actor, AuditLine, Study
from turing.results.counting import choose_population, counted
from turing.results.published.download import forget_archive

What = AuditLine.What


@transaction.atomic
def publish(study: Study, *, authors: str = "", archive: bool = False, actor: Actor = COMMAND_LINE) -> Study:
    """Let everybody see the results, or change whom to cite and whether the archive may be downloaded.

    Raises `StudyError` if the study is not over, or if nobody answered.
    """
    study = Study.objects.select_for_update().get(pk=study.pk)
    if not study.is_over:
        raise StudyError(
            f"The study is {study.get_state_display()}: close it first. Readers must not see results before."
        )
    if not counted(study, choose_population(study)).exists():
        raise StudyError("There are no answers to publish.")
    study.published_at = study.published_at or timezone.now()
    study.cited_authors, study.publishes_archive = " ".join(authors.split()), archive
    study.save(update_fields=["published_at", "cited_authors", "publishes_archive"])
    AuditLine.objects.record(What.PUBLISHED, actor, study, archive="yes" if archive else "no")
    return study


def unpublish(study: Study, actor: Actor = COMMAND_LINE) -> Study:
    """Close the public page. If it is closed already, nothing happens. Publishing again opens the same address."""
    with transaction.atomic():
        study = Study.objects.select_for_update().get(pk=study.pk)
        if study.is_published:
            study.published_at = None
            study.save(update_fields=["published_at"])
            AuditLine.objects.record(What.UNPUBLISHED, actor, study)
    forget_archive(study)
    return study
