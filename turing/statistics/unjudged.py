"""The analysis of purpose-blinded studies, whose readers were not asked for the judgement."""

from typing import Any

import numpy as np

from turing.statistics.course import response_times
from turing.statistics.questions import Plan, analyse_questions
from turing.statistics.responses import Responses

REASON = (
    "readers were not asked whether images are real or generated: every figure of that judgement is left out, and the "
    "further questions compare real with generated images"
)


def without_judgement(tests: Responses, nothing: dict[str, Any], plan: Plan) -> dict[str, Any]:
    """Take `nothing`, the analysis of no answers, and add counts, times and the further questions."""
    real = tests.is_real
    counts = {
        "readers": len(np.unique(tests.reader)),
        "images": len(np.unique(tests.image)),
        "responses": len(tests),
        "generated_responses": int((~real).sum()),
        "generated_judged_real": None,
        "real_responses": int(real.sum()),
        "real_judged_real": None,
    }
    times = response_times(tests)
    return nothing | {
        "asks_judgement": False,
        "counts": counts,
        "response_times": times and times | {"median_correct_ms": None, "median_wrong_ms": None},
        "questions": analyse_questions(tests, plan),
        "warnings": [REASON],
    }
