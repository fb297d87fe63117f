"""A gunicorn worker whose threads only get requests that have arrived in full.

gunicorn's threaded worker gives a connection to a thread at once, and a client that sends one byte a second keeps that
thread busy. Here the worker's event loop collects a request first, as a buffering proxy does. So a slow client costs a
socket and some memory. `gunicorn.conf.py` chooses this worker.
"""

import re
import resource
import socket
import time
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from selectors import EVENT_READ

from gunicorn import util
from gunicorn.errors import AppImportError
from gunicorn.http.parser import RequestParser
from gunicorn.http.unreader import SocketUnreader
from gunicorn.workers.gthread import TConn, ThreadWorker

from turing import environment

HEAD_BYTES = 64 * 1024
HELD_BYTES = 64 * 1024 * 1024  # for all requests of a worker that are still arriving
SEND_BUFFER_BYTES = 256 * 1024  # a page or a stimulus fits, so that slow receivers do not occupy a thread
RESPONSE_SECONDS = 120  # to compute and send a response, or to receive a body too large to collect
LINGER_SECONDS = 3

CONTENT_LENGTH = re.compile(rb"(?im)^content-length:[ \t]*([0-9]{1,15})[ \t]*\r$")
TRANSFER_ENCODING = re.compile(rb"(?im)^transfer-encoding[ \t]*:")
EXPECT_CONTINUE = re.compile(rb"(?im)^expect:[ \t]*100-continue[ \t]*\r$")


class ArrivedUnreader(SocketUnreader):
    """Gives gunicorn's parser what has arrived. It reads more from the socket only while `deadline` is set."""

    deadline: float | None = None
    ran_dry = False

    def chunk(self, size_hint: int | None = None) -> bytes:
        if self.deadline is None:
            self.ran_dry = True  # the parser wants more than the request announced
            return b""
        remaining = self.deadline - time.monotonic()
        if remaining <= 0:
            raise TimeoutError("the request's body did not arrive in time")
        self.sock.settimeout(remaining)
        try:
            return super().chunk(size_hint)
        finally:
            self.sock.settimeout(None)


@dataclass
class Arrival:
    """A request that is arriving. `total` is its length in bytes, known once its headers are there."""

    conn: TConn
    deadline: float
    data: bytearray = field(default_factory=bytearray)
    total: int | None = None


def _has_arrived(client: socket.socket) -> bool:
    """Whether a part of a request, or the connection's end, waits to be read."""
    try:
        client.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
    except BlockingIOError:
        return False
    except OSError:
        pass
    return True


class BufferingWorker(ThreadWorker):
    """gunicorn's threaded worker, with time limits for requests to arrive and for responses to leave."""

    @classmethod
    def check_config(cls, cfg, log):
        super().check_config(cfg, log)
        if cfg.is_ssl:
            raise RuntimeError(
                "This worker speaks only plain HTTP. Let a proxy such as Caddy handle TLS (see deploy/)."
            )

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.request_seconds = environment.whole_number("REQUEST_SECONDS", 1)
        self.form_bytes = environment.whole_number("FORM_LIMIT_KB", 1) * 1024
        self.arriving: dict[TConn, Arrival] = {}
        self.busy: dict[TConn, float] = {}  # by connection of a thread, its time limit
        self.parting: dict[TConn, float] = {}
        self.held = 0
        self.next_sweep = 0.0

    def init_process(self):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        wanted = self.worker_connections + 500
        if soft != resource.RLIM_INFINITY and soft < wanted:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted if hard < 0 else min(wanted, hard), hard))
        super().init_process()

    def load_wsgi(self):
        from django.core.exceptions import ImproperlyConfigured

        try:
            super().load_wsgi()
        except ImproperlyConfigured as error:
            raise AppImportError(f"The site does not start. {error}") from error  # gunicorn prints it and ends
        application = self.wsgi

        def with_more_time(environ, start_response):
            environ["turing.more_time"] = partial(self._allow, environ["gunicorn.socket"])
            return application(environ, start_response)

        self.wsgi = with_more_time

    def _allow(self, sock, seconds):
        """Give a view that has checked the sender this many more seconds for a large body."""
        until = time.monotonic() + RESPONSE_SECONDS + seconds
        for conn in list(self.busy):
            if conn.sock is sock and conn.parser.unreader.deadline is not None:  # otherwise its body is here already
                self.busy[conn] = until
                conn.parser.unreader.deadline = until

    # Requests on their way

    def accept(self, listener):
        if self.nr_conns >= self.worker_connections - 1:
            self._make_room()
        try:
            client, address = listener.accept()
        except OSError as error:
            if not isinstance(error, BlockingIOError | ConnectionAbortedError):
                self._make_room()  # too many open files, most likely
            return
        self.nr_conns += 1
        client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
        self._await(TConn(self.cfg, client, address, listener.getsockname()))

    def _make_room(self):
        """Close the connection that has been idle longest, else the one that has been sending longest."""
        if not self._drop_idle() and self.arriving:
            self._drop(next(iter(self.arriving)))

    def _drop_idle(self):
        idle = next((conn for conn in self.keepalived_conns if not _has_arrived(conn.sock)), None)
        if idle is not None:
            self.keepalived_conns.remove(idle)
            self._drop(idle)
        return idle is not None

    # An earlier event of the same poll may have closed the connection.

    def on_client_socket_readable(self, conn, client):
        if conn not in self.keepalived_conns:
            return
        self.poller.unregister(client)
        self.keepalived_conns.remove(conn)
        self._await(conn)

    def _await(self, conn, data=b""):
        conn.sock.setblocking(False)
        arrival = self.arriving[conn] = Arrival(conn, time.monotonic() + self.request_seconds)
        self.poller.register(conn.sock, EVENT_READ, partial(self._receive, arrival))
        if data:
            self._take(arrival, data)

    def _receive(self, arrival, client):
        if self.arriving.get(arrival.conn) is not arrival:
            return
        try:
            chunk = client.recv(65536)
        except BlockingIOError:
            return
        except OSError:
            chunk = b""
        if chunk:
            self._take(arrival, chunk)
        else:
            self._drop(arrival.conn)

    def _take(self, arrival, chunk):
        """Add what came, and give the request to a thread when it is complete."""
        searched = max(0, len(arrival.data) - 3)
        arrival.data += chunk
        self.held += len(chunk)
        if arrival.total is None:
            end = arrival.data.find(b"\r\n\r\n", searched)
            if end >= 0:
                self._begin_body(arrival, end + 4)
            elif len(arrival.data) > HEAD_BYTES:
                self._refuse(arrival, 431, "Request Header Fields Too Large")
        elif len(arrival.data) >= arrival.total:
            self._hand_over(arrival)
        if arrival.conn in self.arriving and self.held > HELD_BYTES:
            self._refuse(arrival, 503, "Service Unavailable")

    def _begin_body(self, arrival, start):
        head = bytes(arrival.data[: start - 2])
        if TRANSFER_ENCODING.search(head):
            # No browser sends forms in chunks. With a length, proxy and site agree about where a request ends.
            self._refuse(arrival, 411, "Length Required")
            return
        found = CONTENT_LENGTH.search(head)
        length = int(found[1]) if found else 0
        arrival.total = start + length
        if length > self.form_bytes:
            self._hand_over(
                arrival, large=True
            )  # the site refuses it without reading it, or its view takes large bodies
        elif len(arrival.data) >= arrival.total:
            self._hand_over(arrival)
        elif EXPECT_CONTINUE.search(head):
            util.write_nonblock(arrival.conn.sock, b"HTTP/1.1 100 Continue\r\n\r\n")

    def _hand_over(self, arrival, large=False):
        conn = arrival.conn
        self._forget(conn)
        if conn.parser is None:
            conn.parser = RequestParser(self.cfg, conn.sock, conn.client)
            conn.parser.unreader = ArrivedUnreader(conn.sock)
            conn.initialized = conn.data_ready = True
        conn.parser.unreader.unread(bytes(arrival.data))
        conn.parser.unreader.deadline = time.monotonic() + RESPONSE_SECONDS if large else None
        self.enqueue_req(conn)

    def _refuse(self, arrival, status, reason):
        self._forget(arrival.conn)
        with suppress(OSError):
            util.write_error(arrival.conn.sock, status, reason, "")
        self._part(arrival.conn)

    # Responses

    def enqueue_req(self, conn):
        self.busy[conn] = time.monotonic() + RESPONSE_SECONDS
        super().enqueue_req(conn)

    def _keepalive_after(self, conn, keepalive):
        unreader = conn.parser.unreader
        whole = unreader.deadline is None and super()._keepalive_after(conn, keepalive)
        return whole and not unreader.ran_dry  # otherwise nobody knows where the next request begins

    def finish_request(self, conn, fs):
        self.busy.pop(conn, None)
        kept = not fs.cancelled() and not fs.exception() and fs.result()
        if not kept:
            self._part(conn)
        elif leftover := conn.parser.unreader.take_buffered():
            self._await(conn, leftover)
        else:
            super().finish_request(conn, fs)

    # Ends

    def murder_pending(self):
        """Close what takes too long. gunicorn's loop calls this at least once a second."""
        if self.nr_conns >= self.worker_connections:
            # Nothing is accepted now, so close idle connections for clients that wait to connect.
            self._drop_idle()
        now = time.monotonic()
        if now < self.next_sweep:
            return
        self.next_sweep = now + 0.5
        for arrival in [one for one in self.arriving.values() if one.deadline <= now]:
            if arrival.data:
                self._refuse(arrival, 408, "Request Timeout")
            else:
                self._drop(arrival.conn)
        for conn in [one for one, until in self.parting.items() if until <= now]:
            self._drop(conn)
        for conn in [one for one, until in self.busy.items() if until <= now]:
            self.busy[conn] = now + RESPONSE_SECONDS
            with suppress(OSError):
                conn.sock.shutdown(socket.SHUT_RDWR)  # the next write or read of its thread fails

    def _part(self, conn):
        """Close for writing, and read until the client has closed, too.

        Otherwise the kernel could discard the response. gunicorn waits for that in its event loop, where each client
        that does not close stops all others for two seconds.
        """
        try:
            conn.sock.setblocking(False)
            conn.sock.shutdown(socket.SHUT_WR)
            self.poller.register(conn.sock, EVENT_READ, partial(self._discard, conn))
        except (OSError, ValueError):
            self._drop(conn)
        else:
            self.parting[conn] = time.monotonic() + LINGER_SECONDS

    def _discard(self, conn, client):
        if conn not in self.parting:
            return
        try:
            if client.recv(65536):
                return
        except BlockingIOError:
            return
        except OSError:
            pass
        self._drop(conn)

    def _forget(self, conn):
        """Remove the connection from the event loop."""
        if arrival := self.arriving.pop(conn, None):
            self.held -= len(arrival.data)
        self.parting.pop(conn, None)
        with suppress(KeyError, ValueError):
            self.poller.unregister(conn.sock)

    def _drop(self, conn):
        self._forget(conn)
        self.nr_conns -= 1
        conn.close()

    def is_parent_alive(self):
        alive = super().is_parent_alive()
        if not alive:
            # The master was killed. Finish current requests, but free the port at once for the next start.
            self.set_accept_enabled(False)
            for listener in self.sockets:
                listener.close()
        return alive
