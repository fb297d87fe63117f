"""How fast a collection of 70,000 images is imported, curated and paged through.

`python -m benchmarks.collection` imports and curates 3,000 images (or the number given as argument) and fills the
database up to 70,000 rows for the pages. Images are phantoms, 600 x 450 pixels, written as JPEG again and again with a
little noise, so that each file differs. Everything runs on its own database and folder.
"""

import json
import logging
import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from statistics import median

import numpy as np
from django.contrib.auth.models import Group
from django.core.management import call_command
from django.db import transaction
from django.test import Client, override_settings
from django.urls import reverse
from PIL import Image

from benchmarks.report import processor, report
from gan.imaging.phantoms import draw_phantom
from gan.models import LesionImage, TrainingRun
from turing.accounts import RESEARCHERS
from turing.models import User

ROOT = Path(__file__).resolve().parents[1]
ROWS = 70_000
INSIDE = "COLLECTION_BENCHMARK"  # environment variable that names the folder to the measuring process
DRAWN = 24  # phantoms of each diagnosis, from which all images are made
SIZE = (600, 450)
GOALS = {"import_images": 150, "curate_images": 40}  # images a second, at least
PAGE_GOAL = 1.0  # seconds, at most
CODES = {"melanoma": "mel", "basal cell carcinoma": "bcc"}


def draw(diagnosis: str, seed: int) -> np.ndarray:
    return draw_phantom(diagnosis, seed, *SIZE)


def write_image(folder: Path, drawn: list[np.ndarray], number: int) -> None:
    """One of the drawings, turned, with new noise."""
    random = np.random.default_rng(number)
    pixels = np.rot90(drawn[number % len(drawn)], 2 * (number // len(drawn) % 2))
    noisy = pixels + random.normal(0, 3, pixels.shape)
    image = Image.fromarray(np.clip(noisy, 0, 255).astype(np.uint8))
    image.save(folder / f"ISIC_{number:07d}.jpg", quality=90)


def write_collection(folder: Path, count: int) -> None:
    """A folder laid out like HAM10000, in which every two images show one lesion."""
    images = folder / "HAM10000_images_part_1"
    images.mkdir(parents=True)
    diagnoses = [diagnosis for diagnosis in CODES for _ in range(DRAWN)]
    with ProcessPoolExecutor() as pool:
        drawn = list(pool.map(draw, diagnoses, range(len(diagnoses))))
        list(pool.map(partial(write_image, images, drawn), range(count), chunksize=50))
    lines = ["lesion_id,image_id,dx,dx_type,age,sex,localization,dataset"]
    for number in range(count):
        code = CODES[diagnoses[number % len(diagnoses)]]
        lines.append(f"HAM_{number // 2:07d},ISIC_{number:07d},{code},histo,55.0,male,back,benchmark")
    (folder / "HAM10000_metadata").write_text("\n".join(lines) + "\n")


def command(name: str, *arguments: str) -> dict:
    """Seconds, processor seconds and memory of one command, and its JSON output."""
    code = (
        "import json, resource, runpy, sys, time; sys.argv[0] = 'manage.py'; started = time.perf_counter()\n"
        "try: runpy.run_path('manage.py', run_name='__main__')\n"
        "finally:\n"
        "    own, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)\n"
        "    cpu = own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime\n"
        "    peak = next((line.split()[1] for line in open('/proc/self/status') if line.startswith('VmHWM')), 0)\n"
        "    print(json.dumps([time.perf_counter() - started, cpu, int(peak) / 1024]), file=sys.stderr)\n"
    )
    run = [sys.executable, "-c", code, name, *arguments]
    done = subprocess.run(run, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    seconds, cpu, megabytes = json.loads(done.stderr.strip().splitlines()[-1])
    return {"seconds": seconds, "cpu": cpu, "megabytes": megabytes, "report": json.loads(done.stdout)}


def work(name: str, count: int, *arguments: str) -> dict:
    """A row for a command that handles `count` images."""
    done = command(name, *arguments, "--json")
    rate = count / done["seconds"]
    load = round(os.getloadavg()[0], 1)
    return {
        "what": name,
        "images": count,
        "seconds": done["seconds"],
        "per_second": rate,
        "cpu_seconds": done["cpu"],
        "main_process_MB": done["megabytes"],
        "load": load,  # load of the machine; above its number of cores, other work took part of them
        "goal": f"{GOALS[name]} images/s" if name in GOALS else "",
        "met": rate >= GOALS.get(name, 0),
    }


def fill_up(count: int) -> None:
    """Add rows up to `count`: copies of existing ones with new ids; each patient has five images."""
    there = list(LesionImage.objects.order_by("isic_id"))
    new = []
    for number in range(len(there), count):
        image = there[number % len(there)]
        image.pk, image.isic_id = None, f"ISIC_{number:07d}"
        image.lesion_id, image.patient_id = f"IL_{number // 2:07d}", f"IP_{number // 5:07d}"
        new.append(LesionImage(**{field.attname: getattr(image, field.attname) for field in image._meta.fields}))
    with transaction.atomic():
        LesionImage.objects.bulk_create(new, batch_size=1000)


def pages() -> list[dict]:
    """Seconds of the pages that researchers open, the median of three."""
    researcher = User.objects.create_user("researcher@benchmark.example")
    researcher.groups.add(Group.objects.get_or_create(name=RESEARCHERS)[0])
    gallery = reverse("curation")
    last = LesionImage.objects.filter(verdict="accepted").count() // 60
    addresses = {
        "gallery, rejected": gallery,
        "gallery, accepted": f"{gallery}?verdict=accepted",
        "gallery, last page": f"{gallery}?verdict=accepted&page={last}",
        "gallery, one reason": f"{gallery}?verdict=rejected&reason=duplicate",
        "research": reverse("research"),
        "study form": reverse("study-create"),
        "image credits": reverse("attributions"),
    }
    rows = []
    with override_settings(ALLOWED_HOSTS=["*"]):
        client = Client()
        client.force_login(researcher)
        client.get(reverse("research"))  # so that everything is loaded that every page loads
        for name, address in addresses.items():
            times = []
            for _ in range(3):
                started = time.perf_counter()
                assert client.get(address).status_code == 200, address
                times.append(time.perf_counter() - started)
            rows.append(timed(name, median(times)))
    rows += [timed(f"images for a study, {name}", seconds) for name, seconds in pools()]
    return rows


def pools() -> list[tuple[str, float]]:
    """How long it takes to count the images that a study may show, for a run that saw a tenth of them."""
    run = TrainingRun.objects.create(
        name="benchmark", model="dcgan", settings={}, diagnoses=list(CODES), size=128, seed=0, device="cpu",
        data_fingerprint="", data_count=0, uses_phantoms=False,
    )  # fmt: skip
    run.training_images.set(LesionImage.objects.order_by("isic_id")[: ROWS // 10].values_list("pk", flat=True))
    found = []
    for diagnosis in CODES:
        started = time.perf_counter()
        LesionImage.objects.usable().with_diagnosis(diagnosis).of_type("dermoscopic").not_trained_on_by([run]).count()
        found.append((diagnosis, time.perf_counter() - started))
    return found


def timed(what: str, seconds: float) -> dict:
    empty = {"per_second": None, "cpu_seconds": None, "main_process_MB": None, "load": round(os.getloadavg()[0], 1)}
    return {"what": what, "images": ROWS, "seconds": seconds} | empty | {
        "goal": f"{PAGE_GOAL:g} s", "met": seconds < PAGE_GOAL
    }  # fmt: skip


def measure(count: int, folder: Path) -> list[dict]:
    call_command("migrate", verbosity=0)
    write_collection(folder, count)
    rows = [
        work("import_images", count, str(folder)),
        work("import_images", count, str(folder)) | {"what": "import_images, all present"},
        work("curate_images", count),
        work("curate_images", count) | {"what": "curate_images, all measured"},
    ]
    fill_up(ROWS)
    return rows + pages()


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 3_000
    if INSIDE in os.environ:
        logging.disable()  # a line for each page
        rows = measure(count, Path(os.environ[INSIDE], "collection"))
        report("collection", [row | {"processor": processor()} for row in rows])
        return
    with tempfile.TemporaryDirectory() as folder:
        # A separate process, because settings are read once, and its database and images lie in this folder.
        variables = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "MEDIA_STORE")}
        run = [sys.executable, "-m", "benchmarks.collection", str(count)]
        subprocess.run(run, cwd=ROOT, env=variables | {"DATA_DIR": folder, INSIDE: folder}, check=True)


if __name__ == "__main__":
    main()
