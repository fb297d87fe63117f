"""CSVs as programs, people and attackers write them, in the common reader of responses and metadata."""

import io
import json

import pytest
from django.core.management import CommandError, call_command
from hypothesis import given
from hypothesis import strategies as st

from console import UserError
from tables import Table, is_windows, parse_table, read_text
from tests.hostile.inputs import THOROUGH, odd_text, odd_value, outcome
from turing.errors import StudyError
from turing.results.responses_csv import COLUMNS, parse_responses, read_responses
from turing.statistics.analysis import analyse
from turing.statistics.responses import Responses

WORDS = ("generated", "real")
HEADER = ",".join(COLUMNS) + "\n"


def responses_csv(number=str, reader=lambda index: f"r{index}") -> str:
    """Three readers of six images. `number` spells numbers, `reader` names."""
    lines = []
    for one in range(3):
        for image in range(6):
            words = f"{reader(one)},i{image},{WORDS[image % 2]},m,{WORDS[one * image % 3 == 0]}"
            lines.append(f"{words},{number(1 + image % 4)},{number(900 + image)},{number(image + 1)}\n")
    return HEADER + "".join(lines)


PLAIN = analyse(parse_responses(responses_csv()))


@pytest.mark.parametrize(
    "text",
    [
        responses_csv(lambda value: f"{value}.0"),
        responses_csv(lambda value: f"{value}.000"),
        responses_csv().replace("900,", "900.4000000059605,").replace("905,", "904.6,"),
        "sep=;\n" + responses_csv().replace(",", ";"),
        "\ufeffsep=;\r\n" + responses_csv().replace(",", ";").replace("\n", "\r\n"),
        '"sep=\t"\n' + responses_csv().replace(",", "\t"),
        "sep=|\n" + responses_csv().replace(",", "|"),
        responses_csv(lambda value: f"{value},0").replace(",0", "@").replace(",", ";").replace("@", ",0"),
        responses_csv() + ",,,,,,,\n" * 3,
        responses_csv() + " , ,,,,,,\n,,\n\n",
        responses_csv().replace("\n", "\n,,,,,,,\n"),
        responses_csv().replace("\n", ",,\n"),
        responses_csv().replace("\n", "\r"),
        "".join(f'"{line.replace(",", chr(34) + "," + chr(34))}"\n' for line in responses_csv().splitlines()),
    ],
    ids=[
        "pandas", "more decimals", "jsPsych", "sep", "sep of Excel", "sep tab", "sep bar", "decimal commas",
        "empty rows at the end", "shorter empty rows", "empty rows between", "empty columns", "CR", "all quoted",
    ],
)  # fmt: skip
def test_what_programs_write_gives_the_same_figures(text):
    assert analyse(parse_responses(text)) == PLAIN


def test_utf_16_is_read_as_excel_writes_it(tmp_path):
    (tmp_path / "r.csv").write_bytes(responses_csv().replace(",", "\t").encode("utf-16"))
    assert analyse(read_responses(tmp_path / "r.csv")) == PLAIN


def test_two_spellings_of_one_readers_name_are_one_reader():
    composed, decomposed = "Zo\u00eb", "Zoe\u0308"
    text = responses_csv(reader=lambda index: f"{composed}{index}").replace(f"{composed}1,i3", f"{decomposed}1,i3")
    assert decomposed in text
    assert parse_responses(text).reader_names == (f"{composed}0", f"{composed}1", f"{composed}2")


def test_characters_that_some_take_for_line_ends_stand_in_a_field():
    table = parse_table('a,b\nx\x0by,"1\u2028\u20292"\nz\x85,\x1c3\n\nlast,4\n')
    assert table.rows == [["x\x0by", "1\u2028\u20292"], ["z\x85", "\x1c3"], ["last", "4"]]
    assert table.lines == [2, 3, 5]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (HEADER + "a\0b,1,real,m,real,1,5,1\n", r"line 2: holds '\\x00', which is no text"),
        (HEADER + "a,1,real,m,real,1,5,1\nb\ud800,1,real,m,real,1,5,1\n", r"line 3: holds '\\ud800'"),
        (HEADER + 'a,1,real,m,real,1,5,1\n"b,1,real,m,real,1,5,1\n' + "c,1,real,m,real,1,5,1\n" * 1000, "line 3: unex"),
        (HEADER + '"a" ,1,real,m,real,1,5,1\n', r"line 2: ',' expected after '\"'"),
        (HEADER + "a,1,real,m,real,2.5,5,1\n", "line 2: confidence is '2.5'; it must be a whole number from 1"),
        (HEADER + "a,1,real,m,real,1,-0,1\n", "line 2: rt_ms is '-0'; it must be a number from 0"),
        (HEADER + "a,1,real,m,real,1,nan,1\n", "line 2: rt_ms is 'nan'"),
        (HEADER + "a,1,real,m,real,1,1e400,1\n", "line 2: rt_ms is '1e400'"),
        (HEADER + "a,1,real,m,real,1," + "9" * 5000 + ",1\n", "line 2: rt_ms is '99999999999999999999'"),
        (HEADER + "a,1,real,m,real,\u0663,5,1\n", "line 2: confidence is '\u0663'"),
        (HEADER + "a,1,real,m,real,\u00b2,5,1\n", "line 2: confidence is '\u00b2'"),
        ((HEADER + "a,1,real,m,real,1,2;390,1\n").replace(",", ":").replace(";", ",").replace(":", ";"), "'2,390'"),
        (HEADER + "a" * 200_000 + ",1,real,m,real,1,5,1\n", "line 2: field larger than field limit"),
        ("reader," * 100_000 + HEADER, "line 1: column 'reader' stands there twice"),
        ("sep=;\n", "the file is empty"),
    ],
    ids=lambda value: value[:25] if isinstance(value, str) else "",
)
def test_what_cannot_be_read_names_its_line(text, message):
    with pytest.raises(StudyError, match=message):
        parse_responses(text)


def test_bytes_that_are_no_text_name_their_line(tmp_path):
    (tmp_path / "r.csv").write_bytes(b"a,b\n1,2\nN\xe6vus,3\n")
    with pytest.raises(UserError, match=r"r\.csv, line 3: not a UTF-8 text file"):
        read_text(tmp_path / "r.csv")


def test_text_of_windows_is_read_where_it_is_asked_for_and_can_be_nothing_else(tmp_path):
    path = tmp_path / "r.csv"
    path.write_bytes("a;b\nMüller;Größe: 5 €\n".encode("cp1252"))
    assert read_text(path, windows=True) == "a;b\nMüller;Größe: 5 €\n"
    assert is_windows(path)
    with pytest.raises(UserError, match=r"line 2: not a UTF-8 text file; save it as CSV UTF-8"):
        read_text(path)
    for content in (b"a\n\xe6\x00\n", b"a\n\xe6\x81\n", b"a\n\xe6\x1b\n", "ä\n".encode() + b"\xe4\n"):
        path.write_bytes(content)
        assert not is_windows(path)
        with pytest.raises(UserError, match="save it as CSV UTF-8"):
            read_text(path, windows=True)
    path.write_text("ä", encoding="utf-8")
    assert not is_windows(path)


def test_lone_quotes_over_megabytes_are_one_clear_error(tmp_path):
    (tmp_path / "r.csv").write_text(HEADER + '"a,1,real,m,real,1,5,1\n' * 200_000)
    with pytest.raises(CommandError, match=r"^\S*r\.csv, line 2: .{1,80}$"):
        call_command("analyze_responses", str(tmp_path / "r.csv"))


fields = st.one_of(st.sampled_from(["real", "generated", "a", "1", "2.0", "900.5", "test", "repeat"]), odd_value)
tables = st.builds(
    lambda head, rows, delimiter, end: end.join([head, *(delimiter.join(row) for row in rows)]),
    st.one_of(
        st.sampled_from([HEADER.strip(), HEADER.strip() + ",phase", "sep=;", "\ufeff" + HEADER.strip()]), odd_text
    ),
    st.lists(st.lists(fields, min_size=6, max_size=9), max_size=6),
    st.sampled_from([",", ";", "\t"]),
    st.sampled_from(["\n", "\r\n", "\r"]),
)


@THOROUGH
@given(st.one_of(tables, odd_text))
def test_any_text_is_a_table_or_an_error_that_names_the_place(text):
    found = outcome(lambda: parse_table(text, "file"), UserError)
    if isinstance(found, Table):
        assert all(len(row) == len(found.columns) for row in found.rows)
        assert found.lines == sorted(found.lines)
    else:
        assert found.startswith("file")


@THOROUGH
@given(st.one_of(tables, odd_text))
def test_any_text_is_responses_or_an_error_that_names_the_place(text):
    found = outcome(lambda: parse_responses(text, "file"), StudyError)
    assert len(found) > 0 if isinstance(found, Responses) else found.startswith("file")


answers = st.lists(
    st.tuples(odd_text, odd_text, st.booleans(), st.booleans(), st.integers(1, 9)), min_size=1, max_size=8
)


@THOROUGH
@given(answers)
def test_responses_of_readers_with_any_name_can_be_analysed(rows):
    truths: dict[str, str] = {}
    lines = []
    for reader, image, truth, answer, level in rows:
        names = ['"' + text.replace('"', '""') + '"' for text in (reader, image)]
        kept = truths.setdefault(image.strip(), WORDS[truth])
        lines.append(",".join([*names, kept, "m", WORDS[answer], str(level), "5", "1"]))
    text = HEADER + "\n".join(lines)
    found = outcome(lambda: parse_responses(text), StudyError)
    if isinstance(found, Responses):
        json.dumps(analyse(found), allow_nan=False)


def test_names_that_a_terminal_would_obey_stay_out_of_the_figures_printed(tmp_path):
    (tmp_path / "r.csv").write_text(responses_csv().replace(",m,", ",m\x1b[2J,"))
    out = io.StringIO()
    call_command("analyze_responses", str(tmp_path / "r.csv"), stdout=out)
    assert "\x1b" not in out.getvalue()
