"""Looks for traces that reveal the generated image of a pair: its side, its mark-up, the order of the two."""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import NamedTuple

import numpy as np
from scipy import stats

from turing.models import Reading, Stimulus, Study, Trial, Truth
from turing.reading.passage import form_trials
from turing.reading.randomisation import new_seed
from turing.studies.blinding.checks import LEVEL, Check, p_with_limit, trace_check, verdict_of

IMAGE = re.compile(r'<img class="stimulus[^>]*>')
ADDRESS = re.compile(r"/stimuli/([0-9a-f-]{36})\.png")
OWN = re.compile(r' (src|alt)="[^"]*"')  # attributes in which the two images of a page may differ

FORMS = 10  # number of new forms that are checked


class Placed(NamedTuple):
    """One pair in a form, and whether its generated image is on the left."""

    phase: str
    diagnosis: str
    on_left: bool
    position: int


def check_pairs(study: Study, stimuli: Sequence[Stimulus], traces: Mapping[str, np.ndarray]) -> list[Check]:
    """Check the pairs and all readers' forms; `traces` (n,) are numbers of each stimulus, by name."""
    return [_whole(stimuli), *_sides(study), _within(stimuli, traces)]


def _whole(stimuli: Sequence[Stimulus]) -> Check:
    pairs: dict[int | None, list[Stimulus]] = defaultdict(list)
    for one in stimuli:
        pairs[one.pair].append(one)
    odd = [
        f"pair {number} is not one real and one generated image of a diagnosis"
        for number, both in pairs.items()
        if number is None
        or sorted(one.truth for one in both) != sorted(Truth.values)
        or len({(one.diagnosis, one.is_practice) for one in both}) > 1
    ]
    return verdict_of(odd, "pairs", "each is one real and one generated image of one diagnosis")


def _sides(study: Study) -> Iterator[Check]:
    """Check that half of the pairs of each diagnosis have the generated image on the left, anywhere in the form.

    It checks the forms of existing readers, and new forms that no reader gets.
    """
    forms = list(_forms_of_readers(study)) + [_new_form(study) for _ in range(FORMS)]
    odd = []
    for number, form in enumerate(forms, start=1):
        left: dict[tuple[str, str], list[bool]] = defaultdict(list)
        for one in form:
            left[one.phase, one.diagnosis].append(one.on_left)
        odd += [
            f"form {number}: of {len(found)} pairs of {diagnosis} ({phase}) {sum(found)} have it on the left"
            for (phase, diagnosis), found in left.items()
            if abs(2 * sum(found) - len(found)) > 1
        ]
    yield verdict_of(odd, "sides", "the generated image stands on the left in half of each reader's pairs")
    every = [one for form in forms for one in form]
    yield trace_check(
        "sides along the form",
        [one.position for one in every],
        [one.on_left for one in every],
        "positions of pairs with the generated image on the left",
    )


def _forms_of_readers(study: Study) -> Iterator[list[Placed]]:
    rows = Trial.objects.filter(reading__study=study).order_by("reading", "position")
    columns = ("phase", "stimulus__diagnosis", "stimulus__truth", "position", "reading")
    for _, found in groupby(rows.values_list(*columns), key=lambda row: row[-1]):
        yield [Placed(phase, diagnosis, truth == Truth.GENERATED, at) for phase, diagnosis, truth, at, _ in found]


def _new_form(study: Study) -> list[Placed]:
    stimuli = {one.pk: one for one in study.stimuli.all()}
    trials = form_trials(study, Reading(study=study, seed=new_seed()))
    found = ((one, stimuli[one.stimulus_id]) for one in trials)
    return [Placed(str(one.phase), of.diagnosis, of.truth == Truth.GENERATED, one.position) for one, of in found]


def _within(stimuli: Sequence[Stimulus], traces: Mapping[str, np.ndarray]) -> Check:
    """Whether the generated image of a pair has the larger number more or less often than by chance (sign test)."""
    at: dict[int | None, dict[str, int]] = defaultdict(dict)
    for index, one in enumerate(stimuli):
        at[one.pair][one.truth] = index
    pairs = [(both[Truth.GENERATED], both[Truth.REAL]) for both in at.values() if len(both) == len(Truth)]
    leaks = []
    for name, values in traces.items():
        signs = [np.sign(values[generated] - values[real]) for generated, real in pairs]
        larger, apart = signs.count(1), sum(sign != 0 for sign in signs)
        if apart and (p_value := float(stats.binomtest(larger, apart).pvalue)) < LEVEL:
            leaks.append(f"{name}: larger of the generated image in {larger} of {apart} pairs, {p_with_limit(p_value)}")
    return verdict_of(leaks, "order within pairs", f"{', '.join(traces)}: neither image's is the larger as a rule")


def told_by_page(html: str, trial: Trial) -> Iterator[str]:
    """What the page of a pair shows besides its two images, from left to right, which differ only in address."""
    images = IMAGE.findall(html)
    if [ADDRESS.findall(one) for one in images] != [[str(trial.stimulus_id)], [str(trial.partner_id)]]:
        yield f"pair {trial.position}: its images are not those of its form, from left to right"
    elif len({OWN.sub("", one) for one in images}) > 1:
        yield f"pair {trial.position}: its two images are marked up otherwise"


def told_ahead(position: str, addresses: object, trials: Mapping[int, Trial]) -> Iterator[str]:
    """What a list of images to load ahead holds besides the two images of a pair from left to right."""
    trial = trials.get(int(position)) if position.isdecimal() else None
    wanted = [f"/stimuli/{one}.png" for one in (trial.stimulus_id, trial.partner_id)] if trial else None
    if addresses != wanted:
        yield f"{position!r}: {addresses!r}, not the two images from left to right"
