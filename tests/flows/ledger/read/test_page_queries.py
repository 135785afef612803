"""What commands and pages are told, and that it costs what it shows."""

from datetime import timedelta

import pytest
from sqlalchemy import event

from flows.ledger.core.errors import LedgerError
from flows.ledger.core.outbox import add_submissions_to_outbox
from flows.ledger.intake.submissions import SubmittedLogo
from flows.ledger.launches.batches import mark_batch_sent, mark_batch_unknown
from flows.ledger.launches.launches import fail_launch
from flows.ledger.read import page_queries
from schemas.model.lifecycle import TRANSITIONS, RevisionState, is_transition_allowed
from tests.flows.ledger.samples import ACME, CUSTOM, DAY, HOUR, NOON, some, span


@pytest.fixture
def busy(desk):
    """p live, q failed with a batch of unknown fate, r tonight, s held, t in review and live; all of acme."""
    desk.drop("p", some(3), purposes=2)
    desk.drop("q", some(3, 10))
    desk.drop("t", some(2, 40), display_name=CUSTOM)
    desk.now = NOON + HOUR
    errands = {e.reference: e for e in desk.claim()}
    desk.finish([errands["p"], errands["t"]])
    [batch] = desk.open(errands["q"])
    with desk.ledger.begin() as conn:
        mark_batch_sent(conn, errands["q"], batch, desk.now)
        mark_batch_unknown(conn, errands["q"], batch, "no answer", desk.now)
        fail_launch(conn, errands["q"], "no answer", now=desk.now)
    desk.drop("s", some(3, 20), verdict="held")
    desk.drop("r", some(3, 30), schedule=span(NOON + 5 * HOUR, NOON + 3 * DAY))
    desk.drop("r", [], verdict="rejected")
    return desk


def test_programs(busy):
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


def test_a_live_program_stays_live_while_a_difference_is_on_its_way(busy):
    busy.drop("p", some(1, 50))
    with busy.ledger.read() as conn:
        [found] = page_queries.list_programs(conn, reference="p")
    assert (found.revision, found.state, found.live, found.pending) == (2, "live", 3, 1)


def test_submissions(busy):
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


def test_sums(busy):
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
        *((n, 2, ACME.display, ACME.shorthand, "acme", "p") for n in some(3)),
        *((n, 0, None, None, "acme", "t") for n in some(2, 40)),  # in review: nothing is shown yet
    ]


@pytest.mark.parametrize(("live", "next_one", "given"), [(CUSTOM, ACME, None), (ACME, CUSTOM, ACME.display)])
def test_live_numbers_have_the_live_revision_s_name_where_it_is_approved(desk, live, next_one, given):
    desk.drop("p", some(1), display_name=live)
    desk.now = NOON + HOUR
    desk.launch()
    desk.drop("p", [], display_name=next_one)
    with desk.ledger.read() as conn:
        assert [row.display for row in page_queries.stream_live_numbers(conn)] == [given]


def test_live_numbers_have_no_name_while_their_logo_is_in_review(desk):
    desk.drop("p", some(1), program_type="INFORM with Logo", logo=SubmittedLogo(name="acme.svg", sha256="ab" * 32))
    desk.now = NOON + HOUR
    desk.launch()
    with desk.ledger.read() as conn:
        assert [row.display for row in page_queries.stream_live_numbers(conn)] == [None]


def test_history(busy):
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


def test_whom_numbers_came_from(desk):
    desk.drop("giver", some(3))
    desk.drop("taker", some(1), reassign=True)
    for _ in range(2):
        with desk.ledger.read() as conn:
            assert page_queries.list_takeover_references(conn, "acme", "taker") == (["giver"], [])
            assert page_queries.list_takeover_references(conn, "acme", "giver") == ([], ["taker"])
        desk.now = NOON + HOUR
        desk.launch()
        desk.launch()


def test_pages_do_not_read_all_there_ever_was(ledger, busy):
    """On SQLite every statement that a page needs goes through an index, but for lists of businesses and programs."""
    if ledger.engine.dialect.name != "sqlite":
        pytest.skip("its plans depend on how much there is")
    asked = []
    event.listen(ledger.engine, "before_cursor_execute", lambda *a: asked.append((a[2], a[3])))
    with ledger.read() as conn:
        page_queries.list_held_submissions(conn)
        page_queries.list_stuck_programs(conn)
        page_queries.list_unknown_batches(conn)
        page_queries.list_starting_programs(conn, until=busy.now + DAY, limit=10)
        page_queries.list_submissions(conn, business_id="acme", limit=10)
        page_queries.list_submissions(conn, limit=10)
        page_queries.list_top_rules(conn, "acme", since=NOON, limit=3)
        page_queries.find_receipt(conn, "acme", "d1")
        statements = [s for s in asked if s[0].startswith("SELECT")]
        plans = [
            [row[3] for row in conn.exec_driver_sql(f"explain query plan {statement}", values)]
            for statement, values in statements
        ]
    assert len(plans) == 8
    scans = [step for plan in plans for step in plan if step.startswith("SCAN") and "INDEX" not in step]
    assert scans == ["SCAN submission"], plans  # backwards from the newest, to the limit


def test_marking_receipts_reads_those_of_its_programs_alone(ledger, busy):
    """Ten thousand programs of one business that go live at once are marked in seconds."""
    if ledger.engine.dialect.name != "sqlite":
        pytest.skip("its plans depend on how much there is")
    asked = []
    event.listen(ledger.engine, "before_cursor_execute", lambda *a: asked.append((a[2], a[3])))
    with ledger.begin() as conn:
        add_submissions_to_outbox(conn, ["s1"], reports=False)
        ((statement, values),) = [(s, v) for s, v in asked if s.startswith("insert")]
        plan = [row[3] for row in conn.exec_driver_sql(f"explain query plan {statement}", values)]
    searches = [step.partition(" (")[2] for step in plan if step.startswith("SEARCH")]
    assert sorted(searches) == ["business=? AND reference=?)", "id=?)", "submission=?)", "submission=?)"], plan


def test_the_lifecycle_is_a_table():
    states = set(RevisionState.__args__)
    assert {s for pair in TRANSITIONS for s in pair if s} == states
    assert {a for a in states if not any(is_transition_allowed(a, b) for b in states)} == {"ended", "cancelled", "superseded"}
    assert not is_transition_allowed("live", "scheduled")
