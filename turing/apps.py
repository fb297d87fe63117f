from django.apps import AppConfig
from django.db.models.signals import post_migrate


class TuringConfig(AppConfig):
    name = "turing"
    verbose_name = "Visual Turing test"

    def ready(self) -> None:
        from turing import production  # noqa: F401 - registers its check
        from turing.models.append_only import make_triggers
        from turing.people import sessions  # noqa: F401, listens to log-ins

        post_migrate.connect(make_triggers, sender=self)
