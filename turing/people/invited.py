"""The invitation that a visitor came with, kept in a signed cookie until the reading begins.

It is a cookie because a visitor who is not logged in has no session. With sessions, every visit with a link would write
a row to the database.
"""

import re

from django.conf import settings

from turing.models import Invitation, Study

SALT = "turing.reading.invited"  # never changed: cookies in readers' browsers are signed with it
KEPT_FOR = 30 * 24 * 60 * 60  # seconds
CODE = re.compile(r"[\w-]{1,20}", re.ASCII)
PREFIX = "invitation-"


def invitation_code(request, study: Study) -> str:
    """The code in the address, else the code in the study's cookie, else ''."""
    code = request.GET.get("invitation", "")
    return code if CODE.fullmatch(code) else _kept(request, f"{PREFIX}{study.pk}")


def lacks_invitation(request, study: Study) -> bool:
    """Whether the study needs an invitation and the visitor has no unused one."""
    if not study.by_invitation:
        return False
    return not study.invitations.filter(code=invitation_code(request, study) or None, reading=None).exists()


def remember_invitation(request, response, study: Study):
    """Set a cookie on the response if the address has an unused invitation code of the study."""
    code = request.GET.get("invitation", "")
    if CODE.fullmatch(code) and study.invitations.filter(code=code, reading=None).exists():
        response.set_signed_cookie(
            f"{PREFIX}{study.pk}", code, salt=SALT, max_age=KEPT_FOR,
            secure=settings.SESSION_COOKIE_SECURE, httponly=True, samesite="Lax",
        )  # fmt: skip
    return response


def is_invited(request) -> bool:
    """Whether the visitor has an unused invitation to an open study."""
    codes = [_kept(request, name) for name in request.COOKIES if name.startswith(PREFIX)]
    return Invitation.objects.filter(code__in=codes, reading=None, study__in=Study.objects.open()).exists()


def _kept(request, name: str) -> str:
    return request.get_signed_cookie(name, default="", salt=SALT, max_age=KEPT_FOR)
