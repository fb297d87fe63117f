"""Django settings: every deployment choice is an environment variable, with a default that works on a laptop."""

import os
from pathlib import Path

import dj_database_url
from django.core.exceptions import ImproperlyConfigured
from django.core.management.utils import get_random_secret_key

from turing import environment

BASE_DIR = Path(__file__).resolve().parent.parent
DATA_DIR = (BASE_DIR / environment.text("DATA_DIR")).resolve()
DATA_DIR.mkdir(parents=True, exist_ok=True)


def _secret_key() -> str:
    """SECRET_KEY from the environment, else a random one kept in the data folder."""
    if key := environment.secret("SECRET_KEY"):
        return key
    path = DATA_DIR / "secret_key"
    try:
        # O_EXCL: of several processes that start together on a new folder, one writes the key.
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        if key := path.read_text().strip():
            return key
        raise ImproperlyConfigured(f"{path} is empty: delete it and start again.") from None
    with os.fdopen(descriptor, "w") as stream:
        key = get_random_secret_key()
        stream.write(key)
    return key


SECRET_KEY = _secret_key()
DEBUG = environment.flag("DEBUG")
# Probes on the machine itself ask by these names, whatever the site's public one is.
ALLOWED_HOSTS = [*environment.items("ALLOWED_HOSTS"), "localhost", "127.0.0.1", "[::1]"]
CSRF_TRUSTED_ORIGINS = environment.items("CSRF_TRUSTED_ORIGINS")
HTTPS = environment.flag("HTTPS")

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.humanize",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django_countries",
    "gan",
    "turing",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "turing.headers.isolation",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "turing.middleware.content_security_policy",
    "turing.limits.Limits",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "turing.middleware.research_in_english",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "turing.urls"
WSGI_APPLICATION = "turing.wsgi.application"
AUTH_USER_MODEL = "turing.User"
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "home"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]


def _databases() -> dict:
    default_url = f"sqlite:///{DATA_DIR / 'db.sqlite3'}"
    database = dj_database_url.parse(environment.secret("DATABASE_URL") or default_url, conn_max_age=60)
    if database["ENGINE"] == "django.db.backends.sqlite3":
        database["OPTIONS"] = {
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
        }
        # A file, not memory: the browser tests' gunicorn reads the same database as the test.
        database["TEST"] = {"NAME": str(DATA_DIR / "test.sqlite3")}
    elif database["ENGINE"] == "django.db.backends.postgresql":
        # Threads share a process's connections, so workers x DATABASE_POOL is all that PostgreSQL must grant.
        pool = {"min_size": 1, "max_size": environment.whole_number("DATABASE_POOL", 1), "timeout": 5}
        database["OPTIONS"] = database.get("OPTIONS", {}) | {"pool": pool, "connect_timeout": 5}
        database["CONN_MAX_AGE"] = 0  # the pool keeps them
    return {"default": database}


DATABASES = _databases()

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]

LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("tr", "Türkçe")]
LOCALE_PATHS = [BASE_DIR / "locale"]
TIME_ZONE = environment.text("TIME_ZONE")
USE_I18N = True
USE_TZ = True

STATIC_URL = "static/"
STATIC_ROOT = DATA_DIR / "static"
STATIC_ROOT.mkdir(exist_ok=True)
STATICFILES_DIRS = [BASE_DIR / "static"]
MEDIA_ROOT = DATA_DIR / "media"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
# Static files are served from static/ itself: nothing to collect before the first start.
WHITENOISE_USE_FINDERS = True

# Checkpoints, sample grids and logs of training runs: bulky, local, never served as files.
RUNS_ROOT = DATA_DIR / "runs"

EMAIL_BACKEND = environment.text("EMAIL_BACKEND")
DEFAULT_FROM_EMAIL = environment.text("DEFAULT_FROM_EMAIL")

CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}

DATA_UPLOAD_MAX_MEMORY_SIZE = environment.whole_number("FORM_LIMIT_KB", 1) * 1024
MIN_FREE_MB = environment.whole_number("MIN_FREE_MB")

SESSION_COOKIE_AGE = 60 * 60 * 24 * 30
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if HTTPS else None
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
SECURE_SSL_REDIRECT = HTTPS
SECURE_REDIRECT_EXEMPT = [r"^(healthz|readyz|metrics)$"]  # asked over plain HTTP inside the network
SECURE_HSTS_SECONDS = environment.whole_number("HSTS_SECONDS") if HTTPS else 0
# A study's host cannot speak for its clinic's other hosts, so HSTS leaves subdomains and browsers' preload lists out.
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]

METRICS = environment.flag("METRICS")
METRICS_TOKEN = environment.secret("METRICS_TOKEN")
if METRICS:
    if len(METRICS_TOKEN) < 16:
        raise ImproperlyConfigured("METRICS is 1, so METRICS_TOKEN must be set, to 16 characters or more.")
    INSTALLED_APPS += ["django_prometheus"]
    MIDDLEWARE = [
        "django_prometheus.middleware.PrometheusBeforeMiddleware",
        *MIDDLEWARE,
        "django_prometheus.middleware.PrometheusAfterMiddleware",
    ]
