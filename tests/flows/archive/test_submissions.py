"""Copied first: what lies in the archive is what was settled, whole, and found again from there alone."""

import hashlib
import json
from dataclasses import replace
from datetime import timedelta

import pytest

from flows.archive.submissions import archive_drop, discard, empty, has_room, open_drop, verified
from flows.arrival.completeness import take
from flows.arrival.scan import Left
from flows.ledger.intake.leases import claim, mark_taken
from flows.stores import Changed, StoreError, read
from flows.stores.folder import FolderStore
from tests.flows.inbox_world import manifest
from tests.flows.stores.memory import MemoryStore


def content(file):
    with file.open() as f:
        return f.read()


def copy(inbox_world, sighting, token=1):
    return archive_drop(inbox_world.store, inbox_world.archive, sighting, token=token)


def whole(store, business="acme"):
    """Submissions in the archive, and whether nothing lies beside them."""
    below = {e.key.split("/")[1] for e in store.list(f"{business}/")}
    return sorted(name for name in below if store.stat(f"{business}/{name}/submission.json")), ".aside" in below


@pytest.fixture
def two_files(inbox_world):
    inbox_world.put("program.yaml", manifest("numbers.csv", "sub/more numbers.csv", logo="l.svg"))
    inbox_world.put("numbers.csv", b"a,b\n")
    inbox_world.put("sub/more numbers.csv", b"")
    inbox_world.put("l.svg", b"<svg/>")
    inbox_world.put("readme.txt", b"not named")
    return inbox_world


def test_the_copy_is_found_from_the_archive_alone(two_files):
    inbox_world = two_files
    archived = copy(inbox_world, inbox_world.settled())
    drop = open_drop(inbox_world.archive, "acme", archived.submission)
    assert (drop.business, drop.name, drop.refused) == ("acme", "d", {})
    assert [content(m) for m in drop.manifests] == [read(inbox_world.store, "acme/d/program.yaml")]
    assert {n: (f.bytes, f.sha256[:4]) for n, f in drop.files.items()} == {
        "numbers.csv": (4, hashlib.sha256(b"a,b\n").hexdigest()[:4]),
        "sub/more numbers.csv": (0, "e3b0"),
        "l.svg": (6, hashlib.sha256(b"<svg/>").hexdigest()[:4]),
        "readme.txt": (9, ""),
    }
    assert content(drop.files["numbers.csv"]) == content(drop.files["numbers.csv"]) == b"a,b\n"
    with pytest.raises(StoreError, match="was not named in the manifest and is not in the archive"):
        drop.files["readme.txt"].open()
    assert verified(drop)
    assert whole(inbox_world.archive) == ([archived.submission], False)


def test_the_id_and_the_digest_are_as_written(two_files):
    archived = copy(two_files, two_files.settled())
    text = read(two_files.store, "acme/d/program.yaml")
    expected = hashlib.sha256(len(text).to_bytes(8, "big") + text)
    for name, data in (("numbers.csv", b"a,b\n"), ("sub/more numbers.csv", b""), ("l.svg", b"<svg/>")):
        expected.update(len(name).to_bytes(8, "big") + name.encode() + hashlib.sha256(data).digest())
    assert archived.digest == expected.hexdigest()
    assert archived.submission == f"20270104T090000Z-{archived.digest[:8]}"


def test_what_happens_in_the_inbox_afterwards_changes_nothing(two_files):
    archived = copy(two_files, two_files.settled())
    two_files.put("numbers.csv", b"other")
    two_files.store.delete("acme/d/program.yaml")
    drop = open_drop(two_files.archive, "acme", archived.submission)
    assert content(drop.files["numbers.csv"]) == b"a,b\n"
    assert verified(drop)


@pytest.mark.parametrize("name", ["program.yaml", "numbers.csv", "l.svg"])
@pytest.mark.parametrize("change", ["overwritten", "deleted"])
def test_an_overwrite_meanwhile_is_noticed(two_files, name, change):
    sighting = two_files.settled()
    two_files.now += timedelta(seconds=1)
    two_files.store.delete(f"acme/d/{name}")
    if change == "overwritten":
        two_files.put(name, b"newer")
    with pytest.raises(Changed):
        copy(two_files, sighting)
    assert whole(two_files.archive)[0] == []


def test_an_overwrite_after_its_file_was_copied_is_noticed(two_files, monkeypatch):
    sighting = two_files.settled()
    real = two_files.store.open

    def late(key, version=None):
        if key.endswith("l.svg"):
            two_files.now += timedelta(seconds=1)
            two_files.put("numbers.csv", b"c,d\n")
        return real(key, version)

    monkeypatch.setattr(two_files.store, "open", late)
    with pytest.raises(Changed, match="was overwritten or taken away while it was copied"):
        copy(two_files, sighting)


def test_a_repetition_is_the_same_submission_and_clears_what_was_half_done(two_files):
    sighting = two_files.settled()
    two_files.archive.put(f"acme/.aside/{hashlib.blake2b(b'd', digest_size=12).hexdigest()}-1/numbers.csv", b"half")
    first = copy(two_files, sighting, token=2)
    again = copy(two_files, sighting, token=3)
    assert first.submission == again.submission
    assert whole(two_files.archive) == ([first.submission], False)


def test_two_drops_of_one_second_and_content_are_two_submissions(inbox_world):
    for drop in ("acme/d", "acme/e"):
        inbox_world.put("program.yaml", manifest(), drop=drop)
    inbox_world.look()
    d, e = (o.sighting for o in inbox_world.wait(seconds=1))
    first, second = copy(inbox_world, d), copy(inbox_world, e)
    assert first.digest == second.digest
    assert second.received_at - first.received_at == timedelta(seconds=1)
    assert copy(inbox_world, e).submission == second.submission
    assert whole(inbox_world.archive)[0] == sorted([first.submission, second.submission])
    discard(inbox_world.archive, "acme", first.submission)
    assert whole(inbox_world.archive)[0] == [second.submission]


HOSTILE = [
    "a b",
    "-rf",
    "submission.json",
    "program.yaml.csv",
    "x" * 250,
    "ünï.csv",
    "CON",
    "sub/program.yml",
    "%2e%2e",
]


def test_names_in_the_archive_are_safe_whatever_the_original(inbox_world):
    inbox_world.put("program.yaml", manifest(*HOSTILE))
    for name in HOSTILE:
        inbox_world.put(name, name.encode())
    archived = copy(inbox_world, inbox_world.settled())
    assert {n: content(f) for n, f in archived.drop.files.items()} == {n: n.encode() for n in HOSTILE}
    for entry in inbox_world.archive.list(f"acme/{archived.submission}/"):
        name = entry.key.rpartition("/")[2]
        assert name.isascii()
        assert len(name) < 100
        assert not set(name) - set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")


def test_a_named_link_is_refused_and_never_read(inbox_world, tmp_path):
    if isinstance(inbox_world.store, MemoryStore):
        pytest.skip("only a folder has links")
    (tmp_path / "theirs.csv").write_text("secret")
    inbox_world.put("program.yaml", manifest("numbers.csv", "folder/x.csv"))
    (inbox_world.store.root / "acme/d/numbers.csv").symlink_to(tmp_path / "theirs.csv")
    (inbox_world.store.root / "acme/d/folder").mkdir()
    (inbox_world.store.root / "acme/d/folder/x.csv").symlink_to("../../../zenith/d/x.csv")
    archived = copy(inbox_world, inbox_world.settled())
    assert archived.drop.refused == {
        "numbers.csv": "a link, not a file of the drop",
        "folder/x.csv": "a link, not a file of the drop",
    }
    assert archived.drop.files == {}


@pytest.mark.parametrize("leads_to", ["/etc", "../../zenith/d", "nowhere"])
def test_a_file_named_below_a_link_is_refused_and_not_waited_for(inbox_world, leads_to):
    if isinstance(inbox_world.store, MemoryStore):
        pytest.skip("only a folder has links")
    inbox_world.put("program.yaml", manifest("s/hostname", "s/sub/x.csv", "numbers.csv"))
    inbox_world.put("numbers.csv", b"mine")
    (inbox_world.store.root / "acme/d/s").symlink_to(leads_to)
    archived = copy(inbox_world, inbox_world.settled())
    assert archived.drop.refused == {"s": "a link, not a file of the drop"}
    assert archived.drop.why_refused("s/sub/x.csv") == "s is a link, not a file of the drop"
    assert archived.drop.files.keys() == {"numbers.csv"}


def test_a_file_swapped_for_a_link_after_the_look_is_not_followed(inbox_world, tmp_path):
    if isinstance(inbox_world.store, MemoryStore):
        pytest.skip("only a folder has links")
    inbox_world.put("program.yaml", manifest("numbers.csv"))
    inbox_world.put("numbers.csv", b"mine")
    sighting = inbox_world.settled()
    (tmp_path / "theirs.csv").write_text("secret")
    path = inbox_world.store.root / "acme/d/numbers.csv"
    path.unlink()
    path.symlink_to(tmp_path / "theirs.csv")
    with pytest.raises(Changed, match="is a link"):
        copy(inbox_world, sighting)


def test_room_is_asked_for_before_a_claim(inbox_world, monkeypatch):
    inbox_world.put("program.yaml", manifest("numbers.csv"))
    inbox_world.put("numbers.csv", b"x" * 1000)
    sighting = inbox_world.settled()
    for free, enough in ((None, True), (10 << 30, True), ((64 << 20) + 500, False), (0, False)):
        monkeypatch.setattr(inbox_world.archive, "free", lambda free=free: free)
        assert has_room(inbox_world.archive, sighting) is enough


def test_emptying_takes_exactly_what_was_taken(two_files):
    inbox_world = two_files
    archived = copy(inbox_world, inbox_world.settled())
    inbox_world.now += timedelta(seconds=1)
    inbox_world.put("numbers.csv", b"dropped meanwhile")
    empty(inbox_world.store, "acme", "d", archived.taken)
    assert sorted(e.key for e in inbox_world.store.list()) == ["acme/d/numbers.csv", "acme/d/readme.txt"]
    assert read(inbox_world.store, "acme/d/numbers.csv") == b"dropped meanwhile"


def test_a_drop_that_a_dead_process_did_not_empty_is_given_again(two_files):
    inbox_world = two_files
    inbox_world.inbox = replace(inbox_world.inbox, emptied=True)
    sighting = inbox_world.settled()
    archived = copy(inbox_world, sighting)
    with inbox_world.ledger.begin() as conn:
        lease = claim(conn, sighting, owner="me", now=inbox_world.now, length=timedelta(seconds=60))
        mark_taken(conn, lease, take(sighting), submission=archived.submission)
    (left,) = inbox_world.look()
    assert isinstance(left, Left)
    assert left.sighting.submission == archived.submission
    empty(inbox_world.store, "acme", "d", left.sighting.taken)
    assert inbox_world.look() == []
    assert [e.key for e in inbox_world.store.list()] == ["acme/d/readme.txt"]
    if isinstance(inbox_world.store, FolderStore):
        inbox_world.store.delete("acme/d/readme.txt")
        inbox_world.store.prune("acme/d/")
        assert list((inbox_world.store.root / "acme").iterdir()) == []


def test_a_format_of_the_future_is_said_so(inbox_world):
    inbox_world.put("program.yaml", manifest())
    archived = copy(inbox_world, inbox_world.settled())
    key = f"acme/{archived.submission}/submission.json"
    inbox_world.archive.put(key, json.dumps({**json.loads(read(inbox_world.archive, key)), "archive": 2}).encode())
    with pytest.raises(StoreError, match="is of archive format 2, expected 1"):
        open_drop(inbox_world.archive, "acme", archived.submission)
    with pytest.raises(StoreError, match="submission nope of acme is not in the archive"):
        open_drop(inbox_world.archive, "acme", "nope")
