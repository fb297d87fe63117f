"""Imports real images from a folder of any kind: reports what it found and how it maps it, then writes."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from console import Progress, no_progress, printable
from gan.foundation.diagnoses import checked_diagnosis, normalise_diagnosis
from gan.foundation.errors import GanError
from gan.imaging.image_files import without_suffix
from gan.importing.formats import ARCHIVE, ROLES
from gan.importing.hints import hints_for
from gan.importing.import_report import Mapped, Plan, Report
from gan.importing.mapping import Described, Layout, Names, describe, not_understood
from gan.importing.recognise import Recognised, recognise
from gan.importing.sheets import Row
from gan.importing.trained_on import link_training_images
from gan.importing.values import AMBIGUOUS, image_type_of, sexes_of
from gan.importing.writing import Writer

LONGEST_COLLECTION = 80
MOST_VALUES = 5  # number of values that a report names if they are not understood


def import_images(
    folder: Path,
    *,
    collection: str = "",
    licence: str = "",
    attribution: str = "",
    columns: Mapping[str, str] | None = None,
    diagnosis: str | None = None,
    image_type: str | None = None,
    format: str | None = None,
    renamed: Mapping[str, str] | None = None,
    sexes: Mapping[str, str] | None = None,
    dry_run: bool = False,
    progress: Progress = no_progress,
    tell: Callable[[Report], None] = lambda report: None,
    written: Callable[[Report], None] = lambda report: None,
) -> Report:
    """Import the images of a folder. `tell` gets the report before anything is written, `written` after each batch.

    With `dry_run` nothing is written and no image is read: the report holds what tables and file names say. `columns`
    assigns columns (values) to roles (keys, from `ROLES`). `renamed` says what the collection's diagnoses are called
    here. `sexes` says what its codes of sex mean, `female` or `male`. `diagnosis` is that of every image if the
    collection gives none. `licence`, `attribution` and `image_type` are used if a row gives none.

    Repeating an import is safe: an image that is already present is counted and left as it is. A bad row or file is
    reported and skipped. Raises `UserError` if the folder cannot be used or can be read in several ways; the message
    names the option that decides.
    """
    if wrong := [role for role in columns or {} if role not in ROLES]:
        column = (columns or {})[wrong[0]]
        swapped = f"; did you mean {column}={wrong[0]}?" if column in ROLES else "."
        raise GanError(f"--columns {wrong[0]}: not one of {', '.join(ROLES)}{swapped}")
    found = recognise(folder, format, columns, diagnosis)
    names = replace(_names(found, collection, diagnosis, renamed or {}), sexes=_sexes(found, sexes or {}))
    defaults = {
        "licence": licence[:60] or found.form.licence,
        "attribution": attribution[:500] or found.form.attribution,
        "image_type": _type_of(found, image_type),
    }
    described = [_with_files(row, found, names, defaults) for row in found.rows]
    plan = Plan(found, described)
    report = Report(collection=names.collection, unused_columns=list(found.layout.unused))
    _summarise(plan, names, report)
    tell(report)
    writer = Writer(plan, report, written)
    if dry_run:
        writer.check()
    else:
        for _ in progress(writer.write(), "Importing", total=len(described), unit="image"):
            pass
        link_training_images()
    return report


def _names(found: Recognised, collection: str, diagnosis: str | None, renamed: Mapping[str, str]) -> Names:
    if len(collection) > LONGEST_COLLECTION:
        raise GanError(f"--collection: at most {LONGEST_COLLECTION} characters.")
    if diagnosis is not None:
        if found.layout.tells_diagnoses:
            raise GanError(
                "--diagnosis: the table tells each image's diagnosis; --map ORIGINAL=DIAGNOSIS calls one otherwise."
            )
        diagnosis = checked_diagnosis(diagnosis, "--diagnosis")
    elif not found.layout.tells_diagnoses:
        raise GanError(
            "no column tells the diagnosis: name it with --columns diagnosis=COLUMN, or say that of all images with "
            "--diagnosis."
        )
    ours = {said.strip().lower(): checked_diagnosis(name, f"--map {said}") for said, name in renamed.items()}
    own = collection or found.form.collection or found.folder_name or "images"
    strict = found.form is ARCHIVE and not collection
    return Names(printable(own)[:LONGEST_COLLECTION], strict, diagnosis or "", ours)


def _sexes(found: Recognised, told: Mapping[str, str]) -> dict[str, str]:
    """The meaning of the codes of sex. Raises `GanError` for an invalid meaning, or a code that does not occur."""
    column = found.layout.roles.get("sex", "")
    values = {row.fields.get(column, "") for row in found.rows}
    if wrong := [code for code, sex in told.items() if sex not in ("female", "male")]:
        raise GanError(f"--sex {wrong[0]}: must be {wrong[0]}=female or {wrong[0]}=male.")
    there = {value.strip().lower() for value in values}
    if unknown := [code for code in told if code.strip().lower() not in there]:
        known = ", ".join(sorted(there - {""})[:MOST_VALUES]) or "none"
        raise GanError(f"--sex {unknown[0]}: no row has this sex (found: {known}).")
    return sexes_of(values, told)


def _type_of(found: Recognised, image_type: str | None) -> str:
    """The type of images whose row names none. Raises `GanError` if nothing says it."""
    if image_type is not None:
        if not (said := image_type_of(image_type)):
            raise GanError("--type: a word such as dermoscopic or clinical.")
        return said
    if not found.form.image_type and "type" not in found.layout.roles:
        raise GanError(
            f"{found.text}: nothing says how the images were taken. Use --type dermoscopic, --type clinical or another."
        )
    return found.form.image_type


def _with_files(row: Row, found: Recognised, names: Names, defaults: dict[str, str]) -> tuple[Described, list[Path]]:
    files: list[Path] = []
    for column in found.layout.files or (found.layout.roles["id"],):
        if files := found.pictures.find(row.fields.get(column, "")):
            break
    described = describe(row, found.layout, names, _own_id(row, found.layout, files))
    for name, value in defaults.items():
        described.fields[name] = described.fields[name] or value
    return described, files


def _own_id(row: Row, layout: Layout, files: list[Path]) -> str:
    columns = [layout.roles["id"]] if "id" in layout.roles else []
    said = next((value for column in (*columns, *layout.files) if (value := row.fields.get(column, ""))), "")
    return (
        without_suffix(said).replace("\\", "/").replace("/", "_")
    )  # a path, because `x/1.jpg` and `y/1.jpg` are two images


def _summarise(plan: Plan, names: Names, report: Report) -> None:
    counts: Counter[tuple[str, str]] = Counter()
    types: Counter[str] = Counter()
    lost: dict[str, Counter[str]] = {}
    originals = set()
    for one, files in plan.described:
        originals |= {one.original.strip().lower(), normalise_diagnosis(one.original)}
        if files:
            counts[one.original, one.diagnosis] += 1
            types[str(one.fields["image_type"])] += 1
            for role, said in not_understood(one, plan.found.layout):
                lost.setdefault(role, Counter())[said] += 1
        else:
            report.missing_files += 1
    if unknown := [said for said in names.renamed if said not in originals]:
        known = ", ".join(sorted({one.original for one, _ in plan.described if one.original})[:20]) or "none"
        raise GanError(f"--map {unknown[0]}: no image has this diagnosis (found: {known}).")
    hints = hints_for(name for _, name in counts)
    report.mapping = [Mapped(*names, count, hints.get(names[1], "")) for names, count in counts.most_common()]
    report.not_understood = [_lost(role, values) for role, values in lost.items()]
    report.image_types = dict(types.most_common())
    licences = Counter(str(one.fields["licence"]) for one, files in plan.described if files)
    told = [plan.found.text, f"collection {names.collection!r}"]
    told += [f"{' and '.join(types) or 'no'} images", f"licence {', '.join(dict(licences.most_common(3)))}"]
    if report.missing_files:
        told.append(f"{report.missing_files} rows without an image file")
    report.recognised = printable("; ".join(told))


def _lost(role: str, values: Counter[str]) -> str:
    """A sentence such as `24 values of sex not understood: 'x', 'y'`."""
    count = values.total()
    named = ", ".join(repr(printable(value[:40])) for value, _ in values.most_common(MOST_VALUES))
    more = ", …" if len(values) > MOST_VALUES else ""
    ask = ""
    if role == "sex" and any(value.strip().lower() == AMBIGUOUS for value in values):
        ask = "; 'm' may be a man or, as mujer or mulher, a woman: say --sex m=male or --sex m=female"
    return f"{count} {'value' if count == 1 else 'values'} of {role} not understood: {named}{more}{ask}"
