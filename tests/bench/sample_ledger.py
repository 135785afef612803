"""A ledger with many programs, filled by the pipeline's own functions but without files in an inbox."""

import io
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

from sqlalchemy import select

from flows.arrival.completeness import SettledDrop, versions_to_take
from flows.arrival.scan import scan_inbox
from flows.ledger.core.outbox import claim_outbox_entries, clear_outbox_entries
from flows.ledger.core.tables import move
from flows.ledger.intake.drops import record_sightings
from flows.ledger.intake.submissions import Registration
from flows.ledger.programs.register import register_submission
from flows.operator_files.businesses import seed_businesses
from flows.pipeline import make_inbox
from flows.publishing.outbox import rebuild_indexes
from flows.registration.drop import write_judged_files_durably
from flows.services import Services, open_services
from flows.settings import Settings
from schemas.judge import judge
from schemas.model.business import Business, DisplayName
from schemas.model.drop import Drop, DropFile
from schemas.model.ids import make_submission_id
from schemas.model.judging_context import JudgingContext
from schemas.model.policy import Policy

MANIFEST = """manifest: 1
business: bench
business_unit: Bench
reference: program-{number}
program: {{type: INFORM, name: Bench, call_purpose: Survey, description: A benchmark.}}
display_name: {{display: Bench, shorthand: Bench}}
schedule: {{start: "{start}", end: "2031-12-31T18:00Z"}}
numbers:
  - {{number: "{first}", call_purpose: Survey}}
  - {{number: "{second}", call_purpose: Survey}}
"""
BUSINESS = Business(
    id="bench",
    legal_name="Bench Inc.",
    business_units=("Bench",),
    display_names=(DisplayName(display="Bench", shorthand="Bench"),),
)


@contextmanager
def open_home(home: Path) -> Iterator[Services]:
    """The services of a home folder with default settings."""
    settings = Settings(
        inbox=str(home / "inbox"),
        reports=str(home / "reports/out"),
        archive=str(home / ".launchdrop/archive"),
        ledger=f"sqlite:///{home}/.launchdrop/ledger.db",
    )
    with open_services(settings) as services:
        seed_businesses(services)
        yield services


def mark_inbox_taken(services: Services) -> None:
    """Record every drop in the inbox as taken."""
    inbox = make_inbox(services)
    now = datetime.now(UTC)
    list(scan_inbox(inbox, now=now))
    settled = [o.sighting for o in scan_inbox(inbox, now=now + inbox.settle) if isinstance(o, SettledDrop)]
    with services.ledger.begin() as conn:
        record_sightings(conn, [replace(s, pending=None, taken=versions_to_take(s)) for s in settled])


def register_programs(services: Services, count: int, start: datetime) -> None:
    """Judge and register `count` programs with two numbers each, all with the same start."""
    now = datetime.now(UTC)
    for number in range(count):
        first = 501_200_0000 + 2 * number
        text = MANIFEST.format(number=number, start=start.isoformat(), first=first, second=first + 1)
        made = judge_program(text.encode(), number, now)
        write_judged_files_durably(services, made)
        with services.ledger.begin() as conn:
            register_submission(conn, made, now)


def launch_times(services: Services) -> list[datetime]:
    """When each program went live."""
    query = select(move.c.at).where(move.c.thing == "revision", move.c.after == "live")
    with services.ledger.read() as conn:
        return list(conn.execute(query).scalars())


def time_index_pages(services: Services) -> float:
    """Seconds to write the business's and the operator's index pages. All other pending pages are dropped."""
    with services.ledger.begin() as conn:
        while found := claim_outbox_entries(conn, owner="bench", now=services.clock(), length=timedelta(hours=1)):
            clear_outbox_entries(conn, found, owner="bench")
    started = time.perf_counter()
    if rebuild_indexes(services).written != 2:
        raise RuntimeError("expected exactly the two index pages to be written")
    return time.perf_counter() - started


def judge_program(manifest: bytes, number: int, now: datetime) -> Registration:
    """Judge a drop that consists of only this manifest. Returns it ready to register."""
    digest = sha256(manifest).hexdigest()
    file = DropFile(name="program.yaml", bytes=len(manifest), sha256=digest, open=lambda: io.BytesIO(manifest))
    drop = Drop(business="bench", name=f"drop-{number}", manifests=(file,))
    known = JudgingContext(business=BUSINESS, is_registered=True, has_ledger=True)
    judgment = judge(drop, known, Policy(), now)
    if judgment.verdict != "accepted":
        raise RuntimeError(f"the benchmark's program was not accepted: {judgment.findings}")
    submission = make_submission_id(now, digest)
    return Registration(
        submission=submission,
        business="bench",
        drop=drop.name,
        digest=digest,
        received_at=now,
        archive=f"bench/{submission}/",
        judgment=judgment,
        logo=None,
    )
