"""Whether a drop is complete: which outcome a scan has, and when."""

import hashlib

import pytest

from flows.arrival.completeness import IncompleteDrop, SettledDrop, UnsettledDrop, versions_to_take
from flows.arrival.listing import InboxProblem
from flows.ledger.intake.drops import ReportedFindings
from flows.ledger.intake.leases import claim_drop, mark_drop_incomplete, mark_drop_taken
from tests.flows.inbox_world import GRACE, SETTLE, manifest

#: A name with an accent that is part of its letter, and with one that follows it.
NFC, NFD = "n\u00fameros.csv", "nu\u0301meros.csv"


def kinds(outcomes):
    return [type(o) for o in outcomes]


def take(inbox_world, sighting):
    with inbox_world.ledger.begin() as conn:
        lease = claim_drop(conn, sighting, owner="me", now=inbox_world.now, length=SETTLE)
        mark_drop_taken(conn, lease, versions_to_take(sighting), submission="s")


def report(inbox_world, outcome):
    with inbox_world.ledger.begin() as conn:
        lease = claim_drop(conn, outcome.sighting, owner="me", now=inbox_world.now, length=SETTLE)
        mark_drop_incomplete(conn, lease, outcome.sighting, ReportedFindings(), now=inbox_world.now)


def test_a_drop_settles_in_two_scans_a_settle_time_apart(inbox_world):
    inbox_world.put("numbers.csv")
    inbox_world.put("program.yaml", manifest("numbers.csv"))
    assert kinds(inbox_world.scan()) == [UnsettledDrop]
    assert kinds(inbox_world.scan_after(seconds=0.9)) == [UnsettledDrop]
    assert kinds(inbox_world.scan_after(seconds=0.1)) == [SettledDrop]
    assert kinds(inbox_world.scan_after(seconds=5)) == [SettledDrop]


def test_an_old_mtime_does_not_count_as_settled(inbox_world):
    inbox_world.put("numbers.csv", mtime=inbox_world.now.replace(year=2025))
    inbox_world.put("program.yaml", manifest("numbers.csv"), mtime=inbox_world.now.replace(year=2025))
    assert kinds(inbox_world.scan()) == [UnsettledDrop]
    assert kinds(inbox_world.scan_after(seconds=1)) == [SettledDrop]


def test_a_growing_file_keeps_its_drop_unsettled(inbox_world):
    inbox_world.put("program.yaml", manifest("numbers.csv"))
    for size in range(1, 6):
        inbox_world.put("numbers.csv", b"x" * size)
        assert kinds(inbox_world.scan()) == [UnsettledDrop]
        inbox_world.now += SETTLE
    inbox_world.put("numbers.csv", b"x" * 6)
    assert kinds(inbox_world.scan()) == [UnsettledDrop]
    assert kinds(inbox_world.scan_after(seconds=1)) == [SettledDrop]


def test_a_file_that_the_manifest_does_not_name_need_not_settle(inbox_world):
    inbox_world.put("program.yaml", manifest("numbers.csv"))
    inbox_world.put("numbers.csv")
    inbox_world.put("growing.log", b"1")
    inbox_world.scan()
    inbox_world.now += SETTLE
    inbox_world.put("growing.log", b"12")
    assert kinds(inbox_world.scan()) == [SettledDrop]


def test_a_manifest_can_arrive_before_its_csv(inbox_world):
    inbox_world.put("program.yaml", manifest("numbers.csv"))
    assert kinds(inbox_world.scan()) == [UnsettledDrop]
    assert kinds(inbox_world.scan_after(seconds=1)) == []
    assert kinds(inbox_world.scan_after(seconds=600)) == []
    inbox_world.put("numbers.csv")
    assert kinds(inbox_world.scan()) == [UnsettledDrop]
    assert kinds(inbox_world.scan_after(seconds=1)) == [SettledDrop]


def test_a_file_with_a_sha256_settles_only_when_it_matches(inbox_world):
    inbox_world.put("program.yaml", manifest(("numbers.csv", b"whole")))
    inbox_world.put("numbers.csv", b"who")
    inbox_world.scan()
    assert kinds(inbox_world.scan_after(seconds=1)) == []
    assert kinds(inbox_world.scan_after(seconds=100)) == []  # the upload stalled for far longer than the settle time
    inbox_world.put("numbers.csv", b"whole")
    assert kinds(inbox_world.scan()) == [UnsettledDrop]
    assert kinds(inbox_world.scan_after(seconds=1)) == [SettledDrop]


def test_each_version_of_a_file_is_hashed_once(inbox_world, monkeypatch):
    inbox_world.put("program.yaml", manifest(("numbers.csv", b"whole")))
    inbox_world.put("numbers.csv", b"other")
    inbox_world.scan()
    inbox_world.scan_after(seconds=1)
    monkeypatch.setattr("flows.arrival.scan._hash_file", lambda *_: pytest.fail("hashed again"))
    assert inbox_world.scan_after(seconds=1) == inbox_world.scan_after(seconds=1) == []


@pytest.mark.parametrize("upload", ["numbers.csv.filepart", "numbers.csv.PART", ".numbers.csv.Qw3rTy", ".numbers.csv"])
def test_a_partial_upload_of_a_named_file_keeps_its_drop_unsettled(inbox_world, upload):
    inbox_world.put("program.yaml", manifest("numbers.csv"))
    inbox_world.put("numbers.csv", b"old")
    inbox_world.put(upload, b"ne")
    inbox_world.scan()
    assert kinds(inbox_world.scan_after(seconds=1)) == [UnsettledDrop]
    inbox_world.store.delete(f"acme/d/{upload}")
    inbox_world.put("numbers.csv", b"new")
    assert kinds(inbox_world.scan()) == [UnsettledDrop]
    assert kinds(inbox_world.scan_after(seconds=1)) == [SettledDrop]


def test_an_abandoned_upload_blocks_no_longer_than_the_grace(inbox_world):
    inbox_world.put("program.yaml", manifest("numbers.csv"))
    inbox_world.put("numbers.csv")
    inbox_world.put("numbers.csv.part", b"abandoned")
    inbox_world.scan()
    assert kinds(inbox_world.scan_after(seconds=890)) == [UnsettledDrop]
    assert kinds(inbox_world.scan_after(seconds=10)) == [SettledDrop]


@pytest.mark.parametrize(
    "name",
    [
        ".numbers.csv.crc",
        ".numbers.csv.sha256",
        ".numbers.csv.swp",
        ".numbers.csv.backup",
        "._numbers.csv",
        ".DS_Store",
        "numbers.csv.crc",
    ],
)
def test_a_hidden_file_that_is_no_upload_of_a_named_file_holds_nothing_back(inbox_world, name):
    inbox_world.put("program.yaml", manifest("numbers.csv"))
    inbox_world.put("numbers.csv")
    inbox_world.put(name)
    inbox_world.scan()
    assert kinds(inbox_world.scan_after(seconds=1)) == [SettledDrop]


@pytest.mark.parametrize("content", [b"", b" \r\n\t\n", b"\xef\xbb\xbf", bytes(1000)])
def test_a_blank_manifest_is_waited_for_until_the_grace_is_over(inbox_world, content):
    inbox_world.put("numbers.csv")
    inbox_world.put("program.yaml", content)
    inbox_world.scan()
    assert kinds(inbox_world.scan_after(seconds=1)) == []
    assert kinds(inbox_world.scan_after(seconds=898)) == []
    assert kinds(inbox_world.scan_after(seconds=1)) == [IncompleteDrop]
    inbox_world.put("program.yaml", manifest("numbers.csv"))
    inbox_world.scan()
    assert kinds(inbox_world.scan_after(seconds=1)) == [SettledDrop]


def test_partial_uploads_alone_are_not_a_drop(inbox_world):
    for name in (
        ".hidden",
        "numbers.csv.part",
        "program.yaml.filepart",
        "sub/.x",
        "x.crdownload",
        "a.TMP",
        "b.partial",
    ):
        inbox_world.put(name)
    assert inbox_world.scan() == inbox_world.scan_after(days=1) == []
    inbox_world.put("program.yaml", manifest())
    assert kinds(inbox_world.scan()) == [UnsettledDrop]
    (outcome,) = inbox_world.scan_after(seconds=1)
    assert outcome.sighting.first_seen == inbox_world.now - SETTLE


def test_an_incomplete_drop_is_reported_once_when_the_grace_since_its_first_sighting_is_over(inbox_world):
    inbox_world.put("program.yaml", manifest("a.csv", ("b.csv", b"whole"), "c.csv"))
    inbox_world.put("b.csv", b"torn")
    inbox_world.put("c.csv")
    inbox_world.scan()
    assert kinds(inbox_world.scan_after(seconds=899)) == []
    (outcome,) = inbox_world.scan_after(seconds=1)
    assert isinstance(outcome, IncompleteDrop)
    assert outcome.different == {"b.csv": hashlib.sha256(b"torn").hexdigest()}
    report(inbox_world, outcome)
    assert inbox_world.scan_after(days=1) == []
    inbox_world.put("a.csv")
    inbox_world.put("b.csv", b"whole")
    inbox_world.scan()
    assert kinds(inbox_world.scan_after(seconds=1)) == [SettledDrop]


def test_files_without_a_manifest_are_reported_once(inbox_world):
    for name in ("a.csv", "b.csv", "c.csv", "d.csv"):
        inbox_world.put(name)
    assert inbox_world.scan() == inbox_world.scan_after(seconds=899) == []
    (outcome,) = inbox_world.scan_after(seconds=1)
    assert isinstance(outcome, IncompleteDrop)
    report(inbox_world, outcome)
    assert inbox_world.scan_after(days=1) == []
    inbox_world.put("program.yaml", manifest("a.csv"))
    inbox_world.scan()
    assert kinds(inbox_world.scan_after(seconds=1)) == [SettledDrop]


def test_a_drop_that_was_emptied_and_filled_again_gets_a_new_grace(inbox_world):
    inbox_world.put("a.csv")
    inbox_world.scan()
    (outcome,) = inbox_world.scan_after(seconds=900)
    report(inbox_world, outcome)
    inbox_world.store.delete("acme/d/a.csv")
    inbox_world.scan_after(days=1)
    inbox_world.put("program.yaml", manifest("b.csv"))
    inbox_world.scan()
    assert inbox_world.scan_after(seconds=899) == []
    assert kinds(inbox_world.scan_after(seconds=1)) == [IncompleteDrop]


def test_taken_files_are_not_taken_again(inbox_world):
    inbox_world.put("program.yaml", manifest("numbers.csv"))
    inbox_world.put("numbers.csv")
    inbox_world.put("readme.txt")
    take(inbox_world, inbox_world.scan_until_settled())
    assert inbox_world.scan() == inbox_world.scan_after(days=1) == []
    inbox_world.put("readme.txt", b"changed, and not named")
    assert [
        o for o in (*inbox_world.scan(), *inbox_world.scan_after(seconds=1)) if not isinstance(o, UnsettledDrop)
    ] == []
    inbox_world.store.delete("acme/d/program.yaml")
    assert inbox_world.scan() == inbox_world.scan_after(days=1) == []
    inbox_world.store.delete("acme/d/numbers.csv")
    assert inbox_world.scan() == inbox_world.scan_after(days=1) == []


def test_new_content_under_an_old_name_is_a_new_sighting(inbox_world):
    inbox_world.put("program.yaml", manifest("numbers.csv"))
    inbox_world.put("numbers.csv", b"first")
    first = inbox_world.scan_until_settled()
    take(inbox_world, first)
    inbox_world.scan_after(days=1)
    inbox_world.put("numbers.csv", b"second")
    second = inbox_world.scan_until_settled()
    assert second.first_seen == inbox_world.now - SETTLE
    assert second.manifest_seen == second.first_seen
    take(inbox_world, second)
    assert inbox_world.scan_after(days=1) == []


def test_a_drop_waits_for_its_logo_as_for_a_numbers_file(inbox_world):
    inbox_world.put("program.yaml", manifest("numbers.csv", logo="acme.svg"))
    inbox_world.put("numbers.csv")
    inbox_world.scan()
    assert inbox_world.scan_after(seconds=1) == inbox_world.scan_after(seconds=800) == []
    (outcome,) = inbox_world.scan_after(seconds=99)
    assert isinstance(outcome, IncompleteDrop)
    report(inbox_world, outcome)
    inbox_world.put("acme.svg", b"<svg/>")
    assert kinds(inbox_world.scan()) == [UnsettledDrop]
    assert versions_to_take(inbox_world.scan_until_settled()).files["acme.svg"] != ""


def test_a_drop_does_not_wait_for_a_logo_that_is_in_the_gallery_unless_it_has_its_own(inbox_world):
    inbox_world.put("program.yaml", manifest("numbers.csv", logo="acme.svg"))
    inbox_world.put("numbers.csv")
    inbox_world.put("acme.svg", b"<svg/>", drop="_logos/zenith")
    inbox_world.scan()
    assert inbox_world.scan_after(seconds=1) == []
    inbox_world.put("acme.svg", b"<svg/>", drop="_logos/acme")
    (outcome,) = inbox_world.scan()
    assert versions_to_take(outcome.sighting).files["acme.svg"] == ""
    take(inbox_world, outcome.sighting)
    inbox_world.put("acme.svg", b"<svg/>")
    assert kinds(inbox_world.scan()) == [UnsettledDrop]
    assert versions_to_take(inbox_world.scan_until_settled()).files["acme.svg"] != ""


def test_a_cancellation_waits_for_no_files(inbox_world):
    inbox_world.put("program.yaml", manifest("never.csv", state="cancelled"))
    assert list(versions_to_take(inbox_world.scan_until_settled()).files) == []


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"a: [", b"x" * (1 << 20) + b"y", b"- 1"])
def test_a_manifest_that_cannot_be_parsed_is_taken_and_judged(inbox_world, content):
    inbox_world.put("program.yaml", content)
    assert list(versions_to_take(inbox_world.scan_until_settled()).files) == []


def test_a_drop_does_not_wait_for_names_outside_of_it(inbox_world):
    names = ("../e/numbers.csv", "./../e/numbers.csv", "/etc/passwd", "a/", ".", "./program.yaml", "x\0y")
    inbox_world.put("program.yaml", manifest(*names))
    inbox_world.put("numbers.csv", drop="acme/e")
    inbox_world.scan()
    settled = [o for o in inbox_world.scan_after(seconds=1) if isinstance(o, SettledDrop)]
    assert [list(versions_to_take(s.sighting).files) for s in settled] == [[]]


@pytest.mark.parametrize("listed", [NFC, f"./{NFC}", f".//{NFC}"])
def test_a_file_settles_under_a_name_of_the_same_form(inbox_world, listed):
    inbox_world.put("program.yaml", manifest((listed, b"x")))
    inbox_world.put(NFD, b"x")
    taken = versions_to_take(inbox_world.scan_until_settled())
    assert list(taken.files) == [NFD]
    assert list(taken.rest) == []


def test_a_file_under_another_name_of_the_same_form_is_not_missed(inbox_world):
    """It was taken under one name; then other bytes come under the other one."""
    inbox_world.put("program.yaml", manifest(NFC))
    inbox_world.put(NFD, b"x")
    take(inbox_world, inbox_world.scan_until_settled())
    inbox_world.store.delete(f"acme/d/{NFD}")
    inbox_world.put(NFC, b"other")
    assert list(versions_to_take(inbox_world.scan_until_settled()).files) == [NFC]


def test_two_other_spellings_of_a_name_are_incomplete(inbox_world):
    inbox_world.put("program.yaml", manifest("\u00e9e\u0301.csv"))
    inbox_world.put("\u00e9\u00e9.csv")
    inbox_world.put("e\u0301e\u0301.csv")
    inbox_world.scan()
    assert kinds(inbox_world.scan_after(seconds=GRACE.total_seconds())) == [IncompleteDrop]


def test_with_two_manifests_the_files_of_both_are_wanted(inbox_world):
    inbox_world.put("program.yaml", manifest("a.csv"))
    inbox_world.put("program.yml", manifest("b.csv"))
    inbox_world.put("a.csv")
    assert kinds(inbox_world.scan()) == [UnsettledDrop]
    assert kinds(inbox_world.scan_after(seconds=1)) == []
    inbox_world.put("b.csv")
    assert list(versions_to_take(inbox_world.scan_until_settled()).files) == ["a.csv", "b.csv"]


def test_a_file_that_cannot_be_read_is_a_problem_of_its_drop_only(inbox_world, monkeypatch):
    from flows.stores import StoreError

    inbox_world.put("program.yaml", manifest("numbers.csv"))
    inbox_world.put("numbers.csv")
    inbox_world.put("program.yaml", manifest(), drop="acme/other")
    inbox_world.scan()
    real = inbox_world.store.open
    denied = StoreError("'acme/d/program.yaml': Permission denied")

    def broken(key, version=None):
        if key.startswith("acme/d/"):
            raise denied
        return real(key, version)

    monkeypatch.setattr(inbox_world.store, "open", broken)
    outcomes = inbox_world.scan_after(seconds=1)
    assert {*kinds(outcomes)} == {InboxProblem, SettledDrop}
    assert [o.message for o in outcomes if isinstance(o, InboxProblem)] == [
        "drop d cannot be read: 'acme/d/program.yaml': Permission denied"
    ]


def test_a_clock_that_is_set_back_does_not_delay_a_drop(inbox_world):
    inbox_world.put("program.yaml", manifest())
    inbox_world.scan()
    inbox_world.now -= GRACE
    assert kinds(inbox_world.scan()) == [UnsettledDrop]
    assert kinds(inbox_world.scan_after(seconds=1)) == [SettledDrop]
