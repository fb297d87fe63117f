"""The readers of a load test: who they are, what they may request, and their database."""

import json
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.load.databases import Postgres, Sqlite
from benchmarks.load.reader import new_answer
from benchmarks.load.site import ROOT


@dataclass
class Population:
    """Readers of one study who have not answered yet. Each is used once."""

    slug: str
    length: int
    bytes: int
    lanes: list[dict]
    rng: random.Random = field(default_factory=lambda: random.Random(0))

    def take(self, count: int) -> list[dict]:
        taken, self.lanes = self.lanes[:count], self.lanes[count:]
        if len(taken) < count:
            raise SystemExit("The benchmark's readers are used up; this is a fault of the benchmark.")
        return taken

    def answers(self, reader: dict) -> list[list[str]]:
        """Requests that answer the reader's whole form."""
        made = (new_answer(self.slug, reader["reading"], at, self.rng) for at in range(1, reader["length"] + 1))
        token = reader["cookies"]["csrftoken"]
        return [["POST", one.path, one.form(token), "application/json"] for one in made]

    def images(self, reader: dict) -> list[list[str]]:
        return [["GET", f"/stimuli/{key}.png"] for key in reader["stimuli"]]

    def requests(self, target: str, reader: dict) -> list[list[str]]:
        """Requests of one kind that a reader may make."""
        if target == "answer POST":
            return self.answers(reader)
        if target == "bare insert":
            return [["POST", "/bare/insert/", form, accept] for _, _, form, accept in self.answers(reader)]
        if target == "stimulus GET":
            return self.images(reader)
        paths = {"trial GET": f"/studies/{self.slug}/trials/1/", "bare page": "/bare/page/", "bare file": "/bare/file/"}
        return [["GET", paths[target]]]


def in_own_process(variables: dict[str, str], *arguments: str) -> dict | list:
    """Run `benchmarks.load.population` on the database that the variables name, and return its output."""
    command = [sys.executable, "-m", "benchmarks.load.population", *arguments]
    done = subprocess.run(command, cwd=ROOT, env=os.environ | variables, stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout)


@contextmanager
def database(kind: type, folder: Path) -> Iterator[tuple[Sqlite | Postgres, dict[str, str]]]:
    """A database of the kind in the folder, and the environment of a site on it."""
    found = kind(folder / "database")
    try:
        # One process signs the log-ins, and others read them, so they need the same key.
        yield found, {"DATABASE_URL": found.url, "DATA_DIR": str(folder / "data"), "SECRET_KEY": "benchmark"}
    finally:
        found.stop()
