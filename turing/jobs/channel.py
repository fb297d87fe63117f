"""Messages from a job's process to its worker, through a pipe: one JSON object a line.

Only the worker writes to the job's row. So progress is visible at once even if the work is in a transaction, and work
that holds SQLite's lock never waits for itself.
"""

import io
import json
import os
import time
from typing import Any

from console import UNSTORABLE

EVERY = 0.5  # seconds between two messages of progress


class Channel:
    """The process's end of the pipe. It is also a listener of `console.progress_told_to`."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self._label = ""
        self._next = 0.0

    def __call__(self, label: str, done: int, total: int | None) -> None:
        now = time.monotonic()
        if label != self._label or now >= self._next or done == total:
            self._label, self._next = label, now + EVERY
            self.send(label=label, done=done, total=total)

    def send(self, **message: Any) -> None:
        """Send a message. Raises KeyboardInterrupt if the worker is gone, because the work must then end."""
        content = json.dumps(_storable(message)).encode() + b"\n"
        try:
            while content:
                content = content[os.write(self.descriptor, content) :]
        except BrokenPipeError:
            raise KeyboardInterrupt from None


def _storable(value: Any) -> Any:
    """The value with text that every database can store."""
    if isinstance(value, str):
        return UNSTORABLE.sub("\ufffd", value)
    if isinstance(value, dict):
        return {_storable(key): _storable(one) for key, one in value.items()}
    return [_storable(one) for one in value] if isinstance(value, list | tuple) else value


class Said(io.TextIOBase):
    """Takes the place of a command's stderr: each line goes to the job's log."""

    def __init__(self, channel: Channel) -> None:
        self.channel = channel

    def write(self, text: str) -> int:
        for line in text.splitlines():
            if line.strip():
                self.channel.send(line=line)
        return len(text)


class Reader:
    """The worker's end of the pipe, which collects messages."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        os.set_blocking(descriptor, False)
        self._rest = b""

    def read(self) -> list[dict[str, Any]]:
        """The messages that have arrived since the last call."""
        content = self._rest
        try:
            while chunk := os.read(self.descriptor, 65536):
                content += chunk
        except BlockingIOError:
            pass
        *lines, self._rest = content.split(b"\n")
        return [json.loads(line) for line in lines]

    def close(self) -> None:
        os.close(self.descriptor)
