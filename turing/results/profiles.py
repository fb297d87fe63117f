"""Readers' profiles in the archive, reduced so that several readers share each profile."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

LEAST = 5  # readers who share a profile
WITHHELD = ""
COLUMNS = ("profession", "specialty", "experience")  # earlier columns are kept in preference to later ones

Profile = tuple[str, ...]


def withhold_small_cells(profiles: dict[str, Profile], least: int = LEAST) -> dict[str, Profile]:
    """Profiles by reader, with rare values left empty until at least `least` readers share each profile.

    The first column is treated over all readers, the second within each value of the first, and so on. So readers share
    the combination of all columns, too. If fewer than `least` readers have rare values, the smallest frequent value is
    left empty as well. If there are fewer than `least` readers in all, everything is empty.
    """
    if not profiles or not next(iter(profiles.values())):
        return profiles
    kept = _frequent_values([profile[0] for profile in profiles.values()], least)
    groups: dict[str, dict[str, Profile]] = {}
    for reader, (first, *rest) in profiles.items():
        groups.setdefault(first if first in kept else WITHHELD, {})[reader] = tuple(rest)
    return {
        reader: (first, *rest)
        for first, members in groups.items()
        for reader, rest in withhold_small_cells(members, least).items()
    }


def _frequent_values(values: Sequence[str], least: int) -> set[str]:
    counts = Counter(value for value in values if value != WITHHELD)
    kept = {value for value, count in counts.items() if count >= least}
    # Ties are broken by name, so that the same readers always give the same archive.
    for value in sorted(kept, key=lambda value: (counts[value], value)):
        rest = len(values) - sum(counts[one] for one in kept)
        if rest == 0 or rest >= least:
            break
        kept.remove(value)
    return kept


def with_shared_profiles(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows of the responses CSV in which every reader shares profession, specialty and experience with others.

    Withheld values are empty, not 'other'. A group called 'other' would hold readers of the very kinds that it is
    compared with.
    """
    shared = withhold_small_cells({row["reader"]: tuple(row[name] for name in COLUMNS) for row in rows})
    found = {reader: {name: value or None for name, value in zip(COLUMNS, profile, strict=True)}
             for reader, profile in shared.items()}  # fmt: skip
    return [row | found[row["reader"]] for row in rows]
