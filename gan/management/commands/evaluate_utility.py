"""Measure whether a generator's images help to train a classifier."""

from pathlib import Path

from django.core.management.base import CommandError

from console import ConsoleCommand, progress
from files import check_writable, shown, write_file

MOST_SEEDS, MOST_STEPS, MOST_IMAGES = 100, 1_000_000, 100_000


class Command(ConsoleCommand):
    help = (
        "Train classifiers of the diagnoses on a generator's images, on real ones, on both, and on all real ones with "
        "generated ones added, and judge them on real lesions that neither they nor the generator saw: AUC, accuracy, "
        "Brier score and calibration slope, with intervals over lesions and training seeds. The page of the generator "
        "shows the result. docs/utility.md says how it is done and where it can be doubted."
    )
    example = "manage.py evaluate_utility lesions --sizes 25,100,400,all --report utility.json"

    def add_arguments(self, parser):
        parser.add_argument("generator", metavar="GENERATOR", help="id or name of a run or an imported generator")
        parser.add_argument(
            "--sizes",
            default="25,100,400,all",
            metavar="N,…",
            help="images of each diagnosis to train on (25,100,400,all); all is always measured",
        )
        parser.add_argument("--seeds", type=int, default=5, metavar="N", help="trainings of each classifier (5)")
        parser.add_argument("--seed", type=int, default=0, metavar="S", help="of everything random (0)")
        parser.add_argument("--collection", metavar="NAME", help="test on images of this collection alone")
        parser.add_argument(
            "--limit", type=int, default=1000, metavar="N", help="real images of a diagnosis, at most (1000)"
        )
        parser.add_argument(
            "--network-steps", type=int, default=400, metavar="N", help="of the small network; 0 leaves it out (400)"
        )
        parser.add_argument("--report", type=Path, metavar="FILE", help="also write the report as JSON here")
        parser.add_argument("--json", action="store_true", help="print the report as JSON")

    def handle(self, generator, sizes, seeds, seed, collection, limit, network_steps, report, **options):
        from gan.datasets.comparison_sets import find_generator
        from gan.utility.image_pools import FEWEST_IMAGES
        from gan.utility.measuring import Plan, evaluate_utility

        for option, value, least, most in (
            ("--seeds", seeds, 1, MOST_SEEDS),
            ("--limit", limit, FEWEST_IMAGES, MOST_IMAGES),
            ("--network-steps", network_steps, 0, MOST_STEPS),
        ):
            if not least <= value <= most:
                raise CommandError(f"{option} must be {least} to {most}.")
        if seed < 0:
            raise CommandError("--seed must be 0 or more.")
        wanted = sizes_of(sizes)
        if report:
            check_writable(report, "--report", new_folders=True)
        found = find_generator(generator)
        plan = Plan(wanted, seeds, seed, network_steps, limit, collection or "")
        kept = evaluate_utility(found, plan, progress)
        if report:
            import json

            write_file(report, (json.dumps(kept.figures, indent=1, ensure_ascii=False) + "\n").encode())
            self.say(f"Report: {shown(report)}")
        if options["json"]:
            self.write_json(kept.figures)
        else:
            self.stdout.write("\n".join(lines_of(kept.figures)))


def sizes_of(text: str) -> list[int]:
    """'25,100,all' as [25, 100]. Raises `CommandError` for an entry that is not a number of images."""
    found = []
    for part in (one.strip() for one in text.split(",")):
        if part == "all":
            continue
        if not (part.isascii() and part.isdecimal() and int(part[:9]) >= 2 and len(part) < 7):
            raise CommandError(f"--sizes: {part[:20]!r} is neither a number of images from 2 to 999999 nor 'all'.")
        found.append(int(part))
    return found


def lines_of(report) -> list[str]:
    """The report for people."""
    tested = ", ".join(
        f"{images} images of {lesions} lesions of {name}"
        for name, images, lesions in zip(
            report["diagnoses"], report["test"]["images"], report["test"]["lesions"], strict=True
        )
    )
    lines = [
        f"{report['name']} {report['version']}".strip() + f" (generator {report['generator']}), tested on {tested}"
    ]
    for key, classifier in report["classifiers"].items():
        lines += [
            "",
            f"With {classifier['name']}. {classifier['about']}",
            f"{'':12}{'a diagnosis':>12}{'AUC':>27}{'accuracy':>12}{'Brier':>9}{'slope':>8}",
        ]
        for row in report["curves"]:
            if row["classifier"] == key:
                low, high = row["auc"]["ci95"]
                area = f"{row['auc']['estimate']:.3f} ({low:.3f} to {high:.3f})"
                lines.append(
                    f"{row['arm']:12}{row['size']:>12}{area:>27}{row['accuracy']['estimate']:>12.3f}"
                    f"{row['brier']['estimate']:>9.3f}{row['slope']['estimate']:>8.2f}"
                )
    lines += ["", *(f"{name}: {meaning}" for name, meaning in report["arms"].items())]
    return [*lines, "", *report["conclusion"], "", *report["weaknesses"]]
