"""The audit passes a blinded study and finds every planted leak."""

import io
import json
import zlib

import numpy as np
import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.management import CommandError, call_command
from django.utils import timezone
from PIL import Image, PngImagePlugin

from gan.imaging.image_files import png_bytes
from turing.models import Reader, Reading, Stimulus, Study
from turing.studies.blinding.checks import Check, Verdict, in_words, trace_check
from turing.studies.blinding.classifier import check_classifier
from turing.studies.blinding.pixels import HINTS, hints_of
from turing.studies.stimuli import encode_stimulus


def audit(study):
    """The audit's JSON, and whether the command ended with an error."""
    out = io.StringIO()
    try:
        call_command("audit_blinding", study.slug, "--json", stdout=out)
    except CommandError:
        return json.loads(out.getvalue()), True
    return json.loads(out.getvalue()), False


def leaks_of(study):
    found, failed = audit(study)
    assert failed == bool(found["leaks"])
    return {line.split(":")[0] for line in found["leaks"]}


def rewrite(stimulus, content, name=None):
    default_storage.delete(stimulus.file)
    stimulus.file = default_storage.save(name or stimulus.file, ContentFile(content))
    stimulus.save()


def test_a_blinded_study_passes_and_nothing_of_the_audit_stays(study):
    before = Reader.objects.count(), Reading.objects.count()
    found, failed = audit(study)
    assert (found["leaks"], failed) == ([], False)
    names = {check["name"] for check in found["checks"]}
    assert {"file names", "byte lengths", "PNG chunks", "image headers", "text of pages", "times of answers"} <= names
    assert {check["verdict"] for check in found["checks"]} <= {"passed", "warning"}
    assert (Reader.objects.count(), Reading.objects.count()) == before


def test_a_closed_study_is_audited_and_stays_closed(study):
    call_command("close_study", study.slug)
    assert leaks_of(study) == set()
    assert Study.objects.get(pk=study.pk).state == Study.State.CLOSED
    Study.objects.filter(pk=study.pk).update(published_at=timezone.now())
    assert leaks_of(study) == set()
    assert Study.objects.get(pk=study.pk).published_at


def test_the_command_says_what_its_limits_are(study):
    out = io.StringIO()
    call_command("audit_blinding", study.slug, stdout=out)
    *lines, last = out.getvalue().splitlines()
    assert last.startswith(f"{len(lines)} checks: 0 leaks, ")
    assert "A test passes unless its p is below 0.0001." in last
    (ids,) = (line for line in lines if "order of ids" in line)
    assert "(limit 0.0001)" in ids


def test_counts_of_findings_are_in_words():
    checks = [Check("a", Verdict.PASSED, ""), Check("b", Verdict.WARNING, ""), Check("c", Verdict.LEAK, "")]
    assert in_words(checks).startswith("3 checks: 1 leak, 1 warning. ")
    assert in_words(checks[:1]).startswith("1 check: 0 leaks, 0 warnings. ")
    assert "so few images" not in in_words(checks)


@pytest.mark.parametrize(("each", "verdict", "too_few"), [(8, Verdict.PASSED, True), (9, Verdict.LEAK, False)])
def test_a_trace_that_tells_everything_is_found_unless_there_are_too_few_images(each, verdict, too_few):
    generated = np.arange(2 * each) < each
    check = trace_check("order", np.arange(2.0 * each), generated, "position")
    assert (check.verdict, check.too_few) == (verdict, too_few)
    assert ("In 1 of these tests no trace could reach the limit" in in_words([check])) == too_few


def test_a_draft_has_nothing_to_audit(draft):
    with pytest.raises(CommandError, match="is a draft"):
        call_command("audit_blinding", draft.slug)


def test_a_truth_in_one_file_name_is_found(study):
    stimulus = study.stimuli.filter(truth="generated").first()
    rewrite(stimulus, stimulus.read(), f"stimuli/generated-{stimulus.pk}.png")
    assert leaks_of(study) == {"file names"}


def test_one_extra_chunk_is_found(study):
    stimulus = study.stimuli.first()
    note = PngImagePlugin.PngInfo()
    note.add_text("Software", "DCGAN")
    buffer = io.BytesIO()
    Image.open(io.BytesIO(stimulus.read())).save(buffer, "PNG", compress_level=0, pnginfo=note)
    rewrite(stimulus, buffer.getvalue())
    found = leaks_of(study)
    assert {"PNG chunks", "PNG structure", "byte lengths", "image answers", "one procedure", "files as opened"} <= found


def test_bytes_after_the_end_are_found(study):
    stimulus = study.stimuli.first()
    rewrite(stimulus, stimulus.read() + b"real")
    assert {"PNG chunks", "PNG structure"} <= leaks_of(study)


def test_one_different_size_is_found(study):
    stimulus = study.stimuli.first()
    buffer = io.BytesIO()
    Image.open(io.BytesIO(stimulus.read())).resize((63, 64)).save(buffer, "PNG", compress_level=0)
    rewrite(stimulus, buffer.getvalue())
    assert {"PNG headers", "byte lengths"} <= leaks_of(study)


def test_another_encoder_for_one_truth_is_found(study):
    for stimulus in study.stimuli.filter(truth="real"):
        buffer = io.BytesIO()
        Image.open(io.BytesIO(stimulus.read())).quantize(64).save(buffer, "PNG")
        rewrite(stimulus, buffer.getvalue())
    assert {"PNG headers", "byte lengths", "one procedure"} <= leaks_of(study)


def test_another_design_than_the_frozen_one_is_found(study):
    Study.objects.filter(pk=study.pk).update(instructions="The first half is real.")
    assert leaks_of(study) == {"design as opened"}


def _is_generated(request):
    name = request.path.removeprefix("/stimuli/").removesuffix(".png")
    return request.path.startswith("/stimuli/") and Stimulus.objects.filter(pk=name, truth="generated").exists()


def header_middleware(get_response):
    def middleware(request):
        response = get_response(request)
        if response.status_code == 200 and _is_generated(request):
            response["X-Cache"] = "miss"
        return response

    return middleware


def slow_middleware(get_response):
    def middleware(request):
        if _is_generated(request):
            zlib.compress(bytes(range(256)) * 20_000, 9)
        return get_response(request)

    return middleware


def _changing_pages(get_response, change):
    """A middleware that changes the HTML of a form page depending on its stimulus's truth."""

    def middleware(request):
        response = get_response(request)
        is_html = "html" in response.headers["Content-Type"]
        if "/trials/" in request.path and is_html and b"/stimuli/" in response.content:
            key = response.content.decode().split("/stimuli/")[1].split(".png")[0]
            response.content = change(response.content.decode(), Stimulus.objects.get(pk=key)).encode()
        return response

    return middleware


def number_middleware(get_response):
    """The page contains a number that reveals the truth of its image."""
    return _changing_pages(
        get_response, lambda html, item: html.replace("<main", f'<main data-kind="{int(item.truth == "generated")}"')
    )


def word_middleware(get_response):
    """The page contains the ISIC id of a real image."""
    return _changing_pages(
        get_response, lambda html, item: f"{html}<!-- {item.lesion_image.isic_id if item.lesion_image else 'none'} -->"
    )


@pytest.mark.parametrize(
    ("middleware", "expected"),
    [
        (header_middleware, {"image answers"}),
        (slow_middleware, {"times of answers"}),
        (number_middleware, {"numbers in pages"}),
        (word_middleware, {"words of pages", "text of pages"}),
    ],
)
def test_a_site_that_tells_is_found(study, settings, middleware, expected):
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, f"{__name__}.{middleware.__name__}"]
    assert leaks_of(study) - {"everything but pixels"} == expected


def test_images_shown_to_strangers_are_found(study, monkeypatch):
    from turing.models import User

    monkeypatch.setattr(User, "is_researcher", property(lambda user: True))
    Study.objects.update(visible_to_researchers=True)
    assert leaks_of(study) == {"image addresses"}


def test_a_trace_that_tells_is_told_from_one_that_does_not():
    rng = np.random.default_rng(0)
    generated = np.arange(60) % 2 == 0
    by_chance = [trace_check("x", rng.random(60), generated, "x").verdict for _ in range(300)]
    assert by_chance.count(Verdict.LEAK) <= 3  # 0.01% each
    assert trace_check("x", rng.random(60) + generated, generated, "x").verdict == Verdict.LEAK
    assert trace_check("x", np.ones(60), generated, "x").verdict == Verdict.PASSED


def test_the_classifier_finds_what_two_traces_tell_only_together():
    rng = np.random.default_rng(1)
    generated = np.arange(200) % 2 == 0
    shared = rng.normal(0, 3, 200)
    together = np.column_stack([shared, shared + np.where(generated, 0.5, -0.5) + rng.normal(0, 0.3, 200)])
    assert trace_check("x", together[:, 1], generated, "x").verdict == Verdict.PASSED
    assert check_classifier("x", together, generated, Verdict.LEAK).verdict == Verdict.LEAK
    noise = rng.normal(0, 1, (200, 10))
    found = check_classifier("x", noise, generated, Verdict.LEAK)
    assert found.verdict == Verdict.PASSED
    assert 0.3 < found.auc < 0.7


def test_each_hint_rises_with_what_it_is_named_after():
    rng = np.random.default_rng(2)
    smooth = np.asarray(Image.fromarray(rng.integers(60, 200, (8, 8, 3), dtype=np.uint8)).resize((64, 64)), float)

    def hints(pixels):
        buffer = io.BytesIO()
        Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).save(buffer, "PNG")
        return dict(zip(HINTS, hints_of(buffer.getvalue()), strict=True))

    plain = hints(smooth)
    blocks = smooth + 12 * (np.add.outer(np.arange(64) // 8, np.arange(64) // 8) % 2)[..., None]
    assert hints(blocks)["8x8 blocks"] > 1.5 * plain["8x8 blocks"]
    assert hints(smooth + 6 * (np.arange(64) % 2)[None, :, None])["checkerboard"] > 2 * plain["checkerboard"]
    noisy = hints(smooth + rng.normal(0, 10, smooth.shape))
    assert noisy["high frequencies"] > 2 * plain["high frequencies"]
    assert noisy["resampling"] > 2 * plain["resampling"]
    assert noisy["spectrum's slope"] > plain["spectrum's slope"]
    assert hints(2 * smooth)["clipped values"] > plain["clipped values"]


class Pixels:
    """An image that replaces a lesion's or a generated one."""

    def __init__(self, image: Image.Image) -> None:
        self.image = image

    def square(self, size: int) -> Image.Image:
        assert self.image.size == (size, size)
        return self.image


def marked(rng, mark: str) -> Image.Image:
    """An image of 64 pixels on a side with JPEG's cells, with the columns of an upsampling network, or unchanged."""
    cells = Image.fromarray(rng.integers(60, 200, (9, 9, 3), dtype=np.uint8))
    columns = 2 * (np.arange(64) % 2) * (mark == "upsampled")
    grain = rng.normal(0, 2, (64, 64, 1))
    pixels = np.asarray(cells.resize((64, 64), Image.Resampling.BICUBIC), float) + columns[None, :, None] + grain
    image = Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
    if mark == "jpeg":
        buffer = io.BytesIO()
        image.save(buffer, "JPEG", quality=30)
        image = Image.open(buffer).convert("RGB")
    return image


@pytest.mark.parametrize(("mark", "hint"), [("jpeg", "8x8 blocks"), ("upsampled", "checkerboard")])
def test_grids_that_files_and_networks_leave_are_gone_from_stimuli(mark, hint):
    rng = np.random.default_rng(5)
    images = [marked(rng, mark if index % 2 else "none") for index in range(120)]
    generated = np.arange(120) % 2 == 1
    index = list(HINTS).index(hint)
    before = [hints_of(png_bytes(image))[index] for image in images]
    after = [hints_of(encode_stimulus(Pixels(image), 64, 64))[index] for image in images]
    assert trace_check(hint, before, generated, hint).auc > 0.9
    assert 0.3 < trace_check(hint, after, generated, hint).auc < 0.7


def test_a_study_of_images_shown_for_a_moment_passes(run):
    call_command("create_study", "A moment", run=[str(run.pk)], real=5, generated=5, stimulus_size=64, timed=True)
    call_command("open_study", "a-moment")
    found, failed = audit(Study.objects.get(slug="a-moment"))
    assert (found["leaks"], failed) == ([], False)


def test_a_study_whose_readers_see_a_part_of_the_images_passes(run):
    call_command("create_study", "Part", run=[str(run.pk)], real=5, generated=5, stimulus_size=64, images_per_reader=4)
    call_command("open_study", "part")
    found, failed = audit(Study.objects.get(slug="part"))
    assert (found["leaks"], failed) == ([], False)


@pytest.mark.parametrize(("again", "leaks"), [(False, set()), (True, {"times of answers"})])
def test_a_difference_in_times_is_a_leak_if_it_is_there_at_a_second_look(study, monkeypatch, again, leaks):
    looks = []

    def times(_, stimuli):
        looks.append(len(stimuli))
        apart = again or len(looks) == 1
        return np.array([index / 1000 + (apart and item.truth == "generated") for index, item in enumerate(stimuli)])

    monkeypatch.setattr("turing.studies.blinding.pages._times", times)
    assert leaks_of(study) - {"everything but pixels"} == leaks
    assert looks == [20, 20]
