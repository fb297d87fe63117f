"""The README of the archive."""

from collections.abc import Iterable

from turing.models import Study
from turing.results import profiles
from turing.results.archive import manifest
from turing.results.archive.citation import AUTHOR
from turing.results.counting import Population
from turing.version import name_and_version

WHAT = {
    "data/responses.csv": "the answers, one a row, under pseudonyms",
    "data/responses.parquet": "the same with types",
    "data/study-": "the same as responses.csv, under the name that Psych-DS wants",
    "dataset_description.json": "what Psych-DS and search engines read: the data set and its columns (schema.org)",
    "datapackage.json": "the codebook: what each column means (Frictionless Data Package)",
    "stimuli.csv": "the manifest: each image's id, truth, origin, licence, attribution, SHA-256",
    "design.json": "every field of the design that was fixed at opening, and its hash",
    "preregistration.md": "what was planned before the first answer",
    "preregistration.json": "the same as data",
    "analysis.json": "every figure of the analysis",
    "machines.json": "machine readers: figures and scores of every image; not recomputed by the scripts",
    "utility.json": "whether the generators' images help to train a classifier, as far as that was measured",
    "noticing.json": "how many readers noticed by themselves that images were generated",
    "looks.json": "looks at results before the end: those planned, and those taken with the numbers seen",
    "flow.json": "how many readers and answers came to be counted",
    "tables/": "the analysis as tables",
    "figures/": "figures as SVG and PDF",
    "images/": "stimuli whose licence allows it",
    "methods.md": "a methods paragraph, ready to paste",
    "references.bib": "its references",
    "checklists/": f"reporting guidelines, filled where the software knows the answer; {AUTHOR} marks the rest",
    "reproduce.py": "computes every number again from the answers (Python with numpy and scipy)",
    "reproduce.R": "computes the headline numbers again (base R)",
    "requirements.txt": "the versions of numpy and scipy that the analysis was made with",
    "software/": "the platform's statistics modules and their licence, which reproduce.py also runs",
    "software.json": "which software made this archive",
    "CITATION.cff": "how to cite the data",
    ".zenodo.json": "what Zenodo reads at an upload by way of GitHub",
    "SHA256SUMS": "checksums of all files",
}


def readme(
    study: Study, population: Population, names: Iterable[str], *, full_profiles: bool, with_images: bool, strip: bool
) -> bytes:
    """README.md: what each file is, how to check it, and what is left out."""
    names = [*names, "SHA256SUMS"]
    listed = [
        f"- `{next(name for name in names if name.startswith(what)) if what.endswith('-') else what}`: {meaning}"
        for what, meaning in WHAT.items()
        if any(name == what or (what.endswith(("/", "-")) and name.startswith(what)) for name in names)
    ]
    notes = []
    if population.simulated:
        notes.append("**Simulated readers.** A computer drew these answers; no person gave them.")
    if study.uses_phantoms:
        notes.append("**Phantoms.** Drawings stand in for real images; the study says nothing about real lesions.")
    if not study.is_over:
        notes.append(f"**Not final.** The study was {study.get_state_display()} when this archive was made.")
    return "\n".join(
        [
            f"# {study.title}",
            "",
            _described(study),
            "",
            *(line for note in notes for line in (note, "")),
            "## What is in it",
            "",
            *listed,
            "",
            "## How to check it",
            "",
            "    sha256sum --check SHA256SUMS",
            "    python -m venv check && check/bin/pip install -r requirements.txt",
            "    check/bin/python reproduce.py",
            *(["    Rscript reproduce.R"] if "reproduce.R" in names else []),
            "",
            "`reproduce.py` prints each number of `analysis.json`, the same computed from `data/responses.csv`, and "
            "the "
            "difference; it exits with 1 if any differs by more than 1e-9. It does so twice: with the platform's own "
            "modules (`software/`), for every number, and with plain code of its own, written from the formulas, for "
            "the headline numbers. `python manage.py verify_archive FILE` of the platform checks a zip as a whole.",
            "",
            "Checksums show that files belong together, not who made them. Compare the design's hash with the one that "
            "was published before the study, in a preregistration for example:",
            "",
            f"    {study.design_hash}",
            "",
            "## Readers",
            "",
            *_about_readers(full_profiles),
            "",
            "## Images",
            "",
            *_about_images(with_images, strip),
            "",
            f"Made by {name_and_version()}. Before publication, write what is marked {AUTHOR} in `CITATION.cff`, "
            "`.zenodo.json` and `checklists/`, and choose a licence for the data.",
            "",
        ]
    ).encode()


def _about_readers(full_profiles: bool) -> list[str]:
    if full_profiles:
        return [
            "Pseudonyms, professions, specialties and bands of experience stand as the readers gave them. **A "
            "combination that few readers share can name a person: give this archive only to people who are bound to "
            "confidentiality.** No names, addresses, countries or dates are in it."
        ]
    return [
        "Readers stand under pseudonyms that were drawn at random. Profession, specialty and band of experience are "
        f"given as far as at least {profiles.LEAST} readers share all three; rarer values are left empty. Differences "
        "between such groups (`comparisons` in `analysis.json`) are of readers whose value is given, so they can "
        "differ "
        "from those on the platform's results page; all other numbers are the same. No names, addresses, countries "
        "or dates are in it. A reader of two published studies has the same "
        "pseudonym in both."
    ]


def _about_images(with_images: bool, strip: bool) -> list[str]:
    rule = (
        "A stimulus is a cropped, resampled copy. Copies of images under CC0, CC BY, CC BY-SA, CC BY-NC and CC "
        "BY-NC-SA "
        "may be published with attribution (NC: not for commercial use; SA: under the same licence); those under ND, "
        "unknown or other licences may not. Generated images and phantoms are " + manifest.OWN + ". `stimuli.csv` says "
        "which is which."
    )
    if not with_images:
        return [f"No image is in this archive, nor a figure that shows one; `stimuli.csv` has their SHA-256. {rule}"]
    left_out = "" if strip else " The figure of real beside generated images is left out: some may not be published."
    return [f"`images/` holds the stimuli that may be published.{left_out} {rule}"]


def _described(study: Study) -> str:
    if not study.asks_judgement:
        return (
            "A purpose-blinded reader study: readers answered questions about images of skin lesions and were told "
            "only afterwards that some were generated."
        )
    asked = (
        "pairs of images of skin lesions and said of each pair which image was generated."
        if study.forced_choice
        else "images of skin lesions and said of each whether it was real or generated."
    )
    return f"A blinded reader study: readers looked at {asked}"
