"""Draw samples of a training run."""

from collections.abc import Iterator
from pathlib import Path

from django.core.management.base import CommandError

from console import ConsoleCommand, progress
from files import check_folder, check_writable, shown, write_file


class Command(ConsoleCommand):
    help = (
        "Draw COUNT generated images per diagnosis of a run; the same arguments give the same bytes. Each is compared "
        "with the run's training images; studies show none that comes closer than 99 of 100 held-out lesions do."
    )
    example = (
        "manage.py sample_gan lesions --count 50 --reject-copies --output samples\n"
        "  manage.py sample_gan lesions --count 4 --strips strips.png"
    )

    def add_arguments(self, parser):
        parser.add_argument("run", metavar="RUN", help="id or name")
        parser.add_argument("--count", type=int, required=True, metavar="N", help="images per diagnosis")
        parser.add_argument("--seed", type=int, default=0, metavar="S")
        parser.add_argument(
            "--step",
            type=int,
            metavar="N",
            help="draw from the snapshot that the run kept of this step, which then is a generator of its own",
        )
        parser.add_argument("--diagnosis", action="append", default=[], metavar="D", help="default: all of the run's")
        parser.add_argument(
            "--truncation", type=float, default=1.0, metavar="T", help="below 1: more typical, less varied (1)"
        )
        parser.add_argument("--output", type=Path, metavar="FOLDER", help="also write files with samples.csv here")
        parser.add_argument(
            "--reject-copies", action="store_true", help="drop suspected copies and draw others instead"
        )
        parser.add_argument("--no-audit", action="store_true", help="do not compare with the training images")
        parser.add_argument("--strips", type=Path, metavar="FILE.png", help="instead: N strips from sample to sample")

    def handle(self, run, count, seed, diagnosis, truncation, output, **options):
        from gan.memorisation.copy_detector import Finding, draw_and_compare, draw_originals, keep_finding
        from gan.runs.execution import find_run, snapshot_at
        from gan.runs.sampling import Sample, chosen_diagnoses, draw_samples, register, write_folder

        if count < 1 or not 0 <= seed < 2**63:
            raise CommandError("--count must be 1 or more and --seed 0 or more.")
        if not 0 < truncation <= 1:
            raise CommandError("--truncation must be more than 0 and at most 1.")
        if output:
            check_folder(output, "--output")
        if options["strips"]:
            check_writable(options["strips"], "--strips", new_folders=True)
        found = find_run(run)
        if options["step"] is not None:
            found = snapshot_at(found, options["step"])
            self.say(f"Generator {found.pk}: {found.name}.")
        chosen = chosen_diagnoses(found, diagnosis)
        if options["strips"]:
            self._write_strips(found, chosen, count, seed, options["strips"])
            return
        samples, new = [], 0
        detector = None if options["no_audit"] else self._detector(found)
        if options["reject_copies"] and detector is None:
            raise CommandError(
                "--reject-copies needs the audit. Leave out --no-audit, or hold out more images in training."
            )
        for name in chosen:
            drawn: Iterator[tuple[Sample, Finding | None]]
            if detector is not None and options["reject_copies"]:
                drawn = draw_originals(detector, name, count, seed, truncation)
            else:
                drawn = draw_and_compare(detector, draw_samples(found, name, count, seed, truncation))
            dropped = 0
            for sample, finding in progress(drawn, f"Sampling {name}", count, "image"):
                image, is_new = register(found, sample)
                if finding is not None:
                    keep_finding(image, finding)
                if options["reject_copies"] and finding is not None and finding.suspected:
                    # Stored as a suspected copy, so that the run's page shows it beside the image that it resembles.
                    dropped += 1
                    continue
                new += is_new
                samples.append(sample)
            if dropped:
                self.say(f"{name}: {dropped} suspected copies of training images dropped, others drawn instead.")
        if output:
            write_folder(found, samples, output)
        self.stdout.write(f"{len(samples)} samples of {found}, {new} of them new")
        if not new:
            self.say("These images were drawn before. Another --seed or a higher --count draws new ones.")

    def _detector(self, found):
        from gan.datasets.training_sets import training_set_of
        from gan.foundation.errors import GanError
        from gan.memorisation.copy_detector import CopyDetector

        try:
            return CopyDetector(found, training_set_of(found), progress)
        except GanError as error:
            self.warn(f"The samples are not audited for copies: {error}")
            return None

    def _write_strips(self, found, chosen, rows, seed, path):
        from gan.foundation.diagnoses import slug_of
        from gan.imaging.image_files import png_bytes
        from gan.runs.sampling import interpolation_strips

        for name in chosen:
            target = path if len(chosen) == 1 else path.with_stem(f"{path.stem}-{slug_of(name)}")
            write_file(target, png_bytes(interpolation_strips(found, name, rows, seed)))
            self.stdout.write(shown(target))
