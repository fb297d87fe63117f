"""The tables of the results: the same rows on the page, in the report and as CSV."""

import csv
import io
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from turing.models import Study
from turing.results import pairs, question_tables
from turing.results.corrections import correction_rows
from turing.results.counting import Flow
from turing.results.noticing import noticed_rows
from turing.results.supporting_tables import (
    Analysis,
    Row,
    controls,
    dropout,
    limits,
    machine_images,
    machines,
    model,
    model_images,
    model_readers,
    skin_missing,
    skin_tones,
)

RATES = {
    "fooling_rate": "Generated judged real (fooling rate)",
    "real_judged_real": "Real judged real",
    "accuracy": "Accuracy",
}


@dataclass(frozen=True)
class Table:
    """A table's title, and the function that makes its rows. All rows have the same keys."""

    title: str
    rows: Callable[[Analysis, Flow], Iterable[Row]]


def rates(analysis: Analysis, flow: Flow) -> Iterable[Row]:
    groups = {"all": analysis} | analysis["by_diagnosis"]
    for key, label in RATES.items():
        for group, values in (groups | (analysis["by_run"] if key == "fooling_rate" else {})).items():
            rate = values[key]
            yield {
                "rate": label,
                "images": group,
                "estimate": rate["estimate"],
                **limits(rate["ci95"], "mrmc_"),
                "variance": rate["variance"],
                "df": rate["df"],
                **limits(rate["naive"]["wilson"], "wilson_naive_"),
                **limits(rate["naive"]["clopper_pearson"], "clopper_pearson_naive_"),
            }


def detection(analysis: Analysis, flow: Flow) -> Iterable[Row]:
    groups = {"all": analysis} | analysis["by_diagnosis"]
    for group, values in groups.items():
        auc = values["auc"]
        if auc:
            yield {"measure": "AUC", "images": group, "estimate": auc["estimate"], **limits(auc["ci95"])}
            if (alike := auc["imrmc"])["estimate"] != auc["estimate"]:
                label = "AUC, every comparison weighed alike (iMRMC)"
                yield {"measure": label, "images": group, "estimate": alike["estimate"], **limits(alike["ci95"])}
    for key, label in {"dprime": "d', mean of readers", "criterion": "criterion c, mean of readers"}.items():
        if found := analysis[key]:
            yield {"measure": label, "images": "all", "estimate": found["mean_reader"], **limits(found["ci95"])}
            yield {
                "measure": label.replace("mean of readers", "pooled"),
                "images": "all",
                "estimate": found["pooled"],
            } | (limits(None))
    if hype := analysis["hype_infinity"]:
        yield {"measure": "HYPE-infinity", "images": "all", "estimate": hype["estimate"], **limits(hype["ci95"])}


AGREEMENT = {
    "fleiss_kappa": "Fleiss' kappa",
    "krippendorff_alpha": "Krippendorff's alpha",
    "gwet_ac1": "Gwet's AC1",
}


def agreement(analysis: Analysis, flow: Flow) -> Iterable[Row]:
    found = analysis["agreement"]
    for key, label in AGREEMENT.items():
        note = "too few readers or images to say how sure" if found[key] is not None and not found["ci95"][key] else ""
        yield {
            "between": "readers",
            "coefficient": label,
            "estimate": found[key],
            **limits(found["ci95"][key]),
            "note": note,
        }
    if own := analysis["intra_reader"]:
        same = {"between": "a reader's answers to one image"}
        yield same | {"coefficient": "equal answers", "estimate": own["agreement"], **limits(own["ci95"]), "note": ""}
        yield same | {"coefficient": "Cohen's kappa", "estimate": own["kappa"], **limits(None), "note": ""}


def comparisons(analysis: Analysis, flow: Flow) -> Iterable[Row]:
    for row in analysis["comparisons"]:
        yield {
            "factor": row["factor"],
            "first": row["first"],
            "second": row["second"],
            "first_rate": row["rates"][0],
            "second_rate": row["rates"][1],
            "difference": row["difference"],
            **limits(row["ci95"]),
            "p_value": row["p_value"],
            "p_holm": row["p_holm"],
        }


def readers(analysis: Analysis, flow: Flow) -> Iterable[Row]:
    for row in analysis["by_reader"]:
        interval = row["fooling_rate_wilson"]
        yield {key: value for key, value in row.items() if key != "fooling_rate_wilson"} | limits(interval, "fooling_")


def images(analysis: Analysis, flow: Flow) -> Iterable[Row]:
    return analysis["by_image"]


def calibration(analysis: Analysis, flow: Flow) -> Iterable[Row]:
    for row in analysis["calibration"]:
        yield {key: value for key, value in row.items() if key != "ci95"} | limits(row["ci95"])


def course(analysis: Analysis, flow: Flow) -> Iterable[Row]:
    for row in (analysis["learning"] or {"blocks": []})["blocks"]:
        yield {key: value for key, value in row.items() if key != "ci95"} | limits(row["ci95"])


def times(analysis: Analysis, flow: Flow) -> Iterable[Row]:
    found = analysis["response_times"]
    if not found:
        return
    low, high = found["quartiles_ms"]
    yield {"answers": "all", "median_ms": found["median_ms"], "lower_quartile_ms": low, "upper_quartile_ms": high}
    for key in ("correct", "wrong"):
        yield {
            "answers": key,
            "median_ms": found[f"median_{key}_ms"],
            "lower_quartile_ms": None,
            "upper_quartile_ms": None,
        }


def exposures(analysis: Analysis, flow: Flow) -> Iterable[Row]:
    found = analysis["exposure_threshold"]
    if not found:
        return
    yield {"reader": "all", "threshold_ms": found["estimate_ms"], **limits(found["ci95"]), "trials": None}
    for row in found["by_reader"]:
        yield {
            "reader": row["reader"],
            "threshold_ms": row["threshold_ms"],
            **limits(row["ci95"]),
            "trials": row["trials"],
        }


def exclusions(analysis: Analysis, flow: Flow) -> Iterable[Row]:
    for why, count in flow.excluded.items():
        yield {"not in the rates": why, "count": count}


def looks(analysis: Analysis, flow: Flow) -> Iterable[Row]:
    """Looks at results before the end, with the numbers that the audit trail keeps."""
    return analysis.get("look_history", [])


TABLES = {
    "rates": Table("Rates", rates),
    "detection": Table("Detection", detection),
    "agreement": Table("Agreement", agreement),
    "comparisons": Table("Differences in fooling rate", comparisons),
    "controls": Table("Controls", controls),
    "calibration": Table("Calibration of confidence", calibration),
    "times": Table("Response times", times),
    "course": Table("Accuracy and response time by position in the form", course),
    "exposures": Table("Exposure thresholds", exposures),
    "dropout": Table("Readers who stopped early", dropout),
    "exclusions": Table("Answers and trials that are not counted", exclusions),
    "corrections": Table("Corrected slips", correction_rows),
    "looks": Table("Looks at results before the end", looks),
    "model": Table("Model of readers and images", model),
    "readers": Table("Readers", readers),
    "images": Table("Images", images),
    "model_readers": Table("Readers, estimated by the model (shrunken)", model_readers),
    "model_images": Table("Images, estimated by the model (shrunken, with ranks)", model_images),
    "skin-tones": Table("Skin tone", skin_tones),
    "skin-missing": Table("Skin tones of real and generated images", skin_missing),
    "questions": Table("Questions", question_tables.questions),
    "answers": Table("Answers to the questions", question_tables.answers),
    "cues": Table("Cues", question_tables.cues),
    "cue-images": Table("Images for which cues were named", question_tables.cue_images),
    "machines": Table("Machine readers", machines),
    "machine-images": Table("Machine readers, image by image", machine_images),
    "forced-choice": Table("Pairs: how often the generated image was found", pairs.rates),
    "forced-choice-readers": Table("Pairs: readers", pairs.readers),
    "forced-choice-pairs": Table("Pairs, one by one", pairs.pairs),
}


# All tables of a purpose-blinded study.
UNJUDGED = {
    "questions": TABLES["questions"],
    "answers": TABLES["answers"],
    "noticed": Table("What readers noticed", noticed_rows),
    "exclusions": TABLES["exclusions"],
    "corrections": TABLES["corrections"],
}


def tables_of(study: Study) -> dict[str, Table]:
    """The tables that a study has. They differ for pairs, single images and purpose-blinded studies."""
    if not study.asks_judgement:
        return UNJUDGED
    if study.forced_choice:
        return {name: TABLES[name] for name in (*pairs.TABLES, *pairs.SHARED_TABLES)}
    return {name: table for name, table in TABLES.items() if name not in pairs.TABLES}


def table_csv(name: str, analysis: Analysis, flow: Flow) -> str:
    """One of the tables as CSV; empty if it has no rows."""
    rows = list((TABLES | UNJUDGED)[name].rows(analysis, flow))
    buffer = io.StringIO()
    if rows:
        writer = csv.DictWriter(buffer, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return buffer.getvalue()
