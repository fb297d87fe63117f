"""How long the analysis takes: of a typical study, and of ten million responses from arrays."""

import resource

import numpy as np

from benchmarks.report import report
from benchmarks.timing import fastest
from turing.statistics.analysis import analyse
from turing.statistics.auc import mrmc_auc
from turing.statistics.mrmc import mrmc_rate
from turing.statistics.responses import Responses

IMAGES, TRIALS = 1000, 100


def typical_study(readers: int = 65, images: int = 200) -> Responses:
    rng = np.random.default_rng(0)
    reader, image = (axis.ravel() for axis in np.indices((readers, images)))
    real = np.arange(images) % 2 == 0
    evidence = np.where(real, -0.2, 0.2)[image] + rng.normal(0, 0.4, images)[image] + rng.normal(0, 1, len(reader))
    return Responses.from_labels(
        reader,
        image,
        real[image],
        evidence < 0,
        diagnosis=np.where(image < images // 2, "melanoma", "basal cell carcinoma"),
        confidence=1 + np.minimum(3, (2 * np.abs(evidence)).astype(int)),
        response_time=rng.lognormal(8, 0.4, len(reader)).astype(int),
        position=np.tile(np.arange(1, images + 1), readers),
        factors={"specialty": np.array(["a", "b", "c"])[reader % 3]},
    )


def large_study(readers: int) -> tuple[np.ndarray, ...]:
    """Each reader sees 100 of 1,000 images, half of them real: reader, image, generated, score 0 to 7."""
    rng = np.random.default_rng(0)
    reader = np.repeat(np.arange(readers), TRIALS)
    # A random start and a step prime to 1,000 give every reader 100 different images.
    start, step = rng.integers(0, IMAGES, (readers, 1)), rng.choice([1, 3, 7, 9, 11, 13, 17, 19], (readers, 1))
    image = ((start + step * np.arange(TRIALS)) % IMAGES).ravel()
    generated = image % 2 == 0
    evidence = np.where(generated, 0.3, -0.3) + rng.normal(0, 1, len(reader))
    return reader, image, generated, np.clip((evidence * 2 + 4).astype(int), 0, 7)


def main() -> None:
    study = typical_study()
    analyse(study)  # the first call imports and warms up
    rows = [{"what": "65 x 200, everything", "responses": len(study), "seconds": fastest(lambda: analyse(study), 5)}]
    for readers in (25_000, 50_000, 100_000):
        reader, image, generated, score = large_study(readers)
        fooled = score < 4
        for what, work in {
            "rate and interval": lambda r=reader, i=image, y=fooled: mrmc_rate(r, i, y),
            "AUC and interval": lambda r=reader, i=image, g=generated, s=score: mrmc_auc(r, i, g, s),
        }.items():
            rows.append({"what": what, "responses": len(reader), "seconds": fastest(work)})
            # Linux counts kilobytes, and this is the highest so far, so rates come before areas at each size.
            rows[-1]["peak_gb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    rows[0]["peak_gb"] = None
    report("statistics", rows)


if __name__ == "__main__":
    main()
