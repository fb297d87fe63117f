"""Two machines with one database and one store of images are one site: neither keeps anything for itself."""

import json
import os
import re
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from http.cookiejar import CookieJar
from pathlib import Path

import pytest

from benchmarks.load.databases import Postgres, Unavailable
from gan.models import GeneratedImage, LesionImage
from tests.conftest import PASSWORD
from tests.stores import BUCKET, client_of, end, environment_of, free_port, s3_store, wait_for

ROOT = Path(__file__).resolve().parents[1]
TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="(\w+)"')


class Browser:
    """Pages, forms and cookies; the cookies go to every machine, as behind one name."""

    def __init__(self):
        self.opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))

    def get(self, url: str, **headers: str) -> tuple[int, dict, bytes]:
        return self._ask(urllib.request.Request(url, headers=headers))

    def post(self, url: str, fields: dict, form: str = "", **headers: str) -> tuple[int, dict, bytes]:
        """Send the form that stands on the page `form`, or on that of the url."""
        _, _, page = self.get(form or url)
        token = TOKEN.search(page.decode())
        assert token, f"{form or url} has no form"
        body = urllib.parse.urlencode({"csrfmiddlewaretoken": token[1], **fields}, doseq=True).encode()
        return self._ask(urllib.request.Request(url, data=body, headers=headers))

    def _ask(self, request) -> tuple[int, dict, bytes]:
        try:
            with self.opener.open(request, timeout=60) as reply:
                return reply.status, dict(reply.headers), reply.read()
        except urllib.error.HTTPError as reply:
            return reply.code, dict(reply.headers), reply.read()


@dataclass(frozen=True)
class Cluster:
    """The addresses of two machines, and the environment that they share."""

    machines: tuple[str, str]
    environment: dict[str, str]

    def manage(self, *arguments: str, **variables: str) -> str:
        command = [sys.executable, "manage.py", *arguments]
        environment = os.environ | self.environment | variables
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def postgres(tmp_path_factory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("cluster")
    for parent in (folder, folder.parent):
        parent.chmod(0o711)  # so that the user postgres can come through
    try:
        found = Postgres(folder / "postgres")
    except Unavailable as reason:
        pytest.skip(f"TWO MACHINES WERE NOT TESTED: {reason}")
    yield found.url
    found.stop()


@pytest.fixture
def cluster(run, kept_run, postgres, tmp_path) -> Iterator[Cluster]:
    """Two gunicorns with folders of their own; database and store hold the run's images, and a draft."""
    with s3_store() as endpoint:
        store = client_of(endpoint)
        for image in [*LesionImage.objects.all(), *GeneratedImage.objects.all()]:
            store.put_object(Bucket=BUCKET, Key=image.file, Body=image.read())
        shared = environment_of(endpoint) | {"DATABASE_URL": postgres, "SECRET_KEY": "shared", "DATA_DIR": str(tmp_path)}
        found = Cluster(tuple(f"http://127.0.0.1:{free_port()}" for _ in range(2)), shared)
        rows = tmp_path / "rows.json"
        rows.write_text(kept_run["rows"])
        found.manage("migrate", "--verbosity", "0")
        found.manage("loaddata", str(rows))
        found.manage("create_study", "Shared", "--run", str(run.pk), "--real", "5", "--generated", "5")
        found.manage("createresearcher", "head@test.example", "--no-input", RESEARCHER_PASSWORD=PASSWORD)
        servers = [_serve(address, shared, tmp_path / f"machine{number}") for number, address in enumerate(found.machines)]
        try:
            for address, server in zip(found.machines, servers, strict=True):
                wait_for(f"{address}/healthz", server)
            yield found
        finally:
            for server in servers:
                end(server)


def _serve(address: str, shared: dict[str, str], folder: Path) -> subprocess.Popen:
    folder.mkdir()
    command = [sys.executable, "-m", "gunicorn", "turing.wsgi", "--workers", "2", "--bind", address.split("//")[1]]
    environment = os.environ | shared | {"DATA_DIR": str(folder)}
    with (folder / "gunicorn.log").open("w") as log:
        return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)


def test_a_study_opened_on_one_machine_is_read_on_both_and_counted_once(cluster):
    here, there = cluster.machines

    researcher = Browser()
    researcher.post(f"{here}/accounts/login/", {"username": "head@test.example", "password": PASSWORD})
    page = f"/research/studies/shared/"
    status, _, _ = researcher.post(f"{here}{page}open/", {}, form=f"{here}{page}")
    assert status == 200
    status, _, body = researcher.get(f"{there}{page}")  # logged in here, seen there
    assert (status, b"open" in body) == (200, True)

    reader = Browser()
    _register(reader, here)
    reader.post(f"{there}/studies/shared/", {"agree": "on", "consent": "on"})
    told = [_judge(reader, cluster.machines[position % 2], cluster, position) for position in range(1, 21)]
    again = _judge(reader, there, cluster, 1)
    assert again["stored"] == told[0]["stored"]

    rows = cluster.manage("export_results", "shared", "--format", "csv").splitlines()
    assert len(rows) == 1 + 20
    progress = researcher.get(f"{there}/research/studies/shared/results/")
    assert progress[0] == 200


def _register(browser: Browser, machine: str) -> None:
    fields = {
        "name": "Dr Test", "email": "reader@test.example", "password1": PASSWORD, "password2": PASSWORD,
        "profession": "dermatologist", "specialty": "dermatology", "years_experience": "7", "country": "TR",
    }  # fmt: skip
    status, _, _ = browser.post(f"{machine}/accounts/register/", fields)
    assert status == 200


def _judge(browser: Browser, machine: str, cluster: Cluster, position: int) -> dict:
    """Look at the image on both machines, then answer it on one."""
    trial = f"{machine}/studies/shared/trials/{position}/"
    _, _, page = browser.get(trial)
    image = re.search(rb"/stimuli/[0-9a-f-]{36}\.png", page)[0].decode()
    seen = [browser.get(f"{one}{image}") for one in cluster.machines]
    assert seen[0][0] == 200
    assert seen[0][2] == seen[1][2]
    unlike = {"Date", "Set-Cookie"}
    headers = [{name: value for name, value in reply[1].items() if name not in unlike} for reply in seen]
    assert headers[0] == headers[1]
    fields = {"position": position, "answer": "real", "confidence": 2, "response_time_ms": 900}
    status, _, body = browser.post(trial, fields, form=f"{machine}/accounts/login/", Accept="application/json")
    assert status == 200, body
    return json.loads(body)
