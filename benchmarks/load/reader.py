"""A reader's browser. An answer counts as stored only if the server confirms that very answer.

The rule is that of `static/js/courier.js`. JSON that names the trial and the stored value ends the waiting. JSON that
refuses for good ends it, too. After anything else, the answer is sent again later.
"""

import asyncio
import json
import random
from dataclasses import dataclass, field
from urllib.parse import urlencode

from benchmarks.load.http import Client, NoReplyError, Reply

FIRST_WAIT_S, LONGEST_WAIT_S = 0.2, 4.0


@dataclass(frozen=True)
class Answer:
    """An answer to the trial at `position` of the reading."""

    slug: str
    reading: int
    position: int
    answer: str
    confidence: int
    response_time_ms: int

    @property
    def path(self) -> str:
        return f"/studies/{self.slug}/trials/{self.position}/"

    def form(self, token: str) -> str:
        return urlencode(
            {
                "csrfmiddlewaretoken": token,
                "reading": self.reading,
                "position": self.position,
                "answer": self.answer,
                "confidence": self.confidence,
                "response_time_ms": self.response_time_ms,
            }
        )


def new_answer(slug: str, reading: int, position: int, rng: random.Random) -> Answer:
    return Answer(slug, reading, position, rng.choice(("real", "generated")), rng.randint(1, 4), rng.randint(500, 9000))


@dataclass
class Tally:
    """What one reader's browser was told. `stored` is (answer, confidence) by (reading, position)."""

    stored: dict[tuple[int, int], tuple[str, int]] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)
    contradictions: list[str] = field(default_factory=list)
    tries: int = 0
    not_taken: dict[str, int] = field(default_factory=dict)

    def count(self, why: str) -> None:
        self.not_taken[why] = self.not_taken.get(why, 0) + 1


def meaning(reply: Reply, answer: Answer) -> tuple[str, dict]:
    """`stored`, `other` (another value is stored), `refused`, or why the answer is kept; and the JSON."""
    try:
        body = json.loads(reply.body) if reply.header("Content-Type").startswith("application/json") else None
    except ValueError:
        body = None
    if not isinstance(body, dict):
        return f"{reply.status} without JSON", {}
    stored = body.get("stored")
    if isinstance(stored, dict) and (stored.get("reading"), stored.get("position")) == (
        answer.reading,
        answer.position,
    ):
        same = (stored.get("answer"), stored.get("confidence")) == (answer.answer, answer.confidence)
        return ("stored" if same else "other"), body
    if "refused" in body:
        return "refused", body
    return f"{reply.status} later: {body.get('later', '?')}", body


class Browser:
    """Sends one reader's answers over one connection, each until it is stored."""

    def __init__(self, client: Client, tally: Tally, rng: random.Random):
        self.client, self.tally, self.rng = client, tally, rng
        self.token = client.cookies.get("csrftoken", "")

    async def deliver(self, answer: Answer) -> None:
        """Send until the server has confirmed the answer or refused it for good."""
        wait = FIRST_WAIT_S
        while True:
            why = await self.post(answer)
            if why in ("stored", "refused", "other"):
                return
            self.tally.count(why)
            if why.startswith("403"):
                await self.renew_token()
            await asyncio.sleep(wait * self.rng.uniform(0.75, 1.25))
            wait = min(2 * wait, LONGEST_WAIT_S)

    async def post(self, answer: Answer) -> str:
        self.tally.tries += 1
        try:
            reply = await self.client.ask("POST", answer.path, answer.form(self.token), "application/json")
        except NoReplyError as error:
            return f"no reply: {error}"
        why, body = meaning(reply, answer)
        if why in ("stored", "other"):
            self._note(answer, body["stored"])
        elif why == "refused":
            self.tally.refused.append(f"reading {answer.reading}, image {answer.position}: {body['refused']}")
        return why

    def _note(self, answer: Answer, stored: dict) -> None:
        key, value = (answer.reading, answer.position), (stored["answer"], stored["confidence"])
        before = self.tally.stored.setdefault(key, value)
        if before != value:
            self.tally.contradictions.append(f"{key}: told {before}, then {value}")

    async def renew_token(self) -> None:
        try:
            reply = await self.client.ask("GET", "/accounts/token/", accept="application/json")
            self.token = json.loads(reply.body)["token"]
        except (NoReplyError, ValueError, KeyError):
            return
        cookie = reply.header("Set-Cookie")
        if cookie.startswith("csrftoken="):
            self.client.cookies["csrftoken"] = cookie.split("=", 1)[1].split(";")[0]
