"""Imports uploads: first a check that writes nothing, then the import itself.

Both run the commands `import_images` and `import_generated`, which print a report as JSON. A report has `recognised`,
`mapping`, `imported`, `already_present` and `rejected`.
"""

from typing import Any, Protocol

from django.core.management.base import CommandError

from console import UserError, progress
from turing.jobs import queue
from turing.jobs.collections import GENERATED
from turing.jobs.uploads import Upload, find_upload, root_of
from turing.jobs.wording import in_form_words
from turing.jobs.zips import unpack
from turing.models import Job

LISTED = 200  # number of rejected files that a page shows


class Commands(Protocol):
    """The part of `turing.jobs.work.Commands` that this module uses."""

    def json_of(self, command: str, /, *arguments: str, **options: Any) -> dict[str, Any]: ...

    def tell(self, report: dict[str, Any]) -> None: ...


def check(job: Job, commands: Commands) -> dict[str, Any]:
    """Unpack the upload, and report what an import would do."""
    return _import(job, commands, dry_run=True)


def bring_in(job: Job, commands: Commands) -> dict[str, Any]:
    """Import the upload. It is deleted once everything is in the record; until then the import can be repeated.

    The job records that everything is imported before the upload is deleted. So a job that is killed between the two
    counts as done.
    """
    if job.is_imported:
        report = job.report
    else:
        report = _import(job, commands, dry_run=False) | {"complete": True}
        if not queue.keep(job, report=report):  # another attempt is running and needs the upload
            return report
    Upload(job.arguments["upload"]).remove()
    return report


def _import(job: Job, commands: Commands, dry_run: bool) -> dict[str, Any]:
    upload = find_upload(job.arguments["upload"])
    try:
        return without_place(_report(job, upload, commands, dry_run), upload)
    except (CommandError, UserError) as error:
        raise UserError(without_place(str(error), upload)) from error


def without_place(value: Any, upload: Upload) -> Any:
    """The value with paths as they were uploaded, because users need not know where the server keeps files."""
    if isinstance(value, str):
        for place in (upload.files, upload.folder):
            for spelled in {str(place), str(place.resolve())}:
                value = value.replace(f"{spelled}/", "").replace(spelled, "the upload")
        return value
    if isinstance(value, dict):
        return {key: without_place(one, upload) for key, one in value.items()}
    return [without_place(one, upload) for one in value] if isinstance(value, list) else value


def _report(job: Job, upload: Upload, commands: Commands, dry_run: bool) -> dict[str, Any]:
    given = job.arguments
    folder = root_of(unpack(upload, progress))
    if given["origin"] == GENERATED:
        options = {"name": given["name"], "generator_version": given["version"], "source": given["source"]}
        options |= {"licence": given["licence"], "made_by": given["attribution"]}
        options |= {"diagnosis": given["diagnosis"] or None}
        if given.get("trained_on_run"):
            options["trained_on_run"] = str(given["trained_on_run"])
        elif given.get("trained_on_ids"):
            options["trained_on_ids"] = upload.folder / "trained-on.txt"
            options["trained_on_ids"].write_text(given["trained_on_ids"], encoding="utf-8")
        report = commands.json_of("import_generated", str(folder), dry_run=dry_run, **options)
    else:
        options = {"collection": given["name"], "licence": given["licence"], "attribution": given["attribution"]}
        options |= {"columns": given["columns"], "map": given["map"], "sex": given.get("sex", [])}
        options |= {"format": given.get("format") or None}
        options |= {"diagnosis": given["diagnosis"] or None, "type": given["image_type"] or None}
        if not dry_run:
            options["written"] = lambda so_far: commands.tell(_for_page(so_far.as_json(), dry_run))
        report = commands.json_of("import_images", str(folder), dry_run=dry_run, **options)
    return _for_page(report, dry_run)


def _for_page(report: dict[str, Any], dry_run: bool) -> dict[str, Any]:
    """The report in the form that the job's page shows."""
    rejected = report.get("rejected", [])
    return {
        "dry_run": dry_run,
        "recognised": report.get("recognised", ""),
        "mapping": report.get("mapping", []),
        "imported": report.get("to_import" if dry_run else "imported", 0),
        "already_present": report.get("already_present", 0),
        "rejected": [one | {"reason": in_form_words(Job.Kind.CHECK, one["reason"])} for one in rejected[:LISTED]],
        "rejected_count": len(rejected),
        "not_understood": [in_form_words(Job.Kind.CHECK, one) for one in report.get("not_understood", [])],
        "unused_columns": report.get("unused_columns", []),
        "generator": report.get("generator"),
    }
