"""`import_images` handles tables and folders unlike those of any collection."""

import io
import json
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from hypothesis import given
from hypothesis import strategies as st

from console import UserError
from gan.importing.formats import FORMATS
from gan.importing.real import import_images
from gan.models import LesionImage
from tests.gan.importing.collections import images, table
from tests.hostile.inputs import QUICK, odd_value, outcome, picture

pytestmark = pytest.mark.django_db


def reasons(report) -> dict[str, str]:
    return {one.file: one.reason for one in report.rejected}


def run(folder: Path) -> None:
    call_command("import_images", str(folder), "--json", stdout=io.StringIO(), stderr=io.StringIO())


def test_rows_that_name_files_elsewhere_find_none(tmp_path):
    (tmp_path / "secret.png").write_bytes(picture())
    inside = tmp_path / "in"
    table(inside / "t.csv", f"file dx\n../secret.png nv\n{tmp_path}/secret.png nv\n..\\secret.png nv\n. nv")
    report = import_images(inside, columns={"file": "file", "diagnosis": "dx"}, image_type="clinical")
    assert (report.imported, len(report.rejected)) == (0, 4)
    assert not LesionImage.objects.exists()


PAD = b"img_id,diagnostic,patient_id\n"


@pytest.mark.parametrize("text", [b"", b"\xff\xfe\x00", PAD + b'"a,b\n', PAD, b"a,a\n1,2"])
def test_a_useless_table_is_one_clear_error(text, tmp_path):
    images(tmp_path, "1.png")
    (tmp_path / "metadata.csv").write_bytes(text)
    with pytest.raises(CommandError, match=r"metadata\.csv"):
        run(tmp_path)


def test_odd_fields_are_rejected_and_the_others_come_in(tmp_path):
    images(tmp_path, "images/a.png", "images/b.png", "images/c.png", "images/d e.png", "images/f.png")
    rows = ["P,1,nev\0us,a.png", "P,1,NEV,b.png,more", f"{'p' * 200},1,NEV,c.png", "P,1,NEV,d e.png", "P,1,UNK,f.png"]
    (tmp_path / "metadata.csv").write_text("patient_id,lesion_id,diagnostic,img_id\n" + "\n".join(rows))
    report = import_images(tmp_path)
    said = reasons(report)
    assert "holds a NUL" in said["images/a.png"]
    assert "5 fields, but the header has 4 columns" in said["images/b.png"]
    assert "unreasonable length" in said["images/c.png"]
    assert "has no diagnosis" in said["images/f.png"]
    assert LesionImage.objects.get().isic_id.startswith("PAD-UFES-20_d-e-")


HEADERS = [",".join(sorted(needs)) for form in FORMATS for needs in form.needs]
fields = st.one_of(st.sampled_from(["1", "0", "NV", "a", "a.png"]), odd_value)


@QUICK
@given(
    header=st.sampled_from(HEADERS),
    rows=st.lists(st.lists(fields, max_size=9), max_size=4),
    delimiter=st.sampled_from([",", ";", "\t"]),
)
def test_any_table_is_a_report_or_one_error(header, rows, delimiter, tmp_path_factory):
    folder = tmp_path_factory.mktemp("hostile")
    (folder / "a.png").write_bytes(picture())
    text = "\n".join([header.replace(",", delimiter), *(delimiter.join(row) for row in rows)])
    (folder / "t.csv").write_bytes(text.encode("utf-8", "surrogatepass"))
    found = outcome(lambda: import_images(folder), UserError)
    assert found.isprintable() if isinstance(found, str) else json.dumps(found.as_json())
