"""A separate PostgreSQL cluster for the run, in a temporary folder, reached by a socket there."""

import os
import shutil
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

from turing.jobs import processes

FAST = ["-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off", "-c", "shared_buffers=64MB"]


class Unavailable(Exception):  # noqa: N818 - a state, not a fault
    """Why no PostgreSQL could be started."""


def binaries() -> Path:
    """The folder with `initdb` and `postgres`: POSTGRESQL_BINARIES, else Debian's newest, else the one on PATH.

    Raises `Unavailable`.
    """
    if named := os.environ.get("POSTGRESQL_BINARIES"):
        candidates = [Path(named)]
    else:
        debian = Path("/usr/lib/postgresql").glob("*/bin")
        candidates = sorted(debian, key=lambda path: -float(path.parent.name))
        if on_path := shutil.which("initdb"):
            candidates.append(Path(on_path).resolve().parent)
    for candidate in candidates:
        if (candidate / "initdb").exists() and (candidate / "postgres").exists():
            return candidate
    raise Unavailable("PostgreSQL is not installed: scripts/setup-postgres installs it where apt may")


def start(folder: Path) -> tuple[str, Callable[[], None]]:
    """Start a cluster in the folder.

    Returns the address of its database and a function that stops it. Raises `Unavailable`.
    """
    tools = binaries()
    owner: dict = {}
    if os.geteuid() == 0:  # PostgreSQL refuses to run as root
        owner = {"user": "postgres", "group": "postgres", "extra_groups": []}
    data, log = folder / "data", folder / "postgres.log"
    try:
        folder.mkdir()
        if owner:
            shutil.chown(folder, "postgres", "postgres")
            folder.parent.chmod(0o711)  # so that the user postgres can come through
        # The C locale sorts alike on every machine, and as SQLite does.
        initdb = [str(tools / "initdb"), "--pgdata", str(data), "--username=postgres", "--auth=trust", "--no-sync"]
        done = subprocess.run(
            [*initdb, "--encoding=UTF8", "--locale=C"], cwd=folder, capture_output=True, text=True, **owner
        )
        if done.returncode:
            raise Unavailable(f"initdb failed: {_last_line(done.stderr)}")
        # No TCP port: the socket lies in the run's own folder, so that no other server can be in the way.
        command = [str(tools / "postgres"), "-D", str(data), "-k", str(folder), "-c", "listen_addresses=", *FAST]
        with log.open("w") as stream:
            process = processes.start(
                command, ends_by=signal.SIGQUIT, cwd=folder, stdout=stream, stderr=stream, **owner
            )
    except (OSError, LookupError) as error:
        raise Unavailable(f"PostgreSQL cannot be started: {error}") from None
    for _ in range(300):
        ready = subprocess.run([str(tools / "pg_isready"), "-q", "-h", str(folder)], cwd=folder, **owner)
        if ready.returncode == 0:
            return f"postgres://postgres@{quote(str(folder), safe='')}/postgres", lambda: processes.stop(
                process, signal.SIGQUIT
            )
        try:
            process.wait(timeout=0.1)
        except subprocess.TimeoutExpired:
            continue
        break
    processes.stop(process, signal.SIGQUIT)
    raise Unavailable(f"PostgreSQL ended at its start: {_last_line(log.read_text())}")


def _last_line(text: str) -> str:
    return (text.strip().splitlines() or ["it said nothing"])[-1]
