"""The archive has complete copies of exactly what had settled, and can be read without the inbox and the ledger."""

import hashlib
import json
from dataclasses import replace
from datetime import timedelta

import pytest

from flows.archive.submissions import (
    archive_drop,
    delete_submission,
    delete_taken_files,
    has_space_for,
    is_intact,
    open_archived_drop,
)
from flows.arrival.completeness import versions_to_take
from flows.arrival.scan import LeftoverDrop
from flows.ledger.intake.leases import claim_drop, mark_drop_taken
from flows.stores import ObjectChanged, StoreError, read_object
from flows.stores.folder import FolderStore
from schemas.model.ids import SubmissionDigest
from tests.flows.inbox_world import manifest
from tests.flows.stores.memory import MemoryStore


def content(file):
    with file.open() as f:
        return f.read()


def archive(inbox_world, sighting, token=1):
    return archive_drop(inbox_world.store, inbox_world.archive, sighting, token=token)


def list_submissions(store, business="acme"):
    """The submissions in the archive, and whether there are unfinished copies."""
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


def test_a_copy_can_be_read_from_the_archive_alone(two_files):
    inbox_world = two_files
    archived = archive(inbox_world, inbox_world.scan_until_settled())
    drop = open_archived_drop(inbox_world.archive, "acme", archived.submission)
    assert (drop.business, drop.name, drop.refused) == ("acme", "d", {})
    assert [content(m) for m in drop.manifests] == [read_object(inbox_world.store, "acme/d/program.yaml")]
    assert {n: (f.bytes, f.sha256[:4]) for n, f in drop.files.items()} == {
        "numbers.csv": (4, hashlib.sha256(b"a,b\n").hexdigest()[:4]),
        "sub/more numbers.csv": (0, "e3b0"),
        "l.svg": (6, hashlib.sha256(b"<svg/>").hexdigest()[:4]),
        "readme.txt": (9, ""),
    }
    assert content(drop.files["numbers.csv"]) == content(drop.files["numbers.csv"]) == b"a,b\n"
    with pytest.raises(StoreError, match="is not in the archive, because the manifest does not name it"):
        drop.files["readme.txt"].open()
    assert is_intact(drop)
    assert list_submissions(inbox_world.archive) == ([archived.submission], False)


def test_the_id_and_the_digest_are_as_documented(two_files):
    archived = archive(two_files, two_files.scan_until_settled())
    text = read_object(two_files.store, "acme/d/program.yaml")
    expected = hashlib.sha256(len(text).to_bytes(8, "big") + text)
    for name, data in (("numbers.csv", b"a,b\n"), ("sub/more numbers.csv", b""), ("l.svg", b"<svg/>")):
        expected.update(len(name).to_bytes(8, "big") + name.encode() + hashlib.sha256(data).digest())
    assert archived.digest == expected.hexdigest()
    assert archived.submission == f"20270104T090000Z-{archived.digest[:8]}"


def test_later_changes_in_the_inbox_do_not_change_the_copy(two_files):
    archived = archive(two_files, two_files.scan_until_settled())
    two_files.put("numbers.csv", b"other")
    two_files.store.delete("acme/d/program.yaml")
    drop = open_archived_drop(two_files.archive, "acme", archived.submission)
    assert content(drop.files["numbers.csv"]) == b"a,b\n"
    assert is_intact(drop)


@pytest.mark.parametrize("name", ["program.yaml", "numbers.csv", "l.svg"])
@pytest.mark.parametrize("change", ["overwritten", "deleted"])
def test_a_change_before_the_copy_is_noticed(two_files, name, change):
    sighting = two_files.scan_until_settled()
    two_files.now += timedelta(seconds=1)
    two_files.store.delete(f"acme/d/{name}")
    if change == "overwritten":
        two_files.put(name, b"newer")
    with pytest.raises(ObjectChanged):
        archive(two_files, sighting)
    assert list_submissions(two_files.archive)[0] == []


def test_an_overwrite_after_the_file_was_copied_is_noticed(two_files, monkeypatch):
    sighting = two_files.scan_until_settled()
    real = two_files.store.open

    def open_late(key, version=None):
        if key.endswith("l.svg"):
            two_files.now += timedelta(seconds=1)
            two_files.put("numbers.csv", b"c,d\n")
        return real(key, version)

    monkeypatch.setattr(two_files.store, "open", open_late)
    with pytest.raises(ObjectChanged, match="was overwritten or deleted while it was copied"):
        archive(two_files, sighting)


def test_a_repeated_copy_is_the_same_submission_and_deletes_unfinished_copies(two_files):
    sighting = two_files.scan_until_settled()
    two_files.archive.put(f"acme/.aside/{hashlib.blake2b(b'd', digest_size=12).hexdigest()}-1/numbers.csv", b"half")
    first = archive(two_files, sighting, token=2)
    again = archive(two_files, sighting, token=3)
    assert first.submission == again.submission
    assert list_submissions(two_files.archive) == ([first.submission], False)


def test_two_drops_with_the_same_content_in_the_same_second_are_two_submissions(inbox_world):
    for drop in ("acme/d", "acme/e"):
        inbox_world.put("program.yaml", manifest(), drop=drop)
    inbox_world.scan()
    d, e = (o.sighting for o in inbox_world.scan_after(seconds=1))
    first, second = archive(inbox_world, d), archive(inbox_world, e)
    assert first.digest == second.digest
    assert second.received_at - first.received_at == timedelta(seconds=1)
    assert archive(inbox_world, e).submission == second.submission
    assert list_submissions(inbox_world.archive)[0] == sorted([first.submission, second.submission])
    delete_submission(inbox_world.archive, "acme", first.submission)
    assert list_submissions(inbox_world.archive)[0] == [second.submission]


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


def test_names_in_the_archive_are_safe_no_matter_what_the_file_is_called(inbox_world):
    inbox_world.put("program.yaml", manifest(*HOSTILE))
    for name in HOSTILE:
        inbox_world.put(name, name.encode())
    archived = archive(inbox_world, inbox_world.scan_until_settled())
    assert {n: content(f) for n, f in archived.drop.files.items()} == {n: n.encode() for n in HOSTILE}
    for entry in inbox_world.archive.list(f"acme/{archived.submission}/"):
        name = entry.key.rpartition("/")[2]
        assert name.isascii()
        assert len(name) < 100
        assert not set(name) - set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")


def test_a_link_is_refused_and_not_read(inbox_world, tmp_path):
    if isinstance(inbox_world.store, MemoryStore):
        pytest.skip("only a folder has links")
    (tmp_path / "secret.csv").write_text("secret")
    inbox_world.put("program.yaml", manifest("numbers.csv", "folder/x.csv"))
    (inbox_world.store.root / "acme/d/numbers.csv").symlink_to(tmp_path / "secret.csv")
    (inbox_world.store.root / "acme/d/folder").mkdir()
    (inbox_world.store.root / "acme/d/folder/x.csv").symlink_to("../../../zenith/d/x.csv")
    archived = archive(inbox_world, inbox_world.scan_until_settled())
    assert archived.drop.refused == {
        "numbers.csv": "a link, not a file of the drop",
        "folder/x.csv": "a link, not a file of the drop",
    }
    assert archived.drop.files == {}


def test_the_digest_has_the_names_of_the_manifest(inbox_world):
    """So it is the same, no matter in which Unicode form an upload writes the accents."""
    body, digests = manifest("./\u00e9.csv", logo="\u00e9.svg"), []
    for letter in ("\u00e9", "e\u0301"):
        inbox_world.put("program.yaml", body)
        inbox_world.put(f"{letter}.csv", b"5012149020,Survey")
        inbox_world.put(f"{letter}.svg", b"<svg/>")
        sighting = inbox_world.scan_until_settled()
        archived = archive(inbox_world, sighting)
        assert archived.drop.files.keys() == {f"{letter}.csv", f"{letter}.svg"}
        assert is_intact(archived.drop)
        delete_taken_files(inbox_world.store, "acme", "d", versions_to_take(sighting))
        assert list(inbox_world.store.list("acme/d/")) == []
        digests.append(archived.digest)
    expected = SubmissionDigest()
    assert list(expected.add_manifest([body], len(body))) == [body]
    expected.add_file("\u00e9.csv", hashlib.sha256(b"5012149020,Survey").hexdigest())
    expected.add_file("\u00e9.svg", hashlib.sha256(b"<svg/>").hexdigest())
    assert digests == [expected.hexdigest()] * 2


@pytest.mark.parametrize("leads_to", ["/etc", "../../zenith/d", "nowhere"])
def test_a_file_named_below_a_link_is_refused_and_not_waited_for(inbox_world, leads_to):
    if isinstance(inbox_world.store, MemoryStore):
        pytest.skip("only a folder has links")
    inbox_world.put("program.yaml", manifest("s/hostname", "./s/sub/x.csv", "numbers.csv", "\u00e9/x.csv"))
    inbox_world.put("numbers.csv", b"5012149020,Survey")
    (inbox_world.store.root / "acme/d/s").symlink_to(leads_to)
    (inbox_world.store.root / "acme/d/e\u0301").symlink_to(leads_to)
    archived = archive(inbox_world, inbox_world.scan_until_settled())
    assert archived.drop.refused == dict.fromkeys(["s", "e\u0301"], "a link, not a file of the drop")
    assert archived.drop.files.keys() == {"numbers.csv"}


def test_a_file_that_is_replaced_by_a_link_after_the_scan_is_not_followed(inbox_world, tmp_path):
    if isinstance(inbox_world.store, MemoryStore):
        pytest.skip("only a folder has links")
    inbox_world.put("program.yaml", manifest("numbers.csv"))
    inbox_world.put("numbers.csv", b"5012149020,Survey")
    sighting = inbox_world.scan_until_settled()
    (tmp_path / "secret.csv").write_text("secret")
    path = inbox_world.store.root / "acme/d/numbers.csv"
    path.unlink()
    path.symlink_to(tmp_path / "secret.csv")
    with pytest.raises(ObjectChanged, match="is a link"):
        archive(inbox_world, sighting)


def test_the_archive_knows_whether_it_has_space_for_a_drop(inbox_world, monkeypatch):
    inbox_world.put("program.yaml", manifest("numbers.csv"))
    inbox_world.put("numbers.csv", b"x" * 1000)
    sighting = inbox_world.scan_until_settled()
    for free, enough in ((None, True), (10 << 30, True), ((64 << 20) + 500, False), (0, False)):
        monkeypatch.setattr(inbox_world.archive, "free_bytes", lambda free=free: free)
        assert has_space_for(inbox_world.archive, sighting) is enough


def test_only_the_taken_versions_are_deleted_from_the_inbox(two_files):
    inbox_world = two_files
    archived = archive(inbox_world, inbox_world.scan_until_settled())
    inbox_world.now += timedelta(seconds=1)
    inbox_world.put("numbers.csv", b"dropped later")
    delete_taken_files(inbox_world.store, "acme", "d", archived.taken)
    assert sorted(e.key for e in inbox_world.store.list()) == ["acme/d/numbers.csv", "acme/d/readme.txt"]
    assert read_object(inbox_world.store, "acme/d/numbers.csv") == b"dropped later"


def test_a_taken_drop_that_is_still_in_the_inbox_is_a_leftover(two_files):
    inbox_world = two_files
    inbox_world.inbox = replace(inbox_world.inbox, empty_after_intake=True)
    sighting = inbox_world.scan_until_settled()
    archived = archive(inbox_world, sighting)
    with inbox_world.ledger.begin() as conn:
        lease = claim_drop(conn, sighting, owner="me", now=inbox_world.now, length=timedelta(seconds=60))
        mark_drop_taken(conn, lease, versions_to_take(sighting), submission=archived.submission)
    (left,) = inbox_world.scan()
    assert isinstance(left, LeftoverDrop)
    assert left.sighting.submission == archived.submission
    delete_taken_files(inbox_world.store, "acme", "d", left.sighting.taken)
    assert inbox_world.scan() == []
    assert [e.key for e in inbox_world.store.list()] == ["acme/d/readme.txt"]
    if isinstance(inbox_world.store, FolderStore):
        inbox_world.store.delete("acme/d/readme.txt")
        inbox_world.store.remove_empty_folders("acme/d/")
        assert list((inbox_world.store.root / "acme").iterdir()) == []


def test_a_newer_archive_format_is_reported(inbox_world):
    inbox_world.put("program.yaml", manifest())
    archived = archive(inbox_world, inbox_world.scan_until_settled())
    key = f"acme/{archived.submission}/submission.json"
    inbox_world.archive.put(
        key, json.dumps({**json.loads(read_object(inbox_world.archive, key)), "archive": 2}).encode()
    )
    with pytest.raises(StoreError, match="has archive format 2, expected 1"):
        open_archived_drop(inbox_world.archive, "acme", archived.submission)
    with pytest.raises(StoreError, match="submission nope of acme is not in the archive"):
        open_archived_drop(inbox_world.archive, "acme", "nope")
