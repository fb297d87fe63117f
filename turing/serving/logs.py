"""The site's log on stderr, as text or JSON: one line for each request, and places of errors.

No line holds a name, an e-mail address, an answer or the truth of an image. So a line names the view and not the
address. A traceback ends in the exception's type without its message, because a database's message repeats the values
that it refused.
"""

import json
import logging
import time
import traceback
from contextvars import ContextVar
from uuid import uuid4

from django.db import connection

request_id: ContextVar[str] = ContextVar("request_id", default="-")
logger = logging.getLogger("turing.requests")

FIELDS = ("method", "view", "status", "duration_ms", "queries")


def log_requests(get_response):
    """The outermost middleware. It gives each request an id and logs its outcome."""

    def middleware(request):
        request.id = uuid4().hex[:12]
        token = request_id.set(request.id)
        started = time.perf_counter()
        counter = QueryCounter()
        try:
            with connection.execute_wrapper(counter):
                response = get_response(request)
            match = getattr(request, "resolver_match", None)
            values = {
                "method": request.method,
                "view": match.view_name if match else "-",
                "status": response.status_code,
                "duration_ms": round(1000 * (time.perf_counter() - started), 1),
                "queries": counter.count,
            }
            level = logging.ERROR if response.status_code >= 500 else logging.INFO
            logger.log(level, "request", extra=values)
            return response
        finally:
            request_id.reset(token)

    return middleware


class QueryCounter:
    """Counts a connection's queries. It wraps their execution."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, execute, sql, params, many, context):
        self.count += 1
        return execute(sql, params, many, context)


def safe_traceback(error: BaseException | None) -> list[str]:
    """The places and types of an exception and its causes, the first cause first, without messages and values."""
    lines: list[str] = []
    while error is not None and len(lines) < 200:
        own = [
            f"{frame.filename}:{frame.lineno} in {frame.name}" for frame in traceback.extract_tb(error.__traceback__)
        ]
        name = f"{type(error).__module__}.{type(error).__qualname__}"
        lines = [*own, name, *lines]
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return lines


class TextFormatter(logging.Formatter):
    """`2026-01-31T12:00:00Z INFO turing.requests request id=… view=trial status=200 …`."""

    def format(self, record: logging.LogRecord) -> str:
        values = _values(record)
        head = f"{values.pop('time')} {values.pop('level')} {values.pop('logger')} {values.pop('message')}"
        places = values.pop("traceback", [])
        pairs = "".join(f" {name}={value}" for name, value in values.items())
        return "\n".join([head + pairs, *(f"    {place}" for place in places)])


class JsonFormatter(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        return json.dumps(_values(record), default=str)


def _values(record: logging.LogRecord) -> dict:
    values: dict = {
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(record.created)),
        "level": record.levelname,
        "logger": record.name,
        "message": _message(record),
        "request_id": request_id.get(),
    }
    values |= {name: getattr(record, name) for name in FIELDS if hasattr(record, name)}
    if record.exc_info and record.exc_info[1]:
        values["traceback"] = safe_traceback(record.exc_info[1])
    return values


def _message(record: logging.LogRecord) -> str:
    """The message in one line. Django's own messages hold addresses of pages, so only their subject is kept."""
    if record.name.startswith("django."):
        return str(record.msg).split("%")[0].split(":")[0].strip()
    return " ".join(record.getMessage().split())


def configuration(format: str, level: str) -> dict:
    """Django's LOGGING: everything to stderr in one format."""
    formatters = {"text": "turing.serving.logs.TextFormatter", "json": "turing.serving.logs.JsonFormatter"}
    quiet = {"handlers": ["stderr"], "level": "ERROR", "propagate": False}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"chosen": {"()": formatters[format]}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "chosen"}},
        "root": {"handlers": ["stderr"], "level": "WARNING"},
        "loggers": {
            "turing": {"level": level},
            # Django says where a request failed. The line of the request says the rest.
            "django.request": quiet,
            # A stranger used a wrong host name. The line of the request shows it.
            "django.security.DisallowedHost": {"handlers": [], "level": "CRITICAL", "propagate": False},
            # One line for each attempt to reconnect. The request or command that needed it reports the outcome.
            "psycopg.pool": quiet,
            "django.server": {"handlers": ["stderr"], "level": "INFO", "propagate": False},
        },
    }
