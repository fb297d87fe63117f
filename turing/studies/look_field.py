"""The form field for a design's looks at results."""

from django import forms

LENGTH = 100


class LooksField(forms.CharField):
    """Shares such as `50%` or `33%, 67%`, stored as `[0.33, 0.67]`."""

    def __init__(self, **kwargs) -> None:
        super().__init__(**{"required": False, "max_length": LENGTH, **kwargs})

    def prepare_value(self, value):
        return ", ".join(f"{100 * share:.6g}%" for share in value) if isinstance(value, list) else value

    def to_python(self, value) -> list[float]:
        text = str(self.prepare_value(value) or "")
        return [_share(word) for word in text.replace(",", " ").replace(";", " ").split()]

    def run_validators(self, value) -> None:
        """Do nothing here: `looks_problem` checks the shares, together with the number of readers."""

    def has_changed(self, initial, data) -> bool:
        return super().has_changed(self.prepare_value(initial), data)


def _share(word: str) -> float:
    try:
        share = float(word.removesuffix("%")) / (100 if word.endswith("%") else 1)
    except ValueError:
        share = 0.0
    if not 0 < share < 1:
        raise forms.ValidationError(
            f"{word[:20]!r} is not a share of the planned answers. Write 50%, or 33%, 67% for two looks."
        )
    return round(share, 6)
