"""Import an ISIC export."""

import shutil
import subprocess
from pathlib import Path

from django.core.management.base import CommandError

from console import ConsoleCommand, progress
from files import check_folder
from gan.foundation.errors import GanError
from gan.importing.formats import ARCHIVE
from gan.importing.real import import_images


class Command(ConsoleCommand):
    help = "Import an ISIC export: a folder with metadata.csv and images anywhere below it. Safe to repeat."
    example = (
        "manage.py import_isic ~/isic-export\n"
        "  manage.py import_isic bcc --search 'diagnosis_3:\"Basal cell carcinoma\"' --limit 500"
    )

    def add_arguments(self, parser):
        parser.add_argument("folder", type=Path, metavar="FOLDER")
        parser.add_argument("--search", metavar="QUERY", help="first fetch images from the ISIC Archive into FOLDER")
        parser.add_argument("--limit", type=int, default=0, metavar="N", help="fetch at most N images (0: all)")
        parser.add_argument("--json", action="store_true", help="print the report as JSON")

    def handle(self, folder, search, limit, **options):
        if limit < 0:
            raise CommandError("--limit: a number of images, 0 for all.")
        if search is not None:
            fetch(folder, search, limit)
        report = import_images(folder, format=ARCHIVE.name, progress=progress)
        if options["json"]:
            told = report.as_json()
            self.write_json({name: told[name] for name in ("imported", "already_present", "rejected")})
            return
        for rejection in report.rejected:
            self.warn(f"{rejection.file}: {rejection.reason}")
        self.stdout.write(
            f"{report.imported} imported, {report.already_present} already present, {len(report.rejected)} rejected"
        )


def fetch(folder: Path, search: str, limit: int) -> None:
    """Fetch images and metadata through the ISIC Archive's own client, `isic`, into the folder."""
    check_folder(folder, "FOLDER")
    client = shutil.which("isic")
    if client is None:
        raise GanError("the ISIC client is not installed: pip install 'lesion-turing[isic]' (or isic-cli).")
    folder.mkdir(parents=True, exist_ok=True)
    command = [client, "image", "download", "--search", search, "--limit", str(limit), str(folder)]
    # The client's own progress goes to stderr, because stdout is for the report.
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, errors="replace", check=False
    )
    if done.returncode:
        reason = (done.stdout or "").strip().splitlines()[-1:] or ["see its messages above"]
        raise GanError(f"the ISIC client failed with exit status {done.returncode}: {reason[0]}")
