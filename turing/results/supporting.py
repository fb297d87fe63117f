"""Sentences that support the headline or say where it may not hold."""

from typing import Any

from turing.templatetags.figures import interval, percent

# With two kinds of readers, of whom a fifth spot nearly all images: from `benchmarks/results/two_kinds.json`.
HOLDS_NOWHERE_BELOW, HOLDS_FROM = 12, 20  # readers


def kinds_sentence(analysis: dict[str, Any]) -> str:
    """A sentence if there seem to be two kinds of readers.

    Empty if there seems to be one, or too few readers to tell.
    """
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
    """What an interval from so few readers cannot know; empty if there is no interval."""
    kinds = analysis["reader_kinds"]
    if not kinds:
        return ""
    readers = analysis["counts"]["readers"]
    if kinds["two_kinds"] is None:
        tested = f"Whether readers are of two kinds could not be tested: {kinds['reason']}."
    elif kinds["two_kinds"]:
        tested = ""
    else:
        statistic, threshold = kinds["statistic"], kinds["threshold"]
        tested = (
            "The readers do not seem to be of two kinds, such as some who find nearly all generated images and others "
            f"who guess (likelihood ratio {statistic:.1f}; above {threshold:g} they do)."
        )
    return f"{tested} {few_readers_sentence(readers)}".strip()


def few_readers_sentence(readers: int) -> str:
    """What an interval from this many readers (two or more) cannot know about two kinds of readers."""
    few = ""
    if readers < HOLDS_NOWHERE_BELOW:
        few = (
            f" With fewer than {HOLDS_NOWHERE_BELOW} readers, no interval here keeps its 95% if a fifth of the readers "
            "differ much from the others. In simulations with 5 readers it covered 80% to 87%."
        )
    elif readers < HOLDS_FROM:
        few = (
            f" With fewer than {HOLDS_FROM} readers, no interval here quite keeps its 95% if a fifth of the readers "
            "differ much from the others. In simulations with 12 readers the headline's interval covered 91% to 92%, "
            "and the one that allows for two kinds 92% to 94%."
        )
    return (
        f"With {readers} readers, a kind that makes up {percent(1 - 0.05 ** (1 / readers))} of all readers is missing "
        f"from one study in twenty. No interval can account for a kind that is missing.{few}"
    )


def dropout_sentence(analysis: dict[str, Any]) -> str:
    """Readers who stopped early, and how they affect the headline; empty if none did, or if that is unknown."""
    found = analysis["dropout"]
    if not found["stopped"]:
        return ""
    stopped, all_readers = found["stopped"], found["stopped"] + found["finished"]
    guessed = "" if found["form"] == "given" else " (assuming that everybody had the longest form)"
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
    for name, label in (("finished", "Without them"), ("readers_alike", "If every reader has the same weight,")):
        rate = found["sensitivity"][name]
        if rate and rate["estimate"] is not None:
            known = f", 95% interval {interval(rate['ci95'])}" if rate["ci95"] else ""
            parts.append(f"{label} the fooling rate is {percent(rate['estimate'])}{known}.")
    return " ".join(parts)


def model_sentence(analysis: dict[str, Any]) -> str:
    """What the model of readers and images says beside the headline, or why it was not fitted."""
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
