"""Snapshots of training as safetensors files, written so that a crash never leaves a broken one."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from files import write_file
from gan.foundation.errors import GanError

SNAPSHOT = "snapshot.safetensors"


def generator_of(tensors: Mapping[str, Tensor]) -> Iterator[tuple[str, Tensor]]:
    """The tensors of a snapshot that draw images: the averaged weights, if a model has these.

    The discriminator, which knows its training images, and the optimisers' moments are left out.
    """
    prefix = "average." if any(name.startswith("average.") for name in tensors) else "generator."
    return ((name, tensor) for name, tensor in tensors.items() if name.startswith(prefix))


def write_snapshot(path: Path, tensors: Mapping[str, Tensor], state: Mapping[str, Any]) -> None:
    """One safetensors file with the tensors, and the state as JSON in its header."""
    plain = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    write_file(path, save(plain, metadata={"state": json.dumps(dict(state))}))


def read_state(path: Path) -> dict[str, Any]:
    """The state of a snapshot, without its tensors. Raises `GanError` if it is missing or damaged."""
    with _opened(path) as file:
        return _state_of(file)


def read_snapshot(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Tensors and state of a snapshot. Raises `GanError` if it is missing or damaged."""
    with _opened(path) as file:
        state = _state_of(file)
        return {name: file.get_tensor(name) for name in file.keys()}, state  # noqa: SIM118, not a dict


def _state_of(file: Any) -> dict[str, Any]:
    state: dict[str, Any] = json.loads((file.metadata() or {})["state"])
    return state


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    try:
        with safe_open(path, "pt") as file:
            yield file
    except FileNotFoundError:
        raise GanError(f"{path}: no snapshot there.") from None
    except (SafetensorError, KeyError, ValueError, OSError) as error:
        raise GanError(f"{path}: not a readable snapshot ({error}).") from None
