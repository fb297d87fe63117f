"""CSVs of responses, ours or anyone's, give the right answers or an error that names the line."""

import pytest
from django.core.management import CommandError, call_command

from turing.results.responses_csv import parse_responses, read_responses
from turing.statistics.analysis import analyse

HEADER = "reader,image,truth,diagnosis,response,confidence,rt_ms,trial_index\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", ": the file is empty"),
        ("a,b\n1,2\n", "line 1: no column reader, image, truth, response"),
        (HEADER, "no test responses"),
        (HEADER + "a,1,real,m,maybe,1,5,1\n", "line 2: response is 'maybe'"),
        (HEADER + "a,1,real,m,real,1,5,1\na,1,real,m,real,1,5,1\n", "line 3: reader 'a' answered image '1' in line 2"),
        (HEADER + "a,1,real,m,real,1,5,1\nb,1,generated,m,real,1,5,1\n", "line 3: image '1' has another truth"),
        (HEADER + "a,1,real,m,real,x,5,1\n", "line 2: confidence is 'x'"),
        (HEADER + "a,1,real,m,real,99999999999999,5,1\n", "line 2: confidence is '99999999999999'"),
        (HEADER + "a,1,real,m,real,1,5,1\n,1,real,m,real,1,5,1\n", "line 3: reader is empty"),
        (HEADER.replace("rt_ms", "image") + "a,1,real,m,real,1,5,1\n", "line 1: column 'image' stands there twice"),
        (HEADER + 'a,"1\n2",real,m,real,1,5,1\nb,1,fake,m,real,1,5,1\n', "line 4: truth is 'fake'"),
        (HEADER + 'a,"1,real,m,real,1,5,1\n', "line 2: unexpected end of data"),
        (HEADER + "a,1,real\n", "line 2: 3 fields, but the header has 8"),
    ],
)
def test_a_bad_csv_is_an_error_that_names_the_line(tmp_path, text, message):
    path = tmp_path / "r.csv"
    path.write_text(text)
    with pytest.raises(CommandError, match=message):
        call_command("analyze_responses", str(path))


def test_a_folder_a_picture_and_a_missing_file_are_refused_in_one_line(tmp_path):
    picture = tmp_path / "r.png"
    picture.write_bytes(b"\x89PNG\r\n\x1a\n\xff\xfe")
    for path, message in (
        (tmp_path, "Is a directory"),
        (picture, "not a UTF-8"),
        (tmp_path / "none.csv", "No such file"),
    ):
        with pytest.raises(CommandError, match=message):
            call_command("analyze_responses", str(path))


def test_a_repeat_counts_for_intra_reader_agreement_alone():
    text = (
        HEADER.strip()
        + ",phase\n"
        + "".join(
            f"{reader},{image},{'real' if image % 2 else 'generated'},m,{answer},1,5,1,{phase}\n"
            for reader in "ab"
            for image in range(4)
            for phase, answer in (("test", "real"), ("repeat", "generated"), ("practice", "real"))
        )
    )
    found = analyse(parse_responses(text))
    assert found["counts"]["responses"] == 8
    assert found["intra_reader"] == {"pairs": 8, "agreement": 0, "ci95": None, "kappa": 0}


def test_a_million_rows_are_read():
    words = ("generated", "real")
    lines = [
        f"r{reader},i{image},{words[image % 2]},m,{words[reader * image % 3 > 0]},2,900,{image}"
        for reader in range(5000)
        for image in range(200)
    ]
    rows = parse_responses(HEADER + "\n".join(lines))
    assert len(rows) == 1_000_000
    assert rows.judged_real.sum() == sum((r * i) % 3 > 0 for r in range(5000) for i in range(200))


@pytest.mark.parametrize(
    "changed",
    [
        lambda text: "\ufeff" + text,
        lambda text: text.replace(",", ";"),
        lambda text: text.replace(",", "\t"),
        lambda text: text.replace("\n", "\r\n"),
        lambda text: "\n \n" + text.replace("\n", "\n\n"),
        lambda text: text.replace(",", " , "),
        lambda text: "\ufeff" + text.replace(",", ";").replace("\n", "\r\n"),
    ],
    ids=["BOM", "semicolons", "tabs", "CRLF", "blank lines", "spaces", "all three of a spreadsheet"],
)
def test_files_of_spreadsheets_give_the_same_figures(tmp_path, changed):
    text = HEADER + "".join(
        f"{reader},{image},{('generated', 'real')[image % 2]},m,{('real', 'generated')[reader * image % 3 > 0]},1,5,1\n"
        for reader in range(3)
        for image in range(6)
    )
    path = tmp_path / "responses.csv"
    path.write_bytes(changed(text).encode())
    assert analyse(read_responses(path)) == analyse(parse_responses(text))
