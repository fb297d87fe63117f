"""A study's archive passes its checks, is the same every time, and reveals neither readers nor images by mistake."""

import contextlib
import csv
import io
import json
import os
import re
import subprocess
import sys
import zipfile
from collections import Counter
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.urls import reverse

from gan.models import LesionImage
from tests.servers import ROOT, database_url
from turing.errors import StudyError
from turing.models import Reader, Stimulus, Study
from turing.results.archive import citation
from turing.results.archive.contents import Options, archive_files
from turing.results.archive.manifest import allows_adaptations
from turing.results.archive.packing import write_zip
from turing.results.counting import PEOPLE, SIMULATED
from turing.results.exports import FURTHER
from turing.results.profiles import LEAST, withhold_small_cells
from turing.results.references import REFERENCES
from turing.results.responses_csv import COLUMNS
from turing.results.study_analysis import analyse_study


def output_of(*command):
    out = io.StringIO()
    call_command(*command, stdout=out)
    return out.getvalue()


@pytest.fixture
def simulated(study):
    call_command("simulate_readers", study.slug, readers=6, seed=3)
    return study


@pytest.fixture(scope="session")
def kept_archive():
    """The first archive of the session, for all tests after it."""
    return {}


@pytest.fixture
def archive(request, db, kept_archive, tmp_path):  # pytest-django makes the database for tests that name it
    if "bytes" not in kept_archive:
        study = request.getfixturevalue("simulated")
        call_command("archive_study", study.slug, output=tmp_path / "first.zip")
        kept_archive["bytes"] = (tmp_path / "first.zip").read_bytes()
    path = tmp_path / "archive.zip"
    path.write_bytes(kept_archive["bytes"])
    return path


@pytest.fixture
def unpacked(archive, tmp_path):
    folder = tmp_path / "unpacked"
    with zipfile.ZipFile(archive) as packed:
        packed.extractall(folder)
    return folder


def read(archive):
    with zipfile.ZipFile(archive) as packed:
        return {name: packed.read(name) for name in packed.namelist()}


def checks_of(archive):
    """Whether each check passes, with its detail."""
    out = io.StringIO()
    with contextlib.suppress(CommandError):
        call_command("verify_archive", str(archive), "--json", stdout=out)
    return {check["name"]: (check["holds"], check["detail"]) for check in json.loads(out.getvalue())["checks"]}


def test_an_archive_of_a_study_verifies(archive):
    checks = checks_of(archive)
    assert all(holds for holds, _ in checks.values()), checks
    assert set(checks) >= {"checksums", "design hash", "design", "answers", "figures", "preregistration", "software"}
    assert "as installed" in checks["software"][1]
    assert "holds  figures" in output_of("verify_archive", str(archive))


def test_the_readme_names_what_is_in_it(archive):
    files = read(archive)
    readme = files["README.md"].decode()
    for name in files.keys() - {"README.md"}:
        assert f"`{name.split('/')[0]}" in readme, name
    assert "Simulated readers." in readme
    assert "Not final" in readme


def test_two_processes_write_the_same_bytes(transactional_db, simulated, data_root, tmp_path):
    written = []
    for seed in ("1", "2"):
        path = tmp_path / f"{seed}.zip"
        own = {"DATABASE_URL": database_url(), "DATA_DIR": str(data_root), "SECRET_KEY": "t", "PYTHONHASHSEED": seed}
        command = [sys.executable, "manage.py", "archive_study", simulated.slug, "--images", "--output", str(path)]
        done = subprocess.run(command, cwd=ROOT, env=os.environ | own, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        written.append(path.read_bytes())
    assert written[0] == written[1]


def test_all_but_group_differences_are_as_on_the_results_page(simulated):
    analysis = json.loads(archive_files(simulated, SIMULATED)["analysis.json"]())
    page = json.loads(json.dumps(analyse_study(simulated, SIMULATED)))
    left_out = ("comparisons", "warnings")
    assert {key: analysis[key] for key in page if key not in left_out} == {
        key: page[key] for key in page if key not in left_out
    }
    full = json.loads(archive_files(simulated, SIMULATED, Options(full_profiles=True))["analysis.json"]())
    assert full == page


def change(path, old, new, count=1):
    """A change of one file's text."""

    def edit(content):
        text = content.decode()
        assert re.search(old, text), f"{path} has no {old}"
        return re.sub(old, new, text, count=count).encode()

    return path, edit


@pytest.mark.parametrize(
    ("edit", "failing"),
    [
        (change("data/responses.csv", r",(real|generated),([1-4]),", r",real,1,", 5), "figures"),
        (change("data/responses.csv", r"(?m)^(R-\w+),[-\w]{36},", r"\1,another,"), "answers"),
        (
            change("analysis.json", r'"fooling_rate": \{\s*"estimate": 0\.', '"fooling_rate": {"estimate": 0.9'),
            "figures",
        ),
        (change("analysis.json", r'"counts": \{', '"added": 1, "counts": {'), "figures"),
        (change("stimuli.csv", r"generated,melanoma", "real,melanoma"), "design hash"),
        (change("design.json", r'"equivalence_margin": 0.1', '"equivalence_margin": 0.2'), "design"),
        (change("design.json", r'"hashed": \{', '"hashed": {"more": 1, '), "design hash"),
        (change("preregistration.json", r'"design_hash": "\w+"', '"design_hash": "0"'), "preregistration"),
        (change("analysis.json", r".", "[", 0), "readable"),
        (change("design.json", r"^\{", "[{"), "readable"),
        (change("analysis.json", r"(?s).*", "[" * 100_000), "readable"),
        (change("analysis.json", r'"estimate": [-.\d]+', '"estimate": NaN'), "readable"),
        (change("data/responses.csv", r"(?m)^R-", '"R-'), "readable"),
        (change("stimuli.csv", "sha256", "sha"), "readable"),
        (change("design.json", r'"design": \{', '"design": [], "other": {'), "readable"),
    ],
)
def test_a_change_in_an_archive_is_found_even_with_new_checksums(archive, tmp_path, edit, failing):
    name, changed = edit
    files = {key: lambda value=value: value for key, value in read(archive).items() if key != "SHA256SUMS"}
    content = changed(files[name]())
    path = tmp_path / "changed.zip"
    with path.open("wb") as stream:
        write_zip(files | {name: lambda: content}, stream)
    checks = checks_of(path)
    assert checks["checksums"][0]
    assert not checks[failing][0], checks
    with pytest.raises(CommandError, match="does not hold"):
        output_of("verify_archive", str(path))


def test_an_archive_of_an_earlier_version_without_the_later_figures_verifies(archive, tmp_path):
    files = {key: lambda value=value: value for key, value in read(archive).items() if key != "SHA256SUMS"}
    analysis = json.loads(files["analysis.json"]())
    for name in ("reader_kinds", "dropout", "model"):
        del analysis[name]
    content = json.dumps(analysis).encode()
    path = tmp_path / "earlier.zip"
    with path.open("wb") as stream:
        write_zip(files | {"analysis.json": lambda: content}, stream)
    assert "holds  figures" in output_of("verify_archive", str(path))


def test_files_that_were_changed_added_or_taken_away_are_named(archive, tmp_path):
    files = read(archive)
    path = tmp_path / "changed.zip"
    with zipfile.ZipFile(path, "w") as packed:
        for name, content in files.items():
            if name != "flow.json":
                packed.writestr(name, content + b"\n" * (name == "methods.md"))
        packed.writestr("more.txt", "")
    holds, detail = checks_of(path)["checksums"]
    assert not holds
    assert "methods.md was changed" in detail
    assert "flow.json is missing" in detail
    assert "more.txt is not listed" in detail


def hostile(tmp_path, kind):
    path = tmp_path / "hostile.zip"
    needed = ("data/responses.csv", "design.json", "stimuli.csv", "analysis.json", "SHA256SUMS")
    if kind == "nowhere":
        return path
    if kind == "no zip":
        path.write_text("reader,image\n")
        return path
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for name in needed[: 2 if kind == "part" else 5]:
            if kind == "lzma of analysis.json" and name in kind:
                continue
            packed.writestr(name, "0  LZMA.bin\n0  ä.txt\n" if name == "SHA256SUMS" else "{}")
        if kind == "bomb":
            packed.writestr("bomb.bin", bytes(70 << 20))
        if kind == "elsewhere":
            packed.writestr("../elsewhere.txt", "")
        if kind == "drive":
            packed.writestr("c:/elsewhere.txt", "")
        if "name" in kind:
            packed.writestr("ä.txt", "")
        if "lzma" in kind:
            damaged = "LZMA.bin" if kind == "lzma" else "analysis.json"
            packed.writestr(damaged, os.urandom(500), zipfile.ZIP_LZMA)
    if kind == "cut":
        path.write_bytes(path.read_bytes()[:200])
    if "name" in kind:
        times = -1 if kind == "name" else 1  # everywhere, or only before the entry and not in the directory
        path.write_bytes(path.read_bytes().replace("ä".encode(), b"\xff\xfe", times))
    if "lzma" in kind:
        content = bytearray(path.read_bytes())
        begin = content.index(damaged.encode()) + 30
        content[begin : begin + 400] = bytes(400)
        path.write_bytes(content)
    if kind == "twice":
        content = path.read_bytes().replace(b"stimuli.csv", b"design.json")
        path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("nowhere", "No such file"),
        ("no zip", "not a zip"),
        ("cut", "not a zip"),
        ("part", "stimuli.csv, analysis.json, SHA256SUMS missing"),
        ("bomb", "so it was not read"),
        ("elsewhere", "leads elsewhere"),
        ("drive", "leads elsewhere"),
        ("twice", "two files in it have one name"),
        ("name", "not a zip, or a damaged one"),
        ("name of the entry", "does not hold: checksums"),
        ("lzma", "does not hold: checksums"),
        ("lzma of analysis.json", r"analysis\.json is damaged in the archive \(Corrupt input data\)"),
    ],
)
def test_what_is_no_archive_is_refused_in_one_line(tmp_path, kind, message):
    with pytest.raises(CommandError, match=message) as refused:
        output_of("verify_archive", str(hostile(tmp_path, kind)))
    assert "\n" not in str(refused.value)


def test_a_link_is_followed_a_device_stays_and_rights_are_as_the_umask_says(simulated, tmp_path):
    (tmp_path / "link.zip").symlink_to("real.zip")
    (tmp_path / "real.zip").write_bytes(b"before")
    (tmp_path / "null").symlink_to("/dev/null")  # a link, so that a fault would not replace the machine's device
    (tmp_path / "real.zip").chmod(0o640)
    mask = os.umask(0o077)
    try:
        call_command("archive_study", simulated.slug, output=tmp_path / "new.zip", full_profiles=True)
    finally:
        os.umask(mask)
    assert (tmp_path / "new.zip").stat().st_mode & 0o777 == 0o600
    call_command("archive_study", simulated.slug, output=tmp_path / "link.zip")
    assert (tmp_path / "link.zip").is_symlink()
    assert zipfile.is_zipfile(tmp_path / "real.zip")
    assert (tmp_path / "real.zip").stat().st_mode & 0o777 == 0o640
    call_command("archive_study", simulated.slug, output=tmp_path / "null")
    assert (tmp_path / "null").is_char_device()
    with pytest.raises(CommandError, match=r"--output .*a\.zip: No such file or directory: .*none"):
        call_command("archive_study", simulated.slug, output=tmp_path / "none" / "a.zip")


def test_the_archive_follows_the_rules_of_psych_ds(unpacked):
    found = json.loads((unpacked / "dataset_description.json").read_text())
    assert (found["@context"], found["@type"]) == ("https://schema.org/", "Dataset")
    assert found["name"]
    assert found["description"]
    official = list((unpacked / "data").rglob("*_data.csv"))
    assert len(official) == 1
    assert re.fullmatch(r"([a-z]+-[a-zA-Z0-9]+)(_[a-z]+-[a-zA-Z0-9]+)*_data\.csv", official[0].name)
    assert official[0].read_bytes() == (unpacked / "data" / "responses.csv").read_bytes()
    with official[0].open(newline="") as stream:
        header = next(csv.reader(stream))
    assert [one["name"] for one in found["variableMeasured"]] == header
    assert {one["@type"] for one in found["variableMeasured"]} == {"PropertyValue"}


def test_the_codebook_describes_the_tables_as_frictionless_reads_them(unpacked):
    frictionless = pytest.importorskip("frictionless")
    report = frictionless.validate(str(unpacked / "datapackage.json"))
    assert report.valid, report.flatten(["rowNumber", "fieldName", "type", "message"])
    package = json.loads((unpacked / "datapackage.json").read_text())
    fields = [field["name"] for field in package["resources"][0]["schema"]["fields"]]
    assert fields == [*COLUMNS, *FURTHER]


def test_no_text_that_came_with_an_image_is_a_formula_for_a_spreadsheet(simulated, client, tmp_path):
    formula = '=HYPERLINK("https://evil.example","click")'
    real = LesionImage.objects.filter(pk__in=simulated.stimuli.filter(truth="real").values("lesion_image"))
    image = real.first()
    real.filter(pk=image.pk).update(isic_id="@SUM(1)", licence="+1 licence", attribution=formula, is_phantom=False)
    expected = ["'@SUM(1)", "'+1 licence", f"'{formula}"]
    credits = list(csv.reader(io.StringIO(client.get(reverse("attributions-csv")).content.decode())))
    assert expected in credits
    assert [row for row in credits for cell in row if cell.startswith(("=", "+", "@"))] == []
    call_command("archive_study", simulated.slug, output=tmp_path / "a.zip")
    rows = list(csv.DictReader(io.StringIO(read(tmp_path / "a.zip")["stimuli.csv"].decode())))
    assert expected in [[row[name] for name in ("source", "licence", "attribution")] for row in rows]
    assert all(holds for holds, _ in checks_of(tmp_path / "a.zip").values())
    with zipfile.ZipFile(tmp_path / "a.zip") as packed:
        packed.extractall(tmp_path / "unpacked")
    script = tmp_path / "unpacked" / "reproduce.py"
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, cwd="/")
    assert (done.returncode, "Everything agrees." in done.stdout) == (0, True), done.stdout[-2000:] + done.stderr


def test_profiles_are_shared_by_five_or_left_empty():
    kinds = [("dermatologist", "dermatology", "10-19")] * 9 + [("resident", "dermatology", "0-4")] * 4
    kinds += [("nurse", "none", "5-9")] * 6 + [("nurse", "none", "20+")] * 2
    found = withhold_small_cells({str(index): kind for index, kind in enumerate(kinds)})
    assert found["0"] == ("dermatologist", "dermatology", "10-19")
    assert found["9"] == ("", "", "")
    assert found["13"] == ("", "", "5-9")  # nurses join the four residents, who would be too few
    assert min(Counter(found.values()).values()) >= LEAST
    assert set(withhold_small_cells({"a": ("nurse", "none", "0-4")}).values()) == {("", "", "")}


def test_an_archive_shows_no_small_group_unless_told_to(simulated):
    Reader.objects.update(profession="nurse", specialty="surgery", years_experience=2)
    Reader.objects.filter(pk=Reader.objects.first().pk).update(profession="dermatologist")
    for full, professions in ((False, {""}), (True, {"nurse", "dermatologist"})):
        files = archive_files(simulated, SIMULATED, Options(full_profiles=full))
        rows = list(csv.DictReader(io.StringIO(files["data/responses.csv"]().decode())))
        assert {row["profession"] for row in rows} == professions
    assert "bound to confidentiality" in files["README.md"]().decode()


def test_images_come_only_when_asked_for_and_where_the_licence_allows(simulated):
    assert not [name for name in archive_files(simulated, SIMULATED) if name.startswith("images/")]
    files = archive_files(simulated, SIMULATED, Options(images=True))
    assert len([name for name in files if name.startswith("images/")]) == 20
    assert "figures/strip.svg" in files
    stimulus = Stimulus.objects.filter(truth="real").first()
    LesionImage.objects.filter(pk=stimulus.lesion_image_id).update(licence="CC-BY-NC-ND", is_phantom=False)
    files = archive_files(simulated, SIMULATED, Options(images=True))
    assert len([name for name in files if name.startswith("images/")]) == 19
    assert f"images/{stimulus.pk}.png" not in files
    assert "figures/strip.svg" not in files
    assert "figures/ranking.svg" in files
    rows = {row["id"]: row for row in csv.DictReader(io.StringIO(files["stimuli.csv"]().decode()))}
    assert rows[str(stimulus.pk)]["redistributable"] == "no"
    other = next(row for row in rows.values() if row["file"])
    assert files[other["file"]]() == Stimulus.objects.get(pk=other["id"]).read()


@pytest.mark.parametrize("licence", ["CC-0", "CC0", "CC-BY", "CC BY 4.0", "cc-by-nc", "CC-BY-NC-SA-4.0", "CC-BY-SA"])
def test_licences_that_allow_adaptations(licence):
    assert allows_adaptations(licence)


@pytest.mark.parametrize("licence", ["", "CC-BY-ND", "CC-BY-NC-ND 4.0", "All rights reserved", "BY", "CC", "0", "CC-X"])
def test_licences_that_do_not(licence):
    assert not allows_adaptations(licence)


def test_what_cannot_be_archived_says_why(draft):
    with pytest.raises(StudyError, match="is a draft"):
        archive_files(draft, PEOPLE)
    call_command("open_study", draft.slug)
    study = Study.objects.get(pk=draft.pk)
    with pytest.raises(StudyError, match="no answers of people yet"):
        archive_files(study, PEOPLE)
    call_command("simulate_readers", study.slug, readers=1)
    Study.objects.update(equivalence_margin=0.2)
    with pytest.raises(StudyError, match="no longer give the hash"):
        archive_files(Study.objects.get(pk=draft.pk), SIMULATED)
    Study.objects.update(equivalence_margin=0.1)
    with pytest.raises(CommandError, match="--output"):
        call_command("archive_study", study.slug, output=Path("/nowhere/archive.zip"))


def test_the_page_gives_the_archive_to_researchers_alone(simulated, client, researcher, reader, tmp_path):
    address = reverse("archive", args=[simulated.slug])
    assert client.get(address).status_code == 302
    client.force_login(reader.user)
    assert client.get(address).status_code == 403
    client.force_login(researcher)
    response = client.get(address)
    assert response["Content-Disposition"].endswith('"small-study-simulated-archive.zip"')
    path = tmp_path / "command.zip"
    call_command("archive_study", simulated.slug, output=path)
    assert b"".join(response.streaming_content) == path.read_bytes()
    page = client.get(reverse("results", args=[simulated.slug])).content.decode()
    assert "Archive for publication" in page
    empty = client.get(address, {"readers": "people"}, follow=True)
    assert "no answers of people yet" in empty.content.decode()


def test_references_citation_and_checklists_are_complete(archive):
    files = read(archive)
    entries = citation.BIBTEX.strip().split("\n\n")
    assert len(entries) == len(REFERENCES)
    for entry, (key, reference) in zip(entries, REFERENCES.items(), strict=True):
        assert re.match(r"@\w+\{(\w+),", entry)[1] == key
        author, year = re.search(r"author = \{([^,]+)", entry)[1], re.search(r"year = \{(\d+)", entry)[1]
        assert reference.startswith(author)
        assert year in reference
    cff = dict(line.split(": ", 1) for line in files["CITATION.cff"].decode().splitlines())
    assert json.loads(cff["title"]) == "Small study"
    assert json.loads(files[".zenodo.json"])["upload_type"] == "dataset"
    for name, last in (("stard-ai", "| AI |"), ("claim", "| 42 |"), ("grras", "| 15 |")):
        page = files[f"checklists/{name}.md"].decode()
        assert "AUTHOR |" in page
        assert last in page
