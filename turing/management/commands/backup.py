"""Back the site up into one file."""

from pathlib import Path

from console import ConsoleCommand, progress
from turing.backup.creating import create_backup
from turing.templatetags.figures import number_of

SHOWN = 3


class Command(ConsoleCommand):
    help = (
        "Write the database and all images into one file, with checksums, while the site goes on. The file holds\n"
        "personal data and the truth of every study: only its owner may read it. Not in it: the secret key, sessions,\n"
        "settings, and training runs without --with-runs."
    )
    example = "manage.py backup /backups/site-2026-11-25.tar --with-runs"

    def add_arguments(self, parser):
        parser.add_argument("file", metavar="FILE", type=Path, help="a tar file to be made")
        parser.add_argument("--with-runs", action="store_true", help="with the folders of training runs")
        parser.add_argument("--force", action="store_true", help="replace FILE where it exists")
        parser.add_argument("--json", action="store_true", help="report as JSON")

    def handle(self, file, with_runs, force, json, **options):
        made = create_backup(file, with_runs=with_runs, force=force, progress=progress)
        if made.missing:
            names = ", ".join(made.missing[:SHOWN]) + (", ..." if len(made.missing) > SHOWN else "")
            self.stderr.write(
                f"The storage lacks {len(made.missing)} files that the database names: {names}", self.style.WARNING
            )
        if made.vanished:
            count = number_of(made.vanished, "file")
            self.warn(f"Deleted while the backup was made, and not in it: {count} of training runs.")
        if json:
            report = {"file": str(file), "bytes": made.size, "media_files": made.media_files}
            files = {"run_files": made.run_files, "vanished_run_files": made.vanished, "missing_files": made.missing}
            self.write_json(report | files)
        else:
            self.stdout.write(
                f"{file}: the database, {made.media_files} images and {made.run_files} files of training runs, "
                f"{made.size / 1e6:,.1f} MB"
            )
