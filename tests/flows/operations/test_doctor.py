"""`doctor` finds the mistakes that first deployments make, and has a remedy for each."""

import json
import os
import re
import subprocess
import sys
import threading
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace

import pytest
from aiosmtpd.handlers import Sink

from flows.errors import LaunchdropError
from flows.ledger.core.control_flags import pause_launching
from flows.ledger.core.engine import Ledger
from flows.operations import doctor, doctor_checks
from flows.operations.doctor import run_checks
from tests.flows.notifying.test_digest import AnyPortController
from tests.flows.stores.conftest import bucket, s3, s3_env, s3_server  # noqa: F401  fixtures

LAUNCHDROP = Path(sys.executable).with_name("launchdrop")


@pytest.fixture(autouse=True)
def here(samples, tmp_path, monkeypatch):
    """The samples in the current folder, with default settings."""
    for name in [n for n in os.environ if n.startswith(("LAUNCHDROP_", "PREFECT_"))]:
        monkeypatch.delenv(name)
    return tmp_path


def check(name):
    """(level, message, remedy) of one check. Level is "ok", "warning" or "problem"."""
    (result,) = (result for result in run_checks() if result.name == name)
    level = "ok" if result.ok else "warning" if result.warning else "problem"
    return level, result.message, result.remedy


def test_a_correct_deployment_has_no_problem():
    results = list(run_checks())
    assert [result.name for result in results if not result.ok] == []
    assert len(results) >= 13
    assert all(result.message for result in results)


@pytest.mark.parametrize(
    ("variable", "value", "name", "text"),
    [
        ("SETLE", "1 s", "settings", "LAUNCHDROP_SETLE: no such setting; did you mean LAUNCHDROP_SETTLE?"),
        ("INBOX", "nowhere", "inbox", "nowhere: no such folder"),
        ("INBOX", "nowhere", "businesses.yaml", "not found in nowhere"),
        ("REPORTS", "/proc/reports", "reports", "/proc/reports cannot be written to: "),
        ("ARCHIVE", "s3://", "archive", "expected s3://bucket/prefix"),
        ("ARCHIVE", "s3://b/p?kms", "archive", "expected s3://bucket/prefix"),
        ("LEDGER", "mysql://localhost/x", "ledger", "the ledger can be sqlite or postgresql, not mysql"),
        ("LEDGER", "foo", "ledger disk", "not a ledger URL: "),
        ("LEDGER", "postgresql://u:p@h:port/db", "ledger disk", "not a ledger URL: the port is not a number"),
        ("LEDGER", "postgresql+psycopg://nobody@127.0.0.1:9/x", "ledger", "cannot be opened"),
        ("CARRIER", "http", "carrier", "LAUNCHDROP_CARRIER=http needs LAUNCHDROP_HTTP_URL and LAUNCHDROP_HTTP_SECRET"),
        ("DO_NOT_ORIGINATE", "missing.txt", "do-not-originate list", "missing.txt"),
        ("AREA_CODES", "missing.csv", "area codes", "missing.csv"),
        ("SMTP_HOST", "127.0.0.1", "mail server", "127.0.0.1:25: "),
    ],
)
def test_a_problem_is_reported_with_a_remedy(monkeypatch, variable, value, name, text):
    monkeypatch.setenv(f"LAUNCHDROP_{variable}", value)
    level, message, remedy = check(name)
    assert level == "problem"
    assert text in message
    assert "\n" not in message
    assert remedy


def test_a_world_writable_inbox_is_reported(here):
    (here / "inbox").chmod(0o777)
    level, message, _ = check("inbox")
    assert level == "problem"
    assert message.startswith("any user can write to ")
    assert message.endswith(", and so could change businesses.yaml; use chmod o-w to prevent it")


def test_an_invalid_businesses_yaml_is_reported(here):
    (here / "inbox/businesses.yaml").write_text("businesses: [")
    assert check("businesses.yaml")[0] == "problem"


def test_an_unreachable_carrier_is_reported(monkeypatch):
    for name, value in (("CARRIER", "http"), ("HTTP_URL", "http://127.0.0.1:9/"), ("HTTP_SECRET", "whsec_c2VjcmV0")):
        monkeypatch.setenv(f"LAUNCHDROP_{name}", value)
    assert check("carrier")[:2] == ("problem", "127.0.0.1:9 cannot be reached: Connection refused")


def test_paused_launching_is_only_a_warning(here):
    ledger = Ledger.open(f"sqlite:///{here}/.launchdrop/ledger.db")
    with ledger.begin() as conn:
        pause_launching(conn, by="jo", why="looking into it", now=datetime(2027, 1, 4, tzinfo=UTC))
    ledger.close()
    message = "paused since 2027-01-04T00:00:00+00:00 by jo: looking into it"
    assert check("launching") == ("warning", message, "when the reason is resolved: launchdrop launches resume")
    done = run_doctor(here, "--quiet")
    assert (done.returncode, done.stdout.splitlines()[0]) == (0, f"! launching: {message}")


def test_a_mistyped_ledger_is_a_warning_and_is_not_created(monkeypatch, here):
    monkeypatch.setenv("LAUNCHDROP_LEDGER", f"sqlite:///{here}/legder.db")
    remedy = (
        "LAUNCHDROP_LEDGER must be the SQLAlchemy URL of a database that can be reached; `launchdrop run` creates it"
    )
    assert check("ledger") == ("warning", f"there is no ledger at {here}/legder.db", remedy)
    assert check("launching")[0] == check("clocks")[0] == "ok"
    assert not (here / "legder.db").exists()


def test_little_free_space_is_a_warning_and_very_little_a_problem(monkeypatch):
    for free, level in ((1 << 29, "warning"), (1 << 26, "problem")):
        monkeypatch.setattr("flows.stores.folder.FolderStore.free_bytes", lambda _, free=free: free)
        assert check("archive")[0] == level
        assert "MiB free" in check("archive")[1]


def test_the_lists_of_area_codes_are_shown_and_checked(monkeypatch, here):
    monkeypatch.setenv("LAUNCHDROP_AREA_CODES", "codes.csv")
    (here / "codes.csv").write_text("271,US,2027-03-03,\n501,US,,2027-06-30 # closes\n")
    level, message, _ = check("area codes")
    assert level == "ok"
    assert re.fullmatch(r"13 of [0-9-]{10} come with launchdrop; your list has 2 \(version [0-9a-f]{12}\)", message)
    (here / "codes.csv").write_text("# new\n271,US,3/3/2027\n")
    level, message, _ = check("area codes")
    assert (level, message) == (
        "problem",
        "LAUNCHDROP_AREA_CODES: codes.csv line 2: "
        '"3/3/2027" is not a date; expected one such as 2027-03-03, or nothing',
    )


def test_an_old_list_of_area_codes_is_a_warning(monkeypatch):
    monkeypatch.setattr(doctor, "MAX_AREA_CODES_AGE", timedelta(days=-1))
    level, message, _ = check("area codes")
    assert level == "warning"
    assert message.startswith("the list that comes with launchdrop is ")
    assert message.endswith(" name a file with newer area codes in LAUNCHDROP_AREA_CODES")


def test_a_ledger_on_a_network_file_system_is_reported(monkeypatch, tmp_path):
    mounts = [SimpleNamespace(mountpoint="/", fstype="ext4"), SimpleNamespace(mountpoint=str(tmp_path), fstype="nfs4")]
    monkeypatch.setattr(doctor_checks.psutil, "disk_partitions", lambda all: mounts)
    assert check("ledger disk")[:2] == ("problem", ".launchdrop/ledger.db is on nfs4, a network file system")
    assert doctor_checks.file_system_type(Path("/")) == "ext4"


def test_a_quiet_doctor_can_be_a_health_check(here):
    healthy = run_doctor(here, "--quiet")
    assert (healthy.returncode, healthy.stdout) == (0, "")
    unhealthy = run_doctor(here, "--quiet", LAUNCHDROP_LEDGER="mysql://localhost/x")
    assert unhealthy.returncode == 1
    assert unhealthy.stdout.startswith("✗ ledger: the ledger can be sqlite or postgresql, not mysql\n  → ")


def run_doctor(here, *arguments, **env):
    return subprocess.run(
        [LAUNCHDROP, "doctor", *arguments], cwd=here, env=os.environ | env, capture_output=True, text=True
    )


@pytest.mark.server
def test_the_mail_server_is_contacted(monkeypatch):
    controller = AnyPortController(Sink(), hostname="127.0.0.1", port=0)
    controller.start()
    try:
        port = controller.port
        for name, value in (("HOST", "127.0.0.1"), ("PORT", str(port)), ("STARTTLS", "false")):
            monkeypatch.setenv(f"LAUNCHDROP_SMTP_{name}", value)
        assert check("mail server")[:2] == ("ok", f"127.0.0.1:{port} accepts mail, unencrypted")
        monkeypatch.setenv("LAUNCHDROP_SMTP_STARTTLS", "true")
        message = f"127.0.0.1:{port}: STARTTLS extension not supported by server."
        assert check("mail server")[:2] == ("problem", message)
    finally:
        controller.stop()


@pytest.mark.server
def test_buckets_and_their_clocks_are_checked(monkeypatch, s3, bucket):  # noqa: F811
    s3.put_object(Bucket=bucket, Key="in/businesses.yaml", Body=b"businesses: {}\n")
    for name, place in (("INBOX", "in"), ("REPORTS", "out"), ("ARCHIVE", "kept")):
        monkeypatch.setenv(f"LAUNCHDROP_{name}", f"s3://{bucket}/{place}")
    assert [result.message for result in run_checks() if not result.ok] == []
    assert check("clocks")[1] == "inbox, archive and this machine agree"
    monkeypatch.setenv("LAUNCHDROP_ARCHIVE", "s3://no-such-bucket/kept")
    assert "NoSuchBucket" in check("archive")[1]


@contextmanager
def fake_prefect_server(answers, *, ahead=timedelta(), statuses=()):
    """A fake server that is too old, has a wrong clock, or answers with these statuses first."""
    statuses = list(statuses)

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self):
            self.rfile.read(int(self.headers.get("content-length") or 0))
            body = json.dumps(answers[self.path]).encode()
            self.send_response_only(statuses.pop(0) if statuses else 200)
            self.send_header("date", format_datetime(datetime.now(UTC) + ahead, usegmt=True))
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET  # noqa: N815  the name comes from the library

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


def test_an_old_prefect_server_with_a_wrong_clock_is_reported(monkeypatch):
    answers = {"/health": True, "/admin/version": "3.1.4", "/deployments/filter": []}
    with fake_prefect_server(answers, ahead=timedelta(minutes=2)) as url:
        monkeypatch.setenv("PREFECT_API_URL", url)
        assert check("Prefect server")[0] == "problem"
        assert "runs prefect 3.1.4, older than " in check("Prefect server")[1]
        level, message, remedy = check("clocks")
        assert level == "problem"
        assert message in ("Prefect server is 120 s ahead", "Prefect server is 119 s ahead")
        assert "NTP" in remedy
        assert check("deployments")[:2] == ("problem", "not on the server: intake, launch, nightly")
        answers["/deployments/filter"] = [{"name": n, "status": "NOT_READY"} for n in ("intake", "launch", "nightly")]
        assert check("deployments")[:2] == ("problem", "no worker polls for runs of intake, launch, nightly")


def test_a_busy_prefect_server_is_asked_again(monkeypatch):
    answers = {"/health": True, "/admin/version": version("prefect")}
    with fake_prefect_server(answers, statuses=[503, 503]) as url:
        monkeypatch.setenv("PREFECT_API_URL", url)
        assert doctor_checks.check_prefect_server() == f"{url} answers, prefect {version('prefect')}"


def test_another_server_and_one_that_denies_access_are_reported(monkeypatch):
    for status, message in [
        (401, "answers 401 Unauthorized"),
        (404, "answers 404 Not Found: the address should end in /api"),
    ]:
        with fake_prefect_server({"/health": True}, statuses=[status]) as url:
            monkeypatch.setenv("PREFECT_API_URL", url)
            with pytest.raises(LaunchdropError, match=message):
                doctor_checks.check_prefect_server()
    with fake_prefect_server({"/health": True, "/admin/version": "not JSON"}) as url:
        monkeypatch.setenv("PREFECT_API_URL", url)
        monkeypatch.setattr(json, "dumps", str)
        with pytest.raises(LaunchdropError, match="is not the API of a Prefect server: the address should end in /api"):
            doctor_checks.check_prefect_server()


def test_an_unreachable_prefect_server_is_reported(monkeypatch):
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:9/api")
    for name in ("Prefect server", "deployments", "clocks"):
        assert check(name)[0] == "problem"
        assert check(name)[1].startswith("http://127.0.0.1:9/api does not answer: ")


def test_incompatible_versions_are_reported(monkeypatch):
    monkeypatch.setattr(doctor_checks, "version", {"prefect": "3.8.8", "fastapi": "0.150.0", "sqlalchemy": "2.1.9"}.get)
    message = "sqlalchemy 2.1.9 does not work with prefect 3.8.8; scheduled runs may not start"
    assert check("versions")[:2] == ("problem", message)


def test_a_bug_in_one_check_does_not_stop_the_others(monkeypatch):
    def fail():
        raise ZeroDivisionError("secret")

    monkeypatch.setattr(doctor_checks, "check_versions", fail)
    message = "failed with ZeroDivisionError; set LAUNCHDROP_LOG_LEVEL=debug to log the details"
    assert check("versions") == ("problem", message, "install from requirements.lock: make setup")
    assert check("Prefect server")[0] == "ok"


def test_every_check_has_a_remedy(monkeypatch):
    from flows.settings import load_settings

    for name, value in (("EVENTS", "http://127.0.0.1:9/q"), ("SMTP_HOST", "mail.example")):
        monkeypatch.setenv(f"LAUNCHDROP_{name}", value)
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:9/api")
    checks = list(doctor._checks(load_settings()))
    assert len(checks) == len({name for name, _, _ in checks}) == 17
    assert all(remedy for _, _, remedy in checks)
