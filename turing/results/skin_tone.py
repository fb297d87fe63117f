"""Rates by the skin tone of the images, and the skin tones that real images have and generated images lack.

The skin tone is the individual typology angle that `measure_skin_tone` stored, in Del Bino's bands. If a collection
gives the Fitzpatrick type of real images, it is shown as well. Bands with few images or readers are left out.
"""

from collections import Counter
from typing import Any

import numpy as np
from django.core.cache import cache
from django.db.models import Avg, Count, F
from django.db.models.functions import Coalesce

from gan.models import SKIN_TONES, GeneratedImage, LesionImage, skin_tone_of
from turing.models import Study, Truth
from turing.results.counting import Population, load_responses, version_of
from turing.results.study_analysis import KEPT_SECONDS, Analysis

FEWEST_IMAGES, FEWEST_READERS = 10, 5
TYPES = ("I", "II", "III", "IV", "V", "VI")
Row = dict[str, Any]


def with_skin_tone(study: Study, population: Population, analysis: Analysis) -> Analysis:
    """The analysis with the key `skin_tone`: bands, types, and missing tones; None if nothing was measured."""
    if study.forced_choice:  # a pair has two tones, and a choice does not judge either image
        return analysis | {"skin_tone": None}
    ita = Coalesce("lesion_image__ita", "generated_image__ita")
    measured = study.stimuli.of_test().aggregate(count=Count(ita), mean=Avg(ita))
    types = study.stimuli.of_test().filter(lesion_image__fitzpatrick_skin_type__in=TYPES).count()
    if not measured["count"] and not types:
        return analysis | {"skin_tone": None}
    key = f"skin-tone-{version_of(study, population)}-{measured['count']}-{measured['mean']}-{types}"
    return analysis | {"skin_tone": cache.get_or_set(key, lambda: _compute(study, population), KEPT_SECONDS)}


def _compute(study: Study, population: Population) -> Row:
    responses = load_responses(study, population)
    responses = responses.where(~responses.is_repeat)
    stimuli = study.stimuli.of_test().annotate(
        tone=Coalesce("lesion_image__ita", "generated_image__ita"), type=F("lesion_image__fitzpatrick_skin_type")
    )
    rows = list(stimuli.values("pk", "truth", "tone", "type"))
    bands = {str(row["pk"]): skin_tone_of(row["tone"]) for row in rows if row["tone"] is not None}
    types = {str(row["pk"]): row["type"] for row in rows if row["type"] in TYPES}
    truths = {str(row["pk"]): row["truth"] for row in rows}
    return {
        "bands": [_rates(name, bands, truths, responses) for name in SKIN_TONES],
        "types": [_rates(name, types, truths, responses) for name in TYPES] if types else [],
        "unmeasured": len(rows) - len(bands),
        "missing": _missing(study, Counter((truths[key], band) for key, band in bands.items())),
    }


def _rates(name: str, of_image: dict[str, str], truths: dict[str, str], responses) -> Row:
    """Both rates of one band with MRMC intervals. With too few images or readers they are None, and `said` says why."""
    from turing.statistics.mrmc import mrmc_rate  # imports SciPy, which is loaded only with the first figures

    own = np.array([of_image.get(image) == name for image in responses.image_names], bool)
    found: Row = {"skin": name, "said": ""}
    for truth, key in ((Truth.GENERATED, "fooling_rate"), (Truth.REAL, "real_judged_real")):
        images = sum(band == name and truths[image] == truth for image, band in of_image.items())
        part = responses.where(own[responses.image] & (responses.is_real == (truth == Truth.REAL)))
        enough = images >= FEWEST_IMAGES and len(np.unique(part.reader)) >= FEWEST_READERS
        rate = mrmc_rate(part.reader, part.image, part.judged_real) if enough else None
        found[f"{truth}_images"] = images
        found[key] = rate.estimate if rate else None
        found[f"{key}_ci95"] = list(rate.ci95) if rate and rate.ci95 else None
        if images and not enough:
            found["said"] = "too few to say"
    return found


def _missing(study: Study, shown: Counter) -> list[Row]:
    """For each band, the images of the study and of the record.

    Usable real images, and all of the study's generators.
    """
    real = LesionImage.objects.usable().filter(diagnosis__in=study.diagnoses, is_phantom=study.uses_phantoms)
    real = real.of_type(study.image_type)
    made = GeneratedImage.objects.of_generators(study.generators.all()).filter(diagnosis__in=study.diagnoses)
    of_record = {
        truth: Counter(skin_tone_of(ita) for ita in images.exclude(ita=None).values_list("ita", flat=True))
        for truth, images in ((Truth.REAL, real), (Truth.GENERATED, made))
    }
    return [
        {
            "skin": name,
            "real_in_study": shown[Truth.REAL, name],
            "generated_in_study": shown[Truth.GENERATED, name],
            "real_in_record": of_record[Truth.REAL][name],
            "generated_in_record": of_record[Truth.GENERATED][name],
            "missing": "no generated image" if of_record[Truth.REAL][name] and not of_record[Truth.GENERATED][name]
            else "",
        }
        for name in SKIN_TONES
    ]  # fmt: skip


def skin_tone_sentence(analysis: Analysis) -> str:
    """The tones that generated images lack, and the tones with too few images; '' if nothing was measured."""
    found = analysis.get("skin_tone")
    if not found:
        return ""
    lacking = [row["skin"] for row in found["missing"] if row["missing"]]
    unknown = [row["skin"] for row in found["bands"] if row["fooling_rate"] is None]
    parts = []
    if lacking:
        parts.append(f"Real images show {_listed(lacking)} skin; no generated image does.")
    if unknown:
        parts.append(f"Too few generated images to say whether they convince on {_listed(unknown)} skin.")
    return " ".join(parts)


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
