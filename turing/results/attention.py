"""How readers looked at images: whether they enlarged them, left the page, or answered too fast to have looked."""

from django.db.models import Count, Q

from turing.models import Study, Truth
from turing.results.counting import Population, counted
from turing.templatetags.figures import percent

# Milliseconds. People who say whether a picture shows an animal need about 445 (Thorpe, Fize and Marlot 1996).
TOO_FAST = 300


def hurried_sentence(study: Study, population: Population) -> str:
    """A threat to validity: answers faster than people can look and decide; empty if there are none."""
    if study.images_per_page > 1:  # readers see an image before its time begins
        return ""
    answers = counted(study, population).order_by().filter(number=0)
    fast = answers.filter(response_time_ms__lt=TOO_FAST)
    found = fast.aggregate(answers=Count("pk"), readers=Count("trial__reading", distinct=True))
    if not found["answers"]:
        return ""
    timed = answers.exclude(response_time_ms=None).count()
    share = percent(found["answers"] / timed)
    return (
        f"{found['answers']} of {timed} timed answers ({share}) came less than {TOO_FAST} ms after the image appeared, "
        f"too fast to look and decide. {_readers(found['readers'])} gave them. They count in every figure; the export "
        "tells the time of each answer."
    )


def _readers(count: int) -> str:
    return "1 reader" if count == 1 else f"{count} readers"


def attention_sentences(study: Study, population: Population) -> list[str]:
    """Sentences for the results page. The counts describe the answers and have no interval."""
    answers = counted(study, population).order_by()
    kinds = {truth: Q(trial__stimulus__truth=truth) for truth in Truth}
    found = answers.aggregate(
        all=Count("pk"),
        away=Count("pk", filter=Q(away_ms__gt=0)),
        **{f"{truth}_seen": Count("pk", filter=kind & Q(zoom_percent__gte=100)) for truth, kind in kinds.items()},
        **{f"{truth}_near": Count("pk", filter=kind & Q(zoom_percent__gt=100)) for truth, kind in kinds.items()},
    )
    sentences = []
    seen = [(truth, found[f"{truth}_near"], found[f"{truth}_seen"]) for truth in Truth]
    if study.zoom != Study.Zoom.OFF and all(count for *_, count in seen):
        shares = " and ".join(f"{percent(near / count)} of the {truth} images" for truth, near, count in seen)
        sentences.append(f"Readers enlarged {shares} to look more closely.")
    if found["away"]:
        share = percent(found["away"] / found["all"])
        sentences.append(
            f"During {share} of the answers the reader was away from the page for a while. "
            "That time is left out of the response times."
        )
    return sentences
