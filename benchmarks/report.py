"""Prints a benchmark's table and stores it as JSON."""

import json
import os
from collections.abc import Sequence
from pathlib import Path

RESULTS = Path(__file__).parent / "results"


def report(name: str, rows: list[dict]) -> None:
    """Print rows as a table, and write `results/NAME.json`. A cell that a row lacks stays blank."""
    columns = list(dict.fromkeys(column for row in rows for column in row))
    cells = [[_cell(row.get(column, "")) for column in columns] for row in rows]
    widths = [max(len(column), *(len(line[index]) for line in cells)) for index, column in enumerate(columns)]
    print(name)
    for line in [columns, *cells]:
        print("  ".join(text.rjust(width) for text, width in zip(line, widths, strict=True)))
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.json").write_text(json.dumps(rows, indent=2) + "\n")


def keep(name: str, rows: list[dict], keys: Sequence[str]) -> None:
    """As `report`, but rows of earlier calls stay, except those that are alike in all of the columns `keys`."""
    path = RESULTS / f"{name}.json"
    before = json.loads(path.read_text()) if path.exists() else []
    new = {tuple(row.get(key) for key in keys) for row in rows}
    report(name, [row for row in before if tuple(row.get(key) for key in keys) not in new] + rows)


def _cell(value: object) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def processor() -> str:
    """The processor's name and the number of its cores."""
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    name = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), "unknown processor")
    return f"{name}, {os.cpu_count()} cores" + (f", as with {limit}" if (limit := limited_to()) else "")


def limited_to() -> str:
    """`avx2` if the environment keeps PyTorch's kernels from using more of the processor than AVX2, else nothing."""
    limits = {os.environ.get(name, "").lower() for name in ("ONEDNN_MAX_CPU_ISA", "ATEN_CPU_CAPABILITY")}
    return "avx2" if limits == {"avx2"} else ""


def table_name(name: str) -> str:
    """The name of a table, apart for a limited processor."""
    return f"{name}_{limit}" if (limit := limited_to()) else name
