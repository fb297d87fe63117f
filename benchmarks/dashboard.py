"""How long the results page takes for a study of 65 readers and 200 images, on its own database."""

import tempfile
import time

from django.contrib.auth.models import Group
from django.core.cache import cache
from django.db import connection
from django.test import Client, override_settings
from django.urls import reverse

from benchmarks.report import report
from gan.foundation.storage import save_content
from gan.imaging.image_files import png_bytes, sha256
from gan.imaging.phantoms import DIAGNOSES, draw_phantom
from gan.models import GeneratedImage, LesionImage, TrainingRun
from turing.accounts import RESEARCHERS
from turing.models import Response, Study, User
from turing.results.figures import STUDY_FIGURES
from turing.studies.lifecycle import open_study
from turing.studies.simulation import Observer, simulate_readers

READERS, PER_GROUP = 65, 50  # numbers of real and of generated images of each diagnosis


def make_study(readers: int = READERS, per_group: int = PER_GROUP) -> Study:
    """A study with phantoms as real and as generated images, answered by simulated `readers`."""
    run = TrainingRun.objects.create(
        name="benchmark", model="dcgan", settings={}, diagnoses=list(DIAGNOSES), size=128, seed=0, device="cpu",
        data_fingerprint="", data_count=0, uses_phantoms=True,
    )  # fmt: skip
    for diagnosis in DIAGNOSES:
        for index in range(2 * per_group):
            content = png_bytes(draw_phantom(diagnosis, index, 128, 128))
            stored = {"diagnosis": diagnosis, "file": save_content(content, ".png"), "sha256": sha256(content)}
            if index % 2:
                GeneratedImage.objects.create(generator=run, latent_seed=index, **stored)
            else:
                name = f"PHANTOM_{diagnosis}_{index}"
                LesionImage.objects.create(isic_id=name, is_phantom=True, width=128, height=128, **stored)
    study = Study.objects.create(
        title="Benchmark",
        slug="benchmark",
        diagnoses=list(DIAGNOSES),
        real_per_diagnosis=per_group,
        generated_per_diagnosis=per_group,
        allow_unaudited=True,
    )
    study.generators.add(run)
    study = open_study(study)
    for _ in simulate_readers(study, readers, Observer(), seed=0):
        pass
    return study


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, override_settings(MEDIA_ROOT=folder, ALLOWED_HOSTS=["*"]):
        name = connection.creation.create_test_db(verbosity=0)
        try:
            rows = measure(make_study())
        finally:
            connection.creation.destroy_test_db(name, verbosity=0)
    report("dashboard", rows)


def measure(study: Study) -> list[dict]:
    researcher = User.objects.create_user("researcher@benchmark.example")
    researcher.groups.add(Group.objects.get_or_create(name=RESEARCHERS)[0])
    client = Client()
    client.force_login(researcher)
    address = reverse("results", args=[study.slug])
    client.get(reverse("research"))  # so that everything is loaded that every page loads

    def seconds(url: str) -> float:
        started = time.perf_counter()
        response = client.get(url)
        assert response.status_code == 200, url
        return time.perf_counter() - started

    rows = []
    for state in ("first view", "again"):
        rows.append({"page": "results", "state": state, "seconds": seconds(address)})
    Response.objects.filter(pk=Response.objects.latest("pk").pk).delete()
    rows.append({"page": "results", "state": "after the answers changed", "seconds": seconds(address)})
    cache.clear()
    seconds(address)
    for name in STUDY_FIGURES:
        figure = reverse("figure", args=[study.slug, name, "svg"])
        for state in ("first view", "again"):
            rows.append({"page": f"figure {name}", "state": state, "seconds": seconds(figure)})
    return rows


if __name__ == "__main__":
    main()
