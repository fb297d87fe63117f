from django.apps import AppConfig


class TuringConfig(AppConfig):
    name = "turing"
    verbose_name = "Visual Turing test"

    def ready(self):
        from turing import production  # noqa: F401 - registers its check
        from turing.people import sessions  # noqa: F401, listens to log-ins
