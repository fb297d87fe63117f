"""Rows of tables that support the headline: readers who stopped early, the model, machines, skin tones."""

from collections.abc import Iterable
from typing import Any

from turing.results.counting import Flow

Analysis = dict[str, Any]
Row = dict[str, Any]


def limits(interval: list[float] | None, name: str = "") -> Row:
    low, high = interval or (None, None)
    return {f"{name}low": low, f"{name}high": high}


def dropout(analysis: Analysis, flow: Flow) -> Iterable[Row]:
    found = analysis["dropout"]
    if not found["stopped"]:
        return
    readers = {"finished": found["finished"], "stopped": found["stopped"]}
    rates = {
        "readers who finished": (found["fooling_rate"]["finished"], readers["finished"]),
        "readers who stopped early": (found["fooling_rate"]["stopped"], readers["stopped"]),
        "difference": (found["difference"], None),
        "all readers, every answer weighed alike (headline)": (analysis["fooling_rate"], sum(readers.values())),
        "all readers, every reader weighed alike": (found["sensitivity"]["readers_alike"], sum(readers.values())),
    }
    for label, (rate, count) in rates.items():
        rate = rate or {"estimate": None, "ci95": None}
        yield {
            "fooling rate of": label,
            "readers": count,
            "estimate": rate["estimate"],
            **limits(rate["ci95"]),
            "p_value": rate.get("p_value"),
        }


def model(analysis: Analysis, flow: Flow) -> Iterable[Row]:
    found = analysis["model"]
    if found["reason"]:
        return
    groups = {"all": found} | (found["by_diagnosis"] or {}) | (found["by_generator"] or {})
    for group, values in groups.items():
        one = values["sensitivity"]
        yield {"quantity": "sensitivity (d')", "of": group, "value": one["estimate"], **limits(one["ci95"])}
    one = found["criterion"]
    yield {"quantity": "criterion c", "of": "all", "value": one["estimate"], **limits(one["ci95"])}
    for name, value in found["sd"].items():
        units = "images" if name == "image" else "readers"
        label = "standard deviation" + ("" if name == "image" else f" of the {name}")
        yield {"quantity": label, "of": units, "value": value, **limits(None)}


def model_readers(analysis: Analysis, flow: Flow) -> Iterable[Row]:
    for row in analysis["model"]["by_reader"] or ():
        yield {
            "reader": row["reader"],
            "sensitivity": row["sensitivity"],
            **limits(row["sensitivity_ci95"], "sensitivity_"),
            "criterion": row["criterion"],
            **limits(row["criterion_ci95"], "criterion_"),
        }


def model_images(analysis: Analysis, flow: Flow) -> Iterable[Row]:
    rows = analysis["model"]["by_image"] or ()
    for row in sorted(rows, key=lambda row: (row["rank"] is None, row["rank"], row["image"])):
        best, worst = row["rank95"] or (None, None)
        yield {
            "image": row["image"],
            "truth": row["truth"],
            "rate": row["judged_real"],
            **limits(row["ci95"]),
            "rank": row["rank"],
            "rank_from": best,
            "rank_to": worst,
        }


def machines(analysis: Analysis, flow: Flow) -> Iterable[Row]:
    for one in analysis.get("machines", []):
        measures = [("AUC", one["auc"]), ("Accuracy", one["accuracy"])]
        measures += [("Generated judged real", one["fooling_rate"]), ("Real judged real", one["real_judged_real"])]
        ranks = one["against_people"]["rank_correlation"]
        measures += [(f"Rank correlation with readers, {name} images", found) for name, found in ranks.items()]
        for label, found in measures:
            yield {
                "machine": one["name"],
                "measure": label,
                "images": found.get("images", one["images"]),
                "estimate": found["estimate"],
                **limits(found["ci95"]),
            }


def machine_images(analysis: Analysis, flow: Flow) -> Iterable[Row]:
    for one in analysis.get("machines", []):
        for row in one["by_image"]:
            yield {
                "machine": one["name"],
                **{key: row[key] for key in row if not key.endswith("_right")},
                "people_right": row["people_right"],
                "machine_right": "yes" if row["machine_right"] else "no",
            }


def skin_tones(analysis: Analysis, flow: Flow) -> Iterable[Row]:
    found = analysis.get("skin_tone") or {"bands": [], "types": []}
    for scale, rows in (("angle", found["bands"]), ("Fitzpatrick type", found["types"])):
        for row in rows:
            yield {
                "scale": scale,
                "skin": row["skin"],
                "generated_images": row["generated_images"],
                "fooling_rate": row["fooling_rate"],
                **limits(row["fooling_rate_ci95"], "fooling_"),
                "real_images": row["real_images"],
                "real_judged_real": row["real_judged_real"],
                **limits(row["real_judged_real_ci95"], "real_"),
                "note": row["said"],
            }


def skin_missing(analysis: Analysis, flow: Flow) -> Iterable[Row]:
    return (analysis.get("skin_tone") or {"missing": []})["missing"]


def controls(analysis: Analysis, flow: Flow) -> Iterable[Row]:
    for row in analysis.get("controls") or ():
        yield {
            "control": row["name"],
            "truth": row["truth"],
            "images": row["images"],
            "readers": row["readers"],
            "responses": row["responses"],
            "judged_real": row["judged_real"],
            **limits(row["ci95"]),
            "test_judged_real": row["test_judged_real"],
            "difference": row["difference"],
            **limits(row["difference_ci95"], "difference_"),
            "p_value": row["p_value"],
        }
