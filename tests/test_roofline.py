"""The benchmark of limits counts what an operation computes and moves."""

import pytest
import torch

from benchmarks.report import limited_to, table_name
from benchmarks.roofline import Recorder, roofline
from gan.training.settings import Settings


def test_an_operation_is_bound_by_the_slower_of_arithmetic_and_memory():
    one, other = torch.ones(4, 8), torch.ones(8, 2)
    with Recorder({torch.float32: 1e9}, 1e9) as recorder:
        for _ in range(3):
            (one @ other).t()  # the view moves nothing
    (row,) = recorder.rows.values()
    assert (row["operation"], row["result"], row["first_input"], row["calls"]) == ("mm", "4 x 2", "4 x 8", 3)
    assert row["gflop"] == pytest.approx(3 * 2 * 4 * 8 * 2 / 1e9)
    assert row["mb"] == pytest.approx(3 * 4 * (4 * 8 + 8 * 2 + 4 * 2) / 1e6)
    assert (row["bound_by"], row["bound_ms"]) == ("memory", pytest.approx(row["mb"]))  # 1 GB/s
    with Recorder({torch.float32: 1e8}, 1e9) as recorder:
        one @ other
    (row,) = recorder.rows.values()
    assert (row["bound_by"], row["bound_ms"]) == ("arithmetic", pytest.approx(1000 * 128 / 1e8))


def test_a_table_of_a_limited_processor_is_kept_apart(monkeypatch):
    for name in ("ONEDNN_MAX_CPU_ISA", "ATEN_CPU_CAPABILITY"):
        monkeypatch.delenv(name, raising=False)
    assert limited_to() == ""
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "AVX2")
    assert limited_to() == ""
    assert table_name("roofline") == "roofline"
    monkeypatch.setenv("ATEN_CPU_CAPABILITY", "avx2")
    assert limited_to() == "avx2"
    assert table_name("roofline") == "roofline_avx2"


def test_limits_of_another_processor_bound_the_same_operations():
    """Half the speed, in arithmetic and in memory, is twice the bound."""
    settings = Settings(model="dcgan", size=64, batch_size=2, precision="float32")
    fast = {"processor": "fast", "float32_gflop_per_s": 200.0, "memory_gb_per_s": 40.0}
    slow = {"processor": "slow", "float32_gflop_per_s": 100.0, "memory_gb_per_s": 20.0}
    (whole, *_), (twice, *_) = roofline(settings, fast), roofline(settings, slow)
    assert (whole["limits_of"], twice["limits_of"]) == ("fast", "slow")
    assert whole["gflop"] == pytest.approx(twice["gflop"])
    assert whole["gflop"] > 0
    assert twice["bound_ms"] == pytest.approx(2 * whole["bound_ms"])
