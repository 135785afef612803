"""Queries for commands and pages, and that their cost does not grow with the age of the ledger."""

from datetime import timedelta

import pytest
from sqlalchemy import event

from flows.ledger.core.errors import LedgerError
from flows.ledger.core.outbox import add_submissions_to_outbox
from flows.ledger.intake.submissions import SubmittedLogo
from flows.ledger.launches.batches import mark_batch_sent, mark_batch_unknown
from flows.ledger.launches.due_launches import fail_launch
from flows.ledger.read import page_queries
from schemas.model.lifecycle import TRANSITIONS, RevisionState, is_transition_allowed
from tests.flows.ledger.driver import ACME, CUSTOM, DAY, HOUR, NOON, schedule, some_numbers


@pytest.fixture
def busy(driver):
    """Programs of acme: p live, q failed with an unknown batch, r starting tonight, s held, t live and in review."""
    driver.drop("p", some_numbers(3), purposes=2)
    driver.drop("q", some_numbers(3, 10))
    driver.drop("t", some_numbers(2, 40), display_name=CUSTOM)
    driver.now = NOON + HOUR
    jobs = {e.reference: e for e in driver.claim()}
    driver.finish([jobs["p"], jobs["t"]])
    [batch] = driver.open_batches(jobs["q"])
    with driver.ledger.begin() as conn:
        mark_batch_sent(conn, jobs["q"], batch, driver.now)
        mark_batch_unknown(conn, jobs["q"], batch, "no answer", driver.now)
        fail_launch(conn, jobs["q"], "no answer", now=driver.now)
    driver.drop("s", some_numbers(3, 20), verdict="held")
    driver.drop("r", some_numbers(3, 30), schedule=schedule(NOON + 5 * HOUR, NOON + 3 * DAY))
    driver.drop("r", [], verdict="rejected")
    return driver


def test_list_programs(busy):
    with busy.ledger.read() as conn:
        found = {p.reference: p for p in page_queries.list_programs(conn)}
        [one] = page_queries.list_programs(conn, business_id="acme", reference="q")
    assert [(p.reference, p.revision, p.state, p.branding) for p in found.values()] == [
        ("p", 1, "live", "approved"),
        ("q", 1, "launch_failed", "approved"),
        ("r", 1, "scheduled", "approved"),
        ("t", 1, "live", "in_review"),
    ]
    assert (found["p"].live, found["p"].pending, found["p"].refused) == (3, 0, 0)
    assert one.reason == "no answer"


def test_a_live_program_stays_live_while_a_revision_is_launched(busy):
    busy.drop("p", some_numbers(1, 50))
    with busy.ledger.read() as conn:
        [found] = page_queries.list_programs(conn, reference="p")
    assert (found.revision, found.state, found.live, found.pending) == (2, "live", 3, 1)


def test_list_submissions(busy):
    with busy.ledger.read() as conn:
        newest, *_ = found = page_queries.list_submissions(conn)
        assert [s.verdict for s in page_queries.list_submissions(conn, business_id="acme", limit=2)] == [
            "rejected",
            "accepted",
        ]
        assert page_queries.list_submissions(conn, business_id="zenith") == []
        assert page_queries.count_submissions(conn, "acme") == len(found) == 6
        assert page_queries.count_submissions(conn, "zenith") == 0
        assert [s.id for s in page_queries.list_earlier_submissions(conn, newest, limit=5)] == ["s5"]
        with pytest.raises(LedgerError, match="no submission x;"):
            page_queries.get_submission(conn, "x")


def test_what_waits_for_the_operator(busy):
    with busy.ledger.read() as conn:
        assert [row.id for row in page_queries.list_held_submissions(conn)] == ["s4"]
        assert [p.reference for p in page_queries.list_stuck_programs(conn)] == ["q"]
        assert [(b.reference, b.size) for b in page_queries.list_unknown_batches(conn)] == [("q", 3)]
        assert [p.reference for p in page_queries.list_starting_programs(conn, until=busy.now + DAY, limit=9)] == ["r"]


def test_totals_of_businesses(busy):
    since = busy.now - timedelta(days=30)
    with busy.ledger.read() as conn:
        acme, zenith = page_queries.list_business_totals(conn, since=since)
        assert page_queries.list_top_rules(conn, "acme", since=since, limit=3) == [("DSP-007", 6)]
    assert (acme.live, acme.scheduled, acme.numbers_live, acme.submissions, acme.accepted) == (2, 1, 5, 6, 14)
    assert (acme.last_received_at, zenith.last_received_at, zenith.submissions) == (busy.now, None, 0)


def test_live_numbers(busy):
    with busy.ledger.read() as conn:
        rows = [tuple(row) for row in page_queries.stream_live_numbers(conn)]
        assert list(page_queries.stream_live_numbers(conn, business_id="zenith")) == []
    assert rows == [
        *((n, 2, ACME.display, ACME.shorthand, "acme", "p") for n in some_numbers(3)),
        *((n, 0, None, None, "acme", "t") for n in some_numbers(2, 40)),  # in review: phones show nothing yet
    ]


@pytest.mark.parametrize(("live", "next_one", "given"), [(CUSTOM, ACME, None), (ACME, CUSTOM, ACME.display)])
def test_live_numbers_have_the_approved_name_of_the_live_revision(driver, live, next_one, given):
    driver.drop("p", some_numbers(1), display_name=live)
    driver.now = NOON + HOUR
    driver.launch()
    driver.drop("p", [], display_name=next_one)
    with driver.ledger.read() as conn:
        assert [row.display for row in page_queries.stream_live_numbers(conn)] == [given]


def test_live_numbers_have_no_name_while_their_logo_is_in_review(driver):
    driver.drop(
        "p", some_numbers(1), program_type="INFORM with Logo", logo=SubmittedLogo(name="acme.svg", sha256="ab" * 32)
    )
    driver.now = NOON + HOUR
    driver.launch()
    with driver.ledger.read() as conn:
        assert [row.display for row in page_queries.stream_live_numbers(conn)] == [None]


def test_list_transitions(busy):
    with busy.ledger.read() as conn:
        moves = [(m.thing, m.before, m.after, m.cause) for m in page_queries.list_transitions(conn, "acme", "q")]
    assert moves == [
        ("submission", None, "accepted", "drop d2"),
        ("revision", None, "scheduled", "submission s2"),
        ("branding", "none", "approved", "submission s2"),
        ("revision", "scheduled", "launching", "start time reached"),
        ("numbers", "sent", "unknown", "3 numbers to add: no answer"),
        ("revision", "launching", "launch_failed", "no answer"),
    ]


def test_givers_and_takers(driver):
    driver.drop("giver", some_numbers(3))
    driver.drop("taker", some_numbers(1), reassign=True)
    for _ in range(2):
        with driver.ledger.read() as conn:
            assert page_queries.list_takeover_references(conn, "acme", "taker") == (["giver"], [])
            assert page_queries.list_takeover_references(conn, "acme", "giver") == ([], ["taker"])
        driver.now = NOON + HOUR
        driver.launch()
        driver.launch()


def test_queries_of_pages_use_indexes(ledger, busy):
    """On SQLite every query of a page uses an index, except for the lists of businesses and programs."""
    if ledger.engine.dialect.name != "sqlite":
        pytest.skip("PostgreSQL's plans depend on the size of the tables")
    statements_run = []
    event.listen(ledger.engine, "before_cursor_execute", lambda *a: statements_run.append((a[2], a[3])))
    with ledger.read() as conn:
        page_queries.list_held_submissions(conn)
        page_queries.list_stuck_programs(conn)
        page_queries.list_unknown_batches(conn)
        page_queries.list_starting_programs(conn, until=busy.now + DAY, limit=10)
        page_queries.list_submissions(conn, business_id="acme", limit=10)
        page_queries.list_submissions(conn, limit=10)
        page_queries.list_top_rules(conn, "acme", since=NOON, limit=3)
        page_queries.find_receipt(conn, "acme", "d1")
        statements = [s for s in statements_run if s[0].startswith("SELECT")]
        plans = [
            [row[3] for row in conn.exec_driver_sql(f"explain query plan {statement}", values)]
            for statement, values in statements
        ]
    assert len(plans) == 8
    scans = [step for plan in plans for step in plan if step.startswith("SCAN") and "INDEX" not in step]
    assert scans == ["SCAN submission"], plans  # backwards from the newest row, up to the limit


def test_adding_receipts_to_the_outbox_reads_only_those_of_the_program(ledger, busy):
    """So that it takes seconds when ten thousand programs of one business go live together."""
    if ledger.engine.dialect.name != "sqlite":
        pytest.skip("PostgreSQL's plans depend on the size of the tables")
    statements_run = []
    event.listen(ledger.engine, "before_cursor_execute", lambda *a: statements_run.append((a[2], a[3])))
    with ledger.begin() as conn:
        add_submissions_to_outbox(conn, ["s1"], reports=False)
        ((statement, values),) = [(s, v) for s, v in statements_run if s.startswith("insert")]
        plan = [row[3] for row in conn.exec_driver_sql(f"explain query plan {statement}", values)]
    searches = [step.partition(" (")[2] for step in plan if step.startswith("SEARCH")]
    assert sorted(searches) == ["business=? AND reference=?)", "id=?)", "submission=?)", "submission=?)"], plan


def test_the_lifecycle_table_is_complete():
    states = set(RevisionState.__args__)
    assert {s for pair in TRANSITIONS for s in pair if s} == states
    assert {a for a in states if not any(is_transition_allowed(a, b) for b in states)} == {
        "ended",
        "cancelled",
        "superseded",
    }
    assert not is_transition_allowed("live", "scheduled")
