"""The commands as a person runs them: as processes in an empty folder."""

import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from urllib.parse import unquote

import pytest

from flows.ledger.core.engine import Ledger
from tests.flows.sample_drops import write_drop

ROOT = Path(__file__).parents[3]
LAUNCHDROP = Path(sys.executable).with_name("launchdrop")


@pytest.fixture
def here(tmp_path):
    shutil.copytree(ROOT / "inbox", tmp_path / "inbox")
    return tmp_path


@pytest.fixture
def ledger(tmp_path):
    """An empty ledger in the default place: without it, all commands but `run` and `serve` stop at once."""
    Ledger.open(f"sqlite:///{tmp_path}/.launchdrop/ledger.db").close()


def call(*arguments, cwd, **env):
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("LAUNCHDROP_", "PREFECT_"))}
    done = subprocess.run(
        [LAUNCHDROP, *map(str, arguments)], cwd=cwd, env=clean | env, capture_output=True, text=True, timeout=120
    )
    assert "Traceback" not in done.stdout + done.stderr, done.stderr
    return done


def test_help_lists_the_commands_and_imports_little(tmp_path):
    done = call("--help", cwd=tmp_path)
    for name in ("new", "check", "run", "serve", "programs", "submissions", "show", "numbers", "rules", "schema"):
        assert f"  {name} " in done.stdout
    imported = subprocess.run(
        [sys.executable, "-c", "import sys, flows.cli; print(sorted({'pandas', 'prefect', 'sqlalchemy', 'boto3', "
         "'pydantic', 'rich'} & set(sys.modules)))"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert imported.stdout.strip() in ("[]", "['rich']")


def test_check_writes_nothing(here):
    before = sorted(here.rglob("*"))
    done = call("check", "inbox/acme-bank/3-collections", cwd=here)
    assert done.returncode == 1
    assert "3-collections: accepted with rejections" in done.stdout
    assert "1,200 read" in done.stdout
    assert sorted(here.rglob("*")) == before


def test_check_ignores_unfinished_uploads_like_run_does(here):
    (here / "inbox/acme-bank/1-card-service/numbers.csv.part").write_text("50121490")
    done = call("check", "inbox/acme-bank/1-card-service", cwd=here)
    assert done.returncode == 0
    assert "MAN-006" not in done.stdout


@pytest.mark.skipif(os.cpu_count() < 2, reason="a single core does not use several processes")
def test_a_killed_check_leaves_no_processes_behind(tmp_path):
    rows = "".join(f"501{exchange}{line:04},Survey\n" for exchange in range(220, 320) for line in range(10_000))
    (tmp_path / "numbers.csv").write_text(rows)
    checking = subprocess.Popen([LAUNCHDROP, "check", "numbers.csv"], cwd=tmp_path, stdout=subprocess.DEVNULL)
    children = Path(f"/proc/{checking.pid}/task/{checking.pid}/children")
    assert wait_until(lambda: len(children.read_text().split()) >= 2, 60)
    pids = children.read_text().split()
    checking.kill()
    checking.wait()
    assert wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids), 30)


def wait_until(condition, timeout):
    started = time.monotonic()
    while not (result := condition()) and time.monotonic() - started < timeout:
        time.sleep(0.02)
    return result


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("inbox/acme-bank/1-card-service", 0),
        ("inbox/acme-bank/1-card-service/program.yaml", 0),
        ("inbox/acme-bank/1-card-service/numbers.csv", 0),
        ("inbox/acme-bank/3-collections", 1),
        ("inbox/acme-bank/7-unreadable", 1),
        ("inbox/nowhere", 2),
    ],
)
def test_exit_codes_of_check(here, path, code):
    done = call("check", path, "--json", cwd=here)
    assert done.returncode == code
    if code < 2:
        assert set(json.loads(done.stdout)) >= {"schema_version", "verdict", "counts", "findings", "rules_not_checked"}
    else:
        assert done.stderr == (
            f"launchdrop: {here}/inbox/nowhere: not found. "
            "Expected a drop folder, a manifest (.yaml) or a numbers CSV.\n"
        )


@pytest.mark.parametrize("path", ["x" * 300, "inbox/acme-bank/1-card-service/numbers.csv/more"])
def test_an_impossible_path_is_an_error_of_one_line(here, path):
    done = call("check", path, cwd=here)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)


def test_check_names_a_folder_that_it_cannot_write_to(here):
    (here / "out").write_text("in the way")
    done = call("check", "inbox/acme-bank/1-card-service", "--out", "out", cwd=here)
    assert (done.returncode, done.stderr) == (2, f"launchdrop: '{here}/out': File exists\n")


def test_check_prints_what_was_received_and_what_to_write_instead(tmp_path):
    (tmp_path / "numbers.csv").write_text("5012149020,Survey\n5012149021,Survay\x1b\n" + "x" * 100 + ",Survey\n")
    done = call("check", "numbers.csv", cwd=tmp_path)
    assert done.stdout.splitlines()[-6:] == [
        "numbers.csv row 2: This is not one of the ten call purposes: it has the invisible character U+001B at "
        "position 7. (PUR-002)",
        "  Received:  Survay�",
        "  Suggested: Survey",
        "numbers.csv row 3: Phone numbers can't contain “x”. (NUM-002)",
        f"  Received:  {'x' * 65}…",
        "Not checked: the rules about the program (without a manifest)",
    ]


def test_check_says_which_facts_were_missing(here):
    done = call("check", "inbox/acme-bank/1-card-service", cwd=here)
    assert done.stdout.splitlines()[-2:] == [
        "Not checked: MAN-015, MAN-019, SCH-008, NUM-022, NUM-023, NUM-025, PUR-006 (without the ledger)",
        "Not checked: NUM-024 (without the operator’s do-not-originate list)",
    ]


@pytest.mark.parametrize("command", ["launches pause", "launches resume", "review approve 1", "programs", "prune"])
def test_only_run_and_serve_create_a_ledger(tmp_path, command):
    done = call(*command.split(), cwd=tmp_path)
    error = (
        f"launchdrop: LAUNCHDROP_LEDGER: there is no ledger at {tmp_path}/.launchdrop/ledger.db. Run this where "
        "launchdrop runs, or correct the setting. A first `launchdrop run` creates a ledger\n"
    )
    assert (done.returncode, done.stdout, done.stderr) == (2, "", error)
    assert not (tmp_path / ".launchdrop/ledger.db").exists()


def test_a_change_names_a_ledger_that_is_not_the_default(here):
    call("run", cwd=here)
    assert call("launches", "pause", cwd=here).stderr == ""
    ledger = f"sqlite:///{here}/.launchdrop/ledger.db"
    assert call("launches", "resume", cwd=here, LAUNCHDROP_LEDGER=ledger).stderr == f"launchdrop: ledger: {ledger}\n"


@pytest.mark.parametrize("drop", ["7-unreadable", "for-another-business"])
def test_a_drop_belongs_to_the_business_whose_folder_it_is_in(here, drop):
    other = here / "inbox/acme-bank/for-another-business"
    other.mkdir()
    (other / "program.yaml").write_text("manifest: 1\nbusiness: zenith-health\n")
    report = json.loads(call("check", f"inbox/acme-bank/{drop}", "--json", cwd=here).stdout)
    assert report["submission"]["business"] == "acme-bank"


@pytest.mark.parametrize("where", [".", "inbox/acme-bank", "inbox/zenith-health/d"])
@pytest.mark.parametrize("absolute", [True, False], ids=["absolute", "relative"])
def test_the_business_is_known_by_absolute_and_relative_paths(here, where, absolute):
    drop, businesses = here / "inbox/zenith-health/d", here / "inbox/businesses.yaml"
    drop.mkdir(parents=True)
    (drop / "program.yaml").write_text("manifest: 1\nbusiness: acme-bank\n")
    drop, businesses = (path if absolute else Path(os.path.relpath(path, here / where)) for path in (drop, businesses))
    for path in (drop, drop / "program.yaml"):
        done = call("check", path, "--businesses", businesses, "--json", cwd=here / where)
        report = json.loads(done.stdout)
        assert "MAN-008" in {finding["rule"] for finding in report["findings"]}
        assert report["submission"]["business"] == "zenith-health"


@pytest.mark.parametrize("path", [".", "program.yaml", "rejected.csv"])
def test_check_does_not_overwrite_the_files_it_checks(here, path):
    drop = here / "inbox/acme-bank/3-collections"
    (drop / "rejected.csv").write_text("5012149020,Survey\n")
    before = {p: p.read_bytes() for p in drop.iterdir()}
    done = call("check", path, "--out", ".", cwd=drop)
    error = "launchdrop: --out . would overwrite the files being checked. Name another folder.\n"
    assert (done.returncode, done.stderr) == (2, error)
    assert {p: p.read_bytes() for p in drop.iterdir()} == before


def test_check_writes_the_files_of_a_submission_to_out(here):
    call("check", "inbox/acme-bank/3-collections", "--out", "out", cwd=here)
    names = {p.name for p in (here / "out").iterdir()}
    assert names == {"report.html", "report.json", "rejected.csv", "rejections.csv", "program.yaml"}


def test_the_corrected_rejected_csv_is_a_valid_drop(here):
    """rejected.csv and program.yaml from the report are the next drop, once the rows are corrected."""
    call("check", "inbox/acme-bank/3-collections", "--out", "inbox/acme-bank/again", cwd=here)
    again = call("check", "inbox/acme-bank/again", "--json", cwd=here)
    report = json.loads(again.stdout)
    assert not [f for f in report["findings"] if f["rule"].startswith("MAN-") and f["severity"] == "error"]
    (here / "inbox/acme-bank/again/rejected.csv").write_text("5012149020,Debt Collection\n")
    assert call("check", "inbox/acme-bank/again", cwd=here).returncode == 0


def test_new_writes_a_drop_that_can_be_checked(tmp_path):
    assert call("new", "first", cwd=tmp_path).returncode == 0
    done = call("check", "first", "--json", cwd=tmp_path)
    report = json.loads(done.stdout)
    assert report["counts"] == {"read": 4, "accepted": 3, "rejected": 1, "ignored": 0}
    assert [f["rule"] for f in report["findings"] if f["severity"] == "error"] == ["NUM-004"]
    manifest = (tmp_path / "first/program.yaml").read_text()
    schema = re.search(r"^# yaml-language-server: \$schema=file://(/\S+)$", manifest, re.MULTILINE)
    assert Path(unquote(schema[1])).read_text() == call("schema", "manifest", cwd=tmp_path).stdout
    again = call("new", "first", cwd=tmp_path)
    assert (again.returncode, again.stderr) == (
        2,
        "launchdrop: cannot create first: File exists. Name a folder that does not exist yet.\n",
    )


@pytest.mark.parametrize("name", ["two\nlines", os.fsdecode(b"latin-\xfc")])
def test_folders_with_unusual_names_can_be_created_and_checked(tmp_path, name):
    strict = {"PYTHONIOENCODING": "utf-8:strict"}
    assert call("new", name, cwd=tmp_path, **strict).returncode == 0
    done = call("check", name, "--out", f"{name}-out", cwd=tmp_path, **strict)
    assert (done.returncode, done.stderr) == (1, "")
    assert "-out/report.html and related files." in done.stdout
    assert "NUM-004" in done.stdout
    assert "MAN-001" not in done.stdout


@pytest.mark.parametrize(
    "arguments", [("show",), ("submissions", "release"), ("launches", "pause", "--why"), ("numbers", "release")]
)
def test_an_argument_in_another_encoding_is_an_error_of_one_line(tmp_path, arguments):
    done = call(*arguments, os.fsdecode(b"acme/\xfc"), cwd=tmp_path)
    assert (done.returncode, done.stderr.splitlines()[-1]) == (2, "launchdrop: acme/�: expected text in UTF-8")


def test_prints_rules_and_schemas(tmp_path):
    rules = json.loads(call("rules", "--json", cwd=tmp_path).stdout)
    assert {"id", "severity", "scope", "name", "meaning", "fix"} == set(rules[0])
    assert "NUM-004" in call("rules", cwd=tmp_path).stdout
    for name in ("manifest", "report", "receipt"):
        assert json.loads(call("schema", name, cwd=tmp_path).stdout)["$schema"]


def test_a_run_and_the_commands_that_list_its_results(here):
    done = call("run", cwd=here)
    assert done.returncode == 1
    waits = "waits for review; `launchdrop review approve"
    assert done.stderr == (
        f"launchdrop: zenith-health: Zenith Health Reminders {waits} 3` or `reject`\n"
        f"launchdrop: zenith-health: logo zenith.svg {waits} 4` or `reject`\n"
    )
    assert "acme-bank/3-collections: accepted with rejections (1,167 accepted, 30 rejected)" in done.stdout
    programs = json.loads(call("programs", "--json", cwd=here).stdout)
    assert set(programs[0]) == {"business", "reference", "revision", "state", "branding", "start", "end", "numbers"}
    card = next(p for p in programs if p["reference"] == "card-service")
    assert (card["state"], card["numbers"]) == ("live", {"live": 25, "pending": 0, "refused": 0})
    submissions = json.loads(call("submissions", "--json", cwd=here).stdout)
    assert len(submissions) == 7
    assert set(submissions[0]) == {"id", "business", "reference", "drop", "verdict", "received_at", "report"}
    assert (here / submissions[0]["report"]).is_file()
    exported = call("numbers", "export", cwd=here).stdout.splitlines()
    assert exported[0] == "phone_number,call_purpose,display_name,shorthand,business,reference"
    assert len(exported) == 26
    shown = call("show", "acme-bank/card-service", cwd=here).stdout
    assert "state      live, revision 1" in shown
    again = call("run", cwd=here)
    assert again.returncode == 0
    assert "Nothing new" in again.stdout


def test_run_works_while_the_prefect_server_is_down(here):
    done = call("run", cwd=here, PREFECT_API_URL="http://127.0.0.1:9/api", PREFECT_HOME=str(here / "prefect"))
    assert done.returncode == 1  # two reviews wait
    assert "7 drops taken, 1 program launched." in done.stdout
    line = done.stderr.splitlines()[0]
    assert "the Prefect server does not record this run of pass: Failed to reach API at http://127.0.0.1:9/api/" in line


@pytest.mark.usefixtures("ledger")
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("review", "approve", "9" * 30), "Invalid value for 'ID': Input should be less than or equal to"),
        (("numbers", "release", "5"), "launchdrop: expected a phone number with ten digits, area code first\n"),
    ],
)
def test_invalid_ids_and_numbers_are_reported(here, arguments, message):
    done = call(*arguments, cwd=here)
    assert done.returncode == 2
    assert message in done.stderr


def test_a_typo_in_a_setting_is_an_error_of_one_line(here):
    done = call("run", cwd=here, LAUNCHDROP_SETLE="1s")
    assert (done.returncode, done.stderr) == (
        2,
        "launchdrop: LAUNCHDROP_SETLE: no such setting; did you mean LAUNCHDROP_SETTLE?\n",
    )


BUGGY = """
from flows import cli

def buggy():
    raise ZeroDivisionError("5012149020 of postgresql://u:secret@h/db")

cli.app.command()(buggy)
cli.main()
"""


def test_a_bug_is_an_error_of_one_line_and_exit_code_2(tmp_path):
    command = [sys.executable, "-c", BUGGY, "buggy"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    error = "ZeroDivisionError, a bug in launchdrop; set LAUNCHDROP_LOG_LEVEL=debug to log the details\n"
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"launchdrop: {error}")


@pytest.mark.usefixtures("ledger")
@pytest.mark.parametrize("arguments", [("check", "numbers.csv"), ("doctor",), ("programs",)])
def test_the_traceback_of_a_bug_is_in_the_debug_log_and_masked(tmp_path, arguments):
    (tmp_path / "numbers.csv").write_text("5012149020,Survey\n")
    code = "from flows import cli; cli.main()"
    patch = (
        "import flows.validation.dry_run, flows.services, flows.operations.doctor_checks\n"
        "def fail(*a, **k): raise KeyError('501-214-9020')\n"
        "flows.validation.dry_run.check_path = flows.services.open_store = fail\n"
        "flows.operations.doctor_checks.check_versions = fail\n"
    )
    env = os.environ | {"LAUNCHDROP_LOG_LEVEL": "debug", "LAUNCHDROP_LOG": "json"}
    done = subprocess.run(
        [sys.executable, "-c", patch + code, *arguments], cwd=tmp_path, env=env, capture_output=True, text=True
    )
    line = next(json.loads(line) for line in done.stderr.splitlines() if '"exception"' in line)
    assert line["exception"].endswith("KeyError: '+1501•••9020'")
    assert "9020" not in done.stdout


@pytest.mark.usefixtures("ledger")
@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("INBOX", "s3://b/p?kms", "expected s3://bucket/prefix, with no query parameters except "),
        ("REPORTS", "sftp://user:secret@host/drops", "expected a folder or s3://bucket/prefix, not sftp://…"),
        ("LEDGER", "foo", "not a ledger URL: Could not parse SQLAlchemy URL from given URL string"),
        ("LEDGER", "postgresql://u:secret@h:port/db", "not a ledger URL: "),
        ("LEDGER", "mysql://u:secret@h/db", "the ledger can be sqlite or postgresql, not mysql"),
    ],
)
def test_an_invalid_location_is_an_error_of_one_line_that_names_the_setting(tmp_path, name, value, message):
    done = call("programs", cwd=tmp_path, **{f"LAUNCHDROP_{name}": value})
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert done.stderr.startswith(f"launchdrop: LAUNCHDROP_{name}: {message}")
    assert "secret" not in done.stderr


NO_FOLDER = "is not a folder; expected the folder where drops arrive"
CANNOT_CREATE = "is not a folder and cannot be created; expected the folder for"


@pytest.mark.parametrize("command", ["run", "serve"])
@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("INBOX", "nowhere", NO_FOLDER),
        ("INBOX", "inbox/businesses.yaml", NO_FOLDER),
        ("REPORTS", "inbox/businesses.yaml", f"{CANNOT_CREATE} reports"),
        ("REPORTS", "/proc/x", f"{CANNOT_CREATE} reports"),
        ("ARCHIVE", "inbox/businesses.yaml/x", f"{CANNOT_CREATE} submissions"),
        ("ARCHIVE", "/proc/x", f"{CANNOT_CREATE} submissions"),
    ],
)
def test_a_missing_folder_is_named_at_start(here, command, name, value, message):
    done = call(command, cwd=here, **{f"LAUNCHDROP_{name}": value})
    line = f"launchdrop: LAUNCHDROP_{name}: {value!r} {message}, or s3://bucket/prefix\n"
    assert (done.returncode, done.stdout, done.stderr) == (2, "", line)
    assert not (here / "nowhere").exists()


@pytest.mark.usefixtures("ledger")
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["show", "acme-bank"], "acme-bank: expected BUSINESS/REF, such as acme-bank/collections"),
        (["show", "acme-bank/none"], "no program acme-bank/none; `launchdrop programs` lists them"),
        (["submissions", "release", "none"], "no submission none"),
        (["submissions", "replay", "none"], "no submission none; `launchdrop submissions` lists them"),
        (["submissions", "reject", "none"], "no submission none"),
        (["submissions", "reject", "none", "--reason", " "], "--reason: expected what the business must correct"),
        (["launches", "retry", "acme-bank/none"], "no program acme-bank/none"),
        (["review", "approve", "7"], "no review has the id 7"),
    ],
)
def test_a_missing_object_is_an_error_of_one_line(tmp_path, arguments, message):
    done = call(*arguments, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (2, f"launchdrop: {message}\n")


@pytest.mark.usefixtures("ledger")
@pytest.mark.parametrize(
    "command",
    [
        ("numbers", "export"),
        ("programs",),
        ("review", "list", "--json"),
        ("submissions",),
        ("submissions", "--held"),
    ],
)
def test_listing_an_unknown_business_is_an_error(tmp_path, command):
    (tmp_path / "inbox").mkdir()
    done = call(*command, "--business", "acme-bnak", cwd=tmp_path)
    error = "launchdrop: unknown business acme-bnak: it is neither in businesses.yaml nor in the inbox\n"
    assert (done.returncode, done.stdout, done.stderr) == (2, "", error)


def test_commands_do_not_move_a_restored_ledger_past_its_marker(here):
    ledger, backup = here / ".launchdrop/ledger.db", here / "backup.db"
    call("run", cwd=here)
    with closing(sqlite3.connect(ledger)) as source, closing(sqlite3.connect(backup)) as target:
        source.backup(target)
    call("launches", "pause", cwd=here)
    call("launches", "resume", cwd=here)
    call("run", cwd=here)
    for name in ("ledger.db", "ledger.db-wal", "ledger.db-shm"):
        (ledger.parent / name).unlink(missing_ok=True)
    shutil.copy(backup, ledger)

    done = call("launches", "resume", cwd=here)
    assert done.returncode == 2
    assert "the ledger was restored or replaced: launching is paused" in done.stderr
    assert "Launching resumes" in call("launches", "resume", cwd=here).stdout


def test_a_missing_businesses_file_needs_the_operator(tmp_path):
    (tmp_path / "inbox").mkdir()
    done = call("run", cwd=tmp_path)
    assert done.returncode == 1
    assert "businesses.yaml: not found in" in done.stderr


def test_prune_dry_run_and_prune(here):
    call("run", cwd=here)
    unset = call("prune", cwd=here)
    assert "not set" in unset.stdout
    at_once = {"LAUNCHDROP_KEEP_REPORTS": "0 s", "LAUNCHDROP_KEEP_INBOX": "0 s", "LAUNCHDROP_KEEP_ARCHIVE": "0 s"}
    dry_run = call("prune", "--dry-run", cwd=here, **at_once)
    assert "Would delete 7 from inbox" in dry_run.stdout
    # 7-unreadable was rejected, and 6-survey-cancelled canceled 5-survey. The rest is in force.
    assert "Would delete 3 from archive" in dry_run.stdout
    assert (here / "inbox/acme-bank/1-card-service").exists()
    done = call("prune", cwd=here, **at_once)
    assert done.stdout == dry_run.stdout.replace("Would delete", "Deleted")
    assert not (here / "inbox/acme-bank/1-card-service").exists()
    assert call("prune", cwd=here, **at_once).stdout == "Nothing is old enough.\n"
    assert len(list((here / "reports/out").rglob("receipt.json"))) == 7


def test_prints_metrics(here):
    call("run", cwd=here)
    done = call("metrics", cwd=here)
    assert done.returncode == 0
    assert 'launchdrop_rows_total{outcome="accepted"}' in done.stdout


def test_reviews_are_decided_several_at_a_time_or_all_of_a_business(here):
    """All of a business only after a question, and nothing if one of the IDs does not exist."""
    for number in range(4):
        changes = {"reference": f"n{number}", "display_name": f"{{display: Acme Bank {number}, shorthand: Acme}}"}
        write_drop(here / "inbox", f"acme-bank/n{number}", f"501214903{number},Survey\n", **changes)
    call("run", "--business", "acme-bank", cwd=here)
    listed = json.loads(call("review", "list", "--business", "acme-bank", "--json", cwd=here).stdout)
    first, second, *_ = [str(review["id"]) for review in listed]
    assert json.loads(call("review", "list", "--business", "zenith-health", "--json", cwd=here).stdout) == []
    assert call("review", "approve", first, "999", cwd=here).stderr == "launchdrop: no review has the id 999\n"
    done = call("review", "approve", first, second, cwd=here)
    assert [line for line in done.stdout.splitlines() if line.endswith("approved.")] == [
        '"Acme Bank 0" / "Acme" of acme-bank: approved.',
        '"Acme Bank 1" / "Acme" of acme-bank: approved.',
    ]
    assert call("review", "reject", "--business", "acme-bank", cwd=here).returncode == 1  # nobody answers
    done = call("review", "reject", "--business", "acme-bank", "--yes", "--reason", "Too many.", cwd=here)
    assert done.stdout.count(": rejected.") == len(listed) - 2
    done = call("review", "approve", cwd=here)
    assert done.stderr == (
        "launchdrop: expected the IDs of reviews, or --business; `launchdrop review list` shows them\n"
    )


def test_a_number_shows_who_has_it(here):
    call("run", cwd=here)
    [number] = [line.split(",")[0] for line in call("numbers", "export", cwd=here).stdout.splitlines()[1:2]]
    shown = json.loads(call("numbers", "show", number, "--json", cwd=here).stdout)
    assert (shown["phone_number"], shown["holder"]["business"], shown["asked_by"]) == (number, "acme-bank", [])
    assert call("numbers", "show", "5012149999", cwd=here).stdout == "No program has this number.\n"
