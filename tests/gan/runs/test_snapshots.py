"""A run keeps some of its snapshots by a rule, and their images can be drawn again and compared."""

import pytest
import torch
from django.core.management import CommandError, call_command

from gan.foundation.kept_snapshots import is_kept
from gan.foundation.seeds import derive_seed
from gan.imaging.image_files import png_bytes
from gan.models import Evaluation, TrainingRun
from gan.runs.execution import snapshot_at
from gan.runs.sampling import draw_samples, latent, latent_seed, load_drawer
from gan.runs.snapshots import read_snapshot

OPTIONS = {"size": 64, "batch_size": 4, "held_out": 0.5, "phantoms": True, "precision": "float32", "model": "dcgan"}


def test_two_snapshots_of_each_doubling_are_kept():
    assert [step for step in range(0, 2600, 50) if is_kept(step, 100)] == [
        100, 200, 300, 400, 600, 800, 1200, 1600, 2400,
    ]  # fmt: skip


@pytest.fixture
def long_run(phantoms) -> TrainingRun:
    diagnoses = ["melanoma", "basal cell carcinoma"]
    call_command("train_gan", diagnosis=diagnoses, steps=4, snapshot_every=1, name="long", **OPTIONS)
    return TrainingRun.objects.get(name="long")


def test_a_snapshot_draws_what_a_shorter_run_draws_and_is_a_generator_of_its_own(long_run, capsys):
    assert long_run.kept_steps() == [1, 2, 3, 4]
    call_command("train_gan", diagnosis=["melanoma"], steps=3, snapshot_every=100, name="short", **OPTIONS)
    short = TrainingRun.objects.get(name="short")
    assert short.kept_steps() == []
    call_command("sample_gan", "long", step=3, count=4)
    snapshot = TrainingRun.objects.get(snapshot_of=long_run)
    assert str(snapshot) == f"long, step 3 (run {snapshot.pk})"
    melanomas = list(snapshot.generated_images.filter(diagnosis="melanoma").order_by("pk"))
    drawer = load_drawer(short, "melanoma")
    drawn = drawer.pixels(torch.stack([latent(image.latent_seed, drawer.latent_size) for image in melanomas]))
    assert [image.read() for image in melanomas] == [png_bytes(pixels) for pixels in drawn]
    assert not snapshot.generated_images.unaudited().exists()
    assert set(snapshot.training_images.all()) == set(long_run.training_images.all())
    assert snapshot_at(long_run, 3) == snapshot
    call_command("evaluate_gan", snapshot.name, count=8)
    assert set(Evaluation.objects.filter(generator=snapshot).values_list("step", flat=True)) == {3}
    assert "Membership" not in capsys.readouterr().out


def test_no_two_diagnoses_or_snapshots_share_a_latent(long_run):
    """One latent gives similar shapes in each, and a reader who sees two such images knows that both are generated."""
    generators = [long_run, snapshot_at(long_run, 3), snapshot_at(long_run, 4)]
    seeds = [
        latent_seed(one, diagnosis, 7, index)
        for one in generators
        for diagnosis in long_run.diagnoses
        for index in range(50)
    ]
    assert len(set(seeds)) == len(seeds) == 300
    assert seeds[:50] == [derive_seed(7, index) for index in range(50)]
    drawn = [sample.latent_seed for sample in draw_samples(long_run, long_run.diagnoses[1], 3, 7)]
    assert drawn == seeds[50:53]


def test_what_is_kept_cannot_train_and_what_is_not_kept_is_named(long_run):
    with pytest.raises(CommandError, match=r"--step 5: run \d+ kept no snapshot of that step \(kept: 1, 2, 3, 4\)"):
        call_command("sample_gan", "long", step=5, count=1)
    snapshot = snapshot_at(long_run, 4)
    with pytest.raises(CommandError, match="is a snapshot of run"):
        call_command("train_gan", resume=str(snapshot.pk), steps=9)
    with pytest.raises(CommandError, match="is a snapshot itself"):
        call_command("sample_gan", str(snapshot.pk), step=1, count=1)
    kept = long_run.diagnosis_folder("melanoma") / "kept" / "step-0000004.safetensors"
    tensors, state = read_snapshot(kept)
    assert state["step"] == 4
    assert all(name.startswith("generator.") for name in tensors)
    # A run that goes on from an earlier snapshot, as after a kill, forgets what lay ahead of it.
    kept.rename(kept.with_name("step-0000006.safetensors"))
    TrainingRun.objects.filter(pk=long_run.pk).update(status=TrainingRun.Status.RUNNING)
    call_command("train_gan", resume="long", steps=4)
    assert long_run.kept_steps() == [1, 2, 3]
    assert not kept.with_name("step-0000006.safetensors").exists()
