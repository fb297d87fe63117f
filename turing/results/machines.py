"""Machine readers beside people: their figures, where the two differ, and the sentence that tells the two apart.

Machines are fixed readers: their intervals are over images alone, and no interval of people's counts them.
"""

from typing import Any

import numpy as np

from turing.models import MachineReader, Stimulus, Study, Truth
from turing.results.counting import Population
from turing.results.study_analysis import Analysis

SHOWN = 6  # images in the strips of where people and machine differ
Row = dict[str, Any]


def machines_version(study: Study) -> str:
    """Changes when a machine reader is added or removed; scores themselves are never changed."""
    return "-".join(str(pk) for pk in study.machines.values_list("pk", flat=True))


def with_machines(study: Study, analysis: Analysis) -> Analysis:
    """The analysis with a key `machines`: the figures of each machine reader, as JSON values.

    People are compared image by image, as far as `analysis["by_image"]` goes.
    """
    people = {row["image"]: row for row in analysis["by_image"]}
    return analysis | {"machines": [_figures(one, people) for one in study.machines.all()]}


def _figures(machine: MachineReader, people: dict[str, Row]) -> Row:
    from turing.statistics.machines import machine_auc, machine_rate  # SciPy: loaded with the first machine

    scores = list(machine.scores.select_related("stimulus").order_by("stimulus_id"))
    generated = np.array([one.stimulus.truth == Truth.GENERATED for one in scores], bool)
    right = np.array([one.answer == one.stimulus.truth for one in scores], bool)
    score, group = np.array([one.score for one in scores], float), np.array([one.group for one in scores], str)
    fold = np.array([-1 if one.fold is None else one.fold for one in scores])
    by_image = [_image(one, people.get(str(one.stimulus_id))) for one in scores]
    return {
        "name": machine.name,
        "kind": machine.kind,
        "source": machine.source,
        "settings": machine.settings,
        "images": len(scores),
        "accuracy": machine_rate(right, group),
        "auc": machine_auc(score, generated, fold, group, machine.settings.get("other_splits_auc", [])),
        "fooling_rate": machine_rate(~right[generated], group[generated]),
        "real_judged_real": machine_rate(right[~generated], group[~generated]),
        "against_people": _against(by_image),
        "by_image": by_image,
    }


def _image(one, people: Row | None) -> Row:
    """One image as the machine and, where it is known, as people judged it."""
    real, rate = one.stimulus.truth == Truth.REAL, people["rate"] if people else None
    return {
        "image": str(one.stimulus_id),
        "truth": one.stimulus.truth,
        "diagnosis": one.stimulus.diagnosis,
        "score": one.score,
        "response": one.answer,
        "confidence": one.confidence,
        "fold": one.fold,
        "machine_right": one.answer == one.stimulus.truth,
        "people_judged_real": rate,
        "people_right": None if rate is None else rate if real else 1 - rate,
    }


def _against(by_image: list[Row]) -> Row:
    """How often most people and the machine were right, and how alike they order the images."""
    from turing.statistics.machines import rank_correlation

    known = [row for row in by_image if row["people_right"] is not None]
    cells = [(row["people_right"] > 0.5, row["machine_right"]) for row in known]

    def correlation(rows: list[Row]) -> Row:
        return rank_correlation([1 - row["people_judged_real"] for row in rows], [row["score"] for row in rows])

    return {
        "images": len(known),
        "both_right": cells.count((True, True)),
        "people_only": cells.count((True, False)),
        "machine_only": cells.count((False, True)),
        "neither": cells.count((False, False)),
        "rank_correlation": {
            "all": correlation(known),
            **{truth: correlation([row for row in known if row["truth"] == truth]) for truth in Truth.values},
        },
    }


def machine_sentence(analysis: Analysis, population: Population) -> str:
    """Whether readers cannot tell the images apart, or nobody of those who were asked can; '' without machines.

    Like readers', a machine's ability is claimed only where its interval says so. That no machine here can is never
    taken for proof that none could.
    """
    machines = [one for one in analysis.get("machines", []) if one["auc"]["estimate"] is not None]
    if not machines:
        return ""
    who = "Simulated readers" if population.simulated else "People"
    best = max(machines, key=lambda one: one["auc"]["estimate"])
    interval = best["auc"]["ci95"]
    known = f", 95% interval {interval[0]:.2f} to {interval[1]:.2f}" if interval else ""
    told = f"{best['name']}, AUC {best['auc']['estimate']:.2f}{known}"
    can = interval is not None and interval[0] > 0.5
    test = analysis["equivalence"]
    cannot = test is not None and test["equivalent"]
    low = (analysis["accuracy"]["ci95"] or (0, 1))[0]
    if interval is not None and interval[1] < 0.5:
        return f"The machines' scores go against the truth: {told}. Does a high score mean real?"
    if can and cannot:
        return f"{who} could not tell the images apart, but a machine could: {told}. So the images do differ."
    if can:
        also = f"{who} and a machine" if low > 0.5 else f"Whether {who.lower()} can is not settled, but a machine"
        return f"{also} told the images apart: {told}."
    if cannot:
        return f"{who} could not tell the images apart, and no machine here was shown to: {told}. Another may."
    return f"It is not shown that a machine tells the images apart: {told}. Another may."


def disagreements(machine: Row) -> tuple[list[Row], list[Row]]:
    """Images that most people missed and the machine saw, and the other way round; the clearest first."""
    known = [row for row in machine["by_image"] if row["people_right"] is not None]
    missed = [row for row in known if row["machine_right"] and row["people_right"] <= 0.5]
    seen = [row for row in known if not row["machine_right"] and row["people_right"] > 0.5]
    missed.sort(key=lambda row: (row["people_right"], row["image"]))
    seen.sort(key=lambda row: (-row["people_right"], row["image"]))
    return missed, seen


def with_strips(machines: list[Row], stimuli: dict[str, Stimulus]) -> list[Row]:
    """For a page: each machine with the images of `disagreements` that are among the stimuli, a few of each."""
    found = []
    for machine in machines:
        missed, seen = (
            [row | {"stimulus": stimuli[row["image"]]} for row in rows if row["image"] in stimuli][:SHOWN]
            for rows in disagreements(machine)
        )
        found.append(machine | {"missed": missed, "seen": seen})
    return found
