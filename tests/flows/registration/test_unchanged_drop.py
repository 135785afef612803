"""A rejected drop whose files are touched is judged again only if something that judging asks has changed."""

import os
from datetime import timedelta

import pytest

from flows.registration import drop as registration_drop
from flows.stores import AccessDenied
from flows.validation.judging_basis import UNCHANGED_FOR

BAD = "no number,Survey\n"


@pytest.fixture
def judged(monkeypatch):
    """Counts the judgments of the passes."""
    judgments = []
    judge = registration_drop.judge_archived_drop

    def count(*args, **kwargs):
        judgments.append(kwargs["submission"])
        return judge(*args, **kwargs)

    monkeypatch.setattr(registration_drop, "judge_archived_drop", count)
    return judgments


@pytest.fixture
def rejected(world, judged):
    """A rejected drop, judged once."""
    world.drop("acme-bank/a", BAD)
    world.run()
    assert world.receipt("acme-bank/a")["verdict"] == "rejected"
    assert len(judged) == 1
    return world


def touch(world, drop="acme-bank/a", **delay):
    world.clock.now += timedelta(**(delay or {"minutes": 1}))
    for file in (world.inbox / drop).iterdir():
        os.utime(file, (world.clock.now.timestamp(),) * 2)
    return world.run()


def test_a_touch_changes_nothing(rejected, judged):
    receipt, files = rejected.receipt("acme-bank/a"), rejected.files()
    archived = sorted((rejected.inbox.parent / "archive/acme-bank").iterdir())
    for _ in range(3):
        assert touch(rejected).intake.problems == []
    assert len(judged) == 1
    assert rejected.receipt("acme-bank/a") == receipt
    assert rejected.files().keys() == files.keys()
    assert sorted((rejected.inbox.parent / "archive/acme-bank").iterdir()) == archived


def test_other_bytes_are_judged(rejected, judged):
    rejected.drop("acme-bank/a", "no number at all,Survey\n")
    touch(rejected)
    assert len(judged) == 2


def test_the_same_bytes_in_another_drop_are_judged(rejected, judged):
    rejected.drop("acme-bank/b", BAD)
    rejected.run()
    assert len(judged) == 2


def test_after_an_hour_it_is_judged_again(rejected, judged):
    touch(rejected, seconds=UNCHANGED_FOR.total_seconds() + 60)
    assert len(judged) == 2
    touch(rejected)
    assert len(judged) == 2


def test_a_missing_business_unit_that_was_added_gets_the_drop_in(world, judged):
    world.drop("acme-bank/a", "5012149020,Survey\n", business_unit="Marketing")
    world.run()
    assert world.receipt("acme-bank/a")["verdict"] == "rejected"
    businesses = world.inbox / "businesses.yaml"
    businesses.write_text(businesses.read_text().replace("Collections", "Marketing", 1))
    touch(world)
    assert world.receipt("acme-bank/a")["verdict"] == "accepted"
    assert len(judged) == 2


def test_a_number_that_another_program_gave_up_gets_the_drop_in(world, judged):
    world.drop("acme-bank/own", "5012149020,Survey\n", reference="own")
    world.run()
    world.drop("acme-bank/a", "5012149020,Survey\n")
    world.run()
    assert world.receipt("acme-bank/a")["verdict"] == "rejected"
    touch(world)
    assert len(judged) == 2
    folder = world.inbox / "acme-bank/own"
    (folder / "program.yaml").write_text("manifest: 1\nbusiness: acme-bank\nreference: own\nstate: cancelled\n")
    touch(world, "acme-bank/own")
    touch(world)
    assert world.receipt("acme-bank/a")["verdict"] == "accepted"


def test_a_policy_that_the_operator_changed_counts(rejected, judged):
    settings = rejected.services.settings
    rejected.services.settings.__dict__["policy_display_max"] = settings.policy_display_max + 1
    rejected.services.settings.__dict__.pop("policy", None)
    touch(rejected)
    assert len(judged) == 2


def test_a_gallery_that_cannot_be_listed_is_no_obstacle(world, judged, monkeypatch):
    """Judging goes on without its logos, too."""
    children = type(world.services.inbox).children

    def refuse_gallery(store, prefix=""):
        if prefix.startswith("_logos/"):
            raise AccessDenied(f"{prefix}: permission denied")
        return children(store, prefix)

    monkeypatch.setattr(type(world.services.inbox), "children", refuse_gallery)
    world.drop("acme-bank/a", BAD)
    assert world.run().intake.problems == []
    assert world.receipt("acme-bank/a")["verdict"] == "rejected"
