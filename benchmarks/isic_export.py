"""Reads an ISIC export for the benchmarks of quality."""

import csv
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from gan.datasets.sources import Source
from gan.foundation.diagnoses import diagnosis_of_row
from gan.imaging.image_files import sha256

LESIONS_KNOWN = "HAM10000"  # the source dataset whose lesion ids can be trusted


@dataclass(frozen=True)
class ExportedImage:
    """One image of the export. `lesion_known` is True if the metadata name no other source dataset than HAM10000."""

    source: Source
    diagnosis: str
    lesion_known: bool


@cache
def read_export(folder: Path) -> tuple[ExportedImage, ...]:
    """All images of `metadata.csv`, sorted by name. The files lie in `images/ID.jpg`."""
    found = []
    with (folder / "metadata.csv").open(newline="", encoding="utf-8") as stream:
        for row in csv.DictReader(stream):
            path = folder / "images" / f"{row['isic_id']}.jpg"
            source = Source(row["isic_id"], row["lesion_id"], sha256(path.read_bytes()), path.read_bytes)
            known = row.get("source_dataset", LESIONS_KNOWN) == LESIONS_KNOWN
            found.append(ExportedImage(source, diagnosis_of_row(row), known))
    return tuple(sorted(found, key=lambda one: one.source.name))
