"""Messages about options become messages about form fields for people who started the work by a form."""

import pytest
from django.core.management import load_command_class

from console import ConsoleCommand
from turing.jobs.wording import in_form_words, labels_of

WITHOUT_FIELD = {"--dry-run", "--json", "--phantoms", "--samples", "--trained-on"}


@pytest.mark.parametrize(
    ("kind", "said", "shown"),
    [
        ("check", "Say --type dermoscopic, or another.", "Say 'How the images were taken': dermoscopic, or another."),
        ("check", "with --columns diagnosis=COLUMN", "with 'Columns': diagnosis=COLUMN"),
        ("import", "--map x: no image has it", "'Names of diagnoses' x: no image has it"),
        ("import", "give another --generator-version.", "give another 'Version'."),
        ("train", "name at least one --diagnosis", "name at least one 'Diagnoses'"),
        ("check", "a--type.png: no image", "a--type.png: no image"),
        ("train", "a smaller --batch-size", "a smaller --batch-size"),
    ],
)
def test_an_option_becomes_its_field(kind, said, shown):
    assert in_form_words(kind, said) == shown


def options_of(command):
    actions = command.create_parser("manage.py", "x")._actions
    return {option for action in actions for option in action.option_strings if option.startswith("--")}


@pytest.mark.parametrize("name", ["import_images", "import_generated"])
def test_every_option_of_an_import_has_its_field(name):
    own = options_of(load_command_class("gan", name)) - options_of(ConsoleCommand())
    assert len(own) > 5
    assert own - WITHOUT_FIELD <= set(labels_of("check"))
