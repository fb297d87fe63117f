"""R3GAN has the right penalties and gradients and one model for all diagnoses, and is repeatable."""

import pytest
import torch
from django.core.management import call_command

from gan.imaging.phantoms import DIAGNOSES
from gan.models import ALL_DIAGNOSES, TrainingRun
from gan.networks import r3gan
from gan.runs.snapshots import read_snapshot
from gan.training.r3gan import GAMMA, R3GANTrainer, gamma_at
from gan.training.settings import Settings

TINY = {"model": "r3gan", "size": 64, "batch_size": 4, "phantoms": True, "precision": "float32"}


@pytest.fixture(autouse=True)
def narrow(monkeypatch):
    """Networks that are narrow enough for quick steps."""
    monkeypatch.setattr(r3gan, "WIDTHS", dict.fromkeys(r3gan.WIDTHS, 8))
    monkeypatch.setattr(r3gan, "GROUP_WIDTH", 4)
    monkeypatch.setattr(r3gan, "EMBEDDING_SIZE", 8)


@pytest.fixture
def trainer(narrow):
    torch.manual_seed(0)
    images = [torch.randint(0, 256, (6, 3, 64, 64), dtype=torch.uint8) for _ in range(2)]
    made = R3GANTrainer(images, Settings(**TINY | {"phantoms": False}), torch.device("cpu"))
    wake(made.generator)
    wake(made.discriminator)
    return made


def wake(network):
    """Give the blocks something to do, because they start as only their skip connections."""
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if name.endswith("layers.4.weight"):
                torch.nn.init.normal_(parameter, std=0.2)


@pytest.mark.parametrize("size", r3gan.SIZES)
def test_networks_have_the_shapes_they_say(size):
    generator, discriminator = r3gan.build(size, 3, 0)
    labels = torch.tensor([0, 2])
    images = generator(torch.randn(2, r3gan.LATENT_SIZE), labels)
    assert images.shape == (2, 3, size, size)
    assert discriminator(images, labels).shape == (2,)
    assert not any("norm" in type(layer).__name__.lower() for layer in generator.modules())


def test_blocks_start_as_nothing_but_their_skips():
    block = r3gan.Block(16, 4)
    x = torch.randn(2, 16, 4, 4)
    assert torch.equal(block(x), x)


def test_a_convolution_and_its_derivatives_are_pytorchs():
    torch.manual_seed(0)
    layer = r3gan.Convolution(4, 6, 3, groups=2, bias=True).double()
    x = torch.randn(2, 4, 5, 5, dtype=torch.float64, requires_grad=True)

    def derivatives(y):
        leaves = (x, layer.weight, layer.bias)
        (slope,) = torch.autograd.grad(y.tanh().sum(), x, create_graph=True)
        return [*torch.autograd.grad(slope.square().sum() + y.sin().sum(), leaves)]

    plain = torch.nn.functional.conv2d(x, layer.weight, layer.bias, padding=1, groups=2)
    for ours, theirs in zip(derivatives(layer(x)), derivatives(plain), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-10, atol=1e-12)


def test_gradients_are_those_of_the_loss_by_finite_differences(trainer, monkeypatch):
    """Of both losses as in the paper, with penalties on gradients from PyTorch's autograd instead of our code."""
    trainer.generator.double(), trainer.discriminator.double()
    monkeypatch.setattr("gan.training.r3gan.torch.Tensor.float", lambda self: self.double())
    drawn = {name: one.double() if one.is_floating_point() else one for name, one in trainer.draw(0).items()}
    monkeypatch.setattr(R3GANTrainer, "real", lambda self, drawn: self.together[drawn["images"]].double() / 127.5 - 1)
    found = trainer.gradients(drawn)
    labels, gamma = drawn["labels"], drawn["gamma"].item()
    real = trainer.real(drawn)

    def losses():
        from gan.networks.augmentation import translate

        fake = trainer.generator(drawn["z"], labels).detach()
        logits, penalties = [], []
        for images, shift in ((real, drawn["real_shift"]), (fake, drawn["generated_shift"])):
            leaf = images.clone().requires_grad_()
            logit = trainer.discriminator(translate(leaf, shift), labels)
            slope = torch.stack([torch.autograd.grad(one, leaf, retain_graph=True)[0] for one in logit]).sum(0)
            logits.append(logit.detach())
            penalties.append(slope.square().sum((1, 2, 3)).mean())
        softplus = torch.nn.functional.softplus
        whole = softplus(logits[1] - logits[0]).mean() + gamma / 2 * sum(penalties)
        return softplus(logits[0] - logits[1]).mean().item(), whole.item()

    rng = torch.Generator().manual_seed(1)
    for network, gradients, which in (
        (trainer.generator, found.generator, 0),
        (trainer.discriminator, found.discriminator, 1),
    ):
        weights = list(network.parameters())
        direction = [torch.randn(one.shape, generator=rng, dtype=torch.float64) for one in weights]
        values, step = [], 1e-9  # small enough that no activation changes sign, where slopes jump
        for sign in (1, -2):
            with torch.no_grad():
                torch._foreach_add_(weights, direction, alpha=sign * step)
            values.append(losses()[which])
        with torch.no_grad():
            torch._foreach_add_(weights, direction, alpha=step)
        slope = sum((one * two).sum() for one, two in zip(gradients, direction, strict=True)).item()
        assert slope == pytest.approx((values[0] - values[1]) / (2 * step), rel=1e-3)
    assert found.generator_loss.item() == pytest.approx(losses()[0])


def test_towards_images_leaves_out_what_would_be_thrown_away(trainer):
    convolutions = [one for one in trainer.discriminator.modules() if isinstance(one, r3gan.Convolution)]
    with trainer.discriminator.towards_images():
        assert not any(one.learns for one in convolutions)
    assert all(one.learns for one in convolutions)


def test_the_penalty_eases_to_a_tenth():
    seen = [gamma_at(images, 128) for images in (0, 50_000, 100_000, 200_000, 10**7)]
    assert seen == sorted(seen, reverse=True)
    assert seen[0] == GAMMA[128]
    assert seen[-1] == pytest.approx(GAMMA[128] / 10)


def test_the_discriminator_learns_to_tell_and_the_average_follows(trainer):
    first = trainer.train_step()
    for group in trainer.generator_adam.param_groups:
        group["lr"] = 0.0  # it stands still, so that the discriminator can only get better
    for group in trainer.discriminator_adam.param_groups:
        group["lr"] = 2e-3
    last = [trainer.train_step() for _ in range(12)][-4:]
    assert sum(losses.discriminator for losses in last) / 4 < first.discriminator
    drawn = trainer.samples(torch.randn(3, trainer.latent_size), 1)
    assert drawn.shape == (3, 3, 64, 64)
    assert trainer.score(trainer.images[0][:2], 0).shape == (2,)


def test_a_resumed_run_ends_with_the_weights_of_an_uninterrupted_one(phantoms):
    options = TINY | {"diagnosis": list(DIAGNOSES), "held_out": 0.5}
    call_command("train_gan", steps=4, name="whole", **options)
    call_command("train_gan", steps=2, name="part", snapshot_every=2, **options)
    call_command("train_gan", resume="part", steps=4)
    whole, resumed = (
        read_snapshot(TrainingRun.objects.get(name=name).diagnosis_folder(ALL_DIAGNOSES) / "snapshot.safetensors")[0]
        for name in ("whole", "part")
    )
    assert whole.keys() == resumed.keys()
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)


def test_one_model_draws_every_diagnosis_the_same_every_time(phantoms, tmp_path):
    call_command("train_gan", steps=2, name="both", diagnosis=list(DIAGNOSES), **TINY | {"held_out": 0.5})
    run = TrainingRun.objects.get(name="both")
    assert list(run.networks) == [ALL_DIAGNOSES]
    for folder in ("a", "b"):
        call_command("sample_gan", "both", count=2, output=tmp_path / folder, no_audit=True)
    names = sorted(path.name for path in (tmp_path / "a").glob("*.png"))
    assert len(names) == 4
    assert all((tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes() for name in names)


def test_the_summary_counts_every_parameter(capsys):
    call_command("train_gan", model="r3gan", summary=True)
    printed = capsys.readouterr().out
    for network in r3gan.build(128, 1, 0):
        assert f"{sum(one.numel() for one in network.parameters()):,}" in printed
