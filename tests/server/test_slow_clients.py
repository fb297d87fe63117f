"""Clients that send or read slowly take nothing from the site but their own connection."""

import http.client
import re
import threading
from contextlib import ExitStack, contextmanager

from tests.conftest import PASSWORD
from tests.server.conftest import Visitor
from turing.models import Response

SLOW_HEAD = b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: "
SLOW_BODY = b"POST /accounts/login/ HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\n"
SLOW_BODY += b"Content-Length: 1000\r\n\r\nemail="


@contextmanager
def slow_clients(server, count: int):
    """Half of them send a request's headers slowly, half its body: one byte every tenth of a second."""
    stop = threading.Event()

    def trickle():
        while not stop.wait(0.1):
            for client in clients:
                try:
                    client.sendall(b"a")
                except OSError:
                    continue

    with ExitStack() as stack:
        clients = [stack.enter_context(server.socket()) for _ in range(count)]
        for index, client in enumerate(clients):
            client.sendall(SLOW_BODY if index % 2 else SLOW_HEAD)
        thread = threading.Thread(target=trickle, daemon=True)
        thread.start()
        try:
            yield clients
        finally:
            stop.set()
            thread.join()


def status_of(client) -> int:
    answer = http.client.HTTPResponse(client)
    answer.begin()
    return answer.status


def test_health_and_answers_go_on_while_fifty_slow_clients_hang(serve, study, reader):
    server = serve(REQUEST_SECONDS="600")
    with slow_clients(server, 50):
        visitor = Visitor(server)
        visitor.open("/accounts/login/")
        visitor.open("/accounts/login/", username=reader.user.email, password=PASSWORD)
        address, page = visitor.open(f"/studies/{study.slug}/", consent="on")
        for position in range(1, 4):
            assert server.get("/healthz") == 200
            assert f'name="position" value="{position}"' in page
            fields = {"position": str(position), "answer": "real", "confidence": "2", "response_time_ms": "900"}
            address, page = visitor.open(re.sub(r"^http://[^/]+", "", address), **fields)
        assert Response.objects.count() == 3


def test_slow_clients_are_told_and_cut_when_their_time_is_over(serve):
    server = serve(REQUEST_SECONDS="1")
    with slow_clients(server, 50) as clients:
        assert {status_of(client) for client in clients} == {408}


def test_a_client_that_sends_nothing_is_cut(serve):
    server = serve(REQUEST_SECONDS="1")
    with server.socket() as client:
        assert client.recv(1) == b""


def test_with_all_connections_taken_the_oldest_gives_way(serve):
    server = serve("--worker-connections", "20", "--workers", "1", REQUEST_SECONDS="600")
    with slow_clients(server, 50):
        assert server.get("/healthz") == 200


def test_clients_that_do_not_close_after_their_answer_stop_nobody(serve):
    server = serve("--workers", "1")
    request = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    with ExitStack() as stack:
        for _ in range(30):
            client = stack.enter_context(server.socket())
            client.sendall(request)
            assert status_of(client) == 200  # and the socket stays open on this side


def test_requests_that_share_a_connection_are_answered_one_by_one(serve):
    server = serve("--workers", "1", "--threads", "1", REQUEST_SECONDS="600")
    request = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with server.socket() as client:
        client.sendall(request + request + request[:20])  # the third hangs, with the only thread free
        stream = client.makefile("rb")
        for _ in range(2):
            assert b"200" in stream.readline()
            length = 0
            while (line := stream.readline()) != b"\r\n":
                if line.lower().startswith(b"content-length"):
                    length = int(line.split(b":")[1])
            stream.read(length)
        assert server.get("/healthz") == 200
        client.sendall(request[20:])
        assert b"200" in stream.readline()


FRAMES_NOTHING = {
    b"Transfer-Encoding: chunked\r\n\r\n5\r\nemail\r\n0\r\n\r\n": 411,
    b"Content-Length: ten\r\n\r\nemail": 400,
    b"Content-Length: -1\r\n\r\nemail": 400,
    b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nemail": 400,
    b"Content-Length : 5\r\n\r\nemail": 400,
    b"X: " + b"a" * 9000 + b"\r\n\r\n": 431,
    b"X: " + b"a" * 70_000: 431,
    b"X: 1\r\n" * 100 + b"\r\n": 431,
    b"\x00: 1\r\n\r\n": 400,
}


def test_headers_that_frame_no_request_are_refused(serve):
    server = serve("--workers", "1", REQUEST_SECONDS="600")
    start = b"POST /accounts/login/ HTTP/1.1\r\nHost: localhost\r\n"
    assert {head: server.status(start + head) for head in FRAMES_NOTHING} == FRAMES_NOTHING
    assert server.get("/healthz") == 200


def test_a_body_longer_than_said_is_not_taken_for_the_next_request(serve):
    server = serve("--workers", "1")
    with server.socket() as client:
        client.sendall(b"POST /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999999999999\r\n\r\n")
        client.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        everything = b"".join(iter(lambda: client.recv(65536), b""))
    assert everything.count(b"HTTP/1.1 ") == 1


def test_a_client_that_waits_for_a_go_ahead_gets_it(serve):
    server = serve("--workers", "1", REQUEST_SECONDS="600")
    head = b"POST /accounts/login/ HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\n"
    head += b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 7\r\n\r\n"
    with server.socket() as client:
        client.sendall(head)
        assert client.recv(25) == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.sendall(b"email=a")
        assert status_of(client) == 403  # no CSRF token
