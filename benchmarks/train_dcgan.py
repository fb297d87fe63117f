"""A DCGAN step of ours against a plain PyTorch translation of the paper's tables, alternating, in one run.

Each trains in a process of its own, as a user would run it: the plain one with PyTorch's defaults, ours as `train_gan`
sets itself up.
"""

import multiprocessing
import resource
import time
from multiprocessing.connection import Connection

from tqdm import tqdm

from benchmarks.report import report

ROUNDS, STEPS = 5, 3
BATCH, SIZE = 32, 128


def work(name: str, line: Connection) -> None:
    """Train `STEPS` steps whenever asked; answer with the seconds of the fastest and the peak memory in GB."""
    if name == "train_gan":
        from gan.memory import keep_freed_memory

        keep_freed_memory()
    import torch

    from benchmarks.plain_dcgan import PlainTrainer
    from gan.training.dcgan import DCGANTrainer
    from gan.training.settings import Settings

    settings = Settings(size=SIZE, batch_size=BATCH)
    images = torch.randint(0, 256, (2 * BATCH, 3, SIZE, SIZE), dtype=torch.uint8)
    device = torch.device("cpu")
    trainer = (
        DCGANTrainer([images], settings, device) if name == "train_gan" else PlainTrainer(images, settings, device)
    )
    trainer.train_step()
    while line.recv():
        seconds = []
        for _ in range(STEPS):
            started = time.perf_counter()
            trainer.train_step()
            seconds.append(time.perf_counter() - started)
        line.send((seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6))


def main() -> None:
    context = multiprocessing.get_context("spawn")
    names = ("plain translation", "train_gan")
    lines, seconds, memory = {}, {name: [] for name in names}, {}
    for name in names:
        lines[name], theirs = context.Pipe()
        context.Process(target=work, args=(name, theirs), daemon=True).start()
    for _ in tqdm(range(ROUNDS), desc="Rounds", disable=None):
        for name, line in lines.items():
            line.send(True)
            taken, memory[name] = line.recv()
            seconds[name] += taken
    best = {name: min(times) for name, times in seconds.items()}
    rows = [
        {
            "step": name,
            "seconds": best[name],
            "images_per_s": BATCH / best[name],
            "peak_gb": memory[name],
            "times_faster": best["plain translation"] / best[name],
        }
        for name in names
    ]
    report("train_dcgan", rows)


if __name__ == "__main__":
    main()
