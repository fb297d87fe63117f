"""Every environment variable that the site reads, with its meaning and default. `docs/settings.md` shows this table."""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured


@dataclass(frozen=True)
class Variable:
    """One environment variable. `default` is the text that is used if it is not set."""

    name: str
    default: str
    meaning: str


VARIABLES = {
    variable.name: variable
    for variable in (
        Variable(
            "DATA_DIR",
            "var",
            "Folder of the database, images, training runs and the secret key. A relative path starts at the checkout. "
            "If the package is installed, it starts at the folder in which the command runs.",
        ),
        Variable(
            "DATABASE_URL",
            "",
            "Address of the database, such as postgres://user:password@host/name. Empty: SQLite in DATA_DIR.",
        ),
        Variable("DATABASE_URL_FILE", "", "A file that holds DATABASE_URL, mode 0600 or 0400."),
        Variable(
            "DATABASE_POOL",
            "0",
            "The most connections to PostgreSQL that the threads of one process share. 0: each thread has its own. "
            "`gunicorn.conf.py` sets 8.",
        ),
        Variable(
            "SECRET_KEY", "", "Signs sessions and links. Empty: a random key kept in DATA_DIR/secret_key, mode 0600."
        ),
        Variable("SECRET_KEY_FILE", "", "A file that holds SECRET_KEY, mode 0600 or 0400."),
        Variable(
            "DEBUG",
            "0",
            "1: the site shows tracebacks and does not cache static files. Never set this on a public site.",
        ),
        Variable(
            "ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]", "Host names that the site answers to, separated by commas."
        ),
        Variable(
            "CSRF_TRUSTED_ORIGINS",
            "",
            "Origins such as https://study.clinic.example. They are needed if a proxy changes the host.",
        ),
        Variable(
            "HTTPS",
            "0",
            "1: the site is public and visitors reach it only by HTTPS, through a proxy that sets X-Forwarded-Proto. "
            "The site then refuses to start with unsafe settings.",
        ),
        Variable(
            "HSTS_SECONDS",
            "31536000",
            "With HTTPS=1: the seconds for which browsers insist on HTTPS for this host after a visit.",
        ),
        Variable("TIME_ZONE", "UTC", "Time zone of the times on pages, such as Europe/Istanbul."),
        Variable(
            "EMAIL_BACKEND",
            "django.core.mail.backends.console.EmailBackend",
            "Django's class that sends e-mail. The default prints it on the console.",
        ),
        Variable("DEFAULT_FROM_EMAIL", "visual-turing-test@localhost", "Sender of the site's e-mails."),
        Variable(
            "MEDIA_STORE",
            "file",
            "Where the site stores images: file (DATA_DIR/media) or s3 (a bucket; docs/scaling.md).",
        ),
        Variable("S3_BUCKET", "", "The bucket of the images. It must be private, so that only this site reads it."),
        Variable("S3_ENDPOINT", "", "Address of the store, such as https://minio.clinic.example. Empty: Amazon's."),
        Variable(
            "S3_REGION", "", "The bucket's region, such as eu-central-1. Empty: the region of the machine's profile."
        ),
        Variable(
            "AWS_ACCESS_KEY_ID", "", "Key of the store. Empty: boto3 looks for one, for example in the machine's role."
        ),
        Variable("AWS_SECRET_ACCESS_KEY", "", "The secret of this key."),
        Variable("AWS_SECRET_ACCESS_KEY_FILE", "", "A file that holds AWS_SECRET_ACCESS_KEY, mode 0600 or 0400."),
        Variable(
            "CACHE_URL",
            "",
            "Address of a cache for all machines, such as redis://:password@host:6379/1. "
            "Empty: each process has its own.",
        ),
        Variable("CACHE_URL_FILE", "", "A file that holds CACHE_URL, mode 0600 or 0400."),
        Variable("LOG_FORMAT", "text", "Format of the log on stderr: text or json."),
        Variable(
            "LOG_LEVEL", "INFO", "INFO: the log has a line for each request. WARNING: it has only warnings and errors."
        ),
        Variable(
            "EMAIL_HOST",
            "localhost",
            "SMTP server, for EMAIL_BACKEND=django.core.mail.backends.smtp.EmailBackend.",
        ),
        Variable("EMAIL_PORT", "25", "Port of the SMTP server, often 587 with starttls and 465 with tls."),
        Variable("EMAIL_HOST_USER", "", "User name at the SMTP server. Empty: the site does not log in there."),
        Variable("EMAIL_HOST_PASSWORD", "", "Password at the SMTP server."),
        Variable("EMAIL_HOST_PASSWORD_FILE", "", "A file that holds EMAIL_HOST_PASSWORD, mode 0600 or 0400."),
        Variable("EMAIL_SECURITY", "none", "Encryption of the connection to the SMTP server: none, starttls or tls."),
        Variable("EMAIL_TIMEOUT", "10", "Seconds after which the site stops waiting for the SMTP server."),
        Variable(
            "REGISTRATION",
            "open",
            "Who may register. open: everybody. invited: people with the link of an invitation. closed: nobody.",
        ),
        Variable("READER_SESSION_DAYS", "30", "Days for which a reader stays logged in."),
        Variable("RESEARCHER_SESSION_HOURS", "12", "Hours for which a researcher stays logged in."),
        Variable(
            "TRUSTED_PROXIES",
            "0",
            "Number of your proxies in front of the site that add to X-Forwarded-For. If it is 0 behind a proxy, all "
            "visitors seem to have the proxy's address, and one visitor's failed log-ins count against everybody.",
        ),
        Variable("WEB_CONCURRENCY", "2", "gunicorn's worker processes: one or two for each core."),
        Variable("WEB_THREADS", "8", "Threads of a worker, which are the requests that it handles at once."),
        Variable("REQUEST_SECONDS", "20", "Seconds in which a request must arrive completely. Otherwise it gets 408."),
        Variable(
            "FORM_LIMIT_KB", "512", "Largest body of a form. The site refuses a larger one with 413 before it reads it."
        ),
        Variable("UPLOAD_LIMIT_MB", "2048", "Largest upload of images, both as sent and unpacked."),
        Variable("UPLOAD_FILES", "20000", "The most files in an upload of images."),
        Variable(
            "BACKGROUND_WORKER",
            "1",
            "1: gunicorn also starts the worker for long work. 0: start it with `manage.py run_worker`.",
        ),
        Variable("MIN_FREE_MB", "100", "Free space that the data need. With less, /healthz and /readyz answer 503."),
        Variable(
            "METRICS", "0", "1: the site serves Prometheus metrics at /metrics to clients that send METRICS_TOKEN."
        ),
        Variable("METRICS_TOKEN", "", "Bearer token of /metrics: 16 characters or more."),
        Variable("METRICS_TOKEN_FILE", "", "A file that holds METRICS_TOKEN, mode 0600 or 0400."),
    )
}


def text(name: str) -> str:
    """The variable's value, or its default if it is not set or empty."""
    return os.environ.get(name) or VARIABLES[name].default


def is_set(name: str) -> bool:
    """Whether somebody set the value."""
    return bool(os.environ.get(name))


def secret(name: str) -> str:
    """The variable's value, or the content of the file that NAME_FILE names.

    Raises ImproperlyConfigured if both are set, and for a file that is missing, empty or readable by others.
    """
    path = text(f"{name}_FILE")
    if not path:
        return text(name)
    if is_set(name):
        raise ImproperlyConfigured(f"Both {name} and {name}_FILE are set: unset one of them.")
    try:
        with open(path, encoding="utf-8") as stream:
            if os.fstat(stream.fileno()).st_mode & 0o077:
                raise ImproperlyConfigured(f"Others can read the file that {name}_FILE names: chmod 600 {path}")
            value = stream.read().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ImproperlyConfigured(f"The file that {name}_FILE names cannot be read: {error}") from error
    if not value:
        raise ImproperlyConfigured(f"The file that {name}_FILE names is empty: {path}")
    return value


def kept(path: Path, make: Callable[[], str], patience: float = 5.0) -> str:
    """The text in the file. If there is no file, this process makes the text and writes it, with mode 0600.

    Several processes may start together on a new folder: one of them writes, and the others wait for it, `patience`
    seconds at most. Raises ImproperlyConfigured for a file that stays empty or cannot be read or written.
    """
    try:
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            return _written(path, time.monotonic() + patience)
        with os.fdopen(descriptor, "w") as stream:
            value = make()
            stream.write(value)
        return value
    except (OSError, UnicodeDecodeError) as error:
        raise ImproperlyConfigured(f"The file {path} cannot be used: {error}") from error


def _written(path: Path, until: float) -> str:
    """The file's text as soon as there is any."""
    while not (value := path.read_text().strip()):
        if time.monotonic() > until:
            raise ImproperlyConfigured(f"{path} is empty: delete it and start again.")
        time.sleep(0.02)
    return value


def flag(name: str) -> bool:
    """True for 1, False for 0. Raises ImproperlyConfigured for anything else."""
    value = text(name)
    if value not in ("0", "1"):
        raise ImproperlyConfigured(f"The environment variable {name} is {value!r}; it must be 0 or 1.")
    return value == "1"


def whole_number(name: str, least: int = 0) -> int:
    """The variable as a whole number. Raises ImproperlyConfigured for anything else or less than `least`."""
    value = text(name)
    if not (value.isascii() and value.isdecimal()) or int(value) < least:
        raise ImproperlyConfigured(
            f"The environment variable {name} is {value!r}; it must be a whole number from {least}."
        )
    return int(value)


def items(name: str) -> list[str]:
    """The comma-separated values of the variable."""
    return [item.strip() for item in text(name).split(",") if item.strip()]


def choice(name: str, allowed: tuple[str, ...]) -> str:
    """The variable as one of the allowed words. Raises ImproperlyConfigured for anything else."""
    value = text(name)
    if value not in allowed:
        raise ImproperlyConfigured(f"The environment variable {name} is {value!r}; it must be {' or '.join(allowed)}.")
    return value


def refused(name: str, reason: object) -> ImproperlyConfigured:
    """The error to raise if the variable's value cannot be used."""
    return ImproperlyConfigured(f"The environment variable {name} is {text(name)!r}: {reason}.")


def as_table() -> str:
    """All variables as a Markdown table, for `docs/settings.md`."""
    rows = [
        f"| `{one.name}` | {f'`{one.default}`' if one.default else ''} | {one.meaning} |" for one in VARIABLES.values()
    ]
    return "\n".join(["| variable | default | meaning |", "| --- | --- | --- |", *rows])
