"""Writes the database into one file and restores it: SQLite by its own backup, PostgreSQL by pg_dump and pg_restore."""

import os
import shutil
import sqlite3
import subprocess
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from django.db import connection, transaction

from turing.backup.archive import BackupError

# Filled by `migrate` itself and by visits, so they hold no one's data.
BOOKKEEPING = {
    "django_migrations",
    "django_content_type",
    "django_session",
    "auth_permission",
    "auth_group",
    "auth_group_permissions",
    "sqlite_sequence",
}
SESSIONS = "django_session"  # a stolen backup must not log anybody in
STOP = "Stop the site (and trainings) first, then restore again."
PATIENCE = 20  # tries of a quarter of a second


class Database(Protocol):
    """What backup and restore need from each kind of database."""

    name: str

    def size(self) -> int: ...

    def dump(self, path: Path) -> None:
        """Write all rows except sessions, as of one moment, while the site keeps running."""

    def check(self, path: Path, migrations: set[tuple[str, str]]) -> None:
        """Raise `BackupError` if the file is not a sound database of these migrations."""

    def refuse_if_used(self) -> None:
        """Raise `BackupError` while another process is connected."""

    def restore(self, path: Path) -> None:
        """Put the file in the database's place, completely or not at all."""


def database() -> Database:
    """The site's database. Raises `BackupError` for a kind that cannot be backed up."""
    if connection.vendor == "sqlite":
        return SQLite()
    if connection.vendor == "postgresql":
        return PostgreSQL()
    raise BackupError(f"{connection.display_name} cannot be backed up by this command.")


def first_line(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)


def is_empty() -> bool:
    """Whether tables hold only what `migrate` puts there."""
    names = [name for name in connection.introspection.table_names() if name not in BOOKKEEPING]
    with connection.cursor() as cursor:
        for name in names:
            cursor.execute(f"SELECT 1 FROM {connection.ops.quote_name(name)} LIMIT 1")
            if cursor.fetchone():
                return False
    return True


class SQLite:
    name = "SQLite"

    @property
    def path(self) -> Path:
        return Path(connection.settings_dict["NAME"])

    def size(self) -> int:
        files = (self.path.with_name(self.path.name + ending) for ending in ("", "-wal"))
        return sum(file.stat().st_size for file in files if file.exists())

    def dump(self, path: Path) -> None:
        # One read transaction: it is consistent, delays no writer, and leaves out deleted data, such as erased names.
        with connection.cursor() as cursor:
            cursor.execute("VACUUM INTO %s", [str(path)])
        with closing(sqlite3.connect(path, isolation_level=None)) as copy:
            copy.execute("PRAGMA secure_delete=ON")
            if copy.execute("SELECT 1 FROM sqlite_master WHERE name = ?", [SESSIONS]).fetchone():
                copy.execute(f"DELETE FROM {SESSIONS}")

    def check(self, path: Path, migrations: set[tuple[str, str]]) -> None:
        try:
            with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as copy:
                copy.execute("PRAGMA trusted_schema=OFF")
                found = copy.execute("PRAGMA integrity_check(1)").fetchone()[0]
                dangling = copy.execute("PRAGMA foreign_key_check").fetchone()
                applied = set(copy.execute("SELECT app, name FROM django_migrations"))
        except sqlite3.Error as error:
            raise BackupError(f"the database in the backup is damaged ({error}).") from None
        if found != "ok" or dangling or applied != migrations:
            what = found if found != "ok" else "rows are missing" if dangling else "its migrations are not the listed"
            raise BackupError(f"the database in the backup is damaged ({what}).")

    def refuse_if_used(self) -> None:
        connection.close()
        with closing(self._open()) as target:
            self._take(target)

    def restore(self, path: Path) -> None:
        # SQLite's own backup instead of a new file in the old one's place. It is one transaction, which is done or
        # undone completely even if the power fails or somebody has opened the database meanwhile.
        connection.close()
        with closing(self._open()) as target, closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as source:
            self._take(target)
            tries = 0

            def wait(status: int, *_: int) -> None:
                nonlocal tries
                tries += status in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
                if tries > PATIENCE:
                    raise BackupError(f"Another process uses {self.path}. {STOP}")

            source.backup(target, progress=wait)

    def _open(self) -> sqlite3.Connection:
        return sqlite3.connect(self.path, timeout=1, isolation_level=None)

    def _take(self, target: sqlite3.Connection) -> None:
        """Fold the write-ahead log into the database. SQLite allows that only if there is no other connection."""
        try:
            mode = target.execute("PRAGMA journal_mode=DELETE").fetchone()[0]
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF not in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
                raise
            mode = "wal"
        if mode != "delete":
            raise BackupError(f"Another process uses {self.path}. {STOP}")


# Functions of a schema with their arguments, except those that belong to an extension.
FUNCTIONS = """
    SELECT oid::regprocedure::text FROM pg_proc WHERE pronamespace = %s::regnamespace AND prokind = 'f'
    AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = pg_proc.oid AND deptype = 'e')
"""


class PostgreSQL:
    name = "PostgreSQL"

    def size(self) -> int:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_database_size(current_database())")
            return cursor.fetchone()[0]

    def dump(self, path: Path) -> None:
        options = ["--format=custom", "--no-owner", "--no-privileges", f"--exclude-table-data={SESSIONS}"]
        self._run("pg_dump", [*options, "--file", str(path)])

    def check(self, path: Path, migrations: set[tuple[str, str]]) -> None:
        _execute([_tool("pg_restore"), "--list", str(path)], None, "the database in the backup is damaged")

    def refuse_if_used(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
                " AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
            )
            others = cursor.fetchone()[0]
        if others:
            raise BackupError(f"{others} other connections use the database. {STOP}")

    def restore(self, path: Path) -> None:
        # The present tables wait in another schema until the backup's are there, because pg_restore
        # replaces in one transaction only tables that are also in the backup.
        aside = f"before_restore_{datetime.now(UTC):%Y%m%d%H%M%S}"
        self.refuse_if_used()
        tables = connection.introspection.table_names()
        with connection.cursor() as cursor:
            cursor.execute("SELECT current_schema()")
            home = cursor.fetchone()[0]
        self._move(tables, home, aside)
        try:
            self._run("pg_restore", ["--single-transaction", "--exit-on-error", "--no-owner", "--no-privileges"], path)
        except BaseException:
            self._move(tables, aside, home)
            self._forget(aside)
            raise
        self._forget(aside)

    def _move(self, tables: list[str], source: str, target: str) -> None:
        quote = connection.ops.quote_name
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL lock_timeout = '5s'")
            if target.startswith("before_restore_"):
                cursor.execute(f"CREATE SCHEMA {quote(target)}")
            for table in tables:
                cursor.execute(f"ALTER TABLE {quote(source)}.{quote(table)} SET SCHEMA {quote(target)}")
            # Also move the functions of triggers, such as the audit trail's, because the backup brings its own.
            cursor.execute(FUNCTIONS, [quote(source)])
            for (function,) in cursor.fetchall():
                cursor.execute(f"ALTER FUNCTION {function} SET SCHEMA {quote(target)}")

    def _forget(self, aside: str) -> None:
        with connection.cursor() as cursor:
            cursor.execute(f"DROP SCHEMA {connection.ops.quote_name(aside)} CASCADE")

    def _run(self, tool: str, options: list[str], archive: Path | None = None) -> None:
        """Run pg_dump or pg_restore on the site's database. The password goes through the environment."""
        client, values = connection.client, connection.settings_dict
        (_, *where, name), variables = client.settings_to_cmd_args_env(values, [])
        command = [_tool(tool), *options, *where, "--no-password", "--dbname", name]
        _execute(command + [str(archive)] * (archive is not None), variables, f"{tool} failed")


def _tool(name: str) -> str:
    """The path of a PostgreSQL program. Raises `BackupError` if it is not installed."""
    if found := shutil.which(name):
        return found
    raise BackupError(f"{name} is not installed or not on PATH. Install the server's version: postgresql-client.")


def _execute(command: list[str], variables: dict | None, failure: str) -> None:
    environment = os.environ | (variables or {}) | {"LC_ALL": "C"}
    done = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode:
        lines = [line for line in done.stderr.strip().splitlines() if line] or [f"exit status {done.returncode}"]
        raise BackupError(f"{failure}: {next((line for line in lines if 'error' in line), lines[0])}")
