"""Complete or not: what is given, and when, with a clock that only the test moves."""

import pytest

from flows.arrival.completeness import Incomplete, Settled, Waiting, take
from flows.arrival.listing import Problem
from flows.ledger.intake.leases import claim, mark_taken, mark_told
from tests.flows.arrival.conftest import GRACE, SETTLE, manifest


def kinds(outcomes):
    return [type(o) for o in outcomes]


def take_it(world, sighting):
    with world.ledger.begin() as conn:
        lease = claim(conn, sighting, owner="me", now=world.now, length=SETTLE)
        mark_taken(conn, lease, take(sighting), submission="s")


def tell(world, outcome):
    with world.ledger.begin() as conn:
        lease = claim(conn, outcome.sighting, owner="me", now=world.now, length=SETTLE)
        mark_told(conn, lease, outcome.sighting, outcome.findings, now=world.now)


def test_two_looks_a_settle_time_apart(world):
    world.put("numbers.csv")
    world.put("program.yaml", manifest("numbers.csv"))
    assert kinds(world.look()) == [Waiting]
    assert kinds(world.wait(seconds=0.9)) == [Waiting]
    assert kinds(world.wait(seconds=0.1)) == [Settled]
    assert kinds(world.wait(seconds=5)) == [Settled]


def test_a_preserved_mtime_of_last_year_says_nothing(world):
    world.put("numbers.csv", mtime=world.now.replace(year=2025))
    world.put("program.yaml", manifest("numbers.csv"), mtime=world.now.replace(year=2025))
    assert kinds(world.look()) == [Waiting]
    assert kinds(world.wait(seconds=1)) == [Settled]


def test_a_file_that_grows_holds_its_drop(world):
    world.put("program.yaml", manifest("numbers.csv"))
    for size in range(1, 6):
        world.put("numbers.csv", b"x" * size)
        assert kinds(world.look()) == [Waiting]
        world.now += SETTLE
    world.put("numbers.csv", b"x" * 6)
    assert kinds(world.look()) == [Waiting]
    assert kinds(world.wait(seconds=1)) == [Settled]


def test_what_is_not_named_holds_nothing(world):
    world.put("program.yaml", manifest("numbers.csv"))
    world.put("numbers.csv")
    world.put("growing.log", b"1")
    world.look()
    world.now += SETTLE
    world.put("growing.log", b"12")
    assert kinds(world.look()) == [Settled]


def test_manifest_first_and_csv_later(world):
    world.put("program.yaml", manifest("numbers.csv"))
    assert kinds(world.look()) == [Waiting]
    assert kinds(world.wait(seconds=1)) == []
    assert kinds(world.wait(seconds=600)) == []
    world.put("numbers.csv")
    assert kinds(world.look()) == [Waiting]
    assert kinds(world.wait(seconds=1)) == [Settled]


def test_only_the_match_settles_where_a_sha256_is_given(world):
    world.put("program.yaml", manifest(("numbers.csv", b"whole")))
    world.put("numbers.csv", b"who")
    world.look()
    assert kinds(world.wait(seconds=1)) == []
    assert kinds(world.wait(seconds=100)) == []  # stalled far beyond the settle time: not taken short
    world.put("numbers.csv", b"whole")
    assert kinds(world.look()) == [Waiting]
    assert kinds(world.wait(seconds=1)) == [Settled]


def test_a_file_is_hashed_once_a_version(world, monkeypatch):
    world.put("program.yaml", manifest(("numbers.csv", b"whole")))
    world.put("numbers.csv", b"other")
    world.look()
    world.wait(seconds=1)
    monkeypatch.setattr("flows.arrival.scan._sha256", lambda *_: pytest.fail("hashed again"))
    assert world.wait(seconds=1) == world.wait(seconds=1) == []


@pytest.mark.parametrize("upload", ["numbers.csv.filepart", "numbers.csv.PART", ".numbers.csv.Qw3rTy", ".numbers.csv"])
def test_the_named_files_upload_under_another_name_holds_its_drop(world, upload):
    world.put("program.yaml", manifest("numbers.csv"))
    world.put("numbers.csv", b"old")
    world.put(upload, b"ne")
    world.look()
    assert kinds(world.wait(seconds=1)) == [Waiting]
    world.store.delete(f"acme/d/{upload}")
    world.put("numbers.csv", b"new")
    assert kinds(world.look()) == [Waiting]
    assert kinds(world.wait(seconds=1)) == [Settled]


def test_a_stale_upload_blocks_for_the_grace_at_most(world):
    world.put("program.yaml", manifest("numbers.csv"))
    world.put("numbers.csv")
    world.put("numbers.csv.part", b"left behind")
    world.look()
    assert kinds(world.wait(seconds=890)) == [Waiting]
    assert kinds(world.wait(seconds=10)) == [Settled]


def test_uploads_under_way_are_no_sighting(world):
    for name in (
        ".hidden",
        "numbers.csv.part",
        "program.yaml.filepart",
        "sub/.x",
        "x.crdownload",
        "a.TMP",
        "b.partial",
    ):
        world.put(name)
    assert world.look() == world.wait(days=1) == []
    world.put("program.yaml", manifest())
    assert kinds(world.look()) == [Waiting]
    (outcome,) = world.wait(seconds=1)
    assert outcome.sighting.first_seen == world.now - SETTLE


def test_the_grace_counts_from_the_first_sighting_and_is_told_once(world):
    world.put("program.yaml", manifest("a.csv", ("b.csv", b"whole"), "c.csv"))
    world.put("b.csv", b"torn")
    world.put("c.csv")
    world.look()
    assert kinds(world.wait(seconds=899)) == []
    (outcome,) = world.wait(seconds=1)
    assert isinstance(outcome, Incomplete)
    assert [(f.rule, f.file, f.message) for f in outcome.findings] == [
        ("MAN-005", "a.csv", "a.csv is named in the manifest and did not arrive"),
        (
            "CSV-003",
            "b.csv",
            "b.csv arrived with 4 bytes, but its sha256 is not the one in the manifest: not yet whole, or another",
        ),
    ]
    tell(world, outcome)
    assert world.wait(days=1) == []
    world.put("a.csv")
    world.put("b.csv", b"whole")
    world.look()
    assert kinds(world.wait(seconds=1)) == [Settled]


def test_files_without_a_manifest_are_told_once_too(world):
    for name in ("a.csv", "b.csv", "c.csv", "d.csv"):
        world.put(name)
    assert world.look() == world.wait(seconds=899) == []
    (outcome,) = world.wait(seconds=1)
    (finding,) = outcome.findings
    assert (finding.rule, finding.message) == (
        "MAN-018",
        "a.csv, b.csv, c.csv and 1 more arrived without a program.yaml",
    )
    tell(world, outcome)
    assert world.wait(days=1) == []
    world.put("program.yaml", manifest("a.csv"))
    world.look()
    assert kinds(world.wait(seconds=1)) == [Settled]


def test_a_drop_that_is_made_anew_has_a_grace_of_its_own(world):
    world.put("a.csv")
    world.look()
    (outcome,) = world.wait(seconds=900)
    tell(world, outcome)
    world.store.delete("acme/d/a.csv")
    world.wait(days=1)
    world.put("program.yaml", manifest("b.csv"))
    world.look()
    assert world.wait(seconds=899) == []
    assert kinds(world.wait(seconds=1)) == [Incomplete]


def test_what_was_taken_is_not_taken_again(world):
    world.put("program.yaml", manifest("numbers.csv"))
    world.put("numbers.csv")
    world.put("readme.txt")
    take_it(world, world.settled())
    assert world.look() == world.wait(days=1) == []
    world.put("readme.txt", b"changed, and not named")
    assert [o for o in (*world.look(), *world.wait(seconds=1)) if not isinstance(o, Waiting)] == []
    world.store.delete("acme/d/program.yaml")
    assert world.look() == world.wait(days=1) == []
    world.store.delete("acme/d/numbers.csv")
    assert world.look() == world.wait(days=1) == []


def test_other_content_under_the_same_name_is_taken_again_as_a_new_sighting(world):
    world.put("program.yaml", manifest("numbers.csv"))
    world.put("numbers.csv", b"first")
    first = world.settled()
    take_it(world, first)
    world.wait(days=1)
    world.put("numbers.csv", b"second")
    second = world.settled()
    assert second.first_seen == world.now - SETTLE
    assert second.manifest_seen == second.first_seen
    take_it(world, second)
    assert world.wait(days=1) == []


def test_a_logo_is_waited_for_like_a_file_of_numbers(world):
    world.put("program.yaml", manifest("numbers.csv", logo="acme.svg"))
    world.put("numbers.csv")
    world.look()
    assert world.wait(seconds=1) == world.wait(seconds=800) == []
    (outcome,) = world.wait(seconds=99)
    assert [(f.rule, f.file) for f in outcome.findings] == [("MAN-005", "acme.svg")]
    tell(world, outcome)
    world.put("acme.svg", b"<svg/>")
    assert kinds(world.look()) == [Waiting]
    assert take(world.settled()).files["acme.svg"] != ""


def test_a_logo_of_the_gallery_is_not_waited_for_unless_it_lies_in_the_drop(world):
    world.put("program.yaml", manifest("numbers.csv", logo="acme.svg"))
    world.put("numbers.csv")
    world.put("acme.svg", b"<svg/>", drop="_logos/zenith")
    world.look()
    assert world.wait(seconds=1) == []
    world.put("acme.svg", b"<svg/>", drop="_logos/acme")
    (outcome,) = world.look()
    assert take(outcome.sighting).files["acme.svg"] == ""
    take_it(world, outcome.sighting)
    world.put("acme.svg", b"<svg/>")
    assert kinds(world.look()) == [Waiting]
    assert take(world.settled()).files["acme.svg"] != ""


def test_a_cancelling_manifest_waits_for_nothing(world):
    world.put("program.yaml", manifest("never.csv", state="cancelled"))
    assert list(take(world.settled()).files) == []


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"a: [", b"", b"x" * (1 << 20) + b"y", b"- 1"])
def test_a_manifest_that_cannot_be_understood_is_taken_to_be_judged_so(world, content):
    world.put("program.yaml", content)
    assert list(take(world.settled()).files) == []


def test_names_that_leave_the_drop_are_not_waited_for(world):
    names = ("../e/numbers.csv", "/etc/passwd", "a//b", ".", "program.yaml", "x\0y")
    world.put("program.yaml", manifest(*names))
    world.put("numbers.csv", drop="acme/e")
    world.look()
    settled = [o for o in world.wait(seconds=1) if isinstance(o, Settled)]
    assert [list(take(s.sighting).files) for s in settled] == [[]]


def test_two_manifests_ask_for_all_that_both_name(world):
    world.put("program.yaml", manifest("a.csv"))
    world.put("program.yml", manifest("b.csv"))
    world.put("a.csv")
    assert kinds(world.look()) == [Waiting]
    assert kinds(world.wait(seconds=1)) == []
    world.put("b.csv")
    assert list(take(world.settled()).files) == ["a.csv", "b.csv"]


def test_a_file_that_cannot_be_read_is_its_drops_trouble_alone(world, monkeypatch):
    from flows.stores import StoreError

    world.put("program.yaml", manifest("numbers.csv"))
    world.put("numbers.csv")
    world.put("program.yaml", manifest(), drop="acme/other")
    world.look()
    real = world.store.open
    denied = StoreError("'acme/d/program.yaml': Permission denied")

    def broken(key, version=None):
        if key.startswith("acme/d/"):
            raise denied
        return real(key, version)

    monkeypatch.setattr(world.store, "open", broken)
    outcomes = world.wait(seconds=1)
    assert sorted(kinds(outcomes), key=str) == [Problem, Settled]
    assert [o.what for o in outcomes if isinstance(o, Problem)] == [
        "drop d cannot be read: 'acme/d/program.yaml': Permission denied"
    ]


def test_a_clock_set_back_does_not_hold_a_drop(world):
    world.put("program.yaml", manifest())
    world.look()
    world.now -= GRACE
    assert kinds(world.look()) == [Waiting]
    assert kinds(world.wait(seconds=1)) == [Settled]
