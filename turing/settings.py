"""Django settings. Every deployment choice is an environment variable, with a default that works on a laptop."""

from datetime import timedelta
from zoneinfo import ZoneInfo

import dj_database_url
from django.core.exceptions import ImproperlyConfigured
from django.core.management.utils import get_random_secret_key

from turing import environment, places, stores
from turing.serving import logs

BASE_DIR = places.HOME
DATA_DIR = (BASE_DIR / environment.text("DATA_DIR")).resolve()
try:
    DATA_DIR.mkdir(parents=True, exist_ok=True)
    (DATA_DIR / "static").mkdir(exist_ok=True)
except OSError as error:
    raise environment.refused("DATA_DIR", error.strerror) from None


SECRET_KEY = environment.secret("SECRET_KEY") or environment.kept(DATA_DIR / "secret_key", get_random_secret_key)
DEBUG = environment.flag("DEBUG")
# Probes on the machine itself use these names, whatever the site's public name is.
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
    "axes",
    "django_otp",
    "django_otp.plugins.otp_totp",
    "django_otp.plugins.otp_static",
    "django_tasks",
    "django_tasks_db",
    "gan",
    "turing",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "turing.serving.headers.isolation",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "turing.serving.logs.log_requests",
    "turing.serving.middleware.content_security_policy",
    "turing.serving.limits.Limits",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "turing.serving.middleware.research_in_english",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django_otp.middleware.OTPMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "axes.middleware.AxesMiddleware",
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
        "DIRS": [places.BESIDE / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "turing.people.pages.registration",
                "turing.jobs.pages.work",
                "turing.reading.parts.discretion",
            ],
        },
    },
]


LOCK_TIMEOUT_S = 4


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0][:200]


def _databases() -> dict:
    default_url = f"sqlite:///{DATA_DIR / 'db.sqlite3'}"
    try:
        database = dj_database_url.parse(environment.secret("DATABASE_URL") or default_url, conn_max_age=60)
    except ValueError as error:
        # Without the value: it may hold a password.
        raise ImproperlyConfigured(
            f"The environment variable DATABASE_URL cannot be used: {_first_line(error)}"
        ) from None
    if not database.get("NAME") and "service" not in database.get("OPTIONS", {}):
        raise ImproperlyConfigured("The environment variable DATABASE_URL names no database.")
    if database["ENGINE"] == "django.db.backends.sqlite3":
        database["OPTIONS"] = {
            "transaction_mode": "IMMEDIATE",
            # Seconds to wait for a lock. Long enough for any number of readers, short enough to ask one to try again.
            "timeout": LOCK_TIMEOUT_S,
            # With FULL, an acknowledged answer survives a power failure. docs/scaling.md says what it costs.
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",
        }
        # A file instead of memory, because the browser tests' gunicorn reads the same database as the test.
        database["TEST"] = {"NAME": str(DATA_DIR / "test.sqlite3")}
    elif database["ENGINE"] == "django.db.backends.postgresql":
        limits = f"-c lock_timeout={1000 * LOCK_TIMEOUT_S} -c idle_in_transaction_session_timeout=60000"
        own: dict = {"connect_timeout": LOCK_TIMEOUT_S, "options": limits}
        if size := environment.whole_number("DATABASE_POOL"):
            # Threads share a process's connections, so workers x DATABASE_POOL is all that PostgreSQL must grant.
            own["pool"] = {"min_size": 1, "max_size": size, "timeout": LOCK_TIMEOUT_S}
            database["CONN_MAX_AGE"] = 0  # the pool keeps them
        database["OPTIONS"] = database.get("OPTIONS", {}) | own
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

AUTHENTICATION_BACKENDS = ["turing.people.backends.ThrottleBackend", "turing.people.backends.EmailBackend"]
# The second one is for older accounts. Their passwords are hashed anew when they log in.
PASSWORD_HASHERS = [
    "turing.people.hashers.LowMemoryArgon2",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
PASSWORD_RESET_TIMEOUT = 60 * 60 * 4
REGISTRATION = environment.choice("REGISTRATION", ("open", "invited", "closed"))
TRUSTED_PROXIES = environment.whole_number("TRUSTED_PROXIES")
OTP_TOTP_ISSUER = "Visual Turing test"

# Log-in is closed for a while after this many failures of one account, or from one address (perhaps a hospital's).
AXES_FAILURE_LIMIT = 10
FAILURES_PER_ADDRESS = 100
AXES_COOLOFF_TIME = timedelta(minutes=15)
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
AXES_LOCKOUT_PARAMETERS = ["username", "ip_address"]
AXES_USERNAME_FORM_FIELD = "username"
AXES_USERNAME_CALLABLE = "turing.people.throttle.attempted_account"
AXES_CLIENT_IP_CALLABLE = "turing.people.throttle.client_address"
AXES_HANDLER = "turing.people.throttle.Handler"
AXES_LOCKOUT_CALLABLE = "turing.people.throttle.locked_out"
AXES_DISABLE_ACCESS_LOG = True  # the site does not record who logged in when
AXES_VERBOSE = False

LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("tr", "Türkçe")]
LOCALE_PATHS = [places.BESIDE / "locale"]
TIME_ZONE = environment.text("TIME_ZONE")
try:
    ZoneInfo(TIME_ZONE)
except (ValueError, OSError, KeyError):
    raise environment.refused("TIME_ZONE", "no such time zone") from None
USE_I18N = True
USE_TZ = True

STATIC_URL = "static/"
STATIC_ROOT = DATA_DIR / "static"
STATICFILES_DIRS = [places.BESIDE / "static"]
MEDIA_ROOT = DATA_DIR / "media"
STORAGES = {
    "default": stores.media(),
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
# Static files are served from static/ directly, so nothing must be collected before the first start.
WHITENOISE_USE_FINDERS = True

# Long work that a worker does in the background, one entry of the queue a job.
TASKS = {"default": {"BACKEND": "django_tasks_db.DatabaseBackend"}}

# What researchers upload, until it is imported.
UPLOADS_ROOT = DATA_DIR / "uploads"
UPLOAD_LIMIT = environment.whole_number("UPLOAD_LIMIT_MB", 1) * 2**20
UPLOAD_FILES = environment.whole_number("UPLOAD_FILES", 1)
DATA_UPLOAD_MAX_NUMBER_FILES = UPLOAD_FILES

# Checkpoints, sample grids and logs of training runs. They are large and local, and never served as files.
RUNS_ROOT = DATA_DIR / "runs"

EMAIL_BACKEND = environment.text("EMAIL_BACKEND")
DEFAULT_FROM_EMAIL = environment.text("DEFAULT_FROM_EMAIL")
EMAIL_HOST = environment.text("EMAIL_HOST")
EMAIL_PORT = environment.whole_number("EMAIL_PORT", least=1)
EMAIL_HOST_USER = environment.text("EMAIL_HOST_USER")
EMAIL_HOST_PASSWORD = environment.secret("EMAIL_HOST_PASSWORD")
EMAIL_SECURITY = environment.choice("EMAIL_SECURITY", ("none", "starttls", "tls"))
EMAIL_USE_TLS, EMAIL_USE_SSL = EMAIL_SECURITY == "starttls", EMAIL_SECURITY == "tls"
EMAIL_TIMEOUT = environment.whole_number("EMAIL_TIMEOUT", least=1)

CACHES = {
    "default": stores.cache(places.CODE),
    # For the {% cache %} tag: parts of pages that are the same for everybody, in each process's own memory.
    "template_fragments": {
        "BACKEND": f"django.core.cache.backends.{'dummy.DummyCache' if DEBUG else 'locmem.LocMemCache'}",
        "LOCATION": "template-fragments",
    },
}

SESSION_COOKIE_AGE = 60 * 60 * 24 * environment.whole_number("READER_SESSION_DAYS", least=1)
RESEARCHER_SESSION_AGE = 60 * 60 * environment.whole_number("RESEARCHER_SESSION_HOURS", least=1)
DATA_UPLOAD_MAX_MEMORY_SIZE = environment.whole_number("FORM_LIMIT_KB", 1) * 1024
MIN_FREE_MB = environment.whole_number("MIN_FREE_MB")

SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if HTTPS else None
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"

CSRF_FAILURE_VIEW = "turing.serving.failures.csrf_failure"
LOGGING = logs.configuration(environment.choice("LOG_FORMAT", ("text", "json")), environment.text("LOG_LEVEL").upper())
SECURE_SSL_REDIRECT = HTTPS
SECURE_REDIRECT_EXEMPT = [r"^(healthz|readyz|metrics)$"]  # these are requested over plain HTTP inside the network
SECURE_HSTS_SECONDS = environment.whole_number("HSTS_SECONDS") if HTTPS else 0
# HSTS leaves out subdomains and preload lists, because this host cannot decide for the clinic's other hosts.
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
