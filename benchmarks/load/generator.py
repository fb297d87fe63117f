"""The load generator, a separate process: jobs arrive as lines of JSON on stdin, reports leave on stdout."""

import asyncio
import itertools
import json
import random
import sys
import time
from collections import Counter

from benchmarks.load.http import Client, NoReplyError, own_cpu
from benchmarks.load.reader import Browser, Tally, new_answer

RAN_OUT = "a lane ran out of requests"


class Meter:
    """Times of replies in seconds, by kind, and everything else that came."""

    def __init__(self):
        self.times: dict[str, list[float]] = {}
        self.statuses: Counter[str] = Counter()

    async def timed(self, kind: str, client: Client, *request: str) -> None:
        started = time.perf_counter()
        try:
            status = str((await client.ask(*request)).status)
        except NoReplyError as error:
            status = f"no reply: {error}"
        self.times.setdefault(kind, []).append(time.perf_counter() - started)
        self.statuses[f"{kind} {status}"] += 1


async def hammer(job: dict, meter: Meter) -> list[Client]:
    """Each lane sends the next request as soon as it has a reply, for `seconds`.

    A lane uses several readers in turn.
    """
    until = time.perf_counter() + job["seconds"]

    async def one(lane: list[dict], client: Client) -> None:
        for reader in itertools.cycle(lane) if job["cycle"] else lane:
            client.cookies = reader["cookies"]
            for request in reader["requests"]:
                if time.perf_counter() >= until:
                    return
                await meter.timed(job["kind"], client, *request)
        meter.statuses[RAN_OUT] += 1

    clients = [Client(job["host"], job["port"], {}) for _ in job["lanes"]]
    await asyncio.gather(*(one(lane, client) for lane, client in zip(job["lanes"], clients, strict=True)))
    return clients


async def pace(job: dict, meter: Meter) -> list[Client]:
    """Each reader answers every `every` seconds and loads the next image. Their starts are spread."""
    until = time.perf_counter() + job["seconds"]
    rng = random.Random(0)

    async def one(lane: dict, client: Client, start: float) -> None:
        due = time.perf_counter() + start
        for answer, image in zip(lane["requests"], lane["images"], strict=True):
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            if time.perf_counter() >= until:
                return
            await meter.timed("answer", client, *answer)
            await meter.timed("image", client, *image)
            due = max(due + job["every"], time.perf_counter())
        meter.statuses[RAN_OUT] += 1

    clients = [Client(job["host"], job["port"], lane["cookies"]) for lane in job["lanes"]]
    starts = [rng.uniform(0, job["every"]) for _ in clients]
    await asyncio.gather(*(one(*each) for each in zip(job["lanes"], clients, starts, strict=True)))
    return clients


async def read(job: dict, meter: Meter) -> list[Client]:
    """Readers answer whole forms by the browser's rule, whatever the site does, with a pause between answers.

    Sometimes one sends an answer and does not wait for the reply, or sends another value for an answered image. The
    report's `tally` says what they were told. Nobody begins an answer after `seconds`; answers that wait are delivered.
    """
    until = time.perf_counter() + job["seconds"]
    rng = random.Random(job["seed"])
    job["tally"] = tally = Tally()

    async def one(lane: dict, client: Client) -> None:
        browser = Browser(client, tally, rng)
        for position in range(1, lane["length"] + 1):
            await asyncio.sleep(rng.expovariate(1 / job["every"]))
            if time.perf_counter() >= until:
                return
            answer = new_answer(job["slug"], lane["reading"], position, rng)
            if rng.random() < 0.05:
                await _hang_up(client, browser, answer)
            started = time.perf_counter()
            await browser.deliver(answer)
            meter.times.setdefault("answer", []).append(time.perf_counter() - started)
            if rng.random() < 0.02:
                await browser.deliver(new_answer(job["slug"], lane["reading"], position, rng))

    clients = [Client(job["host"], job["port"], lane["cookies"], timeout=20) for lane in job["lanes"]]
    working = [asyncio.create_task(one(lane, client)) for lane, client in zip(job["lanes"], clients, strict=True)]
    await asyncio.wait(working, timeout=job["seconds"] + job["patience"])
    job["undelivered"] = sum(not task.done() for task in working)
    for task in working:
        task.cancel()
    errors = await asyncio.gather(*working, return_exceptions=True)
    for error in errors:
        if isinstance(error, Exception):
            meter.statuses[f"a reader's browser failed: {error!r}"] += 1
    return clients


async def _hang_up(client: Client, browser: Browser, answer) -> None:
    """Send the answer and close at once, so that nobody knows whether it arrived."""
    client.timeout, patience = 0.005, client.timeout
    await browser.post(answer)
    client.timeout = patience


def report(job: dict, meter: Meter, clients: list[Client], wall: float, cpu: float) -> dict:
    found = {
        "seconds": wall,
        "client_cpu": cpu,
        "statuses": dict(meter.statuses),
        "times": {kind: sorted(values) for kind, values in meter.times.items()},
        "sent": sum(client.sent for client in clients),
        "received": sum(client.received for client in clients),
    }
    if "tally" in job:
        tally = job["tally"]
        found |= {
            "stored": [[*key, *value] for key, value in tally.stored.items()],
            "refused": tally.refused,
            "contradictions": tally.contradictions,
            "tries": tally.tries,
            "not_taken": tally.not_taken,
            "undelivered": job["undelivered"],
        }
    return found


def main() -> None:
    kinds = {"hammer": hammer, "pace": pace, "read": read}
    for line in sys.stdin:
        job, meter = json.loads(line), Meter()
        started, cpu = time.perf_counter(), own_cpu()
        clients = asyncio.run(_run(kinds[job["do"]], job, meter))
        wall, cpu = time.perf_counter() - started, own_cpu() - cpu
        print(json.dumps(report(job, meter, clients, wall, cpu)), flush=True)


async def _run(kind, job: dict, meter: Meter) -> list[Client]:
    clients = await kind(job, meter)
    for client in clients:
        client.close()
    return clients


if __name__ == "__main__":
    main()
