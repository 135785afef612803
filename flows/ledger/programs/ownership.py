"""Who owns a number: one business at a time, and one program within it. Takeovers between programs of a business."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy import Connection, and_, case, exists, select, update

from flows.ledger.core.bulk import in_values, iter_slices, upsert
from flows.ledger.core.engine import Ledger
from flows.ledger.core.tables import number, program, revision, takeover
from schemas.model.judging_context import NumberConflict

#: Why an accepted number is not in its program after all. The report shows these like the carrier's refusals.
REGISTERED_ELSEWHERE = "NUM-022: registered by another business"
IN_ANOTHER_PROGRAM = "NUM-023: in another program of this business"
ON_DO_NOT_ORIGINATE_LIST = "NUM-024: on the do-not-originate list"

#: The states in which a program claims the free numbers that it waits for. A missed program claims them when retried.
_CLAIMING_STATES = ("scheduled", "launching", "live", "launch_failed")

#: Numbers that a program waits for, and takes over at its launch.
_AWAITED = and_(number.c.state == "pending", number.c.change == "add", number.c.claimed.is_(False))
#: The same, and those of a revision that waits for a launch to finish. They can be handed over, but not yet taken.
_AWAITED_OR_WAITING = and_(
    number.c.state == "pending", number.c.change.in_(["add", "wait"]), number.c.claimed.is_(False)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberHolders:
    """Claimed numbers, sorted, and who holds each: a position in `programs`, which are (id, business, reference)."""

    numbers: np.ndarray
    holder: np.ndarray
    programs: Sequence[tuple[int, str, str]]


def find_holders(conn: Connection, numbers: np.ndarray, *, except_program: int | None = None) -> NumberHolders:
    """Which of these numbers are claimed, and by which programs, with the exception of one program."""
    found: list[tuple[int, int]] = []
    for part in iter_slices(np.sort(numbers)):
        where = in_values(conn, number.c.number, part), number.c.claimed
        query = select(number.c.number, number.c.program).where(*where)
        found += [(n, p) for n, p in conn.execute(query) if p != except_program]
    found.sort()
    ids, holder = np.unique(np.array([p for _, p in found], dtype=np.int64), return_inverse=True)
    return NumberHolders(
        numbers=np.array([n for n, _ in found], dtype=np.int64),
        holder=holder,
        programs=_read_program_names(conn, ids.tolist()),
    )


def _read_program_names(conn: Connection, ids: Sequence[int]) -> list[tuple[int, str, str]]:
    """(id, business, reference) of these programs, by id."""
    if not ids:
        return []
    query = select(program.c.id, program.c.business, program.c.reference).where(in_values(conn, program.c.id, ids))
    return [(i, b, r) for i, b, r in conn.execute(query.order_by(program.c.id))]


def _read_program_numbers(conn: Connection, program_id: int, *where: Any) -> np.ndarray:
    """The numbers of one program that meet these conditions, sorted."""
    query = select(number.c.number).where(number.c.program == program_id, *where).order_by(number.c.number)
    return np.fromiter(conn.execute(query).scalars(), dtype=np.int64)


def update_numbers(conn: Connection, program_id: int, numbers: np.ndarray, **values: Any) -> None:
    """Set columns of these numbers of one program."""
    for part in iter_slices(numbers):
        where = number.c.program == program_id, in_values(conn, number.c.number, part)
        conn.execute(update(number).where(*where).values(**values))


def request_takeovers(conn: Connection, taker: int, givers: Sequence[int]) -> None:
    """Record that a program is to take over numbers from these programs at its launch."""
    rows = [{"taker": taker, "giver": giver, "waits": True} for giver in givers]
    if rows:
        insert = upsert(conn, takeover)
        conn.execute(insert.on_conflict_do_update(index_elements=["taker", "giver"], set_={"waits": True}), rows)


def reclaim_numbers(conn: Connection, program_id: int, business: str) -> None:
    """Claim again the numbers of a missed program that are still free, and refuse the others.

    Numbers that it can take over at its launch are not refused.
    """
    wanted = _read_program_numbers(conn, program_id, _AWAITED)
    held = find_holders(conn, wanted, except_program=program_id)
    givers = set(
        conn.execute(select(takeover.c.giver).where(takeover.c.taker == program_id, takeover.c.waits)).scalars()
    )
    update_numbers(conn, program_id, np.setdiff1d(wanted, held.numbers, assume_unique=True), claimed=True)
    for position, (holder, owner, _) in enumerate(held.programs):
        if owner != business or holder not in givers:
            reason = REGISTERED_ELSEWHERE if owner != business else IN_ANOTHER_PROGRAM
            refuse_numbers(conn, program_id, held.numbers[held.holder == position], reason)


def refuse_numbers(conn: Connection, program_id: int, numbers: np.ndarray, reason: str) -> None:
    """Mark these numbers as refused, with a reason, and give up their claims. They are not sent to the carrier."""
    update_numbers(conn, program_id, numbers, state="refused", change=None, claimed=False, reason=reason)


def free_numbers(conn: Connection, programs: Sequence[int], *, removed: bool) -> None:
    """Give up all claims of these programs, and hand the numbers over to programs that wait for them.

    `removed`: the programs are over (ended or canceled). Otherwise (missed) their numbers stay pending.
    """
    is_theirs = in_values(conn, number.c.program, programs)
    if removed:
        state = case((number.c.state.in_(["pending", "live"]), "removed"), else_=number.c.state)
        statement = update(number).where(is_theirs, number.c.claimed | (number.c.state == "pending"))
        conn.execute(statement.values(claimed=False, change=None, state=state))
        conn.execute(update(takeover).where(in_values(conn, takeover.c.taker, programs)).values(waits=False))
    else:
        conn.execute(update(number).where(is_theirs, number.c.claimed).values(claimed=False))
    hand_over_numbers(conn, programs)


def hand_over_numbers(conn: Connection, givers: Sequence[int]) -> None:
    """Let programs that wait to take over numbers from these claim the free ones, the oldest program first."""
    query = (
        select(takeover.c.taker)
        .distinct()
        .join(program, program.c.id == takeover.c.taker)
        .join(revision, revision.c.id == program.c.revision)
        .where(in_values(conn, takeover.c.giver, givers), takeover.c.waits)
        .where(revision.c.state.in_(_CLAIMING_STATES))
        .order_by(takeover.c.taker)
    )
    other = number.alias("other")
    is_claimed = exists().where(other.c.number == number.c.number, other.c.claimed)
    for taker in conn.execute(query).scalars().all():
        where = number.c.program == taker, _AWAITED_OR_WAITING, ~is_claimed
        conn.execute(update(number).where(*where).values(claimed=True))


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeoverResult:
    """What a program took over at its launch.

    By giver: the numbers that the carrier must first remove from it (`live`), and how many were moved (`moved`).
    """

    live: Mapping[int, np.ndarray]
    moved: Mapping[int, int]


def take_over_numbers(conn: Connection, program_id: int, business: str, reference: str) -> TakeoverResult:
    """Move the numbers that a program waits for to it.

    Free numbers are claimed. Numbers of other programs of its business are taken over; there they become `reassigned`.
    Numbers that another business has claimed are refused.
    """
    wanted = _read_program_numbers(conn, program_id, _AWAITED)
    held = find_holders(conn, wanted, except_program=program_id)
    live: dict[int, np.ndarray] = {}
    moved: dict[int, int] = {}
    for position, (holder, owner, _) in enumerate(held.programs):
        numbers = held.numbers[held.holder == position]
        if owner != business:
            refuse_numbers(conn, program_id, numbers, REGISTERED_ELSEWHERE)
            continue
        at_carrier = _read_program_numbers(conn, holder, _may_be_at_carrier())
        at_carrier = np.intersect1d(numbers, at_carrier, assume_unique=True)
        if len(at_carrier):
            live[holder] = at_carrier
        update_numbers(conn, holder, numbers, state="reassigned", change=None, claimed=False, reason=f"to {reference}")
        moved[holder] = len(numbers)
        request_takeovers(conn, program_id, [holder])  # the holder may itself have taken them from the expected giver
        _redirect_takeovers(conn, holder, program_id)
    update_numbers(conn, program_id, _read_program_numbers(conn, program_id, _AWAITED), claimed=True)
    conn.execute(update(takeover).where(takeover.c.taker == program_id).values(waits=False))
    for giver, count in moved.items():
        where = (takeover.c.taker == program_id) & (takeover.c.giver == giver)
        conn.execute(update(takeover).where(where).values(moved=takeover.c.moved + count))
    return TakeoverResult(live=live, moved=moved)


def _may_be_at_carrier() -> Any:
    return (number.c.state == "live") | (
        (number.c.state == "pending") & exists().where(program.c.id == number.c.program, program.c.at_carrier)
    )


def _redirect_takeovers(conn: Connection, giver: int, taker: int) -> None:
    """Have the other programs that wait to take over from the giver take over from the taker as well."""
    others = select(takeover.c.taker).where(takeover.c.giver == giver, takeover.c.taker != taker, takeover.c.waits)
    for other in conn.execute(others).scalars().all():
        request_takeovers(conn, other, [taker])


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerClaims:
    """What judging a submission of this program asks about its numbers: `schemas.model.judging_context.NumberClaims`.

    Each call runs in its own transaction. Registering checks again, in the transaction that claims the numbers.
    """

    ledger: Ledger
    business: str
    reference: str | None
    reassign: bool

    def find_conflicts(self, numbers: np.ndarray) -> Mapping[int, NumberConflict]:
        """Those of the numbers (sorted, unique, int64) that the program cannot have, and by which rule.

        NUM-022 never says which business it is. NUM-023 names the program.
        """
        with self.ledger.read() as conn:
            held = find_holders(conn, numbers)
        by_program = [self._conflict(business, reference) for _, business, reference in held.programs]
        pairs = zip(held.numbers.tolist(), held.holder.tolist(), strict=True)
        return {number: conflict for number, position in pairs if (conflict := by_program[position]) is not None}

    def _conflict(self, business: str, reference: str) -> NumberConflict | None:
        if business != self.business:
            return NumberConflict(rule="NUM-022", program=None)
        if reference == self.reference or self.reassign:
            return None
        return NumberConflict(rule="NUM-023", program=reference)
