"""The code for GPUs computes the same as the code for CPUs, and reads no value on the host."""

import pytest
import torch
from torch.nn import functional as F
from torch.utils._python_dispatch import TorchDispatchMode

from gan.networks import devices, r3gan
from gan.networks.augmentation import translate, translate_by_lookup, turn_at_once, turn_each
from gan.networks.layers import KerasBatchNorm2d, LeakyDropout, UpsampledConv2d
from gan.runs.execution import TRAINERS
from gan.training.settings import MODELS, Settings

# What makes the host wait for a GPU, or gives shapes that depend on values: no CUDA graph may have it.
READING = ("_local_scalar_dense", "nonzero", "unique", "masked_select", "item", "is_nonzero", "equal")


class NothingRead(TorchDispatchMode):
    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        name = function.name().removeprefix("aten::").split(".")[0].lstrip("_")
        assert name not in [one.lstrip("_") for one in READING], f"{function} reads a value"
        return function(*args, **kwargs or {})


@pytest.fixture
def small_float64(monkeypatch):
    """Small networks and stored sets without dropout, in float64 wherever trainings would use float32."""
    monkeypatch.setattr(LeakyDropout, "forward", lambda self, x: F.leaky_relu(x, self.SLOPE))
    monkeypatch.setattr(r3gan, "WIDTHS", dict.fromkeys(r3gan.WIDTHS, 16))
    monkeypatch.setattr("gan.networks.projected.STRETCH", 2)
    monkeypatch.setattr("gan.training.projected.REMEMBERED", 4)
    monkeypatch.setattr(torch.Tensor, "float", torch.Tensor.double)
    exactly = F.binary_cross_entropy_with_logits
    monkeypatch.setattr(
        "gan.training.dcgan.cross_entropy", lambda logits, target: exactly(logits, torch.full_like(logits, target))
    )


def trainer(model):
    torch.manual_seed(0)
    # The DCGAN's last block has cells from 128 pixels on.
    size = 128 if model == "dcgan" else 64
    images = [torch.randint(0, 256, (9 + 4 * kind, 3, size, size), dtype=torch.uint8) for kind in range(3)]
    settings = Settings(model=model, size=size, batch_size=4, precision="float32")
    made = TRAINERS[model](images[:1] if model == "dcgan" else images, settings, torch.device("cpu"))
    made.dtype = torch.float64
    for part in vars(made).values():
        if isinstance(part, torch.nn.Module):
            part.double()
    return made


def draw(one):
    drawn = one.draw(0)
    return drawn | {"z": drawn["z"].double()}


@pytest.mark.parametrize("model", MODELS)
def test_a_step_has_the_gradients_of_a_cpu_step_reads_nothing_and_keeps_its_place(monkeypatch, small_float64, model):
    ours, theirs = trainer(model), trainer(model)
    drawn = draw(theirs)
    expected = theirs.gradients(drawn)
    monkeypatch.setattr(devices, "on_gpu", lambda x: True)
    if model == "projected":
        assert ours._real_features  # known before a step is recorded
        assert ours._enlarged_real_features
    places = places_of(ours)
    with NothingRead():
        found = ours.gradients(drawn)
    for one, other in zip(found[:2], expected[:2], strict=True):
        torch.testing.assert_close(one, other, rtol=1e-6, atol=1e-6)
    for name in ("generator", "discriminator"):
        for one, other in zip(getattr(found, name), getattr(expected, name), strict=True):
            scale = other.abs().max().clamp(min=1e-6)
            torch.testing.assert_close(one / scale, other / scale, rtol=0, atol=1e-4)
    ours._update(found)
    assert places_of(ours) == places
    theirs._update(expected)
    for one, other in zip(ours.generator.buffers(), theirs.generator.buffers(), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-6, atol=1e-6)


def places_of(one):
    """The memory addresses of weights and buffers, where a recorded step expects them."""
    networks = {"generator": one.generator, "discriminator": one.discriminator}
    return {
        f"{name}.{key}": tensor.data_ptr()
        for name, network in networks.items()
        for key, tensor in network.state_dict().items()
    }


@pytest.mark.parametrize("factor", [2, 4, 8])
def test_the_spread_kernel_upsamples_and_convolves(factor):
    torch.manual_seed(0)
    layer = UpsampledConv2d(5, 3, factor).double()
    x = torch.randn(2, 5, 4, 6, dtype=torch.float64)
    plain = F.conv2d(F.interpolate(x, scale_factor=factor), layer.weight, layer.bias, padding=1)
    ours = F.conv_transpose2d(x, layer.spread_kernel(factor), layer.bias, stride=factor, padding=1)
    torch.testing.assert_close(ours, plain, rtol=1e-12, atol=1e-12)


def test_lookups_turn_and_move_as_copies_do():
    images = torch.randint(0, 256, (8, 3, 32, 32), dtype=torch.uint8)
    assert torch.equal(turn_at_once(images, torch.arange(8)), turn_each(images, torch.arange(8)))
    floats = images.float()
    for shift in ([0.5, 0.5], [0.0, 0.999], [0.9, 0.1]):
        assert torch.equal(translate_by_lookup(floats, torch.tensor(shift)), translate(floats, torch.tensor(shift)))


def test_keras_moving_variance_averages_the_batchs_own():
    torch.manual_seed(0)
    layer, x = KerasBatchNorm2d(3), torch.randn(4, 3, 2, 2)
    layer(x)
    torch.testing.assert_close(layer.running_var, 0.8 + 0.2 * x.var((0, 2, 3), correction=0))
