"""Import real images of any collection."""

from pathlib import Path

from django.core.management.base import CommandError

from console import ConsoleCommand, progress
from gan.importing.formats import BY_NAME, ROLES
from gan.importing.import_report import Report
from gan.importing.real import import_images

SHOWN = 100  # most rejections to print; a collection that lacks half its files has thousands


class Command(ConsoleCommand):
    help = (
        "Import real images: exports of the ISIC Archive, its challenges, HAM10000, BCN20000, PH2, PAD-UFES-20, "
        "folders per diagnosis, any table whose columns are named. Says what it recognised and how it maps each "
        "diagnosis, then writes. Safe to repeat. docs/collections.md has every format."
    )
    example = (
        "manage.py import_images ~/HAM10000 --dry-run\n"
        "  manage.py import_images ~/photos --collection 'Clinic A' --type clinical --licence CC-BY\n"
        "  manage.py import_images ~/export --columns file=photo,diagnosis=dx_text,patient=mrn --map BCE=bcc "
        "--type dermoscopic"
    )

    stealth_options = ("written",)  # for callers that want to know what is in the record after each batch

    def add_arguments(self, parser):
        parser.add_argument("folder", type=Path, metavar="FOLDER")
        parser.add_argument("--collection", metavar="NAME", help="what the collection is called here")
        parser.add_argument("--dry-run", action="store_true", help="say what would be imported, and stop")
        parser.add_argument(
            "--columns", action="append", default=[], metavar="ROLE=COLUMN,…", help=f"roles: {', '.join(ROLES)}"
        )
        parser.add_argument("--diagnosis", metavar="D", help="of every image, where nothing tells it")
        parser.add_argument(
            "--map", action="append", default=[], metavar="ORIGINAL=DIAGNOSIS", help="repeat for several; also for 0, 1"
        )
        parser.add_argument(
            "--sex", action="append", default=[], metavar="CODE=SEX", help="such as m=female; repeat for several"
        )
        parser.add_argument("--licence", default="", metavar="L", help="of images whose row tells none")
        parser.add_argument("--attribution", default="", metavar="A", help="of images whose row tells none")
        parser.add_argument("--type", metavar="T", help="dermoscopic, clinical, …: of images whose row tells none")
        parser.add_argument("--format", choices=sorted(BY_NAME), help="where the folder can be read in several ways")
        parser.add_argument("--json", action="store_true", help="print the report as JSON")

    def handle(self, folder, collection, dry_run, columns, diagnosis, licence, attribution, format, **options):
        report = import_images(
            folder,
            collection=collection or "",
            licence=licence,
            attribution=attribution,
            columns=pairs(",".join(columns).split(",") if columns else [], "--columns"),
            diagnosis=diagnosis,
            image_type=options["type"],
            format=format,
            renamed=pairs(options["map"], "--map"),
            sexes=pairs(options["sex"], "--sex"),
            dry_run=dry_run,
            progress=progress,
            tell=self._tell,
            written=options.get("written") or (lambda report: None),
        )
        if options["json"]:
            self.write_json(report.as_json() | {"dry_run": dry_run})
            return
        for rejection in report.rejected[:SHOWN]:
            self.warn(f"{rejection.file}: {rejection.reason}")
        if len(report.rejected) > SHOWN:
            self.warn(f"… and {len(report.rejected) - SHOWN} more; --json lists all.")
        if dry_run:
            self.stdout.write(
                f"{report.to_import} would be imported, {report.already_present} already present, "
                f"{len(report.rejected)} rejected; nothing was written"
            )
            return
        self.stdout.write(
            f"{report.imported} imported, {report.already_present} already present, {len(report.rejected)} rejected"
        )

    def _tell(self, report: Report) -> None:
        """Print what was recognised and how each diagnosis is mapped, before anything is written."""
        self.say(f"Recognised {report.recognised}.")
        for one in report.mapping:
            if one.diagnosis:
                self.say(f"  {one.original or '(all)'} -> {one.diagnosis}: {one.images}")
                if one.hint:
                    self.warn(f"  {one.diagnosis}: {one.hint}")
            else:
                self.warn(f"  {one.original or '(nothing)'} -> no diagnosis, left out: {one.images}")
        for sentence in report.not_understood:
            self.warn(f"{sentence}.")
        if report.unused_columns:
            self.say(f"Kept as they are, unused: {', '.join(report.unused_columns)}.")


def pairs(given: list[str], option: str) -> dict[str, str]:
    """`NAME=VALUE` options as a dictionary. Raises `CommandError` for an option without that form."""
    found: dict[str, str] = {}
    for one in given:
        name, equals, value = one.partition("=")
        if not (name.strip() and equals and value.strip()):
            raise CommandError(f"{option}: {one[:80]!r} is not of the form NAME=VALUE.")
        if name.strip() in found:
            raise CommandError(f"{option}: {name.strip()[:80]!r} stands there twice.")
        found[name.strip()] = value.strip()
    return found
