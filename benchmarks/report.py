"""Prints a benchmark's table and stores it as JSON."""

import json
from pathlib import Path

RESULTS = Path(__file__).parent / "results"


def report(name: str, rows: list[dict]) -> None:
    """Print rows with the same keys as a table, and write `results/NAME.json`."""
    columns = list(rows[0])
    cells = [
        [f"{row[column]:.3g}" if isinstance(row[column], float) else str(row[column]) for column in columns]
        for row in rows
    ]
    widths = [max(len(column), *(len(line[index]) for line in cells)) for index, column in enumerate(columns)]
    print(name)
    for line in [columns, *cells]:
        print("  ".join(text.rjust(width) for text, width in zip(line, widths, strict=True)))
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.json").write_text(json.dumps(rows, indent=2) + "\n")
