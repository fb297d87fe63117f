"""Tables of the results of further questions, made like those in `tables`."""

from collections.abc import Iterable
from typing import Any

from turing.results.counting import Flow
from turing.results.study_analysis import Analysis
from turing.results.supporting_tables import limits

Row = dict[str, Any]


def questions(analysis: Analysis, flow: Flow) -> Iterable[Row]:
    for row in analysis.get("questions", []):
        if row["difference"] is None:
            continue
        measures = [(row["measure"], row, row["p_value"], row["p_holm"])]
        if row.get("confidence"):
            measures.append(("confidence", row["confidence"], row["confidence"]["difference"]["p_value"], None))
        for label, found, p_value, p_holm in measures:
            yield {
                "question": row["name"],
                "measure": label,
                "real": found["real"]["estimate"],
                **limits(found["real"]["ci95"], "real_"),
                "generated": found["generated"]["estimate"],
                **limits(found["generated"]["ci95"], "generated_"),
                "difference": found["difference"]["estimate"],
                **limits(found["difference"]["ci95"]),
                "p_value": p_value,
                "p_holm": p_holm,
                "test": row["test"] if label != "confidence" else "difference",
                "primary": "yes" if row["primary"] and label != "confidence" else "no",
                "note": found["reason"] or "",
            }
        if auc := row.get("auc"):
            nothing = dict.fromkeys((*limits(None, "real_"), *limits(None, "generated_")))
            yield (
                {"question": row["name"], "measure": "AUC: real above generated", "real": None, "generated": None}
                | nothing
                | {"difference": auc["estimate"], **limits(auc["ci95"])}
                | {"p_value": None, "p_holm": None, "test": "", "primary": "no", "note": "0.5: no difference"}
            )


def answers(analysis: Analysis, flow: Flow) -> Iterable[Row]:
    for row in analysis.get("questions", []):
        for one in row.get("answers_by_truth", []):
            yield {"question": row["name"], "diagnosis": one.get("diagnosis", ""), **_without(one, "diagnosis")}


def _without(row: Row, key: str) -> Row:
    return {name: value for name, value in row.items() if name != key}


def cues(analysis: Analysis, flow: Flow) -> Iterable[Row]:
    for row in analysis.get("questions", []):
        for one in row.get("cues", []):
            yield {
                "cue": one["cue"],
                "generated": one["generated"]["estimate"],
                **limits(one["generated"]["ci95"], "generated_"),
                "real": one["real"]["estimate"],
                **limits(one["real"]["ci95"], "real_"),
                "difference": one["difference"]["estimate"],
                **limits(one["difference"]["ci95"]),
                "p_value": one["difference"]["p_value"],
                "p_holm": one["p_holm"],
                "named_generated": one["named"]["generated"],
                "named_real": one["named"]["real"],
            }


def cue_images(analysis: Analysis, flow: Flow) -> Iterable[Row]:
    for row in analysis.get("questions", []):
        yield from row["images"] if row["kind"] == "cues" and "images" in row else ()
