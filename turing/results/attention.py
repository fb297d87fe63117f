"""How readers looked at images: whether they enlarged them, and whether they left the page."""

from django.db.models import Count, Q

from turing.models import Study, Truth
from turing.results.counting import Population, counted
from turing.templatetags.figures import percent


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
