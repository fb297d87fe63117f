"""Take a look at a study's results before all answers have come."""

from console import ConsoleCommand
from turing.results.counting import PEOPLE, SIMULATED, choose_population
from turing.results.looks import standing, take_look
from turing.studies.lifecycle import find_study


class Command(ConsoleCommand):
    help = (
        "Take the planned look that is due: print its numbers and record them in the audit trail. From then on pages "
        "and exports show the answers that had come, until the next look. --status says where the looks stand and "
        "takes none."
    )
    example = "manage.py look_study melanoma-and-bcc"

    def add_arguments(self, parser):
        parser.add_argument("study", metavar="STUDY", help="the study's slug")
        parser.add_argument("--readers", choices=[PEOPLE.name, SIMULATED.name], help="whose answers")
        parser.add_argument("--status", action="store_true", help="how many answers have come, and when a look is due")
        parser.add_argument(
            "--early",
            action="store_true",
            help="a look that is not planned: it is reported as such, and costs a part of the error",
        )
        parser.add_argument("--json", action="store_true")

    def handle(self, study, readers, status, early, **options):
        found = find_study(study)
        population = choose_population(found, readers)
        if status:
            self._status(found, population, options["json"])
            return
        look = take_look(found, population, early=early)
        if population.simulated:
            self.stderr.write("These readers are simulated, not people.", self.style.WARNING)
        if options["json"]:
            planned = "yes" if look.is_planned else "no"
            self.write_json({"readers": population.name, "look": look.number, "planned": planned, **look.seen})
            return
        self.stdout.write(f"look {look.number}, {look.answers:,} of {look.seen['of']:,} planned answers")
        for name in ("fooling_rate", "accuracy"):
            rate, low, high = (look.seen[f"{name}{end}"] for end in ("", "_low", "_high"))
            value = "-" if rate is None else f"{rate:.1%}"  # nothing is known of a truth that nobody has judged yet
            known = "no interval" if low is None else f"repeated 95% interval {low:.1%} to {high:.1%}"
            self.stdout.write(f"{name.replace('_', ' ')}: {value}, {known}")
        if look.seen["p_value"] is not None:
            shown = "shown" if look.seen["equivalent"] == "yes" else "not shown"
            p_values = f"p = {look.seen['p_value']:.4f}, p < {look.seen['needed']:.4f} needed"
            self.stdout.write(f"equivalence to guessing: {shown} ({p_values})")

    def _status(self, study, population, as_json):
        found = standing(study, population)
        if as_json:
            looks = [] if found is None else [look.answers for look in found.taken]
            keys = ("arrived", "planned_answers", "next_due", "is_due")
            rest = {} if found is None else {name: getattr(found, name) for name in keys}
            self.write_json({"readers": population.name, "planned": study.looks, "taken": looks, **rest})
        elif found is None:
            self.stdout.write(f"{study.slug} plans no looks, or is a draft")
        else:
            due = "a look is due" if found.is_due else f"nothing new may be seen until {found.until}"
            state = "the study is over" if found.is_over else due
            self.stdout.write(f"{found.arrived:,} of {found.planned_answers:,} answers; {state}")
