"""The archive's own scripts compute the same as the platform, in an environment without the platform."""

import csv
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import venv

import numpy as np
import pytest

from tests.turing.test_archive import archive, kept_archive, simulated, unpacked  # noqa: F401, fixtures
from turing.results.archive.contents import SCRIPTS
from turing.results.tables import table_csv
from turing.statistics.analysis import analyse
from turing.statistics.looks import Looks
from turing.statistics.responses import Responses

COLUMNS = ("reader", "image", "truth", "diagnosis", "response", "confidence", "phase")


def load_script():
    spec = importlib.util.spec_from_file_location("reproduce", SCRIPTS / "reproduce.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def fresh_python(tmp_path_factory):
    """A Python with numpy and scipy, but without our packages."""
    folder = tmp_path_factory.mktemp("fresh")
    venv.create(folder, with_pip=True)
    python = folder / "bin" / "python"
    done = subprocess.run([python, "-m", "pip", "install", "-q", "numpy", "scipy"], capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"NOT TESTED: pip could not fetch numpy and scipy ({done.stderr.strip().splitlines()[-1]})")
    return python


def test_a_fresh_environment_reproduces_every_number(unpacked, fresh_python):  # noqa: F811
    def reproduce():
        environment = {"PATH": os.environ["PATH"]}
        return subprocess.run(
            [fresh_python, unpacked / "reproduce.py"], env=environment, cwd="/", capture_output=True, text=True
        )

    done = reproduce()
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr
    assert "Everything agrees." in done.stdout
    for part in ("1. With the platform's modules", "2. With plain code of its own", "3. Hash of the design"):
        assert part in done.stdout
    analysis = json.loads((unpacked / "analysis.json").read_text())
    assert f"{analysis['fooling_rate']['variance']:.12g}" in done.stdout
    analysis["auc"]["variance"] *= 1.001
    (unpacked / "analysis.json").write_text(json.dumps(analysis))
    done = reproduce()
    assert done.returncode == 1
    assert done.stdout.count("DIFFERS") == 2  # by the modules, and by the plain code


def random_answers(rng):
    """Answers of a study of any shape: sparse, one reader, one truth, all alike, without confidence."""
    readers, generated, real = rng.integers(1, 8), rng.integers(0, 9), rng.integers(0, 9)
    seen, asks = rng.choice([1.0, 0.7, 0.3]), rng.random() < 0.6
    habit = rng.choice(["", "", "", "always real", "fooled", "reader", "perfect"])
    bias, effect = rng.normal(0, 1, readers), rng.normal(0, 1, generated + real)
    found = []
    for reader in range(readers):
        for image in np.flatnonzero(rng.random(generated + real) < seen):
            truth = "generated" if image < generated else "real"
            says_real = {
                "": bias[reader] + effect[image] + rng.normal() > 0,
                "always real": True,
                "fooled": truth == "generated" or rng.random() < 0.5,
                "reader": bool(reader % 2),
                "perfect": truth == "real",
            }[str(habit)]
            values = (f"R{reader}", f"i{image}", truth, "ab"[image % 2], "real" if says_real else "generated")
            found.append(dict(zip(COLUMNS, (*values, int(rng.integers(1, 5)) if asks else 0, "test"), strict=True)))
    return found


def analysis_of(answers):
    def column(name):
        return np.array([answer[name] for answer in answers])

    confidence = column("confidence")
    responses = Responses.from_labels(
        column("reader"),
        column("image"),
        column("truth") == "real",
        column("response") == "real",
        diagnosis=column("diagnosis"),
        confidence=np.where(confidence == 0, np.nan, confidence),
    )
    return json.loads(json.dumps(analyse(responses, 0.1)))


def studies(count):
    rng = np.random.default_rng(5)
    return [answers for _ in range(count) if (answers := random_answers(rng))]


def test_the_plain_code_agrees_with_the_modules_for_any_pattern_of_answers():
    script = load_script()
    compared = 0
    for answers in studies(120):
        published = dict(script.leaves(analysis_of(answers)))
        for name, value in script.leaves(json.loads(json.dumps(script.headline(answers, 0.1)))):
            if "spread" not in name.split("."):
                assert script.difference(published.get(name, "missing"), value) <= script.TOLERANCE, (name, answers)
                compared += 1
    assert compared > 8000


def test_the_plain_code_finds_the_boundaries_of_looks_that_the_modules_find():
    script, rng = load_script(), np.random.default_rng(7)
    for count in (1, 2, 2, 3, 4):
        answers = np.sort(rng.choice(np.arange(100, 1200), count, replace=False)).tolist()
        now, plain = Looks(1100, tuple(answers)).now, script.judged_by(1100, answers)
        for name in ("fraction", "z", "level", "alpha"):
            assert abs(getattr(now, name) - plain[name]) <= script.TOLERANCE, (name, answers)


def run_r(folder):
    return subprocess.run(["Rscript", folder / "reproduce.R"], cwd="/", capture_output=True, text=True)


@pytest.fixture
def needs_r():
    if shutil.which("Rscript") is None:
        pytest.skip("NOT TESTED: Rscript is not installed (apt-get install r-base-core)")


def test_r_reproduces_the_headline(needs_r, unpacked):  # noqa: F811
    done = run_r(unpacked)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr
    assert "Everything agrees." in done.stdout
    rates = unpacked / "tables" / "rates.csv"
    rates.write_text(rates.read_text().replace("0.", "0.0", 1))
    done = run_r(unpacked)
    assert done.returncode == 1
    assert "DIFFERS" in done.stdout


def test_r_agrees_with_the_modules_for_any_pattern_of_answers(needs_r, tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "tables").mkdir()
    shutil.copy(SCRIPTS / "reproduce.R", tmp_path)
    for answers in studies(25):
        with (tmp_path / "data" / "responses.csv").open("w", newline="") as stream:
            writer = csv.DictWriter(stream, COLUMNS)
            writer.writeheader()
            writer.writerows(answer | {"confidence": answer["confidence"] or ""} for answer in answers)
        analysis = analysis_of(answers)
        (tmp_path / "analysis.json").write_text(json.dumps(analysis, indent=1))
        for name in ("rates", "detection", "agreement"):
            content = table_csv(name, analysis, None) or "measure,images,estimate,low,high\n"
            (tmp_path / "tables" / f"{name}.csv").write_text(content)
        done = run_r(tmp_path)
        assert done.returncode == 0, done.stdout + done.stderr


def write_study(folder, answers):
    """Write the files that reproduce.R reads, and return their analysis."""
    for name in ("data", "tables"):
        (folder / name).mkdir()
    shutil.copy(SCRIPTS / "reproduce.R", folder)
    with (folder / "data" / "responses.csv").open("w", newline="") as stream:
        writer = csv.DictWriter(stream, COLUMNS)
        writer.writeheader()
        writer.writerows(answers)
    analysis = analysis_of(answers)
    (folder / "analysis.json").write_text(json.dumps(analysis, indent=1))
    for name in ("rates", "detection", "agreement"):
        (folder / "tables" / f"{name}.csv").write_text(table_csv(name, analysis, None))
    return analysis


@pytest.mark.parametrize("diagnoses", [1, 2])
def test_lme4_fits_the_model_of_readers_and_images_alike(needs_r, tmp_path, diagnoses):
    has_lme4 = subprocess.run(["Rscript", "-e", "library(lme4)"], capture_output=True).returncode == 0
    if not has_lme4:
        pytest.skip("NOT TESTED: lme4 is not installed (apt-get install r-cran-lme4)")
    rng = np.random.default_rng(diagnoses)
    sensitivity, criterion, own = rng.normal(0.8, 0.5, 20), rng.normal(-0.2, 0.4, 20), rng.normal(0, 0.5, 60)
    answers = []
    for reader in range(20):
        for image in range(60):
            truth = ("generated", "real")[image % 2]
            evidence = (0.5 if truth == "generated" else -0.5) * sensitivity[reader] - criterion[reader] + own[image]
            response = "generated" if rng.normal() < evidence else "real"
            diagnosis = "ab"[(image // 2) % diagnoses]
            values = (f"R{reader:02}", f"i{image:02}", truth, diagnosis, response, 1, "test")
            answers.append(dict(zip(COLUMNS, values, strict=True)))
    model = write_study(tmp_path, answers)["model"]
    done = run_r(tmp_path)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr
    lines = done.stdout.partition("Model of readers and images")[2].splitlines()[2:7]
    found = {name: (float(ours), float(theirs)) for name, ours, theirs in map(str.split, lines)}
    assert found["sensitivity"][0] == pytest.approx(model["sensitivity"]["estimate"], abs=1e-4)
    assert found["sd_image"][0] == pytest.approx(model["sd"]["image"], abs=1e-4)
    for name, (ours, theirs) in found.items():
        assert ours == pytest.approx(theirs, abs=0.05 if name.startswith("sd") else 0.03), name


def test_the_script_needs_numpy_and_scipy_alone():
    text = (SCRIPTS / "reproduce.py").read_text()
    imported = {line.split()[1].split(".")[0] for line in text.splitlines() if line.startswith(("import ", "from "))}
    assert imported - set(sys.stdlib_module_names) == {"numpy", "scipy"}
