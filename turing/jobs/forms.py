"""Forms with which a researcher starts long work. Each kind of job has a form, which cleans the job's arguments."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Model

from gan.models import MODELS, Generator, LesionImage, TrainingRun
from turing.errors import StudyError
from turing.models import Job, Study, User
from turing.studies.machines import DETECTOR_NAME, check_name

MOST_SAMPLES = 5000
LONGEST_MINUTES = 7 * 24 * 60


class WorkForm(forms.Form):
    """The form of a kind of work. Its `arguments` are stored with the job as JSON."""

    explanation = ""

    def __init__(self, *args: Any, user: User | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user

    def arguments(self) -> dict[str, Any]:
        return {name: value.pk if isinstance(value, Model) else value for name, value in self.cleaned_data.items()}


class CurateForm(WorkForm):
    explanation = (
        "Looks at every lesion image and rejects round dark frames, rulers, tiny or bad images and duplicates. "
        "It keeps verdicts that researchers gave."
    )


class RunForm(WorkForm):
    run = forms.ModelChoiceField(TrainingRun.objects.all(), label="Training run")


class GeneratorForm(WorkForm):
    run = forms.ModelChoiceField(Generator.objects.all(), label="Generator")


class SampleForm(RunForm):
    explanation = "Draws images of a run and compares each with the run's training images."
    count = forms.IntegerField(min_value=1, max_value=MOST_SAMPLES, initial=50, label="Images of each diagnosis")
    seed = forms.IntegerField(
        min_value=0, max_value=2**63 - 1, initial=0, help_text="The same number gives the same images again."
    )
    reject_copies = forms.BooleanField(required=False, initial=True, label="Replace suspected copies by new images")


class AuditForm(GeneratorForm):
    explanation = (
        "Compares the images of a generator that nobody compared yet with its training images; where these were not "
        "told, with every real image in the record."
    )
    again = forms.BooleanField(required=False, label="Also those that were compared before")


class EvaluateForm(GeneratorForm):
    explanation = "Measures a generator's images against real ones that it was not trained on, and looks for copies."
    count = forms.IntegerField(min_value=10, max_value=MOST_SAMPLES, initial=256, label="Images of each diagnosis")
    utility = forms.BooleanField(
        required=False,
        label="Also test whether its images help to train a classifier",
        help_text="This trains many classifiers. It takes minutes to an hour.",
    )


class TrainForm(WorkForm):
    explanation = (
        "Trains a network on the lesion images of the diagnoses that curation did not reject. A training that was "
        "cancelled or broke off goes on from its last snapshot when it is started again."
    )
    name = forms.CharField(max_length=80, help_text="The name of the run. No other run may have the same name.")
    diagnoses = forms.MultipleChoiceField(widget=forms.CheckboxSelectMultiple)
    model = forms.ChoiceField(
        choices=[(name, f"{name}: {purpose}") for name, purpose in MODELS.items()], initial="projected"
    )
    size = forms.TypedChoiceField(
        coerce=int, choices=[(64, "64"), (128, "128"), (256, "256")], initial=128, label="Pixels on each side"
    )
    minutes = forms.IntegerField(min_value=1, max_value=LONGEST_MINUTES, initial=30, help_text="In all.")
    phantoms = forms.BooleanField(
        required=False,
        label="Train on drawn phantoms",
        help_text="Use this to try out the training without patients' images.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Ordered by number of images. Phantoms and real images of one diagnosis are one choice.
        names = dict.fromkeys(row["diagnosis"] for row in LesionImage.objects.usable().by_diagnosis())
        self.fields["diagnoses"].choices = [(name, name) for name in names]
        if not names:
            self.fields["diagnoses"].help_text = "There are no lesion images yet. Upload some under Collections."

    def clean_name(self) -> str:
        name = self.cleaned_data["name"]
        promised = Job.objects.unfinished().filter(kind=Job.Kind.TRAIN, arguments__name=name)
        if TrainingRun.objects.filter(name=name).exists() or promised.exists():
            raise ValidationError("Another run has this name. Choose a different one.")
        return name


class DetectorForm(WorkForm):
    explanation = (
        "Fits a detector to a study's own images, each scored by a fit that did not see it, to stand beside people on "
        "the results page. Keep the result from the study's readers while it is open."
    )
    study = forms.ModelChoiceField(Study.objects.none())
    name = forms.CharField(max_length=80, initial=DETECTOR_NAME, help_text="The results page shows this name.")
    folds = forms.IntegerField(min_value=2, max_value=20, initial=5)
    seed = forms.IntegerField(
        min_value=0, max_value=2**63 - 1, initial=0, help_text="The seed decides how the images are divided into folds."
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.user is not None:
            studies = Study.objects.editable_by(self.user).exclude(state=Study.State.DRAFT)
            self.fields["study"].queryset = studies

    def clean(self) -> dict[str, Any]:
        given = super().clean() or self.cleaned_data
        if "study" in given and "name" in given:
            try:
                given["name"] = check_name(given["study"], given["name"])
            except StudyError as error:
                self.add_error("name", str(error))
        return given


FORMS: dict[str, type[WorkForm]] = {
    Job.Kind.CURATE: CurateForm,
    Job.Kind.TRAIN: TrainForm,
    Job.Kind.SAMPLE: SampleForm,
    Job.Kind.AUDIT: AuditForm,
    Job.Kind.EVALUATE: EvaluateForm,
    Job.Kind.DETECTOR: DetectorForm,
}
