"""Forms that clinicians fill in while they read."""

from itertools import dropwhile, takewhile

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from turing.models import Side, Study, Truth
from turing.models.questions import Kind, Question
from turing.reading.questions import add_question_fields, answers_in

BoundQuestion = tuple[Question, forms.BoundField, forms.BoundField | None]
MAX_RESPONSE_TIME_MS = 24 * 60 * 60 * 1000
MAX_ZOOM_PERCENT = 800
MOST_CORRECTIONS = 999  # of one image


class ConsentForm(forms.Form):
    consent = forms.BooleanField(label=gettext_lazy("I have read this and I consent to take part."))


class AnswerForm(forms.Form):
    """The answer to one trial."""

    position = forms.IntegerField(min_value=1, widget=forms.HiddenInput)
    answer = forms.ChoiceField(
        choices=Truth.choices, error_messages={"required": gettext_lazy("Please choose: real or generated.")}
    )
    confidence = forms.TypedChoiceField(
        coerce=int, empty_value=None, error_messages={"required": gettext_lazy("Please say how sure you are.")}
    )
    response_time_ms = forms.CharField(required=False)
    shown_ms = forms.CharField(required=False)
    dropped_frames = forms.CharField(required=False)
    away_ms = forms.CharField(required=False)
    zoom_percent = forms.CharField(required=False)
    zoomed_ms = forms.CharField(required=False)
    # Which of the image's answers this is: 0 the first one, above a correction.
    number = forms.IntegerField(required=False, min_value=0, max_value=MOST_CORRECTIONS, widget=forms.HiddenInput)

    def __init__(self, study: Study, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.asks_confidence = study.asks_confidence
        if study.asks_confidence:
            levels = range(1, study.confidence_levels + 1)
            self.fields["confidence"].choices = [(level, str(level)) for level in levels]
        else:
            self.fields["confidence"] = forms.Field(required=False)
        self.is_timed = study.timed
        self.may_zoom = study.zoom != Study.Zoom.OFF
        self.study = study
        if study.forced_choice:
            self.fields["answer"] = forms.ChoiceField(
                choices=Side.choices, error_messages={"required": _("Please choose: the left or the right image.")}
            )
        if study.asks_in_one_row:
            self._ask_in_one_row(study)
        if study.questions:
            add_question_fields(self, study)

    def _ask_in_one_row(self, study: Study) -> None:
        """One field for the judgement and the confidence: `real-4` is certainly real, of four levels."""
        levels = range(1, study.confidence_levels + 1)
        self.fields["answer"].choices = [
            (f"{judgement}-{level}", str(level))
            for judgement, order in ((Truth.REAL, reversed(levels)), (Truth.GENERATED, levels))
            for level in order
        ]
        self.fields["confidence"] = forms.Field(required=False)

    def clean(self):
        data = super().clean()
        if self.study.asks_in_one_row and "answer" in data:
            judgement, _dash, level = data["answer"].partition("-")
            data |= {"answer": judgement, "confidence": int(level)}
        if self.study.questions:
            data["further"] = answers_in(self, self.study, data.get("answer"))
        return data

    def questions_before(self) -> list[BoundQuestion]:
        """The further questions before the judgement, each with its field, and that of its confidence."""
        return self._bound(list(takewhile(lambda one: one.kind != Kind.JUDGEMENT, self.study.all_questions)))

    def questions_after(self) -> list[BoundQuestion]:
        return self._bound(list(dropwhile(lambda one: one.kind != Kind.JUDGEMENT, self.study.all_questions))[1:])

    def _bound(self, questions: list[Question]) -> list[BoundQuestion]:
        return [(one, self[one.field], self[one.confidence_field] if one.confidence else None) for one in questions]

    def clean_answer(self) -> str:
        """As it is stored: a page of a pair sends the side of the image that the reader calls generated."""
        answer = self.cleaned_data["answer"]
        return Side(answer).as_answer if self.study.forced_choice else answer

    def clean_confidence(self) -> int | None:
        """None where the study does not ask, whatever a page sends."""
        return self.cleaned_data["confidence"] if self.asks_confidence and not self.study.asks_in_one_row else None

    def clean_response_time_ms(self) -> int | None:
        return self._measured("response_time_ms")

    def clean_shown_ms(self) -> int | None:
        shown = self._measured("shown_ms")
        if self.is_timed and shown is None:
            raise forms.ValidationError(_("This image was not shown: it needs a browser with JavaScript."))
        return shown

    def clean_dropped_frames(self) -> int | None:
        return self._measured("dropped_frames")

    def clean_away_ms(self) -> int | None:
        return self._measured("away_ms")

    def clean_zoom_percent(self) -> int | None:
        """None where the study lets nobody zoom."""
        percent = self._measured("zoom_percent") if self.may_zoom else None
        return percent if percent is not None and 100 <= percent <= MAX_ZOOM_PERCENT else None

    def clean_zoomed_ms(self) -> int | None:
        return self._measured("zoomed_ms") if self.may_zoom else None

    def clean_number(self) -> int:
        """0 where the study lets nobody correct an answer, or an older page sends none."""
        return (self.cleaned_data["number"] or 0) if self.study.corrections else 0

    def _measured(self, name: str) -> int | None:
        """None where the browser measured none; a slow or strange clock must not cost the reader an answer."""
        text = self.cleaned_data[name]
        if text.isascii() and text.isdecimal() and int(text[:12]) <= MAX_RESPONSE_TIME_MS:
            return int(text[:12])
        return None
