"""`doctor`: each thing that a first deployment gets wrong is found, and has a remedy."""

import json
import os
import subprocess
import sys
import threading
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import version
from pathlib import Path

import pytest
from aiosmtpd.handlers import Sink

from flows.errors import LaunchdropError
from flows.ledger.core.control_flags import pause_launching
from flows.ledger.core.engine import Ledger
from flows.operations import doctor, probes
from flows.operations.doctor import run_checks
from tests.flows.notifying.test_digest import OnAnyPort
from tests.flows.stores.conftest import bucket, s3, s3_env, s3_server  # noqa: F401  fixtures

LAUNCHDROP = Path(sys.executable).with_name("launchdrop")


@pytest.fixture(autouse=True)
def here(samples, tmp_path, monkeypatch):
    """The samples in the folder that it runs in; nothing else is set."""
    for name in [n for n in os.environ if n.startswith(("LAUNCHDROP_", "PREFECT_"))]:
        monkeypatch.delenv(name)
    return tmp_path


def found(what):
    """(well, said, remedy) of one line, which must be there."""
    (line,) = (line for line in run_checks() if line.name == what)
    return line.ok or ("note" if line.warning else False), line.message, line.remedy


def test_a_first_deployment_that_is_right_has_nothing_to_mend():
    lines = list(run_checks())
    assert [line.name for line in lines if not line.ok] == []
    assert len(lines) >= 13
    assert all(line.message for line in lines)


@pytest.mark.parametrize(
    ("variable", "value", "what", "said"),
    [
        ("SETLE", "1 s", "settings", "LAUNCHDROP_SETLE: no such setting; did you mean LAUNCHDROP_SETTLE?"),
        ("INBOX", "nowhere", "inbox", "nowhere: there is no such folder"),
        ("INBOX", "nowhere", "businesses.yaml", "not found in nowhere"),
        ("REPORTS", "/proc/reports", "reports", "/proc/reports cannot be written to: "),
        ("ARCHIVE", "s3://", "archive", "expected s3://bucket/prefix"),
        ("ARCHIVE", "s3://b/p?kms", "archive", "expected s3://bucket/prefix"),
        ("LEDGER", "mysql://localhost/x", "ledger", "the ledger can be sqlite or postgresql, not mysql"),
        ("LEDGER", "foo", "ledger's disk", "not a ledger URL: "),
        ("LEDGER", "postgresql://u:p@h:port/db", "ledger's disk", "not a ledger URL: the port is not a number"),
        ("LEDGER", "postgresql+psycopg://nobody@127.0.0.1:9/x", "ledger", "cannot be opened"),
        ("CARRIER", "http", "carrier", "LAUNCHDROP_CARRIER=http needs LAUNCHDROP_HTTP_URL and LAUNCHDROP_HTTP_SECRET"),
        ("DO_NOT_ORIGINATE", "missing.txt", "do-not-originate list", "missing.txt"),
        ("SMTP_HOST", "127.0.0.1", "mail server", "127.0.0.1:25: "),
    ],
)
def test_what_is_wrong_is_said_with_a_remedy(monkeypatch, variable, value, what, said):
    monkeypatch.setenv(f"LAUNCHDROP_{variable}", value)
    well, seen, remedy = found(what)
    assert well is False
    assert said in seen
    assert "\n" not in seen
    assert remedy


def test_an_inbox_that_everybody_may_write_to_is_told(here):
    (here / "inbox").chmod(0o777)
    well, said, _ = found("inbox")
    assert not well
    assert said.endswith("can be written to by everybody, so anybody may change businesses.yaml: chmod o-w")


def test_a_businesses_yaml_that_cannot_be_read_is_told(here):
    (here / "inbox/businesses.yaml").write_text("businesses: [")
    assert found("businesses.yaml")[0] is False


def test_a_carrier_that_nobody_reaches_is_told(monkeypatch):
    for name, value in (("CARRIER", "http"), ("HTTP_URL", "http://127.0.0.1:9/"), ("HTTP_SECRET", "whsec_c2VjcmV0")):
        monkeypatch.setenv(f"LAUNCHDROP_{name}", value)
    assert found("carrier")[:2] == (False, "127.0.0.1:9 cannot be reached: Connection refused")


def test_a_paused_launching_is_a_note_and_nobody_is_ill_of_it(here):
    ledger = Ledger.open(f"sqlite:///{here}/.launchdrop/ledger.db")
    with ledger.begin() as conn:
        pause_launching(conn, by="jo", why="looking into it", now=datetime(2027, 1, 4, tzinfo=UTC))
    ledger.close()
    said = "paused since 2027-01-04T00:00:00+00:00 by jo: looking into it"
    assert found("launching") == ("note", said, "when its reason is gone: launchdrop launches resume")
    done = launchdrop_doctor(here, "--quiet")
    assert (done.returncode, done.stdout.splitlines()[0]) == (0, f"! launching: {said}")


def test_little_room_is_a_note_and_next_to_none_a_fault(monkeypatch):
    for free, level in ((1 << 29, "note"), (1 << 26, False)):
        monkeypatch.setattr("flows.stores.folder.FolderStore.free_bytes", lambda _, free=free: free)
        assert found("archive")[0] == level
        assert "MiB free" in found("archive")[1]


def test_a_ledger_on_a_network_file_system_is_told(monkeypatch, tmp_path):
    """/proc/self/mounts is the edge: mounting one takes another machine."""
    mounts = f"/dev/sda / ext4 rw 0 0\nserver:/x {tmp_path} nfs4 rw 0 0\n"
    real = Path.read_text
    monkeypatch.setattr(Path, "read_text", lambda p, **k: mounts if str(p) == "/proc/self/mounts" else real(p, **k))
    well, said, _ = found("ledger's disk")
    assert (well, said) == (False, ".launchdrop/ledger.db is on nfs4, a network file system")
    assert probes.file_system_type(Path("/")) == "ext4"


def test_the_quiet_doctor_is_a_health_check(here):
    assert (launchdrop_doctor(here, "--quiet").returncode, launchdrop_doctor(here, "--quiet").stdout) == (0, "")
    ill = launchdrop_doctor(here, "--quiet", LAUNCHDROP_LEDGER="mysql://localhost/x")
    assert ill.returncode == 1
    assert ill.stdout.startswith("✗ ledger: the ledger can be sqlite or postgresql, not mysql\n  → ")


def launchdrop_doctor(here, *arguments, **env):
    return subprocess.run(
        [LAUNCHDROP, "doctor", *arguments], cwd=here, env=os.environ | env, capture_output=True, text=True
    )


@pytest.mark.server
def test_a_mail_server_is_talked_to(monkeypatch):
    controller = OnAnyPort(Sink(), hostname="127.0.0.1", port=0)
    controller.start()
    try:
        port = controller.port
        for name, value in (("HOST", "127.0.0.1"), ("PORT", str(port)), ("STARTTLS", "false")):
            monkeypatch.setenv(f"LAUNCHDROP_SMTP_{name}", value)
        assert found("mail server")[:2] == (True, f"127.0.0.1:{port} takes mail, unencrypted")
        monkeypatch.setenv("LAUNCHDROP_SMTP_STARTTLS", "true")
        assert found("mail server")[:2] == (False, f"127.0.0.1:{port}: STARTTLS extension not supported by server.")
    finally:
        controller.stop()


@pytest.mark.server
def test_a_bucket_is_looked_at_and_its_clock(monkeypatch, s3, bucket):  # noqa: F811
    s3.put_object(Bucket=bucket, Key="in/businesses.yaml", Body=b"businesses: {}\n")
    for name, place in (("INBOX", "in"), ("REPORTS", "out"), ("ARCHIVE", "kept")):
        monkeypatch.setenv(f"LAUNCHDROP_{name}", f"s3://{bucket}/{place}")
    assert [line.message for line in run_checks() if not line.ok] == []
    assert found("clocks")[1] == "inbox, archive and this machine agree"
    monkeypatch.setenv("LAUNCHDROP_ARCHIVE", "s3://no-such-bucket/kept")
    assert "NoSuchBucket" in found("archive")[1]


@contextmanager
def a_server(answers, *, ahead=timedelta(), statuses=()):
    """A stand-in where a real one cannot be had: one that is old, whose clock is wrong, or that is busy at first."""
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

        do_POST = do_GET  # noqa: N815  the name is the library's

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


def test_a_prefect_server_that_is_old_or_lives_in_another_time_is_told(monkeypatch):
    answers = {"/health": True, "/admin/version": "3.1.4", "/deployments/filter": []}
    with a_server(answers, ahead=timedelta(minutes=2)) as url:
        monkeypatch.setenv("PREFECT_API_URL", url)
        assert found("Prefect server")[0] is False
        assert "is prefect 3.1.4, older than the " in found("Prefect server")[1]
        well, said, remedy = found("clocks")
        assert well is False
        assert said in ("Prefect server is 120 s ahead", "Prefect server is 119 s ahead")
        assert "NTP" in remedy
        assert found("deployments")[:2] == (False, "not on the server: intake, launch, nightly")
        answers["/deployments/filter"] = [{"name": n, "status": "NOT_READY"} for n in ("intake", "launch", "nightly")]
        assert found("deployments")[:2] == (False, "no worker asks for the runs of intake, launch, nightly")


def test_a_prefect_server_that_is_busy_is_asked_again(monkeypatch):
    answers = {"/health": True, "/admin/version": version("prefect")}
    with a_server(answers, statuses=[503, 503]) as url:
        monkeypatch.setenv("PREFECT_API_URL", url)
        assert probes.check_prefect_server() == f"{url} answers, prefect {version('prefect')}"


def test_what_is_no_prefect_server_or_lets_nobody_in_is_told(monkeypatch):
    for status, said in [
        (401, "answers 401 Unauthorized"),
        (404, "answers 404 Not Found: such an address ends in /api"),
    ]:
        with a_server({"/health": True}, statuses=[status]) as url:
            monkeypatch.setenv("PREFECT_API_URL", url)
            with pytest.raises(LaunchdropError, match=said):
                probes.check_prefect_server()
    with a_server({"/health": True, "/admin/version": "not JSON"}) as url:
        monkeypatch.setenv("PREFECT_API_URL", url)
        monkeypatch.setattr(json, "dumps", str)
        with pytest.raises(LaunchdropError, match="is no Prefect server's API: such an address ends in /api"):
            probes.check_prefect_server()


def test_a_prefect_server_that_is_not_there_is_told(monkeypatch):
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:9/api")
    for what in ("Prefect server", "deployments", "clocks"):
        assert found(what)[0] is False
        assert found(what)[1].startswith("http://127.0.0.1:9/api does not answer: ")


def test_versions_that_fail_silently_are_told(monkeypatch):
    monkeypatch.setattr(probes, "version", {"prefect": "3.8.8", "fastapi": "0.150.0", "sqlalchemy": "2.1.9"}.get)
    assert found("versions")[:2] == (
        False,
        "sqlalchemy 2.1.9 does not go with prefect 3.8.8: scheduled runs may not start",
    )


def test_a_check_that_fails_in_a_way_nobody_foresaw_is_a_fault_and_not_the_end(monkeypatch):
    def fail():
        raise ZeroDivisionError("secret")

    monkeypatch.setattr(probes, "check_versions", fail)
    said = "failed by ZeroDivisionError; with LAUNCHDROP_LOG_LEVEL=debug the log has more"
    assert found("versions") == (False, said, "install from requirements.lock: make setup")
    assert found("Prefect server")[0] is True


def test_every_check_has_a_remedy(monkeypatch):
    from flows.settings import load_settings

    for name, value in (("EVENTS", "http://127.0.0.1:9/q"), ("SMTP_HOST", "mail.example")):
        monkeypatch.setenv(f"LAUNCHDROP_{name}", value)
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:9/api")
    checks = list(doctor._checks(load_settings()))
    assert len(checks) == len({what for what, _, _ in checks}) == 16
    assert all(remedy for _, _, remedy in checks)
