"""The form in which a researcher designs a study."""

import unicodedata

from django import forms
from django.core.validators import MaxValueValidator

from gan.models import TrainingRun
from turing.models import Study

MOST = 32_767  # images of any kind in one study
BREAK_EVERY = 50  # what a new study proposes


class RunsField(forms.ModelMultipleChoiceField):
    def clean(self, value):
        try:
            return super().clean(value)
        except OverflowError:  # a number that no database stores
            raise forms.ValidationError(self.error_messages["invalid_choice"], params={"value": "?"}) from None


class StudyForm(forms.ModelForm):
    runs = RunsField(
        TrainingRun.objects.none(),
        label="Training runs",
        widget=forms.CheckboxSelectMultiple,
        help_text="The generated images come from these; the real ones from lesions that none of them trained on.",
    )
    diagnoses = forms.MultipleChoiceField(widget=forms.CheckboxSelectMultiple)
    revision = forms.IntegerField(required=False, widget=forms.HiddenInput)
    stimulus_size = forms.TypedChoiceField(
        coerce=int, choices=[(size, f"{size} x {size} pixels") for size in (64, 128, 256, 512)], initial=128
    )

    class Meta:
        model = Study
        fields = [
            "title",
            "runs",
            "diagnoses",
            "real_per_diagnosis",
            "generated_per_diagnosis",
            "images_per_page",
            "timed",
            "stimulus_size",
            "confidence_levels",
            "equivalence_margin",
            "images_per_reader",
            "practice_images",
            "repeats",
            "break_every",
            "block_by_diagnosis",
            "by_invitation",
            "tell_share",
            "show_score",
            "allow_unaudited",
            "language",
            "instructions",
            "consent_text",
            "seed",
        ]
        widgets = {"instructions": forms.Textarea(attrs={"rows": 4}), "consent_text": forms.Textarea(attrs={"rows": 9})}

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        runs = TrainingRun.objects.finished()
        self.fields["runs"].queryset = runs
        self.fields["runs"].label_from_instance = _describe_run
        self.fields["language"].required = False  # where a page of before is sent: the default
        for name, field in self.fields.items():
            if isinstance(field, forms.IntegerField) and name != "seed":
                # PostgreSQL's small integers; SQLite would take any.
                field.validators.append(MaxValueValidator(MOST))
        self.initial["revision"] = self.instance.revision
        names = sorted({name for run in runs for name in run.diagnoses})
        self.fields["diagnoses"].choices = [(name, name) for name in names]

    def clean_title(self):
        """One line of text: it stands in subjects of e-mails and in file names."""
        title = self.cleaned_data["title"]
        if any(unicodedata.category(one) in ("Cc", "Zl", "Zp") for one in title):
            raise forms.ValidationError("The title is one line of text: it holds a line break or a control character.")
        return title

    def clean_instructions(self):
        return _with_plain_newlines(self.cleaned_data["instructions"])

    def clean_consent_text(self):
        return _with_plain_newlines(self.cleaned_data["consent_text"])

    def clean(self):
        data = super().clean()
        runs = data.get("runs") or []
        drawn = {name for run in runs for name in run.diagnoses}
        for name in data.get("diagnoses") or []:
            if runs and name not in drawn:
                self.add_error("diagnoses", f"None of the chosen training runs draws {name}.")
        if len({run.uses_phantoms for run in runs}) > 1:
            self.add_error("runs", "Runs trained on phantoms and runs trained on real images cannot be mixed.")
        return data

    def clean_revision(self) -> int | None:
        """The draft as it is now must be the one that this form was filled in for."""
        shown = self.cleaned_data["revision"]
        if self.instance.pk and shown is not None and shown != self.instance.revision:
            raise forms.ValidationError(
                "Somebody else has saved this draft since you opened it. Open it again in another tab, compare, and "
                "enter your changes there; nothing was overwritten."
            )
        return shown

    def save(self, commit: bool = True, slug: str = "") -> Study:
        """`slug` for a new study; `lifecycle.save_draft` finds one and keeps the audit trail."""
        if self.instance.pk is None:
            self.instance.slug = slug
        self.instance.revision += 1
        return super().save(commit)


def _with_plain_newlines(text: str) -> str:
    """Browsers send others: the same text from the command would be another version of the consent."""
    return text.replace("\r\n", "\n")


def _describe_run(run: TrainingRun) -> str:
    phantoms = ", on phantoms" if run.uses_phantoms else ""
    return f"{run.name}: {', '.join(run.diagnoses)}, {run.size} pixels{phantoms} (run {run.pk})"
