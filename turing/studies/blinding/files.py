"""Looks for traces in the stimulus files: names, lengths, the structure of the PNG, and how it was encoded."""

import hashlib
import struct
from collections import Counter

from django.core.files.storage import default_storage

from turing.models import Stimulus, Study
from turing.studies.blinding.checks import Check, Verdict, trace_check, verdict_of
from turing.studies.controls import degradation_of
from turing.studies.design import is_as_opened
from turing.studies.stimuli import encode_stimulus

SIGNATURE = b"\x89PNG\r\n\x1a\n"
Structure = tuple[tuple[str, int], ...]  # name and length of each chunk, in their order


def png_structure(content: bytes) -> Structure:
    """The chunks of a PNG file, and `("after the end", length)` for bytes that follow it; empty if it is not a PNG."""
    if not content.startswith(SIGNATURE):
        return ()
    found, at = [], len(SIGNATURE)
    while at + 12 <= len(content):
        (length,) = struct.unpack(">I", content[at : at + 4])
        name = content[at + 4 : at + 8].decode("latin-1")
        found.append((name, length))
        at += 12 + length
        if name == "IEND":
            break
    return (*found, ("after the end", len(content) - at)) if at != len(content) else tuple(found)


def png_header(content: bytes) -> str:
    """IHDR in words: size, bit depth and colour type; compression, filter and interlacing."""
    if not content.startswith(SIGNATURE):
        return "not a PNG"
    width, height, *rest = struct.unpack(">IIBBBBB", content[16:29])
    return f"{width} x {height}, {rest[0]} bits, colour type {rest[1]}, methods {rest[2:]}"


def _odd_ones(values: dict[str, object]) -> list[str]:
    """Keys whose value is not the most frequent one."""
    if not values:
        return []
    usual = Counter(values.values()).most_common(1)[0][0]
    return [key for key, value in values.items() if value != usual]


def check_files(study: Study, stimuli: list[Stimulus], contents: dict[str, bytes]) -> list[Check]:
    """All checks of the files; `contents` by the stimulus's id."""
    structures = {key: png_structure(content) for key, content in contents.items()}
    wrong_chunks = [
        f"{key}: {', '.join(f'{name} {length}' for name, length in found) or 'not a PNG'}"
        for key, found in structures.items()
        if {name for name, _ in found} != {"IHDR", "IDAT", "IEND"}
    ]
    lengths = {key: len(content) for key, content in contents.items()}
    headers = {key: png_header(content) for key, content in contents.items()}
    return [
        verdict_of(
            [f"{item.pk}: stored as {item.file}" for item in stimuli if item.file != f"stimuli/{item.pk}.png"],
            "file names",
            "each file is named by its stimulus's random id alone",
        ),
        verdict_of(
            [f"{key}: {lengths[key]} bytes" for key in _odd_ones(lengths)],
            "byte lengths",
            "all files are of one length",
        ),
        verdict_of(wrong_chunks, "PNG chunks", "IHDR, IDAT and IEND alone, nothing after the end"),
        verdict_of(
            [f"{key}: {structures[key]}" for key in _odd_ones(structures)], "PNG structure", "chunks of one length each"
        ),
        verdict_of(
            [f"{key}: {headers[key]}" for key in _odd_ones(headers)],
            "PNG headers",
            "one size, bit depth and colour type; no palette",
        ),
        *_frozen(study, stimuli, contents),
        _one_procedure(study, stimuli, contents),
        _file_times(stimuli),
    ]


def _frozen(study: Study, stimuli: list[Stimulus], contents: dict[str, bytes]) -> list[Check]:
    changed = [
        f"{item.pk}: its file has changed since the study opened"
        for item in stimuli
        if hashlib.sha256(contents[str(item.pk)]).hexdigest() != item.sha256
    ]
    hashed = is_as_opened(study, stimuli)
    return [
        verdict_of(changed, "files as opened", "every file is the one written when the study opened"),
        verdict_of([] if hashed else ["the design hash is another now"], "design as opened", study.design_hash),
    ]


def _one_procedure(study: Study, stimuli: list[Stimulus], contents: dict[str, bytes]) -> Check:
    """Encode every source again. A stimulus that was made in another way differs."""
    name = "one procedure"
    other = []
    through = study.drawn_size
    for item in stimuli:
        source = item.lesion_image or item.generated_image
        degradation = degradation_of(study, source, is_control=item.is_control)
        if encode_stimulus(source, study.stimulus_size, through, degradation) != contents[str(item.pk)]:
            other.append(f"{item.pk}: encoding its source again gives another file")
    if other and len(other) == len(stimuli):
        return Check(name, Verdict.WARNING, "the encoder has changed since the study opened; nothing to compare with")
    return verdict_of(other, name, "every file is what the one encoder makes of its source")


def _file_times(stimuli: list[Stimulus]) -> Check:
    generated = [item.generated_image_id is not None for item in stimuli]
    try:
        times = [default_storage.get_modified_time(item.file).timestamp() for item in stimuli]
    except NotImplementedError:
        return Check("file times", Verdict.PASSED, "the storage keeps none")
    return trace_check("file times", times, generated, "when files were written, never served")
