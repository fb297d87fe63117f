"""The benchmark of limits counts what an operation computes and moves."""

import pytest
import torch

from benchmarks.report import limited_to, table_name
from benchmarks.roofline import Recorder


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
