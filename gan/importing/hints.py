"""Marks new diagnoses, because a typing error would create a diagnosis of its own."""

from collections.abc import Iterable
from difflib import get_close_matches

from gan.foundation.diagnoses import KNOWN
from gan.models import GeneratedImage, LesionImage

LIKENESS = 0.8  # difflib's similarity; 'melanom' and 'melanoma' have 0.93, 'melanoma' and 'angioma' 0.67


def hints_for(diagnoses: Iterable[str]) -> dict[str, str]:
    """A hint for each diagnosis that is neither known nor in the record, such as `new here; did you mean melanoma?`."""
    asked = {name for name in diagnoses if name and name not in KNOWN}
    if not asked:
        return {}
    recorded = set(LesionImage.objects.values_list("diagnosis", flat=True).distinct())
    recorded |= set(GeneratedImage.objects.values_list("diagnosis", flat=True).distinct())
    familiar = sorted(KNOWN | recorded - {""})
    found = {}
    for name in asked - recorded:
        close = get_close_matches(name, familiar, n=1, cutoff=LIKENESS)
        found[name] = f"new here; did you mean {close[0]}?" if close else "new here"
    return found
