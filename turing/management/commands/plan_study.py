"""Plan a study: how many readers and images."""

from pathlib import Path

from django.core.management.base import CommandError

from console import ConsoleCommand
from files import check_writable, shown, write_file
from turing.planning.plans import make_goal, planned_population, study_plan
from turing.results.counting import choose_population
from turing.results.looks import note_look
from turing.statistics.planning import STRUCTURES
from turing.studies.lifecycle import find_study


class Command(ConsoleCommand):
    help = (
        "Readers and generated images that give an interval of the wanted width for the fooling rate, or, with "
        "--margin, the wanted power to show accuracy within 0.5 +- margin (images then count real and generated ones)."
    )
    example = "manage.py plan_study --rate 0.5 --width 0.15"

    def add_arguments(self, parser):
        parser.add_argument("--rate", type=float, metavar="P", help="expected rate (0.5, or the pilot's)")
        parser.add_argument("--width", type=float, metavar="W", help="width of the 95%% interval, such as 0.15")
        parser.add_argument("--margin", type=float, metavar="M", help="equivalence margin, such as 0.1")
        parser.add_argument("--power", type=float, default=0.8, metavar="B", help="with --margin (0.8)")
        parser.add_argument("--structure", choices=STRUCTURES, default="roe-metz", help="how readers and images differ")
        parser.add_argument("--pilot", metavar="STUDY", help="take rate and variance components from this study")
        for who in ("reader", "image"):
            parser.add_argument(
                f"--{who}-variance", type=float, metavar="V", help=f"variance component of {who}s, of answers 0 and 1"
            )
        parser.add_argument("--seed", type=int, default=0, help="of the simulated check")
        parser.add_argument("--figure", type=Path, metavar="FILE", help="draw the curve: FILE.svg, .pdf or .png")
        parser.add_argument("--json", action="store_true")

    def handle(self, rate, width, margin, power, structure, pilot, seed, figure, **options):
        components = options["reader_variance"], options["image_variance"]
        if width is None and margin is None:
            width = 0.15
        if seed < 0:
            raise CommandError("--seed must be 0 or more.")
        if figure is not None:
            self._check_figure(figure)
        goal = make_goal(width, margin, power)
        study = find_study(pilot) if pilot else None
        if study:
            note_look(study, choose_population(study))
        population = planned_population(rate, structure, study, goal, components)
        found = study_plan(population, goal, seed)
        if figure is not None:
            self._draw(population, goal, figure)
        if options["json"]:
            self.write_json(found)
            return
        self.stdout.write(
            f"rate {found['rate']:.3f}; shares of variance: readers {found['reader_share']:.3f}, "
            f"images {found['image_share']:.3f}; variance components of one answer: readers "
            f"{found['variance_components']['reader']:.3f}, images {found['variance_components']['image']:.3f}"
        )
        self.stdout.write(f"{'readers':>8} {'images':>8} {'width':>8} {'power':>8}")
        for row in found["plan"]:
            values = [row["readers"], row["images"] or "none do"]
            values += [f"{row[key]:.3f}" if row[key] is not None else "-" for key in ("width", "power")]
            self.stdout.write(" ".join(f"{value:>8}" for value in values))
        if checked := found["checked"]:
            self.stdout.write(
                f"checked on {checked['studies']} simulated studies of {checked['readers']} readers and "
                f"{checked['images']} images: coverage {checked['coverage']:.1%}, width {checked['width']:.3f}"
                + (f", power {checked['power']:.1%}" if "power" in checked else "")
            )

    def _check_figure(self, path):
        from turing.results.figures.style import CONTENT_TYPES

        if path.suffix.lstrip(".").lower() not in CONTENT_TYPES:
            raise CommandError(f"--figure {path}: its name must end in {', '.join(CONTENT_TYPES)}.")
        check_writable(path, "--figure")

    def _draw(self, population, goal, path):
        from turing.results.figures.planning import plan_figure
        from turing.results.figures.style import render

        write_file(path, render(plan_figure(population, goal), path.suffix.lstrip(".").lower()))
        self.say(f"Drawn to {shown(path)}")
