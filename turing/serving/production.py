"""Settings with which a public site must not start. A site is public if HTTPS=1 is set."""

import logging
from pathlib import Path

from django.conf import settings
from django.core.checks import Error, Tags, register
from django.core.exceptions import ImproperlyConfigured

from turing import environment

LEAST_KEY_LENGTH, LEAST_DIFFERENT_CHARACTERS = 50, 5  # as in Django's own check

logger = logging.getLogger(__name__)


def unsafe_settings() -> list[str]:
    """Settings that are dangerous on a public site, each with the variable to change."""
    found = []
    key = settings.SECRET_KEY
    if settings.DEBUG:
        found.append("DEBUG is 1, so every visitor who meets an error can read code and settings. Set DEBUG=0.")
    if len(key) < LEAST_KEY_LENGTH or len(set(key)) < LEAST_DIFFERENT_CHARACTERS or key.startswith("django-insecure"):
        found.append(
            f"SECRET_KEY is easy to guess: set {LEAST_KEY_LENGTH} random characters or more, or leave it empty for a "
            "random one."
        )
    if "*" in settings.ALLOWED_HOSTS:
        found.append("ALLOWED_HOSTS holds *: e-mails could lead to an attacker's address. Name the site's hosts.")
    if readable_by_others(settings.DATA_DIR / "secret_key"):
        found.append(f"Others can read the secret key: chmod 600 {settings.DATA_DIR / 'secret_key'}")
    return found


def readable_by_others(path: Path) -> bool:
    return path.exists() and bool(path.stat().st_mode & 0o077)


@register(Tags.security, deploy=True)
def check_production(app_configs, **kwargs) -> list[Error]:
    return [Error(message, id="turing.E001") for message in unsafe_settings()] if settings.HTTPS else []


def refuse_unsafe_start() -> None:
    """Raise ImproperlyConfigured if a public site would start with dangerous defaults or settings."""
    if not settings.HTTPS:
        return
    found = unsafe_settings()
    if not (environment.is_set("ALLOWED_HOSTS") or settings.CSRF_TRUSTED_ORIGINS):
        # `check --deploy` leaves this out, because it also runs when an image is built, before the address is known.
        found.append("ALLOWED_HOSTS is not set, so the site would refuse its own public address. Name that host there.")
    if found:
        raise ImproperlyConfigured("With HTTPS=1 these settings are refused:\n- " + "\n- ".join(found))
    if settings.EMAIL_BACKEND.endswith("console.EmailBackend"):
        logger.warning("EMAIL_BACKEND is the console: readers get no e-mail. docs/settings.md says how to send them.")
