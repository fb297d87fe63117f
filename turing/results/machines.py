"""Compares machine readers with people: figures, images on which they differ, and a sentence that says who can tell.

Machines are fixed readers. Their intervals are over images only, and no interval of people's answers includes them.
"""

from typing import Any

import numpy as np

from turing.models import MachineReader, Stimulus, Study, Truth
from turing.results.counting import Population
from turing.results.study_analysis import Analysis

SHOWN = 6  # images in each strip of images on which people and machine differ
Row = dict[str, Any]


def machines_version(study: Study) -> str:
    """A value that changes when a machine reader is added or removed. Scores themselves never change."""
    return "-".join(str(pk) for pk in study.machines.values_list("pk", flat=True))


def with_machines(study: Study, analysis: Analysis) -> Analysis:
    """The analysis with the key `machines`: the figures of each machine reader, as JSON values.

    Machines are compared with people on the images in `analysis["by_image"]`.
    """
    people = {row["image"]: row for row in analysis["by_image"]}
    return analysis | {"machines": [_figures(one, people) for one in study.machines.all()]}


def _figures(machine: MachineReader, people: dict[str, Row]) -> Row:
    from turing.statistics.machines import (
        machine_auc,
        machine_rate,
    )  # imports SciPy, which is loaded only with the first machine

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
    """One image with the machine's judgement and, if it is known, people's."""
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
    """How often most people and the machine were right, and the rank correlation of their scores."""
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
    """Whether people or machines can tell the images apart; '' without machines.

    As for readers, a machine's ability is claimed only if its interval shows it. If no machine here can, that is not
    taken as proof that no machine could.
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
        return f"The machine's scores go against the truth: {told}. Check whether a high score means real."
    if can and cannot:
        return f"{who} could not tell the images apart, but a machine could: {told}. So the images do differ."
    if can:
        also = f"{who} and a machine" if low > 0.5 else f"It is not settled whether {who.lower()} can, but a machine"
        return f"{also} told the images apart: {told}."
    if cannot:
        return (
            f"{who} could not tell the images apart, and it is not shown that a machine here can: {told}. Another "
            "machine may."
        )
    return f"It is not shown that a machine here tells the images apart: {told}. Another machine may."


def disagreements(machine: Row) -> tuple[list[Row], list[Row]]:
    """Images that most people judged wrong and the machine right, and the other way round; the clearest first."""
    known = [row for row in machine["by_image"] if row["people_right"] is not None]
    missed = [row for row in known if row["machine_right"] and row["people_right"] <= 0.5]
    seen = [row for row in known if not row["machine_right"] and row["people_right"] > 0.5]
    missed.sort(key=lambda row: (row["people_right"], row["image"]))
    seen.sort(key=lambda row: (-row["people_right"], row["image"]))
    return missed, seen


def with_strips(machines: list[Row], stimuli: dict[str, Stimulus]) -> list[Row]:
    """For a page: each machine with a few of its `disagreements` that are among the stimuli."""
    found = []
    for machine in machines:
        missed, seen = (
            [row | {"stimulus": stimuli[row["image"]]} for row in rows if row["image"] in stimuli][:SHOWN]
            for rows in disagreements(machine)
        )
        found.append(machine | {"missed": missed, "seen": seen})
    return found
