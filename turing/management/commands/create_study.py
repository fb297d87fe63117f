"""Create a study, as the page does."""

from pathlib import Path

from django.conf import settings
from django.core.management.base import CommandError
from django.forms.models import model_to_dict

from console import ConsoleCommand, UserError
from files import read_file
from gan.models import Generator, normalise_diagnosis
from turing.models import Study
from turing.studies.design import LATER_FIELDS
from turing.studies.forms import BREAK_EVERY, StudyForm
from turing.studies.lifecycle import find_study, save_draft
from turing.studies.questions import read_questions
from turing.studies.sharing import find_researcher

CONSENT_BYTES = 1_000_000


class Command(ConsoleCommand):
    help = "Create a draft study from generators: training runs or imported ones. Prints the study's slug."
    example = "manage.py create_study 'Melanoma and BCC' --run paper --real 50 --generated 50"

    def add_arguments(self, parser):
        parser.add_argument("title")
        parser.add_argument(
            "--generator",
            "--run",
            dest="run",
            action="append",
            required=True,
            metavar="GENERATOR[=N]",
            help="id or name of a training run or an imported generator; N of its images per diagnosis, else an equal "
            "share; may be repeated",
        )
        parser.add_argument("--diagnosis", action="append", metavar="D", help="default: all that the generators draw")
        parser.add_argument("--real", type=int, default=50, metavar="N", help="real images per diagnosis (50)")
        parser.add_argument("--generated", type=int, default=50, metavar="N", help="generated per diagnosis (50)")
        parser.add_argument(
            "--control-per-diagnosis", type=int, default=0, metavar="N", help="images of each control (0)"
        )
        parser.add_argument(
            "--control-degradation",
            choices=Study.Degradation.values,
            default="",
            help="real images made worse as a control",
        )
        parser.add_argument(
            "--control-generator",
            action="append",
            default=[],
            metavar="GENERATOR",
            help="its images are a control, such as an older model's; may be repeated",
        )
        parser.add_argument("--images-per-page", type=int, default=1, metavar="N")
        parser.add_argument("--image-type", default="dermoscopic", metavar="TYPE", help="of the real images")
        parser.add_argument("--stimulus-size", type=int, default=128, help="pixels: 64, 128, 256, 512 or 1024")
        parser.add_argument(
            "--scaling", choices=Study.Scaling.values, default="pixels", help="how browsers enlarge images (pixels)"
        )
        parser.add_argument("--zoom", choices=Study.Zoom.values, default="off", help="whether readers may zoom (off)")
        parser.add_argument("--confidence-levels", type=int, default=4, metavar="K", help="0: not asked")
        parser.add_argument("--one-row", action="store_true", help="judgement and confidence by one press")
        parser.add_argument(
            "--questions", type=Path, metavar="FILE.json", help="what else is asked of each image: docs/questions.md"
        )
        parser.add_argument(
            "--corrections", action="store_true", help="readers may correct the last answer until the next break"
        )
        parser.add_argument(
            "--margin", type=float, default=0.1, help="equivalence: accuracy within 0.5 +- margin (0.1)"
        )
        parser.add_argument("--planned-readers", type=int, default=0, metavar="N", help="0: no number is planned (0)")
        parser.add_argument(
            "--looks",
            default="",
            metavar="SHARES",
            help="looks at results before the end, as shares of the planned answers: 50%%, or 33%%,67%% for two; "
            "nobody sees results until then; needs --planned-readers",
        )
        parser.add_argument("--images-per-reader", type=int, default=0, metavar="N", help="0: all of them (0)")
        parser.add_argument(
            "--practice-images", type=int, default=0, metavar="N", help="shown first, with feedback (0)"
        )
        parser.add_argument("--repeats", type=int, default=0, metavar="N", help="images shown to a reader twice (0)")
        parser.add_argument("--break-every", type=int, default=BREAK_EVERY, metavar="N", help="0: no breaks (50)")
        parser.add_argument("--block-by-diagnosis", action="store_true", help="one diagnosis after the other")
        parser.add_argument("--by-invitation", action="store_true", help="a reader needs a link of their own")
        parser.add_argument("--tell-share", action="store_true", help="tell readers how many images are real")
        parser.add_argument("--show-score", action="store_true", help="readers see their own score once it is closed")
        parser.add_argument(
            "--purpose-blinded",
            action="store_true",
            help="readers are not told that images are generated and answer --questions alone: docs/phases.md",
        )
        parser.add_argument("--debriefing", type=Path, metavar="FILE", help="what they are told at the end")
        parser.add_argument(
            "--follows", metavar="SLUG", help="an earlier study: only readers who completed it may begin this one"
        )
        parser.add_argument("--washout-days", type=int, default=0, metavar="N", help="between the two (0)")
        parser.add_argument("--same-images", action="store_true", help="the images of the earlier study")
        parser.add_argument(
            "--feedback-after", action="store_true", help="readers who have finished see what each image was"
        )
        parser.add_argument(
            "--allow-unaudited", action="store_true", help="show samples not compared with training images"
        )
        parser.add_argument("--timed", action="store_true", help="show each image for 100 to 1,000 ms, by staircase")
        parser.add_argument(
            "--forced-choice",
            action="store_true",
            help="pairs of a real and a generated image: which is generated? N of --images-per-reader, "
            "--practice-images and --break-every then count pairs",
        )
        parser.add_argument(
            "--language",
            choices=[code for code, _ in settings.LANGUAGES],
            default="en",
            help="of the title, the instructions and the consent (en)",
        )
        parser.add_argument("--instructions", default="")
        parser.add_argument("--consent", type=Path, metavar="FILE", help="text of the consent")
        parser.add_argument("--seed", type=int, default=0)
        parser.add_argument(
            "--owner", metavar="EMAIL", help="the researcher whose study it is; without: every researcher may see it"
        )

    def handle(self, title, **options):
        counts = dict(_reference_and_count(text) for text in options["run"])
        controls = [_reference_and_count(text)[0] for text in options["control_generator"]]
        drawn = list(dict.fromkeys(name for one in counts for name in one.diagnoses))
        data = model_to_dict(Study()) | {
            "title": title,
            "generators": [one.pk for one in counts],
            **{f"count_{one.pk}": count for one, count in counts.items()},
            "diagnoses": _diagnoses(options["diagnosis"] or drawn, drawn),
            "real_per_diagnosis": options["real"],
            "generated_per_diagnosis": options["generated"],
            **{
                name: options[name]
                for name in ("images_per_page", "stimulus_size", "confidence_levels", *LATER_FIELDS)
                if name not in ("generated_counts", "control_generators", "questions", "debriefing_text", "follows_id")
            },
            "follows": find_study(options["follows"]).pk if options["follows"] is not None else None,
            "control_generators": [one.pk for one in controls],
            "questions": read_questions(options["questions"]) if options["questions"] else [],
            "equivalence_margin": options["margin"],
            "instructions": options["instructions"],
            "seed": options["seed"],
        }
        for option, field in (("consent", "consent_text"), ("debriefing", "debriefing_text")):
            if options[option] is not None:
                data[field] = _text_of(option, options[option])
        owner = find_researcher(options["owner"]) if options["owner"] is not None else None
        form = StudyForm(data, instance=Study(owner=owner))
        if not form.is_valid():
            raise CommandError(" ".join(f"{name}: {' '.join(errors)}" for name, errors in form.errors.items()))
        self.stdout.write(save_draft(form).slug)


def _text_of(option: str, path: Path) -> str:
    try:
        return read_file(path, CONSENT_BYTES, pipes=True).decode("utf-8-sig")
    except (UserError, UnicodeDecodeError) as error:
        raise CommandError(f"--{option} {path}: {error}.") from None


def _diagnoses(wanted: list[str], drawn: list[str]) -> list[str]:
    """Diagnoses in their standard spelling, so that codes such as `bcc` are understood."""
    names = list(dict.fromkeys(normalise_diagnosis(one) for one in wanted))
    if missing := [name for name in names if name not in drawn]:
        raise CommandError(f"--diagnosis: no generator draws {', '.join(missing)}; they draw {', '.join(drawn)}.")
    return names


def _reference_and_count(text: str) -> tuple[Generator, int | None]:
    """Split `NAME` or `NAME=COUNT`. A generator whose name contains '=' is found, too."""
    found, count = Generator.objects.find(text), None
    if found is None and "=" in text:
        name, _, number = text.rpartition("=")
        found = Generator.objects.find(name)
        if found is not None and not (number.isascii() and number.isdecimal() and len(number) < 6):
            raise CommandError(f"--generator {text}: after '=' comes how many of its images are shown per diagnosis.")
        count = int(number) if found is not None else None
    if found is None:
        raise CommandError(f"--generator: {Generator.objects.missing(text)}")
    return found, count
