"""E-mails to readers, each in the reader's language."""

from typing import NamedTuple

from django.utils import translation
from django.utils.translation import gettext as _

from turing.models import Reading, Study


class Letter(NamedTuple):
    subject: str
    text: str

    @property
    def line(self) -> str:
        """The subject as the one line that an e-mail's header can be."""
        return " ".join(self.subject.split())


def invitation_letter(study: Study, address: str, language: str) -> Letter:
    """`address` is the link of one reader; `language` one of the site's, since the reader is not known yet."""
    values = {"title": study.title, "count": study.images_announced, "address": address}
    with translation.override(language):
        subject = _("Invitation: %(title)s") % values
        if study.purpose_blinded:
            text = _(
                "You are invited to look at %(count)s images of skin lesions in the study %(title)s and to answer "
                "questions about each.\n\nThis link is yours alone:\n\n%(address)s\n\nTaking part is voluntary.\n"
            )
            return Letter(subject, text % values)
        return Letter(
            subject,
            _(
                "You are invited to judge %(count)s images of skin lesions in the study %(title)s: real, or generated "
                "by a computer?\n\nThis link is yours alone:\n\n%(address)s\n\nTaking part is voluntary.\n"
            )
            % values,
        )


def reminder_letter(reading: Reading, address: str) -> Letter:
    values = {
        "title": reading.study.title,
        "name": reading.reader.user.name,
        "left": reading.trials.unanswered().count(),
        "address": address,
    }
    with translation.override(reading.language):
        return Letter(
            _("%(title)s: %(left)s images are left") % values,
            _(
                "Dear %(name)s,\n\nyou began to judge images in the study %(title)s; %(left)s are left. Your answers "
                "are saved, and you can go on where you stopped, on any device:\n\n%(address)s\n\nIf you do not wish "
                "to go on, you need not do anything; there you can also withdraw your consent.\n"
            )
            % values,
        )
