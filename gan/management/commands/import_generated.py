"""Import images of somebody else's generator."""

from pathlib import Path

from console import ConsoleCommand, progress
from gan.foundation.errors import GanError
from gan.importing.generated import About, import_generated
from gan.importing.trained_on import TrainedOn


class Command(ConsoleCommand):
    help = (
        "Import the images of a generator that is not ours: a StyleGAN, a diffusion model, a vendor's set. Safe to "
        "repeat: images are known by their content. Say what it was trained on where you know: then no study shows "
        "those images as real ones, and copies of them are found."
    )
    example = "manage.py import_generated samples/ --name StyleGAN3 --diagnosis melanoma --trained-on train/"

    def add_arguments(self, parser):
        parser.add_argument("folder", type=Path, metavar="FOLDER")
        parser.add_argument("--name", required=True, help="of the generator")
        parser.add_argument("--generator-version", default="", metavar="V", help="such as 2.1")
        parser.add_argument("--source", default="", metavar="TEXT", help="paper or address")
        parser.add_argument("--licence", default="", help="of the images, such as CC-BY-4.0")
        parser.add_argument("--made-by", default="", metavar="TEXT", help="whom to name")
        parser.add_argument(
            "--diagnosis",
            metavar="D",
            help="of all images; default: what a table says, or one subfolder each",
        )
        parser.add_argument(
            "--samples", type=Path, metavar="FILE.csv", help="a table that names each file and its diagnosis"
        )
        told = parser.add_mutually_exclusive_group()
        told.add_argument("--trained-on", type=Path, metavar="FOLDER", help="its training images")
        told.add_argument("--trained-on-run", metavar="RUN", help="a run of ours with the same images")
        told.add_argument("--trained-on-ids", type=Path, metavar="FILE", help="ids of its training images, one a line")
        parser.add_argument("--phantoms", action="store_true", help="it was trained on phantoms; for tests and demos")
        parser.add_argument("--dry-run", action="store_true", help="say what would be done; write nothing")
        parser.add_argument("--json", action="store_true", help="print the report as JSON")

    def handle(self, folder, name, **options):
        if options["diagnosis"] is not None and options["samples"] is not None:
            raise GanError("--diagnosis and --samples: give one of the two.")
        about = About(name, options["generator_version"], options["source"], options["licence"], options["made_by"])
        told = TrainedOn(options["trained_on"], options["trained_on_run"] or "", options["trained_on_ids"])
        report = import_generated(
            folder,
            about,
            diagnosis=options["diagnosis"] or "",
            samples=options["samples"],
            trained_on=None if told == TrainedOn() else told,
            phantoms=options["phantoms"],
            dry_run=options["dry_run"],
            progress=progress,
        )
        if options["json"]:
            self.write_json(report.as_json())
            return
        for rejection in report.rejected:
            self.warn(f"{rejection.file}: {rejection.reason}")
        self.say(report.recognised)
        for one in report.mapping:
            self.say(f"  {one.original or '(all)'} -> {one.diagnosis}: {one.images}")
            if one.hint:
                self.warn(f"  {one.diagnosis}: {one.hint}")
        would = "would be imported" if options["dry_run"] else "imported"
        self.stdout.write(
            f"{report.to_import or report.imported} {would}, {report.already_present} already present, "
            f"{len(report.rejected)} rejected"
        )
        if report.generator is not None and not report.training_images:
            self.warn("Not told what it was trained on: studies say so, and copies are sought among all real images.")
        elif report.training_images:
            self.say(f"{report.training_images} training images, {report.training_images_in_record} in this record.")
