"""Complete or not: what is given, and when, with a clock that only the test moves."""

import pytest

from flows.arrival.completeness import Incomplete, Settled, Waiting, take
from flows.arrival.listing import Problem
from flows.ledger.intake.leases import claim_drop, mark_drop_incomplete, mark_drop_taken
from tests.flows.inbox_world import GRACE, SETTLE, manifest


def kinds(outcomes):
    return [type(o) for o in outcomes]


def take_it(inbox_world, sighting):
    with inbox_world.ledger.begin() as conn:
        lease = claim_drop(conn, sighting, owner="me", now=inbox_world.now, length=SETTLE)
        mark_drop_taken(conn, lease, take(sighting), submission="s")


def tell(inbox_world, outcome):
    with inbox_world.ledger.begin() as conn:
        lease = claim_drop(conn, outcome.sighting, owner="me", now=inbox_world.now, length=SETTLE)
        mark_drop_incomplete(conn, lease, outcome.sighting, outcome.findings, now=inbox_world.now)


def test_two_looks_a_settle_time_apart(inbox_world):
    inbox_world.put("numbers.csv")
    inbox_world.put("program.yaml", manifest("numbers.csv"))
    assert kinds(inbox_world.look()) == [Waiting]
    assert kinds(inbox_world.wait(seconds=0.9)) == [Waiting]
    assert kinds(inbox_world.wait(seconds=0.1)) == [Settled]
    assert kinds(inbox_world.wait(seconds=5)) == [Settled]


def test_a_preserved_mtime_of_last_year_says_nothing(inbox_world):
    inbox_world.put("numbers.csv", mtime=inbox_world.now.replace(year=2025))
    inbox_world.put("program.yaml", manifest("numbers.csv"), mtime=inbox_world.now.replace(year=2025))
    assert kinds(inbox_world.look()) == [Waiting]
    assert kinds(inbox_world.wait(seconds=1)) == [Settled]


def test_a_file_that_grows_holds_its_drop(inbox_world):
    inbox_world.put("program.yaml", manifest("numbers.csv"))
    for size in range(1, 6):
        inbox_world.put("numbers.csv", b"x" * size)
        assert kinds(inbox_world.look()) == [Waiting]
        inbox_world.now += SETTLE
    inbox_world.put("numbers.csv", b"x" * 6)
    assert kinds(inbox_world.look()) == [Waiting]
    assert kinds(inbox_world.wait(seconds=1)) == [Settled]


def test_what_is_not_named_holds_nothing(inbox_world):
    inbox_world.put("program.yaml", manifest("numbers.csv"))
    inbox_world.put("numbers.csv")
    inbox_world.put("growing.log", b"1")
    inbox_world.look()
    inbox_world.now += SETTLE
    inbox_world.put("growing.log", b"12")
    assert kinds(inbox_world.look()) == [Settled]


def test_manifest_first_and_csv_later(inbox_world):
    inbox_world.put("program.yaml", manifest("numbers.csv"))
    assert kinds(inbox_world.look()) == [Waiting]
    assert kinds(inbox_world.wait(seconds=1)) == []
    assert kinds(inbox_world.wait(seconds=600)) == []
    inbox_world.put("numbers.csv")
    assert kinds(inbox_world.look()) == [Waiting]
    assert kinds(inbox_world.wait(seconds=1)) == [Settled]


def test_only_the_match_settles_where_a_sha256_is_given(inbox_world):
    inbox_world.put("program.yaml", manifest(("numbers.csv", b"whole")))
    inbox_world.put("numbers.csv", b"who")
    inbox_world.look()
    assert kinds(inbox_world.wait(seconds=1)) == []
    assert kinds(inbox_world.wait(seconds=100)) == []  # stalled far beyond the settle time: not taken short
    inbox_world.put("numbers.csv", b"whole")
    assert kinds(inbox_world.look()) == [Waiting]
    assert kinds(inbox_world.wait(seconds=1)) == [Settled]


def test_a_file_is_hashed_once_a_version(inbox_world, monkeypatch):
    inbox_world.put("program.yaml", manifest(("numbers.csv", b"whole")))
    inbox_world.put("numbers.csv", b"other")
    inbox_world.look()
    inbox_world.wait(seconds=1)
    monkeypatch.setattr("flows.arrival.scan._sha256", lambda *_: pytest.fail("hashed again"))
    assert inbox_world.wait(seconds=1) == inbox_world.wait(seconds=1) == []


@pytest.mark.parametrize("upload", ["numbers.csv.filepart", "numbers.csv.PART", ".numbers.csv.Qw3rTy", ".numbers.csv"])
def test_the_named_files_upload_under_another_name_holds_its_drop(inbox_world, upload):
    inbox_world.put("program.yaml", manifest("numbers.csv"))
    inbox_world.put("numbers.csv", b"old")
    inbox_world.put(upload, b"ne")
    inbox_world.look()
    assert kinds(inbox_world.wait(seconds=1)) == [Waiting]
    inbox_world.store.delete(f"acme/d/{upload}")
    inbox_world.put("numbers.csv", b"new")
    assert kinds(inbox_world.look()) == [Waiting]
    assert kinds(inbox_world.wait(seconds=1)) == [Settled]


def test_a_stale_upload_blocks_for_the_grace_at_most(inbox_world):
    inbox_world.put("program.yaml", manifest("numbers.csv"))
    inbox_world.put("numbers.csv")
    inbox_world.put("numbers.csv.part", b"left behind")
    inbox_world.look()
    assert kinds(inbox_world.wait(seconds=890)) == [Waiting]
    assert kinds(inbox_world.wait(seconds=10)) == [Settled]


def test_uploads_under_way_are_no_sighting(inbox_world):
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
    assert inbox_world.look() == inbox_world.wait(days=1) == []
    inbox_world.put("program.yaml", manifest())
    assert kinds(inbox_world.look()) == [Waiting]
    (outcome,) = inbox_world.wait(seconds=1)
    assert outcome.sighting.first_seen == inbox_world.now - SETTLE


def test_the_grace_counts_from_the_first_sighting_and_is_told_once(inbox_world):
    inbox_world.put("program.yaml", manifest("a.csv", ("b.csv", b"whole"), "c.csv"))
    inbox_world.put("b.csv", b"torn")
    inbox_world.put("c.csv")
    inbox_world.look()
    assert kinds(inbox_world.wait(seconds=899)) == []
    (outcome,) = inbox_world.wait(seconds=1)
    assert isinstance(outcome, Incomplete)
    assert [(f.rule, f.file, f.message) for f in outcome.findings] == [
        ("MAN-005", "a.csv", "a.csv is named in the manifest and did not arrive"),
        (
            "CSV-003",
            "b.csv",
            "b.csv arrived with 4 bytes, but its sha256 is not the one in the manifest: not yet whole, or another",
        ),
    ]
    tell(inbox_world, outcome)
    assert inbox_world.wait(days=1) == []
    inbox_world.put("a.csv")
    inbox_world.put("b.csv", b"whole")
    inbox_world.look()
    assert kinds(inbox_world.wait(seconds=1)) == [Settled]


def test_files_without_a_manifest_are_told_once_too(inbox_world):
    for name in ("a.csv", "b.csv", "c.csv", "d.csv"):
        inbox_world.put(name)
    assert inbox_world.look() == inbox_world.wait(seconds=899) == []
    (outcome,) = inbox_world.wait(seconds=1)
    (finding,) = outcome.findings
    assert (finding.rule, finding.message) == (
        "MAN-018",
        "a.csv, b.csv, c.csv and 1 more arrived without a program.yaml",
    )
    tell(inbox_world, outcome)
    assert inbox_world.wait(days=1) == []
    inbox_world.put("program.yaml", manifest("a.csv"))
    inbox_world.look()
    assert kinds(inbox_world.wait(seconds=1)) == [Settled]


def test_a_drop_that_is_made_anew_has_a_grace_of_its_own(inbox_world):
    inbox_world.put("a.csv")
    inbox_world.look()
    (outcome,) = inbox_world.wait(seconds=900)
    tell(inbox_world, outcome)
    inbox_world.store.delete("acme/d/a.csv")
    inbox_world.wait(days=1)
    inbox_world.put("program.yaml", manifest("b.csv"))
    inbox_world.look()
    assert inbox_world.wait(seconds=899) == []
    assert kinds(inbox_world.wait(seconds=1)) == [Incomplete]


def test_what_was_taken_is_not_taken_again(inbox_world):
    inbox_world.put("program.yaml", manifest("numbers.csv"))
    inbox_world.put("numbers.csv")
    inbox_world.put("readme.txt")
    take_it(inbox_world, inbox_world.settled())
    assert inbox_world.look() == inbox_world.wait(days=1) == []
    inbox_world.put("readme.txt", b"changed, and not named")
    assert [o for o in (*inbox_world.look(), *inbox_world.wait(seconds=1)) if not isinstance(o, Waiting)] == []
    inbox_world.store.delete("acme/d/program.yaml")
    assert inbox_world.look() == inbox_world.wait(days=1) == []
    inbox_world.store.delete("acme/d/numbers.csv")
    assert inbox_world.look() == inbox_world.wait(days=1) == []


def test_other_content_under_the_same_name_is_taken_again_as_a_new_sighting(inbox_world):
    inbox_world.put("program.yaml", manifest("numbers.csv"))
    inbox_world.put("numbers.csv", b"first")
    first = inbox_world.settled()
    take_it(inbox_world, first)
    inbox_world.wait(days=1)
    inbox_world.put("numbers.csv", b"second")
    second = inbox_world.settled()
    assert second.first_seen == inbox_world.now - SETTLE
    assert second.manifest_seen == second.first_seen
    take_it(inbox_world, second)
    assert inbox_world.wait(days=1) == []


def test_a_logo_is_waited_for_like_a_file_of_numbers(inbox_world):
    inbox_world.put("program.yaml", manifest("numbers.csv", logo="acme.svg"))
    inbox_world.put("numbers.csv")
    inbox_world.look()
    assert inbox_world.wait(seconds=1) == inbox_world.wait(seconds=800) == []
    (outcome,) = inbox_world.wait(seconds=99)
    assert [(f.rule, f.file) for f in outcome.findings] == [("MAN-005", "acme.svg")]
    tell(inbox_world, outcome)
    inbox_world.put("acme.svg", b"<svg/>")
    assert kinds(inbox_world.look()) == [Waiting]
    assert take(inbox_world.settled()).files["acme.svg"] != ""


def test_a_logo_of_the_gallery_is_not_waited_for_unless_it_lies_in_the_drop(inbox_world):
    inbox_world.put("program.yaml", manifest("numbers.csv", logo="acme.svg"))
    inbox_world.put("numbers.csv")
    inbox_world.put("acme.svg", b"<svg/>", drop="_logos/zenith")
    inbox_world.look()
    assert inbox_world.wait(seconds=1) == []
    inbox_world.put("acme.svg", b"<svg/>", drop="_logos/acme")
    (outcome,) = inbox_world.look()
    assert take(outcome.sighting).files["acme.svg"] == ""
    take_it(inbox_world, outcome.sighting)
    inbox_world.put("acme.svg", b"<svg/>")
    assert kinds(inbox_world.look()) == [Waiting]
    assert take(inbox_world.settled()).files["acme.svg"] != ""


def test_a_cancelling_manifest_waits_for_nothing(inbox_world):
    inbox_world.put("program.yaml", manifest("never.csv", state="cancelled"))
    assert list(take(inbox_world.settled()).files) == []


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"a: [", b"", b"x" * (1 << 20) + b"y", b"- 1"])
def test_a_manifest_that_cannot_be_understood_is_taken_to_be_judged_so(inbox_world, content):
    inbox_world.put("program.yaml", content)
    assert list(take(inbox_world.settled()).files) == []


def test_names_that_leave_the_drop_are_not_waited_for(inbox_world):
    names = ("../e/numbers.csv", "/etc/passwd", "a//b", ".", "program.yaml", "x\0y")
    inbox_world.put("program.yaml", manifest(*names))
    inbox_world.put("numbers.csv", drop="acme/e")
    inbox_world.look()
    settled = [o for o in inbox_world.wait(seconds=1) if isinstance(o, Settled)]
    assert [list(take(s.sighting).files) for s in settled] == [[]]


def test_two_manifests_ask_for_all_that_both_name(inbox_world):
    inbox_world.put("program.yaml", manifest("a.csv"))
    inbox_world.put("program.yml", manifest("b.csv"))
    inbox_world.put("a.csv")
    assert kinds(inbox_world.look()) == [Waiting]
    assert kinds(inbox_world.wait(seconds=1)) == []
    inbox_world.put("b.csv")
    assert list(take(inbox_world.settled()).files) == ["a.csv", "b.csv"]


def test_a_file_that_cannot_be_read_is_its_drops_trouble_alone(inbox_world, monkeypatch):
    from flows.stores import StoreError

    inbox_world.put("program.yaml", manifest("numbers.csv"))
    inbox_world.put("numbers.csv")
    inbox_world.put("program.yaml", manifest(), drop="acme/other")
    inbox_world.look()
    real = inbox_world.store.open
    denied = StoreError("'acme/d/program.yaml': Permission denied")

    def broken(key, version=None):
        if key.startswith("acme/d/"):
            raise denied
        return real(key, version)

    monkeypatch.setattr(inbox_world.store, "open", broken)
    outcomes = inbox_world.wait(seconds=1)
    assert {*kinds(outcomes)} == {Problem, Settled}
    assert [o.what for o in outcomes if isinstance(o, Problem)] == [
        "drop d cannot be read: 'acme/d/program.yaml': Permission denied"
    ]


def test_a_clock_set_back_does_not_hold_a_drop(inbox_world):
    inbox_world.put("program.yaml", manifest())
    inbox_world.look()
    inbox_world.now -= GRACE
    assert kinds(inbox_world.look()) == [Waiting]
    assert kinds(inbox_world.wait(seconds=1)) == [Settled]
