"""One verdict for each image: accepted or rejected, with reasons and scores."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass, field
from itertools import islice

import numpy as np
from PIL import Image

from console import UserError
from gan.curation.frames import frame_score
from gan.curation.low_quality import SHORTEST_SIDE, quality_score
from gan.curation.rulers import ruler_score
from gan.foundation.errors import GanError
from gan.imaging.duplicates import duplicate_of, hash_of, thumbnail_of
from gan.imaging.image_files import open_rgb

ROUND_FRAME, RULER, TOO_SMALL, LOW_QUALITY, DUPLICATE = REASONS = (
    "round_frame",
    "ruler_or_annotation",
    "too_small",
    "low_quality",
    "duplicate",
)
CHUNK = 8  # images that a process gets at once
WIDTH = 256  # pixels on the long side, at which images are measured


@dataclass(frozen=True)
class Appearance:
    """Measurements of one image: a score for each reason (1 or more rejects), and what identifies duplicates."""

    scores: dict[str, float]
    hash: int
    thumbnail: np.ndarray
    pixels: int


@dataclass(frozen=True)
class Verdict:
    """Whether an image is fit for training. Accepted images have no `reasons`. Scores of 1 or more reject."""

    name: str
    reasons: tuple[str, ...]
    scores: dict[str, float] = field(default_factory=dict)
    repeats: str = ""  # the name of the image that this one repeats

    @property
    def accepted(self) -> bool:
        return not self.reasons


def look_at(content: bytes | str) -> Appearance | str:
    """Measure one image file. Returns the reason in words if it cannot be read, or if `content` is one already."""
    if isinstance(content, str):
        return content
    try:
        image = open_rgb(content)
    except GanError as error:
        return str(error)
    scale = WIDTH / max(image.size)
    size = (max(round(image.width * scale), 8), max(round(image.height * scale), 8))
    rgb = np.asarray(image.resize(size, Image.Resampling.BICUBIC, reducing_gap=3.0), dtype=float)
    grey = (rgb[..., 0] + rgb[..., 1] + rgb[..., 2]) / 3
    thumbnail = thumbnail_of(image)
    scores = {
        ROUND_FRAME: frame_score(grey),
        RULER: ruler_score(rgb),
        TOO_SMALL: (SHORTEST_SIDE - 1) / min(image.size),
        LOW_QUALITY: quality_score(grey),
    }
    return Appearance(
        {reason: round(min(score, 99.0), 3) for reason, score in scores.items()},
        hash_of(thumbnail),
        thumbnail,
        image.width * image.height,
    )


def reasons_of(scores: dict[str, float]) -> list[str]:
    """Why an image with these scores is rejected, apart from duplicates."""
    return [reason for reason, score in scores.items() if score >= 1]


def judge(names: Sequence[str], appearances: Sequence[Appearance | str]) -> list[Verdict]:
    """Verdicts in the order of the images.

    Of pictures that repeat each other, the largest is kept (the first of equals). An image that cannot be read is
    rejected as `low_quality`.
    """
    readable = [index for index, one in enumerate(appearances) if isinstance(one, Appearance)]
    readable.sort(key=lambda index: -appearances[index].pixels)  # type: ignore[union-attr]  # a stable sort
    seen: list[Appearance] = [appearances[index] for index in readable]  # type: ignore[misc]
    repeats = duplicate_of([one.hash for one in seen], lambda index: seen[index].thumbnail)
    original = dict(zip(readable, repeats, strict=True))
    verdicts = []
    for index, (name, one) in enumerate(zip(names, appearances, strict=True)):
        if not isinstance(one, Appearance):
            verdicts.append(Verdict(name, (LOW_QUALITY,)))
            continue
        reasons = reasons_of(one.scores)
        repeated = original[index]
        if repeated is not None:
            reasons.append(DUPLICATE)
        verdicts.append(
            Verdict(name, tuple(reasons), one.scores, "" if repeated is None else names[readable[repeated]])
        )
    return verdicts


def measure(reads: Iterable[Callable[[], bytes]]) -> Iterator[Appearance | str]:
    """Run `look_at` on every image, on all processors, in order. Only a few dozen files are in memory at a time."""
    remaining = iter(reads)
    waiting: deque[Future[list[Appearance | str]]] = deque()
    with ProcessPoolExecutor() as pool:
        ahead = 3 * (os.cpu_count() or 1)  # chunks, so that no processor waits for the next file
        while True:
            while len(waiting) < ahead and (files := [_content(read) for read in islice(remaining, CHUNK)]):
                waiting.append(pool.submit(look_at_all, files))
            if not waiting:
                return
            yield from waiting.popleft().result()


def look_at_all(contents: Sequence[bytes | str]) -> list[Appearance | str]:
    return [look_at(content) for content in contents]


def _content(read: Callable[[], bytes]) -> bytes | str:
    """The file's bytes, or why they cannot be read. One bad file must not end the work on all."""
    try:
        return read()
    except (UserError, OSError) as error:
        return str(error)
