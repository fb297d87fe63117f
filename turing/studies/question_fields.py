"""The part of the study form in which a researcher writes questions: one row of fields for each question."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from turing.models.questions import AFTER_GENERATED, MAY_ASK_CONFIDENCE, SCALE_LEVELS, TESTED, Kind
from turing.studies.questions import MOST, QuestionError, as_given, check_questions

PREFIX = "question_"
EMPTY_ROWS = 3
TEXTS = ("type", "name", "question", "options", "levels", "low", "high", "test", "margin")
SWITCHES = ("required", "confidence", "primary")
ROW_OF_JUDGEMENT = {"type": str(Kind.JUDGEMENT), "primary": True}

Row = dict[str, Any]


class QuestionsWidget(forms.Widget):
    """Rows of fields `question_<row>_<key>`. A row without a type is not a question."""

    use_fieldset = True

    def value_from_datadict(self, data, files, name):
        if isinstance(given := data.get(name), list):  # from the command, checked already
            return given
        found = {}
        for row in range(1, MOST + EMPTY_ROWS + 1):
            values = {key: data.get(f"{PREFIX}{row}_{key}", "") for key in TEXTS}
            if values["type"]:
                found[row] = values | {key: f"{PREFIX}{row}_{key}" in data for key in SWITCHES}
        return found

    def value_omitted_from_data(self, data, files, name):
        return False

    def render(self, name, value, attrs=None, renderer=None) -> SafeString:
        rows = dict(value) if isinstance(value, Mapping) else dict(enumerate(map(_row, value or [ROW_OF_JUDGEMENT]), 1))
        last = min(max(rows, default=0) + EMPTY_ROWS, MOST + EMPTY_ROWS)
        context = {
            "rows": [(number, rows.get(number)) for number in range(1, last + 1)],
            "kinds": Kind.choices,
            "levels": SCALE_LEVELS,
            "is_open": len(rows) > 1,
        }
        return render_to_string("research/questions_widget.html", context)


class QuestionsField(forms.Field):
    """The questions as stored in `Study.questions`."""

    widget = QuestionsWidget

    def has_changed(self, initial, data) -> bool:
        try:
            return bool(self.clean(data))
        except forms.ValidationError:
            return True

    def clean(self, value) -> list[dict[str, Any]]:
        if isinstance(value, list):  # from the command, checked already
            return check_questions([as_given(one) for one in value])
        numbers = list(value)
        try:
            return check_questions([_given(values) for values in value.values()])
        except QuestionError as error:
            place = f"Question {numbers[error.place - 1]}, {error.key}: " if error.place else ""
            raise forms.ValidationError(f"{place}{error.message}") from None


def _row(stored: Mapping[str, Any]) -> Row:
    """A stored question as values of the row's fields."""
    given = as_given(dict(stored))
    options = [one if isinstance(one, str) else _line(one) for one in given.get("options", ())]
    return {key: given.get(key, "") for key in TEXTS} | {
        "options": "\n".join(options),
        **{key: bool(given.get(key, False)) for key in SWITCHES},
    }


def _line(option: Mapping[str, Any]) -> str:
    if [option["label"]] == option["diagnoses"]:
        return str(option["label"])
    names = option["diagnoses"]
    joined = "; ".join(names) + ";" if any("," in name for name in names) else ", ".join(names)
    return f"{option['label']} = {joined}"


def _given(row: Mapping[str, Any]) -> dict[str, Any]:
    """The row with the keys of the JSON format. Keys that do not belong to its type are left out if they are empty."""
    kind, found = row["type"], {"type": row["type"]}
    for key in ("name", "question", "low", "high", "test"):
        if text := str(row[key]).strip():
            found[key] = text
    if (kind not in TESTED or kind == Kind.JUDGEMENT) and found.get("test") == "difference":
        del found["test"]
    lines = [line.strip() for line in str(row["options"]).splitlines() if line.strip()]
    if lines:
        found["options"] = [_option(line) for line in lines] if kind == Kind.DIAGNOSIS else lines
    if level := str(row["levels"]).strip():
        found["levels"] = int(level) if level.isascii() and level.isdecimal() and len(level) < 4 else level
    if margin := str(row["margin"]).strip():
        found["margin"] = _number(margin)
    has = {
        "required": kind not in (*AFTER_GENERATED, Kind.JUDGEMENT),
        "confidence": kind in MAY_ASK_CONFIDENCE,
        "primary": kind in TESTED,
    }
    always = {"required"} if not has["required"] else set()
    return found | {key: bool(row[key]) for key in SWITCHES if key not in always and (has[key] or row[key])}


def _number(text: str) -> float | str:
    try:
        return float(text.replace(",", "."))
    except ValueError:
        return text


def _option(line: str) -> str | dict[str, Any]:
    """Parse `Naevus = nevus, blue nevus`: what readers see, and the diagnoses for which it is right.

    Semicolons separate names that contain a comma.
    """
    label, equals, names = line.partition("=")
    if not equals:
        return line
    return {
        "label": label.strip(),
        "diagnoses": [one.strip() for one in names.split(";" if ";" in names else ",") if one.strip()],
    }
