"""Threads share the database: many requests at once neither fail nor ask PostgreSQL for more than its due."""

from concurrent.futures import ThreadPoolExecutor

from django.db import connection


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
