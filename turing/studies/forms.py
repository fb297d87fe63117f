"""The form in which a researcher designs a study."""

import unicodedata
from typing import Any

from django import forms
from django.core.validators import MaxValueValidator
from django.db.models import Q

from gan.models import Generator, LesionImage
from turing.forms import InSections
from turing.models import Study, User
from turing.models.designs import BLINDED_CONSENT, DEFAULT_CONSENT
from turing.models.looks import looks_problem
from turing.models.questions import Kind
from turing.studies.design import counts_problem
from turing.studies.generator_fields import MOST, ControlsField, CountsField, GeneratorsField
from turing.studies.look_field import LooksField
from turing.studies.pairs import conflicts
from turing.studies.phases import phase_problems
from turing.studies.question_fields import QuestionsField
from turing.studies.questions import diagnoses_problem
from turing.studies.timed import timed_problems

SIZES = (64, 128, 256, 512, 1024)  # sizes of stimuli, in pixels on a side
LATER = ("language", "scaling", "zoom", "image_type", "control_per_diagnosis", "planned_readers", "washout_days")
MOST_IN_ONE_ROW = 5  # levels of confidence; more buttons would be too narrow for a thumb
BREAK_EVERY = 50  # the default for a new study


class StudyForm(InSections, forms.ModelForm):
    SECTIONS = (
        ("", ("title", "generators", "diagnoses", "image_type", "real_per_diagnosis", "generated_per_diagnosis")),
        ("More options: unequal numbers and controls",
         ("generated_counts", "control_per_diagnosis", "control_degradation", "control_generators")),
        ("More options: how images are shown", ("stimulus_size", "scaling", "zoom", "images_per_page", "timed")),
        ("More options: what each reader gets",
         ("images_per_reader", "practice_images", "repeats", "break_every", "block_by_diagnosis", "by_invitation")),
        ("More options: what readers are asked and told",
         ("forced_choice", "confidence_levels", "one_row", "questions", "corrections", "tell_share", "show_score",
          "language", "instructions", "consent_text")),
        ("More options: a study in two parts",
         ("purpose_blinded", "debriefing_text", "follows", "washout_days", "same_images", "feedback_after")),
        ("More options: analysis and checks",
         ("equivalence_margin", "planned_readers", "looks", "allow_unaudited", "seed")),
    )  # fmt: skip

    generators = GeneratorsField(
        help_text="The generated images come from these generators. The real images show lesions that none of these "
        "generators is known to have trained on.",
    )
    generated_counts = CountsField(
        required=False,
        label="Unequal numbers of generated images",
        help_text="The number of images per diagnosis for a generator. Generators without a number share the rest "
        "equally.",
    )
    image_type = forms.ChoiceField(
        label="Type of the real images", help_text="Dermoscopic images and photographs are never mixed."
    )
    control_generators = ControlsField(
        required=False,
        label="Generators as a control",
        help_text="For example an older model. Use this to find out whether readers notice images that are known to be "
        "weaker. A control is then no longer one of the generators under test.",
    )
    questions = QuestionsField(
        required=False,
        label="Questions about each image",
        help_text="Ask for a diagnosis, a rating on a scale, yes or no, free words, or what gave an image away.",
    )
    diagnoses = forms.MultipleChoiceField(widget=forms.CheckboxSelectMultiple)
    looks = LooksField(
        label="Looks at results before the end",
        help_text=Study._meta.get_field("looks").help_text,
    )
    revision = forms.IntegerField(required=False, widget=forms.HiddenInput)
    stimulus_size = forms.TypedChoiceField(
        coerce=int,
        choices=[(size, f"{size} x {size} pixels, {3 * size**2 / 1e6:.2g} MB an image") for size in SIZES],
        initial=128,
    )

    class Meta:
        model = Study
        fields = [
            "title",
            "generators",
            "diagnoses",
            "image_type",
            "real_per_diagnosis",
            "generated_per_diagnosis",
            "generated_counts",
            "control_per_diagnosis",
            "control_degradation",
            "control_generators",
            "images_per_page",
            "timed",
            "forced_choice",
            "stimulus_size",
            "scaling",
            "zoom",
            "confidence_levels",
            "one_row",
            "questions",
            "corrections",
            "equivalence_margin",
            "planned_readers",
            "looks",
            "images_per_reader",
            "practice_images",
            "repeats",
            "break_every",
            "block_by_diagnosis",
            "by_invitation",
            "tell_share",
            "show_score",
            "purpose_blinded",
            "debriefing_text",
            "follows",
            "washout_days",
            "same_images",
            "feedback_after",
            "allow_unaudited",
            "language",
            "instructions",
            "consent_text",
            "seed",
        ]
        widgets = {
            "instructions": forms.Textarea(attrs={"rows": 4}),
            "consent_text": forms.Textarea(attrs={"rows": 9}),
            "debriefing_text": forms.Textarea(attrs={"rows": 6}),
        }

    def __init__(self, *args, researcher: User | None = None, **kwargs) -> None:
        """`researcher` is the user, who can choose among the studies that they may see. None: any study."""
        super().__init__(*args, **kwargs)
        visible = Study.objects.visible_to(researcher) if researcher else Study.objects.all()
        chosen = Q(pk__in=visible.values("pk")) | Q(pk=self.instance.follows_id)
        self.fields["follows"].queryset = Study.objects.filter(chosen).exclude(pk=self.instance.pk)
        self.fields["follows"].empty_label = "none"
        generators = Generator.objects.finished()
        self.fields["generators"].queryset = generators
        self.fields["control_generators"].queryset = generators
        self.fields["generated_counts"].widget.names = [(str(one.pk), str(one)) for one in generators]
        if len(generators) < 2:
            del self.fields["generated_counts"], self.fields["control_generators"]
        types = sorted({self.instance.image_type, *LesionImage.objects.kinds_of_type()})
        self.fields["image_type"].choices = [(name, name) for name in types]
        self.fields["control_degradation"].choices = [("", "none"), *Study.Degradation.choices]
        for name in LATER:  # an older page lacks these fields; they then have their defaults
            self.fields[name].required = False
        for name, field in self.fields.items():
            if isinstance(field, forms.IntegerField) and name != "seed":
                # PostgreSQL's small integers have this limit; SQLite would take any number.
                field.validators.append(MaxValueValidator(MOST))
        self.initial["revision"] = self.instance.revision
        names = sorted({name for one in generators for name in one.diagnoses})
        self.fields["diagnoses"].choices = [(name, name) for name in names]

    def is_set(self, field: forms.BoundField) -> bool:
        if field.name == "break_every":
            return str(field.value()) not in ("0", str(BREAK_EVERY))
        default = Study._meta.get_field(field.name).get_default()
        return str(field.value() or "") != str(default or "")

    def clean_title(self):
        """The title, which must be one line of text, because it is used in subjects of e-mails and in file names."""
        title = self.cleaned_data["title"]
        if any(unicodedata.category(one) in ("Cc", "Zl", "Zp") for one in title):
            raise forms.ValidationError(
                "The title must be one line of text. It holds a line break or a control character."
            )
        return title

    def clean_diagnoses(self) -> list[str]:
        """The diagnoses in the draft's order, so that the same seed draws the same images."""
        chosen, before = self.cleaned_data["diagnoses"], self.instance.diagnoses
        return [name for name in before if name in chosen] + [name for name in chosen if name not in before]

    def clean_instructions(self):
        return _with_plain_newlines(self.cleaned_data["instructions"])

    def clean_consent_text(self):
        return _with_plain_newlines(self.cleaned_data["consent_text"])

    def clean(self):
        data = super().clean()
        controls = data.get("control_generators") or []
        tested = [one for one in data.get("generators") or [] if one.pk not in controls]
        if controls and "generators" in data:
            data["generators"] = Generator.objects.filter(pk__in=[*controls, *(one.pk for one in tested)])
        if controls and "generators" in data and not tested:
            self.add_error("generators", "Choose at least one generator that is not a control.")
        generators = data.get("generators") or []
        drawn = {name for one in generators for name in one.diagnoses}
        for name in data.get("diagnoses") or []:
            if generators and name not in drawn:
                self.add_error("diagnoses", f"None of the chosen generators draws {name}.")
        if len({one.uses_phantoms for one in generators}) > 1:
            message = "Generators trained on phantoms and generators trained on real images cannot be mixed."
            self.add_error("generators", message)
        if data.get("purpose_blinded"):
            _without_judgement(data)
        elif data.get("consent_text") == BLINDED_CONSENT:
            data["consent_text"] = DEFAULT_CONSENT
        if problem := looks_problem(data.get("looks") or [], data.get("planned_readers") or 0):
            self.add_error("looks", f"Looks: {problem}")
        if problem := diagnoses_problem(data.get("questions") or [], data.get("diagnoses") or []):
            self.add_error("questions", problem)
        levels = data.get("confidence_levels") or 0
        if data.get("one_row") and not 2 <= levels <= MOST_IN_ONE_ROW:
            message = f"One row for judgement and confidence needs 2 to {MOST_IN_ONE_ROW} levels of confidence."
            self.add_error("one_row", message)
        for name, why in conflicts(data):
            self.add_error(name if name in self.fields else "forced_choice", why)
        if "generated_counts" in data:
            chosen = {str(one.pk) for one in tested}
            counts = {key: count for key, count in data["generated_counts"].items() if key in chosen}
            data["generated_counts"] = counts
            if problem := counts_problem(counts, len(chosen), data.get("generated_per_diagnosis") or 0):
                self.add_error("generated_counts", problem)
        return data

    def _post_clean(self):
        """Check the parts of the study, once the draft has the form's values."""
        super()._post_clean()
        for name, message in phase_problems(self.instance) + timed_problems(self.instance):
            self.add_error(name if name in self.fields else None, message)

    def clean_debriefing_text(self):
        return _with_plain_newlines(self.cleaned_data["debriefing_text"])

    def clean_washout_days(self) -> int:
        return self.cleaned_data["washout_days"] or 0

    def clean_control_per_diagnosis(self) -> int:
        return self.cleaned_data["control_per_diagnosis"] or 0

    def clean_planned_readers(self) -> int:
        planned = self.cleaned_data["planned_readers"] or 0
        if planned == 1:
            raise forms.ValidationError(
                "Enter 0 if no number is planned, or 2 or more. One reader says nothing about other readers."
            )
        return planned

    def clean_scaling(self):
        return self.cleaned_data["scaling"] or self.instance.scaling

    def clean_zoom(self):
        return self.cleaned_data["zoom"] or self.instance.zoom

    def clean_image_type(self):
        return self.cleaned_data["image_type"] or self.instance.image_type

    def clean_revision(self) -> int | None:
        """Check that the draft has not changed since this form was opened."""
        shown = self.cleaned_data["revision"]
        if self.instance.pk and shown is not None and shown != self.instance.revision:
            raise forms.ValidationError(
                "Somebody else has saved this draft since you opened it. Open it again in another tab, compare, and "
                "enter your changes there. Nothing was overwritten."
            )
        return shown

    def save(self, commit: bool = True, slug: str = "") -> Study:
        """Save the draft. `slug` is for a new study; `lifecycle.save_draft` finds one and writes the audit trail."""
        if self.instance.pk is None:
            self.instance.slug = slug
        self.instance.revision += 1
        return super().save(commit)


def _without_judgement(data: dict[str, Any]) -> None:
    """Adapt the values for a purpose-blinded study, which asks for no judgement and has its own default consent."""
    data["confidence_levels"] = 0
    data["questions"] = [one for one in data.get("questions") or [] if one["type"] != Kind.JUDGEMENT]
    if data.get("consent_text") == DEFAULT_CONSENT:
        data["consent_text"] = BLINDED_CONSENT


def _with_plain_newlines(text: str) -> str:
    """Replace the browser's line breaks.

    Otherwise the same text from the command would be another version of the consent.
    """
    return text.replace("\r\n", "\n")
