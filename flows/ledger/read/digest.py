"""What happened since the last digest, as counts by business; no phone number is among it."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, select

from flows.ledger.core.control_flags import get_flag, set_flag
from flows.ledger.core.tables import asset, batch, business, move, program, revision, submission

_FLAG = "digest"


@dataclass(frozen=True, slots=True, kw_only=True)
class DigestPosition:
    """Where the last digest ended: the last submission and the last move it told of, and when."""

    submission: int = 0
    move: int = 0
    at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BusinessDigest:
    """One business since the last digest, and what waits there now.

    `verdicts` counts submissions as judged, `rows` their rows (accepted, rejected), `states` the moves of revisions by
    the state they came to; `held`, `in_review` and `stuck` (missed or launch_failed) are what waits for somebody now.
    """

    business: str
    legal_name: str
    contacts: tuple[str, ...]
    verdicts: Mapping[str, int]
    rows: Mapping[str, int]
    states: Mapping[str, int]
    refused: int
    held: int
    in_review: int
    stuck: int

    @property
    def quiet(self) -> bool:
        """Whether nothing happened and nothing waits."""
        return not (self.verdicts or self.states or self.held or self.in_review or self.stuck)


def read_last_digest_position(conn: Connection) -> DigestPosition:
    """Where the last digest ended; the beginning of all, before the first."""
    value = get_flag(conn, _FLAG)
    if value is None:
        return DigestPosition()
    return DigestPosition(submission=value["submission"], move=value["move"], at=datetime.fromisoformat(value["at"]))


def read_current_digest_position(conn: Connection, now: datetime) -> DigestPosition:
    """Where a digest that is made now ends."""
    last = select(
        func.coalesce(func.max(submission.c.seq), 0).label("s"), select(func.max(move.c.id)).scalar_subquery()
    )
    seq, moved = conn.execute(last).one()
    return DigestPosition(submission=seq, move=moved or 0, at=now)


def save_digest_position(conn: Connection, end: DigestPosition) -> None:
    """Remember that a digest up to here was sent."""
    assert end.at is not None
    set_flag(conn, _FLAG, {"submission": end.submission, "move": end.move, "at": end.at.isoformat()})


def read_business_digests(conn: Connection, since: DigestPosition, end: DigestPosition) -> list[BusinessDigest]:
    """Every business between two digests, by id; the quiet ones too."""
    verdicts, rows = _judged(conn, since, end)
    states = _moved(conn, since, end)
    refused = _by_business(conn, select(program.c.business, func.sum(program.c.numbers_refused)), program.c.business)
    held = _by_business(conn, _count(submission.c.business).where(submission.c.standing == "held"))
    in_review = _by_business(conn, _count(asset.c.business).where(asset.c.state == "in_review"))
    stuck = _by_business(conn, _stuck())
    return [
        BusinessDigest(
            business=row.id,
            legal_name=row.facts.get("legal_name") or row.id,
            contacts=tuple(row.facts.get("contacts") or ()),
            verdicts=verdicts[row.id],
            rows=rows[row.id],
            states=states[row.id],
            refused=refused.get(row.id, 0),
            held=held.get(row.id, 0),
            in_review=in_review.get(row.id, 0),
            stuck=stuck.get(row.id, 0),
        )
        for row in conn.execute(select(business).order_by(business.c.id))
    ]


def count_unknown_batches(conn: Connection) -> int:
    """Batches whose fate at the carrier is unknown: for the operator to look into."""
    return conn.execute(select(func.count()).select_from(batch).where(batch.c.state == "unknown")).scalar_one()


def _judged(
    conn: Connection, since: DigestPosition, end: DigestPosition
) -> tuple[dict[str, Counter[str]], dict[str, Counter[str]]]:
    verdicts: dict[str, Counter[str]] = defaultdict(Counter)
    rows: dict[str, Counter[str]] = defaultdict(Counter)
    window = submission.c.seq.between(since.submission + 1, end.submission)
    for row in conn.execute(select(submission.c.business, submission.c.judged, submission.c.counts).where(window)):
        verdicts[row.business][row.judged] += 1
        rows[row.business].update({name: row.counts.get(name, 0) for name in ("accepted", "rejected")})
    return verdicts, rows


def _moved(conn: Connection, since: DigestPosition, end: DigestPosition) -> dict[str, Counter[str]]:
    states: dict[str, Counter[str]] = defaultdict(Counter)
    counted = (
        select(move.c.business, move.c.after, func.count())
        .where(move.c.id.between(since.move + 1, end.move), move.c.thing == "revision", move.c.business.is_not(None))
        .group_by(move.c.business, move.c.after)
    )
    for name, after, count in conn.execute(counted):
        states[name][after] = count
    return states


def _count(column: Any) -> Any:
    return select(column, func.count())


def _stuck() -> Any:
    newest = program.join(revision, revision.c.id == program.c.revision)
    return _count(program.c.business).select_from(newest).where(revision.c.state.in_(["missed", "launch_failed"]))


def _by_business(conn: Connection, statement: Any, column: Any = None) -> dict[str, int]:
    grouped = statement.group_by(column if column is not None else statement.selected_columns[0])
    return {name: int(count or 0) for name, count in conn.execute(grouped)}
