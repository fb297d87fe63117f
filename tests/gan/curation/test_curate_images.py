"""Curation says of every image whether it is fit for training, and why not."""

import csv
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError, connection, transaction
from PIL import Image, ImageDraw, ImageFilter
from scipy.signal import fftconvolve

from gan.curation import records, rulers
from gan.curation.verdicts import REASONS
from gan.datasets.sources import from_database
from gan.imaging import duplicates
from gan.imaging.image_files import png_bytes
from gan.imaging.phantoms import draw_phantom
from gan.models import LesionImage

ISIC = Path(__file__).parents[4] / "shared/data/isic"


def photo(seed: int, width: int = 200, height: int = 150) -> Image.Image:
    """A phantom with the grain of a photograph."""
    pixels = draw_phantom("melanoma", seed, width, height).astype(float)
    grain = np.random.default_rng(seed).normal(0, 4, pixels.shape)
    return Image.fromarray(np.clip(pixels + grain, 0, 255).astype(np.uint8))


def framed(seed: int) -> Image.Image:
    image, rim = photo(seed), Image.new("L", (200, 150), 255)
    ImageDraw.Draw(rim).ellipse((-10, -35, 210, 185), fill=0)
    return Image.composite(Image.new("RGB", image.size), image, rim)


def ruled(seed: int, slant: int) -> Image.Image:
    """Ticks 10 pixels apart at the right edge."""
    image = photo(seed)
    pen = ImageDraw.Draw(image)
    for index in range(5):
        top = 40 + 10 * index
        pen.line((183, top, 196, top + slant), fill=(25, 22, 20), width=2)
    return image


@pytest.fixture
def folder(tmp_path) -> Path:
    images = {
        "plain": photo(1),
        "plain too": photo(2),
        "framed": framed(3),
        "ruled": ruled(4, 0),
        "slanted": ruled(5, 6),
        "blurred": photo(6).filter(ImageFilter.GaussianBlur(5)),
        "small": photo(7, 80, 60),
    }
    for name, image in images.items():
        (tmp_path / f"{name}.png").write_bytes(png_bytes(image))
    photo(1).resize((160, 120)).save(tmp_path / "plain again.jpg", quality=80)
    (tmp_path / "broken.jpg").write_bytes(b"no image")
    return tmp_path


def test_each_fault_is_found_and_plain_images_pass(folder, tmp_path, capsys):
    report = tmp_path / "report.csv"
    call_command("curate_images", folder=folder, report=report, json=True)
    rows = {row["isic_id"]: row for row in csv.DictReader(report.open())}
    reasons = {name: row["reasons"] for name, row in rows.items()}
    assert reasons == {
        "plain": "",
        "plain too": "",
        "plain again": "duplicate",
        "framed": "round_frame",
        "ruled": "ruler_or_annotation",
        "slanted": "ruler_or_annotation",
        "blurred": "low_quality",
        "small": "too_small",
        "broken": "low_quality",
    }
    assert rows["plain again"]["repeats"] == "plain"
    assert {row["verdict"] for row in rows.values() if row["reasons"]} == {"rejected"}
    counts = json.loads(capsys.readouterr().out)
    assert (counts["images"], counts["accepted"], counts["rejected"]) == (9, 2, 7)


def test_hair_is_no_reason_to_reject(tmp_path):
    image = photo(1)
    pen, random = ImageDraw.Draw(image), np.random.default_rng(0)
    for _ in range(25):
        x, y, dx, dy = random.uniform((0, 0, -90, -90), (200, 150, 90, 90))
        pen.line((x, y, x + dx, y + dy), fill=(60, 40, 30), width=1)
    (tmp_path / "hairy.png").write_bytes(png_bytes(image))
    call_command("curate_images", folder=tmp_path, report=tmp_path / "report.csv")
    assert next(csv.DictReader((tmp_path / "report.csv").open()))["verdict"] == "accepted"


def test_rejected_images_are_not_trained_on_and_a_researcher_has_the_last_word(phantoms):
    LesionImage.objects.update(is_phantom=False)
    call_command("curate_images")
    before = len(from_database("melanoma", phantoms=False))
    image = LesionImage.objects.usable().with_diagnosis("melanoma").first()
    image.overrule()
    assert len(from_database("melanoma", phantoms=False)) == before - 1
    call_command("curate_images")
    image.refresh_from_db()
    assert image.verdict == "rejected"
    assert image.overruled
    image.overrule()
    assert (image.verdict, image.overruled) == ("accepted", False)


def test_nobody_overrules_a_verdict_that_curation_is_about_to_write(transactional_db, monkeypatch):
    if connection.vendor == "sqlite":
        pytest.skip("SQLite locks the whole database at the beginning of every transaction")
    told = {"diagnosis": "melanoma", "file": "lost.png", "sha256": "x", "width": 9, "height": 9}
    LesionImage.objects.create(isic_id="unread", **told)
    LesionImage.objects.create(isic_id="no longer a duplicate", looks="0" * 16, repeats="gone", **told)
    waited = []

    def overrule(name):
        try:
            with transaction.atomic():
                LesionImage.objects.select_for_update(nowait=True).get(isic_id=name)
        except OperationalError:
            waited.append(name)
        finally:
            connection.close()

    def decide(image):
        with ThreadPoolExecutor(1) as other:
            other.submit(overrule, image.isic_id).result()

    monkeypatch.setattr(records, "_decide", decide)
    records.curate_database(lambda seen, total: seen)
    assert waited == ["unread", "no longer a duplicate"]


@pytest.mark.parametrize("options", [{"folder": Path("/nowhere")}, {"folder": Path(__file__).parent}])
def test_a_folder_without_images_is_refused(db, options):
    with pytest.raises(CommandError, match=r"no such folder|no images there"):
        call_command("curate_images", **options)


@pytest.mark.skipif(not (ISIC / "artefacts.csv").exists(), reason="needs the real images beside the checkout")
def test_artefacts_judged_by_eye_are_found(tmp_path):
    """Each half of the 150 images is tested separately, to show thresholds that fit only one half."""
    judged = list(csv.DictReader((ISIC / "artefacts.csv").open()))
    for row in judged:
        (tmp_path / f"{row['isic_id']}.jpg").symlink_to(ISIC / "images" / f"{row['isic_id']}.jpg")
    call_command("curate_images", folder=tmp_path, report=tmp_path / "report.csv")
    found = {row["isic_id"]: row["reasons"].split(";") for row in csv.DictReader((tmp_path / "report.csv").open())}
    assert {reason for reasons in found.values() for reason in reasons if reason} <= set(REASONS)

    def share(reason: str, **wanted: str) -> float:
        images = [row["isic_id"] for row in judged if all(row[name] == value for name, value in wanted.items())]
        return sum(reason in found[name] if reason else bool(found[name][0]) for name in images) / len(images)

    assert share("round_frame", round_frame="1") >= 0.95
    assert share("ruler_or_annotation", ruler_or_annotation="1") >= 0.75
    assert share("", round_frame="0", ruler_or_annotation="0") <= 0.10


def test_curation_goes_on_where_it_stood(phantoms, monkeypatch):
    """What was measured before a crash is not measured again, and duplicates are found across both parts."""
    LesionImage.objects.update(is_phantom=False)
    first = LesionImage.objects.first()
    twin = LesionImage.objects.create(
        isic_id="Z", diagnosis="melanoma", file=first.file, sha256="x", width=first.width, height=first.height
    )
    passed = []

    def crash(seen, total):
        for one in seen:
            passed.append(one)
            if len(passed) == 20:
                raise KeyboardInterrupt
            yield one

    monkeypatch.setattr(records, "BATCH", 8)
    with pytest.raises(KeyboardInterrupt):
        records.curate_database(crash)
    assert LesionImage.objects.exclude(looks="").count() == 16
    counted = []
    verdicts = records.curate_database(lambda seen, total: counted.append(total) or seen)
    assert counted == [49 - 16]
    assert len(verdicts) == 49
    twin.refresh_from_db()
    assert (twin.repeats, twin.verdict) == (first.isic_id, "rejected")
    assert "duplicate" in twin.reasons
    assert records.curate_database(lambda seen, total: seen) == verdicts
    assert records.curate_database(lambda seen, total: seen, again=True) == verdicts


def test_one_transform_for_all_filters_gives_what_convolution_gives():
    channel = np.log(np.asarray(photo(3))[..., 0] + 10.0).astype(np.float32)
    expected = [fftconvolve(channel, one, mode="same") for one in rulers._filters()]
    assert np.abs(rulers._filtered(channel) - np.stack(expected)).max() < 1e-5


def test_duplicates_of_a_large_collection_ask_for_few_thumbnails():
    random = np.random.default_rng(0)
    hashes = [int(one) for one in random.integers(0, 2**63, 3000)]
    hashes[2999] = hashes[7] ^ 0b101
    asked = set()

    def thumbnail(index: int) -> np.ndarray:
        asked.add(index)
        return np.random.default_rng(index % 2992).integers(0, 255, (32, 32, 3), np.uint8)

    found = duplicates.duplicate_of(hashes, thumbnail)
    assert [(index, one) for index, one in enumerate(found) if one is not None] == [(2999, 7)]
    assert asked == {7, 2999}
