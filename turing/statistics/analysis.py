"""All figures of a study from its responses, in the shape of the analysis contract."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from turing.statistics.mrmc import MrmcRate, mrmc_rate
from turing.statistics.proportions import naive_intervals

FEW_READERS = 5
# Keys of the contract that later versions fill.
NOT_COMPUTED = ("auc", "dprime", "criterion", "agreement", "equivalence", "hype_infinity")


@dataclass(frozen=True)
class Responses:
    """Responses as parallel arrays (n,): one per reader and image, test trials only."""

    reader: np.ndarray  # labels
    image: np.ndarray  # labels
    diagnosis: np.ndarray  # labels, '' where unknown
    is_real: np.ndarray  # bool: the truth
    judged_real: np.ndarray  # bool: the response

    def __len__(self) -> int:
        return len(self.reader)

    @property
    def correct(self) -> np.ndarray:
        return self.is_real == self.judged_real

    def where(self, mask: np.ndarray) -> "Responses":
        return Responses(*(getattr(self, name)[mask] for name in self.__dataclass_fields__))


def analyse(responses: Responses) -> dict[str, Any]:
    """The analysis as plain JSON values; what could not be computed is None and named in `warnings`."""
    warnings: list[str] = []
    readers = len(np.unique(responses.reader))
    if 0 < readers < FEW_READERS:
        warnings.append(f"{readers} readers only: intervals rest on very little and are wide or uncertain")
    fooling = _rate(responses.where(~responses.is_real), "judged_real")
    headline = {
        "fooling_rate": _as_json(fooling, "fooling_rate", warnings),
        "real_judged_real": _rate_json(responses.where(responses.is_real), "judged_real", "real_judged_real", warnings),
        "accuracy": _rate_json(responses, "correct", "accuracy", warnings),
    }
    by_diagnosis = {
        str(name): _diagnosis(responses.where(responses.diagnosis == name), str(name), warnings)
        for name in np.unique(responses.diagnosis)
    }
    components = fooling[0].components
    if components is None and fooling[0].estimate is not None:
        warnings.append("variance_components: the design is not fully crossed, or there is one reader or image only")
    warnings.append(f"{', '.join(NOT_COMPUTED)}: not computed in this version")
    return {
        "counts": _counts(responses),
        **headline,
        "variance_components": asdict(components) if components else None,
        **dict.fromkeys(NOT_COMPUTED),
        "by_diagnosis": by_diagnosis,
        "by_reader": _by_reader(responses),
        "by_image": _by_image(responses),
        "warnings": warnings,
    }


def _counts(responses: Responses) -> dict[str, int]:
    real = responses.is_real
    return {
        "readers": len(np.unique(responses.reader)),
        "images": len(np.unique(responses.image)),
        "responses": len(responses),
        "generated_responses": int((~real).sum()),
        "generated_judged_real": int((~real & responses.judged_real).sum()),
        "real_responses": int(real.sum()),
        "real_judged_real": int((real & responses.judged_real).sum()),
    }


def _rate(responses: Responses, score: str) -> tuple[MrmcRate, dict]:
    values = getattr(responses, score)
    rate = mrmc_rate(responses.reader, responses.image, values)
    return rate, naive_intervals(int(values.sum()), len(values))


def _rate_json(responses: Responses, score: str, name: str, warnings: list[str]) -> dict[str, Any]:
    return _as_json(_rate(responses, score), name, warnings)


def _as_json(found: tuple[MrmcRate, dict], name: str, warnings: list[str]) -> dict[str, Any]:
    rate, naive = found
    warnings.extend(f"{name}: {warning}" for warning in rate.warnings)
    return {
        "estimate": rate.estimate,
        "ci95": list(rate.ci95) if rate.ci95 else None,
        "variance": rate.variance,
        "df": rate.df,
        "method": rate.method,
        "naive": {method: list(interval) if interval else None for method, interval in naive.items()},
    }


def _diagnosis(responses: Responses, name: str, warnings: list[str]) -> dict[str, Any]:
    generated, real = responses.where(~responses.is_real), responses.where(responses.is_real)
    label = name or "no diagnosis"
    return {
        "fooling_rate": _rate_json(generated, "judged_real", f"{label}, fooling_rate", warnings),
        "real_judged_real": _rate_json(real, "judged_real", f"{label}, real_judged_real", warnings),
        "accuracy": _rate_json(responses, "correct", f"{label}, accuracy", warnings),
        "auc": None,
    }


def _by_reader(responses: Responses) -> list[dict[str, Any]]:
    rows = []
    for name in np.unique(responses.reader):
        own = responses.where(responses.reader == name)
        generated = own.where(~own.is_real)
        judged_real = int(generated.judged_real.sum())
        wilson = naive_intervals(judged_real, len(generated))["wilson"]
        rows.append(
            {
                "reader": str(name),
                "responses": len(own),
                "fooling_rate": _mean(generated.judged_real),
                # Within one reader there is no spread between readers: the binomial interval is for these images.
                "fooling_rate_wilson": list(wilson) if wilson else None,
                "real_judged_real": _mean(own.judged_real[own.is_real]),
                "accuracy": _mean(own.correct),
            }
        )
    return rows


def _by_image(responses: Responses) -> list[dict[str, Any]]:
    names, first, code = np.unique(responses.image, return_index=True, return_inverse=True)
    counts, judged_real = np.bincount(code), np.bincount(code, responses.judged_real)
    return [
        {
            "image": str(name),
            "truth": "real" if responses.is_real[first[index]] else "generated",
            "diagnosis": str(responses.diagnosis[first[index]]),
            "responses": int(counts[index]),
            "judged_real": int(judged_real[index]),
            "rate": float(judged_real[index] / counts[index]),
        }
        for index, name in enumerate(names)
    ]


def _mean(values: np.ndarray) -> float | None:
    return float(values.mean()) if len(values) else None
