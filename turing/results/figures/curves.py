"""Figures of ROC curves, calibration, the course of the form, and response times."""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter

from turing.models import Study
from turing.results.counting import Population, load_responses
from turing.results.figures.style import (
    ACCENT,
    MUTED,
    WARM,
    axes_of,
    figure_of,
    legend_above,
    mark_simulated,
    nothing_to_show,
    percent_axis,
)
from turing.results.study_analysis import Analysis


def roc_figure(study: Study, population: Population, analysis: Analysis) -> Figure:
    """Each reader's empirical ROC curve and their vertical average."""
    if analysis["roc"] is None:
        return nothing_to_show("No reader has judged both real and generated images")
    figure, axes = axes_of(4.8, 5.2, narrow_height=4.3)
    for curve in analysis["roc"]["readers"]:
        axes.plot(*zip(*curve["points"], strict=True), color=MUTED, linewidth=0.7, alpha=0.6)
    axes.plot([], [], color=MUTED, linewidth=0.7, label="one reader")
    auc = analysis["auc"]
    interval = f", 95% interval {auc['ci95'][0]:.2f} to {auc['ci95'][1]:.2f}" if auc["ci95"] else ""
    average = zip(*analysis["roc"]["average"], strict=True)
    axes.plot(*average, color=ACCENT, linewidth=2.4, label=f"average: AUC {auc['estimate']:.2f}{interval}")
    for machine, style in zip(analysis.get("machines", []), ("--", "-.", (0, (1, 1))), strict=False):
        if machine["auc"]["estimate"] is not None:
            label = f"{machine['name'][:40]}: AUC {machine['auc']['estimate']:.2f}"
            axes.plot(*_machine_curve(machine["by_image"]), color=WARM, linewidth=1.6, linestyle=style, label=label)
    axes.plot([0, 1], [0, 1], color=MUTED, linewidth=0.8, linestyle=":")
    axes.set(xlabel="Real images judged generated", ylabel="Generated images judged generated", aspect="equal")
    percent_axis(axes.xaxis)
    percent_axis(axes.yaxis)
    legend_above(axes, columns=1)
    mark_simulated(figure, population)
    return figure


def _machine_curve(by_image: list[dict]) -> tuple[list[float], list[float]]:
    """The ROC curve of one machine over all images, with all folds together."""
    scores = sorted({row["score"] for row in by_image}, reverse=True)
    shares = []
    for truth in ("real", "generated"):
        own = np.sort([row["score"] for row in by_image if row["truth"] == truth])
        shares.append([0.0, *(1 - np.searchsorted(own, scores, "left") / len(own)).tolist()])
    return shares[0], shares[1]


def calibration_figure(study: Study, population: Population, analysis: Analysis) -> Figure:
    """Share of correct answers at each level of confidence; 50% is guessing."""
    rows = [row for row in analysis["calibration"] if row["correct"] is not None]
    if not rows:
        return nothing_to_show("Readers were not asked for their confidence")
    figure, axes = axes_of(4.8, 3.6, narrow_height=3)
    levels = [row["confidence"] for row in rows]
    for row in rows:
        if row["ci95"]:
            axes.plot([row["confidence"]] * 2, row["ci95"], color=ACCENT, linewidth=2)
    axes.plot(levels, [row["correct"] for row in rows], "-o", color=ACCENT, linewidth=1)
    axes.axhline(0.5, color=MUTED, linewidth=0.8, linestyle=":")
    axes.set(xlabel="Confidence, from 1 (a guess), and answers", ylabel="Correct", ylim=(0, 1))
    axes.set_xticks(levels, [f"{row['confidence']}\n{row['responses']:,}" for row in rows])
    axes.margins(x=0.15)
    percent_axis(axes.yaxis)
    mark_simulated(figure, population)
    return figure


def course_figure(study: Study, population: Population, analysis: Analysis) -> Figure:
    """Accuracy and median response time over ten equal parts of the form."""
    learning = analysis["learning"]
    if learning is None:
        return nothing_to_show("No positions are known")
    blocks = learning["blocks"]
    middle = [(block["from"] + block["to"]) / 2 for block in blocks]
    timed = [(x, block["median_ms"] / 1000) for x, block in zip(middle, blocks, strict=True) if block["median_ms"]]
    figure = figure_of(4.8, 4.6 if timed else 2.8)
    panels = figure.subplots(2 if timed else 1, 1, sharex=True, squeeze=False)[:, 0]
    for x, block in zip(middle, blocks, strict=True):
        if block["ci95"]:
            panels[0].plot([x, x], block["ci95"], color=ACCENT, linewidth=2)
    panels[0].plot(middle, [block["accuracy"] for block in blocks], "-o", color=ACCENT, linewidth=1)
    panels[0].axhline(0.5, color=MUTED, linewidth=0.8, linestyle=":")
    panels[0].set(ylabel="Accuracy", ylim=(0, 1))
    percent_axis(panels[0].yaxis)
    if timed:
        panels[1].plot(*zip(*timed, strict=True), "-o", color=WARM, linewidth=1)
        panels[1].set(ylabel="Median time (s)", ylim=(0, 1.1 * max(seconds for _, seconds in timed)))
    panels[-1].set_xlabel("Position in the form")
    mark_simulated(figure, population)
    return figure


def times_figure(study: Study, population: Population, analysis: Analysis) -> Figure:
    """The distribution of response times on a log scale, separately for correct and wrong answers."""
    responses = load_responses(study, population)
    rows = responses.where((responses.response_time > 0) & ~responses.is_repeat)
    if not len(rows):
        return nothing_to_show("No response time was measured")
    figure, axes = axes_of(4.8, 3.6)
    seconds = rows.response_time / 1000
    edges = np.geomspace(seconds.min(), max(seconds.max(), seconds.min() * 1.01), 40)
    for mask, colour, label in ((rows.correct, ACCENT, "correct"), (~rows.correct, WARM, "wrong")):
        if mask.any():
            median = float(np.median(seconds[mask]))
            axes.hist(
                seconds[mask], edges, weights=np.full(mask.sum(), 1 / mask.sum()), histtype="step", color=colour,
                linewidth=1.6, label=f"{label}: median {median:.1f} s",
            )  # fmt: skip
            axes.axvline(median, color=colour, linewidth=0.8, linestyle=":")
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 3)))
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set(xlabel="Response time (s, logarithmic)", ylabel="Share of answers")
    legend_above(axes)
    mark_simulated(figure, population)
    return figure
