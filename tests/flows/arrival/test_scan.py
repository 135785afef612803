"""Scans of the whole inbox: which drops and problems they find, in which order, and how long a large inbox takes."""

import time
import tracemalloc
from dataclasses import replace
from datetime import timedelta

import pytest

from flows.arrival.completeness import SettledDrop, UnsettledDrop, versions_to_take
from flows.arrival.listing import InboxProblem
from flows.arrival.scan import find_arrivals
from flows.ledger.intake.drops import record_sightings
from flows.stores import AccessDenied
from tests.flows.inbox_world import SETTLE, manifest
from tests.flows.stores.memory import MemoryStore

EXPECTED = "expected a real folder named [a-z0-9][a-z0-9-]{0,62}"


def drops(outcomes):
    return sorted(f"{o.sighting.business}/{o.sighting.name}" for o in outcomes if not isinstance(o, InboxProblem))


def problems(outcomes):
    return sorted((o.business or "", o.message) for o in outcomes if isinstance(o, InboxProblem))


def test_two_businesses_can_use_the_same_drop_name(inbox_world):
    for drop in ("acme/d", "zenith/d", "acme/d2"):
        inbox_world.put("program.yaml", manifest(), drop=drop)
    assert drops(inbox_world.scan()) == ["acme/d", "acme/d2", "zenith/d"]
    assert drops(inbox_world.scan(business="zenith")) == ["zenith/d"]
    assert drops(inbox_world.scan(drops=[("acme", "d2"), ("acme", "d2"), ("acme", "none")])) == ["acme/d2"]


def test_the_operators_files_are_not_scanned(inbox_world):
    for name in ("_logos/acme/program.yaml", "_x/d/program.yaml", ".hidden/d/program.yaml"):
        inbox_world.store.put(name, b"x")
    for name in ("businesses.yaml", "README.md", "Anything.csv"):
        inbox_world.store.put(name, b"x")
    assert inbox_world.scan() == []
    assert (
        inbox_world.scan(drops=[("_logos", "acme"), ("..", "etc"), ("acme", ".."), ("acme", "a\nb"), ("acme", "")])
        == []
    )


@pytest.mark.parametrize(
    "name", ["Acme", "acme_bank", "acmé", "аcme", "-acme", "a" * 64, "acme.", "ACME-BANK", "acme bank"]
)
def test_a_folder_whose_name_no_business_can_have_is_one_problem(inbox_world, name):
    inbox_world.store.put(f"{name}/d/program.yaml", manifest())
    inbox_world.store.put(f"{name}/e/program.yaml", manifest())
    assert problems(inbox_world.scan()) == [("", f"{name!a} in the inbox is not the folder of a business: {EXPECTED}")]


@pytest.mark.parametrize("name", ["a\nb", "a\x1b[2Jb", "a\u202eb", "a\u200bb", "\udce9"])
def test_a_drop_whose_name_cannot_be_printed_is_a_problem(inbox_world, name):
    inbox_world.store.put(f"acme/{name}/program.yaml", manifest())
    inbox_world.put("program.yaml", manifest())
    outcomes = inbox_world.scan()
    assert drops(outcomes) == ["acme/d"]
    assert problems(outcomes) == [("acme", f"drop {name!a}: its name has characters that cannot be printed")]


def test_look_alike_names_are_different_drops(inbox_world):
    names = ["caf\u00e9", "cafe\u0301", "\u0441afe", "cafe"]
    for name in names:
        inbox_world.put("program.yaml", manifest(reference=f"r{len(name)}"), drop=f"acme/{name}")
    assert drops(inbox_world.scan()) == sorted(f"acme/{n}" for n in names)


def test_files_outside_of_drops_are_one_problem_per_business(inbox_world):
    for name in ("loose.csv", "program.yaml", ".DS_Store", "x.part"):
        inbox_world.store.put(f"acme/{name}", b"x")
    inbox_world.put("program.yaml", manifest())
    ((business, message),) = problems(inbox_world.scan())
    assert business == "acme"
    assert message.endswith("is not in the folder of a drop: expected one folder per drop")


def test_a_manifest_outside_of_drops_is_named_rather_than_another_file(inbox_world):
    for name in ("aaa.csv", "Program.YAML", "zzz.csv"):
        inbox_world.store.put(f"acme/{name}", b"x")
    inbox_world.put("program.yaml", manifest(), drop="acme/m")
    assert problems(inbox_world.scan()) == [
        ("acme", "'acme/Program.YAML' is not in the folder of a drop: expected one folder per drop")
    ]


@pytest.mark.parametrize("name", ["program.yaml", "Program.YML", "manifest.yaml", "program.yaml.txt"])
def test_a_manifest_directly_in_the_inbox_is_a_problem_of_no_business(inbox_world, name):
    inbox_world.store.put(name, manifest())
    inbox_world.store.put("README.md", b"x")
    message = f"'{name}' is directly in the inbox: expected <business>/<drop>/program.yaml"
    assert problems(inbox_world.scan()) == [("", message)]
    assert inbox_world.scan(business="acme") == []


def test_a_business_whose_folder_cannot_be_read_does_not_stop_the_others(inbox_world, monkeypatch):
    inbox_world.put("program.yaml", manifest())
    inbox_world.put("program.yaml", manifest(), drop="zenith/other")
    listed = type(inbox_world.store).list

    def closed(store, prefix=""):
        if prefix.startswith("acme/"):
            raise AccessDenied("'acme': Permission denied")
        yield from listed(store, prefix)

    monkeypatch.setattr(type(inbox_world.store), "list", closed)
    for outcomes in (inbox_world.scan(), inbox_world.scan(drops=[("acme", "d"), ("zenith", "other")])):
        assert drops(outcomes) == ["zenith/other"]
        assert problems(outcomes) == [("acme", "'acme': Permission denied")]


def test_a_link_instead_of_a_business_or_drop_is_a_problem(inbox_world, tmp_path):
    if isinstance(inbox_world.store, MemoryStore):
        pytest.skip("only a folder has links")
    inbox_world.put("program.yaml", manifest(), drop="zenith/other")
    (inbox_world.store.root / "acme").mkdir()
    (inbox_world.store.root / "acme/linked").symlink_to(inbox_world.store.root / "zenith/other")
    (inbox_world.store.root / "linked").symlink_to(inbox_world.store.root / "zenith")
    outcomes = inbox_world.scan()
    assert drops(outcomes) == ["zenith/other"]
    assert problems(outcomes) == [
        ("", f"'linked' in the inbox is not the folder of a business: {EXPECTED}"),
        ("acme", "'acme/linked' is not in the folder of a drop: expected one folder per drop"),
    ]


def test_a_drop_with_too_many_files_is_a_problem(inbox_world, monkeypatch):
    monkeypatch.setattr("flows.arrival.listing.MAX_OBJECTS", 10)
    for i in range(11):
        inbox_world.put(f"{i}.csv")
    assert problems(inbox_world.scan()) == [("acme", "drop d has more than 10 files: not taken")]


def test_arrivals_wait_one_settle_time_and_come_in_the_order_of_their_manifests(inbox_world):
    naps = []

    def sleep(seconds):
        naps.append(seconds)
        inbox_world.now += SETTLE

    def run():
        return find_arrivals(inbox_world.inbox, clock=lambda: inbox_world.now, sleep=sleep)

    assert run() == naps == []
    inbox_world.put("numbers.csv", drop="acme/a-files-first")
    inbox_world.put("program.yaml", manifest(), drop="acme/z")
    inbox_world.scan()
    inbox_world.now += SETTLE
    inbox_world.put("program.yaml", manifest("numbers.csv"), drop="acme/a-files-first")
    inbox_world.put("program.yaml", manifest(), drop="zenith/b")
    outcomes = run()
    assert [o.sighting.name for o in outcomes] == ["z", "a-files-first", "b"]
    assert {type(o) for o in outcomes} == {SettledDrop}
    assert naps == [1.0]
    assert [o.sighting.name for o in run()] == ["z", "a-files-first", "b"]
    assert naps == [1.0]


@pytest.mark.parametrize(("took", "left"), [(0, 1.0), (0.25, 0.75), (5, 0.0), (-3600, 1.0)])
def test_work_during_the_wait_counts_toward_the_settle_time(inbox_world, took, left):
    seen, naps = [], []

    def on_wait(sightings):
        seen.extend(s.name for s in sightings)
        inbox_world.now += timedelta(seconds=took)

    inbox_world.put("program.yaml", manifest())
    find_arrivals(inbox_world.inbox, clock=lambda: inbox_world.now, sleep=naps.append, on_wait=on_wait)
    assert (seen, naps) == (["d"], [left])


def take_all(inbox_world, outcomes):
    """Record all of them as taken."""
    with inbox_world.ledger.begin() as conn:
        record_sightings(
            conn, [replace(o.sighting, pending=None, taken=versions_to_take(o.sighting)) for o in outcomes]
        )


def fill_with_taken_drops(inbox_world, count):
    """Write this many drops, and record them as taken."""
    for i in range(count):
        folder = inbox_world.store.root / f"b{i % 20}" / f"drop-{i}"
        folder.mkdir(parents=True)
        (folder / "program.yaml").write_bytes(manifest("numbers.csv", reference=f"r{i}"))
        (folder / "numbers.csv").write_bytes(b"x")
    assert {type(o) for o in inbox_world.scan()} == {UnsettledDrop}
    take_all(inbox_world, inbox_world.scan_after(seconds=1))


def measure_peak(inbox_world):
    """The peak memory of one scan, in bytes."""
    tracemalloc.start()
    assert inbox_world.scan() == []
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


@pytest.mark.parametrize(("inbox_world", "small", "large"), [("folder", 200, 800)], indirect=["inbox_world"])
def test_memory_does_not_grow_with_the_taken_drops(inbox_world, small, large):
    fill_with_taken_drops(inbox_world, small)
    inbox_world.scan()
    first = measure_peak(inbox_world)
    for i in range(small, large):
        folder = inbox_world.store.root / f"b{i % 20}" / f"more-{i}"
        folder.mkdir()
        (folder / "program.yaml").write_bytes(manifest(reference=f"r{i}"))
    inbox_world.scan()
    take_all(inbox_world, inbox_world.scan_after(seconds=1))
    second = measure_peak(inbox_world)
    assert second < max(2 * first, 2_000_000)


@pytest.mark.soak
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("inbox_world", ["folder"], indirect=True)
def test_a_scan_of_100_000_old_objects_takes_less_than_ten_seconds(inbox_world):
    fill_with_taken_drops(inbox_world, 50_000)
    began = time.perf_counter()
    assert inbox_world.scan() == []
    took = time.perf_counter() - began
    peak = measure_peak(inbox_world)
    print(f"100,000 objects: {took:.1f} s, peak {peak / 1e6:.1f} MB")
    assert took < 10
    assert peak < 30_000_000
