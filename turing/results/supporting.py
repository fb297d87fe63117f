"""What stands beside the headline, in sentences: where it may not hold, and what supports it."""

from typing import Any

from turing.templatetags.figures import interval, percent

# Readers of two kinds, a fifth of them spotting nearly all: figures of `benchmarks/results/two_kinds.json`.
HOLDS_NOWHERE_BELOW, HOLDS_FROM = 12, 20  # readers


def kinds_sentence(analysis: dict[str, Any]) -> str:
    """Readers of two kinds, beside the headline; empty where they seem of one, or too few to tell."""
    kinds = analysis["reader_kinds"]
    if not kinds or not kinds["two_kinds"]:
        return ""
    low, high = kinds["rates"]
    return (
        f"The readers seem to be of two kinds: about {kinds['share']:.0%} of them took {low:.0%} of the generated "
        f"images for real, the others {high:.0%}. The headline's interval may then cover less than 95%. One that "
        f"allows for it goes from {kinds['ci95'][0]:.0%} to {kinds['ci95'][1]:.0%}."
    )


def unseen_sentence(analysis: dict[str, Any]) -> str:
    """What no interval from so many readers knows; empty where there is none."""
    kinds = analysis["reader_kinds"]
    if not kinds:
        return ""
    readers = analysis["counts"]["readers"]
    if kinds["two_kinds"] is None:
        tested = f"Whether they are of two kinds could not be tested: {kinds['reason']}."
    elif kinds["two_kinds"]:
        tested = ""
    else:
        statistic, threshold = kinds["statistic"], kinds["threshold"]
        tested = f"They do not seem to be of two kinds (likelihood ratio {statistic:.1f}; above {threshold:g} they do)."
    return f"{tested} {few_readers_sentence(readers)}".strip()


def few_readers_sentence(readers: int) -> str:
    """What an interval from so many readers, two or more, cannot know of readers of two kinds."""
    few = ""
    if readers < HOLDS_NOWHERE_BELOW:
        few = (
            f" Below {HOLDS_NOWHERE_BELOW} readers no interval here holds where a fifth of the readers differ much "
            "from the others: with 5 it covered 80% to 87%."
        )
    elif readers < HOLDS_FROM:
        few = (
            f" Below {HOLDS_FROM} readers no interval here holds quite where a fifth of the readers differ much from "
            "the others: with 12 the headline's covered 91% to 92%, and the one that allows for two kinds 92% to 94%."
        )
    return (
        f"With {readers} readers, a kind that makes up {percent(1 - 0.05 ** (1 / readers))} of all readers is missing "
        f"from one study in twenty, and no interval can know of it.{few}"
    )


def dropout_sentence(analysis: dict[str, Any]) -> str:
    """Readers who stopped early, and what the headline owes to them; empty where none did or nobody knows."""
    found = analysis["dropout"]
    if not found["stopped"]:
        return ""
    stopped, all_readers = found["stopped"], found["stopped"] + found["finished"]
    guessed = "" if found["form"] == "given" else " (the longest form is taken for everybody's)"
    parts = [
        f"{stopped} of {all_readers} readers had not finished{guessed}. They had answered "
        f"{percent(found['answered_share'])} of their images on average."
    ]
    if test := found["difference"]:
        more = "more" if test["estimate"] >= 0 else "less"
        clear = "" if test["p_value"] < 0.05 else ", which may be chance"
        parts.append(
            f"They took generated images {more} often for real than those who finished: by "
            f"{percent(abs(test['estimate']))[:-1]} percentage points (95% interval of the difference "
            f"{100 * test['ci95'][0]:+.1f} to {100 * test['ci95'][1]:+.1f}){clear}."
        )
    for name, label in (("finished", "Without them"), ("readers_alike", "With every reader weighed alike")):
        rate = found["sensitivity"][name]
        if rate and rate["estimate"] is not None:
            known = f", 95% interval {interval(rate['ci95'])}" if rate["ci95"] else ""
            parts.append(f"{label} the fooling rate is {percent(rate['estimate'])}{known}.")
    return " ".join(parts)


def model_sentence(analysis: dict[str, Any]) -> str:
    """What the model of readers and images says beside the headline, or why there is none."""
    model = analysis["model"]
    if model["reason"]:
        return f"Not fitted: {model['reason']}."
    rate, headline = model["fooling_rate"], analysis["fooling_rate"]["estimate"]
    sensitivity, sd = model["sensitivity"], model["sd"]
    return (
        f"The model implies a fooling rate of {percent(rate['estimate'])} (95% interval {interval(rate['ci95'])}), "
        f"beside {percent(headline)} in the headline, which rests on no model. Readers' sensitivity (d') is "
        f"{sensitivity['estimate']:.2f} on average (95% interval {sensitivity['ci95'][0]:.2f} to "
        f"{sensitivity['ci95'][1]:.2f}) and differs between readers with a standard deviation of "
        f"{sd['sensitivity']:.2f}. Their criterion differs by {sd['criterion']:.2f} and images by "
        f"{sd['image']:.2f}, in the same unit."
    )
