"""Which snapshots a training keeps, and where: names of files alone, so that pages may ask without PyTorch."""

from pathlib import Path

KEPT = "kept"  # folder of generators at earlier steps, beside the snapshot
KEPT_MULTIPLES = (1, 3)  # of powers of two


def is_kept(step: int, every: int) -> bool:
    """Whether the snapshot at this step stays: number 1, 2, 3, 4, 6, 8, 12, 16, 24 … of those made every `every` steps.

    At most two for each doubling of the training, so that a long one fills no disk; a function of the step alone, so
    that a resumed run keeps the same.
    """
    number, rest = divmod(step, every)
    if rest or not number:
        return False
    return number // (number & -number) in KEPT_MULTIPLES


def kept_path(folder: Path, step: int) -> Path:
    """The file of the generator that the networks in `folder` had at the step."""
    return folder / KEPT / f"step-{step:07d}.safetensors"


def kept_steps(folder: Path) -> list[int]:
    """The steps of which the networks in `folder` keep their generator, ascending."""
    return sorted(int(path.stem.removeprefix("step-")) for path in (folder / KEPT).glob("step-*.safetensors"))
