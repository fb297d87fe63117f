"""Computes the numbers of analysis.json again, from data/responses.csv. Needs numpy and scipy, nothing else.

    python reproduce.py            every headline number, and a line for each group of the others
    python reproduce.py --all      every number, one a line

It does so twice.

1. With the platform's own statistics modules, which lie in software/: every number of analysis.json. This shows that
   the numbers belong to these answers.
2. With the plain code in this file, written from the formulas and sharing nothing with those modules: the headline
   numbers. Means of products are taken over all pairs of answers one by one, the AUC's over an array of all
   comparisons. This shows that the modules compute what they say.

It also computes the design's hash from design.json and stimuli.csv. Exit status 1 if anything differs by more than
1e-9 (of the value, where that is larger than 1).
"""

import csv
import hashlib
import json
import math
import sys
import types
from collections import defaultdict
from pathlib import Path

import numpy as np
from scipy import stats

HERE = Path(__file__).resolve().parent
TOLERANCE = 1e-9
LEVEL = {"interval": 0.95, "alpha": 0.05}  # of intervals, and of each test of equivalence; looks change them
NEGLIGIBLE = 1e-12  # a smaller variance of a share is a rounding error
MOST_PAIRS = 20_000  # answers; the code takes all pairs of them
MOST_COMPARISONS = 30_000_000  # readers x generated x real images
LONG = (
    "by_reader",
    "by_image",
    "by_pair",
    "roc",
    "comparisons",
    "calibration",
    "learning",
    "exposure_threshold",
    "model",
)
NOT_IN_PLAIN_CODE = (
    "Not in the plain code, and computed with the modules alone: reader_kinds and model, which are fitted step by step "
    "(reproduce.R fits the model again with lme4), and of dropout the difference and the intervals of readers_alike."
)


# The plain code: rates.


def rate(answers, score, fixed_truth=False, level=None):
    """The mean score with its variance over readers and images, as in Gallas, Pennello, Myers (2007).

    Real and generated images are one group. With `fixed_truth` they are two strata that the design fixes.
    """
    estimate = float(np.mean(score)) if len(score) else None
    found = {"estimate": estimate, "ci95": None, "variance": None, "df": None, "naive": naive(score), "spread": None}
    if estimate is None:
        return found
    reader, image = codes(a["reader"] for a in answers), codes(a["image"] for a in answers)
    group = codes(a["truth"] for a in answers) if fixed_truth else np.zeros(len(answers), int)
    if reader.max() < 1 or image.max() < 1:
        return found
    groups, n = group.max() + 1, len(score)
    count = np.bincount(group)
    mean = np.bincount(group, score) / count
    weight = count / n
    plain, centred = (all_pairs(reader, image, group, score - shift[group]) for shift in (np.zeros(groups), mean))
    if np.isnan(plain["neither"]).any():
        return found
    variance = float(weight @ (np.outer(mean, mean) - plain["neither"]) @ weight)
    same_reader, same_image, itself = centred["share_reader"], centred["share_image"], centred["itself"]
    m1, m2, m3, m4 = (centred[name] for name in ("own", "reader", "image", "neither"))
    residual = np.diag(np.diag(m1 - m2 - m3 + m4) * np.diag(itself))
    spread = {
        "readers": float(weight @ (same_reader * (m2 - m4)) @ weight),
        "images": float(weight @ (same_image * (m3 - m4)) @ weight),
        "residual": float(weight @ residual @ weight),
        "df_readers": effective_df(reader, group, weight),
        "df_images": effective_df(image, group, weight),
        "least": float(weight**2 @ (mean * (1 - mean) / count)),
    }
    if nothing_varies(spread):
        return found
    if variance <= NEGLIGIBLE:
        variance = spread["least"]
    interval = score_interval(estimate, spread, level)
    return found | {"ci95": interval, "variance": variance, "df": satterthwaite(spread), "spread": spread}


def all_pairs(reader, image, group, value):
    """Mean products over all pairs of answers, by what the two share and by their groups."""
    groups = group.max() + 1
    total = {kind: np.zeros((groups, groups)) for kind in ("reader", "image", "neither", "own")}
    number = {kind: np.zeros((groups, groups)) for kind in total}
    for one in range(len(value)):
        same_reader, same_image = reader == reader[one], image == image[one]
        kinds = {
            "reader": same_reader & ~same_image,
            "image": same_image & ~same_reader,
            "neither": ~same_reader & ~same_image,
            "own": same_reader & same_image,
        }
        for kind, mask in kinds.items():
            total[kind][group[one]] += value[one] * np.bincount(group[mask], value[mask], groups)
            number[kind][group[one]] += np.bincount(group[mask], minlength=groups)
    with np.errstate(invalid="ignore", divide="ignore"):
        found = {kind: total[kind] / number[kind] for kind in total}
    for kind in ("reader", "image"):  # a kind of pair that does not occur has no weight
        found[kind] = np.where(number[kind] > 0, found[kind], found["neither"])
    everything = sum(number.values())
    # The shares of pairs that share at least the reader, at least the image, or both (an answer with itself).
    found["share_reader"] = (number["reader"] + number["own"]) / everything
    found["share_image"] = (number["image"] + number["own"]) / everything
    found["itself"] = number["own"] / everything
    return found


def effective_df(unit, group, weight):
    """Degrees of freedom of readers (or images): their number minus one, or less if their weights are unequal."""
    groups, units = len(weight), unit.max() + 1
    counts = np.zeros((groups, units))
    np.add.at(counts, (group, unit), 1)
    leverage = weight**2 @ (counts / counts.sum(1, keepdims=True)) ** 2
    groups_of_a_unit = (counts > 0).sum() / (counts > 0).any(0).sum()
    return max(1.0, leverage.sum() ** 2 / (leverage**2).sum() - groups / groups_of_a_unit)


def nothing_varies(spread):
    return max(spread["readers"], 0) + max(spread["images"], 0) + max(spread["least"], 0) <= NEGLIGIBLE


def safe_variance(spread):
    return max(spread["readers"] + spread["images"] + spread["residual"], spread["least"])


def satterthwaite(spread):
    rest = spread["residual"]
    reader, image = spread["readers"] + rest, spread["images"] + rest
    dfr, dfi = spread["df_readers"], spread["df_images"]
    noise = reader**2 / dfr + image**2 / dfi + rest**2 / (dfr * dfi)
    return max(1.0, safe_variance(spread) ** 2 / noise) if noise > NEGLIGIBLE**2 else 1.0


def score_interval(estimate, spread, level=None):
    """The shares mu with (estimate - mu)^2 <= noise q + effects q^p, q = mu (1 - mu) / (estimate (1 - estimate))."""
    readers, images = max(spread["readers"], 0), max(spread["images"], 0)
    dfr, dfi, least = spread["df_readers"], spread["df_images"], max(spread["least"], 0)
    upper = (1 + (level or LEVEL["interval"])) / 2
    t = stats.t(dfr).ppf(upper) ** 2 * readers + stats.t(dfi).ppf(upper) ** 2 * images
    in_parts = np.array([stats.norm.ppf(upper) ** 2 * least, t])
    by_reader = dfr <= dfi * (1 + 1e-9)  # the factor with fewer units
    part = spread["readers" if by_reader else "images"] + spread["residual"]
    part = max(part, 0.2 * spread["residual"], 0)
    readers, images = (part, images) if by_reader else (readers, part)
    total = readers + images
    mean_square = in_parts
    if total > NEGLIGIBLE:
        df = max(1.0, 1 / ((readers / total) ** 2 / dfr + (images / total) ** 2 / dfi))
        noise = min(least, total)
        mean_square = stats.t(df).ppf(upper) ** 2 * np.array([noise, total - noise])
    skew = min(1.0, 2 * abs(2 * estimate - 1))
    towards, away = (0.0, 1.0) if estimate > 0.5 else (1.0, 0.0)
    inner = limit(estimate, towards, mean_square, 1.75 + 0.25 * skew)
    outer = limit(estimate, away, skew * in_parts + (1 - skew) * mean_square, 1.75 - 0.25 * skew)
    return sorted((inner, outer))


def limit(estimate, end, half, power):
    """The point between the estimate and `end` at which the inequality stops to hold, by bisection."""

    def outside(mu):
        q = mu * (1 - mu) / (estimate * (1 - estimate))
        return (estimate - mu) ** 2 > half[0] * q + half[1] * q**power

    inside, beyond = estimate, end
    for _ in range(200):
        middle = (inside + beyond) / 2
        inside, beyond = (inside, middle) if outside(middle) else (middle, beyond)
    return float(inside)


def naive(score):
    """The intervals of Wilson and of Clopper and Pearson, which treat answers as independent."""
    n, k = len(score), int(np.sum(score))
    if not n:
        return {"wilson": None, "clopper_pearson": None}
    z2 = stats.norm.ppf(0.975) ** 2
    centre, half = (k + z2 / 2) / (n + z2), math.sqrt(z2 * (k * (n - k) / n + z2 / 4)) / (n + z2)
    low = stats.beta.ppf(0.025, k, n - k + 1) if k else 0.0
    high = stats.beta.ppf(0.975, k + 1, n - k) if k < n else 1.0
    return {"wilson": [max(0.0, centre - half), min(1.0, centre + half)], "clopper_pearson": [float(low), float(high)]}


def variance_components(answers, score):
    """Variance components from the mean squares of a two-way ANOVA; None unless every reader answered every image."""
    readers, images = codes(a["reader"] for a in answers), codes(a["image"] for a in answers)
    r, c = readers.max() + 1, images.max() + 1
    if len(answers) != r * c or min(r, c) < 2:
        return None
    table = np.zeros((r, c))
    table[readers, images] = score
    by_reader, by_image, grand = table.mean(1), table.mean(0), table.mean()
    ms_reader = c * ((by_reader - grand) ** 2).sum() / (r - 1)
    ms_image = r * ((by_image - grand) ** 2).sum() / (c - 1)
    rest = table - by_reader[:, None] - by_image + grand
    ms_rest = (rest**2).sum() / ((r - 1) * (c - 1))
    return {"reader": (ms_reader - ms_rest) / c, "image": (ms_image - ms_rest) / r, "residual": ms_rest}


# The plain code: detection.


def auc(answers, weigh):
    """Area under the ROC curve over readers, generated and real images (Gallas 2006), from an array of comparisons."""
    readers, generated, real = (
        sorted({a[name] for a in answers if a["truth"] in truths})
        for name, truths in (("reader", TRUTHS), ("image", TRUTHS[:1]), ("image", TRUTHS[1:]))
    )
    score = {(a["reader"], a["image"]): evidence(a) for a in answers}
    of_generated, of_real = (
        np.array([[score.get((one, image), np.nan) for image in images] for one in readers]).reshape(len(readers), -1)
        for images in (generated, real)
    )
    both = ~np.isnan(of_generated).all(1) & ~np.isnan(of_real).all(1)
    if not both.any():
        return None
    of_generated, of_real = of_generated[both], of_real[both]
    of_generated, of_real = of_generated[:, ~np.isnan(of_generated).all(0)], of_real[:, ~np.isnan(of_real).all(0)]
    if of_generated.size * of_real.shape[1] > MOST_COMPARISONS:  # too large an array
        return {}
    one, other = of_generated[:, :, None], of_real[:, None, :]
    made = ~np.isnan(one) & ~np.isnan(other)
    won = np.where(made, (one > other) + 0.5 * (one == other), 0.0)
    each = made.sum((1, 2))
    weight = made / (len(each) * each)[:, None, None] if weigh == "readers" else made / each.sum()
    area = float((weight * won).sum())
    found = {"estimate": area, "variance": None, "df": None, "ci95": None}
    if min(len(each), of_generated.shape[1], of_real.shape[1]) < 2:
        return found
    share = shared_at_least(weight)
    number = exactly(share)
    plain = exactly(shared_at_least(weight * won))
    centred = exactly(shared_at_least(weight * (won - area)))
    tiny = 1e-12 * max(number.values())
    if number[""] <= tiny:
        return found
    m = {name: (centred[name] / number[name] if number[name] > tiny else centred[""] / number[""]) for name in SETS}

    def part(own, base=""):
        inner = [other for other in SETS if set(base) <= set(other) <= set(own)]
        return sum((-1) ** (len(own) - len(other)) * m[other] for other in inner)

    of_g, of_n = (max(0.0, share[name] * part(name)) for name in "gn")
    df_g, df_n = 1 / share["g"] - 1, 1 / share["n"] - 1
    noise = of_g**2 / df_g + of_n**2 / df_n
    spread = {
        "readers": share["r"] * part("r"),
        "images": sum(share[name] * part(name) for name in ("g", "n", "gn")),
        "residual": sum(share[name] * part(name) for name in ("rg", "rn", "rgn")),
        "df_readers": 1 / share["r"] - 1,
        "df_images": (of_g + of_n) ** 2 / noise if noise > NEGLIGIBLE**2 else min(df_g, df_n),
        "least": sum(share[name] * part(name, "r") for name in ("rg", "rn", "rgn")),
    }
    if area in (0, 1) or nothing_varies(spread):
        return found
    variance = area**2 - plain[""] / number[""]
    if variance <= NEGLIGIBLE:
        variance = max(spread["least"], 0.0)
    interval = score_interval(area, spread)
    return {"estimate": area, "variance": variance, "df": satterthwaite(spread), "ci95": interval}


TRUTHS = ("generated", "real")
SETS = ("", "r", "g", "n", "rg", "rn", "gn", "rgn")
AXES = "rgn"


def shared_at_least(values):
    """For each set of indices, the sum over pairs of comparisons that share at least these indices."""
    return {
        name: float((values.sum(tuple(AXES.index(axis) for axis in AXES if axis not in name)) ** 2).sum())
        for name in SETS
    }


def exactly(at_least):
    """The sums over pairs that share exactly a set of indices."""
    return {
        own: sum((-1) ** (len(other) - len(own)) * at_least[other] for other in SETS if set(own) <= set(other))
        for own in SETS
    }


def evidence(answer):
    """Evidence for 'generated': +confidence if judged generated, -confidence if judged real; 1 if none was given."""
    return (answer["confidence"] or 1) * (1 if answer["response"] == "generated" else -1)


def detection(answers):
    """d' and criterion with the log-linear correction (Hautus 1995), of all answers and as the readers' mean."""

    def values(rows):
        hits, generated, alarms, real = 0, 0, 0, 0
        for a in rows:
            said = a["response"] == "generated"
            generated, hits = generated + (a["truth"] == "generated"), hits + (said and a["truth"] == "generated")
            real, alarms = real + (a["truth"] == "real"), alarms + (said and a["truth"] == "real")
        if not (generated and real):
            return None
        hit, alarm = (stats.norm.ppf((k + 0.5) / (n + 1)) for k, n in ((hits, generated), (alarms, real)))
        return hit - alarm, -(hit + alarm) / 2

    of = defaultdict(list)
    for a in answers:
        of[a["reader"]].append(a)
    readers = [found for rows in of.values() if (found := values(rows))]
    if not readers:
        return {"dprime": None, "criterion": None}
    # The pooled figure also counts readers who saw only one truth.
    whole = values(answers)
    result = {}
    for index, name in enumerate(("dprime", "criterion")):
        each = np.array([one[index] for one in readers])
        interval = None
        if len(each) > 1 and np.ptp(each) > 1e-9 * max(1.0, np.abs(each).max()):
            half = stats.t(len(each) - 1).ppf(0.975) * each.std(ddof=1) / math.sqrt(len(each))
            interval = [float(each.mean() - half), float(each.mean() + half)]
        result[name] = {"pooled": float(whole[index]), "mean_reader": float(each.mean()), "ci95": interval}
    return result


# The plain code: agreement, equivalence.


def agreement(answers):
    """Fleiss' kappa, Krippendorff's alpha (nominal) and Gwet's AC1, image by image."""
    images = defaultdict(lambda: [0, 0])
    for a in answers:
        images[a["image"]][a["response"] == "real"] += 1
    several = [counts for counts in images.values() if sum(counts) >= 2]
    if not several:
        return {"fleiss_kappa": None, "krippendorff_alpha": None, "gwet_ac1": None}
    alike = [sum(k * (k - 1) for k in counts) / (sum(counts) * (sum(counts) - 1)) for counts in several]
    observed = float(np.mean(alike))
    share = float(np.mean([real / (generated + real) for generated, real in images.values()]))
    by_chance = {"fleiss_kappa": share**2 + (1 - share) ** 2, "gwet_ac1": 2 * share * (1 - share)}
    found = {name: (observed - e) / (1 - e) if e < 1 else None for name, e in by_chance.items()}
    alpha = nominal_alpha(several)
    return found | {"krippendorff_alpha": None if math.isnan(alpha) else alpha}


def nominal_alpha(value_counts, level_of_measurement="nominal"):
    """Krippendorff's alpha of counts (units, values); NaN if all values are equal."""
    units = [list(map(float, counts)) for counts in value_counts if sum(counts) >= 2]
    totals = [sum(column) for column in zip(*units, strict=True)]
    n = sum(totals)
    disagreed = sum((sum(unit) ** 2 - sum(k * k for k in unit)) / (sum(unit) - 1) for unit in units)
    expected = (n**2 - sum(k * k for k in totals)) / (n - 1)
    return 1 - disagreed / expected if expected else float("nan")


def equivalence(accuracy, margin):
    """Two one-sided t tests of accuracy within 0.5 +- margin (Schuirmann 1987)."""
    spread = accuracy["spread"]
    if not spread:
        return None
    error, t = math.sqrt(safe_variance(spread)), stats.t(satterthwaite(spread))
    distance = accuracy["estimate"] - 0.5
    p_value = float(max(t.sf((distance + margin) / error), t.cdf((distance - margin) / error)))
    return {"margin": margin, "p_value": p_value, "equivalent": p_value < LEVEL["alpha"]}


# The plain code: readers who stopped early.


def dropout(answers):
    """How many readers answered fewer test images than their form has, and the fooling rates with and without them."""
    generated = [a for a in answers if a["truth"] == "generated"]
    if not generated:
        return {}
    of = defaultdict(list)
    for a in generated:
        of[a["reader"]].append(a["response"] == "real")
    found = {"sensitivity": {"readers_alike": {"estimate": float(np.mean([np.mean(one) for one in of.values()]))}}}
    answered = defaultdict(int)
    for a in answers:
        answered[a["reader"]] += 1
    if all(a.get("form_trials") for a in answers):
        form = {a["reader"]: int(a["form_trials"]) for a in answers}
    else:  # unknown length: the longest one, if a third of the readers answered that much
        longest = max(answered.values())
        if sum(count == longest for count in answered.values()) < len(answered) / 3:
            return found
        form = dict.fromkeys(answered, longest)
    stopped = {name for name in answered if answered[name] < form[name]}
    found |= {"stopped": len(stopped), "finished": len(answered) - len(stopped)}
    if stopped:
        found["answered_share"] = float(np.mean([answered[name] / form[name] for name in stopped]))
        parts = {"finished": [a for a in generated if a["reader"] not in stopped]}
        parts["stopped"] = [a for a in generated if a["reader"] in stopped]
        rates = {name: rate(rows, judged_real(rows), level=0.95) for name, rows in parts.items()}
        found["fooling_rate"] = {name: {key: one[key] for key in ("estimate", "ci95")} for name, one in rates.items()}
    return found


# The plain code: looks at results before the end.


def boundary(fractions, alpha):
    """The last z of a one-sided test that spends `alpha` by the function of Lan and DeMets (1983).

    The density of the score that has not crossed a boundary yet is kept on a grid, from one look to the next, and
    integrated by Simpson's rule.
    """
    spent = [2 * stats.norm.sf(stats.norm.isf(alpha / 2) / math.sqrt(min(one, 1.0))) for one in fractions]
    z, grid, mass, last = min(6.0, stats.norm.isf(spent[0])), None, None, None
    for before, now, error in zip(fractions, fractions[1:], np.diff(spent), strict=False):
        step, root = math.sqrt(now - before), math.sqrt(before)
        new = np.linspace(-8 * root, z * root, int(min(6000, max(1000, 40 * (8 + z) * root / step))) // 2 * 2 + 1)
        weight = np.full(len(new), 2.0)
        weight[1::2], weight[0], weight[-1] = 4.0, 1.0, 1.0
        weight *= (new[1] - new[0]) / 3
        if grid is None:
            density = stats.norm.pdf(new / root) / root
        else:
            density = np.array([mass @ stats.norm.pdf((one - grid) / last) / last for one in new])
        grid, mass, last = new, weight * density, step
        low, high = 0.0, 6.0
        if mass @ stats.norm.sf((high * math.sqrt(now) - grid) / step) >= error:
            low = high
        while high - low > 1e-12:
            z = (low + high) / 2
            crossed = mass @ stats.norm.sf((z * math.sqrt(now) - grid) / step)
            low, high = (z, high) if crossed > error else (low, z)
        z = high
    return float(z)


def looks_taken(rows, document):
    """The number of planned answers, and the numbers of answers at each look and now; None if nobody looked early."""
    taken = [look["answers"] for look in document["taken"]]
    now = sum(row["phase"] == "test" for row in rows)
    return (document["planned_answers"], taken + [now] * (now > taken[-1])) if taken else None


def judged_by(planned, answers):
    """The part `looks` of analysis.json, without the intervals that would hold if nobody had looked."""
    fractions = [one / planned for one in answers]
    z, of_test = boundary(fractions, 0.025), boundary(fractions, 0.05)
    level, alpha = float(1 - 2 * stats.norm.sf(z)), float(stats.norm.sf(of_test))
    return {"planned_answers": planned, "answers": answers, "fraction": fractions[-1], "z": z, "level": level,
            "alpha": alpha}  # fmt: skip


# The plain code, put together.


def headline(answers, margin):
    """The headline numbers, with the keys of analysis.json."""
    generated = [a for a in answers if a["truth"] == "generated"]
    fooled = judged_real(generated)
    accuracy = rate(answers, correct(answers), fixed_truth=True)
    groups = {name: [a for a in answers if a["diagnosis"] == name] for name in {a["diagnosis"] for a in answers}}
    whole = {
        "counts": {
            "readers": len({a["reader"] for a in answers}),
            "images": len({a["image"] for a in answers}),
            "responses": len(answers),
            "generated_responses": len(generated),
            "generated_judged_real": int(fooled.sum()),
        },
        **rates_and_auc(answers),
        "variance_components": variance_components(generated, fooled) if generated else None,
        **detection(answers),
        "agreement": agreement(answers),
        "equivalence": equivalence(accuracy, margin),
        "dropout": dropout(answers),
        "by_diagnosis": {name: rates_and_auc(rows) for name, rows in groups.items()},
    }
    if whole["fooling_rate"]["variance"] is None:
        whole["variance_components"] = None
    return whole


def headline_of_pairs(answers, margin):
    """The headline numbers of a study of pairs.

    Here `image` is the pair. Response and truth are those of the image on the left.
    """

    def share_of(rows):
        few = len({a["reader"] for a in rows}) < 10  # their 95% interval is computed at 97%
        return rate(rows, correct(rows), level=0.97 if few else None)

    def figures(rows):
        share = share_of(rows)
        return {"proportion_correct": share, "dprime": dprime(share["estimate"], share["ci95"])}

    share = share_of(answers)
    groups = {name: [a for a in answers if a["diagnosis"] == name] for name in {a["diagnosis"] for a in answers}}
    return {
        "counts": {"readers": len({a["reader"] for a in answers}), "responses": len(answers)},
        "forced_choice": {
            "pairs": len({a["image"] for a in answers}),
            "correct": int(correct(answers).sum()),
            **figures(answers),
            "equivalence": equivalence(share, margin),
            "left": rate(answers, 1 - judged_real(answers)),
            "by_diagnosis": {name: figures(rows) for name, rows in groups.items()},
        },
    }


def dprime(share, interval):
    """d' = sqrt(2) z(proportion correct), as in Macmillan and Creelman (2005) for two alternatives, and its limits."""

    def of(value):
        return float(math.sqrt(2) * stats.norm.ppf(value))

    if share in (None, 0, 1):
        return {"estimate": None, "ci95": None}
    ends = interval and interval[0] >= 1e-6 and interval[1] <= 1 - 1e-6
    return {"estimate": of(share), "ci95": [of(one) for one in interval] if ends else None}


def rates_and_auc(answers):
    generated, real = ([a for a in answers if a["truth"] == truth] for truth in TRUTHS)
    area = auc(answers, "readers")
    if area:
        area["imrmc"] = auc(answers, "comparisons")
    return {
        "fooling_rate": rate(generated, judged_real(generated)),
        "real_judged_real": rate(real, judged_real(real)),
        "accuracy": rate(answers, correct(answers), fixed_truth=True),
        "auc": area,
    }


def judged_real(answers):
    return np.array([a["response"] == "real" for a in answers], float)


def correct(answers):
    return np.array([a["response"] == a["truth"] for a in answers], float)


def codes(labels):
    return np.unique(list(labels), return_inverse=True)[1]


def is_pairs(rows):
    return any(row.get("pair") for row in rows)


# The platform's modules.


def full_analysis(rows, margin, looks=None, plan=()):
    """analysis.json, computed by the modules in software/."""
    sys.path.insert(0, str(HERE / "software"))
    try:
        import krippendorff  # noqa: F401
    except ImportError:  # the only other package that they use, and only in the function above
        stand_in = types.ModuleType("krippendorff")
        stand_in.alpha = nominal_alpha
        sys.modules["krippendorff"] = stand_in
    from turing.statistics.analysis import analyse
    from turing.statistics.question_answers import questions_in
    from turing.statistics.responses import Responses, time_at_page

    def text(name):
        return np.array([row[name] for row in rows])

    def number(name):
        return np.array([float(row[name] or "nan") for row in rows])

    away = number("away_ms") if "away_ms" in rows[0] else np.full(len(rows), np.nan)
    shown, meant = number("shown_ms"), number("exposure_ms")
    responses = Responses.from_labels(
        text("reader"),
        text("pair") if is_pairs(rows) else text("image"),
        text("truth") == "real",
        text("response") == "real",
        diagnosis=text("diagnosis"),
        confidence=number("confidence"),
        response_time=time_at_page(number("rt_ms"), away),
        position=number("trial_index"),
        is_repeat=text("phase") == "repeat",
        asks_judgement=bool((text("response") != "").any()),
        form=number("form_trials") if "form_trials" in rows[0] else None,
        exposure=np.where(np.isnan(meant) | ~(shown > 0), meant, shown),
        factors={name: text(name) for name in ("profession", "specialty", "experience", "run")},
        questions=questions_in({name: [row[name].strip() for row in rows] for name in rows[0]}),
        **({"is_pairs": True} if is_pairs(rows) else {}),
    )
    if looks is None:
        return analyse(responses, margin, None, plan)
    from turing.statistics.looks import Looks

    return analyse(responses, margin, Looks(looks[0], tuple(looks[1])), plan)


# Comparing.


def leaves(value, name=""):
    """Every number, word or null in a JSON value, with its place in it."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from leaves(inner, f"{name}.{key}" if name else key)
    elif isinstance(value, (list, tuple)):
        for index, inner in enumerate(value):
            yield from leaves(inner, f"{name}[{index}]")
    else:
        yield name, value


def difference(published, computed):
    """The difference between two values.

    Numbers larger than 1 have a relative difference. Values that are not numbers have 0 or infinity.
    """
    if isinstance(published, (int, float)) and isinstance(computed, (int, float)):
        return abs(published - computed) / max(1.0, abs(published))
    return 0.0 if published == computed else math.inf


def compare(title, published, computed, skipped, show_all):
    """Print the table, and return how many numbers differ."""
    print(f"\n{title}\n\n{'name':58} {'in analysis.json':>20} {'computed':>20} {'difference':>11}")
    published, wrong, groups = dict(leaves(published)), 0, {}
    for name, value in leaves(computed):
        if skipped(name):
            continue
        apart = difference(published.get(name, "missing"), value)
        differs = not apart <= TOLERANCE
        wrong += differs
        top = name.removeprefix("forced_choice.").split(".")[0].split("[")[0]
        if top in LONG and not (show_all or differs):
            count, largest = groups.get(top, (0, 0.0))
            groups[top] = (count + 1, max(largest, apart))
            continue
        mark = "  DIFFERS" if differs else ""
        print(f"{name:58} {shown(published.get(name, 'missing')):>20} {shown(value):>20} {apart:11.1e}{mark}")
    for top, (count, largest) in groups.items():
        print(f"{top + f', {count} values':58} {'':>20} {'':>20} {largest:11.1e}")
    return wrong


def shown(value):
    if value is None:
        return "null"
    return f"{value:.12g}" if isinstance(value, float) else str(value)[:20]


def design_hash():
    """The hash of the design, computed as design.json says under how_to_compute_the_hash."""
    with (HERE / "stimuli.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    design = json.loads((HERE / "design.json").read_text(encoding="utf-8"))
    stimuli = [
        [row["id"], row["sha256"], row["truth"], row["diagnosis"]]
        + ["practice"] * (row["practice"] == "yes")
        + ["control"] * (row.get("control") == "yes")
        + [f"pair {row['pair']}" for _ in range(1) if row.get("pair")]
        for row in rows
    ]
    whole = design["hashed"] | {"stimuli": sorted(stimuli)}
    text = json.dumps(whole, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return design["design_hash"], hashlib.sha256(text.encode()).hexdigest()


def main():
    published = json.loads((HERE / "analysis.json").read_text(encoding="utf-8"))
    design = json.loads((HERE / "design.json").read_text(encoding="utf-8"))["design"]
    with (HERE / "data" / "responses.csv").open(encoding="utf-8", newline="") as stream:
        rows = [row for row in csv.DictReader(stream) if row["phase"] != "control"]
    margin, show_all = design["equivalence_margin"], "--all" in sys.argv[1:]

    looks = None
    if (HERE / "looks.json").exists():
        looks = looks_taken(rows, json.loads((HERE / "looks.json").read_text(encoding="utf-8")))
    whole = full_analysis(rows, margin, looks, design.get("questions", []))
    title = "1. With the platform's modules: every number"
    wrong = compare(title, published, json.loads(json.dumps(whole)), lambda name: False, show_all)
    missing = set(dict(leaves(published))) - set(dict(leaves(whole)))
    wrong += len(missing)
    for name in sorted(missing):
        print(f"{name} is in analysis.json but was not computed  DIFFERS")

    answers = [row | {"confidence": int(row["confidence"] or 0)} for row in rows if row["phase"] == "test"]
    title = "2. With plain code of its own: the headline numbers"
    if not any(row["response"] for row in answers):
        print(f"\n{title}: none, readers were not asked whether images are real")
    elif len(answers) > MOST_PAIRS:
        print(f"\n{title}: left out, {len(answers)} answers are too many to take all pairs of them")
    else:
        judged = judged_by(*looks) if looks else {}
        LEVEL.update({"interval": judged["level"], "alpha": judged["alpha"]} if looks else {})
        if is_pairs(rows):
            plain = headline_of_pairs([a | {"image": a["pair"]} for a in answers], margin)
        else:
            plain = headline(answers, margin) | ({"looks": judged} if looks else {})
        wrong += compare(title, published, plain, lambda name: "spread" in name.split("."), show_all)
        print("" if is_pairs(rows) else f"\n{NOT_IN_PLAIN_CODE}")

    stored, computed = design_hash()
    print(f"\n3. Hash of the design\n\nin design.json {stored}\ncomputed       {computed}")
    wrong += stored != computed
    print(f"\n{wrong} of these differ." if wrong else "\nEverything agrees.")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
