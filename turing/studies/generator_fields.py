"""Form fields to choose a study's generators and the number of images from each."""

from django import forms
from django.utils.html import format_html, format_html_join

from gan.models import Generator

MOST = 32_767  # most images of one kind in a study


class GeneratorsField(forms.ModelMultipleChoiceField):
    """Finished generators, as checkboxes."""

    widget = forms.CheckboxSelectMultiple

    def __init__(self, **kwargs) -> None:
        super().__init__(Generator.objects.none(), **kwargs)

    def clean(self, value):
        try:
            return super().clean(value)
        except OverflowError:  # a number that is too large for the database
            raise forms.ValidationError(self.error_messages["invalid_choice"], params={"value": "?"}) from None

    def label_from_instance(self, one: Generator) -> str:
        phantoms = ", on phantoms" if one.uses_phantoms else ""
        untold = "" if one.knows_training_images else ", training images not told"
        return f"{one}: {', '.join(one.diagnoses)}, {one.size} pixels{phantoms}{untold}"


class ControlsField(GeneratorsField):
    """Generators that serve as a control.

    The cleaned value is the list of their ids, as in `Study.control_generators`.
    """

    def label_from_instance(self, one: Generator) -> str:
        return f"{one} as a control"

    def clean(self, value) -> list[int]:
        return sorted(one.pk for one in super().clean(value))


class CountsWidget(forms.Widget):
    """A number for each generator, `count_<id>`. Empty means an equal share of the rest."""

    use_fieldset = True
    names: list[tuple[str, str]] = []  # id and label

    def value_from_datadict(self, data, files, name):
        counts = {key.removeprefix("count_"): data[key] for key in data if key.startswith("count_")}
        return {key: value for key, value in counts.items() if value not in ("", None)}

    def value_omitted_from_data(self, data, files, name):
        return False  # no number at all is valid, too, and means equal shares

    def render(self, name, value, attrs=None, renderer=None):
        rows = format_html_join(
            "",
            '<li><label>{} <input type="number" name="count_{}" min="0" max="{}" value="{}"></label></li>',
            ((label, key, MOST, (value or {}).get(key, "")) for key, label in self.names),
        )
        return format_html('<details{}><summary>Set numbers</summary><ul class="counts">{}</ul></details>',
                           " open" if value else "", rows)  # fmt: skip


class CountsField(forms.Field):
    """Images per diagnosis by the generator's id, as in `Study.generated_counts`."""

    widget = CountsWidget

    def clean(self, value) -> dict[str, int]:
        counts = {}
        for key, text in (value or {}).items():
            number = str(text).strip()
            if not (number.isascii() and number.isdecimal() and len(number) < 6 and int(number) <= MOST):
                raise forms.ValidationError(f"{str(text)[:20]!r} is not a number of images from 0 to {MOST:,}.")
            counts[key] = int(number)
        return counts
