"""The quota of a business: above it submissions are held, above twice as much drops wait in the inbox."""

import os
from dataclasses import replace

import pytest

from flows.ledger.intake.usage import read_used_bytes, set_used_bytes
from flows.operations.prune import recount_usage
from flows.registration.rerun import release_submission
from flows.validation.quota import count_used_bytes, format_bytes

ROWS = "".join(f"5012149{last:03d},Survey\n" for last in range(20, 520))
PAGES = 100_000


def used(world, business="acme-bank"):
    with world.services.ledger.read() as conn:
        return read_used_bytes(conn, business)


@pytest.fixture
def small(world, settings):
    """A world whose quota has room for one submission, but not for three."""
    world.services = replace(world.services, settings=settings.model_copy(update={"quota": 150_000}))
    return world


def test_what_a_submission_takes_is_counted(world):
    world.drop("acme-bank/a", ROWS)
    world.run()
    manifest = (world.inbox / "acme-bank/a/program.yaml").stat().st_size
    assert used(world) == len(ROWS) + manifest + PAGES
    assert used(world, "zenith-health") == 0


def test_above_the_quota_a_submission_is_held_with_the_reason(small):
    small.drop("acme-bank/a", ROWS, reference="a")
    small.run()
    small.drop("acme-bank/b", ROWS.replace("5012149", "5012150"), reference="b")
    assert small.receipt("acme-bank/a")["verdict"] == "accepted"
    with small.services.ledger.begin() as conn:
        set_used_bytes(conn, "acme-bank", 149_000)
    small.run()
    receipt = small.receipt("acme-bank/b")
    assert receipt["verdict"] == "held"
    (reason,) = receipt["reasons"]
    assert reason["message"] == ("The files of this business take 158,344 bytes, more than its quota of 150,000 bytes.")
    page = (small.reports / "_operator/index.html").read_text()
    assert "more than its quota of 150,000 bytes" in page
    release_submission(small.services, receipt["submission"], by="operator")
    small.run()
    assert small.receipt("acme-bank/b")["verdict"] == "accepted"


def test_a_cancellation_is_not_held(small):
    small.drop("acme-bank/a", ROWS)
    small.run()
    with small.services.ledger.begin() as conn:
        set_used_bytes(conn, "acme-bank", 149_999)
    manifest = "manifest: 1\nbusiness: acme-bank\nreference: collections\nstate: cancelled\n"
    reference = small.receipt("acme-bank/a")["reference"]
    (small.inbox / "acme-bank/b").mkdir()
    (small.inbox / "acme-bank/b/program.yaml").write_text(manifest.replace("collections", reference))
    small.run()
    assert small.receipt("acme-bank/b")["verdict"] == "accepted"


def test_another_business_is_not_held(small):
    small.drop("acme-bank/a", ROWS)
    small.run()
    with small.services.ledger.begin() as conn:
        set_used_bytes(conn, "acme-bank", 10**9)
    small.drop("zenith-health/a", ROWS, business_unit="Reminders",
               display_name="{display: Zenith Health, shorthand: Zenith}")  # fmt: skip
    small.run()
    assert small.receipt("zenith-health/a")["verdict"] == "rejected"  # for its numbers, which Acme has


def test_above_twice_the_quota_drops_wait_with_one_line(small):
    small.drop("acme-bank/a", ROWS)
    small.run()
    with small.services.ledger.begin() as conn:
        set_used_bytes(conn, "acme-bank", 299_000)
    for name in "bcd":
        small.drop(f"acme-bank/{name}", ROWS, reference=name)
    result = small.run()
    assert result.intake.taken == []
    assert result.intake.problems == [
        "acme-bank: its drops wait: its files take 299,000 bytes, the next drop has 9,344 bytes, and its quota is "
        "150,000 bytes"
    ]
    with small.services.ledger.begin() as conn:
        set_used_bytes(conn, "acme-bank", 0)
    assert len(small.run().intake.taken) == 3


def test_a_sparse_file_of_a_terabyte_is_not_copied(world):
    world.drop("acme-bank/a", "")
    os.truncate(world.inbox / "acme-bank/a/numbers.csv", 10**12)
    result = world.run()
    assert result.intake.taken == []
    assert "the next drop has 1 TB, and its quota is 20 GB" in result.intake.problems[0]
    assert not list((world.inbox.parent / "archive").rglob("*.csv"))


def test_pruning_counts_what_is_left(world):
    world.drop("acme-bank/a", ROWS)
    world.run()
    recount_usage(world.services)
    assert used(world) == sum(
        path.stat().st_size
        for root in ("archive", "reports")
        for path in (world.inbox.parent / root / "acme-bank").rglob("*")
        if path.is_file()
    )


def test_a_ledger_of_an_older_release_is_counted_at_the_first_use(world):
    world.drop("acme-bank/a", ROWS)
    world.run()
    with world.services.ledger.begin() as conn:
        set_used_bytes(conn, "acme-bank", None)
    assert used(world) is None
    assert count_used_bytes(world.services, "acme-bank") == used(world) > len(ROWS)


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 bytes"), (999_999, "999,999 bytes"), (1_500_000, "1.5 MB"), (20 * 10**9, "20 GB"), (10**12, "1 TB")],
)
def test_sizes_for_people(size, text):
    assert format_bytes(size) == text
