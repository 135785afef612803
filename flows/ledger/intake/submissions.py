"""Submissions: what was dropped, how it was judged, and what became of it."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from sqlalchemy import Connection, Row, delete, select, text, update

from flows.ledger.core.bulk import (
    NUMBERS_PER_STATEMENT,
    NumberBlock,
    in_literals,
    merge_blocks,
    pack_numbers,
    unpack_numbers,
)
from flows.ledger.core.errors import LedgerError
from flows.ledger.core.tables import day, parked, program, receipt, rule_day, submission, tally
from flows.ledger.core.transitions import (
    LAUNCHDROP,
    add_submissions_to_outbox,
    add_to_outbox,
    record_transitions,
    upsert,
)
from schemas.model.business import DisplayName
from schemas.model.judgment import Judgment
from schemas.model.manifest import Manifest, NumbersFile, Schedule, TypedNumber
from schemas.model.revision import NO_DIFFERENCE, RevisionDiff

Standing = Literal["rejected", "held", "dismissed", "replaced", "waiting", "lapsed", "registered"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmittedLogo:
    """The logo that a submission's program shows: its file name and the sha256 of its bytes."""

    name: str
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """A judged submission, to be registered. `archive` is where its bytes are; `retake_of` the submission judged again.

    `numbers` of the judgment are read once, inside the transaction.
    """

    submission: str
    business: str
    drop: str
    digest: str
    received_at: datetime
    archive: str
    judgment: Judgment
    logo: SubmittedLogo | None = None
    retake_of: str | None = None

    @property
    def reference(self) -> str | None:
        """The program's, where the manifest says it."""
        return self.judgment.manifest.reference if self.judgment.manifest else None


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistrationResult:
    """What registering did. A duplicate names the submission it equals; `revision` is None where there is none.

    `waiting`: the program is launching; the revision, of this number, is made when that is over.
    """

    outcome: Literal["registered", "duplicate"]
    submission: str
    revision: int | None = None
    difference: RevisionDiff = NO_DIFFERENCE
    waiting: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptedSubmission:
    """What an accepted submission says of its program, whether judged now, held before, or waiting before.

    `waited`: it was registered while its program was launching, and cannot be judged again.
    """

    submission: str
    business: str
    reference: str
    digest: str
    received_at: datetime
    manifest: Manifest
    logo: SubmittedLogo | None
    block: NumberBlock
    noticed: Sequence[dict[str, str]] = ()
    waited: bool = False


def lock_reference(conn: Connection, business: str, reference: str | None) -> None:
    """Let nobody else register for this program until the transaction ends (SQLite has one writer anyway)."""
    if conn.dialect.name == "postgresql":
        key = {"key": f"{business}/{reference}"}
        conn.execute(text("select pg_advisory_xact_lock(hashtextextended(:key, 0))"), key)


def choose_submission_id(conn: Connection, business: str, drop: str, first_seen: datetime, digest: str) -> str:
    """A submission's id: the time of first sighting and the first eight digits of the digest.

    Where another drop has that one already (the same bytes in the same second), "-2" and so on is appended.
    """
    plain = f"{first_seen.astimezone(UTC):%Y%m%dT%H%M%SZ}-{digest[:8]}"
    for count in range(1, 1_000_000):
        name = plain if count == 1 else f"{plain}-{count}"
        row = find_submission(conn, name, business)
        if row is None or (row.drop, row.digest) == (drop, digest):
            return name
    raise LedgerError(f"no free id for submission {plain}")


def find_submission(conn: Connection, submission_id: str, business: str | None = None) -> Row[Any] | None:
    """The submission of this id, in one business or in any.

    Where two have it, one was dropped into an inbox that is not its business's, and was rejected: the other is meant.
    """
    query = select(submission).where(submission.c.id == submission_id)
    if business is not None:
        query = query.where(submission.c.business == business)
    last = submission.c.standing == "rejected"
    return conn.execute(query.order_by(last, submission.c.seq).limit(1)).one_or_none()


def find_duplicate(
    conn: Connection, business: str, reference: str | None, digest: str, *, cancels: bool = False
) -> str | None:
    """The submission that one with this content repeats: the reference's current accepted or held one, else None.

    `cancels`: its manifest says `state: cancelled`, which on a cancelled program repeats whatever it was cancelled by.
    """
    if reference is None:
        return None
    held = find_open_submission(conn, business, reference, "held")
    if held is not None and held.digest == digest:
        return str(held.id)
    query = select(program).where(program.c.business == business, program.c.reference == reference)
    row = conn.execute(query).one_or_none()
    if row is None or row.submission is None:
        return None
    if row.digest == digest or (cancels and row.cancelled_at is not None):
        return str(row.submission)
    return None


def find_open_submission(conn: Connection, business: str, reference: str, standing: Standing) -> Row[Any] | None:
    """The oldest submission for this program that is held, or waits for a launch to finish."""
    where = (
        submission.c.business == business,
        submission.c.reference == reference,
        in_literals(submission.c.standing, standing),
    )
    return conn.execute(select(submission).where(*where).order_by(submission.c.seq).limit(1)).one_or_none()


def insert_submission(conn: Connection, registration: Registration, standing: Standing, now: datetime) -> None:
    """Write a submission down, with its place in the sums by day and its entry in the history."""
    judgment, manifest = registration.judgment, registration.judgment.manifest
    conn.execute(
        submission.insert().values(
            id=registration.submission,
            business=registration.business,
            reference=registration.reference,
            drop=registration.drop,
            digest=registration.digest,
            received_at=registration.received_at,
            judged_at=now,
            verdict=judgment.verdict,
            judged=judgment.verdict,
            standing=standing,
            held_because=list(judgment.held_because),
            counts=asdict(judgment.counts),
            totals={total.id: total.count for total in judgment.totals},
            manifest=dump_manifest(manifest) if manifest else None,
            logo=asdict(registration.logo) if registration.logo else None,
            noticed=collect_review_notes(judgment),
            archive=registration.archive,
            retake_of=registration.retake_of,
        )
    )
    _sum_up(conn, registration, now)
    cause = f"retake of {registration.retake_of}" if registration.retake_of else f"drop {registration.drop}"
    record_transitions(
        conn, now, [_entry(registration.business, registration.reference, None, judgment.verdict, cause, LAUNCHDROP)]
    )


def collect_review_notes(judgment: Judgment) -> list[dict[str, str]]:
    """What the rules noticed about display name and logo, for whoever reviews them."""
    shown = (f for f in judgment.findings if f.rule.startswith(("DSP-", "IMG-")))
    return [{"rule": f.rule, "message": f.message} for f in shown][:20]


def acknowledge_drop(
    conn: Connection, business: str, drop: str, outcome: str, submission_id: str, digest: str, now: datetime
) -> None:
    """From now on the drop's receipt speaks of this submission."""
    values = {"outcome": outcome, "submission": submission_id, "digest": digest, "at": now}
    statement = upsert(conn, receipt).values(business=business, drop=drop, **values)
    conn.execute(statement.on_conflict_do_update(index_elements=["business", "drop"], set_=values))
    add_to_outbox(conn, "receipt", business, drop)


def park_numbers(conn: Connection, accepted: AcceptedSubmission) -> None:
    """Keep the accepted numbers of a submission until it is decided on, or its turn comes."""
    numbers, purposes = accepted.block
    where = submission.c.business == accepted.business, submission.c.id == accepted.submission
    seq = conn.execute(select(submission.c.seq).where(*where)).scalar_one()
    rows = [
        {
            "submission": seq,
            "seq": start // NUMBERS_PER_STATEMENT,
            "members": pack_numbers(
                (numbers[start : start + NUMBERS_PER_STATEMENT], purposes[start : start + NUMBERS_PER_STATEMENT])
            ),
        }
        for start in range(0, len(numbers), NUMBERS_PER_STATEMENT)
    ]
    if rows:
        conn.execute(parked.insert(), rows)


def unpark_submission(conn: Connection, row: Row[Any]) -> AcceptedSubmission:
    """A held or waiting submission as it was accepted; its numbers are kept aside no longer."""
    mine = parked.c.submission == row.seq
    members = conn.execute(select(parked.c.members).where(mine).order_by(parked.c.seq)).scalars().all()
    conn.execute(delete(parked).where(mine))
    return AcceptedSubmission(
        submission=row.id,
        business=row.business,
        reference=row.reference,
        digest=row.digest,
        received_at=row.received_at,
        manifest=load_manifest(row.manifest),
        logo=SubmittedLogo(**row.logo) if row.logo else None,
        block=merge_blocks(unpack_numbers(m) for m in members),
        noticed=row.noticed,
        waited=row.standing == "waiting",
    )


def resolve_submission(
    conn: Connection,
    row: Row[Any],
    standing: Standing,
    *,
    verdict: str,
    cause: str,
    by: str,
    now: datetime,
    reason: str | None = None,
) -> None:
    """Say what became of a held or waiting submission, and mark what shows it. `reason` is for the business to read."""
    if standing in ("dismissed", "replaced", "lapsed"):
        conn.execute(delete(parked).where(parked.c.submission == row.seq))
    decided = {"standing": standing, "verdict": verdict, "decided_at": now, "decided_by": by, "reason": reason}
    conn.execute(update(submission).where(submission.c.seq == row.seq).values(**decided))
    record_transitions(
        conn, now, [_entry(row.business, row.reference, row.standing, standing, f"{row.id}: {cause}", by)]
    )
    add_submissions_to_outbox(conn, [row.id])


def get_held_submission(conn: Connection, submission_id: str) -> Row[Any]:
    """The row of a held submission. Raises LedgerError when there is none of this id, or it is not held (any more)."""
    row = find_submission(conn, submission_id)
    if row is None:
        raise LedgerError(f"no submission {submission_id}")
    if row.standing != "held":
        raise LedgerError(f"submission {submission_id} is not held: it is {row.standing}")
    return row


def _entry(business: str, reference: str | None, before: str | None, after: str, cause: str, by: str) -> dict[str, Any]:
    place = {"business": business, "reference": reference}
    return place | {"thing": "submission", "before": before, "after": after, "cause": cause, "by": by}


def _sum_up(conn: Connection, registration: Registration, now: datetime) -> None:
    judgment = registration.judgment
    key = {"business": registration.business, "day": f"{now.astimezone(UTC):%Y-%m-%d}"}
    sums = {
        "submissions": 1,
        "refused": int(judgment.verdict == "rejected"),
        "accepted": judgment.counts.accepted,
        "rejected": judgment.counts.rejected,
    }
    total = upsert(conn, tally).values(
        business=registration.business, submissions=1, last_received_at=registration.received_at
    )
    newest = {"submissions": tally.c.submissions + 1, "last_received_at": total.excluded.last_received_at}
    conn.execute(total.on_conflict_do_update(index_elements=["business"], set_=newest))
    statement = upsert(conn, day).values(**key, **sums)
    grown = {name: day.c[name] + statement.excluded[name] for name in sums}
    conn.execute(statement.on_conflict_do_update(index_elements=["business", "day"], set_=grown))
    rules = [key | {"rule": total.id, "count": total.count} for total in judgment.totals if total.count]
    if rules:
        many = upsert(conn, rule_day)
        grown = {"count": rule_day.c.count + many.excluded["count"]}
        conn.execute(many.on_conflict_do_update(index_elements=["business", "day", "rule"], set_=grown), rules)


def dump_manifest(manifest: Manifest) -> dict[str, Any]:
    """The manifest as understood, instants as ISO 8601; the typed-in numbers stay in the archive."""
    form = asdict(manifest) | {"typed": []}
    if manifest.schedule:
        form["schedule"] |= {"start": manifest.schedule.start.isoformat(), "end": manifest.schedule.end.isoformat()}
    return form


def load_manifest(form: dict[str, Any]) -> Manifest:
    """The manifest that `dump_manifest` wrote down."""
    schedule, name = form["schedule"], form["display_name"]
    if schedule:
        start, end = datetime.fromisoformat(schedule["start"]), datetime.fromisoformat(schedule["end"])
        schedule = Schedule(start=start, end=end, timezone=schedule["timezone"])
    nested = {
        "schedule": schedule,
        "display_name": DisplayName(**name) if name else None,
        "files": tuple(NumbersFile(**file) for file in form["files"]),
        "typed": tuple(TypedNumber(**typed) for typed in form["typed"]),
    }
    return Manifest(**(form | nested))
