"""Fields and sections of long forms that several packages share."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from console import UNSTORABLE


class OneLine(forms.CharField):
    """A line of text that every database can store."""

    def clean(self, value: Any) -> str:
        text = super().clean(value)
        if UNSTORABLE.search(text) or not text.isprintable():
            raise ValidationError("Enter one line of text, without line breaks.")
        return text


@dataclass(frozen=True)
class Section:
    """Fields of a form under one title. The first section has no title and is never folded."""

    title: str
    fields: list[forms.BoundField]
    is_open: bool

    @property
    def is_folded(self) -> bool:
        return bool(self.title)


class InSections(forms.BaseForm):
    """A form with many fields. `SECTIONS` holds titles and names of fields, and begins with the fields without a title.

    A folded section is open if one of its fields has an error or differs from a new form.
    """

    SECTIONS: tuple[tuple[str, tuple[str, ...]], ...] = ()

    def sections(self) -> Iterator[Section]:
        for title, names in self.SECTIONS:
            found = [self[name] for name in names if name in self.fields]
            if found:
                yield Section(title, found, any(one.errors or self.is_set(one) for one in found))

    def is_set(self, field: forms.BoundField) -> bool:
        value = field.value()
        return value not in (None, "", [], {}, False) and field.field.has_changed(field.field.initial, value)
