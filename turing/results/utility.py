"""Whether a generator's images help to train a classifier, as `evaluate_utility` measured it.

On pages and in papers.
"""

from typing import Any

from gan.models import Generator, UtilityEvaluation
from turing.models import Study

Row = dict[str, Any]
ARMS = ("real", "generated", "half", "every real", "added")


def latest(generator: Generator) -> Row | None:
    """The figures of the last measurement; None if there is none."""
    record = generator.utilities.first()
    return record.figures if record else None


def shown(generator: Generator) -> Row:
    """What the page of a generator shows: figures, rows of its table, and how often it was measured."""
    figures = latest(generator)
    return {
        "utility": figures,
        "utility_rows": table_of(figures) if figures else [],
        "utility_times": generator.utilities.count(),
    }


def table_of(figures: Row) -> list[Row]:
    """A row for each classifier and arm, for people to read."""
    return [
        {
            "classifier": figures["classifiers"][row["classifier"]]["name"],
            "arm": figures["arms"][row["arm"]],
            "real": sum(row["real"]),
            "generated": sum(row["generated"]),
            **{name: row[name] for name in ("auc", "accuracy", "brier", "slope")},
        }
        for row in figures["curves"]
    ]


def utilities_of(study: Study) -> list[Row]:
    """The last measurement of each of the study's generators that has one."""
    generators = {one.pk: one for one in study.generators.all()}
    records = UtilityEvaluation.objects.filter(generator__in=generators).order_by("generator", "pk")
    last = {record.generator_id: record.figures for record in records}
    return [figures | {"generator": key, "name": str(generators[key])} for key, figures in last.items()]


def utility_in_words(study: Study) -> str:
    """Sentences for the methods paragraph. They begin with a space, or are '' if nothing was measured."""
    return "".join(f" {_sentence(one)}" for one in utilities_of(study))


def _sentence(found: Row) -> str:
    lesions, images = sum(found["test"]["lesions"]), sum(found["test"]["images"])
    unknown = (
        "" if found["trained_on"] == Generator.TrainedOn.KNOWN else ", which the generator may have been trained on,"
    )
    return (
        f"Apart from readers, classifiers of {' and '.join(found['diagnoses'])} were trained on real images, on images "
        f"of {found['name']} and on both, and tested on {images} real images of {lesions} other lesions{unknown} with "
        f"intervals over lesions and {found['seeds']} trainings [@owen2007]. {' '.join(found['conclusion'])}"
    )
