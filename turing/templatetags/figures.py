"""How numbers stand on a page."""

from django import template

register = template.Library()


@register.filter
def percent(value: float | None) -> str:
    """0.4712 as '47.1%'; nothing known as a dash."""
    return "-" if value is None else f"{100 * value:.1f}%"


@register.filter
def interval(value: list[float] | None) -> str:
    """[0.42, 0.53] as '42.0% to 53.0%'."""
    return "-" if value is None else f"{percent(value[0])} to {percent(value[1])}"


@register.filter
def item(mapping: dict, key: str):
    """The value under a key that the template holds in a variable."""
    return mapping.get(key)
