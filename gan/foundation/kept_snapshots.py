"""Which snapshots a training keeps, and where. Uses only file names, so that pages need not import PyTorch."""

import re
from pathlib import Path

KEPT = "kept"  # folder, beside the snapshot, of generators at earlier steps
KEPT_MULTIPLES = (1, 3)  # of powers of two


def is_kept(step: int, every: int) -> bool:
    """Whether the snapshot at this step is kept.

    Numbers 1, 2, 3, 4, 6, 8, 12, 16, 24 … of those made every `every` steps. There are at most two for each doubling of
    the training, so that a long one does not fill the disk. It depends only on the step, so that a resumed run keeps
    the same ones.
    """
    number, rest = divmod(step, every)
    if rest or not number:
        return False
    return number // (number & -number) in KEPT_MULTIPLES


def kept_path(folder: Path, step: int) -> Path:
    """The file of the generator that the networks in `folder` had at the step."""
    return step_path(folder / KEPT, step, ".safetensors")


def kept_steps(folder: Path) -> list[int]:
    """The steps whose generators the networks in `folder` keep, ascending."""
    return steps_in(folder / KEPT, ".safetensors")


def step_path(folder: Path, step: int, suffix: str) -> Path:
    """The file in the folder that belongs to the step."""
    return folder / f"step-{step:07d}{suffix}"


def steps_in(folder: Path, suffix: str) -> list[int]:
    """The steps that have a file in the folder, ascending.

    A copy such as `step-0000001 (1).png` counts for nothing.
    """
    steps = []
    for path in folder.glob(f"step-*{suffix}"):
        named = re.fullmatch(r"step-([0-9]{7,})", path.stem)
        if named and path == step_path(folder, int(named[1]), suffix):
            steps.append(int(named[1]))
    return sorted(steps)
