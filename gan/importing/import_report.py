"""The plan of an import, and the report of what it did, for people and programs."""

from dataclasses import asdict, dataclass, field
from pathlib import Path

from gan.importing.mapping import Described
from gan.importing.recognise import Recognised


@dataclass(frozen=True)
class Rejection:
    """A file, or a line of a table, that was not imported, and why."""

    file: str
    reason: str


@dataclass(frozen=True)
class Mapped:
    """The collection's name of a diagnosis, our name of it ('' if none), and how many images have it.

    `hint` marks a diagnosis that is new here.
    """

    original: str
    diagnosis: str
    images: int
    hint: str = ""


@dataclass
class Report:
    """What a folder was recognised as, how its diagnoses were mapped, and what one import did."""

    recognised: str = ""
    collection: str = ""
    image_types: dict[str, int] = field(default_factory=dict)
    mapping: list[Mapped] = field(default_factory=list)
    missing_files: int = 0
    not_understood: list[str] = field(default_factory=list)  # a sentence for each column with values that were lost
    unused_columns: list[str] = field(default_factory=list)
    to_import: int = 0  # images that a dry run would import, as far as tables and file names show it
    imported: int = 0
    already_present: int = 0
    rejected: list[Rejection] = field(default_factory=list)

    def as_json(self) -> dict:
        return asdict(self)


@dataclass(frozen=True)
class Plan:
    """Everything that is known before a pixel is read: described rows, each with the files that it names."""

    found: Recognised
    described: list[tuple[Described, list[Path]]]
