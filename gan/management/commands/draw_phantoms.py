"""Draw phantoms as an ISIC export, for the demo and for trying things out."""

import csv
import io
from concurrent.futures import ProcessPoolExecutor
from itertools import repeat
from pathlib import Path

from django.core.management.base import CommandError

from console import ConsoleCommand, progress
from files import check_folder, write_file
from gan.imaging.image_files import png_bytes
from gan.imaging.phantoms import ATTRIBUTION, DIAGNOSES, LICENCE, draw_phantom
from gan.models import PHANTOM_PREFIX

PER_SEED = 1_000_000
MOST_SEED = 10**12


class Command(ConsoleCommand):
    help = "Draw stand-ins for lesion images into FOLDER, with metadata.csv, ready for import_isic."
    example = "manage.py draw_phantoms phantoms --count 400"

    def add_arguments(self, parser):
        parser.add_argument("folder", type=Path, metavar="FOLDER")
        parser.add_argument("--count", type=int, default=400, metavar="N", help="phantoms per diagnosis (400)")
        parser.add_argument("--seed", type=int, default=0)

    def handle(self, folder, count, seed, **options):
        # Ids are PHANTOM_, the seed and six digits. Larger numbers would give two phantoms the same id.
        if not (1 <= count * len(DIAGNOSES) <= PER_SEED and 0 <= seed <= MOST_SEED):
            raise CommandError(f"--count must be 1 to {PER_SEED // len(DIAGNOSES)} and --seed 0 to {MOST_SEED}.")
        check_folder(folder, "FOLDER")
        jobs = [(diagnosis, seed * PER_SEED + index) for diagnosis in DIAGNOSES for index in range(count)]
        names = [f"{PHANTOM_PREFIX}{seed:03d}{number:06d}" for number in range(len(jobs))]
        try:
            (folder / "images").mkdir(parents=True, exist_ok=True)
            with ProcessPoolExecutor() as pool:
                drawn = pool.map(_draw_file, repeat(folder / "images"), names, jobs, chunksize=20)
                for _ in progress(drawn, "Drawing phantoms", total=len(jobs), unit="image"):
                    pass
            table = io.StringIO()
            writer = csv.writer(table)
            writer.writerow(["isic_id", "lesion_id", "diagnosis", "copyright_license", "attribution"])
            for name, (diagnosis, _) in zip(names, jobs, strict=True):
                writer.writerow([name, f"lesion-{name}", diagnosis, LICENCE, ATTRIBUTION])
            write_file(folder / "metadata.csv", table.getvalue().encode())
        except OSError as error:
            raise CommandError(f"{folder}: {error.strerror}.") from None
        self.stdout.write(f"{len(jobs)} phantoms in {folder}")


def _draw_file(folder: Path, name: str, job: tuple[str, int]) -> None:
    (folder / f"{name}.png").write_bytes(png_bytes(draw_phantom(*job)))
