"""A training computes in the type in which the machine is faster."""

import pytest
import torch

from gan.training import arithmetic
from gan.training.arithmetic import choose_dtype, processor_prefers_bfloat16, seconds_of_products
from gan.training.dcgan import DCGANTrainer
from gan.training.processes import Processes
from gan.training.settings import Settings

CPU = torch.device("cpu")


@pytest.fixture
def processor(monkeypatch):
    """A processor with or without instructions for bfloat16, and how many times as fast as float32 they are."""

    def be(times_as_fast: float, has_bfloat16: bool = True) -> None:
        processor_prefers_bfloat16.cache_clear()
        monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: has_bfloat16)
        found = {torch.float32: times_as_fast, torch.bfloat16: 1.0}
        monkeypatch.setattr(arithmetic, "seconds_of_products", lambda: found)

    yield be
    processor_prefers_bfloat16.cache_clear()


@pytest.mark.parametrize(
    ("times_as_fast", "has_bfloat16", "expected"),
    [(4.1, True, torch.bfloat16), (0.5, True, torch.float32), (1.1, True, torch.float32), (4.1, False, torch.float32)],
)
def test_auto_is_the_faster_type(processor, times_as_fast, has_bfloat16, expected):
    processor(times_as_fast, has_bfloat16)
    assert choose_dtype("auto", CPU) == expected


def test_a_named_type_is_not_measured(processor):
    processor(4.1)
    assert choose_dtype("float32", CPU) == torch.float32
    processor(0.5)
    assert choose_dtype("bfloat16", CPU) == torch.bfloat16


def test_both_products_are_timed():
    seconds = seconds_of_products()
    assert seconds.keys() == {torch.float32, torch.bfloat16}
    # A product of 0.3 GFLOP takes between a microsecond and ten seconds on any machine.
    assert all(1e-6 < one < 10 for one in seconds.values())


def test_the_first_process_decides_for_all(processor):
    class Second(Processes):
        """A second process whose first one has chosen bfloat16."""

        def number(self, value: int) -> int:
            assert value == 0
            return 1

    processor(0.5)
    images = [torch.zeros(4, 3, 64, 64, dtype=torch.uint8)]
    settings = Settings(size=64, batch_size=2)
    assert DCGANTrainer(images, settings, CPU).dtype == torch.float32
    assert DCGANTrainer(images, settings, CPU, processes=Second(1, 2)).dtype == torch.bfloat16
