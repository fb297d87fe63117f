"""Our DCGAN step compared with a plain PyTorch translation of the paper's tables, alternating, in one run.

    python -m benchmarks.train_dcgan
    ONEDNN_MAX_CPU_ISA=AVX2 ATEN_CPU_CAPABILITY=avx2 python -m benchmarks.train_dcgan

The second line measures as on a processor without AVX-512 and bfloat16, and stores its table apart.

Each trains in a separate process, as a user would run it: the plain one with PyTorch's defaults, ours with the settings
of `train_gan`, and Keras on its torch back end, if it is installed.
"""

import importlib.util
import multiprocessing
import os
import resource
import time
from multiprocessing.connection import Connection

from tqdm import tqdm

from benchmarks.report import limited_to, processor, report, table_name

ROUNDS, STEPS = 5, 3
BATCH, SIZE = 32, 128


def work(name: str, line: Connection) -> None:
    """Train `STEPS` steps whenever asked, and answer with their seconds, the peak memory in GB and the arithmetic."""
    if name == "train_gan":
        from gan.training.memory import keep_freed_memory

        keep_freed_memory()
    import torch

    from benchmarks.plain_dcgan import PlainTrainer
    from gan.training.dcgan import DCGANTrainer
    from gan.training.settings import Settings

    settings = Settings(size=SIZE, batch_size=BATCH, precision="float32" if limited_to() else "auto")
    images = torch.randint(0, 256, (2 * BATCH, 3, SIZE, SIZE), dtype=torch.uint8)
    device = torch.device("cpu")
    if name == "train_gan":
        trainer = DCGANTrainer([images], settings, device)
    elif name == "keras":
        trainer = keras_trainer(images[:BATCH])
    else:
        trainer = PlainTrainer(images, settings, device)
    trainer.train_step()
    while line.recv():
        seconds = []
        for _ in range(STEPS):
            started = time.perf_counter()
            trainer.train_step()
            seconds.append(time.perf_counter() - started)
        dtype = trainer.dtype if name == "train_gan" else torch.float32
        line.send(
            (seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6, str(dtype).removeprefix("torch."))
        )


def keras_trainer(images):
    """Keras's layers and optimisers in the tutorial's step.

    One forward pass of the generated images for both losses.
    """
    os.environ["KERAS_BACKEND"] = "torch"
    import torch
    from keras import ops, optimizers

    from tests.gan.networks.golden.dcgan_keras import discriminator, generator

    networks = generator(), discriminator()
    adams = [optimizers.Adam(1.5e-4, beta_1=0.5) for _ in networks]
    real = images.permute(0, 2, 3, 1).float() / 127.5 - 1

    class Trainer:
        def train_step(self) -> None:
            weights = [[one.value for one in network.trainable_weights] for network in networks]
            fake = networks[1](networks[0](torch.randn(BATCH, 100), training=True), training=True)
            truth = networks[1](real, training=True)

            def entropy(answers, target):
                return ops.mean(ops.binary_crossentropy(ops.full_like(answers, target), answers))

            judged = torch.autograd.grad(entropy(truth, 1.0) + entropy(fake, 0.0), weights[1], retain_graph=True)
            drawn = torch.autograd.grad(entropy(fake, 1.0), weights[0])
            for adam, network, gradients in zip(adams, networks, (drawn, judged), strict=True):
                with torch.no_grad():
                    adam.apply(list(gradients), network.trainable_weights)

    return Trainer()


def main() -> None:
    context = multiprocessing.get_context("spawn")
    names = ["plain translation", "train_gan"]
    if importlib.util.find_spec("keras"):
        names.append("keras")
    lines, memory, arithmetic = {}, {}, {}
    seconds = {name: [] for name in names}
    workers = []
    for name in names:
        lines[name], theirs = context.Pipe()
        workers.append(context.Process(target=work, args=(name, theirs), daemon=True))
        workers[-1].start()
    for _ in tqdm(range(ROUNDS), desc="Rounds", disable=None):
        for name, line in lines.items():
            line.send(True)
            taken, memory[name], arithmetic[name] = line.recv()
            seconds[name] += taken
    for line, worker in zip(lines.values(), workers, strict=True):
        line.send(False)
        worker.join()
    best = {name: min(times) for name, times in seconds.items()}
    rows = [
        {
            "step": name,
            "processor": processor(),
            "arithmetic": arithmetic[name],
            "seconds": best[name],
            "images_per_s": BATCH / best[name],
            "peak_gb": memory[name],
            "times_faster": best["plain translation"] / best[name],
        }
        for name in names
    ]
    report(table_name("train_dcgan"), rows)


if __name__ == "__main__":
    main()
