"""Restore a backup."""

from dataclasses import asdict
from pathlib import Path

from console import ConsoleCommand, progress
from turing.backup.restoring import restore_backup


class Command(ConsoleCommand):
    help = (
        "Replace the database by that of a backup and add its images and training runs. Stop the site first. Every\n"
        "checksum is compared before anything is touched. Restore only backups of your own: a database can hold code."
    )
    example = "manage.py restore /backups/site-2026-11-25.tar"

    def add_arguments(self, parser):
        parser.add_argument("file", metavar="FILE", type=Path, help="a file that `backup` made")
        parser.add_argument("--force", action="store_true", help="replace a database that is not empty")
        parser.add_argument("--json", action="store_true", help="report as JSON")

    def handle(self, file, force, json, **options):
        done = restore_backup(file, force=force, progress=progress)
        if json:
            self.write_json(asdict(done))
        else:
            self.stdout.write(
                f"Restored the backup of {done.created_at}: the database, {done.media_files} images and "
                f"{done.run_files} files of training runs. Everybody has to log in again."
            )
        if done.must_migrate:
            self.say("The backup is of an older version: run manage.py migrate before you start the site.")
