"""The former name of `evaluate_generator`, from when training runs were the only generators."""

from gan.management.commands.evaluate_generator import Command as EvaluateGenerator


class Command(EvaluateGenerator):
    example = "manage.py evaluate_gan lesions --json > report.json"
