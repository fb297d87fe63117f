from django.apps import AppConfig
from django.db.models.signals import post_migrate


class TuringConfig(AppConfig):
    name = "turing"
    verbose_name = "Visual Turing test"

    def ready(self) -> None:
        from turing.models.append_only import make_triggers
        from turing.people import sessions  # noqa: F401, listens to log-ins
        from turing.serving import production  # noqa: F401 - registers its check

        post_migrate.connect(make_triggers, sender=self)
