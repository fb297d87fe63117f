"""The site under load, compared with bare Django views that do the least of the same kind, on SQLite and PostgreSQL.

It sends real HTTP to a gunicorn as the README starts it. The load comes from another process on the same machine, whose
share of a processor is reported. `python -m benchmarks.web --chaos` breaks things while readers answer
(`benchmarks.load.chaos`).
"""

import argparse
import sys
import tempfile
from pathlib import Path
from statistics import median

from benchmarks.load.chaos import chaos
from benchmarks.load.databases import Postgres, Sqlite, Unavailable
from benchmarks.load.people import Population, database, in_own_process
from benchmarks.load.site import Generator, Site
from benchmarks.report import processor, report

LANES = 16  # connections that send requests without a pause to measure throughput
PER_GROUP = 10  # a study has four times as many images
READERS_PER_LANE = 8  # readers whose answers a lane may use up in one round
AT_ONCE, EVERY_S = 65, 4.0
TARGETS = {  # for each kind of request, the bare views that it is compared with
    "trial GET": ("bare page", "bare insert"),
    "stimulus GET": ("bare file",),
    "answer POST": ("bare insert",),
}
ORDER = ("trial GET", "bare page", "stimulus GET", "bare file", "answer POST", "bare insert")


def quantile(times: list[float], share: float) -> float:
    """Milliseconds below which the share of the sorted times lies; 0 if there are none."""
    return 1000 * times[min(len(times) - 1, int(share * len(times)))] if times else 0.0


def errors_in(found: dict, kind: str = "") -> dict[str, int]:
    """Which answers other than 200 came, and how often, for one kind of request or all."""
    statuses = found["statuses"].items()
    return {status: count for status, count in statuses if status.startswith(kind) and not status.endswith(" 200")}


def throughput(base, site: Site, load: Generator, people: Population, rounds: int, seconds: float) -> list[dict]:
    """A row for each target.

    All targets take turns in short rounds, so that other work on the machine affects them equally.
    """
    rates: dict[str, list[float]] = {name: [] for name in ORDER}
    totals = {name: {"n": 0, "cpu": 0.0, "db": 0.0, "client": 0.0, "wall": 0.0, "bytes": 0} for name in ORDER}
    times: dict[str, list[float]] = {name: [] for name in ORDER}
    watchers = people.take(LANES)  # readers who look and do not answer
    for round in range(rounds + 1):  # the first round warms up
        for name in ORDER:
            uses_up = name == "answer POST"
            readers = people.take(LANES * READERS_PER_LANE) if uses_up else watchers
            lanes = [
                [{"cookies": one["cookies"], "requests": people.requests(name, one)} for one in readers[lane::LANES]]
                for lane in range(LANES)
            ]
            cpu, db = site.cpu(), base.cpu()
            length = seconds if round else min(1.0, seconds)
            found = load.run(site, do="hammer", kind=name, cycle=not uses_up, seconds=length, lanes=lanes)
            if errors_in(found):
                raise SystemExit(f"{name}: a figure of errors is none. {found['statuses']}; see {site.log}")
            if not round:
                continue
            own = found["times"][name]
            rates[name].append(len(own) / found["seconds"])
            times[name] += own
            values = (len(own), site.cpu() - cpu, base.cpu() - db, found["client_cpu"], found["seconds"],
                      found["received"])  # fmt: skip
            for key, value in zip(totals[name], values, strict=True):
                totals[name][key] += value
    rows = []
    for name in ORDER:
        sums, beside = totals[name], TARGETS.get(name, (None,))
        for bare in beside:
            ratio = (
                median(ours / theirs for ours, theirs in zip(rates[name], rates[bare], strict=True)) if bare else None
            )
            rows.append(
                {
                    "database": base.name,
                    "what": name,
                    "beside": bare or "",
                    "per_second": median(rates[name]),
                    "ratio": ratio if ratio is not None else "",
                    "cpu_ratio": _cpu(totals[bare]) / _cpu(sums) if bare else "",
                    "p50_ms": quantile(sorted(times[name]), 0.5),
                    "p99_ms": quantile(sorted(times[name]), 0.99),
                    "site_cpu_ms": 1000 * sums["cpu"] / sums["n"],
                    "database_cpu_ms": 1000 * sums["db"] / sums["n"],
                    "bytes_received": sums["bytes"] // sums["n"],
                    "generator_cpu": sums["client"] / sums["wall"],
                    "errors": 0,
                }
            )
    return rows


def _cpu(sums: dict) -> float:
    """Processor seconds of site and database for one request. Their ratio is meaningful on a busy machine, too."""
    return (sums["cpu"] + sums["db"]) / sums["n"]


def readers_at_once(base, site: Site, load: Generator, people: Population, count: int, every: float, seconds: float):
    """A row for each kind of request.

    `count` readers who answer and load the next image, periodically or all at once.
    """
    lanes = [
        {"cookies": one["cookies"], "requests": people.answers(one), "images": people.images(one)}
        for one in people.take(count)
    ]
    cpu, db = site.cpu(), base.cpu()
    found = load.run(site, do="pace", every=every, seconds=seconds, lanes=lanes)
    cpu, db = site.cpu() - cpu, base.cpu() - db
    answers = len(found["times"]["answer"])
    pace = f"one answer in {every:g} s" if every else "no pause"
    for status, times in errors_in(found).items():
        print(f"{base.name}, {count} readers, {pace}: {times} times {status}", file=sys.stderr)
    for kind, own in found["times"].items():
        yield {
            "database": base.name,
            "what": f"{kind}, {count} readers, {pace}",
            "beside": "",
            "per_second": len(own) / found["seconds"],
            "ratio": "",
            "cpu_ratio": "",
            "p50_ms": quantile(own, 0.5),
            "p99_ms": quantile(own, 0.99),
            "site_cpu_ms": 1000 * cpu / answers,  # of an answer and its image together
            "database_cpu_ms": 1000 * db / answers,
            "bytes_received": found["received"] // answers,
            "generator_cpu": found["client_cpu"] / found["seconds"],
            "errors": sum(errors_in(found, kind).values()),
        }


def start_cpu(variables: dict[str, str], log: Path) -> float:
    """Processor seconds from start to the first 200 of the start page, with one worker; the median of three."""
    found = []
    for _ in range(3):
        site = Site(variables, log, workers=1)
        site.wait("/")
        found.append(site.cpu())
        site.stop()
    return median(found)


def measure(kind: type, options: argparse.Namespace) -> tuple[list[dict], list[dict]]:
    """Rows of the table, and rows of the goals, for one database."""
    with tempfile.TemporaryDirectory() as name, database(kind, Path(name)) as (base, variables):
        needed = LANES + LANES * READERS_PER_LANE * (options.rounds + 1) + AT_ONCE * 2 + options.readers
        people = Population(**in_own_process(variables, "fill", str(needed), str(PER_GROUP)))
        log = Path(name) / "gunicorn.log"
        first = start_cpu(variables, log)
        site, load = Site(variables, log, "benchmarks.load.bare"), Generator()
        try:
            site.wait()
            rows = throughput(base, site, load, people, options.rounds, options.seconds)
            hard = list(readers_at_once(base, site, load, people, AT_ONCE, 0, options.seconds))
            calm = list(readers_at_once(base, site, load, people, AT_ONCE, EVERY_S, 2 * EVERY_S))
            many = list(readers_at_once(base, site, load, people, options.readers, EVERY_S, options.long))
            memory = site.memory()
        finally:
            load.stop()
            site.stop()
    goals = [
        _goal(base, f"{row['what']} beside {row['beside']}: ratio, at least 0.5", row["ratio"], row["ratio"] >= 0.5)
        for row in rows
        if row["beside"]
    ]
    p99 = max(row["p99_ms"] for row in calm)
    goals.append(_goal(base, f"p99 of {AT_ONCE} readers, one answer in 4 s, under 250 ms", p99, p99 < 250))
    p99 = max(row["p99_ms"] for row in hard)
    goals.append(_goal(base, f"p99 of {AT_ONCE} readers without a pause, under 250 ms", p99, p99 < 250))
    errors = sum(row["errors"] for row in many)
    goals.append(_goal(base, f"errors of {options.readers} readers, one answer in 4 s: none", errors, errors == 0))
    goals.append(
        _goal(base, "resident memory (RSS) of the largest worker, under 120 MB", memory["rss"], memory["rss"] < 120)
    )
    goals.append(_goal(base, "its proportional share (PSS), MB", memory["pss"], memory["pss"] < 120))
    goals.append(_goal(base, "seconds of processor to the first 200, one worker, under 1.5", first, first < 1.5))
    return [*rows, *hard, *calm, *many], goals


def _goal(base, text: str, value: float, is_met: bool) -> dict:
    return {"database": base.name, "goal": text, "value": value, "met": "yes" if is_met else "NO"}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.web", description=__doc__)
    parser.add_argument("--database", choices=("both", "sqlite", "postgresql"), default="both")
    parser.add_argument("--rounds", type=int, default=5, help="of each kind of request")
    parser.add_argument("--readers", type=int, default=1000, help="who answer at once, every four seconds")
    parser.add_argument("--long", type=float, default=40, help="seconds for which those readers answer")
    parser.add_argument("--chaos", action="store_true", help="break things instead, and count the answers")
    parser.add_argument("--seconds", type=float, help="of each round (2), or of the chaos on each database (120)")
    parser.add_argument("--seed", type=int, default=0, help="of the chaos")
    options = parser.parse_args()
    kinds = {"sqlite": [Sqlite], "postgresql": [Postgres], "both": [Sqlite, Postgres]}[options.database]
    if options.chaos:
        sys.exit(chaos(kinds, options.seconds or 120, options.seed))
    options.seconds = options.seconds or 2.0
    rows, goals = [], [{"database": "", "goal": "processor", "value": processor(), "met": ""}]
    for kind in kinds:
        try:
            found = measure(kind, options)
        except Unavailable as reason:
            print(f"NOTHING WAS MEASURED ON POSTGRESQL: {reason}.", file=sys.stderr)
            continue
        rows += found[0]
        goals += found[1]
    report("web", rows)
    report("web_goals", goals)


if __name__ == "__main__":
    main()
