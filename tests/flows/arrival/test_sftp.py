"""Drops over a real SFTP server: none is taken before it is complete, and no business sees another's files."""

import subprocess
import time
from datetime import UTC, datetime, timedelta

import pytest

from flows.archive.submissions import archive_drop
from flows.arrival.completeness import SettledDrop
from flows.arrival.scan import Inbox, scan_inbox
from flows.stores.folder import FolderStore
from schemas.model.policy import Policy
from tests.flows.arrival import sshd
from tests.flows.inbox_world import GRACE, InboxWorld, manifest

pytestmark = pytest.mark.server

CONTENT = b"".join(b"%010d,Survey\n" % i for i in range(20_000))
SETTLE = timedelta(seconds=0.5)


@pytest.fixture(scope="module")
def server():
    sshd.require_sshd()
    server = sshd.start_server()
    try:
        sshd.wait_until_up(server)
        yield server
    finally:
        sshd.stop_server(server)


@pytest.fixture
def inbox_world(server, tmp_path):
    """An inbox that the server writes to. These tests scan it by the real clock."""
    inbox_world = InboxWorld(tmp_path, FolderStore(server.root / "inbox"), FolderStore(tmp_path / "archive"))
    inbox_world.inbox = Inbox(
        store=inbox_world.store,
        ledger=inbox_world.ledger,
        settle=SETTLE,
        grace=GRACE,
        policy=Policy(),
    )
    yield inbox_world
    inbox_world.ledger.close()


@pytest.fixture
def local(tmp_path):
    """Files on the business's own disk."""
    (tmp_path / "numbers.csv").write_bytes(CONTENT)
    (tmp_path / "old.csv").write_bytes(b"2012345678,Survey\n" * 100)
    (tmp_path / "checked.yaml").write_bytes(manifest(("numbers.csv", CONTENT)))
    (tmp_path / "plain.yaml").write_bytes(manifest("numbers.csv"))
    return tmp_path


def find_settled(inbox_world, drop):
    """The drop's sighting if it has settled now."""
    found = scan_inbox(inbox_world.inbox, now=datetime.now(UTC), drops=[("games", drop)])
    return next((o.sighting for o in found if isinstance(o, SettledDrop)), None)


def take_when_settled(inbox_world, drop, seconds=60):
    """Scan again and again, and take the drop as soon as it settles. Returns the archived bytes of numbers.csv."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if sighting := find_settled(inbox_world, drop):
            file = archive_drop(inbox_world.store, inbox_world.archive, sighting, token=1).drop.files["numbers.csv"]
            with file.open() as f:
                return f.read()
        time.sleep(0.1)
    raise AssertionError("the drop did not settle")


def check_never_settles(inbox_world, drop, seconds):
    """Check that the drop does not settle, no matter how long it stays the same."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        assert find_settled(inbox_world, drop) is None
        time.sleep(0.1)


def test_a_slow_upload_with_the_manifest_last(server, inbox_world, local):
    batch = f"mkdir slow\nput {local}/numbers.csv slow/\nput {local}/plain.yaml slow/program.yaml\n"
    client = server.start("games", batch, "-l", "1600")
    assert take_when_settled(inbox_world, "slow") == CONTENT
    assert client.communicate(timeout=30) is not None
    assert client.returncode == 0


def test_an_upload_that_stalls_and_is_resumed(server, inbox_world, local):
    server.put("games", f"mkdir stalls\nput {local}/checked.yaml stalls/program.yaml\n")
    client = server.start("games", f"put {local}/numbers.csv stalls/\n", "-l", "800")
    path = server.inbox("games") / "stalls/numbers.csv"
    while not path.exists() or path.stat().st_size < 60_000:
        assert find_settled(inbox_world, "stalls") is None
        time.sleep(0.05)
    client.kill()
    client.communicate()
    assert 0 < path.stat().st_size < len(CONTENT)
    check_never_settles(inbox_world, "stalls", 1.5)
    server.put("games", f"reput {local}/numbers.csv stalls/numbers.csv\n")
    assert take_when_settled(inbox_world, "stalls") == CONTENT


def test_an_overwrite_in_place(server, inbox_world, local):
    first = f"put {local}/old.csv over/numbers.csv\nput {local}/checked.yaml over/program.yaml\n"
    server.put("games", f"mkdir over\n{first}")
    check_never_settles(inbox_world, "over", 1)
    client = server.start("games", f"put {local}/numbers.csv over/\n", "-l", "3200")
    assert take_when_settled(inbox_world, "over") == CONTENT
    client.communicate(timeout=30)


def test_a_rename_from_filepart(server, inbox_world, local):
    server.put("games", f"mkdir part\nput {local}/plain.yaml part/program.yaml\n")
    upload = f"put {local}/numbers.csv part/numbers.csv.filepart\nrename part/numbers.csv.filepart part/numbers.csv\n"
    client = server.start("games", upload, "-l", "1600")
    assert take_when_settled(inbox_world, "part") == CONTENT
    client.communicate(timeout=30)


def test_the_manifest_before_the_csv(server, inbox_world, local):
    server.put("games", f"mkdir later\nput {local}/checked.yaml later/program.yaml\n")
    check_never_settles(inbox_world, "later", 1)
    client = server.start("games", f"put {local}/numbers.csv later/\n", "-l", "3200")
    assert take_when_settled(inbox_world, "later") == CONTENT
    client.communicate(timeout=30)


@pytest.mark.parametrize("sessions", [8, pytest.param(50, marks=pytest.mark.soak)])
def test_many_uploads_at_once(server, inbox_world, local, sessions):
    def batch(drop):
        return f"mkdir {drop}\nput {local}/numbers.csv {drop}/\nput {local}/plain.yaml {drop}/program.yaml\n"

    names = [f"many-{sessions}-{i}" for i in range(sessions)]
    clients = [server.start("games", batch(name), "-l", "4000") for name in names]
    for name in names:
        assert take_when_settled(inbox_world, name, 120) == CONTENT
    for client in clients:
        output, _ = client.communicate(timeout=60)
        assert client.returncode == 0, output


def test_only_launchdrop_and_the_business_can_read_an_upload(server, local):
    server.put("games", f"mkdir modes\nput {local}/plain.yaml modes/program.yaml\n")
    folder = server.inbox("games") / "modes"
    assert (folder.stat().st_mode & 0o777, folder.stat().st_gid) == (0o770, 0)
    file = folder / "program.yaml"
    assert (file.stat().st_mode & 0o007, file.stat().st_gid) == (0, 0)


def test_reports_can_be_read_but_not_written(server, local):
    report = server.root / "reports/games/receipt.json"
    report.write_text("{}")
    report.chmod(0o640)
    assert report.stat().st_gid == report.parent.stat().st_gid
    server.put("games", f"get /reports/receipt.json {local}/receipt.json\n")
    assert (local / "receipt.json").read_text() == "{}"
    for attempt in (
        f"put {local}/old.csv /reports/x",
        "rm /reports/receipt.json",
        "rename /reports/receipt.json /reports/y",
        "mkdir /reports/d",
    ):
        code, output = server.run("games", attempt + "\n")
        assert code != 0, output
    assert report.read_text() == "{}"


@pytest.mark.parametrize(
    "attempt",
    [
        "ls /news",
        "ls ../../news",
        "ls ../../../../inbox/news",
        "ls /etc",
        "get /etc/passwd",
        "get ../../inbox/news/secret/numbers.csv",
        "put {local}/old.csv /x",
        "put {local}/old.csv ../x",
        "put {local}/old.csv /../../inbox/news/x",
        "mkdir /more",
        "ln -s /inbox/../../news way",
        "ln {local}/old.csv way",
        "rename /inbox/isolated /isolated",
    ],
)
def test_a_business_cannot_list_read_or_write_anything_of_another(server, local, attempt):
    secret = server.inbox("news") / "secret"
    secret.mkdir(exist_ok=True)
    (secret / "numbers.csv").write_text("not for games")
    (server.inbox("games") / "isolated").mkdir(exist_ok=True)
    before = sorted(server.root.joinpath("inbox/news").rglob("*"))
    code, output = server.run("games", f"lcd {local}\n{attempt.format(local=local)}\n")
    assert code != 0, output
    assert "not for games" not in output
    assert sorted(server.root.joinpath("inbox/news").rglob("*")) == before
    assert not [p for p in server.inbox("games").rglob("*") if p.is_symlink()]


def test_the_root_has_only_inbox_and_reports(server):
    code, output = server.run("games", "ls -1a /\n")
    assert code == 0
    shown = {line.strip().rsplit("/", 1)[-1] for line in output.splitlines() if not line.startswith("sftp>")}
    assert shown - {".", "..", ""} == {"inbox", "reports"}


def test_no_shell_and_no_forwarding(server):
    sftp = [str(part) for part in server.command("games")]
    ssh = ["ssh", *sftp[sftp.index("-F") : sftp.index("-b")], "-p", str(server.port), *sftp[sftp.index("-i") :]]
    done = subprocess.run([*ssh, "id"], capture_output=True, text=True, timeout=30, stdin=subprocess.DEVNULL)
    assert "uid=" not in done.stdout
