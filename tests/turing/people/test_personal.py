"""Every field of the database is classified, and the documentation shows it."""

from pathlib import Path

from django.apps import apps

from turing.people.personal import NOT_PERSONAL, PERSONAL, as_table

PAGE = Path(__file__).resolve().parents[3] / "docs/privacy.md"


def classified() -> list[str]:
    fields = [f"{one.model}.{name}" for one in PERSONAL for name in one.fields.split()]
    return fields + [f"{model}.{name}" for model, names in NOT_PERSONAL.items() for name in names.split()]


def test_every_field_of_every_model_is_classified_once():
    there = [
        f"{model._meta.label}.{field.name}"
        for model in apps.get_models(include_auto_created=True)
        for field in (*model._meta.local_concrete_fields, *model._meta.local_many_to_many)
    ]
    known = classified()
    assert sorted(set(there) - set(known)) == [], "classify these in turing/people/personal.py"
    assert sorted(set(known) - set(there)) == [], "these are gone: take them out of turing/people/personal.py"
    assert len(known) == len(set(known))


def test_the_documented_table_is_that_of_the_code():
    assert as_table() in PAGE.read_text(encoding="utf-8")
