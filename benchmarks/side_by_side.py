"""Several trainings at once on one GPU.

The small kernels of one training leave most of a large GPU idle. Here each training has a thread and a CUDA stream, so
that its kernels run beside those of the others. It computes what it would compute alone, up to rounding.
"""

import threading
from collections.abc import Sequence

import torch
from tqdm import tqdm

from gan.training.graphs import EAGER_CALLS
from gan.training.trainer import Trainer


def begin(trainer: Trainer, steps: int) -> torch.cuda.Stream:
    """Do the first of a training's `steps` on a new stream, until the step is recorded, and return the stream.

    Begin one training after the other, because no other work may run while a step is recorded. Whatever the step reads
    from Python, such as constants, can change afterwards without effect.
    """
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    # Recordings on one stream would share cuBLAS's workspace, and spoil each other when they run at the same time.
    usual = torch.cuda.graph.default_capture_stream
    torch.cuda.graph.default_capture_stream = stream
    try:
        with torch.cuda.stream(stream):
            while trainer.step < min(EAGER_CALLS + 1, steps):
                trainer.train_step(trainer.step / steps)
    finally:
        torch.cuda.graph.default_capture_stream = usual
    torch.cuda.synchronize()
    return stream


def finish(trainers: Sequence[Trainer], streams: Sequence[torch.cuda.Stream], steps: Sequence[int]) -> None:
    """Train all that have begun, each to its own step of `steps`. Raises the first error of any of them."""
    errors: list[BaseException] = []
    with tqdm(total=sum(steps), desc="All trainings", unit="step", disable=None) as bar:

        def go_on(trainer: Trainer, stream: torch.cuda.Stream, end: int) -> None:
            try:
                with torch.cuda.stream(stream):
                    while trainer.step < end and not errors:
                        trainer.train_step(trainer.step / end)
                        bar.update()
            except Exception as error:  # it is raised again by the thread that waits
                errors.append(error)

        threads = [threading.Thread(target=go_on, args=one) for one in zip(trainers, streams, steps, strict=True)]
        for thread in threads:
            thread.start()
        try:
            for thread in threads:
                thread.join()
        except KeyboardInterrupt as stop:
            errors.append(stop)  # the trainings see it and end, too
            for thread in threads:
                thread.join()
    torch.cuda.synchronize()
    if errors:
        raise errors[0]
