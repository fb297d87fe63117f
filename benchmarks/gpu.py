"""Throughput and peak memory on a GPU: the plain translation, the DCGAN, the projected GAN. Needs CUDA.

python -m benchmarks.gpu
"""

import sys
import time

import torch

from benchmarks.plain_dcgan import PlainTrainer
from benchmarks.report import report
from gan.training.dcgan import DCGANTrainer
from gan.training.projected import ProjectedTrainer
from gan.training.settings import Settings

WARM_UP, STEPS = 10, 50


def main() -> None:
    if not torch.cuda.is_available():
        sys.exit("No CUDA GPU is visible to PyTorch; this benchmark needs one.")
    device = torch.device("cuda")
    rows = []
    for batch in (32, 128):
        for name in ("plain translation", "dcgan", "projected"):
            model = "projected" if name == "projected" else "dcgan"
            settings = Settings(model=model, batch_size=batch)
            images = torch.randint(0, 256, (2 * batch, 3, settings.size, settings.size), dtype=torch.uint8)
            trainer = {
                "plain translation": lambda images=images, settings=settings: PlainTrainer(images, settings, device),
                "dcgan": lambda images=images, settings=settings: DCGANTrainer([images], settings, device),
                "projected": lambda images=images, settings=settings: ProjectedTrainer([images], settings, device),
            }[name]()
            torch.cuda.reset_peak_memory_stats()
            for _ in range(WARM_UP):
                trainer.train_step()
            torch.cuda.synchronize()
            started = time.perf_counter()
            for _ in range(STEPS):
                trainer.train_step()
            torch.cuda.synchronize()
            seconds = (time.perf_counter() - started) / STEPS
            rows.append(
                {
                    "step": name,
                    "batch": batch,
                    "seconds": seconds,
                    "images_per_s": batch / seconds,
                    "peak_gb": torch.cuda.max_memory_allocated() / 1e9,
                }
            )
    for row in rows:
        naive = next(one for one in rows if one["batch"] == row["batch"] and one["step"] == "plain translation")
        row["times_faster"] = naive["seconds"] / row["seconds"]
    report("gpu", rows)


if __name__ == "__main__":
    main()
