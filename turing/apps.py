from django.apps import AppConfig
from django.db.models.signals import post_migrate


class TuringConfig(AppConfig):
    name = "turing"
    verbose_name = "Visual Turing test"

    def ready(self) -> None:
        from turing.models.append_only import make_triggers

        post_migrate.connect(make_triggers, sender=self)
