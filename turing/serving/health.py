"""Health checks: whether the site can take an answer now (`/healthz`) and should get requests (`/readyz`)."""

import logging
import os
import shutil
from pathlib import Path

from django.conf import settings
from django.core.files.storage import default_storage
from django.db import DatabaseError, connection, transaction
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

PATIENCE_MS = 1000  # how long a probe waits for the database

logger = logging.getLogger(__name__)


@require_safe
@never_cache
def healthz(request: HttpRequest) -> JsonResponse:
    """Answer 200 if the database takes writes and the disk has room for them, else 503 with what failed."""
    return _report(database=database_takes_writes, disk=disk_has_room)


@require_safe
@never_cache
def readyz(request: HttpRequest) -> JsonResponse:
    """Answer 200 if `healthz` does, all migrations are applied and images can be stored, else 503."""
    return _report(
        database=database_takes_writes, disk=disk_has_room, migrations=migrations_are_applied, storage=storage_answers
    )


def _report(**checks) -> JsonResponse:
    """Name only the checks that failed. Reasons go to the log, where attackers cannot read them."""
    failed = []
    for name, check in checks.items():
        try:
            passed = check()
        except (
            Exception
        ) as error:  # any error means that the site is not healthy, and a probe must not show a traceback
            logger.warning("Health check %s: %s", name, error)
            passed = False
        if not passed:
            failed.append(name)
    if failed:
        return JsonResponse({"status": "unavailable", "failed": failed}, status=503)
    return JsonResponse({"status": "ok"})


def database_takes_writes() -> bool:
    """Whether a write could begin within a second. The check leaves no trace."""
    if connection.vendor == "sqlite":
        return _sqlite_takes_writes()
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL statement_timeout = {PATIENCE_MS}")
        cursor.execute("SHOW transaction_read_only")
        return cursor.fetchone() == ("off",)


def _sqlite_takes_writes() -> bool:
    with connection.cursor() as cursor:
        if connection.in_atomic_block:  # this connection already holds the lock
            cursor.execute("SELECT 1")
            return True
        cursor.execute("PRAGMA busy_timeout")
        usual = cursor.fetchone()[0]
        cursor.execute(f"PRAGMA busy_timeout = {PATIENCE_MS}")
        try:
            cursor.execute("BEGIN IMMEDIATE")
            cursor.execute("ROLLBACK")
        except DatabaseError as error:
            logger.warning("Health check: the database takes no write: %s", error)
            return False
        finally:
            cursor.execute(f"PRAGMA busy_timeout = {usual}")
    return True


def disk_has_room() -> bool:
    """Whether the disks of data and images have MIN_FREE_MB left."""
    folders = {_existing(settings.DATA_DIR), _existing(settings.MEDIA_ROOT)}
    return all(shutil.disk_usage(folder).free >= settings.MIN_FREE_MB * 2**20 for folder in folders)


def _existing(folder: Path | str) -> Path:
    """The folder, or the nearest folder above it that exists."""
    path = Path(folder).resolve()
    return next(one for one in (path, *path.parents) if one.exists())


_migrated = False


def migrations_are_applied() -> bool:
    """Whether the database has every migration of this code. Once true, the database is not asked again."""
    global _migrated
    if not _migrated:
        executor = MigrationExecutor(connection)
        _migrated = not executor.migration_plan(executor.loader.graph.leaf_nodes())
    return _migrated


def storage_answers() -> bool:
    """Whether images can be stored: the folder is writable, or the remote store answers."""
    try:
        folder = default_storage.path("")
    except NotImplementedError:  # a remote store
        default_storage.exists("readyz")
        return True
    return os.access(_existing(folder), os.W_OK | os.X_OK)
