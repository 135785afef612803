"""Review of display names and logos (assets), and the branding of programs that follows from it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, or_, select, update

from flows.ledger.core.bulk import in_literals
from flows.ledger.core.errors import LedgerError
from flows.ledger.core.outbox import add_indexes_to_outbox, add_submissions_to_outbox
from flows.ledger.core.tables import asset, program, revision
from flows.ledger.core.transitions import LAUNCHDROP, move_revisions, record_transitions
from schemas.model.business import DisplayName
from schemas.model.lifecycle import FINAL_STATES, BrandingState, combine_branding

#: Who decides about assets that businesses.yaml lists as approved.
SEEDED_BY = "businesses.yaml"

_KEY_COLUMNS = ("business", "kind", "display", "shorthand", "sha256")


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """A display name or a logo, in review or decided. `review_findings` are for the reviewer: (rule, message)."""

    id: int
    business: str
    kind: str
    state: str
    display_name: DisplayName | None
    logo_sha256: str | None
    logo_name: str | None
    submission: str | None
    review_findings: tuple[tuple[str, str], ...]
    requested_at: datetime
    decided_at: datetime | None = None
    decided_by: str | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewDecision:
    """The decided review, and the programs (business, reference) whose branding it changed."""

    review: Review
    programs: tuple[tuple[str, str], ...]


def approve_listed_assets(conn: Connection, business: str, entries: Iterable[Mapping[str, Any]], now: datetime) -> None:
    """Approve the assets of a business that businesses.yaml lists, except those that the operator rejected."""
    for entry in entries:
        row = _find_asset(conn, business, entry)
        if row is None:
            decided = {"decided_at": now, "decided_by": SEEDED_BY}
            _insert_asset(conn, business, entry, state="approved", requested_at=now, noticed=[], **decided)
        elif row.state == "in_review":
            decide_review(conn, row.id, approve=True, by=SEEDED_BY, reason=None, now=now)


def request_review(
    conn: Connection,
    business: str,
    entry: Mapping[str, Any],
    *,
    submission: str,
    review_findings: Sequence[Mapping[str, str]],
    now: datetime,
) -> tuple[int, BrandingState]:
    """Put a new asset into review, and also one that was rejected before.

    Returns the id and the review state of the asset. One in review or approved does not change.
    """
    row = _find_asset(conn, business, entry)
    if row is not None and row.state != "rejected":
        return row.id, row.state
    values = {"state": "in_review", "submission": submission, "noticed": list(review_findings), "requested_at": now}
    if row is None:
        key = _insert_asset(conn, business, entry, **values)
    else:
        key = row.id
        conn.execute(update(asset).where(asset.c.id == key).values(**values, decided_at=None, decided_by=None))
        _update_branding(conn, key, cause="requested again", by=LAUNCHDROP, now=now)
    before = row.state if row else None
    transition = _transition(business, entry, before, "in_review", f"requested by {submission}", LAUNCHDROP)
    record_transitions(conn, now, [transition])
    return key, "in_review"


def list_open_reviews(conn: Connection, *, business: str | None = None) -> list[Review]:
    """The reviews that wait for a decision, the oldest first."""
    query = select(asset).where(in_literals(asset.c.state, "in_review")).order_by(asset.c.requested_at, asset.c.id)
    if business is not None:
        query = query.where(asset.c.business == business)
    return [_load_review(row) for row in conn.execute(query)]


def decide_review(
    conn: Connection, review: int, *, approve: bool, by: str, reason: str | None, now: datetime
) -> ReviewDecision:
    """Approve or reject an asset. A decision can be reversed. Making the same one again changes nothing.

    Once approved, an asset needs no further review for this business. Live programs that show it are branded at the
    carrier, and programs that waited for it become due. If it is rejected, programs that waited for it fail. Raises
    LedgerError if there is no review with this id.
    """
    row = conn.execute(select(asset).where(asset.c.id == review).with_for_update()).one_or_none()
    if row is None:
        raise LedgerError(f"no review has the id {review}")
    state = "approved" if approve else "rejected"
    if row.state == state:
        return ReviewDecision(review=_load_review(row), programs=())
    decided = {"state": state, "decided_at": now, "decided_by": by, "reason": reason}
    conn.execute(update(asset).where(asset.c.id == review).values(**decided))
    cause = f"{state} by {by}" + (f": {reason}" if reason else "")
    record_transitions(conn, now, [_transition(row.business, row._asdict(), row.state, state, cause, by)])
    programs = _update_branding(conn, review, cause=cause, by=by, now=now)
    add_indexes_to_outbox(conn, {row.business})
    row = conn.execute(select(asset).where(asset.c.id == review)).one()
    return ReviewDecision(review=_load_review(row), programs=programs)


def list_rejected_assets(conn: Connection, keys: Iterable[int | None]) -> list[int]:
    """The ids of the rejected ones among these assets."""
    ids = {key for key in keys if key is not None}
    return sorted(key for key, state in _read_states(conn, ids).items() if state == "rejected")


def _update_branding(conn: Connection, key: int, *, cause: str, by: str, now: datetime) -> tuple[tuple[str, str], ...]:
    """Compute the branding of the programs that show this asset again.

    Returns (business, reference) of those where it changed.
    """
    shows_it = or_(revision.c.display_name == key, revision.c.logo == key)
    rows = conn.execute(
        select(program, revision.c.display_name, revision.c.logo, revision.c.state, revision.c.id.label("current"))
        .add_columns(revision.c.hold_until_branded, revision.c.submission.label("from_submission"))
        .add_columns(revision.c.number)
        .join(revision, revision.c.id == program.c.revision)
        .where(shows_it, revision.c.state.not_in(FINAL_STATES))
        .order_by(program.c.id)
        .with_for_update(of=program)
    ).all()
    states = _read_states(conn, {i for row in rows for i in (row.display_name, row.logo) if i is not None})
    changed = []
    for row in rows:
        after = combine_branding(tuple(states[i] for i in (row.display_name, row.logo) if i is not None))
        if after != row.branding:
            _move_branding(conn, row, after, cause=cause, by=by, now=now)
            changed.append((row.business, row.reference))
    return tuple(changed)


def _move_branding(
    conn: Connection, row: Row[Any], after: BrandingState, *, cause: str, by: str, now: datetime
) -> None:
    # The carrier must show what is approved now, and no longer show what was approved before.
    due = row.brand_due or (row.at_carrier and "approved" in (after, row.branding))
    conn.execute(update(program).where(program.c.id == row.id).values(branding=after, brand_due=due))
    if after == "approved" and row.hold_until_branded:
        # The wait for the review does not count against the launch deadline.
        earlier = revision.c.late_from < now
        conn.execute(update(revision).where(revision.c.id == row.current, earlier).values(late_from=now))
    entry = {"business": row.business, "reference": row.reference, "revision": row.number, "thing": "branding"}
    record_transitions(conn, now, [entry | {"before": row.branding, "after": after, "cause": cause, "by": by}])
    add_submissions_to_outbox(conn, [row.from_submission] if row.from_submission else [])
    if after == "rejected" and row.hold_until_branded and row.state == "scheduled":
        reason = f"it waited for its branding, which was {cause}"
        move_revisions(conn, [row.current], "launch_failed", cause=reason, by=by, now=now, reason=reason)


def _read_states(conn: Connection, keys: set[int]) -> dict[int, BrandingState]:
    rows = conn.execute(select(asset.c.id, asset.c.state).where(asset.c.id.in_(keys)))
    return {row.id: row.state for row in rows}


def _find_asset(conn: Connection, business: str, entry: Mapping[str, Any]) -> Row[Any] | None:
    key = dict.fromkeys(_KEY_COLUMNS, "") | {n: entry[n] for n in _KEY_COLUMNS if n in entry} | {"business": business}
    return conn.execute(select(asset).where(*(asset.c[name] == value for name, value in key.items()))).one_or_none()


def _insert_asset(conn: Connection, business: str, entry: Mapping[str, Any], **values: Any) -> int:
    statement = asset.insert().values(business=business, **entry, **values).returning(asset.c.id)
    key: int = conn.execute(statement).scalar_one()
    return key


def _transition(
    business: str, entry: Mapping[str, Any], before: str | None, after: str, cause: str, by: str
) -> dict[str, Any]:
    asset_name = f"{entry['kind'].replace('_', ' ')} {entry.get('display') or entry.get('name') or entry.get('sha256')}"
    return {
        "business": business,
        "thing": "review",
        "before": before,
        "after": after,
        "cause": f"{asset_name}: {cause}",
        "by": by,
    }


def _load_review(row: Row[Any]) -> Review:
    is_name = row.kind == "display_name"
    return Review(
        id=row.id,
        business=row.business,
        kind=row.kind,
        state=row.state,
        display_name=DisplayName(display=row.display, shorthand=row.shorthand) if is_name else None,
        logo_sha256=None if is_name else row.sha256,
        logo_name=row.name,
        submission=row.submission,
        review_findings=tuple((f["rule"], f["message"]) for f in row.noticed),
        requested_at=row.requested_at,
        decided_at=row.decided_at,
        decided_by=row.decided_by,
        reason=row.reason,
    )
