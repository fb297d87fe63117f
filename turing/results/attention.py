"""How readers looked at images: whether they enlarged them, left the page, or answered too fast to have looked."""

from django.db.models import Count, Q

from turing.models import Study, Truth
from turing.results.counting import Population, counted
from turing.templatetags.figures import number_of, percent

# Milliseconds. People who say whether a picture shows an animal need about 445 (Thorpe, Fize and Marlot 1996).
TOO_FAST = 300


def hurried_sentence(study: Study, population: Population, *, is_public: bool = False) -> str:
    """A threat to validity: answers faster than people can look and decide; empty if there are none.

    `is_public`: for everybody to see. It then does not say how many readers gave them, because these may be few.
    """
    if study.images_per_page > 1:  # readers see an image before its time begins
        return ""
    fast = Q(response_time_ms__lt=TOO_FAST)
    answers = counted(study, population).order_by().filter(number=0)
    found = answers.aggregate(
        timed=Count("response_time_ms"),
        answers=Count("pk", filter=fast),
        readers=Count("trial__reading", filter=fast, distinct=True),
    )
    if not found["answers"]:
        return ""
    timed, share = found["timed"], percent(found["answers"] / found["timed"])
    told = (
        f"{found['answers']} of {timed} timed answers ({share}) came less than {TOO_FAST} ms after the image appeared, "
        "too fast to look and decide."
    )
    if is_public:
        return f"{told} They count in every figure."
    who = f"{number_of(found['readers'], 'reader')} gave them."
    return f"{told} {who} They count in every figure; the export tells the time of each answer."


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
