"""Names with accents match, although macOS writes letter and accent separately and tables mostly write them as one."""

import unicodedata
from pathlib import Path

import pytest
from PIL import Image

from gan.importing.generated import About, import_generated
from gan.importing.pictures import Pictures
from gan.importing.real import import_images
from gan.models import GeneratedImage, LesionImage

NAME = "Müller/léșion é.png"
SPELLINGS = [(file, table) for file in ("NFC", "NFD") for table in ("NFC", "NFD")]


def picture(folder: Path, spelling: str, colour: tuple[int, int, int] = (9, 90, 80)) -> Path:
    path = folder / unicodedata.normalize(spelling, NAME)
    path.parent.mkdir()
    Image.new("RGB", (64, 64), colour).save(path)
    return path


@pytest.mark.parametrize(("file", "table"), SPELLINGS)
@pytest.mark.parametrize("said", [NAME, "léșion é.png", "LÉȘION É.PNG", "léșion é", "léșion é.jpg", f"top/{NAME}"])
def test_a_file_is_found_however_its_accents_are_written(tmp_path, file, table, said):
    (tmp_path / "top").mkdir()
    path = picture(tmp_path / "top", file)
    found = Pictures(tmp_path).find(unicodedata.normalize(table, said))
    assert found == [path], "with its own spelling"


@pytest.mark.parametrize(("file", "table"), SPELLINGS)
def test_real_and_generated_images_match_their_tables(db, tmp_path, file, table):
    said = unicodedata.normalize(table, NAME)
    for folder, colour in (("real", (9, 90, 80)), ("generated", (90, 9, 80))):
        (tmp_path / folder).mkdir()
        picture(tmp_path / folder, file, colour)
        (tmp_path / folder / "samples.csv").write_text(f"file,diagnosis\n{said},nevus\n", encoding="utf-8")
    report = import_images(
        tmp_path / "real", image_type="dermoscopic", columns={"file": "file", "diagnosis": "diagnosis"}
    )
    assert (report.imported, report.rejected) == (1, [])
    assert import_generated(tmp_path / "generated", About("StyleGAN")).rejected == []
    assert (LesionImage.objects.count(), GeneratedImage.objects.count()) == (1, 1)
