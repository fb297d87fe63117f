"""The files in deploy/ fit the code. They are checked one by one, because no container engine runs here."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from django.urls import reverse

from turing import environment

ROOT = Path(__file__).resolve().parents[1]
DEPLOY = ROOT / "deploy"
UNITS = sorted((DEPLOY / "systemd").iterdir())
NOT_OURS = {"MPLCONFIGDIR"}  # matplotlib's


def tool(name: str) -> str:
    found = shutil.which(name) or shutil.which(name, path=str(Path(sys.executable).parent))
    if not found:
        pytest.skip(f"{name} is not installed: deploy/ is not checked with it")
    return found


def compose() -> dict:
    return yaml.safe_load((DEPLOY / "compose.yaml").read_text())


def test_hadolint_finds_nothing_in_the_dockerfile():
    done = subprocess.run([tool("hadolint"), str(DEPLOY / "Dockerfile")], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_the_web_image_has_no_training_packages_and_no_root():
    stages = re.split(r"^FROM ", (DEPLOY / "Dockerfile").read_text(), flags=re.MULTILINE)[1:]
    web = next(stage for stage in stages if stage.split("\n")[0].endswith("AS web"))
    assert "from=packages" in web
    assert re.search(r"^USER 10001$", web, re.MULTILINE)
    packages = next(stage for stage in stages if stage.split("\n")[0].endswith("AS packages"))
    assert "train" not in packages
    assert all(re.match(r"python:\d+\.\d+\.\d+-|\w[\w-]* AS ", stage) for stage in stages), "an image without a version"


def test_the_images_hold_all_that_the_site_reads():
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert {"gan", "turing", "templates", "static", "locale", "manage.py", "console.py", "gunicorn.conf.py"} <= allowed
    assert all((ROOT / name).exists() for name in allowed)
    assert not {"tests", "var", "data", ".git"} & allowed


def test_every_variable_of_the_compose_file_is_one_of_the_site():
    for name in ("migrate", "web", "worker", "trainer"):
        variables = compose()["services"][name]["environment"]
        assert set(variables) <= set(environment.VARIABLES), name


def test_every_setting_in_the_file_env_reaches_all_containers_of_the_site():
    """Compose reads `.env` for its own file anyway; only `env_file` hands all of it to a container."""
    for name in ("migrate", "web", "worker", "trainer"):
        service = compose()["services"][name]
        assert service["env_file"] == [".env"], name
        asked = [variable for variable, value in service["environment"].items() if "${" in str(value)]
        assert asked == ["ALLOWED_HOSTS"], "what is listed here hides the value in .env"


def test_every_secret_of_the_compose_file_is_made_and_mounted():
    file = compose()
    made = set(re.findall(r">secrets/(\w+)", (DEPLOY / "make-secrets").read_text()))
    assert set(file["secrets"]) == made
    for service in file["services"].values():
        for value in service.get("environment", {}).values():
            if str(value).startswith("/run/secrets/"):
                assert value.removeprefix("/run/secrets/") in service["secrets"]


def test_the_containers_of_the_site_have_no_rights_to_spare():
    for name in ("migrate", "web", "worker", "trainer"):
        service = compose()["services"][name]
        assert service["read_only"]
        assert service["cap_drop"] == ["ALL"]
        assert "no-new-privileges:true" in service["security_opt"]
    assert "ports" not in compose()["services"]["web"]


def test_long_work_has_a_process_of_its_own_beside_the_site():
    services = compose()["services"]
    assert services["web"]["environment"]["BACKGROUND_WORKER"] == "0"
    assert services["worker"]["build"]["target"] == "trainer", "it trains"
    assert services["worker"]["command"] == ["run_worker"]
    assert services["worker"]["volumes"] == services["web"]["volumes"], "it reads what was uploaded to the site"
    units = {unit.name: unit.read_text() for unit in UNITS}
    assert "BACKGROUND_WORKER=0" in units["turing.service"]
    assert "manage.py run_worker" in units["turing-worker.service"]


def test_the_proxy_lets_uploads_through():
    caddy = (DEPLOY / "Caddyfile").read_text()
    limits = [int(found) for found in re.findall(r"max_size (\d+)MB", caddy)]
    assert max(limits) > int(environment.VARIABLES["UPLOAD_LIMIT_MB"].default)
    assert reverse("collections") in caddy


def test_the_proxy_collects_requests_and_closes_before_the_site_does(monkeypatch):
    for name in ("DATABASE_POOL", "OPENBLAS_NUM_THREADS", "PROMETHEUS_MULTIPROC_DIR"):
        monkeypatch.setenv(name, os.environ.get(name, ""))  # what the file sets is undone after the test
    caddy = (DEPLOY / "Caddyfile").read_text()
    assert "request_buffers" in caddy
    settings: dict = {"__file__": str(ROOT / "gunicorn.conf.py")}
    exec((ROOT / "gunicorn.conf.py").read_text(), settings)
    assert int(re.search(r"keepalive (\d+)s", caddy)[1]) < settings["keepalive"]
    limit = int(re.search(r"max_size (\d+)MB", caddy)[1]) * 1000
    assert limit > int(environment.VARIABLES["FORM_LIMIT_KB"].default)


def test_caddy_reads_its_file(tmp_path):
    caddy = tool("caddy")
    text = (DEPLOY / "Caddyfile").read_text()
    version = subprocess.run([caddy, "version"], capture_output=True, text=True).stdout.lstrip("v").split(".")
    if (int(version[0]), int(version[1])) < (2, 7):  # Debian 12 has 2.6, which called the directive otherwise
        text = re.sub(r"request_buffers .*", "buffer_requests", text)
    (tmp_path / "Caddyfile").write_text(text)
    command = [caddy, "validate", "--adapter", "caddyfile", "--config", str(tmp_path / "Caddyfile")]
    own = {"SITE_HOST": "study.clinic.example", "HOME": str(tmp_path)}
    done = subprocess.run(command, env=os.environ | own, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_systemd_reads_its_units(tmp_path):
    analyze = tool("systemd-analyze")
    for unit in UNITS:  # with a command that exists on this machine
        (tmp_path / unit.name).write_text(unit.read_text().replace("/opt/turing/.venv/bin/", "/usr/bin/env "))
    units = [str(tmp_path / unit.name) for unit in UNITS]
    done = subprocess.run([analyze, "verify", "--man=no", *units], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert not done.stderr


def test_every_variable_of_the_units_is_one_of_the_site():
    for unit in UNITS:
        for line in re.findall(r"^Environment=(.*)$", unit.read_text(), re.MULTILINE):
            names = {pair.split("=")[0] for pair in line.split()}
            assert names <= set(environment.VARIABLES) | NOT_OURS, unit.name


def test_secrets_are_made_once_with_the_owners_that_read_them(tmp_path):
    if os.geteuid() != 0:
        pytest.skip("make-secrets gives files to container users, which takes root")
    script = shutil.copy(DEPLOY / "make-secrets", tmp_path)
    subprocess.run([script], check=True)
    secrets = {path.name: path for path in (tmp_path / "secrets").iterdir()}
    assert {path.stat().st_mode & 0o777 for path in secrets.values()} == {0o400}
    assert secrets["secret_key"].stat().st_uid == secrets["database_url"].stat().st_uid == 10001
    assert secrets["postgres_password"].read_text() in secrets["database_url"].read_text()
    assert len(secrets["secret_key"].read_text()) >= 50
    assert subprocess.run([script], capture_output=True).returncode == 1
