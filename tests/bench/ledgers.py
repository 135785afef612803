"""A ledger with much in it, made as the pipeline makes it but without the files of an inbox."""

import io
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

from sqlalchemy import select

from flows.arrival.completeness import Settled, take
from flows.arrival.scan import look
from flows.ledger.core.outbox import claim_outbox_entries, clear_outbox_entries
from flows.ledger.core.tables import move
from flows.ledger.intake.drops import record_sightings
from flows.ledger.intake.submissions import Registration
from flows.ledger.programs.register import register_submission
from flows.operator_files.businesses import seed_businesses
from flows.pipeline import inbox_of
from flows.publishing.outbox import rebuild
from flows.registration.drop import keep_judgment
from flows.services import Services, open_services
from flows.settings import Settings
from schemas.judge import judge
from schemas.model.business import Business, DisplayName
from schemas.model.drop import Drop, DropFile, Known
from schemas.model.ids import submission_id
from schemas.model.policy import Policy

MANIFEST = """manifest: 1
business: bench
business_unit: Bench
reference: program-{number}
program: {{type: INFORM, name: Bench, call_purpose: Survey, description: Measured.}}
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
def opened(home: Path) -> Iterator[Services]:
    """The pipeline of a home with default settings."""
    settings = Settings(
        inbox=str(home / "inbox"),
        reports=str(home / "reports/out"),
        archive=str(home / ".launchdrop/archive"),
        ledger=f"sqlite:///{home}/.launchdrop/ledger.db",
    )
    with open_services(settings) as services:
        seed_businesses(services)
        yield services


def remember(services: Services) -> None:
    """Write down everything that lies in the inbox as taken."""
    inbox = inbox_of(services)
    now = datetime.now(UTC)
    list(look(inbox, now=now))
    settled = [o.sighting for o in look(inbox, now=now + inbox.settle) if isinstance(o, Settled)]
    with services.ledger.begin() as conn:
        record_sightings(conn, [replace(s, pending=None, taken=take(s)) for s in settled])


def register_programs(services: Services, count: int, start: datetime) -> None:
    """Judge and register so many programs of two numbers each, all with this start."""
    now = datetime.now(UTC)
    for number in range(count):
        first = 501_200_0000 + 2 * number
        text = MANIFEST.format(number=number, start=start.isoformat(), first=first, second=first + 1)
        made = registration(text.encode(), number, now)
        keep_judgment(services, made)
        with services.ledger.begin() as conn:
            register_submission(conn, made, now)


def launched(services: Services) -> list[datetime]:
    """When each program went live."""
    query = select(move.c.at).where(move.c.thing == "revision", move.c.after == "live")
    with services.ledger.read() as conn:
        return list(conn.execute(query).scalars())


def seconds_to_index(services: Services) -> float:
    """How long the business's and the operator's index pages take; what else is to be written is left unwritten."""
    with services.ledger.begin() as conn:
        while found := claim_outbox_entries(conn, owner="bench", now=services.clock(), length=timedelta(hours=1)):
            clear_outbox_entries(conn, found, owner="bench")
    begun = time.perf_counter()
    if rebuild(services).written != 2:
        raise RuntimeError("more was written than the two index pages")
    return time.perf_counter() - begun


def registration(manifest: bytes, number: int, now: datetime) -> Registration:
    """A drop that is this manifest alone, judged and ready to be registered."""
    digest = sha256(manifest).hexdigest()
    file = DropFile(name="program.yaml", bytes=len(manifest), sha256=digest, open=lambda: io.BytesIO(manifest))
    drop = Drop(business="bench", name=f"drop-{number}", manifests=(file,))
    known = Known(business=BUSINESS, registered=True, ledger=True)
    judgment = judge(drop, known, Policy(), now)
    if judgment.verdict != "accepted":
        raise RuntimeError(f"a program to be measured was not accepted: {judgment.findings}")
    submission = submission_id(now, digest)
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
