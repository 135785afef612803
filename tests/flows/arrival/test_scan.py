"""Looking at the whole inbox: what is whose, what is nobody's, and how long a large one takes."""

import time
import tracemalloc
from dataclasses import replace
from datetime import timedelta

import pytest

from flows.arrival.completeness import Settled, Waiting, take
from flows.arrival.listing import Problem
from flows.arrival.scan import arrivals
from flows.ledger.intake.drops import record_sightings
from flows.stores import AccessDenied
from tests.flows.inbox_world import SETTLE, manifest
from tests.flows.stores.memory import MemoryStore

EXPECTED = "expected a real folder named [a-z0-9][a-z0-9-]{0,62}"


def drops(outcomes):
    return sorted(f"{o.sighting.business}/{o.sighting.name}" for o in outcomes if not isinstance(o, Problem))


def problems(outcomes):
    return sorted((o.business or "", o.what) for o in outcomes if isinstance(o, Problem))


def test_same_names_in_two_businesses_are_two_drops(inbox_world):
    for drop in ("acme/d", "zenith/d", "acme/d2"):
        inbox_world.put("program.yaml", manifest(), drop=drop)
    assert drops(inbox_world.look()) == ["acme/d", "acme/d2", "zenith/d"]
    assert drops(inbox_world.look(business="zenith")) == ["zenith/d"]
    assert drops(inbox_world.look(drops=[("acme", "d2"), ("acme", "d2"), ("acme", "none")])) == ["acme/d2"]


def test_what_is_the_operators_is_not_looked_at(inbox_world):
    for name in ("_logos/acme/program.yaml", "_x/d/program.yaml", ".hidden/d/program.yaml"):
        inbox_world.store.put(name, b"x")
    for name in ("businesses.yaml", "README.md", "Anything.csv"):
        inbox_world.store.put(name, b"x")
    assert inbox_world.look() == []
    assert (
        inbox_world.look(drops=[("_logos", "acme"), ("..", "etc"), ("acme", ".."), ("acme", "a\nb"), ("acme", "")])
        == []
    )


@pytest.mark.parametrize(
    "name", ["Acme", "acme_bank", "acmé", "аcme", "-acme", "a" * 64, "acme.", "ACME-BANK", "acme bank"]
)
def test_a_folder_that_can_be_no_business_is_one_problem(inbox_world, name):
    inbox_world.store.put(f"{name}/d/program.yaml", manifest())
    inbox_world.store.put(f"{name}/e/program.yaml", manifest())
    assert problems(inbox_world.look()) == [("", f"{name!a} in the inbox is not a business's folder: {EXPECTED}")]


@pytest.mark.parametrize("name", ["a\nb", "a\x1b[2Jb", "a\u202eb", "a\u200bb", "\udce9"])
def test_a_drop_whose_name_cannot_be_shown_is_a_problem_and_not_taken(inbox_world, name):
    inbox_world.store.put(f"acme/{name}/program.yaml", manifest())
    inbox_world.put("program.yaml", manifest())
    outcomes = inbox_world.look()
    assert drops(outcomes) == ["acme/d"]
    assert problems(outcomes) == [("acme", f"drop {name!a}: a name with characters that cannot be shown")]


def test_look_alikes_are_drops_of_their_own(inbox_world):
    names = ["caf\u00e9", "cafe\u0301", "\u0441afe", "cafe"]
    for name in names:
        inbox_world.put("program.yaml", manifest(reference=f"r{len(name)}"), drop=f"acme/{name}")
    assert drops(inbox_world.look()) == sorted(f"acme/{n}" for n in names)


def test_files_beside_the_drops_are_one_problem_a_business(inbox_world):
    for name in ("loose.csv", "program.yaml", ".DS_Store", "x.part"):
        inbox_world.store.put(f"acme/{name}", b"x")
    inbox_world.put("program.yaml", manifest())
    ((business, what),) = problems(inbox_world.look())
    assert business == "acme"
    assert what.endswith("lies beside the drops: expected one folder a drop")


def test_a_business_that_closes_its_inbox_ends_no_pass_but_its_own(inbox_world, monkeypatch):
    inbox_world.put("program.yaml", manifest())
    inbox_world.put("program.yaml", manifest(), drop="zenith/theirs")
    listed = type(inbox_world.store).list

    def closed(store, prefix=""):
        if prefix.startswith("acme/"):
            raise AccessDenied("'acme': Permission denied")
        yield from listed(store, prefix)

    monkeypatch.setattr(type(inbox_world.store), "list", closed)
    for outcomes in (inbox_world.look(), inbox_world.look(drops=[("acme", "d"), ("zenith", "theirs")])):
        assert drops(outcomes) == ["zenith/theirs"]
        assert problems(outcomes) == [("acme", "'acme': Permission denied")]


def test_links_for_a_business_or_a_drop_are_problems(inbox_world, tmp_path):
    if isinstance(inbox_world.store, MemoryStore):
        pytest.skip("only a folder has links")
    inbox_world.put("program.yaml", manifest(), drop="zenith/theirs")
    (inbox_world.store.root / "acme").mkdir()
    (inbox_world.store.root / "acme/mine").symlink_to(inbox_world.store.root / "zenith/theirs")
    (inbox_world.store.root / "linked").symlink_to(inbox_world.store.root / "zenith")
    outcomes = inbox_world.look()
    assert drops(outcomes) == ["zenith/theirs"]
    assert problems(outcomes) == [
        ("", f"'linked' in the inbox is not a business's folder: {EXPECTED}"),
        ("acme", "'acme/mine' lies beside the drops: expected one folder a drop"),
    ]


def test_too_many_files_are_not_taken_into_memory(inbox_world, monkeypatch):
    monkeypatch.setattr("flows.arrival.listing.MAX_OBJECTS", 10)
    for i in range(11):
        inbox_world.put(f"{i}.csv")
    assert problems(inbox_world.look()) == [("acme", "drop d holds more than 10 files and is not taken")]


def test_a_pass_waits_one_settle_time_and_gives_drops_in_the_order_of_their_manifests(inbox_world):
    naps = []

    def sleep(seconds):
        naps.append(seconds)
        inbox_world.now += SETTLE

    def run():
        return arrivals(inbox_world.inbox, clock=lambda: inbox_world.now, sleep=sleep)

    assert run() == naps == []
    inbox_world.put("numbers.csv", drop="acme/a-files-first")
    inbox_world.put("program.yaml", manifest(), drop="acme/z")
    inbox_world.look()
    inbox_world.now += SETTLE
    inbox_world.put("program.yaml", manifest("numbers.csv"), drop="acme/a-files-first")
    inbox_world.put("program.yaml", manifest(), drop="zenith/b")
    outcomes = run()
    assert [o.sighting.name for o in outcomes] == ["z", "a-files-first", "b"]
    assert {type(o) for o in outcomes} == {Settled}
    assert naps == [1.0]
    assert [o.sighting.name for o in run()] == ["z", "a-files-first", "b"]
    assert naps == [1.0]


@pytest.mark.parametrize(("took", "left"), [(0, 1.0), (0.25, 0.75), (5, 0.0), (-3600, 1.0)])
def test_what_is_done_meanwhile_is_a_part_of_the_settle_time(inbox_world, took, left):
    seen, naps = [], []

    def meanwhile(sightings):
        seen.extend(s.name for s in sightings)
        inbox_world.now += timedelta(seconds=took)

    inbox_world.put("program.yaml", manifest())
    arrivals(inbox_world.inbox, clock=lambda: inbox_world.now, sleep=naps.append, meanwhile=meanwhile)
    assert (seen, naps) == (["d"], [left])


def take_all(inbox_world, outcomes):
    """As if each had been claimed and taken."""
    with inbox_world.ledger.begin() as conn:
        record_sightings(conn, [replace(o.sighting, pending=None, taken=take(o.sighting)) for o in outcomes])


def old_inbox(inbox_world, count):
    """An inbox with that many drops, all taken."""
    for i in range(count):
        folder = inbox_world.store.root / f"b{i % 20}" / f"drop-{i}"
        folder.mkdir(parents=True)
        (folder / "program.yaml").write_bytes(manifest("numbers.csv", reference=f"r{i}"))
        (folder / "numbers.csv").write_bytes(b"x")
    assert {type(o) for o in inbox_world.look()} == {Waiting}
    take_all(inbox_world, inbox_world.wait(seconds=1))


def peak_of_a_pass(inbox_world):
    """Bytes that one look needs at its most."""
    tracemalloc.start()
    assert inbox_world.look() == []
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


@pytest.mark.parametrize(("inbox_world", "small", "large"), [("folder", 200, 800)], indirect=["inbox_world"])
def test_memory_does_not_grow_with_what_was_taken(inbox_world, small, large):
    old_inbox(inbox_world, small)
    inbox_world.look()
    first = peak_of_a_pass(inbox_world)
    for i in range(small, large):
        folder = inbox_world.store.root / f"b{i % 20}" / f"more-{i}"
        folder.mkdir()
        (folder / "program.yaml").write_bytes(manifest(reference=f"r{i}"))
    inbox_world.look()
    take_all(inbox_world, inbox_world.wait(seconds=1))
    second = peak_of_a_pass(inbox_world)
    assert second < max(2 * first, 2_000_000)


@pytest.mark.soak
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("inbox_world", ["folder"], indirect=True)
def test_a_pass_over_100_000_old_objects_takes_less_than_ten_seconds(inbox_world):
    old_inbox(inbox_world, 50_000)
    begun = time.perf_counter()
    assert inbox_world.look() == []
    took = time.perf_counter() - begun
    peak = peak_of_a_pass(inbox_world)
    print(f"100,000 objects: {took:.1f} s, peak {peak / 1e6:.1f} MB")
    assert took < 10
    assert peak < 30_000_000
