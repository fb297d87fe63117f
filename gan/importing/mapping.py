"""Maps a row of a table to what is stored about an image: its diagnosis in our words, ids, typed columns."""

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from console import UNSTORABLE
from gan.foundation.diagnoses import BINARY, LEVELS, diagnosis_of_row, is_diagnosis, normalise_diagnosis, says_which
from gan.foundation.errors import GanError
from gan.importing.formats import ROLES, USUAL, Format, key
from gan.importing.sheets import ISIC_ID, SURPLUS, Row
from gan.importing.values import age_of, image_type_of, sex_of, site_of, skin_type_of
from gan.models import PHANTOM_PREFIX

STRICT_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
ISIC_WIDE = re.compile(r"(ISIC|IL|IP|HAM|BCN|MSK[0-9]?)_[A-Za-z0-9_]+")  # ids that are the same in all ISIC files
LONGEST_ID = 120
LONGEST_SHORT_NAME = 40
# Words that only say whether it is cancer.
YES, NO = {"1", "1.0", "x", "true", "yes"}, {"0", "0.0", "", "false", "no"}
PHANTOMS = "phantoms"
READ = {
    "age": "age",
    "sex": "sex",
    "skin": "fitzpatrick_skin_type",
}  # for roles whose values are read, the column of the image


@dataclass(frozen=True)
class Layout:
    """The meaning of the tables' columns. `classes` and `binary` are columns as the table spells them."""

    form: Format
    roles: dict[str, str]
    files: tuple[str, ...] = ()  # columns that may hold the file's name, in the order in which they are tried
    classes: dict[str, str] = field(default_factory=dict)
    binary: tuple[str, ...] = ()
    levels: dict[str, str] = field(default_factory=dict)  # ISIC's diagnosis_1 to diagnosis_5
    unused: tuple[str, ...] = ()

    @property
    def tells_diagnoses(self) -> bool:
        return bool("diagnosis" in self.roles or self.classes or self.levels or self.binary)


def layout_of(form: Format, columns: Sequence[str], given: Mapping[str, str] | None = None) -> Layout:
    """The roles of a table's columns: `given` (role: column) comes first, then the format's columns, then usual names.

    Raises `GanError` if a given column does not exist.
    """
    there = {key(column): column for column in reversed(columns) if column}
    roles, files = {}, []
    for role in ROLES:
        if given and role in given:
            if given[role] not in columns:
                raise GanError(f"--columns {role}={given[role]}: no such column (found: {', '.join(columns[:30])}).")
            roles[role] = given[role]
            files += [given[role]] if role == "file" else []
            continue
        named = [there[name] for name in (*form.columns.get(role, ()), *USUAL.get(role, ())) if name in there]
        if named:
            roles[role] = named[0]
        if role == "file":
            files += named
    told = bool(given and "diagnosis" in given)
    classes = {} if told else {there[name]: label for name, label in form.classes.items() if name in there}
    binary = () if told else tuple(there[name] for name in form.binary if name in there)
    levels = {name: there[name] for name in LEVELS if name in there and form.own_ids and not told}
    used = {*roles.values(), *files, *classes, *binary, *levels.values()}
    unused = tuple(column for column in columns if column and column not in used)
    return Layout(form, roles, tuple(files), classes, binary, levels, unused)


@dataclass(frozen=True)
class Names:
    """How a collection's images and diagnoses are called here."""

    collection: str
    strict: bool  # ids are the ISIC Archive's and stay as they are
    diagnosis: str = ""  # diagnosis of every image, if the collection gives none
    renamed: Mapping[str, str] = field(default_factory=dict)  # our diagnosis by the collection's
    sexes: Mapping[str, str] = field(default_factory=dict)  # as `gan.importing.values.sexes_of`

    def image_id(self, value: str) -> str:
        """The unique id: an ISIC id as it is, or any other id after the collection's short name."""
        if ISIC_ID.fullmatch(value):
            return value.removesuffix("_downsampled")  # ISIC 2019 marks smaller copies of the same image so
        return value if self.strict else f"{self.short}_{plain_id(value)}"

    def group_id(self, value: str) -> str:
        """A lesion's or a patient's id with the collection, so that lesion 15 of two collections are two.

        It is '' for 'unknown' and the like, because such images must not all count as one patient's.
        """
        if not is_diagnosis(value) or not re.search(r"\w", value):
            return ""
        if self.strict or ISIC_WIDE.fullmatch(value):
            return value
        return f"{self.short}_{value}"

    @property
    def short(self) -> str:
        return plain_id(self.collection.replace(" ", "-"), LONGEST_SHORT_NAME)


def plain_id(text: str, longest: int = 78) -> str:
    """The text in letters, digits, '_' and '-'. If that loses anything, eight digits of its hash follow.

    >>> plain_id("PAD-UFES-20"), plain_id("a/b")
    ('PAD-UFES-20', 'a-b-c14cddc0')
    """
    plain = re.sub(r"[^A-Za-z0-9_-]+", "-", text).strip("-")
    if plain == text and len(plain) <= longest:
        return plain
    digits = hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()[:8]
    return f"{plain[: longest - 9]}-{digits}".strip("-")


@dataclass(frozen=True)
class Described:
    """What a row says about one image. `original` is the collection's word for `diagnosis`; '' if it has none."""

    row: Row
    original: str
    diagnosis: str
    image_id: str
    fields: dict[str, Any] = field(default_factory=dict)  # columns of `LesionImage`
    fault: str = ""  # why it cannot be imported, whatever its file is

    @property
    def metadata(self) -> dict[str, str]:
        return {name: value for name, value in self.row.fields.items() if name != SURPLUS}


def describe(row: Row, layout: Layout, names: Names, image_id: str) -> Described:
    """What the row says; `image_id` is the collection's own id. Never raises: `fault` says what is wrong."""
    told = {role: row.fields.get(column, "") for role, column in layout.roles.items()}
    original, diagnosis, fault = "", "", _fault_of_fields(row.fields)
    if not fault and not image_id:
        fault = "no id and no file name"
    if not fault and names.strict and not STRICT_ID.fullmatch(image_id):
        fault = f"isic_id {image_id[:80]!r} is not an id of letters, digits, '_' and '-'"
    own = names.image_id(image_id)
    if not fault:
        try:
            original = original_diagnosis(row.fields, layout)
            diagnosis = names.diagnosis or our_diagnosis(original, row.fields, layout, names.renamed)
            fault = "" if diagnosis else _no_diagnosis(own, original)
        except GanError as error:
            fault = f"{own}: {error}"
    lesion, patient = (names.group_id(told.get(role, "")) for role in ("lesion", "patient"))
    if not fault and max(len(diagnosis), len(lesion), len(patient), len(own)) > LONGEST_ID:
        fault = f"{own[:80]} has a diagnosis, lesion_id or patient_id of unreasonable length"
    phantom = own.startswith(PHANTOM_PREFIX)
    fields = {
        "diagnosis": diagnosis,
        "lesion_id": lesion,
        "patient_id": patient,
        "collection": PHANTOMS if phantom else names.collection,
        "is_phantom": phantom,
        "image_type": image_type_of(told.get("type", "")),
        "licence": told.get("licence", "")[:60],
        "attribution": told.get("attribution", "")[:500],
        "age": age_of(told.get("age", "")),
        "sex": sex_of(told.get("sex", ""), names.sexes),
        "site": site_of(told.get("site", "")),
        "fitzpatrick_skin_type": skin_type_of(told.get("skin", "")),
    }
    return Described(row, original, diagnosis, own, fields, fault)


def _fault_of_fields(fields: Mapping[str, str]) -> str:
    if SURPLUS in fields:
        return f"{fields[SURPLUS]}; a field that holds the delimiter must stand in quotation marks"
    if odd := next((name for name, value in fields.items() if UNSTORABLE.search(name + value)), None):
        return f"column {odd!r} holds a NUL or another character that is not text"
    return ""


def _no_diagnosis(image_id: str, original: str) -> str:
    said = f"{image_id} has no diagnosis"
    if is_diagnosis(original) and not says_which(normalise_diagnosis(original)):
        return f"{said}: {original!r} does not name a diagnosis; --map {original}=DIAGNOSIS gives one"
    return f"{said} ({original[:80]!r})" if original else said


def original_diagnosis(fields: Mapping[str, str], layout: Layout) -> str:
    """What the collection calls the image's diagnosis; '' if it says nothing.

    Raises `GanError` if no class is marked, or more than one.
    """
    if layout.classes and "diagnosis" not in layout.roles:
        return _marked_class(fields, layout)
    said_so = fields.get(layout.roles.get("diagnosis", ""), "")
    levels = levels_of(fields, layout)
    if is_diagnosis(said_so) and not (levels and said_so.lower() in BINARY):
        return said_so
    if levels:
        return levels
    for column in layout.binary:
        said = fields.get(column, "").strip().lower()
        if said in ("0", "0.0", "1", "1.0"):
            said = "malignant" if said.startswith("1") else "benign"
        if said and is_diagnosis(said):
            return said
    return said_so


def levels_of(fields: Mapping[str, str], layout: Layout) -> str:
    """ISIC's hierarchy in one row, such as `Malignant > Melanoma, NOS`."""
    return " > ".join(said for column in layout.levels.values() if is_diagnosis(said := fields.get(column, "")))


def _marked_class(fields: Mapping[str, str], layout: Layout) -> str:
    marked = []
    for column, label in layout.classes.items():
        value = fields.get(column, "").lower()
        if value in YES:
            marked.append(label)
        elif value not in NO:
            raise GanError(f"column {column} is {value[:20]!r}; a class is marked by 1, the others by 0")
    if len(marked) > 1:
        raise GanError(f"{' and '.join(marked)} are both marked; an image has one diagnosis")
    if not marked and not layout.form.unmarked:
        raise GanError(f"none of {', '.join(layout.classes)} is marked")
    return marked[0] if marked else layout.form.unmarked


def our_diagnosis(original: str, fields: Mapping[str, str], layout: Layout, renamed: Mapping[str, str]) -> str:
    """Our name of the collection's diagnosis; '' if it is not a diagnosis. `renamed` has keys in lower case."""
    said = original.strip().lower()
    if said in renamed:
        return renamed[said]
    text = layout.form.codes.get(said, original)
    name = normalise_diagnosis(text)
    if original and original == levels_of(fields, layout):
        name = diagnosis_of_row({level: fields.get(column, "") for level, column in layout.levels.items()})
    if name in renamed:
        return renamed[name]
    if not says_which(name):
        return ""
    return layout.form.gathered.get(name, name)


def not_understood(described: Described, layout: Layout) -> Iterator[tuple[str, str]]:
    """Role and value of each field that holds something that nothing here understands, so that it is not kept."""
    for role, column in READ.items():
        said = described.row.fields.get(layout.roles.get(role, ""), "")
        if is_diagnosis(said) and not described.fields[column] and described.fields[column] != 0:
            yield role, said
