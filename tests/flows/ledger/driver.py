"""Drives a ledger for the tests: drops, launches, answers of the carrier, queries; with a clock that the tests set."""

import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import numpy as np
from sqlalchemy import func, select

from flows.ledger.core.tables import move, number, outbox, program, revision, submission
from flows.ledger.intake.submissions import Registration
from flows.ledger.launches.batches import read_open_batches, record_all_batches_done, record_batch_outcome
from flows.ledger.launches.due_launches import claim_launches, finish_launches, mark_missed_launches
from flows.ledger.launches.job_leases import JobClaimer
from flows.ledger.launches.live_programs import claim_brandings, claim_endings, finish_brandings, finish_endings
from flows.ledger.programs.businesses import record_businesses
from flows.ledger.programs.ownership import find_holders
from flows.ledger.programs.programs import find_program
from flows.ledger.programs.register import register_submission
from schemas.model.business import Business, DisplayName
from schemas.model.findings import Finding
from schemas.model.judgment import Counts, Judgment, RuleTotal
from schemas.model.manifest import Manifest, Schedule

NOON = datetime(2027, 1, 4, 12, tzinfo=UTC)
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
ACME = DisplayName(display="Acme Bank", shorthand="Acme")
CUSTOM = DisplayName(display="Acme Bank Cards", shorthand="Acme Cards")
FIRST = 2_015_550_000

BUSINESSES = (
    Business(id="acme", legal_name="Acme Bank, N.A.", display_names=(ACME,), business_units=("Cards",)),
    Business(id="zenith", legal_name="Zenith", display_names=(ACME,), regions=("US",)),
)


class AcceptedNumbers:
    """Accepted numbers as judging returns them: in blocks, in the order of the files."""

    def __init__(self, numbers, purposes):
        self.numbers = np.array(numbers, dtype=np.int64)
        self.purposes = np.broadcast_to(np.array(purposes, dtype=np.uint8), self.numbers.shape)

    def accepted(self):
        for start in range(0, len(self.numbers), 1000):
            yield self.numbers[start : start + 1000], self.purposes[start : start + 1000]


def make_manifest(reference="p", business="acme", **values):
    defaults = {
        "business_unit": "Cards",
        "program_type": "INFORM",
        "name": "Q1",
        "call_purpose": "Survey",
        "description": "Calls",
        "display_name": ACME,
        "schedule": Schedule(start=NOON + HOUR, end=NOON + 10 * DAY, timezone="America/Chicago"),
    }
    return Manifest(business=business, reference=reference, **(defaults | values))


def schedule(start, end):
    return Schedule(start=start, end=end, timezone="UTC")


def make_judgment(manifest, numbers, purposes=0, verdict="accepted"):
    finding = Finding(rule="DSP-007", severity="warning", message="shares no word")
    return Judgment(
        verdict=verdict,
        manifest=manifest,
        counts=Counts(read=len(numbers), accepted=len(numbers)),
        files=(),
        totals=(RuleTotal(id="DSP-007", name="n", severity="warning", count=1, fix="f"),),
        findings=(finding,),
        findings_total=1,
        numbers=AcceptedNumbers(numbers, purposes),
    )


@dataclass
class LedgerDriver:
    ledger: object
    now: datetime = NOON
    allowed_delay: timedelta = DAY
    drops: int = 0
    claimer: JobClaimer = field(default_factory=lambda: JobClaimer(owner="me", length=timedelta(minutes=1)))

    def __post_init__(self):
        with self.ledger.begin() as conn:
            record_businesses(conn, BUSINESSES, self.now)

    def registration(self, reference="p", numbers=(), *, purposes=0, verdict="accepted", content=None, **values):
        """A registration, whose digest depends on `content`. Without it, each one has its own."""
        self.drops += 1
        options = {name: values.pop(name) for name in ("logo", "retake_of", "drop") if name in values}
        business = values.pop("business", "acme")
        manifest = make_manifest(reference, business, **values)
        return Registration(
            **{
                "submission": f"s{self.drops}",
                "business": business,
                "drop": f"d{self.drops}",
                "digest": hashlib.sha256((content or str(self.drops)).encode()).hexdigest(),
                "received_at": self.now,
                "archive": f"{business}/s{self.drops}/",
                "judgment": make_judgment(manifest, list(numbers), purposes, verdict),
            }
            | options
        )

    def register(self, registration):
        with self.ledger.begin() as conn:
            return register_submission(conn, registration, self.now)

    def drop(self, *args, **kwargs):
        return self.register(self.registration(*args, **kwargs))

    def cancel(self, reference="p", **kwargs):
        return self.drop(reference, state="cancelled", schedule=None, display_name=None, program_type=None, **kwargs)

    def claim(self, **kwargs):
        with self.ledger.begin() as conn:
            return claim_launches(conn, self.claimer, now=self.now, allowed_delay=self.allowed_delay, **kwargs)

    def finish(self, jobs):
        with self.ledger.begin() as conn:
            record_all_batches_done(conn, jobs, self.now)
            finish_launches(conn, jobs, now=self.now)

    def send_batches(self, job, refused=()):
        """Record the carrier's answer to every batch of a launch, in which it refuses these numbers."""
        refused = dict(refused)
        sent = []
        for batch in self.open_batches(job):
            with self.ledger.begin() as conn:
                refused_here = {n: why for n, why in refused.items() if n in batch.numbers and batch.kind == "add"}
                record_batch_outcome(conn, job, batch, refused_here, self.now)
            sent.append((batch.kind, batch.reference, batch.numbers.tolist()))
        return sent

    def open_batches(self, job):
        with self.ledger.read() as conn:
            return read_open_batches(conn, job)

    def launch(self):
        jobs = self.claim()
        self.finish(jobs)
        return [f"{e.business}/{e.reference}" for e in jobs]

    def end(self):
        with self.ledger.begin() as conn:
            jobs = claim_endings(conn, self.claimer, now=self.now)
            finish_endings(conn, jobs, now=self.now)
        return [f"{e.business}/{e.reference}" for e in jobs]

    def brand(self):
        with self.ledger.begin() as conn:
            jobs = claim_brandings(conn, self.claimer, now=self.now)
            finish_brandings(conn, jobs, now=self.now)
        return [(f"{e.business}/{e.reference}", e.branding.display_name if e.branding else None) for e in jobs]

    def give_up_late(self):
        with self.ledger.begin() as conn:
            return [f"{b}/{r}" for b, r in mark_missed_launches(conn, now=self.now, allowed_delay=self.allowed_delay)]

    def state(self, reference="p", business="acme"):
        """Number and state of the newest revision."""
        with self.ledger.read() as conn:
            found = find_program(conn, business, reference)
            return (found.revision.number, found.revision.state)

    def states(self, reference="p", business="acme"):
        """The states of all revisions, from first to last."""
        query = select(revision.c.state).join(program, program.c.id == revision.c.program)
        where = program.c.business == business, program.c.reference == reference
        with self.ledger.read() as conn:
            return list(conn.execute(query.where(*where).order_by(revision.c.number)).scalars())

    def changes(self, reference="p", business="acme"):
        """How many numbers each revision added, removed and changed, from first to last."""
        query = select(revision.c.added, revision.c.removed, revision.c.changed)
        where = revision.c.program == self.program(reference, business).id
        with self.ledger.read() as conn:
            return [tuple(r) for r in conn.execute(query.where(where).order_by(revision.c.number))]

    def program(self, reference="p", business="acme"):
        with self.ledger.read() as conn:
            return find_program(conn, business, reference).program

    def numbers(self, reference="p", business="acme"):
        """{number: (state, purpose)} of a program. Also checks its counts."""
        row = self.program(reference, business)
        with self.ledger.read() as conn:
            rows = conn.execute(select(number).where(number.c.program == row.id).order_by(number.c.number)).all()
        states = [r.state for r in rows]
        counted = tuple(states.count(s) for s in ("live", "pending", "refused"))
        assert counted == (row.numbers_live, row.numbers_pending, row.numbers_refused)
        return {r.number: (r.state, r.purpose) for r in rows}

    def holder(self, number_):
        """The program that has claimed a number, or None."""
        with self.ledger.read() as conn:
            held = find_holders(conn, np.array([number_]))
        return f"{held.programs[0][1]}/{held.programs[0][2]}" if held.programs else None

    def verdicts(self):
        """Id, verdict in force and standing of every submission."""
        columns = select(submission.c.id, submission.c.verdict, submission.c.standing)
        with self.ledger.read() as conn:
            return [tuple(r) for r in conn.execute(columns.order_by(submission.c.seq))]

    def transitions(self, reference="p", thing="revision"):
        """Revision number, state before and state after, from first to last."""
        query = select(move.c.revision, move.c.before, move.c.after).order_by(move.c.id)
        with self.ledger.read() as conn:
            return [tuple(r) for r in conn.execute(query.where(move.c.reference == reference, move.c.thing == thing))]

    def outbox(self):
        """The files to write: kind, business and key of each."""
        with self.ledger.read() as conn:
            return {tuple(r) for r in conn.execute(select(outbox.c.kind, outbox.c.business, outbox.c.key))}

    def count(self, table):
        with self.ledger.read() as conn:
            return conn.execute(select(func.count()).select_from(table)).scalar_one()


def some_numbers(count, start=0):
    """Distinct numbers."""
    return list(range(FIRST + start, FIRST + start + count))
