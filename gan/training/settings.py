"""The options of a training."""

import math
from dataclasses import asdict, dataclass, fields
from typing import Any

from gan.foundation.errors import GanError
from gan.foundation.trainable import MODELS
from gan.networks import dcgan

PRECISIONS = ("auto", "float32", "bfloat16")
MOST_STEPS = 2**31 - 1  # largest number that the database can hold
MOST_IMAGES = 10_000  # most images in a batch; more would fill any machine's memory
# Settings in which the models differ. What a user leaves open is filled in from here.
BY_MODEL: dict[str, dict[str, float]] = {
    # The seed paper's.
    "dcgan": {"learning_rate": 1.5e-4, "beta1": 0.5, "beta2": 0.999, "epsilon": 1e-7, "cooldown": 0.0},
    "projected": {"learning_rate": 8e-4, "beta1": 0.0, "beta2": 0.99, "epsilon": 1e-8, "cooldown": 0.33},
    "r3gan": {"learning_rate": 2e-4, "beta1": 0.0, "beta2": 0.99, "epsilon": 1e-8, "cooldown": 0.0},
}


@dataclass(frozen=True)
class Settings:
    """The options of a training. Defaults are the paper's. `minutes`, if given, replaces `steps`.

    None for a number of the optimiser means the model's own value. `cooldown` is the last share of the training, over
    which the learning rate falls to 0 in a straight line. `layout` says whether the projected GAN also compares where
    in an image things are. `repulsion` says how strongly its generated images push each other apart
    (`gan.networks.matching`). `enlarged` says whether it compares a part of its images a second time, enlarged.
    """

    model: str = "dcgan"
    size: int = 128
    steps: int = 2000
    minutes: float | None = None
    batch_size: int = 32
    seed: int = 0
    activation: str = "relu"
    learning_rate: float | None = None
    beta1: float | None = None
    beta2: float | None = None
    epsilon: float | None = None
    cooldown: float | None = None
    layout: bool = True
    repulsion: float = 1.06
    enlarged: bool = True
    held_out: float = 0.15
    phantoms: bool = False
    image_type: str = "dermoscopic"  # type of lesion images from the database
    precision: str = "auto"
    snapshot_every: int = 100
    evaluate_every: int = 0  # steps; 0 means not while training

    def __post_init__(self) -> None:
        if self.model not in MODELS:
            raise GanError(f"model: must be one of {', '.join(MODELS)}.")
        for name, value in BY_MODEL[self.model].items():
            if getattr(self, name) is None:
                object.__setattr__(self, name, value)
        assert self.learning_rate is not None
        assert self.cooldown is not None
        checks = {
            "size": (self.size in dcgan.SIZES, "64, 128 or 256 pixels"),
            "steps": (1 <= self.steps <= MOST_STEPS, f"1 to {MOST_STEPS}"),
            "minutes": (self.minutes is None or 0 < self.minutes < math.inf, "more than 0"),
            "batch size": (2 <= self.batch_size <= MOST_IMAGES, f"2 to {MOST_IMAGES}; batch normalisation needs 2"),
            "seed": (0 <= self.seed < 2**63, "0 or more"),
            "activation": (self.activation in dcgan.ACTIVATIONS, f"one of {', '.join(dcgan.ACTIVATIONS)}"),
            "learning rate": (0 < self.learning_rate < 1, "between 0 and 1"),
            "cooldown": (0 <= self.cooldown <= 1, "0 to 1"),
            "repulsion": (1 <= self.repulsion <= 1.4, "1 to 1.4"),
            "held-out share": (0 <= self.held_out < 1, "at least 0 and less than 1"),
            "image type": (0 < len(self.image_type) <= 40, "a word such as dermoscopic or clinical"),
            "precision": (self.precision in PRECISIONS, f"one of {', '.join(PRECISIONS)}"),
            "snapshot interval": (1 <= self.snapshot_every <= MOST_STEPS, f"1 to {MOST_STEPS} steps"),
            "evaluation interval": (0 <= self.evaluate_every <= MOST_STEPS, f"0 to {MOST_STEPS} steps"),
        }
        for name, (holds, wanted) in checks.items():
            if not holds:
                raise GanError(f"{name}: must be {wanted}.")

    def rate_at(self, done: float) -> float:
        """The learning rate when a share `done` of the training is done, 0 to 1."""
        assert self.learning_rate is not None
        left = 1 - min(done, 1.0)
        return self.learning_rate * (min(left / self.cooldown, 1.0) if self.cooldown else 1.0)

    def share_done(self, step: int, seconds: float) -> float:
        """The share of the training, 0 to 1, that is done after `step` steps in `seconds`; more if it went further."""
        return seconds / (60 * self.minutes) if self.minutes else step / self.steps

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> "Settings":
        """Settings as a run recorded them. Settings of older runs that no longer exist are left out.

        Runs that recorded no cooldown, layout, repulsion or enlarging were started without, and continue so.
        """
        names = {field.name for field in fields(cls)}
        known = {name: value for name, value in stored.items() if name in names}
        return cls(**{"cooldown": 0.0, "layout": False, "repulsion": 1.0, "enlarged": False} | known)
