"""Measure how good a generator's images are, and whether they are copies."""

from pathlib import Path

from django.core.management.base import CommandError

from console import ConsoleCommand, progress


class Command(ConsoleCommand):
    help = (
        "Measure the images of a generator, a training run or an imported one, against real images that it was not "
        "trained on (KID, precision, recall, density, coverage, FID) with real against real beside, and audit them for "
        "copies. The page of the generator shows the report."
    )
    example = "manage.py evaluate_generator lesions --json > report.json"

    def add_arguments(self, parser):
        parser.add_argument("run", metavar="GENERATOR", help="id or name of a run or an imported generator")
        parser.add_argument("--count", type=int, default=256, metavar="N", help="images per diagnosis (256)")
        parser.add_argument("--seed", type=int, default=0, metavar="S")
        parser.add_argument("--collection", metavar="NAME", help="compare with real images of this collection alone")
        parser.add_argument(
            "--inception",
            type=Path,
            metavar="FILE.pt",
            help="judge with this TorchScript Inception-v3, as the literature",
        )
        parser.add_argument("--json", action="store_true", help="print the report as JSON")

    def handle(self, run, count, seed, inception, **options):
        from gan.datasets.comparison_sets import comparison_set_of, find_generator, only_collection
        from gan.evaluation.generator_report import evaluate_generator
        from gan.quality.extractors import inception as load_inception
        from gan.quality.extractors import lite2
        from gan.quality.metrics import FEWEST

        if count < FEWEST or not 0 <= seed < 2**63:
            raise CommandError(f"--count must be {FEWEST} or more and --seed 0 or more.")
        found = find_generator(run)
        extractor = load_inception(inception) if inception else lite2()
        real = comparison_set_of(found)
        if options["collection"]:
            real = only_collection(real, options["collection"])
        report = evaluate_generator(found, real, count, seed, extractor, progress)
        if options["json"]:
            self.write_json(report)
        else:
            self.stdout.write("\n".join(lines_of(report)))


def lines_of(report) -> list[str]:
    """The report for people."""
    lines = [
        f"{report['name']} {report['version']}".strip() + f" (generator {report['run']}, {report['model']}), against "
        f"{'real images that it may have trained on' if report['trained_on'] == 'not_told' else 'held-out lesions'} by "
        f"{report['feature_extractor']}",
        f"{'':36}{'KID x1000':>16}{'precision':>11}{'recall':>8}{'density':>9}{'coverage':>10}{'FID':>8}  "
        "patches x1000, fine to coarse",
    ]
    for name, figures in report["by_diagnosis"].items():
        lines.append(_line(f"{name}, {figures['samples']} samples", figures))
        if figures["floor"]:
            lines.append(_line("  real against real", figures["floor"]))
        else:
            lines.append("  real against real: too few training images of it are in the record")
    lines += [
        "FID is unreliable at this sample size: compare KID. The distance of patches (sliced Wasserstein) uses no "
        "network: compare it with that of real against real.",
        "",
    ]
    memory = report["memorisation"]
    if "not_audited" in memory:
        return [*lines, f"Not audited for copies: {memory['not_audited']}"]
    lines += [
        f"Copies of {memory['training_images']} {'training' if memory['told'] else 'real'} images, "
        f"{memory['samples']} samples, "
        f"{memory['held_out_images']} held-out lesions as the measure",
        f"{'':24}{'closer than limit':>18}{'p':>9}{'authentic':>11}{'data-copying z':>16}{'found':>8}",
        _memory_line("samples", memory),
        _memory_line("held-out (null)", memory["null"]),
    ]
    lines += [_memory_line(f"{one['planted']} copies planted", one) for one in memory["power"]]
    among = memory["between"]
    lines.append(
        f"Among themselves {among['share_closer']:.1%} of {among['images']} come closer to another one than the limit; "
        f"of held-out real images {among['held_out_share_closer']:.1%}"
    )
    for name, one in memory["membership"].items():
        low, high = one["ci95"]
        known = "it knows its training images: share samples, not snapshots" if low > 0.5 else "0.5 is none"
        lines.append(
            f"Membership by the discriminator, {name}: AUC {one['auc']:.3f} ({low:.3f} to {high:.3f}); {known}"
        )
    return [*lines, memory["conclusion"], *([memory["sensitivity"]] if memory["sensitivity"] else [])]


def _line(name: str, figures) -> str:
    kid = f"{1000 * figures['kid']:.1f} +- {1000 * figures['kid_std']:.1f}"
    return (
        f"{name:36.36}{kid:>16}{figures['precision']:>11.3f}{figures['recall']:>8.3f}{figures['density']:>9.3f}"
        f"{figures['coverage']:>10.3f}{figures['fid']:>8.0f}  "
        + "  ".join(f"{1000 * distance:.0f}" for distance in figures["swd"].values())
    )


def _memory_line(name: str, figures) -> str:
    z = figures["data_copying_z"]
    found = f"{figures['recall']:.0%}" if "recall" in figures else ""
    return (
        f"{name:24}{figures['share_closer']:>18.1%}{figures['p_value']:>9.2g}{figures['authenticity']:>11.1%}"
        f"{'' if z is None else format(z, '.1f'):>16}{found:>8}"
    )
