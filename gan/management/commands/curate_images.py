"""Decide for every lesion image whether it is fit for training, and why not."""

import csv
import io
from collections import Counter
from functools import partial
from pathlib import Path

from django.core.management.base import CommandError

from console import ConsoleCommand, progress
from files import Walk, check_writable, read_file, shown, walk, write_file
from gan.imaging.image_files import MAX_BYTES, SUFFIXES
from tables import as_text_cell


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

        parser.add_argument("--again", action="store_true", help="measure also images that were measured before")

    def handle(self, report, folder, again, **options):
        from gan.curation.records import curate_database
        from gan.curation.verdicts import judge, measure

        if report:
            check_writable(report, "--report", new_folders=True)
        if folder is not None:
            found = images_below(folder)
            for path, reason in found.left_out:
                self.warn(f"{path}: {reason}; left out.")
            reads = (partial(read_file, file, MAX_BYTES) for file in found.files)
            seen = progress(measure(reads), "Curating", len(found.files), "image")
            verdicts = judge([shown(file.stem) for file in found.files], list(seen))
        else:
            verdicts = curate_database(lambda seen, total: progress(seen, "Curating", total, "image"), again)
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


def images_below(folder: Path) -> Walk:
    """Image files anywhere below the folder, by name."""
    found = walk(folder, SUFFIXES)
    if not found.files:
        raise CommandError(f"{folder}: no images there ({', '.join(SUFFIXES)}).")
    return found


def write_report(verdicts, path: Path) -> None:
    """Write a CSV of isic_id, verdict, reasons, then a score for each reason and the image that a duplicate repeats."""
    from gan.curation.verdicts import REASONS

    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    scored = [reason for reason in REASONS if reason != "duplicate"]
    writer.writerow(["isic_id", "verdict", "reasons", *(f"{reason}_score" for reason in scored), "repeats"])
    for verdict in verdicts:
        scores = [verdict.scores.get(reason, "") for reason in scored]
        word = "accepted" if verdict.accepted else "rejected"
        name, repeats = as_text_cell(verdict.name), as_text_cell(verdict.repeats)
        writer.writerow([name, word, ";".join(verdict.reasons), *scores, repeats])
    write_file(path, table.getvalue().encode())
