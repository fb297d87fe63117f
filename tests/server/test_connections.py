"""Threads share database connections, so that many simultaneous requests neither fail nor need too many of them."""

import http.client
import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

from django.db import connection

HEALTH = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"


def status_of(client) -> int:
    answer = http.client.HTTPResponse(client)
    answer.begin()
    answer.read()
    return answer.status


def test_sixty_requests_at_once_share_a_small_pool(serve):
    server = serve("--workers", "2", "--threads", "8", DATABASE_POOL="2")
    with ThreadPoolExecutor(60) as pool:
        assert set(pool.map(server.get, ["/", "/attributions/", "/healthz"] * 60)) == {200}
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid != pg_backend_pid()"
            )
            assert cursor.fetchone()[0] <= 2 * 2 + 2  # and this process's own pool


def test_requests_that_come_at_once_with_new_connections_are_answered_though_all_places_are_taken(serve):
    server = serve("--worker-connections", "30", "--workers", "1", REQUEST_SECONDS="600")
    with ExitStack() as stack:
        kept = [stack.enter_context(server.socket()) for _ in range(18)]
        for client in kept:
            client.sendall(HEALTH)
            assert status_of(client) == 200
            time.sleep(0.05)  # a thread answers before the worker counts the connection as idle, which orders them
        (worker,) = server.workers()
        os.kill(worker, signal.SIGSTOP)  # what follows waits, and the worker sees all of it in one look
        new = [stack.enter_context(server.socket()) for _ in range(18)]
        for client in kept[9:] + new:
            client.sendall(HEALTH)
        os.kill(worker, signal.SIGCONT)
        assert [status_of(client) for client in kept[9:] + new] == [200] * 27
        assert [client.recv(1) for client in kept[:7]] == [b""] * 7  # the idle ones gave way, the oldest first
        assert server.workers() == [worker]
