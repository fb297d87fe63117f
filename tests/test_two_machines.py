"""Two machines with one database and one store of images act as one site, and neither keeps data for itself."""

import json
import os
import re
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from http.cookiejar import CookieJar
from pathlib import Path

import pytest

from gan.models import GeneratedImage, LesionImage
from tests import postgres
from tests.conftest import PASSWORD
from tests.servers import gunicorn
from tests.stores import BUCKET, client_of, environment_of, s3_store
from turing.models.designs import DEFAULT_CONSENT

ROOT = Path(__file__).resolve().parents[1]
RESEARCHER = "head@test.example"
TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="(\w+)"')


class Browser:
    """Pages, forms and cookies. The cookies go to both machines, as if they had one name."""

    def __init__(self):
        self.opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))

    def get(self, url: str, **headers: str) -> tuple[int, dict, bytes]:
        return self._ask(urllib.request.Request(url, headers=headers))

    def post(self, url: str, fields: dict, form: str = "", **headers: str) -> tuple[int, dict, bytes]:
        """Send the form on the page `form`, or on the page of the url."""
        status, _, page = self.get(form or url)
        token = TOKEN.search(page.decode())
        assert token, f"{form or url} has no form: {status}"
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


@pytest.fixture
def database(tmp_path) -> Iterator[str]:
    """The address of a PostgreSQL of the test's own, whatever database the run of the tests is on."""
    for parent in (tmp_path, *tmp_path.parents[:2]):
        parent.chmod(0o711)  # so that the user postgres can come through
    try:
        address, stop = postgres.start(tmp_path / "cluster")
    except postgres.Unavailable as reason:
        pytest.skip(f"TWO MACHINES WERE NOT TESTED. {reason}")
    yield address
    stop()


@pytest.fixture
def cluster(run, kept_run, database, tmp_path) -> Iterator[Cluster]:
    """Two gunicorns with folders of their own; the database and the store that they share hold a run's images."""
    with s3_store() as endpoint, ExitStack() as servers:
        store = client_of(endpoint)
        for image in [*LesionImage.objects.all(), *GeneratedImage.objects.all()]:
            store.put_object(Bucket=BUCKET, Key=image.file, Body=image.read())
        shared = environment_of(endpoint) | {"DATABASE_URL": database, "SECRET_KEY": "shared"}
        _fill(shared | {"DATA_DIR": str(tmp_path / "commands")}, kept_run["rows"], tmp_path / "rows.json")
        addresses = []
        for name in ("one", "other"):
            folder = tmp_path / name
            folder.mkdir()
            addresses.append(servers.enter_context(gunicorn(folder, variables=shared)).address)
        yield Cluster((addresses[0], addresses[1]), shared | {"DATA_DIR": str(tmp_path / "commands")})


def _fill(environment: dict[str, str], rows: str, path: Path) -> None:
    path.write_text(rows)
    _manage(environment, "migrate", "--verbosity", "0")
    _manage(environment, "loaddata", str(path))
    researcher = ("--email", RESEARCHER, "--password-env", "RESEARCHER_PASSWORD")
    _manage(environment | {"RESEARCHER_PASSWORD": PASSWORD}, "createresearcher", *researcher)


def _manage(environment: dict[str, str], *arguments: str) -> str:
    command = [sys.executable, "manage.py", *arguments]
    done = subprocess.run(command, cwd=ROOT, env=os.environ | environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_study_opened_on_one_machine_is_read_on_both_and_counted_once(cluster, run):
    here, there = cluster.machines

    researcher = Browser()
    researcher.post(f"{here}/accounts/login/", {"username": RESEARCHER, "password": PASSWORD})
    page = "/research/studies/two-machines/"
    status, _, body = researcher.post(f"{there}/research/studies/new/", _design(run))
    assert b"<h1>Two machines" in body
    status, _, _ = researcher.post(f"{here}{page}open/", {}, form=f"{here}{page}")
    assert status == 200
    status, _, body = researcher.get(f"{there}{page}")  # logged in here, seen there
    assert (status, b"Readers begin here" in body) == (200, True)

    reader = Browser()
    _register(reader, here)
    reader.post(f"{there}/studies/two-machines/", {"consent": "on"})
    told = [_judge(reader, cluster.machines[position % 2], cluster, position) for position in range(1, 21)]
    again = _judge(reader, there, cluster, 1)
    assert again["stored"] == told[0]["stored"]

    rows = _manage(cluster.environment, "export_results", "two-machines", "--format", "csv").splitlines()
    assert len(rows) == 1 + 20
    progress = researcher.get(f"{there}/research/studies/two-machines/results/")
    assert progress[0] == 200


def _design(run) -> dict:
    return {
        "title": "Two machines", "generators": [run.pk], "diagnoses": run.diagnoses, "real_per_diagnosis": 5,
        "generated_per_diagnosis": 5, "images_per_page": 1, "stimulus_size": 64, "confidence_levels": 4,
        "equivalence_margin": 0.1, "images_per_reader": 0, "practice_images": 0, "repeats": 0, "break_every": 0,
        "language": "en", "consent_text": DEFAULT_CONSENT, "instructions": "", "seed": 1,
    }  # fmt: skip


def _register(browser: Browser, machine: str) -> None:
    fields = {
        "name": "Dr Test", "email": "reader@test.example", "password": PASSWORD,
        "profession": "dermatologist", "specialty": "dermatology", "years_experience": "7", "country": "TR",
    }  # fmt: skip
    status, _, _ = browser.post(f"{machine}/accounts/register/", fields)
    assert status == 200


def _judge(browser: Browser, machine: str, cluster: Cluster, position: int) -> dict:
    """Look at the image on both machines, then answer it on one."""
    trial = f"{machine}/studies/two-machines/trials/{position}/"
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
