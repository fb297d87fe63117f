"""Measure the skin tone of images."""

import numpy as np
from scipy import stats

from console import ConsoleCommand, progress
from gan.foundation.errors import GanError
from gan.imaging.skin_tone import SIDE, measure
from gan.models import SKIN_TONES, GeneratedImage, LesionImage, skin_tone_of

TYPES = ("I", "II", "III", "IV", "V", "VI")
SAVED_AT_ONCE = 200
FEWEST = 20  # fewest images of known type for a report of the agreement


class Command(ConsoleCommand):
    help = (
        "Measure the skin around the lesion of every real and generated image: the individual typology angle (ITA) of "
        "the border region without lesion, hair, dark corners and ink. The results pages of studies then show rates "
        "by skin tone, and which tones no generated image has. Where real images have a Fitzpatrick type, the command "
        "says how angle and type go together."
    )
    example = "manage.py measure_skin_tone"

    def add_arguments(self, parser):
        parser.add_argument("--again", action="store_true", help="also those measured before")
        parser.add_argument("--json", action="store_true", help="the counts as JSON")

    def handle(self, again, **options):
        unreadable = 0
        for model in (LesionImage, GeneratedImage):
            images = model.objects.all() if again else model.objects.filter(ita_share=None)
            unreadable += self._measure(model, images.order_by("pk"))
        if unreadable:
            self.warn(f"{unreadable} images could not be read and have no skin tone.")
        report = {
            "real": _bands(LesionImage.objects.filter(is_phantom=False)),
            "phantoms": _bands(LesionImage.objects.filter(is_phantom=True)),
            "generated": _bands(GeneratedImage.objects.all()),
            "fitzpatrick": _agreement(),
        }
        if options["json"]:
            self.write_json(report)
            return
        self.stdout.write(f"{'':16}{'real':>10}{'phantoms':>10}{'generated':>11}")
        for name in (*SKIN_TONES, "not to be told", "not measured"):
            counts = [report[kind][name] for kind in ("real", "phantoms", "generated")]
            self.stdout.write(f"{name:16}{counts[0]:>10}{counts[1]:>10}{counts[2]:>11}")
        found = report["fitzpatrick"]
        if not found["median_ita"]:
            self.stdout.write(f"{found['images']} images have a Fitzpatrick type: too few to check the angle.")
        else:
            medians = ", ".join(f"{kind} {angle:.0f}" for kind, angle in found["median_ita"].items())
            rho = found["rank_correlation"]
            self.stdout.write(
                f"Against the Fitzpatrick type of {found['images']} images: rank correlation "
                f"{'-' if rho is None else format(rho, '.2f')} (-1 is best); median angle by type: {medians}"
            )

    def _measure(self, model, images) -> int:
        """Measure and save. Returns how many images could not be read."""
        unreadable, measured = 0, []
        for image in progress(images.iterator(chunk_size=SAVED_AT_ONCE), f"Measuring {model.__name__}", images.count()):
            try:
                tone = measure(np.asarray(image.square(SIDE)))
            except (GanError, OSError):
                unreadable += 1
                continue
            image.ita, image.ita_share = tone.ita, tone.share
            measured.append(image)
            if len(measured) == SAVED_AT_ONCE:
                model.objects.bulk_update(measured, ["ita", "ita_share"])
                measured = []
        if measured:
            model.objects.bulk_update(measured, ["ita", "ita_share"])
        return unreadable


def _bands(images) -> dict[str, int]:
    counts = dict.fromkeys([*SKIN_TONES, "not to be told", "not measured"], 0)
    for ita, share in images.values_list("ita", "ita_share"):
        counts["not measured" if share is None else "not to be told" if ita is None else skin_tone_of(ita)] += 1
    return counts


def _agreement() -> dict:
    """How the angle agrees with the Fitzpatrick type of real images that have one.

    `median_ita` is empty if these are too few.
    """
    rows = LesionImage.objects.filter(fitzpatrick_skin_type__in=TYPES, ita__isnull=False, is_phantom=False)
    pairs = list(rows.values_list("fitzpatrick_skin_type", "ita"))
    found: dict = {"images": len(pairs), "rank_correlation": None, "median_ita": {}}
    kinds = {kind for kind, _ in pairs}
    if len(pairs) < FEWEST or len(kinds) < 2:
        return found
    angles = [ita for _, ita in pairs]
    medians = {kind: float(np.median([ita for one, ita in pairs if one == kind])) for kind in TYPES if kind in kinds}
    if len(set(angles)) == 1:  # equal angles have no correlation
        return found | {"median_ita": medians}
    rho = stats.spearmanr([TYPES.index(kind) for kind, _ in pairs], angles).statistic
    return found | {"rank_correlation": float(rho), "median_ita": medians}
