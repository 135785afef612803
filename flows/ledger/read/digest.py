"""What has happened since the last digest: counts by business, without phone numbers."""

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
    """How far a digest goes: the last submission and the last transition that it covers, and its time."""

    submission: int = 0
    transition: int = 0
    at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BusinessDigest:
    """One business since the last digest, and what waits there now.

    `verdicts` counts submissions by verdict, `rows` their rows (accepted, rejected), `states` the transitions of
    revisions by their new state. `refused` are all its numbers refused at launch. What waits for somebody now:
    `held` submissions, assets `in_review`, and `stuck` programs (missed or launch_failed).
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
        """Whether nothing has happened and nothing waits."""
        return not (self.verdicts or self.states or self.held or self.in_review or self.stuck)


def read_last_digest_position(conn: Connection) -> DigestPosition:
    """How far the last digest went; the beginning of the ledger if there was none."""
    value = get_flag(conn, _FLAG)
    if value is None:
        return DigestPosition()
    at = datetime.fromisoformat(value["at"])
    return DigestPosition(submission=value["submission"], transition=value["move"], at=at)


def read_current_digest_position(conn: Connection, now: datetime) -> DigestPosition:
    """How far a digest goes that is made now."""
    last_transition = select(func.max(move.c.id)).scalar_subquery()
    last_seq, last_id = conn.execute(select(func.max(submission.c.seq), last_transition)).one()
    return DigestPosition(submission=last_seq or 0, transition=last_id or 0, at=now)


def save_digest_position(conn: Connection, end: DigestPosition) -> None:
    """Save how far the digest that is sent now goes. The position needs its time."""
    assert end.at is not None
    set_flag(conn, _FLAG, {"submission": end.submission, "move": end.transition, "at": end.at.isoformat()})


def read_business_digests(conn: Connection, since: DigestPosition, end: DigestPosition) -> list[BusinessDigest]:
    """What happened in each business between two positions, by id. Includes quiet businesses."""
    verdicts, rows = _count_verdicts_and_rows(conn, since, end)
    states = _count_new_states(conn, since, end)
    refused = _by_business(conn, select(program.c.business, func.sum(program.c.numbers_refused)))
    held = _by_business(conn, _select_count(submission.c.business).where(submission.c.standing == "held"))
    in_review = _by_business(conn, _select_count(asset.c.business).where(asset.c.state == "in_review"))
    stuck = _by_business(conn, _select_stuck())
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
    """How many batches have an unknown outcome at the carrier. The operator has to look into them."""
    return conn.execute(select(func.count()).select_from(batch).where(batch.c.state == "unknown")).scalar_one()


def _count_verdicts_and_rows(
    conn: Connection, since: DigestPosition, end: DigestPosition
) -> tuple[dict[str, Counter[str]], dict[str, Counter[str]]]:
    verdicts: dict[str, Counter[str]] = defaultdict(Counter)
    rows: dict[str, Counter[str]] = defaultdict(Counter)
    window = submission.c.seq.between(since.submission + 1, end.submission)
    for row in conn.execute(select(submission.c.business, submission.c.judged, submission.c.counts).where(window)):
        verdicts[row.business][row.judged] += 1
        rows[row.business].update({name: row.counts.get(name, 0) for name in ("accepted", "rejected")})
    return verdicts, rows


def _count_new_states(conn: Connection, since: DigestPosition, end: DigestPosition) -> dict[str, Counter[str]]:
    states: dict[str, Counter[str]] = defaultdict(Counter)
    counted = (
        select(move.c.business, move.c.after, func.count())
        .where(move.c.id.between(since.transition + 1, end.transition))
        .where(move.c.thing == "revision", move.c.business.is_not(None))
        .group_by(move.c.business, move.c.after)
    )
    for name, after, count in conn.execute(counted):
        states[name][after] = count
    return states


def _select_count(column: Any) -> Any:
    return select(column, func.count())


def _select_stuck() -> Any:
    newest = program.join(revision, revision.c.id == program.c.revision)
    return (
        _select_count(program.c.business).select_from(newest).where(revision.c.state.in_(["missed", "launch_failed"]))
    )


def _by_business(conn: Connection, statement: Any) -> dict[str, int]:
    """The second column of a statement by the first one."""
    grouped = statement.group_by(statement.selected_columns[0])
    return {name: int(count or 0) for name, count in conn.execute(grouped)}
