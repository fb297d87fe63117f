"""Every command handles contradicting or invalid options, full disks, closed pipes and a missing database."""

import io
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command, get_commands, load_command_class
from hypothesis import given
from hypothesis import strategies as st

from gan.models import TrainingRun
from tests.conftest import PASSWORD
from tests.hostile.inputs import QUICK, odd_value, outcome
from turing.models import Study, User

ROOT = Path(__file__).parents[2]
OURS = sorted(name for name, app in get_commands().items() if app in ("gan", "turing"))
ANSWERS = "reader,image,truth,response\n" + "".join(
    f"r{reader},i{image},{('real', 'generated')[image % 2]},{('real', 'generated')[reader * image % 3 > 0]}\n"
    for reader in range(3)
    for image in range(6)
)


def manage(*args: str | bytes, shell: str = "", **environment: str) -> subprocess.CompletedProcess:
    """`manage.py` in a separate process. `shell` is what the shell does with its output."""
    command = [sys.executable, "manage.py", *args]
    if shell:
        quoted = " ".join(f"'{os.fsdecode(one)}'" for one in command)
        command = ["bash", "-c", f"set -o pipefail; {quoted} {shell}"]
    known = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "DATA_DIR")}
    return subprocess.run(
        command, cwd=ROOT, env=known | environment, capture_output=True, text=True, errors="replace", timeout=120
    )  # fmt: skip


def said_once(done: subprocess.CompletedProcess, message: str) -> None:
    """Check that the process ended with status 1 and gave the reason in one line."""
    assert done.returncode == 1, done.stderr
    assert re.search(message, done.stderr), done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def options_of(name: str) -> list:
    """Every option and argument of a command that takes a value, according to argparse."""
    parser = load_command_class(get_commands()[name], name).create_parser("manage.py", name)
    own = [
        action for action in parser._actions if action.nargs is None and action.dest not in ("settings", "pythonpath")
    ]
    return [action for action in own if not action.const and action.dest != "verbosity"]


NUMERIC = [
    (name, action.option_strings[0], action.type)
    for name in OURS
    for action in options_of(name)
    if action.type in (int, float)
]
TEXTUAL = [(name, action) for name in OURS for action in options_of(name) if action.type is None and not action.choices]


@pytest.mark.parametrize(("name", "option", "kind"), NUMERIC, ids=lambda value: str(getattr(value, "__name__", value)))
def test_no_option_takes_for_a_number_what_is_none(name, option, kind):
    parser = load_command_class(get_commands()[name], name).create_parser("manage.py", name)
    for value in ("nan", "inf", "1e400", "9" * 5000, "\u0663", "\xb2", "1\0", "\udcff", ""):
        if kind is float and value == "\u0663":
            continue  # Python's own reading of other digits does no harm
        with pytest.raises(CommandError, match=r"argument .*'.{0,60}' is not a (whole|finite) number") as raised:
            parser.parse_args([f"{option}={value}"])
        assert len(str(raised.value)) < 300


@pytest.mark.django_db
@pytest.mark.parametrize(("name", "action"), TEXTUAL, ids=lambda value: value if isinstance(value, str) else value.dest)
def test_no_option_takes_for_text_what_no_database_stores(name, action):
    for value in ("a\0b", "\udcff", "\ud800"):
        given_value = [value] if action.dest in ("diagnosis", "run") and action.option_strings else value
        with pytest.raises(CommandError, match=rf"{action.dest.replace('_', '-')}: '.*' is not text"):
            load_command_class(get_commands()[name], name).execute(**{action.dest: given_value})


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["sample_gan", "evaluate_gan", "audit_samples", "train_gan", "create_study"])
@QUICK
@given(reference=odd_value)
def test_any_reference_to_a_run_is_found_or_refused(name, reference):
    call = {
        "train_gan": lambda: call_command(name, resume=reference),
        "sample_gan": lambda: call_command(name, reference, count=1),
        "create_study": lambda: call_command(name, "Title", run=[reference]),
    }.get(name, lambda: call_command(name, reference))
    message = outcome(call, CommandError)
    assert message
    assert "\n" not in message
    assert len(message) <= 1000


number = st.one_of(st.floats(), st.integers(-(10**20), 10**20), st.sampled_from([0, 1, 0.5, 1e-300, -1e-300, 5e-324]))


@QUICK
@given(
    st.fixed_dictionaries(
        {},
        optional=dict.fromkeys(("rate", "width", "margin", "power", "reader_variance", "image_variance"), number),
    )
)
def test_any_plan_is_made_or_refused(monkeypatch_checked, options):
    outcome(lambda: call_command("plan_study", json=True, stdout=io.StringIO(), **options), CommandError)


@pytest.fixture
def monkeypatch_checked(monkeypatch):
    """Use one simulated study instead of 500, because only the accepted values are tested."""
    monkeypatch.setattr("turing.planning.plans.CHECKED", 1)


def test_a_margin_beyond_half_is_refused():
    with pytest.raises(CommandError, match=r"margin must lie between 0 and 0\.5"):
        call_command("plan_study", margin=0.6)


observers = st.fixed_dictionaries({}, optional=dict.fromkeys(("dprime", "criterion", "reader_sd", "image_sd"), number))


@QUICK
@given(options=observers)
def test_any_observer_reads_or_is_refused(study, options):
    outcome(
        lambda: call_command("simulate_readers", study.slug, readers=1, stdout=io.StringIO(), **options), CommandError
    )


designs = st.fixed_dictionaries(
    {},
    optional={name: st.one_of(st.integers(-5, 10**20), st.just(2)) for name in (
        "real", "generated", "images_per_page", "stimulus_size", "confidence_levels", "images_per_reader",
        "practice_images", "repeats", "break_every", "seed",
    )} | {"margin": number, "instructions": odd_value, "diagnosis": st.lists(odd_value, max_size=2)},
)  # fmt: skip


@QUICK
@given(title=odd_value, options=designs)
def test_any_design_becomes_a_draft_or_is_refused(run, title, options):
    before = Study.objects.count()
    message = outcome(
        lambda: call_command("create_study", title, run=[str(run.pk)], stdout=io.StringIO(), **options), CommandError
    )
    assert Study.objects.count() == before + (message is None)
    if message is None:
        slug = Study.objects.latest("pk").slug
        outcome(lambda: call_command("open_study", slug, stdout=io.StringIO()), CommandError)


@pytest.mark.parametrize(
    "asked",
    [
        {"model": "projected"}, {"size": 128}, {"seed": 5}, {"batch_size": 7}, {"held_out": 0.1}, {"phantoms": False},
        {"learning_rate": 0.1}, {"activation": "leaky"}, {"diagnosis": ["nevus"]}, {"name": "other"},
        {"data": Path("/tmp")}, {"steps": 1},
    ],
    ids=lambda asked: next(iter(asked)),
)  # fmt: skip
def test_a_resumed_training_refuses_what_contradicts_how_it_was_started(run, asked):
    option = next(iter(asked)).replace("_", "-")
    with pytest.raises(CommandError, match=rf"^--{option} .*(was started with|has done 2 steps)"):
        call_command("train_gan", resume=str(run.pk), **asked)
    run.refresh_from_db()
    assert run.settings["steps"] == 2


def test_a_resumed_training_goes_on_for_more_steps_and_keeps_what_it_was_told(run):
    call_command("train_gan", resume=str(run.pk), steps=3, size=64, snapshot_every=2)
    resumed = TrainingRun.objects.get(pk=run.pk)
    assert resumed.settings["steps"] == 3
    assert resumed.steps.order_by("-step").first().step == 3
    call_command("train_gan", resume=str(run.pk))
    assert resumed.steps.order_by("-step").first().step == 3


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"email": "a" * 300 + "@b.example"}, "--email: "),
        ({"email": "no address"}, "--email: Enter a valid"),
        ({"email": "a@b.example", "name": "n" * 5000}, "--name: Ensure this value has at most"),
    ],
)
def test_createresearcher_names_the_option_that_does_not_fit(monkeypatch, options, message):
    monkeypatch.setenv("PW", PASSWORD)
    with pytest.raises(CommandError, match=message):
        call_command("createresearcher", password_env="PW", **options)
    assert not User.objects.exists()


@pytest.mark.parametrize(
    ("command", "option"),
    [
        (("export_results", "small-study", "--format=csv"), "output"),
        (("export_results", "small-study", "--format=parquet"), "output"),
        (("plan_study",), "figure"),
        (("curate_images",), "report"),
        (("sample_gan", "tiny", "--count=1", "--diagnosis=melanoma"), "strips"),
    ],
    ids=lambda value: value if isinstance(value, str) else value[-1],
)
def test_a_place_where_nothing_can_be_written_is_refused(study, tmp_path, command, option):
    (tmp_path / "folder.svg").mkdir()
    (tmp_path / "file").write_bytes(b"kept")
    (tmp_path / "full.svg").symlink_to("/dev/full")
    for name in ("folder.svg", "file/below.svg", "full.svg", "x" * 300 + ".svg"):
        with pytest.raises(CommandError, match=re.escape(name[:20])):
            call_command(*command, f"--{option}", str(tmp_path / name), stdout=io.StringIO())
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["file", "folder.svg", "full.svg"]
    assert (tmp_path / "full.svg").is_char_device()


def test_samples_are_not_drawn_for_a_folder_that_cannot_be(run, tmp_path):
    (tmp_path / "file").write_bytes(b"kept")
    with pytest.raises(CommandError, match=r"--output .*file is not a folder"):
        call_command("sample_gan", str(run.pk), count=1, seed=99, output=tmp_path / "file")
    assert run.generated_images.count() == 16


def test_who_stops_reading_ends_a_command_in_silence(tmp_path):
    (tmp_path / "r.csv").write_text(ANSWERS)
    for shell in ("| true", "| head -1", ">&-"):
        done = manage("plan_study", "--json", shell=shell, DATA_DIR=str(tmp_path))
        assert done.returncode in (0, 1)
        assert done.stderr == ""


def test_a_full_disk_behind_standard_output_is_one_line(tmp_path):
    (tmp_path / "r.csv").write_text(ANSWERS)
    done = manage("plan_study", shell="> /dev/full", DATA_DIR=str(tmp_path))
    said_once(done, "No space left on device")


@pytest.mark.parametrize(
    "command",
    [
        ("audit_samples", "x"),
        ("import_isic", "{}"),
        ("curate_images",),
        ("open_study", "x"),
        ("plan_study", "--pilot=x"),
    ],
    ids=lambda command: command[0],
)
def test_a_database_without_tables_is_one_line_that_says_what_to_do(tmp_path, phantom_export, command):
    done = manage(*(one.format(phantom_export) for one in command), DATA_DIR=str(tmp_path))
    said_once(done, r"not up to date .*: run manage\.py migrate")


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        ({"DATABASE_URL": "nonsense"}, "DATABASE_URL"),
        ({"DATABASE_URL": "postgres://"}, "DATABASE_URL names no database"),
        ({"DATABASE_URL": "postgres://u:secret@host:99999/x"}, "DATABASE_URL"),
        ({"DATABASE_URL": "postgres://u:secret@127.0.0.1:1/x"}, "the database refused: connection failed"),
        ({"DATABASE_URL": "sqlite:////proc/x/y.db"}, "the database refused: unable to open"),
        ({"DATA_DIR": "/dev/null/x"}, "DATA_DIR is '/dev/null/x': Not a directory"),
        ({"TIME_ZONE": "Nowhere/Land"}, "TIME_ZONE is 'Nowhere/Land'"),
    ],
)
def test_settings_that_cannot_be_used_are_one_line(tmp_path, environment, message):
    done = manage("audit_samples", "x", **({"DATA_DIR": str(tmp_path)} | environment))
    said_once(done, message)
    assert "secret" not in done.stderr


def test_a_database_that_cannot_be_written_is_one_line(tmp_path, phantom_export):
    assert manage("migrate", DATA_DIR=str(tmp_path)).returncode == 0
    read_only = f"sqlite:///{tmp_path}/db.sqlite3?init_command=PRAGMA query_only=1"
    done = manage("import_isic", str(phantom_export), DATA_DIR=str(tmp_path), DATABASE_URL=read_only)
    assert done.returncode in (0, 1), done.stderr
    assert "Traceback" not in done.stderr


def test_ctrl_c_is_one_line(tmp_path):
    os.mkfifo(tmp_path / "waits.csv")
    process = subprocess.Popen(
        [sys.executable, "manage.py", "analyze_responses", str(tmp_path / "waits.csv")],
        cwd=ROOT, env=os.environ | {"DATA_DIR": str(tmp_path)}, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    descriptor = os.open(tmp_path / "waits.csv", os.O_WRONLY)  # returns once the command reads
    process.send_signal(signal.SIGINT)
    # A signal that comes after Python last looked for one and before it reads would wait for the end of the file.
    os.close(descriptor)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 1
    assert said.strip() == "CommandError: interrupted"
