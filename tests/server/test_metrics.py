"""Metrics are off by default, need the token, and name views, never people or addresses."""

import os
import subprocess
import sys
import urllib.request

from tests.server.conftest import ROOT, Visitor

TOKEN = "only-prometheus-knows-this"


def metrics_of(server) -> str:
    request = urllib.request.Request(f"{server.address}/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
    with urllib.request.urlopen(request, timeout=60) as page:
        return page.read().decode()


def test_without_the_setting_there_are_none(client, db):
    assert client.get("/metrics").status_code == 404


def test_they_are_hidden_from_who_has_no_token(serve):
    server = serve(METRICS="1", METRICS_TOKEN=TOKEN)
    assert server.get("/metrics") == 404
    wrong = b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer \xff\r\nConnection: close\r\n\r\n"
    assert server.status(wrong) == 404


def test_all_workers_are_counted_by_view_and_no_address_is_told(serve):
    server = serve("--workers", "2", METRICS="1", METRICS_TOKEN=TOKEN)
    visitor = Visitor(server)
    for _ in range(20):
        visitor.open("/accounts/login/?next=/studies/secret-study/")
    text = metrics_of(server)
    name = "django_http_requests_total_by_view_transport_method_total"
    assert f'{name}{{method="GET",transport="http",view="login"}} 20.0' in text
    assert "secret-study" not in text


def test_a_site_with_metrics_and_no_token_does_not_start(tmp_path):
    environment = os.environ | {"DATA_DIR": str(tmp_path), "METRICS": "1", "METRICS_TOKEN": ""}
    command = [sys.executable, "manage.py", "check"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 1
    assert "METRICS_TOKEN must be set" in done.stderr
