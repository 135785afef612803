"""Each manifest is parsed once, whatever steps need it."""

from dataclasses import replace

import pytest

from flows.arrival import manifests
from flows.arrival.manifests import ParsedManifests
from schemas.model.policy import Caps, Policy
from tests.flows.sample_drops import manifest

ROWS = "5012149020,Survey\n5012149021,Zebra\n"


@pytest.fixture
def parses(monkeypatch):
    """Counts what is parsed; nothing is known from earlier tests."""
    counted = []

    def counting(parse):
        def parse_and_count(content, **limits):
            counted.append(content)
            return parse(content, **limits)

        return parse_and_count

    from schemas import judge

    for module in (manifests, judge):
        monkeypatch.setattr(module, "parse_manifest", counting(module.parse_manifest))
    monkeypatch.setattr(manifests.parsed_manifests, "_parsed", type(manifests.parsed_manifests._parsed)())
    return counted


def test_a_pass_parses_each_manifest_once(world, parses):
    """Scanned twice a settle time apart, compared with what is in force, judged and registered."""
    for name in ("a", "b", "c"):
        world.drop(f"acme-bank/{name}", ROWS, reference=name)
    assert len(world.run().intake.took) == 3
    assert len(parses) == 3


def test_what_the_watcher_has_parsed_is_not_parsed_by_the_run(world, parses):
    """`serve` looks at a drop before it starts a run, which opens everything again."""
    from flows.arrival.scan import look
    from flows.pipeline import make_inbox

    world.drop("acme-bank/a", ROWS)
    assert any(look(make_inbox(world.services), now=world.clock(), drops=[("acme-bank", "a")]))
    assert len(world.run().intake.took) == 1
    assert len(parses) == 1


def test_a_repeated_drop_costs_no_second_parsing(world, parses):
    world.drop("acme-bank/a", ROWS)
    world.drop("acme-bank/again", ROWS)
    assert [took.registered.outcome for took in world.run().intake.took] == ["registered", "duplicate"]
    assert len(parses) == 1


def test_other_limits_are_other_results():
    content, kept = manifest("acme-bank").encode(), ParsedManifests()
    whole = kept.parse(content, Policy(), Caps())
    assert kept.parse(content, Policy(), Caps()) is whole
    assert kept.parse(content, replace(Policy(), max_manifest_bytes=10), Caps()).manifest is None
    assert kept.parse(content, Policy(), replace(Caps(), per_rule=1)) is not whole


def test_old_ones_go_when_there_are_many():
    contents = [manifest("acme-bank", reference=f"r{n}").encode() for n in range(3)]
    kept = ParsedManifests(kept_bytes=2 * len(contents[0]))
    first, second, third = (
        kept.parse(content, Policy(), Caps(), place=("inbox", f"acme-bank/{n}/program.yaml", "1"))
        for n, content in enumerate(contents)
    )
    assert kept.at(("inbox", "acme-bank/0/program.yaml", "1")) is None
    assert kept.at(("inbox", "acme-bank/2/program.yaml", "1")) is third
    assert kept.parse(contents[1], Policy(), Caps()) is second
    again = kept.parse(contents[0], Policy(), Caps())
    assert again is not first
    assert again.manifest == first.manifest
