"""Formats numbers for pages."""

from django import template
from django.utils.formats import number_format
from django.utils.translation import gettext

register = template.Library()


@register.filter
def percent(value: float | None) -> str:
    """0.4712 as '47.1%', in Turkish '%47,1'; an unknown value as a dash."""
    return "-" if value is None else gettext("%(number)s%%") % {"number": number_format(round(100 * value, 1), 1)}


@register.filter
def interval(value: list[float] | None) -> str:
    """[0.42, 0.53] as '42.0% to 53.0%'."""
    return "-" if value is None else f"{percent(value[0])} to {percent(value[1])}"


@register.filter
def points(value: float) -> str:
    """-0.0231 as '-2.3', in percentage points."""
    return f"{100 * value:+.1f}"


@register.filter
def seconds(value: float) -> str:
    """2481 as '2.5 s'."""
    return f"{value / 1000:.1f} s"


def number_of(count: int, noun: str) -> str:
    """The count with its noun, whose plural ends in s: '1 reader', '1,200 readers'."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


@register.filter
def heading(key: str) -> str:
    """A column's key as its heading: 'p_holm' as 'p holm'."""
    return key.replace("_", " ")


@register.filter
def is_number(value) -> bool:
    return value is None or (isinstance(value, (int, float)) and not isinstance(value, bool))


@register.filter
def cell(value, key: str) -> str:
    """A table's cell: three decimals, whole milliseconds and counts, small p-values as '< 0.001', None as a dash."""
    if value is None:
        return "-"
    if not isinstance(value, float):
        return str(value)
    if key.startswith("p_") and value < 0.001:
        return "< 0.001"
    if key == "variance":
        return f"{value:.3g}"
    return f"{value:.0f}" if key.endswith("_ms") else f"{value:.1f}" if key == "df" else f"{value:.3f}"


@register.filter
def item(mapping: dict, key: str):
    """The value under a key that the template has in a variable."""
    return mapping.get(key)
