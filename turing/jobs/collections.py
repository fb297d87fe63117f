"""What a researcher says about uploaded images, and the steps from an upload to its import."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db import transaction

from console import UNSTORABLE
from gan.models import TrainingRun
from turing.errors import StudyError
from turing.forms import InSections, OneLine
from turing.jobs import queue
from turing.jobs.receiving import ToDisk
from turing.jobs.uploads import Upload, UploadError, disk_told, find_upload
from turing.jobs.zips import check_zip
from turing.models import Job, User
from turing.models.jobs import JobQuerySet


class Pairs(forms.CharField):
    """A field of lines such as `diagnosis=dx`, cleaned to a list."""

    widget = forms.Textarea(attrs={"rows": 2})

    def clean(self, value: Any) -> list[str]:
        lines = [line.strip() for line in super().clean(value).splitlines() if line.strip()]
        for line in lines:
            name, equals, said = line.partition("=")
            if not (name.strip() and equals and said.strip()) or not line.isprintable():
                raise ValidationError(f"{line[:80]!r} is not of the form NAME=VALUE.")
        return lines


class ReadingForm(forms.Form):
    """How to read a collection, for what the collection does not say itself."""

    diagnosis = OneLine(
        required=False, max_length=120, help_text="The diagnosis of all images, if no table and no folder gives it."
    )
    image_type = OneLine(
        required=False, max_length=40, label="How the images were taken",
        help_text="For example dermoscopic or clinical, if the collection does not say.",
    )  # fmt: skip
    columns = Pairs(
        required=False, max_length=2000,
        help_text="The meaning of columns of the table, one a line, for example diagnosis=dx or patient=mrn.",
    )  # fmt: skip
    map = Pairs(
        required=False, max_length=2000, label="Names of diagnoses",
        help_text="The collection's name and ours, a line each, such as BCE=basal cell carcinoma.",
    )  # fmt: skip
    format = OneLine(
        required=False, max_length=20, label="Kind of collection",
        help_text="Only needed if the message says that there are several ways to read the collection. Enter one.",
    )  # fmt: skip
    sex = Pairs(
        required=False, max_length=200, label="Codes of sex",
        help_text="The meaning of codes that are not clear, one a line: m=male, or m=female for mujer.",
    )  # fmt: skip


class Run(forms.ModelChoiceField):
    """A training run. The cleaned value is its id, as it is kept in a job's arguments."""

    def clean(self, value: Any) -> int | None:
        run = super().clean(value)
        return run.pk if run else None


class Ids(forms.CharField):
    """A field of ids of images, one a line."""

    widget = forms.Textarea(attrs={"rows": 3})

    def clean(self, value: Any) -> str:
        text = super().clean(value)
        if UNSTORABLE.search(text):
            raise ValidationError("Ids, one a line.")
        return text


REAL, GENERATED = "real", "generated"  # where the images come from
UNTOLD = {"diagnosis": "", "columns": [], "map": [], "sex": [], "format": ""}  # of ReadingForm
IMAGE_TYPES = ("dermoscopic", "clinical", "histopathology")


class CollectionForm(InSections, forms.Form):
    """What the images are, who made them, and their licence."""

    SECTIONS = (
        ("", ("origin", "name", "image_type", "licence", "attribution")),
        ("More of a generator: version, source, what it was trained on",
         ("version", "source", "trained_on_run", "trained_on_ids")),
    )  # fmt: skip

    origin = forms.ChoiceField(
        choices=[(REAL, "real images"), (GENERATED, "images of a generator")], initial=REAL,
        widget=forms.RadioSelect, label="These are",
    )  # fmt: skip
    name = OneLine(max_length=80, label="Name of the collection or of the generator")
    image_type = forms.ChoiceField(
        choices=[("", "as the collection says"), *((one, one) for one in IMAGE_TYPES)], required=False,
        label="How the images were taken", help_text="For real images, if no table says it.",
    )  # fmt: skip
    version = OneLine(required=False, max_length=40, help_text="Of a generator.")
    licence = OneLine(
        required=False, max_length=60, help_text="For example CC-BY-4.0, for images that come without one."
    )
    attribution = OneLine(required=False, max_length=200, label="Made by", help_text="Whom to name beside the images.")
    source = OneLine(required=False, max_length=300, help_text="For a generator: a paper or an address.")
    trained_on_run = Run(
        TrainingRun.objects.all(), required=False, label="Trained on the same images as",
        help_text="For a generator: one of the training runs on this site.", empty_label="(not told)",
    )  # fmt: skip
    trained_on_ids = Ids(
        required=False, max_length=1_000_000, label="or trained on these images",
        help_text="Of a generator: their ids, one a line. Studies never show them as real images. Leave both empty "
        "where you do not know: studies then say so.",
    )  # fmt: skip

    def clean(self) -> dict[str, Any]:
        data = super().clean()
        if data.get("trained_on_run") and data.get("trained_on_ids"):
            self.add_error("trained_on_ids", "Name a run or ids, not both.")
        return data


def accept(form: CollectionForm, received: ToDisk, user: User) -> Job:
    """Start a job that checks what was received.

    Raises `UploadError` if nothing was received, or if it cannot be used.
    """
    upload = received.upload
    if upload.archive.exists() and upload.files.exists():
        raise UploadError("Choose a zip or files, not both.")
    if upload.archive.exists():
        with disk_told():
            check_zip(upload.archive)
    elif not received.names.files:
        raise UploadError("Choose a zip, or files with at least one image or table.")
    return queue.start(Job.Kind.CHECK, UNTOLD | form.cleaned_data | {"upload": upload.key}, user)


@transaction.atomic
def look_again(job: Job, form: ReadingForm, user: User) -> Job:
    """Start another check of this job's upload, read in another way, or return the job that already does so.

    Raises `UploadError` if the upload is gone, and `StudyError` while it is being imported.
    """
    others, arguments = _unfinished(job), _arguments(job) | form.cleaned_data
    if others.filter(kind=Job.Kind.IMPORT).exists():
        raise StudyError("This upload is already being imported.")
    same = [one for one in others.filter(kind=Job.Kind.CHECK) if one.arguments == arguments]
    return same[0] if same else queue.start(Job.Kind.CHECK, arguments, user)


@transaction.atomic
def import_checked(job: Job, user: User) -> Job:
    """Start the import of the upload that this job has checked, or return the job that already imports it.

    Raises `StudyError` if it was not checked, and `UploadError` if it is gone.
    """
    if job.kind != Job.Kind.CHECK or job.state != Job.State.FINISHED:
        raise StudyError("Check the upload first. Only a checked upload can be imported.")
    begun = _unfinished(job).filter(kind=Job.Kind.IMPORT).first()
    return begun or queue.start(Job.Kind.IMPORT, _arguments(job), user)


@transaction.atomic
def discard(job: Job) -> None:
    """Delete the upload. Raises `StudyError` while a job uses it."""
    if _unfinished(job).exists():
        raise StudyError("A job uses this upload. Cancel the job first.")
    find_upload(job.arguments.get("upload", "")).remove()


def upload_of(job: Job) -> Upload | None:
    """The upload of a job, as long as it exists."""
    try:
        return find_upload(job.arguments["upload"]) if "upload" in job.arguments else None
    except UploadError:
        return None


def _unfinished(job: Job) -> JobQuerySet:
    """Waiting or running jobs with the same upload. No such job can begin before the transaction ends."""
    return Job.objects.of_upload(job.arguments.get("upload", "")).unfinished()


def _arguments(job: Job) -> dict[str, Any]:
    find_upload(job.arguments.get("upload", ""))
    return dict(job.arguments)
