"""Breaks things while readers answer, and compares what readers were told with what is stored.

Workers are killed all the time. Meanwhile, one after the other: fifty clients send very slowly, the database is locked,
the master is killed and restarted, the disk is full, and PostgreSQL itself is killed.
"""

import random
import shutil
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.load.databases import Postgres, Sqlite, Unavailable
from benchmarks.load.people import Population, database, in_own_process
from benchmarks.load.site import Generator, Site
from benchmarks.report import report

READERS, PER_GROUP = 65, 10
LOCKED_S, FULL_S, TRICKLED_S = 10.0, 8.0, 8.0
SLOW_CLIENTS = 50
PATIENCE_S = 90  # seconds after the end in which every answer must be delivered
DISK_MB = {Sqlite: 64, Postgres: 320}


@contextmanager
def small_disk(kind: type) -> Iterator[Path | None]:
    """A small disk that can be filled, which only root can make; None for others."""
    folder = Path(tempfile.mkdtemp(prefix="small-disk-"))
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_MB[kind]}m,mode=0755", "tmpfs", str(folder)]
    try:
        mounted = shutil.which("mount") and subprocess.run(mount, capture_output=True).returncode == 0
    except OSError:
        mounted = False
    if not mounted:
        print("THE FULL DISK WAS NOT TRIED: only root may mount a small one.", file=sys.stderr)
    try:
        yield folder if mounted else None
    finally:
        if mounted:
            subprocess.run(["umount", "--lazy", str(folder)], check=True)
        folder.rmdir()


def fill_disk(folder: Path) -> None:
    """Leave no free byte on the disk for a while."""
    ballast = folder / "ballast"
    try:
        with ballast.open("wb", buffering=0) as stream:
            until = time.monotonic() + FULL_S
            while time.monotonic() < until:
                try:
                    stream.write(bytes(64 * 1024))
                except OSError:
                    time.sleep(0.05)  # the disk is full; space that others free is taken, too
    finally:
        ballast.unlink()


def lock(base: Sqlite | Postgres) -> None:
    """Lock the table of answers from another process for ten seconds."""
    if isinstance(base, Sqlite):
        held = sqlite3.connect(base.url.removeprefix("sqlite:///"), timeout=60, isolation_level=None)
        held.execute("BEGIN EXCLUSIVE")
    else:
        import psycopg

        held = psycopg.connect(host=str(base.folder), user="postgres", dbname="postgres")
        held.execute("LOCK TABLE turing_response IN ACCESS EXCLUSIVE MODE")
    try:
        time.sleep(LOCKED_S)
        held.rollback()
    finally:
        held.close()


def trickle(port: int) -> None:
    """Fifty clients send a byte of a long form now and then."""
    head = b"POST /accounts/login/ HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/x-www-form-urlencoded\r\n"
    head += b"Content-Length: 5000\r\n\r\n"
    slow = []
    try:
        for _ in range(SLOW_CLIENTS):
            one = socket.create_connection(("127.0.0.1", port), timeout=5)
            slow.append(one)
            one.sendall(head)
        until = time.monotonic() + TRICKLED_S
        while time.monotonic() < until:
            time.sleep(0.5)
            for one in list(slow):
                try:
                    one.sendall(b"a")
                except OSError:  # the site closed the connection
                    slow.remove(one)
                    one.close()
    except OSError:
        pass  # nobody listened, which readers experience, too
    finally:
        for one in slow:
            one.close()


def events(base: Sqlite | Postgres, site: Site, disk: Path | None) -> dict[str, Callable[[], None]]:
    """What is broken in turn, by name."""
    found = {
        "slow clients": lambda: trickle(site.port),
        "database locked": lambda: lock(base),
        "master killed": site.kill_master,
    }
    if disk:
        found["disk full"] = lambda: fill_disk(disk)
    if isinstance(base, Postgres):
        found["PostgreSQL killed"] = lambda: (base.process.kill(), base.process.wait())
    return found


def keep_alive(base: Sqlite | Postgres, site: Site) -> None:
    """Restart what ended, as systemd does."""
    try:
        base.revive()
    except Unavailable as reason:
        print(f"  {reason}; tried again", file=sys.stderr)
    if site.process.poll() is not None:
        site.start()


def break_things(base, site: Site, disk: Path | None, seconds: float, rng: random.Random) -> Counter[str]:
    """Break things for some seconds, and return how often each was done."""
    done: Counter[str] = Counter()
    kinds = events(base, site, disk)
    until = time.monotonic() + seconds
    queue: list[str] = []
    running: threading.Thread | None = None
    while time.monotonic() < until:
        time.sleep(rng.uniform(0.3, 1.5))
        keep_alive(base, site)
        if rng.random() < 0.5:
            site.kill_worker(rng.randrange(8))
            done["worker killed"] += 1
        if running is None or not running.is_alive():
            if not queue:
                queue = rng.sample(sorted(kinds), len(kinds))
            name = queue.pop()
            done[name] += 1
            print(f"  {base.name}: {name}", file=sys.stderr)
            running = threading.Thread(target=_try, args=(name, kinds[name]))
            running.start()
    if running:
        running.join()
    return done


def _try(name: str, event: Callable[[], None]) -> None:
    try:
        event()
    except Exception as error:
        print(f"  {name} could not be done: {error!r}", file=sys.stderr)


def judge(found: dict, rows: list[list]) -> dict[str, int]:
    """Compare what readers were told was stored with what is: lost, doubled and changed answers."""
    told = {(reading, position): (answer, confidence) for reading, position, answer, confidence in found["stored"]}
    times = Counter((reading, position) for reading, position, *_ in rows)
    kept = {(reading, position): (answer, confidence) for reading, position, answer, confidence in rows}
    return {
        "acknowledged": len(told),
        "stored": len(rows),
        "lost": sum(key not in kept for key in told),
        "doubled": sum(count > 1 for count in times.values()),
        "changed": sum(key in kept and kept[key] != value for key, value in told.items())
        + len(found["contradictions"]),
        "undelivered": found["undelivered"],
        "refused": len(found["refused"]),
        "tries": found["tries"],
    }


def run(kind: type, seconds: float, seed: int) -> dict:
    """Chaos on one database: a row of the report."""
    rng = random.Random(seed)
    replies: list[dict] = []
    with (
        small_disk(kind) as disk,
        tempfile.TemporaryDirectory() as name,
        database(kind, disk or Path(name)) as (base, variables),
    ):
        variables["DATA_DIR"] = str(Path(name) / "data")
        people = Population(**in_own_process(variables, "fill", str(READERS), str(PER_GROUP)))
        site, load = Site(variables, Path(name) / "gunicorn.log"), Generator()
        try:
            site.wait()
            load.begin(
                site, do="read", slug=people.slug, seconds=seconds, every=0.8 * seconds / people.length, seed=seed,
                patience=PATIENCE_S, lanes=people.take(READERS),
            )  # fmt: skip
            done = break_things(base, site, disk, seconds, rng)
            waiting = threading.Thread(target=lambda: replies.append(load.finish()))
            waiting.start()
            while waiting.is_alive():
                keep_alive(base, site)
                waiting.join(0.2)
            rows = in_own_process(variables, "stored")
        finally:
            load.stop()
            site.stop()
    for line in [*replies[0]["contradictions"][:5], *replies[0]["refused"][:5]]:
        print(f"  {line}", file=sys.stderr)
    for why, count in sorted(replies[0]["not_taken"].items()):
        print(f"  {count} times: {why}", file=sys.stderr)
    for why in replies[0]["statuses"]:
        print(f"  {why}", file=sys.stderr)
    broken = ", ".join(f"{what} {count}x" for what, count in sorted(done.items()))
    return {"database": base.name, "seconds": seconds, **judge(replies[0], rows), "what was done": broken}


def chaos(kinds: list[type], seconds: float, seed: int) -> int:
    """Run chaos on each database. The exit status is 1 if an answer was lost, doubled, changed or never delivered."""
    rows = []
    for kind in kinds:
        try:
            rows.append(run(kind, seconds, seed))
        except Unavailable as reason:
            print(f"NOTHING WAS BROKEN ON POSTGRESQL: {reason}.", file=sys.stderr)
    report("web_chaos", rows)
    return int(any(row[key] for row in rows for key in ("lost", "doubled", "changed", "undelivered")))
