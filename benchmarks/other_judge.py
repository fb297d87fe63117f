"""A second feature network for `benchmarks.quality`: no relative of any network that the generator knows.

It is trained from scratch to tell diagnoses apart, on the images of the export that no generator is trained on or
judged by. It never saw ImageNet. It sees 64 pixels and few images, so it judges layout and colour rather than hair.
"""

from collections import Counter
from functools import cache
from pathlib import Path

import numpy as np
import torch

from benchmarks.isic_export import read_export
from gan.datasets.sources import decode_pixels
from gan.quality.extractors import Extractor, resize
from gan.training.batches import to_unit_range
from gan.utility.small_network import SIDE, train_network

STEPS = 1500
FEWEST = 50  # images of a diagnosis


@cache
def other_judge(folder: Path, judged: frozenset[str]) -> Extractor:
    """Features (N, 128) before the last layer of a network trained on all images but HAM10000's of `judged` diagnoses.

    Raises `SystemExit` if fewer than two diagnoses have 50 such images.
    """
    others = [one for one in read_export(folder) if not (one.diagnosis in judged and one.lesion_known)]
    counts = Counter(one.diagnosis for one in others)
    kept = sorted(name for name, count in counts.items() if count >= FEWEST)
    if len(kept) < 2:
        raise SystemExit(f"{folder}: the second judge needs {FEWEST} images each of two diagnoses that are not judged.")
    chosen = [one for one in others if one.diagnosis in kept]
    pixels = decode_pixels([one.source for one in chosen], SIDE).transpose(0, 3, 1, 2)
    pixels = np.ascontiguousarray(pixels)
    network = train_network(pixels, np.array([kept.index(one.diagnosis) for one in chosen]), 0, STEPS)
    body = torch.nn.Sequential(*list(network)[:-2])  # up to the mean over the image
    with torch.inference_mode():  # KID's kernel depends on the scale of features
        scale = body(to_unit_range(torch.from_numpy(pixels))).square().mean().sqrt()

    def extract(images: torch.Tensor) -> torch.Tensor:
        small = resize(images, SIDE).round().clamp(0, 255).to(torch.uint8)
        return body(to_unit_range(small)) / scale

    return Extractor(f"a small network trained from scratch on {len(chosen)} other images ({', '.join(kept)})", extract)
