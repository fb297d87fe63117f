"""The projected GAN has its authors' frozen features and one model for all diagnoses, and is repeatable."""

import itertools
from dataclasses import replace

import pytest
import torch
from django.core.management import CommandError, call_command
from torch.nn import functional as F

from gan.imaging.phantoms import DIAGNOSES
from gan.models import ALL_DIAGNOSES, TrainingRun
from gan.networks.augmentation import dihedral, translate, turn_each
from gan.networks.features import LiteFeatures, _pretrained, _ReLU6, _StridedDepthwise
from gan.networks.projected import (
    STRETCH,
    ProjectedFeatures,
    groups_of,
    spread_within,
    stretch_of,
)
from gan.runs.snapshots import read_snapshot
from gan.training.conditional import half_life
from gan.training.projected import ProjectedTrainer
from gan.training.settings import Settings

TINY = {"model": "projected", "size": 64, "batch_size": 4, "phantoms": True, "precision": "float32"}


@pytest.mark.parametrize("variant", [0, 2])
def test_folded_features_and_their_gradients_are_those_of_the_package(variant):
    torch.manual_seed(0)
    x = (torch.rand(2, 3, 64, 64, dtype=torch.float64) * 2 - 1).requires_grad_()
    theirs = _pretrained(variant).double().extract_features(x).mean((2, 3))
    ours = LiteFeatures(variant).double().pooled(x)
    pull = torch.randn_like(theirs)
    (their_gradient,), (our_gradient,) = (torch.autograd.grad(one, x, pull) for one in (theirs, ours))
    # Folding was done in float32.
    torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(our_gradient, their_gradient, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(("kernel", "side"), [(3, 2), (3, 8), (5, 2), (5, 12)])
def test_a_strided_depthwise_convolution_is_pytorchs_after_padding(kernel, side):
    torch.manual_seed(0)
    x = torch.randn(2, 4, side, side, dtype=torch.float64, requires_grad=True)
    weight, bias = torch.randn(4, 1, kernel, kernel, dtype=torch.float64), torch.randn(4, dtype=torch.float64)
    before, behind = (kernel - 2) // 2, (kernel - 1) // 2
    expected = F.conv2d(F.pad(x, (before, behind, before, behind)), weight, bias, 2, groups=4)
    found = _ReLU6.apply(_StridedDepthwise.apply(x[:1], weight, bias))  # a result of 1 x 1 pixel is its own memory, too
    torch.testing.assert_close(found, F.relu6(expected[:1]))
    found = _StridedDepthwise.apply(x, weight, bias)
    pull = torch.randn_like(expected)
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(*(torch.autograd.grad(one, x, pull)[0] for one in (found, expected)))


def test_relu6_in_place_has_pytorchs_gradient():
    x = torch.tensor([-1.0, 0.0, 0.5, 5.5, 6.0, 7.0], requires_grad=True)
    pull = torch.arange(1.0, 7)
    inner = x * 1
    found = _ReLU6.apply(inner)
    assert found.data_ptr() == inner.data_ptr()
    expected = F.relu6(x)
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(*(torch.autograd.grad(one, x, pull)[0] for one in (found, expected)))


def test_projections_are_fixed_by_the_seed_and_learn_nothing():
    one, same, other = (ProjectedFeatures(seed) for seed in (1, 1, 2))
    x = torch.rand(1, 3, 64, 64)
    assert all(torch.equal(a, b) for a, b in zip(one(x).maps, same(x).maps, strict=True))
    assert not any(torch.equal(a, b) for a, b in zip(one(x).maps, other(x).maps, strict=True))
    assert [tuple(a.shape[1:]) for a in one(x).maps] == [(48, 16, 16), (64, 8, 8), (128, 4, 4), (256, 2, 2)]
    assert not any(parameter.requires_grad for parameter in one.parameters())


def test_the_spread_is_that_of_each_group():
    x = torch.randn(4, 3, 2, 2)
    x[2:] = x[2]
    spread = spread_within(x, torch.tensor([0, 0, 1, 1]), 2)[:, 0, 0, 0]
    torch.testing.assert_close(spread[0], (x[:2].var(0, correction=0) + 1e-6).sqrt().mean())
    assert spread[2] < 0.01 < spread[0]


def test_groups_do_not_depend_on_how_many_processes_share_the_batch():
    labels = torch.arange(2 * STRETCH) % 2
    whole = groups_of(labels, 2 * STRETCH, 2)
    halves = [groups_of(part, STRETCH, 2) for part in labels.split(STRETCH)]
    assert torch.equal(whole[:STRETCH], halves[0])
    assert torch.equal(whole[STRETCH:], halves[1] + 2)
    # Real and generated images of any batch lie in stretches of their own.
    assert [stretch_of(batch) for batch in (4, 12, 17, 24, 32)] == [4, 12, 17, 12, 16]


def test_the_eight_turns_are_all_different_and_undone():
    image = torch.arange(2 * 9).reshape(2, 3, 3)
    turned = [dihedral(image, which) for which in range(8)]
    assert len({tuple(one.flatten().tolist()) for one in turned}) == 8
    assert torch.equal(turn_each(image[None], torch.tensor([0]))[0], image)


def test_images_are_moved_by_at_most_an_eighth_with_a_mirror_at_the_border():
    x = torch.rand(2, 3, 32, 32, requires_grad=True)
    middle = torch.tensor([0.5, 0.5])
    assert torch.equal(translate(x, middle), x)
    moved = translate(x, torch.tensor([0.0, 0.999]))
    assert torch.equal(moved[:, :, 4:, :28], x[:, :, :28, 4:])
    assert torch.equal(moved[:, :, 0, :28], x[:, :, 4, 4:])
    (gradient,) = torch.autograd.grad(moved.sum(), x)
    assert gradient.sum() == moved.numel()


def test_a_step_changes_both_networks_and_the_average_follows(settings_and_images):
    settings, images = settings_and_images
    trainer = ProjectedTrainer(images, settings, torch.device("cpu"))
    before = {name: tensor.clone() for name, tensor in trainer.tensors().items()}
    losses = trainer.train_step()
    after = trainer.tensors()
    for network in ("generator", "discriminator", "average"):
        assert any(not torch.equal(after[name], before[name]) for name in before if name.startswith(network))
    assert losses.discriminator >= 0
    assert not any("features" in name for name in after)
    drawn = trainer.samples(torch.randn(3, trainer.latent_size), 1)
    assert drawn.shape == (3, 3, 64, 64)
    assert drawn.abs().max() <= 1


def test_the_averaged_weights_have_statistics_of_their_own(settings_and_images):
    settings, images = settings_and_images
    trainer = ProjectedTrainer(images, settings, torch.device("cpu"))
    trainer.train_step()
    # Seeded: the bound is near what chance gives.
    torch.manual_seed(0)
    z, labels = torch.randn(64, trainer.latent_size), torch.arange(64) % 2
    trainer.samples(z[:1], 0)
    average = trainer.average
    fixed = average(z, labels)
    average.train()
    with torch.no_grad():
        of_batch = average(z, labels)
    average.eval()
    assert (fixed - of_batch).abs().mean() < 0.1 * of_batch.std()


def test_weights_loaded_at_the_same_step_get_statistics_of_their_own(settings_and_images):
    settings, images = settings_and_images
    trainer = ProjectedTrainer(images, settings, torch.device("cpu"))
    start = {name: tensor.clone() for name, tensor in trainer.tensors().items()}
    trainer.train_step()
    z = torch.randn(4, trainer.latent_size)
    first = trainer.samples(z, 0)
    # The generator starts elsewhere, and takes as many steps.
    other = {name: 2 * tensor if name.endswith("convolution.weight") else tensor for name, tensor in start.items()}
    trainer.load(other, 0)
    trainer.train_step()
    again = ProjectedTrainer(images, settings, torch.device("cpu"))
    again.load(other, 0)
    again.train_step()
    assert torch.equal(trainer.samples(z, 0), again.samples(z, 0))
    assert not torch.equal(first, again.samples(z, 0))


def test_there_may_be_more_diagnoses_than_images_in_a_batch():
    images = [torch.randint(0, 256, (3, 3, 64, 64), dtype=torch.uint8) for _ in range(5)]
    settings = Settings(model="projected", size=64, batch_size=4, precision="float32")
    trainer = ProjectedTrainer(images, settings, torch.device("cpu"))
    before = trainer.generator.embedding.weight.clone()
    for _ in range(2):
        trainer.train_step()
    assert (trainer.generator.embedding.weight != before).any(1).all()


def test_a_resumed_run_ends_with_the_weights_of_an_uninterrupted_one(phantoms):
    options = TINY | {"diagnosis": list(DIAGNOSES), "held_out": 0.5}
    call_command("train_gan", steps=4, name="whole", **options)
    call_command("train_gan", steps=2, name="part", snapshot_every=2, **options)
    part = TrainingRun.objects.get(name="part")
    part.settings["steps"] = 4
    part.save()
    call_command("train_gan", resume="part")
    whole, resumed = (
        read_snapshot(TrainingRun.objects.get(name=name).diagnosis_folder(ALL_DIAGNOSES) / "snapshot.safetensors")[0]
        for name in ("whole", "part")
    )
    assert whole.keys() == resumed.keys()
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)


def test_one_model_draws_every_diagnosis_with_truncation_and_strips(phantoms, tmp_path):
    call_command("train_gan", steps=30, name="both", diagnosis=list(DIAGNOSES), **TINY | {"held_out": 0.5})
    run = TrainingRun.objects.get(name="both")
    assert list(run.networks) == [ALL_DIAGNOSES]
    assert run.steps.count() == 30
    for folder in ("a", "b"):
        call_command("sample_gan", "both", count=2, output=tmp_path / folder, no_audit=True)
    names = sorted(path.name for path in (tmp_path / "a").glob("*.png"))
    assert len(names) == 4
    assert all((tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes() for name in names)
    call_command("sample_gan", "both", count=2, truncation=0.5, output=tmp_path / "c", no_audit=True)
    assert all((tmp_path / "a" / name).read_bytes() != (tmp_path / "c" / name).read_bytes() for name in names)
    assert run.generated_images.count() == 8
    call_command("sample_gan", "both", count=1, diagnosis=["melanoma"], strips=tmp_path / "strip.png")
    assert (tmp_path / "strip.png").read_bytes().startswith(b"\x89PNG")


def test_the_learning_rate_falls_to_0_over_the_last_share_of_the_training():
    settings = Settings(model="projected", learning_rate=0.3, cooldown=1 / 3)
    rates = [settings.rate_at(done) for done in (0, 0.5, 2 / 3, 0.75, 5 / 6, 1, 1.5)]
    assert rates == pytest.approx([0.3, 0.3, 0.3, 0.225, 0.15, 0, 0])
    assert Settings(model="projected", cooldown=0).rate_at(0.999) == 8e-4
    assert Settings(model="projected", cooldown=1).rate_at(0.25) == pytest.approx(6e-4)
    assert Settings(model="projected").rate_at(0.835) == pytest.approx(4e-4)
    # The paper's training and the control keep their rate.
    assert [Settings(model=model).rate_at(0.999) for model in ("dcgan", "r3gan")] == [1.5e-4, 2e-4]


def test_a_run_from_before_there_were_cooldown_layout_repulsion_and_enlarging_continues_without():
    settings = Settings(model="projected", learning_rate=4e-4)
    stored = settings.as_json()
    assert Settings.from_json(stored) == settings
    assert (settings.cooldown, settings.layout, settings.repulsion, settings.enlarged) == (0.33, True, 1.06, True)
    del stored["enlarged"]  # a run that had the other three
    assert Settings.from_json(stored) == replace(settings, enlarged=False)
    del stored["repulsion"]
    assert Settings.from_json(stored) == replace(settings, repulsion=1.0, enlarged=False)
    del stored["cooldown"], stored["layout"]
    older = Settings.from_json(stored)
    assert older.rate_at(0.999) == 4e-4
    assert (older.layout, older.repulsion, older.enlarged) == (False, 1, False)


def test_a_finished_run_keeps_the_settings_that_it_was_trained_with(phantoms, capsys):
    call_command("train_gan", steps=1, name="done", diagnosis=list(DIAGNOSES), **TINY | {"held_out": 0.5})
    run = TrainingRun.objects.get(name="done")
    half = {"cooldown": 0.5}
    for options in (half, {"precision": "bfloat16"}, half | {"steps": 1}, half | {"minutes": 1e-9}):
        with pytest.raises(CommandError, match=r"has finished its training, so nothing would be trained with it"):
            call_command("train_gan", resume="done", **options)
    with pytest.raises(CommandError, match=r"steps: must be 1 to"):
        call_command("train_gan", resume="done", steps=-3)
    call_command("train_gan", resume="done")  # nothing is left to do
    assert "has finished its training" in capsys.readouterr().err
    again = TrainingRun.objects.get(pk=run.pk)
    assert (again.settings, again.finished_at) == (run.settings, run.finished_at)
    call_command("train_gan", resume="done", cooldown=0.5, steps=2)
    again.refresh_from_db()
    assert (again.settings["cooldown"], again.settings["steps"], again.steps.count()) == (0.5, 2, 2)


@pytest.mark.parametrize("length", [{"steps": 4}, {"minutes": 4 / 60}], ids=lambda length: next(iter(length)))
def test_a_training_uses_the_rate_that_its_progress_asks_for(phantoms, monkeypatch, length):
    rates = []
    once = ProjectedTrainer.train_step

    def remembering(trainer, done):
        losses = once(trainer, done)
        rates.append([trainer.generator_adam.param_groups[0]["lr"], trainer.discriminator_adam.param_groups[0]["lr"]])
        return losses

    monkeypatch.setattr(ProjectedTrainer, "train_step", remembering)
    # Every step takes a second.
    clock = itertools.count()
    monkeypatch.setattr("gan.runs.recording.time.monotonic", lambda: next(clock))
    options = TINY | {"diagnosis": list(DIAGNOSES), "held_out": 0.5, "learning_rate": 0.004, "cooldown": 0.5}
    call_command("train_gan", **length, **options)
    assert rates == [pytest.approx([rate, rate]) for rate in (0.004, 0.004, 0.004, 0.002)]


def test_a_rate_that_is_a_tensor_changes_in_place(settings_and_images):
    """On a GPU, recorded steps read the rate from the tensor that they were recorded with."""
    settings, images = settings_and_images
    ours, theirs = (ProjectedTrainer(images, settings, torch.device("cpu")) for _ in range(2))
    rate = torch.tensor(settings.rate_at(0))
    for adam in (ours.generator_adam, ours.discriminator_adam):
        adam.param_groups[0]["lr"] = rate
    for trainer in (ours, theirs):
        trainer.train_step(0.9)
    assert ours.generator_adam.param_groups[0]["lr"] is ours.discriminator_adam.param_groups[0]["lr"] is rate
    assert rate.item() == pytest.approx(settings.rate_at(0.9))
    for one, other in zip(ours.generator.parameters(), theirs.generator.parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-7)


def test_the_averaged_weights_forget_slowly_only_in_long_trainings():
    seen = [320, 28_000, 112_000, 400_000, 10_000_000]
    assert [half_life(images) for images in seen] == pytest.approx([16, 1400, 1400, 5000, 10_000])
