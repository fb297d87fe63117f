"""Say of every lesion image whether it is fit for training, and why not."""

import csv
import io
from collections import Counter
from pathlib import Path

from django.core.management.base import CommandError

from console import ConsoleCommand, progress
from gan.images import SUFFIXES


class Command(ConsoleCommand):
    help = (
        "Curate lesion images: reject round dark frames, rulers and annotations, tiny or bad images, duplicates. "
        "Rejected images are neither trained on nor shown in studies; a researcher's own verdict stands."
    )
    example = (
        "manage.py curate_images --report verdicts.csv\n  manage.py curate_images --folder photos --report verdicts.csv"
    )

    def add_arguments(self, parser):
        parser.add_argument("--report", type=Path, metavar="FILE.csv", help="write a verdict per image here")
        parser.add_argument("--folder", type=Path, metavar="FOLDER", help="plain image files, without the database")
        parser.add_argument("--json", action="store_true", help="print the counts as JSON")

    def handle(self, report, folder, **options):
        from gan.curation.records import curate_database
        from gan.curation.verdicts import judge, measure

        if folder is not None:
            files = files_of(folder)
            seen = progress(measure(file.read_bytes for file in files), "Curating", len(files), "image")
            verdicts = judge([file.stem for file in files], list(seen))
        else:
            verdicts = curate_database(lambda seen, total: progress(seen, "Curating", total, "image"))
        if report:
            write_report(verdicts, report)
        accepted = sum(verdict.accepted for verdict in verdicts)
        reasons = Counter(reason for verdict in verdicts for reason in verdict.reasons)
        if options["json"]:
            counts = {"accepted": accepted, "rejected": len(verdicts) - accepted}
            self.write_json({"images": len(verdicts), **counts, "reasons": dict(reasons)})
            return
        why = ", ".join(f"{count} {reason}" for reason, count in reasons.most_common())
        self.stdout.write(f"{accepted} accepted, {len(verdicts) - accepted} rejected" + (f" ({why})" if why else ""))


def files_of(folder: Path) -> list[Path]:
    """Image files anywhere below the folder, by name."""
    if not folder.is_dir():
        raise CommandError(f"{folder}: no such folder.")
    files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
    if not files:
        raise CommandError(f"{folder}: no images there ({', '.join(SUFFIXES)}).")
    return files


def write_report(verdicts, path: Path) -> None:
    """CSV of isic_id, verdict, reasons, then a score per reason and what a duplicate repeats."""
    from gan.curation.verdicts import REASONS
    from gan.snapshots import write_atomically

    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    scored = [reason for reason in REASONS if reason != "duplicate"]
    writer.writerow(["isic_id", "verdict", "reasons", *(f"{reason}_score" for reason in scored), "repeats"])
    for verdict in verdicts:
        scores = [verdict.scores.get(reason, "") for reason in scored]
        word = "accepted" if verdict.accepted else "rejected"
        writer.writerow([verdict.name, word, ";".join(verdict.reasons), *scores, verdict.repeats])
    write_atomically(path, table.getvalue().encode())
