"""A small HTTP/1.1 client on asyncio's transports, because a load generator must not take much processor time."""

import asyncio
import re
import time
from dataclasses import dataclass

LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
CLOSES = re.compile(rb"\r\nconnection: *close", re.IGNORECASE)
MAX_HEAD = 64 * 1024


class NoReplyError(Exception):
    """The connection ended, or time ran out, before the whole reply arrived."""


@dataclass(frozen=True)
class Reply:
    status: int
    head: bytes
    body: bytes

    def header(self, name: str) -> str:
        found = re.search(rb"\r\n" + name.encode() + rb": *([^\r]*)", self.head, re.IGNORECASE)
        return found[1].decode("latin-1") if found else ""


class _Wire(asyncio.Protocol):
    """One connection, one exchange at a time."""

    def __init__(self):
        self.transport, self.waiter, self.buffer, self.closes = None, None, bytearray(), False

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.buffer += data
        end = self.buffer.find(b"\r\n\r\n")
        if end < 0 or self.waiter is None or self.waiter.done():
            return
        head = bytes(self.buffer[: end + 2])
        length = LENGTH.search(head)
        if length is None:
            return  # the body ends with the connection
        total = end + 4 + int(length[1])
        if len(self.buffer) >= total:
            self._finish(head, bytes(self.buffer[end + 4 : total]), closes=bool(CLOSES.search(head)))

    def _finish(self, head, body, closes):
        self.buffer.clear()
        self.closes = closes
        self.waiter.set_result(Reply(int(head[9:12]), head, body))

    def connection_lost(self, exc):
        self.closes = True
        if self.waiter is None or self.waiter.done():
            return
        end = self.buffer.find(b"\r\n\r\n")
        if end >= 0 and LENGTH.search(self.buffer[: end + 2]) is None:
            self._finish(bytes(self.buffer[: end + 2]), bytes(self.buffer[end + 4 :]), closes=True)
        else:
            self.waiter.set_exception(NoReplyError("the connection ended"))


class Client:
    """Keeps one connection alive, as a browser does, and opens another one if the server has closed it."""

    def __init__(self, host: str, port: int, cookies: dict[str, str], timeout: float = 60):
        self.host, self.port, self.cookies, self.timeout = host, port, dict(cookies), timeout
        self.wire: _Wire | None = None
        self.sent = self.received = 0

    async def ask(self, method: str, path: str, body: str = "", accept: str = "*/*") -> Reply:
        """The reply. Raises `NoReplyError` if none came; the request may still have been carried out."""
        cookies = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        lines = [f"{method} {path} HTTP/1.1", f"Host: {self.host}:{self.port}", f"Accept: {accept}"]
        if cookies:
            lines.append(f"Cookie: {cookies}")
        if method == "POST":
            lines += ["Content-Type: application/x-www-form-urlencoded", f"Content-Length: {len(body)}"]
        request = ("\r\n".join(lines) + "\r\n\r\n" + body).encode()
        reused = self.wire is not None and not self.wire.closes
        try:
            return await self._exchange(request)
        except NoReplyError:
            if not reused or method != "GET":
                raise
            return await self._exchange(request)  # a kept connection that the server was closing

    async def _exchange(self, request: bytes) -> Reply:
        try:
            async with asyncio.timeout(self.timeout):
                if self.wire is None or self.wire.closes:
                    self.close()
                    loop = asyncio.get_running_loop()
                    _, self.wire = await loop.create_connection(_Wire, self.host, self.port)
                wire = self.wire
                wire.waiter = asyncio.get_running_loop().create_future()
                wire.transport.write(request)
                reply = await wire.waiter
        except (OSError, TimeoutError) as error:
            self.close()
            raise NoReplyError(type(error).__name__) from None
        except NoReplyError:
            self.close()
            raise
        self.sent += len(request)
        self.received += len(reply.head) + 2 + len(reply.body)
        return reply

    def close(self) -> None:
        if self.wire is not None and self.wire.transport is not None:
            self.wire.transport.abort()
        self.wire = None


def own_cpu() -> float:
    """Processor seconds that this process has used."""
    return time.process_time()
