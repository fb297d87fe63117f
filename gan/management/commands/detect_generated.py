"""Score images by a detector that is cross-validated on them."""

import csv
from io import StringIO
from pathlib import Path

from django.core.management.base import CommandError

from console import ConsoleCommand, progress
from files import check_writable, read_file, write_file
from tables import parse_table, read_text

MOST_FOLDS = 20
TRUTHS = ("real", "generated")


class Command(ConsoleCommand):
    help = (
        "Can a machine tell generated images from real ones? A logistic regression on frozen EfficientNet-Lite2 "
        "features scores each image by a fit that saw neither it nor another of its group. TABLE.csv has the columns "
        "file (relative to the table), truth (real or generated) and, if there are lesions or patients, group. Near "
        "copies are found and kept in one fold, too. The scores come as CSV: file, score, fold, group."
    )
    example = "manage.py detect_generated images/table.csv --output scores.csv"

    def add_arguments(self, parser):
        parser.add_argument("table", type=Path, metavar="TABLE.csv")
        parser.add_argument("--output", type=Path, required=True, metavar="FILE.csv")
        parser.add_argument("--folds", type=int, default=5, metavar="N", help="2 to 20 (5)")
        parser.add_argument("--seed", type=int, default=0, metavar="S", help="divides the images into folds")
        parser.add_argument("--json", action="store_true", help="how it was done, as JSON")

    def handle(self, table, output, folds, seed, **options):
        import numpy as np

        from gan.evaluation.detection import auc_of_folds, detect, linked, near_copies
        from gan.imaging.image_files import MAX_BYTES, centre_square, open_rgb
        from gan.networks.features import JUDGING_SIDE
        from gan.quality.extractors import lite2

        if not 2 <= folds <= MOST_FOLDS or seed < 0:
            raise CommandError(f"--folds must be 2 to {MOST_FOLDS} and --seed 0 or more.")
        check_writable(output, "--output", new_folders=True)
        rows, lines = _read(table)
        images = []
        for line, row in progress(list(zip(lines, rows, strict=True)), "Reading", unit="image"):
            try:
                content = read_file(table.parent / row["file"], MAX_BYTES)
                images.append(np.asarray(centre_square(open_rgb(content), JUDGING_SIDE)))
            except Exception as error:
                raise CommandError(f"{table}, line {line}: {row['file'][:80]}: {error}.") from error
        generated = np.array([row["truth"] == "generated" for row in rows])
        names = [row["group"] or f"image {index}" for index, row in enumerate(rows)]
        group = linked(names, near_copies(images))
        extractor = lite2()
        features = extractor.features(np.stack(images), lambda batches: progress(batches, "Features"))
        found = detect(features, generated, group, folds, seed, progress)
        buffer = StringIO()
        writer = csv.writer(buffer, lineterminator="\n")
        writer.writerow(["file", "score", "fold", "group"])
        for row, score, fold, code in zip(rows, found.score, found.fold, found.group, strict=True):
            writer.writerow([row["file"], repr(float(score)), int(fold), f"g{code}"])
        write_file(output, buffer.getvalue().encode())
        auc = auc_of_folds(found.score, generated, found.fold)
        report = {
            "features": extractor.name,
            "classifier": "logistic regression, ridge penalty chosen within each training part",
            "images": len(rows),
            "groups": int(found.group.max()) + 1,
            "folds": folds,
            "seed": seed,
            "auc": auc,
            "other_splits_auc": found.other_aucs,
        }
        if options["json"]:
            self.write_json(report)
        else:
            self.stdout.write(f"AUC {auc:.3f}, mean of {folds} folds; {report['groups']} groups of {len(rows)} images")


def _read(path: Path) -> tuple[list[dict[str, str]], list[int]]:
    """Rows of the table and their lines. Raises `CommandError` naming the line of the first mistake."""
    table = parse_table(read_text(path), str(path), needed=("file", "truth"))
    rows = [{"group": "", **dict(zip(table.columns, map(str.strip, row), strict=True))} for row in table.rows]
    for line, row in zip(table.lines, rows, strict=True):
        if row["truth"] not in TRUTHS:
            raise CommandError(f"{path}, line {line}: truth is {row['truth'][:20]!r}; it must be real or generated.")
        if not row["file"]:
            raise CommandError(f"{path}, line {line}: file is empty.")
    if not {row["truth"] for row in rows} == set(TRUTHS):
        raise CommandError(f"{path}: real and generated images are both needed.")
    return rows, table.lines
