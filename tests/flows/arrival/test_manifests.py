"""Each manifest is parsed once, no matter how many steps need it."""

from dataclasses import replace

import pytest

from flows.arrival import manifests
from flows.arrival.manifests import ManifestCache
from flows.arrival.scan import scan_inbox
from flows.pipeline import make_inbox, take_inbox
from flows.scaling import parallel_pass
from schemas import judge
from schemas.model.policy import FindingCaps, Policy
from tests.flows.sample_drops import manifest
from tests.flows.scaling.test_parallel_pass import InProcessWorkers

ROWS = "5012149020,Survey\n5012149021,Zebra\n"


@pytest.fixture
def parses(monkeypatch):
    """Counts the manifests that are parsed. The cache is empty at first."""
    counted = []

    def counting(parse):
        def parse_and_count(content, **limits):
            counted.append(content)
            return parse(content, **limits)

        return parse_and_count

    for module in (manifests, judge):
        monkeypatch.setattr(module, "parse_manifest", counting(module.parse_manifest))
    monkeypatch.setattr(manifests.manifest_cache, "_parsed", type(manifests.manifest_cache._parsed)())
    return counted


def test_a_pass_parses_each_manifest_once(world, parses):
    """It is scanned twice, compared with the current submission, judged, and registered."""
    for name in ("a", "b", "c"):
        world.drop(f"acme-bank/{name}", ROWS, reference=name)
    assert len(world.run().intake.taken) == 3
    assert len(parses) == 3


def test_workers_get_the_parsed_manifests(world, parses, monkeypatch):
    """Each piece of work has an empty cache, as in another process: the values have to come with the drops."""
    cached, of_the_pass = manifests.manifest_cache._parsed, {}

    def find_in_the_pass(inbox, sighting):
        of_the_pass.update(cached)
        cached.update(of_the_pass)
        return manifests.find_scanned_manifest(inbox, sighting)

    monkeypatch.setattr(parallel_pass, "find_scanned_manifest", find_in_the_pass)
    workers = InProcessWorkers(before_work=lambda work: cached.clear())
    for number, (name, reference) in enumerate((("a", "one"), ("b", "two"), ("c", "one"))):
        world.drop(f"acme-bank/{name}", f"501214902{number},Survey\n", reference=reference)
    assert len(take_inbox(world.services, workers, sleep=world.clock.sleep).taken) == 3
    assert {"prepare_block", "register_block"} <= {*workers.done}
    assert len(parses) == 2  # "a" and "c" have the same manifest


def test_a_run_does_not_parse_what_the_watcher_has_parsed(world, parses):
    """`serve` scans a drop before it starts a run, which opens all services again."""
    world.drop("acme-bank/a", ROWS)
    assert any(scan_inbox(make_inbox(world.services), now=world.clock(), drops=[("acme-bank", "a")]))
    assert len(world.run().intake.taken) == 1
    assert len(parses) == 1


def test_a_duplicate_drop_is_not_parsed_again(world, parses):
    world.drop("acme-bank/a", ROWS)
    world.drop("acme-bank/again", ROWS)
    assert [result.registered.outcome for result in world.run().intake.taken] == ["registered", "duplicate"]
    assert len(parses) == 1


def test_other_limits_give_other_results():
    content, cache = manifest("acme-bank").encode(), ManifestCache()
    whole = cache.parse(content, Policy(), FindingCaps())
    assert cache.parse(content, Policy(), FindingCaps()) is whole
    assert cache.parse(content, replace(Policy(), max_manifest_bytes=10), FindingCaps()).manifest is None
    assert cache.parse(content, Policy(), replace(FindingCaps(), per_rule=1)) is not whole


def test_the_least_recently_used_manifests_leave_a_full_cache():
    contents = [manifest("acme-bank", reference=f"r{n}").encode() for n in range(3)]
    cache = ManifestCache(max_bytes=2 * len(contents[0]))
    first, second, third = (
        cache.parse(content, Policy(), FindingCaps(), place=("inbox", f"acme-bank/{n}/program.yaml", "1"))
        for n, content in enumerate(contents)
    )
    assert cache.find_by_place(("inbox", "acme-bank/0/program.yaml", "1")) is None
    assert cache.find_by_place(("inbox", "acme-bank/2/program.yaml", "1")) is third
    assert cache.parse(contents[1], Policy(), FindingCaps()) is second
    again = cache.parse(contents[0], Policy(), FindingCaps())
    assert again is not first
    assert again.manifest == first.manifest
