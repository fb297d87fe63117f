"""The audit trail as researchers read it: with names on pages, without names in the file."""

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from turing.models import AuditLine, User

COLUMNS = ("at", "actor", "what", "detail")
PEOPLE = ("from", "to")  # keys of a change of owner, which hold numbers of accounts


@dataclass(frozen=True)
class TrailRow:
    """One line for a page."""

    at: datetime
    who: str
    what: str
    detail: str


def trail_rows(lines: Iterable[AuditLine]) -> list[TrailRow]:
    """Lines with the present names of their accounts; one query for all names."""
    lines = list(lines)
    numbers = {line.account for line in lines} | {line.detail.get(key) for line in lines for key in PEOPLE}
    users = User.objects.in_bulk([number for number in numbers if number])
    rows = []
    for line in lines:
        named = {key: _name(users, value) if key in PEOPLE else value for key, value in line.detail.items()}
        who = _name(users, line.account) if line.account else line.actor
        rows.append(TrailRow(line.at, who, line.get_what_display(), line.about(named)))
    return rows


def _name(users: dict[int, User], number: int) -> str:
    user = users.get(number)
    return f"{user.name} (researcher {number})" if user and user.name else f"researcher {number}"


def trail_csv(lines: Iterable[AuditLine]) -> bytes:
    """All lines, with researchers as the numbers of their accounts, because erasure cannot reach a downloaded file."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(COLUMNS)
    for line in lines:
        writer.writerow([line.at.isoformat(timespec="seconds"), line.actor, line.what, line.about()])
    return buffer.getvalue().encode()
