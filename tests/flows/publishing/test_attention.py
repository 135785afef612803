"""What a pass leaves to the operator: failed programs as long as they stand, and what has begun to wait."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import update

from flows.ledger.core.tables import revision
from flows.publishing import attention
from tests.flows.sample_drops import ROWS, ZENITH


def test_a_held_drop_and_a_review_are_listed_once(world):
    world.drop("acme-bank/a", ROWS + "214-9022,Survey\n", on_rejected_rows="hold")
    world.drop("zenith-health/b", "5012149030,Survey\n", **ZENITH | {"display_name": "{display: New, shorthand: New}"})
    held, review = world.run().waiting
    submission = world.receipt("acme-bank/a")["submission"]
    assert held == (
        "acme-bank/a: held: rows were rejected, and on_rejected_rows is hold; "
        f"`launchdrop submissions release {submission}` or `reject`"
    )
    assert review.startswith("zenith-health: New waits for review; `launchdrop review approve ")
    world.clock.now += timedelta(seconds=1)
    assert world.run().waiting == []


def test_a_failed_program_is_listed_as_long_as_it_stands(world):
    world.drop("acme-bank/a", ROWS)
    world.run()
    with world.services.ledger.begin() as conn:
        conn.execute(update(revision).values(state="launch_failed", reason="refused"))
    line = "acme-bank/orders: launch failed: refused; `launchdrop launches retry acme-bank/orders`"
    assert world.run().waiting == world.run(business="acme-bank").waiting == [line]
    assert world.run(business="zenith-health").waiting == []
    with world.services.ledger.read() as conn:
        now = datetime(2030, 1, 1, tzinfo=UTC)
        assert attention.list_attention_lines(conn, since=now, reported=["acme-bank/orders: refused"]) == []


def test_a_long_list_is_cut(world, monkeypatch):
    monkeypatch.setattr(attention, "MAX_LINES", 1)
    for name in ("a", "b", "c"):
        world.drop(f"acme-bank/{name}", "5012149020,Survey\n1,Survey\n", reference=name, on_rejected_rows="hold")
    assert world.run().waiting[1:] == ["and 2 more: see _operator/index.html in the reports"]
