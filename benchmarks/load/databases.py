"""A database for a benchmark: an SQLite file, or a separate PostgreSQL cluster in a temporary folder."""

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path
from urllib.parse import quote

PATIENCE_S = 60


class Unavailable(Exception):  # noqa: N818 - a state, not a fault
    """The reason why the database is not available."""


class Sqlite:
    """The file that the site makes in its data folder."""

    name = "SQLite"

    def __init__(self, folder: Path):
        folder.mkdir(parents=True, exist_ok=True)
        self.url = f"sqlite:///{folder / 'db.sqlite3'}"

    def cpu(self) -> float:
        """Processor seconds of the database's own processes: SQLite has none."""
        return 0.0

    def revive(self) -> None:
        """Do nothing: a file cannot stop."""

    def stop(self) -> None:
        """Do nothing: a file cannot stop."""


class Postgres:
    """A cluster with the safe default settings: every commit reaches the disk."""

    name = "PostgreSQL"

    def __init__(self, folder: Path):
        """Start it. Raises `Unavailable`."""
        found = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: -float(path.parent.name))
        if not found and not shutil.which("initdb"):
            raise Unavailable("PostgreSQL is not installed")
        self.tools = found[0] if found else Path(shutil.which("initdb")).resolve().parent
        self.folder, self.data = folder, folder / "data"
        self.owner = {"user": "postgres", "group": "postgres", "extra_groups": []} if os.geteuid() == 0 else {}
        folder.mkdir(parents=True, exist_ok=True)
        if self.owner:  # PostgreSQL refuses to run as root
            shutil.chown(folder, "postgres", "postgres")
            folder.parent.chmod(0o711)
        done = self._run("initdb", "--pgdata", self.data, "--username=postgres", "--auth=trust", "--encoding=UTF8")
        if done.returncode:
            raise Unavailable(f"initdb failed: {done.stderr.strip().splitlines()[-1]}")
        self.url = f"postgres://postgres@{quote(str(folder), safe='')}/postgres"
        self.start()

    def _run(self, tool: str, *arguments) -> subprocess.CompletedProcess:
        command = [str(self.tools / tool), *map(str, arguments)]
        return subprocess.run(command, cwd=self.folder, capture_output=True, text=True, **self.owner)

    def start(self) -> None:
        with (self.folder / "postgres.log").open("a") as log:
            command = [str(self.tools / "postgres"), "-D", str(self.data), "-k", str(self.folder)]
            # No TCP port, so that no other server is in the way; and connections for all threads of all workers.
            command += ["-c", "listen_addresses=", "-c", "max_connections=200", "-c", "max_wal_size=64MB"]
            self.process = subprocess.Popen(command, cwd=self.folder, stdout=log, stderr=log, **self.owner)
        until = time.monotonic() + PATIENCE_S
        while time.monotonic() < until and self.process.poll() is None:
            if self._run("pg_isready", "-q", "-h", self.folder).returncode == 0:
                return
            time.sleep(0.1)
        log = (self.folder / "postgres.log").read_text().strip().splitlines()
        raise Unavailable(f"PostgreSQL did not start: {(log or ['it said nothing'])[-1]}")

    def revive(self) -> None:
        """Restart it if it ended, as systemd would."""
        if self.process.poll() is not None:
            self.start()

    def cpu(self) -> float:
        """Processor seconds of all its processes, including those that ended."""
        return tree_cpu(self.process.pid)

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGQUIT)
            self.process.wait(PATIENCE_S)


TICKS = os.sysconf("SC_CLK_TCK")


def children(pid: int) -> list[int]:
    """Living processes that this one started."""
    try:
        return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def tree_cpu(pid: int) -> float:
    """Processor seconds of a process and its descendants, including those that ended."""
    total = 0.0
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        total = sum(int(field) for field in fields[11:15]) / TICKS
    except OSError:
        return 0.0
    return total + sum(tree_cpu(child) for child in children(pid))
