"""What a receipt says of each outcome: why a drop is not in, how many numbers are, and what the operator decided."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from jsonschema import Draft202012Validator
from sqlalchemy import update

from flows.ledger.core.tables import revision, submission
from flows.ledger.programs.register import (
    register_waiting_submissions,
    reject_held_submission,
    release_held_submission,
)
from flows.publishing.outbox import publish_outbox
from reports.json_documents import published_schema
from schemas.rules import RULES
from tests.flows.sample_drops import ROWS

BAD_ROWS = ROWS + "214-9022,Survey\n5012149023,Surveys\n5012149024,Surveys\n"


@pytest.fixture
def receipt_of(world):
    """Make a drop, run a pass, and return a function that reads its receipt, which matches the published schema."""
    validator = Draft202012Validator(json.loads(published_schema("receipt")))

    def read(name="a"):
        publish_outbox(world.services)
        found = world.receipt(f"acme-bank/{name}")
        validator.validate(found)
        for link in ("link", "report", "report_json"):
            assert (world.reports / "acme-bank/drops" / name / found[link]).resolve().is_file()
        return found

    def drop(numbers=ROWS, name="a", **changes):
        world.drop(f"acme-bank/{name}", numbers, **changes)
        world.run()
        return read(name)

    drop.read = read
    return drop


def decide(world, decision, receipt, **more):
    with world.services.ledger.begin() as conn:
        decision(conn, receipt["submission"], by="ann", now=world.clock(), **more)


def summary(receipt):
    return receipt["outcome"], receipt["verdict"], receipt["registered"], receipt["program_state"]


def reasons(receipt):
    return [(r["rule"], r["message"]) for r in receipt["reasons"]]


def test_accepted(receipt_of):
    receipt = receipt_of()
    assert summary(receipt) == ("registered", "accepted", 2, "scheduled")
    assert (receipt["reasons"], receipt["reasons_total"], receipt["decision"]) == ([], 0, None)


def test_accepted_with_rejections_has_one_reason_per_rule(receipt_of):
    receipt = receipt_of(BAD_ROWS)
    assert summary(receipt) == ("registered", "accepted_with_rejections", 2, "scheduled")
    assert receipt["reasons"] == [
        {
            "rule": "PUR-002",
            "message": "2 rows: The call purpose is not one of the ten (first: row 4 of numbers.csv).",
            "fix": RULES["PUR-002"].fix,
            "file": "numbers.csv", "row": 4, "line": 4, "path": None, "suggestion": None, "count": 2,
        },
        {
            "rule": "NUM-004", "message": "1 row: The area code is missing (row 3 of numbers.csv).",
            "fix": RULES["NUM-004"].fix,
            "file": "numbers.csv", "row": 3, "line": 3, "path": None, "suggestion": None, "count": 1,
        },
    ]  # fmt: skip
    assert receipt["reasons_total"] == 2


def test_rejected_for_the_manifest(receipt_of, world):
    receipt_of()
    receipt = receipt_of(BAD_ROWS, name="b", business_unit="Crads", call_reason="Hello")
    assert summary(receipt) == ("registered", "rejected", 0, None)
    assert (receipt["scheduled_start"], receipt["branding"]) == (None, None)
    assert (receipt["counts"]["accepted"], receipt["counts"]["rejected"]) == (2, 3)
    first = receipt["reasons"][0]
    assert (first["rule"], first["path"], first["line"], first["suggestion"]) == (
        "MAN-010",
        "business_unit",
        3,
        "Cards",
    )
    assert [rule for rule, _ in reasons(receipt)] == ["MAN-010", "PUR-002", "NUM-004"]
    assert "501" not in json.dumps(receipt["reasons"])


def test_rejected_without_a_manifest_that_can_be_read(receipt_of, world):
    world.drop("acme-bank/a", ROWS)
    (world.inbox / "acme-bank/a/program.yaml").write_text("a: [")
    world.run()
    receipt = receipt_of.read()
    assert summary(receipt) == ("registered", "rejected", 0, None)
    assert [rule for rule, _ in reasons(receipt)] == ["MAN-001"]


def test_a_long_list_of_reasons_is_cut_and_counted(receipt_of):
    wrong = "".join(f"\n  key{n}: x" for n in range(60))
    receipt = receipt_of(program="\n  type: INFORM" + wrong)
    assert (len(receipt["reasons"]), receipt["reasons_total"]) == (50, 63)


def test_held_then_released(receipt_of, world):
    receipt = receipt_of(BAD_ROWS, on_rejected_rows="hold")
    assert summary(receipt) == ("registered", "held", 0, None)
    assert receipt["decision"] is None
    assert reasons(receipt)[0] == (None, "Rows were rejected, and on_rejected_rows is hold.")
    assert [rule for rule, _ in reasons(receipt)[1:]] == ["PUR-002", "NUM-004"]
    decide(world, release_held_submission, receipt)
    receipt = receipt_of.read()
    assert summary(receipt) == ("registered", "accepted_with_rejections", 2, "scheduled")
    assert [rule for rule, _ in reasons(receipt)] == ["PUR-002", "NUM-004"]
    assert receipt["decision"] == {"what": "released", "who": "ann", "when": "2026-11-23T15:00:01Z", "reason": None}


def test_held_then_rejected_by_the_operator(receipt_of, world):
    receipt = receipt_of(BAD_ROWS, on_rejected_rows="hold")
    decide(world, reject_held_submission, receipt, reason="Wrong list.")
    receipt = receipt_of.read()
    assert summary(receipt) == ("registered", "rejected", 0, None)
    assert reasons(receipt)[0] == (None, "The operator rejected this drop: Wrong list.")
    assert receipt["reasons_total"] == 3
    assert receipt["decision"] == {
        "what": "rejected", "who": "ann", "when": "2026-11-23T15:00:01Z", "reason": "Wrong list."
    }  # fmt: skip


def test_held_then_replaced(receipt_of):
    receipt_of(BAD_ROWS, on_rejected_rows="hold")
    receipt_of(name="b")
    receipt = receipt_of.read("a")
    assert summary(receipt) == ("registered", "held", 0, None)
    assert reasons(receipt)[0] == (None, "A newer drop for the same program replaced this one while it was held.")
    assert receipt["decision"] is None


def test_held_because_replacing_would_remove_live_numbers(receipt_of, world):
    receipt_of("".join(f"501214{n:04d},Survey\n" for n in range(9020, 9040)))
    world.clock.now = datetime(2030, 1, 7, 15, tzinfo=UTC)
    world.run()
    receipt = receipt_of(name="b", numbers_mode="replace")
    assert summary(receipt) == ("registered", "held", 0, None)
    assert reasons(receipt) == [
        (None, "Replacing would remove many of the live numbers."),
        ("MAN-019", "Replacing would remove 18 of the program's 20 numbers."),
    ]
    decide(world, release_held_submission, receipt)
    assert (receipt_of.read("b")["reasons"], receipt_of.read("b")["registered"]) == ([], 2)


def test_a_duplicate_registers_nothing(receipt_of):
    receipt_of()
    assert summary(receipt_of(name="b")) == ("duplicate", "accepted", 0, "scheduled")


def test_waiting_for_a_launch_keeps_the_operators_decision(receipt_of, world):
    receipt_of()
    receipt = receipt_of(BAD_ROWS, name="b", on_rejected_rows="hold")
    with world.services.ledger.begin() as conn:
        conn.execute(update(revision).values(state="launching"))
    decide(world, release_held_submission, receipt)
    receipt = receipt_of.read("b")
    assert summary(receipt) == ("registered", "accepted_with_rejections", 0, "launching")
    assert reasons(receipt)[0] == (
        None, "The program is launching. This drop is registered when the launch is over."
    )  # fmt: skip
    decided = receipt["decision"]
    world.clock.now += timedelta(hours=1)
    with world.services.ledger.begin() as conn:
        conn.execute(update(revision).values(state="live"))
        register_waiting_submissions(conn, "acme-bank", "orders", now=world.clock())
    receipt = receipt_of.read("b")
    assert (receipt["registered"], receipt["decision"]) == (2, decided)


def test_a_submission_of_an_earlier_release_has_reasons_from_its_totals(receipt_of, world):
    receipt_of(BAD_ROWS)
    with world.services.ledger.begin() as conn:
        conn.execute(update(submission).values(reasons=None))
    world.clock.now = datetime(2030, 1, 7, 15, tzinfo=UTC)
    world.run()
    receipt = receipt_of.read()
    assert [(r["rule"], r["message"], r["count"]) for r in receipt["reasons"]] == [
        ("NUM-004", "The area code is missing.", 1),
        ("PUR-002", "The call purpose is not one of the ten.", 2),
    ]
