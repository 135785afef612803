"""Upgrading with programs scheduled and live: the ledger of the first release loses nothing, and goes on."""

import json
import time
from pathlib import Path

import pytest
from sqlalchemy import text

from flows.ledger.core.control_flags import get_ledger_marker
from flows.ledger.core.engine import SCHEMA_REVISIONS, Ledger
from flows.ledger.programs.register import release_held_submission
from flows.ledger.programs.reviews import decide_review, list_open_reviews
from flows.ledger.read.page_queries import list_held_submissions, list_programs
from tests.flows.ledger.eventful import LEFT
from tests.flows.ledger.kept import dump, restore
from tests.flows.ledger.samples import DAY, HOUR, NOON, Desk, span

KEPT = json.loads((Path(__file__).parent / "first_release.json").read_text())


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.server)])
def desk(request, tmp_path):
    url = f"sqlite:///{tmp_path}/ledger.db"
    if request.param == "postgresql":
        url = request.getfixturevalue("postgres")(f"kept{time.monotonic_ns()}")
    restore(url, KEPT)
    opened = Ledger.open(url)  # and with it comes the schema of today
    yield Desk(opened, now=LEFT, drops=100)  # its own are counted from one
    opened.close()


def test_it_has_the_schema_of_today_and_every_row_of_the_first(desk):
    with desk.ledger.read() as conn:
        assert conn.execute(text("select version_num from alembic_version")).scalar_one() == SCHEMA_REVISIONS[-1]
        now = dump(conn)
    for name, rows in KEPT["tables"].items():
        assert len(now["tables"][name]) == len(rows), name


def test_programs_are_as_they_were(desk):
    with desk.ledger.read() as conn:
        found = {
            p.reference: (p.revision, p.state, p.branding, p.live, p.pending, p.refused) for p in list_programs(conn)
        }
        assert get_ledger_marker(conn).generation > 0
    assert found == {
        "cut": (1, "launching", "approved", 0, 510, 0),
        "gone": (1, "cancelled", "approved", 0, 0, 0),
        "live": (2, "live", "approved", 11, 1, 1),
        "over": (1, "ended", "approved", 0, 0, 0),
        "reviewed": (1, "live", "in_review", 2, 0, 0),
        "scheduled": (2, "scheduled", "approved", 0, 7, 0),
        "taker": (1, "scheduled", "approved", 0, 2, 0),
        "theirs": (1, "scheduled", "approved", 0, 1, 0),
    }


def test_it_goes_on_where_it_stopped(desk):
    desk.now = LEFT + 5 * HOUR  # the lease of whoever launched has run out
    errands = {errand.reference: errand for errand in desk.claim()}
    assert [(kind, len(numbers)) for kind, _, numbers in desk.answer(errands["cut"])] == [("add", 500), ("add", 10)]
    desk.answer(errands["live"])
    desk.finish(list(errands.values()))
    assert desk.state("cut") == (1, "live")
    assert {state for state, _ in desk.numbers("live").values()} == {"live", "refused"}


def test_what_waited_for_people_can_be_decided(desk):
    with desk.ledger.begin() as conn:
        [review] = list_open_reviews(conn)
        decide_review(conn, review.id, approve=True, by="ops", reason=None, now=desk.now)
        [waits] = list_held_submissions(conn)
        release_held_submission(conn, waits.id, by="ops", now=desk.now)
    assert [reference for reference, _ in desk.brand()] == ["acme/reviewed"]
    assert desk.state("held") == (1, "scheduled")


def test_the_next_drops_and_starts_come_in_time(desk):
    desk.drop("scheduled", [2_015_550_399], schedule=span(NOON + 5 * DAY, NOON + 10 * DAY))
    desk.now = NOON + 5 * DAY
    launched = {*desk.launch(), *desk.launch()}  # the taker after whom it takes from
    assert {"acme/scheduled", "acme/taker", "zenith/theirs"} <= launched
    assert desk.state("scheduled") == (3, "live")
    assert desk.holder(2_015_550_002) == "acme/taker"
