"""A test for yourself: two sheets of real and generated images at random places, and the key in a separate file.

    python -m benchmarks.blinded_grid lesions
    python -m benchmarks.blinded_grid --check var/blinded

The first command draws `sheet-1.png` and `sheet-2.png`, each with 48 held-out real images and 48 generated ones. As
far as there are enough lesions, no two real images show the same one, because such a pair tells that both are real. The
command also writes `answers.csv` to fill in: `r` for real, `g` for generated, nothing for an image that you skipped.
The second command counts the right answers by `key.csv`. Take five minutes a sheet. Look at one before the other, and
at the key last.
"""

import argparse
import csv
import io
import math
import sys
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw
from tqdm import tqdm

from console import UserError, progress
from files import write_file
from gan.datasets.comparison_sets import comparison_set_of, find_generator
from gan.datasets.sources import Source, decode_pixels, groups_of
from gan.evaluation.generator_report import images_of
from gan.foundation.errors import GanError
from gan.foundation.patients import Node
from gan.imaging.image_files import png_bytes
from gan.models import Generator
from tables import parse_table, read_text

SHEETS, OF_EACH, COLUMNS = 2, 48, 12
SIDE, CAPTION, GAP = 128, 14, 4  # pixels
ANSWERS = {"r": "real", "g": "generated"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("generator", nargs="?", help="id or name of a training run or an imported generator")
    parser.add_argument("--seed", type=int, default=0, help="of the choice and the places (0)")
    parser.add_argument("--output", type=Path, default=Path("var/blinded"), help="folder (var/blinded)")
    parser.add_argument("--check", type=Path, metavar="FOLDER", help="instead: count the answers in this folder")
    options = parser.parse_args()
    try:
        if options.check:
            print("\n".join(check(options.check)))
        elif options.generator:
            draw(find_generator(options.generator), options.seed, options.output)
            print(f"{options.output}: {SHEETS} sheets, answers.csv to fill in, and key.csv to look at last.")
        else:
            parser.error("name a generator, or a folder to --check")
    except UserError as error:
        sys.exit(str(error))


def draw(generator: Generator, seed: int, folder: Path) -> None:
    """Write the sheets, the empty answers and the key. Raises `GanError` if too few lesions are held out."""
    rng = np.random.default_rng(seed)
    names = generator.diagnoses
    counts = [SHEETS * OF_EACH // len(names) + (place < SHEETS * OF_EACH % len(names)) for place in range(len(names))]
    held_out = comparison_set_of(generator).held_out
    cells: dict[str, list[tuple[np.ndarray, str, str]]] = {"real": [], "generated": []}
    for name, count in zip(tqdm(names, desc="Diagnoses", disable=None), counts, strict=True):
        if len(held_out[name]) < count:
            raise GanError(f"{generator}: {len(held_out[name])} held-out images of {name}; {count} are needed.")
        shuffled = [held_out[name][index] for index in rng.permutation(len(held_out[name]))]
        chosen = _of_different_groups(shuffled)[:count]
        pixels = decode_pixels(chosen, generator.size)
        cells["real"] += [(one, name, source.name) for one, source in zip(pixels, chosen, strict=True)]
        drawn, marks = images_of(generator, name, count, seed, progress)
        if len(drawn) < count:
            raise GanError(f"{generator}: {len(drawn)} images of {name}; {count} are needed.")
        cells["generated"] += [(one, name, _called(mark)) for one, mark in zip(drawn, marks, strict=True)]
    for found in cells.values():
        rng.shuffle(found)  # type: ignore[arg-type]  # so that both sheets have all diagnoses
    key: list[tuple[Any, ...]] = []
    for sheet in range(SHEETS):
        own = slice(sheet * OF_EACH, (sheet + 1) * OF_EACH)
        placed = [(truth, *cell) for truth, found in cells.items() for cell in found[own]]
        placed = [placed[index] for index in rng.permutation(len(placed))]
        write_file(folder / f"sheet-{sheet + 1}.png", png_bytes(sheet_of([pixels for _, pixels, *_ in placed])))
        key += [(sheet + 1, place, truth, *about) for place, (truth, _, *about) in enumerate(placed, start=1)]
    _write(folder / "key.csv", ("sheet", "place", "truth", "diagnosis", "image"), key)
    _write(folder / "answers.csv", ("sheet", "place", "answer"), [(*row[:2], "") for row in key])


def _of_different_groups(sources: list[Source]) -> list[Source]:
    """The first image of each lesion, or of each patient if the archive names them, then the others."""
    seen: set[Node] = set()
    first, others = [], []
    for source, group in zip(sources, groups_of({"": sources})[0], strict=True):
        (others if group in seen else first).append(source)
        seen.add(group)
    return first + others


def _called(mark: dict[str, Any]) -> str:
    return str(mark.get("name") or mark.get("latent_seed"))


def sheet_of(images: list[np.ndarray]) -> Image.Image:
    """Images (S, S, 3) in rows, numbered from 1, all brought to one size in the same way."""
    step = SIDE + GAP
    lines = math.ceil(len(images) / COLUMNS)
    sheet = Image.new("RGB", (COLUMNS * step + GAP, lines * (step + CAPTION) + GAP), "white")
    pen = ImageDraw.Draw(sheet)
    for index, pixels in enumerate(images):
        left, top = GAP + index % COLUMNS * step, GAP + index // COLUMNS * (step + CAPTION)
        pen.text((left, top), str(index + 1), fill="black")
        picture = Image.fromarray(pixels).resize((SIDE, SIDE), Image.Resampling.LANCZOS)
        sheet.paste(picture, (left, top + CAPTION))
    return sheet


def check(folder: Path) -> list[str]:
    """Lines that say how many answers are right, with Wilson's 95% interval, and how each truth was judged."""
    key = {(row["sheet"], row["place"]): row["truth"] for row in _rows(folder / "key.csv", ["truth"])}
    judged = []
    for line, row in enumerate(_rows(folder / "answers.csv", ["answer"]), start=2):
        answer, place = row["answer"].strip().lower()[:1], (row["sheet"], row["place"])
        if place not in key or (answer and answer not in ANSWERS):
            raise GanError(f"{folder / 'answers.csv'}, line {line}: an answer is r or g, at a place of the key.")
        if answer:
            judged.append((key[place], ANSWERS[answer]))
    if not judged:
        raise GanError(f"{folder / 'answers.csv'}: no answer in it yet.")
    right = sum(truth == answer for truth, answer in judged)
    lines = [f"{right} of {len(judged)} right: {_share(right, len(judged))}; guessing gives 50%."]
    for truth in ANSWERS.values():
        own = [answer for one, answer in judged if one == truth]
        called = own.count("real")
        lines.append(f"{called} of {len(own)} {truth} images taken for real: {_share(called, len(own))}.")
    return lines


def _share(count: int, total: int) -> str:
    if not total:
        return "none was judged"
    z, share = 1.959964, count / total
    middle, half = share + z**2 / (2 * total), z * math.sqrt(share * (1 - share) / total + z**2 / (4 * total**2))
    low, high = ((middle + sign * half) / (1 + z**2 / total) for sign in (-1, 1))
    return f"{share:.0%} (95% interval {max(low, 0):.0%} to {min(high, 1):.0%})"


def _rows(path: Path, needed: list[str]) -> list[dict[str, str]]:
    table = parse_table(read_text(path), str(path), needed=["sheet", "place", *needed])
    return [dict(zip(table.columns, row, strict=True)) for row in table.rows]


def _write(path: Path, header: tuple[str, ...], rows: list[tuple[Any, ...]]) -> None:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerows([header, *rows])
    write_file(path, text.getvalue().encode())


if __name__ == "__main__":
    main()
