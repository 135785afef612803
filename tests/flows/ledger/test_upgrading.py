"""Upgrading with programs scheduled and live: the ledger of the first release loses nothing and continues."""

import json
import time
from pathlib import Path

import pytest
from sqlalchemy import text

from flows.ledger.core.control_flags import get_ledger_marker
from flows.ledger.core.engine import SCHEMA_REVISIONS, Ledger
from flows.ledger.intake.drops import list_incomplete_drops, read_sightings
from flows.ledger.programs.register import release_held_submission
from flows.ledger.programs.reviews import decide_review, list_open_reviews
from flows.ledger.read.page_queries import list_held_submissions, list_programs
from tests.flows.ledger.busy_ledger import LEFT_AT
from tests.flows.ledger.driver import DAY, HOUR, NOON, LedgerDriver, schedule
from tests.flows.ledger.ledger_dump import dump_ledger, restore_ledger

FIRST_RELEASE = json.loads((Path(__file__).parent / "first_release.json").read_text())


def with_incomplete_drop(dumped):
    """The dump with a drop that was reported as incomplete. The findings were in the JSON of `pending`."""
    finding = {"rule": "MAN-005", "severity": "error", "message": "a.csv is missing", "value": "a.csv"}
    wanted = {"manifests": {"program.yaml": "1"}, "files": {"a.csv": None}, "paths": {"a.csv": "numbers[0].file"}}
    pending = {"seen": {}, "wanted": wanted, "lacking": [finding]}
    at = {"at": LEFT_AT.isoformat()}
    values = {"business": "acme", "name": "torn", "first_seen": at, "print": "1", "told": at, "writes": 2}
    values |= {"pending": json.dumps(pending), "lease_token": 0}
    row = [values.get(column) for column in dumped["columns"]["drop"]]
    return dumped | {"tables": dumped["tables"] | {"drop": [row]}}


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.server)])
def driver(request, tmp_path):
    url = f"sqlite:///{tmp_path}/ledger.db"
    if request.param == "postgresql":
        url = request.getfixturevalue("postgres")(f"first_release{time.monotonic_ns()}")
    restore_ledger(url, with_incomplete_drop(FIRST_RELEASE))
    opened = Ledger.open(url)  # migrates the schema
    yield LedgerDriver(opened, now=LEFT_AT, drops=100)  # the ids in the dump count from 1
    opened.close()


def test_upgrading_migrates_the_schema_and_keeps_every_row(driver):
    with driver.ledger.read() as conn:
        assert conn.execute(text("select version_num from alembic_version")).scalar_one() == SCHEMA_REVISIONS[-1]
        now = dump_ledger(conn)
    for name, rows in with_incomplete_drop(FIRST_RELEASE)["tables"].items():
        assert len(now["tables"][name]) == len(rows), name


def test_why_a_drop_is_incomplete_is_kept(driver):
    with driver.ledger.read() as conn:
        [found] = list_incomplete_drops(conn, "acme", limit=10)
        assert read_sightings(conn, "acme", ["torn"])["torn"].pending.wanted.files == {"a.csv": None}
    assert (found.name, found.reported_at, found.reported.total, found.reported.errors) == ("torn", LEFT_AT, 1, 1)
    assert [(f.rule, f.message) for f in found.reported.findings] == [("MAN-005", "a.csv is missing")]


def test_programs_do_not_change(driver):
    with driver.ledger.read() as conn:
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


def test_an_interrupted_launch_continues(driver):
    driver.now = LEFT_AT + 5 * HOUR  # the lease of the interrupted launch has expired
    jobs = {job.reference: job for job in driver.claim()}
    assert [(kind, len(numbers)) for kind, _, numbers in driver.send_batches(jobs["cut"])] == [
        ("add", 500),
        ("add", 10),
    ]
    driver.send_batches(jobs["live"])
    driver.finish(list(jobs.values()))
    assert driver.state("cut") == (1, "live")
    assert {state for state, _ in driver.numbers("live").values()} == {"live", "refused"}


def test_reviews_and_held_submissions_can_be_decided(driver):
    with driver.ledger.begin() as conn:
        [review] = list_open_reviews(conn)
        decide_review(conn, review.id, approve=True, by="ops", reason=None, now=driver.now)
        [held] = list_held_submissions(conn)
        release_held_submission(conn, held.id, by="ops", now=driver.now)
    assert [reference for reference, _ in driver.brand()] == ["acme/reviewed"]
    assert driver.state("held") == (1, "scheduled")


def test_new_drops_are_registered_and_programs_launch_on_time(driver):
    driver.drop("scheduled", [2_015_550_399], schedule=schedule(NOON + 5 * DAY, NOON + 10 * DAY))
    driver.now = NOON + 5 * DAY
    launched = {*driver.launch(), *driver.launch()}  # first the giver, then the taker
    assert {"acme/scheduled", "acme/taker", "zenith/theirs"} <= launched
    assert driver.state("scheduled") == (3, "live")
    assert driver.holder(2_015_550_002) == "acme/taker"
