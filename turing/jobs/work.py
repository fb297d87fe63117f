"""Does the work of each kind of job in a separate process, by running the same command as on the command line."""

import io
import json
from collections.abc import Callable
from typing import Any

from django.core.management import call_command

from gan.models import TrainingRun
from turing.jobs import imports
from turing.jobs.channel import Channel, Said
from turing.models import Job, Study


class Commands:
    """Runs commands of manage.py. Their messages go to the job's log, and their result is kept."""

    def __init__(self, channel: Channel) -> None:
        self.said = Said(channel)
        self.out = io.StringIO()

    def tell(self, report: dict[str, Any]) -> None:
        """Report partial results, in case the work does not finish."""
        self.said.channel.send(report=report)

    def run(self, command: str, /, *arguments: str, **options: Any) -> None:
        """Run a command. Raises CommandError with the reason if it fails."""
        call_command(command, *arguments, stdout=self.out, stderr=self.said, **options)

    def json_of(self, command: str, /, *arguments: str, **options: Any) -> dict[str, Any]:
        """As `run`, for a command that reports figures. Returns its report instead of a text for people."""
        report = io.StringIO()
        call_command(command, *arguments, json=True, stdout=report, stderr=self.said, **options)
        return json.loads(report.getvalue())


def curate(job: Job, commands: Commands) -> None:
    commands.run("curate_images")


def sample(job: Job, commands: Commands) -> None:
    given = job.arguments
    options = {"count": given["count"], "seed": given["seed"], "reject_copies": given["reject_copies"]}
    commands.run("sample_gan", str(given["run"]), **options)


def audit(job: Job, commands: Commands) -> None:
    commands.run("audit_samples", str(job.arguments["run"]), again=job.arguments["again"])


def evaluate(job: Job, commands: Commands) -> None:
    commands.run("evaluate_generator", str(job.arguments["run"]), count=job.arguments["count"])
    if job.arguments.get("utility"):
        commands.run("evaluate_utility", str(job.arguments["run"]))


def train(job: Job, commands: Commands) -> None:
    """Start a run, or resume the run of an earlier attempt of this job from its last snapshot."""
    given = job.arguments
    own = TrainingRun.objects.filter(name=given["name"], started_at__gte=job.created_at)
    left = own.exclude(status=TrainingRun.Status.FINISHED).order_by("-pk").first()
    if left is not None:
        commands.run("train_gan", resume=str(left.pk))
        return
    options = {name: given[name] for name in ("name", "model", "size", "minutes")}
    commands.run("train_gan", diagnosis=given["diagnoses"], phantoms=given["phantoms"] or None, **options)


def detector(job: Job, commands: Commands) -> None:
    given = job.arguments
    study = Study.objects.get(pk=given["study"])
    options = {name: given[name] for name in ("name", "folds", "seed")}
    commands.run("add_machine_reader", study.slug, detector=True, **options)


# These functions may return a report for the job's page.
WORK: dict[str, Callable[[Job, Commands], dict[str, Any] | None]] = {
    Job.Kind.CURATE: curate,
    Job.Kind.TRAIN: train,
    Job.Kind.SAMPLE: sample,
    Job.Kind.AUDIT: audit,
    Job.Kind.EVALUATE: evaluate,
    Job.Kind.DETECTOR: detector,
    Job.Kind.CHECK: imports.check,
    Job.Kind.IMPORT: imports.bring_in,
}
