"""Runs survive crashes, and several processes that share a run compute the same as one."""

import json
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from gan.foundation.errors import GanError
from gan.imaging.image_files import png_bytes
from gan.imaging.phantoms import DIAGNOSES, draw_phantom
from gan.runs.snapshots import read_snapshot
from gan.training.dcgan import DCGANTrainer
from gan.training.settings import Settings

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Plain image folders of two diagnoses."""
    root = tmp_path_factory.mktemp("plain")
    for diagnosis in DIAGNOSES:
        (root / diagnosis).mkdir()
        for index in range(20):
            (root / diagnosis / f"{index}.png").write_bytes(png_bytes(draw_phantom(diagnosis, index, 64, 64)))
    return root


class Site:
    """A separate database and folders, and commands in separate processes."""

    def __init__(self, data: Path) -> None:
        self.environment = os.environ | {"DATA_DIR": str(data), "OMP_NUM_THREADS": "1"}
        self.environment.pop("DATABASE_URL", None)
        self.runs = data / "runs"
        self.run("migrate", "--verbosity", "0")

    def start(self, *arguments: str, launcher: tuple[str, ...] = (), **options) -> subprocess.Popen:
        command = [sys.executable, *launcher, str(ROOT / "manage.py"), *arguments]
        return subprocess.Popen(
            command,
            cwd=ROOT,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            **options,
        )

    def run(self, *arguments: str, **options) -> tuple[int, str, str]:
        process = self.start(*arguments, **options)
        out, err = process.communicate(timeout=240)
        return process.returncode, out, err

    def snapshot(self, run: str) -> dict[str, torch.Tensor]:
        return read_snapshot(next((self.runs / run).glob("*/snapshot.safetensors")))[0]


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Site:
    return Site(tmp_path_factory.mktemp("site"))


def train(folder: Path, *more: str) -> tuple[str, ...]:
    fixed = ("--diagnosis", "melanoma", "--size", "64", "--batch-size", "4", "--precision", "float32")
    return ("train_gan", "--data", str(folder), *fixed, *more)


def test_killed_at_any_moment_a_run_ends_as_if_it_had_not_been(site, folder):
    code, whole, err = site.run(*train(folder, "--steps", "12", "--name", "whole"))
    assert code == 0, err
    process = site.start(*train(folder, "--steps", "12", "--snapshot-every", "3", "--name", "killed"))
    killed = str(int(whole) + 1)
    deadline = time.monotonic() + 200
    while not list((site.runs / killed).glob("*/snapshot.safetensors")):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert read_snapshot(next((site.runs / killed).glob("*/snapshot.safetensors")))[1]["step"] < 12
    code, out, err = site.run("train_gan", "--resume", "killed")
    assert code == 0, err
    assert out.split()[-1] == killed
    uninterrupted, resumed = site.snapshot(whole.split()[-1]), site.snapshot(killed)
    assert uninterrupted.keys() == resumed.keys()
    assert all(torch.equal(uninterrupted[name], resumed[name]) for name in resumed)
    log = next((site.runs / killed).glob("*/losses.jsonl")).read_text().splitlines()
    assert [json.loads(line)["step"] for line in log] == list(range(1, 13))


def test_two_processes_learn_what_one_learns_from_the_doubled_batch(site, folder):
    shared = ("--model", "projected", "--size", "64", "--steps", "3", "--precision", "float32", "--data", str(folder))
    code, one, err = site.run("train_gan", *shared, "--batch-size", "32", "--name", "one")
    assert code == 0, err
    launcher = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")
    code, two, err = site.run("train_gan", *shared, "--batch-size", "16", "--name", "two", launcher=launcher)
    assert code == 0, err
    alone, together = (
        [json.loads(line) for line in next((site.runs / run.split()[-1]).glob("*/losses.jsonl")).open()]
        for run in (one, two)
    )
    for ours, theirs in zip(together, alone, strict=True):
        for loss in ("generator_loss", "discriminator_loss"):
            assert ours[loss] == pytest.approx(theirs[loss], rel=2e-3, abs=2e-3)
    # Not a comparison of nothing: the losses move.
    assert alone[0]["generator_loss"] != pytest.approx(alone[2]["generator_loss"], abs=2e-3)


def test_a_full_disk_keeps_the_last_snapshot(site, folder):
    code, out, err = site.run(*train(folder, "--steps", "2", "--name", "full"))
    assert code == 0, err
    run = out.split()[-1]
    before = site.snapshot(run)
    longer = f"run = TrainingRun.objects.get(pk={run}); run.settings['steps'] = 4; run.save()"
    assert site.run("shell", "-c", f"from gan.models import TrainingRun; {longer}")[0] == 0

    def no_large_files():
        resource.setrlimit(resource.RLIMIT_FSIZE, (2_000_000, 2_000_000))

    code, _, err = site.run("train_gan", "--resume", run, preexec_fn=no_large_files)
    assert code == 1
    assert "Traceback" not in err
    assert "what was there before is kept" in err
    after = site.snapshot(run)
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_a_missing_image_is_named(site, folder, tmp_path):
    copy = tmp_path / "images"
    (copy / "melanoma").mkdir(parents=True)
    for path in (folder / "melanoma").glob("*.png"):
        (copy / "melanoma" / path.name).write_bytes(path.read_bytes())
    assert site.run(*train(copy, "--steps", "1", "--name", "missing"))[0] == 0
    (copy / "melanoma" / "3.png").write_bytes(b"damaged")
    code, _, err = site.run("train_gan", "--resume", "missing")
    assert code == 1
    assert "Traceback" not in err
    assert "training images have changed" in err


def test_a_loss_that_is_not_a_number_leaves_the_weights_alone():
    trainer = DCGANTrainer(
        [torch.zeros(4, 3, 64, 64, dtype=torch.uint8)], Settings(size=64, batch_size=2), torch.device("cpu")
    )
    with torch.no_grad():
        trainer.generator[0].weight.fill_(float("nan"))
    before = [weight.clone() for weight in trainer.discriminator.parameters()]
    with pytest.raises(GanError, match="not a finite number; the last snapshot is kept"):
        trainer.train_step()
    assert all(torch.equal(old, new) for old, new in zip(before, trainer.discriminator.parameters(), strict=True))
