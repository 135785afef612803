"""`launchdrop serve`, as an operator types it: drops and launches in time, and a clean end."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

ROOT = Path(__file__).parents[3]
LAUNCHDROP = Path(sys.executable).with_name("launchdrop")

#: Drops that come at once; taking them all takes seconds.
MANY = 400

pytestmark = [pytest.mark.server, pytest.mark.timeout(300)]


@pytest.fixture
def serving(tmp_path):
    """A running `serve` in a folder of its own, and the addresses of its site and its Prefect server."""
    (tmp_path / "inbox").mkdir()
    shutil.copy(ROOT / "inbox/businesses.yaml", tmp_path / "inbox")
    env = {k: v for k, v in os.environ.items() if not k.startswith(("LAUNCHDROP_", "PREFECT_"))}
    process = subprocess.Popen(
        [LAUNCHDROP, "serve"],
        cwd=tmp_path,
        env=env | {"LAUNCHDROP_SITE_PORT": "0", "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    said = []
    for line in process.stdout:
        said.append(line)
        if line.startswith("Watching"):
            break
    assert process.poll() is None, "".join(said)
    addresses = [re.search(rf"^{what}: (\S+)$", "".join(said), re.MULTILINE)[1] for what in ("Reports", "Prefect")]
    yield tmp_path, process, *addresses
    # Asked, not killed: it ends its children, the server among them.
    if process.poll() is None:
        process.terminate()
        process.communicate(timeout=60)
    process.stdout.close()


def drop(inbox, name, *, start, reference="card-service", number=5012149020):
    """Uploaded as SFTP clients do: the numbers under another name first, the manifest last."""
    folder = inbox / "acme-bank" / name
    folder.mkdir(parents=True)
    (folder / "numbers.csv.part").write_text(f"{number},Customer Service\n214-9021,Survey\n")
    (folder / "numbers.csv.part").rename(folder / "numbers.csv")
    manifest = (ROOT / "inbox/acme-bank/1-card-service/program.yaml").read_text()
    manifest = manifest.replace("reference: card-service", f"reference: {reference}")
    manifest = re.sub(r"start: .*", f"start: {start.isoformat(timespec='seconds')}", manifest)
    manifest = re.sub(r"  timezone: .*\n", "", manifest).replace("2039-12-30T18:00", "2039-12-30T18:00Z")
    (folder / "program.yaml").write_text(manifest)


def kept_by(prefect, what):
    """What the server keeps of something, and shows."""
    asked = Request(f"{prefect}/api/{what}/filter", b"{}", {"content-type": "application/json"})
    with urlopen(asked) as answer:
        return answer.read().decode()


def seconds_until(condition, most):
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < most, "it did not happen"
        time.sleep(0.05)
    return time.monotonic() - began


def test_a_drop_is_reported_a_program_launched_and_ctrl_c_ends_it(serving):
    folder, process, site, prefect = serving
    receipt = folder / "reports/out/acme-bank/drops/for-5012149020/receipt.json"
    start = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=30)
    drop(folder / "inbox", "for-5012149020", start=start)
    assert seconds_until(receipt.exists, 60) < slow(5)
    told = json.loads(receipt.read_text())
    assert told["counts"] == {"read": 2, "accepted": 1, "rejected": 1, "ignored": 0}
    assert (told["verdict"], told["program_state"]) == ("accepted_with_rejections", "scheduled")

    with urlopen(f"{site}/acme-bank/{told['submission']}/report.html") as page:
        assert b"214-9021" in page.read()
    # The operator's page comes after what the business waits for.
    seconds_until((folder / "reports/out/_operator/index.html").exists, 30)
    with urlopen(f"{site}/") as page:
        assert page.url == f"{site}/_operator/index.html"

    seconds_until(lambda: json.loads(receipt.read_text())["program_state"] == "live", 90)
    shown = subprocess.run(
        [LAUNCHDROP, "show", "acme-bank/card-service", "--json"], cwd=folder, capture_output=True, text=True, check=True
    )
    (live,) = [m for m in json.loads(shown.stdout)[0]["history"] if m["after"] == "live"]
    late = datetime.fromisoformat(live["at"]) - start
    assert timedelta(0) <= late < timedelta(seconds=slow(5))

    for what in ("flow_runs", "task_runs", "logs", "artifacts", "events"):
        page = kept_by(prefect, what)
        assert page.count('"id"') >= 1, what
        assert "5012149020" not in page, what

    pids = children_of(process)
    assert len(pids) >= 2  # the server and the runner

    # Asked to end in the middle of many drops, it leaves the rest to whoever comes next.
    for i in range(MANY):
        drop(
            folder / "inbox", f"many-{i}", start=start + timedelta(days=1), reference=f"many-{i}", number=5012150000 + i
        )
    receipts = folder / "reports/out/acme-bank/drops"
    seconds_until(lambda: taken(folder) > 1, 60)
    process.send_signal(signal.SIGINT)
    said, _ = process.communicate(timeout=slow(60))
    assert process.returncode == 0
    assert "Traceback" not in said
    assert not [pid for pid in pids if Path(f"/proc/{pid}").exists()], "a child was left behind"
    assert taken(folder) < MANY
    subprocess.run([LAUNCHDROP, "run"], cwd=folder, check=True, capture_output=True)
    assert taken(folder) == MANY + 1 == len(list(receipts.iterdir()))


def test_a_prefect_server_that_is_killed_holds_nothing_up_and_comes_back(serving):
    folder, process, _, prefect = serving
    first, *_ = (pid for pid, command in children_of(process).items() if "prefect server" in command)
    os.kill(first, signal.SIGKILL)
    receipt = folder / "reports/out/acme-bank/drops/now/receipt.json"
    start = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=5)
    drop(folder / "inbox", "now", start=start)
    seconds_until(receipt.exists, slow(15))
    seconds_until(lambda: json.loads(receipt.read_text())["program_state"] == "live", slow(30))
    seconds_until(lambda: answers(f"{prefect}/api/health"), 120)
    drop(folder / "inbox", "next", start=start + timedelta(days=1), reference="next", number=5012149029)
    seconds_until((folder / "reports/out/acme-bank/drops/next/receipt.json").exists, slow(30))

    children = children_of(process)
    process.kill()
    process.wait()
    seconds_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in children), 30)
    said = process.stdout.read()
    assert f"`prefect server start --host 127.0.0.1 --port {prefect.rpartition(':')[2]}` ended with -9" in said
    assert "does not show this run of intake" in said
    assert "Traceback" not in said, said


def children_of(process):
    """Each child's command line, by its id."""
    found = subprocess.run(
        ["ps", "-ww", "-o", "pid=,args=", "--ppid", str(process.pid)], capture_output=True, text=True, check=True
    )
    return {int(pid): command for pid, command in (line.split(None, 1) for line in found.stdout.splitlines())}


def answers(address):
    try:
        with urlopen(address, timeout=2):
            return True
    except OSError:
        return False


def taken(folder):
    """How many submissions there are."""
    told = subprocess.run([LAUNCHDROP, "submissions", "--json"], cwd=folder, capture_output=True, text=True, check=True)
    return len(json.loads(told.stdout))


def slow(seconds):
    """A bound of a quiet machine, for one that runs other things too."""
    return seconds * 3 if os.environ.get("CI") else seconds
