"""Review of display names and logos: what was asked, what was decided, and which programs it brands."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, or_, select, update

from flows.ledger.core.bulk import in_literals
from flows.ledger.core.errors import LedgerError
from flows.ledger.core.tables import asset, program, revision
from flows.ledger.core.transitions import (
    add_indexes_to_outbox,
    add_submissions_to_outbox,
    move_revisions,
    record_transitions,
    upsert,
)
from schemas.model.business import DisplayName
from schemas.model.lifecycle import FINAL, Branding, branding

_KEY = ("business", "kind", "display", "shorthand", "sha256")
SEEDED_BY = "businesses.yaml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """A display name or a logo in review, or decided. `noticed` is what the rules noticed: (rule, message)."""

    id: int
    business: str
    kind: str
    state: str
    display_name: DisplayName | None
    logo_sha256: str | None
    logo_name: str | None
    submission: str | None
    noticed: tuple[tuple[str, str], ...]
    requested_at: datetime
    decided_at: datetime | None = None
    decided_by: str | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewDecision:
    """What a decision changed: the programs (business, reference) whose branding moved."""

    review: Review
    programs: tuple[tuple[str, str], ...]


def approve_listed_assets(conn: Connection, business: str, entries: Iterable[Mapping[str, Any]], now: datetime) -> None:
    """Approve what businesses.yaml lists, unless the operator rejected it by hand."""
    for entry in entries:
        row = _asset(conn, business, entry)
        if row is None:
            decided = {"decided_at": now, "decided_by": SEEDED_BY}
            _insert(conn, business, entry, state="approved", requested_at=now, noticed=[], **decided)
        elif row.state == "in_review":
            decide_review(conn, row.id, approve=True, by=SEEDED_BY, reason=None, now=now)


def request_review(
    conn: Connection,
    business: str,
    entry: Mapping[str, Any],
    *,
    submission: str,
    noticed: Sequence[Mapping[str, str]],
    now: datetime,
) -> tuple[int, Branding]:
    """The id and review state of a display name or logo; a new one goes into review, one that was rejected again."""
    row = _asset(conn, business, entry)
    if row is not None and row.state != "rejected":
        return row.id, row.state
    asked = {"state": "in_review", "submission": submission, "noticed": list(noticed), "requested_at": now}
    if row is None:
        key = _insert(conn, business, entry, **asked)
    else:
        key = row.id
        conn.execute(update(asset).where(asset.c.id == key).values(**asked, decided_at=None, decided_by=None))
        _brand(conn, key, cause="asked for again", by="launchdrop", now=now)
    _note(conn, business, entry, row.state if row else None, "in_review", f"asked by {submission}", "launchdrop", now)
    return key, "in_review"


def list_open_reviews(conn: Connection, *, business: str | None = None) -> list[Review]:
    """What waits for a decision, longest first."""
    query = select(asset).where(in_literals(asset.c.state, "in_review")).order_by(asset.c.requested_at, asset.c.id)
    if business is not None:
        query = query.where(asset.c.business == business)
    return [_review(row) for row in conn.execute(query)]


def decide_review(
    conn: Connection, review: int, *, approve: bool, by: str, reason: str | None, now: datetime
) -> ReviewDecision:
    """Approve or reject a display name or logo. A decision may be turned round; the same one again changes nothing.

    Approved, it is the business's from then on: live programs that show it are to be branded at the carrier, programs
    that waited for it become due. Rejected, those that waited for it fail. Raises LedgerError for an unknown id.
    """
    row = conn.execute(select(asset).where(asset.c.id == review).with_for_update()).one_or_none()
    if row is None:
        raise LedgerError(f"nothing to review has the number {review}")
    state = "approved" if approve else "rejected"
    if row.state == state:
        return ReviewDecision(review=_review(row), programs=())
    decided = {"state": state, "decided_at": now, "decided_by": by, "reason": reason}
    conn.execute(update(asset).where(asset.c.id == review).values(**decided))
    cause = f"{state} by {by}" + (f": {reason}" if reason else "")
    _note(conn, row.business, row._asdict(), row.state, state, cause, by, now)
    programs = _brand(conn, review, cause=cause, by=by, now=now)
    add_indexes_to_outbox(conn, {row.business})
    row = conn.execute(select(asset).where(asset.c.id == review)).one()
    return ReviewDecision(review=_review(row), programs=programs)


def _brand(conn: Connection, key: int, *, cause: str, by: str, now: datetime) -> tuple[tuple[str, str], ...]:
    """Work out anew the branding of the programs that show this; returns those where it moved."""
    shown = or_(revision.c.display_name == key, revision.c.logo == key)
    rows = conn.execute(
        select(program, revision.c.display_name, revision.c.logo, revision.c.state, revision.c.id.label("current"))
        .add_columns(revision.c.hold_until_branded, revision.c.submission.label("from_submission"))
        .add_columns(revision.c.number)
        .join(revision, revision.c.id == program.c.revision)
        .where(shown, revision.c.state.not_in(FINAL))
        .order_by(program.c.id)
        .with_for_update(of=program)
    ).all()
    states = _states(conn, {i for row in rows for i in (row.display_name, row.logo) if i is not None})
    moved = []
    for row in rows:
        after = branding(tuple(states[i] for i in (row.display_name, row.logo) if i is not None))
        if after != row.branding:
            _move_branding(conn, row, after, cause=cause, by=by, now=now)
            moved.append((row.business, row.reference))
    return tuple(moved)


def _move_branding(conn: Connection, row: Row[Any], after: Branding, *, cause: str, by: str, now: datetime) -> None:
    # Approved: to be shown. Approved before: to be shown no longer.
    due = row.brand_due or (row.at_carrier and "approved" in (after, row.branding))
    conn.execute(update(program).where(program.c.id == row.id).values(branding=after, brand_due=due))
    if after == "approved" and row.hold_until_branded:
        # It waited for the review, not for us: the launch deadline counts from its approval.
        late = revision.c.late_from < now
        conn.execute(update(revision).where(revision.c.id == row.current, late).values(late_from=now))
    place = {"business": row.business, "reference": row.reference, "revision": row.number}
    record_transitions(
        conn, now, [place | {"thing": "branding", "before": row.branding, "after": after, "cause": cause, "by": by}]
    )
    add_submissions_to_outbox(conn, [row.from_submission] if row.from_submission else [])
    if after == "rejected" and row.hold_until_branded and row.state == "scheduled":
        reason = f"it was to wait for its branding, which was {cause}"
        move_revisions(conn, [row.current], "launch_failed", cause=reason, by=by, now=now, reason=reason)


def list_rejected_assets(conn: Connection, keys: Iterable[int | None]) -> list[int]:
    """Those of these display names and logos that are rejected."""
    asked = {key for key in keys if key is not None}
    return sorted(key for key, state in _states(conn, asked).items() if state == "rejected")


def _states(conn: Connection, keys: set[int]) -> dict[int, Branding]:
    rows = conn.execute(select(asset.c.id, asset.c.state).where(asset.c.id.in_(keys)))
    return {row.id: row.state for row in rows}


def _asset(conn: Connection, business: str, entry: Mapping[str, Any]) -> Row[Any] | None:
    key = dict.fromkeys(_KEY, "") | {n: entry[n] for n in _KEY if n in entry} | {"business": business}
    return conn.execute(select(asset).where(*(asset.c[name] == value for name, value in key.items()))).one_or_none()


def _insert(conn: Connection, business: str, entry: Mapping[str, Any], **values: Any) -> int:
    statement = upsert(conn, asset).values(business=business, **entry, **values).returning(asset.c.id)
    key: int = conn.execute(statement).scalar_one()
    return key


def _note(
    conn: Connection,
    business: str,
    entry: Mapping[str, Any],
    before: str | None,
    after: str,
    cause: str,
    by: str,
    now: datetime,
) -> None:
    what = f"{entry['kind'].replace('_', ' ')} {entry.get('display') or entry.get('name') or entry.get('sha256')}"
    record_transitions(
        conn,
        now,
        [
            {
                "business": business,
                "thing": "review",
                "before": before,
                "after": after,
                "cause": f"{what}: {cause}",
                "by": by,
            }
        ],
    )


def _review(row: Row[Any]) -> Review:
    named = row.kind == "display_name"
    return Review(
        id=row.id,
        business=row.business,
        kind=row.kind,
        state=row.state,
        display_name=DisplayName(display=row.display, shorthand=row.shorthand) if named else None,
        logo_sha256=None if named else row.sha256,
        logo_name=row.name,
        submission=row.submission,
        noticed=tuple((n["rule"], n["message"]) for n in row.noticed),
        requested_at=row.requested_at,
        decided_at=row.decided_at,
        decided_by=row.decided_by,
        reason=row.reason,
    )
