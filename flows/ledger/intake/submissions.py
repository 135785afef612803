"""Submissions: what was dropped, how it was judged, and what was decided about it."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from sqlalchemy import Connection, Row, and_, delete, select, text, update

from flows.ledger.core.bulk import (
    NumberBlock,
    in_literals,
    iter_slices,
    merge_blocks,
    pack_numbers,
    unpack_numbers,
    upsert,
)
from flows.ledger.core.errors import LedgerError
from flows.ledger.core.outbox import add_submissions_to_outbox, add_to_outbox
from flows.ledger.core.tables import day, parked, program, receipt, rule_day, submission, tally
from flows.ledger.core.transitions import LAUNCHDROP, record_transitions
from schemas.model import ids
from schemas.model.business import DisplayName
from schemas.model.judgment import Judgment
from schemas.model.manifest import Manifest, NumbersFile, Schedule, TypedNumber
from schemas.reasons import Reason, Reasons, list_reasons, list_reasons_of_totals

#: What has become of a submission: rejected by judging; held; dismissed by the operator; replaced by a newer one while
#: it was held; waiting for a launch to finish; lapsed because the program was over by then; registered.
Standing = Literal["rejected", "held", "dismissed", "replaced", "waiting", "lapsed", "registered"]

#: Findings on display name and logo that a reviewer gets to see.
_MAX_REVIEW_FINDINGS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmittedLogo:
    """The logo of a submission's program: its file name and the sha256 of its bytes."""

    name: str
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """A judged submission, ready to be registered.

    `archive` is where its bytes are; `bytes` is about what it adds to archive and reports. `retake_of` is the
    submission that was judged again. The judgment's `numbers` are read once, in the transaction that registers it.
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
    bytes: int = 0

    @property
    def reference(self) -> str | None:
        """The program's reference; None if the manifest does not give one."""
        return self.judgment.manifest.reference if self.judgment.manifest else None


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistrationResult:
    """What registering did.

    For a duplicate, `submission` is the one that it repeats. `revision` is the number of the revision; None if there is
    none. `waiting`: the program is launching, and the revision will be made when the launch is over.
    """

    outcome: Literal["registered", "duplicate"]
    submission: str
    revision: int | None = None
    waiting: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptedSubmission:
    """An accepted submission: judged just now, or held or waiting until now.

    `waited`: it has waited for a launch to finish, and cannot be judged again.
    """

    submission: str
    business: str
    reference: str
    digest: str
    received_at: datetime
    manifest: Manifest
    logo: SubmittedLogo | None
    block: NumberBlock
    review_findings: Sequence[dict[str, str]] = ()
    waited: bool = False


def lock_reference(conn: Connection, business: str, reference: str | None) -> None:
    """Keep others from registering for this program until the transaction ends. (SQLite has one writer anyway.)"""
    if conn.dialect.name == "postgresql":
        key = {"key": f"{business}/{reference}"}
        conn.execute(text("select pg_advisory_xact_lock(hashtextextended(:key, 0))"), key)


def choose_submission_id(conn: Connection, business: str, drop: str, first_seen: datetime, digest: str) -> str:
    """The id of a drop's submission, by `schemas.model.ids.make_submission_id`.

    If another drop of the business has this id (the same bytes in the same second), "-2" and so on is appended. Raises
    LedgerError if a million ids are in use.
    """
    plain = ids.make_submission_id(first_seen, digest)
    for count in range(1, 1_000_000):
        name = plain if count == 1 else f"{plain}-{count}"
        row = find_submission(conn, name, business)
        if row is None or (row.drop, row.digest) == (drop, digest):
            return name
    raise LedgerError(f"no free id for submission {plain}")


def find_submission(conn: Connection, submission_id: str, business: str | None = None) -> Row[Any] | None:
    """The submission with this id, in one business or in any; None if there is none.

    If two businesses have it, one of them was rejected because it was in the wrong business folder. The other one is
    returned.
    """
    query = select(submission).where(submission.c.id == submission_id)
    if business is not None:
        query = query.where(submission.c.business == business)
    is_rejected = submission.c.standing == "rejected"
    return conn.execute(query.order_by(is_rejected, submission.c.seq).limit(1)).one_or_none()


def find_newest_submission_id(
    conn: Connection, business: str, reference: str | None, *, apart_from: str | None
) -> str | None:
    """The id of the newest submission for a program, whatever became of it, apart from this one; None if none is left.

    Of a drop without a reference, there is none.
    """
    if reference is None:
        return None
    where = submission.c.business == business, submission.c.reference == reference
    query = select(submission.c.id).where(*where).order_by(submission.c.seq.desc()).limit(2)
    return next((found for found in conn.execute(query).scalars() if found != apart_from), None)


def find_duplicate(
    conn: Connection, business: str, reference: str | None, digest: str, *, cancels: bool = False
) -> str | None:
    """The id of the submission that one with this content repeats; None if it repeats none.

    It can repeat the held or the current accepted submission for its reference. `cancels`: its manifest has
    `state: cancelled`, which repeats the cancellation of a canceled program, whatever the content of that was.
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
    """The oldest submission for this program with the standing "held" or "waiting"; None if there is none."""
    where = (
        submission.c.business == business,
        submission.c.reference == reference,
        in_literals(submission.c.standing, standing),
    )
    return conn.execute(select(submission).where(*where).order_by(submission.c.seq).limit(1)).one_or_none()


def insert_submission(conn: Connection, registration: Registration, standing: Standing, now: datetime) -> None:
    """Insert a submission, add it to the totals, and record it in the audit log."""
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
            manifest=_dump_manifest(manifest) if manifest else None,
            logo=asdict(registration.logo) if registration.logo else None,
            noticed=collect_review_findings(judgment),
            reasons=asdict(list_reasons(judgment)),
            archive=registration.archive,
            unanswered=judgment.unanswered,
            retake_of=registration.retake_of,
        )
    )
    _add_to_totals(conn, registration, now)
    cause = f"retake of {registration.retake_of}" if registration.retake_of else f"drop {registration.drop}"
    entry = _transition(registration.business, registration.reference, None, judgment.verdict, cause, LAUNCHDROP)
    record_transitions(conn, now, [entry])


def collect_review_findings(judgment: Judgment) -> list[dict[str, str]]:
    """The first findings on display name and logo, for their reviewer: {rule, message} each."""
    findings = (f for f in judgment.findings if f.rule.startswith(("DSP-", "IMG-")))
    return [{"rule": f.rule, "message": f.message} for f in findings][:_MAX_REVIEW_FINDINGS]


def acknowledge_drop(
    conn: Connection, business: str, drop: str, outcome: str, submission_id: str, digest: str, now: datetime
) -> None:
    """Record which submission a drop is acknowledged as, and have its receipt written."""
    values = {"outcome": outcome, "submission": submission_id, "digest": digest, "at": now}
    statement = upsert(conn, receipt).values(business=business, drop=drop, **values)
    conn.execute(statement.on_conflict_do_update(index_elements=["business", "drop"], set_=values))
    add_to_outbox(conn, "receipt", business, drop)


def find_rejected_submission(conn: Connection, business: str, drop: str, digest: str) -> Row[Any] | None:
    """The submission that this drop is acknowledged as, if it was rejected by judging and has this digest."""
    same = submission.c.business == receipt.c.business, submission.c.id == receipt.c.submission
    query = select(submission).join(receipt, and_(*same))
    where = receipt.c.business == business, receipt.c.drop == drop, submission.c.digest == digest
    return conn.execute(query.where(*where, submission.c.standing == "rejected")).one_or_none()


def record_basis(conn: Connection, business: str, submission_id: str, basis: str) -> None:
    """Record what a rejected submission was judged by."""
    where = submission.c.business == business, submission.c.id == submission_id
    conn.execute(update(submission).where(*where).values(basis=basis))


def park_numbers(conn: Connection, accepted: AcceptedSubmission) -> None:
    """Keep the accepted numbers of a submission until it is decided, or until the launch it waits for is over."""
    numbers, purposes = accepted.block
    where = submission.c.business == accepted.business, submission.c.id == accepted.submission
    seq = conn.execute(select(submission.c.seq).where(*where)).scalar_one()
    parts = zip(iter_slices(numbers), iter_slices(purposes), strict=True)
    rows = [{"submission": seq, "seq": place, "members": pack_numbers(part)} for place, part in enumerate(parts)]
    if rows:
        conn.execute(parked.insert(), rows)


def unpark_submission(conn: Connection, row: Row[Any]) -> AcceptedSubmission:
    """A held or waiting submission as it was accepted. Deletes its parked numbers."""
    of_submission = parked.c.submission == row.seq
    members = conn.execute(select(parked.c.members).where(of_submission).order_by(parked.c.seq)).scalars().all()
    conn.execute(delete(parked).where(of_submission))
    return AcceptedSubmission(
        submission=row.id,
        business=row.business,
        reference=row.reference,
        digest=row.digest,
        received_at=row.received_at,
        manifest=_load_manifest(row.manifest),
        logo=SubmittedLogo(**row.logo) if row.logo else None,
        block=merge_blocks(unpack_numbers(m) for m in members),
        review_findings=row.noticed,
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
    """Give a held or waiting submission its final standing, and have the files that show it written.

    `cause` is for the audit log, `reason` for the business to read. A decision of the operator is kept: it is not
    replaced when the submission that was released has waited for a launch.
    """
    if standing in ("dismissed", "replaced", "lapsed"):
        conn.execute(delete(parked).where(parked.c.submission == row.seq))
    values: dict[str, Any] = {"standing": standing, "verdict": verdict}
    if row.decided_by is None:
        values |= {"decided_at": now, "decided_by": by, "reason": reason}
    conn.execute(update(submission).where(submission.c.seq == row.seq).values(**values))
    record_transitions(
        conn, now, [_transition(row.business, row.reference, row.standing, standing, f"{row.id}: {cause}", by)]
    )
    add_submissions_to_outbox(conn, [row.id])


def read_reasons(row: Row[Any]) -> Reasons:
    """Why the submission of this row, or rows of it, did not get in when it was judged."""
    if row.reasons is None:  # judged by an earlier release
        return list_reasons_of_totals(row.totals, row.held_because)
    return Reasons(shown=[Reason(**values) for values in row.reasons["shown"]], total=row.reasons["total"])


def get_held_submission(conn: Connection, submission_id: str) -> Row[Any]:
    """The row of a held submission. Raises LedgerError if there is none with this id, or if it is not held."""
    row = find_submission(conn, submission_id)
    if row is None:
        raise LedgerError(f"no submission {submission_id}")
    if row.standing != "held":
        raise LedgerError(f"submission {submission_id} is not held: it is {row.standing}")
    return row


def _transition(
    business: str, reference: str | None, before: str | None, after: str, cause: str, by: str
) -> dict[str, Any]:
    place = {"business": business, "reference": reference}
    return place | {"thing": "submission", "before": before, "after": after, "cause": cause, "by": by}


def _add_to_totals(conn: Connection, registration: Registration, now: datetime) -> None:
    judgment = registration.judgment
    total = upsert(conn, tally).values(
        business=registration.business,
        submissions=1,
        last_received_at=registration.received_at,
        bytes=registration.bytes,
    )
    grown = {
        "submissions": tally.c.submissions + 1,
        "last_received_at": total.excluded.last_received_at,
        "bytes": tally.c.bytes + total.excluded.bytes,
    }
    conn.execute(total.on_conflict_do_update(index_elements=["business"], set_=grown))

    key = {"business": registration.business, "day": f"{now.astimezone(UTC):%Y-%m-%d}"}
    counts = {
        "submissions": 1,
        "refused": int(judgment.verdict == "rejected"),
        "accepted": judgment.counts.accepted,
        "rejected": judgment.counts.rejected,
    }
    by_day = upsert(conn, day).values(**key, **counts)
    grown = {name: day.c[name] + by_day.excluded[name] for name in counts}
    conn.execute(by_day.on_conflict_do_update(index_elements=["business", "day"], set_=grown))

    rules = [key | {"rule": total.id, "count": total.count} for total in judgment.totals if total.count]
    if rules:
        by_rule = upsert(conn, rule_day)
        grown = {"count": rule_day.c.count + by_rule.excluded["count"]}
        conn.execute(by_rule.on_conflict_do_update(index_elements=["business", "day", "rule"], set_=grown), rules)


def _dump_manifest(manifest: Manifest) -> dict[str, Any]:
    """A parsed manifest as JSON, times in ISO 8601, without the typed-in numbers: those are in the archive."""
    form = asdict(manifest) | {"typed": []}
    if manifest.schedule:
        form["schedule"] |= {"start": manifest.schedule.start.isoformat(), "end": manifest.schedule.end.isoformat()}
    return form


def _load_manifest(form: dict[str, Any]) -> Manifest:
    """The manifest that `_dump_manifest` stored."""
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
