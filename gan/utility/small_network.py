"""A small convolutional network trained from scratch, which shares no feature with the generator."""

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gan.foundation.seeds import derive_seed
from gan.networks.augmentation import turn_each
from gan.training.batches import to_unit_range

SIDE = 64  # pixels
CHANNELS = (24, 48, 96, 128)
BATCH = 32
LEARNING_RATE = 2e-3
WEIGHT_DECAY = 1e-2


class SmallNetwork(nn.Sequential):
    """Images (N, 3, SIDE, SIDE) in [-1, 1] to logits (N, classes): four strided convolutions, then the mean."""

    def __init__(self, classes: int) -> None:
        layers: list[nn.Module] = []
        before = 3
        for channels in CHANNELS:
            layers += [nn.Conv2d(before, channels, 3, 2, 1, bias=False), nn.BatchNorm2d(channels), nn.ReLU()]
            before = channels
        super().__init__(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(0.2), nn.Linear(before, classes))


def probabilities_by_network(
    images: np.ndarray, label: np.ndarray, others: np.ndarray, seed: int, steps: int
) -> np.ndarray:
    """Probabilities (M, K) of `others` (M, 3, SIDE, SIDE) uint8 by a network trained on `images` for some steps."""
    network = train_network(images, label, seed, steps)
    with torch.inference_mode():
        parts = torch.from_numpy(others).split(256)
        return torch.cat([torch.softmax(network(to_unit_range(part)).double(), 1) for part in parts]).numpy()


def train_network(images: np.ndarray, label: np.ndarray, seed: int, steps: int) -> SmallNetwork:
    """A trained network that tells the labels 0 to K - 1 of images (N, 3, SIDE, SIDE) uint8.

    Each batch draws all diagnoses equally often, and their images at random, turned and mirrored. So every training
    takes the same time, however many images it has.
    """
    classes = int(label.max()) + 1
    members = [torch.from_numpy(np.flatnonzero(label == one)) for one in range(classes)]
    pixels, rng = torch.from_numpy(images), torch.Generator().manual_seed(derive_seed(seed, 1))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive_seed(seed, 0))
        network = SmallNetwork(classes)
        adam = torch.optim.AdamW(network.parameters(), LEARNING_RATE, weight_decay=WEIGHT_DECAY)
        schedule = torch.optim.lr_scheduler.OneCycleLR(adam, LEARNING_RATE, total_steps=max(2, steps))
        for _ in range(steps):
            batch, truth = _draw(pixels, members, rng)
            loss = F.cross_entropy(network(batch), truth)
            adam.zero_grad(set_to_none=True)
            loss.backward()
            adam.step()
            schedule.step()
    return network.eval()


def _draw(pixels: Tensor, members: list[Tensor], rng: torch.Generator) -> tuple[Tensor, Tensor]:
    truth = torch.randint(len(members), (BATCH,), generator=rng)
    share = torch.rand(BATCH, generator=rng).tolist()
    places = [int(members[one][int(part * len(members[one]))]) for one, part in zip(truth.tolist(), share, strict=True)]
    turns = torch.randint(8, (BATCH,), generator=rng)
    return turn_each(to_unit_range(pixels[places]), turns), truth
