"""The sheets reveal nothing but the images themselves, and the key gives the truth afterwards."""

import csv

import pytest
from PIL import Image

from benchmarks import blinded_grid
from gan.foundation.errors import GanError
from gan.models import LesionImage


def rows_of(path):
    with path.open(newline="") as stream:
        return list(csv.DictReader(stream))


def test_sheets_hold_as_many_real_as_generated_images_and_answers_are_counted(run, tmp_path, monkeypatch):
    monkeypatch.setattr(blinded_grid, "OF_EACH", 10)
    blinded_grid.draw(run, 3, tmp_path)
    key = rows_of(tmp_path / "key.csv")
    for sheet in ("1", "2"):
        truths = [row["truth"] for row in key if row["sheet"] == sheet]
        assert sorted(truths) == ["generated"] * 10 + ["real"] * 10
        assert truths != sorted(truths)
        assert Image.open(tmp_path / f"sheet-{sheet}.png").info == {}
    real = {row["image"] for row in key if row["truth"] == "real"}
    assert len(real) == 20
    assert not run.training_images.filter(isic_id__in=real).exists()
    assert LesionImage.objects.filter(isic_id__in=real).count() == 20
    with pytest.raises(GanError, match="no answer in it yet"):
        blinded_grid.check(tmp_path)
    # All of sheet 1 right but one, nothing of sheet 2.
    answers = [[row["sheet"], row["place"], row["truth"][0] if row["sheet"] == "1" else ""] for row in key]
    wrong = next(index for index, row in enumerate(key) if row["truth"] == "generated" and row["sheet"] == "1")
    answers[wrong][2] = "r"
    blinded_grid._write(tmp_path / "answers.csv", ("sheet", "place", "answer"), answers)
    assert blinded_grid.check(tmp_path) == [
        "19 of 20 right: 95% (95% interval 76% to 99%); guessing gives 50%.",
        "10 of 10 real images taken for real: 100% (95% interval 72% to 100%).",
        "1 of 10 generated images taken for real: 10% (95% interval 2% to 40%).",
    ]
    monkeypatch.setattr(blinded_grid, "OF_EACH", 48)
    with pytest.raises(GanError, match="12 held-out images of melanoma; 48 are needed"):
        blinded_grid.draw(run, 3, tmp_path)


def test_no_two_real_images_show_one_lesion_where_there_are_others(run, tmp_path, monkeypatch):
    monkeypatch.setattr(blinded_grid, "OF_EACH", 6)  # six of each diagnosis on both sheets, of six held-out lesions
    blinded_grid.draw(run, 3, tmp_path)
    real = [row["image"] for row in rows_of(tmp_path / "key.csv") if row["truth"] == "real"]
    lesions = LesionImage.objects.filter(isic_id__in=real).values_list("lesion_id", flat=True)
    assert len(lesions) == len(set(lesions)) == 12
