"""Compare a generator's images with those that it may have copied."""

from django.core.management.base import CommandError

from console import ConsoleCommand, progress


class Command(ConsoleCommand):
    help = (
        "Compare every image of a generator that nobody compared yet with its training images; those closer than 99 of "
        "100 held-out lesions come are marked as suspected copies and stay out of studies. Where nobody told what it "
        "was trained on, they are compared with every real image at hand."
    )
    example = "manage.py audit_samples lesions"

    def add_arguments(self, parser):
        parser.add_argument("run", metavar="GENERATOR", help="id or name of a run or an imported generator")
        parser.add_argument("--again", action="store_true", help="also those compared before")
        parser.add_argument("--json", action="store_true", help="print the findings as JSON")

    def handle(self, run, again, **options):
        from gan.datasets.comparison_sets import comparison_set_of, find_generator
        from gan.memorisation.copy_detector import CopyDetector, audit_generated

        found = find_generator(run)
        images = found.generated_images.all() if again else found.generated_images.unaudited()
        if not found.generated_images.exists():
            raise CommandError(f"{found} has no images; draw some with sample_gan.")
        detector = CopyDetector(found, comparison_set_of(found), progress)
        audited = list(audit_generated(detector, list(images)))
        suspected = [(image, finding) for image, finding in audited if finding.suspected]
        if options["json"]:
            pairs = [
                {
                    "diagnosis": image.diagnosis,
                    "latent_seed": image.latent_seed,
                    "name": image.name,
                    "nearest": finding.nearest.name,
                    "distance": finding.distance,
                }
                for image, finding in suspected
            ]
            self.write_json({"audited": len(audited), "suspected": pairs, "limits": detector.reference.limits})
            return
        for image, finding in suspected:
            self.stdout.write(f"{image}: {finding.distance:.2f} of the limit from {finding.nearest.name}")
        self.stdout.write(f"{len(audited)} images compared, {len(suspected)} suspected copies")
