"""Turns messages of commands, which name options, into messages for people who fill in forms."""

import re

from turing.jobs.collections import CollectionForm, ReadingForm
from turing.jobs.forms import FORMS
from turing.models import Job

# Options of `import_images` and `import_generated` that have another name in the forms: the form and its field.
OTHERWISE = {
    "--type": (ReadingForm, "image_type"),
    "--collection": (CollectionForm, "name"),
    "--generator-version": (CollectionForm, "version"),
    "--made-by": (CollectionForm, "attribution"),
}
OPTION = re.compile(r"(?<!\S)--[a-z][a-z-]*(?![a-z-])( (?=['\"A-Z]|\w+=|dermoscopic|clinical|folders))?")


def in_form_words(kind: str, text: str) -> str:
    """The text with options replaced by labels of the form for this kind of job.

    `--type clinical` becomes `'How the images were taken': clinical`. Options that no form has stay as they are.
    """
    labels = labels_of(kind)

    def said(found: re.Match) -> str:
        label = labels.get(found[0].strip())
        return found[0] if label is None else f"'{label}'" + (": " if found[1] else "")

    return OPTION.sub(said, text)


def labels_of(kind: str) -> dict[str, str]:
    """The label of the form field for each option of the job's command."""
    is_upload = kind in (Job.Kind.CHECK, Job.Kind.IMPORT)
    forms = [CollectionForm, ReadingForm] if is_upload else [FORMS[kind]]
    found = {}
    for form in forms:
        for name, field in form.base_fields.items():
            found[f"--{name.replace('_', '-')}"] = _label(name, field)
    if is_upload:
        found |= {option: _label(name, form.base_fields[name]) for option, (form, name) in OTHERWISE.items()}
    if "--diagnoses" in found:  # the command takes these one by one
        found["--diagnosis"] = found["--diagnoses"]
    return found


def _label(name: str, field) -> str:
    return str(field.label or name.replace("_", " ").capitalize())
