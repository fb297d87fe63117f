"""Let a machine judge a study's images, beside people."""

import io
import json
from pathlib import Path
from tempfile import TemporaryDirectory

from django.core.management import call_command
from django.core.management.base import CommandError

from console import ConsoleCommand
from files import PART, check_folder, shown
from turing.errors import StudyError
from turing.models import MachineReader
from turing.results.counting import choose_population
from turing.results.looks import note_look
from turing.results.machines import machine_sentence, with_machines
from turing.results.study_analysis import analyse_study
from turing.studies.lifecycle import find_study
from turing.studies.machines import (
    DETECTOR_NAME,
    add_machine,
    check_name,
    judge_by_detector,
    read_predictions,
    remove_machine,
)


class Command(ConsoleCommand):
    help = (
        "Let a machine judge a study's images, beside people and never among them: a detector that is cross-validated "
        "on the study's own images (images of one lesion or patient and near copies stay in one fold), or anybody's "
        "predictions from a CSV with the columns image and score (the higher, the more like generated), or image and "
        "response (real or generated), with confidence if there is one. The results page shows what machines see and "
        "people miss. Readers never see it while the study is open."
    )
    example = "manage.py add_machine_reader melanoma-and-bcc --detector"

    def add_arguments(self, parser):
        parser.add_argument("study", metavar="STUDY", help="the study's slug")
        what = parser.add_mutually_exclusive_group(required=True)
        what.add_argument("--detector", action="store_true", help="fit one to the study's own images")
        what.add_argument("--predictions", type=Path, metavar="FILE.csv", help="somebody's scores or answers")
        what.add_argument("--remove", metavar="NAME", help="take the machine reader of this name away")
        what.add_argument("--stimuli", type=Path, metavar="FOLDER",
                          help="write the images for a model of your own to judge, named by their ids")  # fmt: skip
        parser.add_argument("--name", help=f"of the machine reader (a detector: {DETECTOR_NAME})")
        parser.add_argument("--source", default="", help="paper, address or version of the model")
        parser.add_argument("--threshold", type=float, metavar="S", help="scores from here on say generated (0.5)")
        parser.add_argument("--folds", type=int, default=5, metavar="N", help="of the detector, 2 to 20 (5)")
        parser.add_argument("--seed", type=int, default=0, metavar="S", help="divides the images into folds")
        parser.add_argument("--json", action="store_true", help="the machine's figures as JSON")

    def handle(self, study, detector, predictions, remove, stimuli, name, source, threshold, folds, seed, **options):
        found = find_study(study)
        if remove is not None:
            remove_machine(found, remove)
            self.say(f"{remove} is no machine reader of {found.slug} any more")
            return
        if stimuli is not None:
            self._write_stimuli(found, stimuli)
            return
        if predictions and not name:
            raise CommandError("--name: say whose predictions these are.")
        name = check_name(found, name or DETECTOR_NAME)
        if detector:
            if threshold is not None:
                raise CommandError("--threshold is for --predictions; a detector's scores are probabilities.")
            judged, settings = judge_by_detector(found, lambda table, scores: self._detect(table, scores, folds, seed))
        else:
            judged, settings = read_predictions(found, predictions, threshold)
            if missing := settings["images_without"]:
                self.warn(f"{missing} images of the study have no prediction and are left out.")
        kind = MachineReader.Kind.DETECTOR if detector else MachineReader.Kind.PREDICTIONS
        add_machine(found, name, kind, judged, settings, source)
        if not found.is_over:
            self.warn(f"The study is {found.get_state_display()}: keep the result from its readers.")
        self._report(found, name, options["json"])

    def _detect(self, table, scores, folds, seed):
        """Run the detector in a command of its own, because only that command needs torch."""
        report = io.StringIO()
        call_command(
            "detect_generated", str(table), output=scores, folds=folds, seed=seed, json=True, stdout=report,
            stderr=self.stderr,
        )  # fmt: skip
        return json.loads(report.getvalue())

    def _write_stimuli(self, study, folder):
        if study.is_draft:
            raise StudyError(f"{study.slug} is a draft: its images are drawn when it opens.")
        check_folder(folder, "--stimuli")
        folder.mkdir(parents=True, exist_ok=True)
        stimuli = study.stimuli.of_test().order_by("pk")
        # All of them or none: a model that judges half of the images is not noticed until much later.
        with TemporaryDirectory(dir=folder, prefix=PART) as part:
            for one in stimuli:
                Path(part, f"{one.pk}.png").write_bytes(one.read_unchanged())
            for one in stimuli:
                Path(part, f"{one.pk}.png").replace(folder / f"{one.pk}.png")
        self.say(f"{len(stimuli)} images in {shown(folder)}; bring back a CSV with the columns image and score")

    def _report(self, study, name, as_json):
        population = choose_population(study)
        note_look(study, population)
        analysis = with_machines(study, analyse_study(study, population))
        machine = next(one for one in analysis["machines"] if one["name"] == name)
        if as_json:
            self.write_json(machine)
            return
        auc, rate = machine["auc"], machine["accuracy"]
        interval = f", 95% interval {auc['ci95'][0]:.3f} to {auc['ci95'][1]:.3f}" if auc["ci95"] else ""
        known = "no AUC" if auc["estimate"] is None else f"AUC {auc['estimate']:.3f}{interval}"
        self.stdout.write(f"{name}: accuracy {rate['estimate']:.1%} of {rate['images']} images; {known}")
        self.stdout.write(machine_sentence(analysis, population))
