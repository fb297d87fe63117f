"""Fills a benchmark's database with a study and readers who have begun it, and counts the answers at the end.

It runs in a separate process, whose environment names the database, and prints JSON.
"""

import json
import sys

from django.core.management import call_command
from django.db import connection, transaction
from django.test import Client
from django.utils import timezone

from benchmarks.dashboard import make_study
from benchmarks.load import bare
from turing.models import Reader, Reading, Response, Study, Trial, User
from turing.reading.passage import form_trials
from turing.reading.randomisation import new_seed

TOKEN = "benchmarkbenchmarkbenchmarkbench"  # 32 letters, because Django accepts the cookie's secret as a token


def fill(readers: int, per_group: int) -> dict:
    """A study of four times `per_group` images, and logged-in readers with their forms."""
    call_command("migrate", verbosity=0)
    study = make_study(readers=0, per_group=per_group)
    with transaction.atomic():  # one flush to the disk instead of thousands
        lanes = [_begin(study, number) for number in range(readers)]
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")  # the database's query plans need it after so many new rows
    return {
        "slug": study.slug,
        "length": study.stimulus_count,
        "bytes": len(study.stimuli.first().read()),
        "lanes": lanes,
    }


def _begin(study: Study, number: int) -> dict:
    user = User.objects.create_user(f"reader-{number}@benchmark.example", name="Reader")
    reader = Reader.objects.create(
        user=user, profession="dermatologist", specialty="dermatology", years_experience=5, country="TR"
    )
    reading = Reading.objects.create(
        study=study, reader=reader, consent_version="", consented_at=timezone.now(), seed=new_seed()
    )
    trials = Trial.objects.bulk_create(form_trials(study, reading))
    client = Client()
    client.force_login(user)
    return {
        "cookies": {"sessionid": client.cookies["sessionid"].value, "csrftoken": TOKEN},
        "reading": reading.pk,
        "length": len(trials),
        "stimuli": [str(trial.stimulus_id) for trial in trials],
    }


def stored() -> list:
    """All answers: reading, position, answer, confidence."""
    fields = ("trial__reading", "trial__position", "answer", "confidence")
    return [list(row) for row in Response.objects.order_by("pk").values_list(*fields)]


def main() -> None:
    action, *numbers = sys.argv[1:]
    if action == "fill":
        found = fill(*map(int, numbers))
        bare.prepare(found["bytes"])
    else:
        found = stored()
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
