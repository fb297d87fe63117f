"""Figures of how much generated images help to train a classifier, and of the snapshots of one run."""

from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from turing.results.figures.style import (
    ACCENT,
    INK,
    MUTED,
    WARM,
    add_legend,
    draw_interval,
    is_narrow,
    label_rows,
    nothing_to_show,
    panels_of,
    percent_axis,
)
from turing.results.snapshots import Points

Row = dict[str, Any]
# Colour, marker and place beside the others of one size.
STYLES = {"real": (WARM, "s", -0.12), "generated": (ACCENT, "o", 0.0), "half": (INK, "^", 0.12)}
LABELS = {"real": "real", "generated": "generated", "half": "half and half"}
CONTRASTS = {
    "added": "added to every real image",
    "generated": "in place of real images",
    "half": "in place of half of them",
}


def utility_figure(figures: Row | None) -> Figure:
    """For each classifier: AUC against the number of training images, and below it the change by generated images."""
    if not figures:
        return nothing_to_show("Not measured yet")
    classifiers = list(figures["classifiers"])
    options = {"height_ratios": (2.2, 1), "sharex": "row", "sharey": "row"}
    figure, panels = panels_of(2, len(classifiers), 5.2, 3.2, **options)
    if is_narrow():  # the two of a classifier below each other
        panels = panels.reshape(len(classifiers), 2).T
    for column, key in enumerate(classifiers):
        rows = [row for row in figures["curves"] if row["classifier"] == key]
        _curves(panels[0, column], rows)
        name = figures["classifiers"][key]["name"]
        panels[0, column].set_title(f"{name[0].upper()}{name[1:]}")
        _differences(panels[1, column], [one for one in figures["comparisons"] if one["classifier"] == key], figures)
    panels[0, 0].set_ylabel("AUC on lesions that nobody saw")
    add_legend(panels[0, 0], loc="lower right")
    if figures["phantoms"]:
        figure.suptitle("DRAWN PHANTOMS, NOT LESIONS", color=WARM)
    return figure


def _curves(axes: Axes, rows: list[Row]) -> None:
    sizes = list(dict.fromkeys(row["size"] for row in rows))
    for arm, (colour, marker, beside) in STYLES.items():
        own = [row for row in rows if row["arm"] == arm]
        places = [sizes.index(row["size"]) + beside for row in own]
        for place, row in zip(places, own, strict=True):
            axes.plot([place, place], row["auc"]["ci95"], color=colour, linewidth=1.2, alpha=0.6)
        estimates = [row["auc"]["estimate"] for row in own]
        axes.plot(places, estimates, marker=marker, color=colour, markersize=5, linewidth=1, label=LABELS[arm])
    added = next(row for row in rows if row["arm"] == "added")
    place = len(sizes) - 0.4
    axes.plot([place, place], added["auc"]["ci95"], color=ACCENT, linewidth=1.2, alpha=0.6)
    axes.plot(
        [place], [added["auc"]["estimate"]], marker="D", color=ACCENT, markerfacecolor="white", markersize=6,
        linewidth=0, label="every real, generated added",
    )  # fmt: skip
    axes.axhline(0.5, color=MUTED, linewidth=0.8, linestyle=":")
    axes.set_xticks(range(len(sizes)), sizes)
    axes.set(xlabel="Training images of each diagnosis", xlim=(-0.4, len(sizes) - 0.1))


def _differences(axes: Axes, rows: list[Row], figures: Row) -> None:
    margin = figures["margin"]
    axes.axvspan(-margin, margin, color=MUTED, alpha=0.2, linewidth=0)
    axes.axvline(0, color=MUTED, linewidth=0.8)
    for place, row in enumerate(rows):
        draw_interval(axes, place, row["auc"]["ci95"], ACCENT, 2)
        axes.plot([row["auc"]["estimate"]], [place], "o", color=ACCENT, markersize=6)
    label_rows(axes, [CONTRASTS[row["arm"]] for row in rows])
    axes.set_xlabel(f"Change of AUC by generated images (grey: less than {margin:g})")


def snapshots_figure(points: Points) -> Figure:
    """KID, recall, utility and fooling rate against the step, each in its own panel."""
    if not points:
        return nothing_to_show("No snapshot was measured yet")
    figure, grid = panels_of(2, 2, 4.8, 3.2, sharex=True)
    panels = grid.ravel()
    titles = {
        "kid": "KID x 1000 to held-out lesions",
        "recall": "Recall",
        "utility": "AUC, trained on generated images alone",
        "fooling": "Fooling rate, closed studies, people",
    }
    for axes, (kind, title) in zip(panels, titles.items(), strict=True):
        axes.set_title(title)
        lines = points.get(kind, {})
        if not lines:
            axes.text(0.5, 0.5, "not measured", ha="center", va="center", color=INK, transform=axes.transAxes)
            axes.set_yticks([])
        for colour, (name, found) in zip((ACCENT, WARM, INK, MUTED) * len(lines), lines.items(), strict=False):
            for step, _, interval in found:
                if interval:
                    axes.plot([step, step], interval, color=colour, linewidth=1.2, alpha=0.5)
            axes.plot(
                [step for step, *_ in found], [value for _, value, _ in found], "o-", color=colour, markersize=4,
                linewidth=1, label=name,
            )  # fmt: skip
        if lines:
            axes.legend(frameon=False)
        if kind == "fooling" and lines:
            axes.axhline(0.5, color=MUTED, linewidth=0.8, linestyle=":")
            percent_axis(axes.yaxis)
    for axes in panels if is_narrow() else panels[2:]:
        axes.set_xlabel("Step")
    return figure
