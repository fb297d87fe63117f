"""Makes `first_version.sqlite3.gz` and `first_version.json` with the code of the first commit that had studies.

    git archive 882ce81 | tar -x -C OLD
    cd OLD && DATA_DIR=DATA python THIS_FILE DATA OUTPUT_FOLDER

Rows come from that commit's own models and rules: its code opens studies, draws forms and takes answers. The JSON holds
each study's analysis and design hash from that code. Do not make either again, because they are useful only while they
are old.
"""

# ruff: noqa: E402, I001

import gzip
import hashlib
import json
import os
import random
import sqlite3
import sys
from pathlib import Path

sys.path.insert(0, str(Path.cwd()))  # the old code
os.environ["DJANGO_SETTINGS_MODULE"] = "turing.settings"

import django

django.setup()

from django.contrib.auth.models import Group
from django.core.management import call_command
from gan.images import png_bytes
from gan.models import GeneratedImage, LesionImage, TrainingRun, TrainingStep
from gan.phantom import ATTRIBUTION, DIAGNOSES, LICENCE, draw_phantom
from gan.storage import save_content
from turing.accounts import RESEARCHERS
from turing.models import Reader, Study, User
from turing.reading.passage import record_response, start_reading
from turing.results.analysis import analyse_study
from turing.results.counting import populations_of
from turing.studies.lifecycle import close_study, open_study

PASSWORD = "dermoscope-77"


def images() -> TrainingRun:
    """Twelve real images and ten generated ones of each diagnosis; the run saw the first six real ones."""
    run = TrainingRun.objects.create(
        name="first", model="dcgan", status="finished", settings={"steps": 2}, diagnoses=list(DIAGNOSES), size=64,
        seed=1, device="cpu", data_fingerprint="0" * 64, data_count=12, uses_phantoms=True,
    )  # fmt: skip
    for diagnosis in DIAGNOSES:
        for number in range(22):
            content = png_bytes(draw_phantom(diagnosis, number, 64, 64))
            stored = {"diagnosis": diagnosis, "file": save_content(content, ".png")}
            stored["sha256"] = hashlib.sha256(content).hexdigest()
            if number < 12:
                image = LesionImage.objects.create(
                    isic_id=f"PHANTOM_{diagnosis[0]}{number:03d}", lesion_id=f"{diagnosis}{number}", licence=LICENCE,
                    attribution=ATTRIBUTION, width=64, height=64, is_phantom=True, metadata={"age": "50"}, **stored,
                )  # fmt: skip
                if number < 6:
                    run.training_images.add(image)
            else:
                GeneratedImage.objects.create(run=run, latent_seed=number, **stored)
        TrainingStep.objects.create(run=run, diagnosis=diagnosis, step=1, generator_loss=1.5, discriminator_loss=1.1)
    return run


def readers() -> list[Reader]:
    found = []
    for number in range(9):
        user = User.objects.create_user(f"reader{number}@test.example", PASSWORD, name=f"Dr Önder {number}")
        profile = {"profession": "dermatologist", "specialty": "dermatology", "country": "TR", "years_experience": 7}
        found.append(Reader.objects.create(user=user, is_simulated=number > 5, **profile))
    return found


def study(title: str, run: TrainingRun, researcher: User, **design) -> Study:
    slug = title.lower().replace(" ", "-")
    values = {"diagnoses": list(DIAGNOSES), "stimulus_size": 64, "created_by": researcher}
    found = Study.objects.create(title=title, slug=slug, **values, **design)
    found.runs.add(run)
    return found


def read(found: Study, reader: Reader, answers: int, rng: random.Random) -> None:
    reading = start_reading(found, reader)
    for trial in list(reading.trials.select_related("stimulus"))[:answers]:
        right = rng.random() < 0.62
        answer = trial.stimulus.truth if right else ({"real", "generated"} - {trial.stimulus.truth}).pop()
        confidence = rng.randint(1, found.confidence_levels) if found.asks_confidence else None
        record_response(reading, trial.position, answer, confidence, rng.randint(600, 9000))


def main(data: Path, output: Path) -> None:
    call_command("migrate", verbosity=0)
    run, people, rng = images(), readers(), random.Random(12)
    researcher = User.objects.create_user("researcher@test.example", PASSWORD, name="Dr Research")
    researcher.groups.add(Group.objects.get_or_create(name=RESEARCHERS)[0])
    whole = study("Whole", run, researcher, real_per_diagnosis=5, generated_per_diagnosis=5, seed=3)
    open_study(whole)
    for reader in people:
        read(whole, reader, 20, rng)
    close_study(whole)
    partly = study(
        "Partly", run, researcher, real_per_diagnosis=4, generated_per_diagnosis=6, confidence_levels=0,
        images_per_page=4, instructions="Take your time: İyi şanslar.", consent_text="I agree.",
    )  # fmt: skip
    open_study(partly)
    for number, reader in enumerate(people[:6]):
        read(partly, reader, (20, 20, 13, 7, 1, 0)[number], rng)
    study("Draft", run, researcher)
    recorded = {
        one.slug: {
            "design_hash": one.design_hash,
            "analyses": {population.name: analyse_study(one, population) for population in populations_of(one)},
        }
        for one in Study.objects.exclude(state=Study.State.DRAFT)
    }
    (output / "first_version.json").write_text(json.dumps(recorded, indent=1, sort_keys=True) + "\n")
    connection = sqlite3.connect(data / "db.sqlite3")
    connection.execute("VACUUM INTO ?", [str(data / "small.sqlite3")])
    packed = gzip.compress((data / "small.sqlite3").read_bytes(), 9, mtime=0)
    (output / "first_version.sqlite3.gz").write_bytes(packed)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
