"""The measured angle is that of the skin, whatever covers or surrounds it."""

import io
import json

import numpy as np
import pytest
from django.core.management import call_command
from PIL import Image, ImageDraw

from gan.imaging.skin_tone import SIDE, lab_of, measure
from gan.models import SKIN_TONES, GeneratedImage, LesionImage, skin_tone_of

PALE, BROWN = (229, 194, 170), (122, 84, 58)


def angle(colour):
    light, _, yellow = lab_of(np.array(colour, np.uint8))
    return np.degrees(np.arctan2(light - 50, yellow))


def picture(skin, *draw):
    image = Image.new("RGB", (SIDE, SIDE), skin)
    for one in draw:
        one(ImageDraw.Draw(image))
    noise = np.random.default_rng(0).normal(0, 2, (SIDE, SIDE, 3))
    return np.clip(np.asarray(image) + noise, 0, 255).astype(np.uint8)


def lesion(pen):
    pen.ellipse((30, 30, 98, 98), fill=(70, 40, 35))


def large_lesion(pen):
    pen.ellipse((-40, 20, 90, 140), fill=(70, 40, 35))


def hairs(pen):
    for at in range(0, SIDE, 9):
        pen.line((at, 0, SIDE - at, SIDE), fill=(30, 22, 20), width=2)


def corners(pen):
    for x in (0, SIDE):
        for y in (0, SIDE):
            pen.ellipse((x - 40, y - 40, x + 40, y + 40), fill=(4, 4, 4))


def ink(pen):
    pen.rectangle((0, 0, SIDE, 14), fill=(60, 60, 180))


def test_lab_is_that_of_the_standard():
    assert lab_of(np.array([255, 255, 255], np.uint8)) == pytest.approx([100, 0, 0], abs=0.02)
    assert lab_of(np.array([255, 0, 0], np.uint8)) == pytest.approx([53.24, 80.09, 67.20], abs=0.02)
    assert lab_of(np.array([0, 0, 255], np.uint8)) == pytest.approx([32.30, 79.19, -107.86], abs=0.02)


@pytest.mark.parametrize("skin", [PALE, BROWN])
@pytest.mark.parametrize("things", [[lesion], [large_lesion], [lesion, hairs], [lesion, corners], [lesion, ink]])
def test_lesion_hair_corners_and_ink_do_not_change_the_angle(skin, things):
    found = measure(picture(skin, *things))
    assert found.ita == pytest.approx(angle(skin), abs=6)
    assert skin_tone_of(found.ita) == skin_tone_of(angle(skin))


def test_where_there_is_no_skin_nothing_is_said():
    assert measure(np.zeros((SIDE, SIDE, 3), np.uint8)).ita is None
    assert measure(np.full((SIDE, SIDE, 3), (60, 60, 180), np.uint8)).ita is None
    assert measure(picture((205, 170, 190), lesion)).ita is None, "a violet cast"


def test_bands_have_del_binos_limits():
    assert [skin_tone_of(one) for one in (60, 55, 41, 28, 10, -30, -90)] == [
        "very light", "light", "intermediate", "tan", "brown", "dark", "dark"
    ]  # fmt: skip
    assert list(SKIN_TONES.values()) == sorted(SKIN_TONES.values(), reverse=True)


def test_the_command_measures_every_image_once_and_checks_the_angle_against_types(run):
    out = io.StringIO()
    call_command("measure_skin_tone", json=True, stdout=out)
    report = json.loads(out.getvalue())
    assert sum(report["phantoms"].values()) == LesionImage.objects.count() == 48
    assert sum(report["generated"].values()) == GeneratedImage.objects.count()
    assert report["phantoms"]["not measured"] == 0
    assert report["fitzpatrick"] == {"images": 0, "rank_correlation": None, "median_ita": {}}
    image = LesionImage.objects.exclude(ita=None).first()
    assert image.ita == pytest.approx(measure(np.asarray(image.square(SIDE))).ita)
    LesionImage.objects.update(is_phantom=False, ita=-5)
    for index, one in enumerate(LesionImage.objects.all()):
        LesionImage.objects.filter(pk=one.pk).update(ita=60 - index, fitzpatrick_skin_type="I" if index < 24 else "V")
    out = io.StringIO()
    call_command("measure_skin_tone", stdout=out)
    assert "rank correlation -0.87" in out.getvalue()
    assert LesionImage.objects.filter(ita=60).exists(), "what was measured is not measured again"


def test_equal_angles_have_no_correlation_with_types(phantoms):
    LesionImage.objects.update(is_phantom=False, ita=30, ita_share=1, fitzpatrick_skin_type="II")
    LesionImage.objects.filter(diagnosis="melanoma").update(fitzpatrick_skin_type="V")
    told = {}
    for as_json in (True, False):
        out = io.StringIO()
        call_command("measure_skin_tone", json=as_json, stdout=out)
        told[as_json] = out.getvalue()
    found = json.loads(told[True])["fitzpatrick"]
    assert found == {"images": 48, "rank_correlation": None, "median_ita": {"II": 30.0, "V": 30.0}}
    assert "rank correlation - (-1 is best); median angle by type: II 30, V 30" in told[False]
