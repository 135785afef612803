"""To whom numbers belong: one business at a time, and one scheduled or live program within it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from sqlalchemy import Connection, and_, case, exists, select, update

from flows.ledger.core.bulk import iter_slices, listed
from flows.ledger.core.tables import number, program, revision, takeover
from flows.ledger.core.transitions import upsert
from schemas.model.drop import Conflict

if TYPE_CHECKING:
    from flows.ledger.core.engine import Ledger

#: Why a number that was accepted is not with its program after all; they go into the report as refusals.
REGISTERED_ELSEWHERE = "NUM-022: registered by another business"
IN_ANOTHER_PROGRAM = "NUM-023: in another program of this business"
ON_DO_NOT_ORIGINATE_LIST = "NUM-024: on the do-not-originate list"

#: A program whose newest revision is in one of these claims what it waits for; a missed one does so when retried.
_CLAIMING = ("scheduled", "launching", "live", "launch_failed")

_UNCLAIMED = and_(number.c.state == "pending", number.c.change == "add", number.c.claimed.is_(False))
#: What a revision that waits for a launch is to take over, besides: it is handed over as well, but not taken yet.
_COMING = and_(number.c.state == "pending", number.c.change.in_(["add", "wait"]), number.c.claimed.is_(False))


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberHolders:
    """Numbers that are claimed, sorted, and who holds each: positions into `programs`, (id, business, reference)."""

    numbers: np.ndarray
    holder: np.ndarray
    programs: Sequence[tuple[int, str, str]]


def find_holders(conn: Connection, numbers: np.ndarray, *, besides: int | None = None) -> NumberHolders:
    """Who claims these numbers, `besides` one program; a hundred thousand are looked up in one statement."""
    found: list[tuple[int, int]] = []
    for part in iter_slices(np.sort(numbers)):
        table, value = listed(conn, part)
        these = number.c.number.in_(select(value).select_from(table))
        query = select(number.c.number, number.c.program).where(these, number.c.claimed)
        found += [(n, p) for n, p in conn.execute(query) if p != besides]
    found.sort()
    ids, holder = np.unique(np.array([p for _, p in found], dtype=np.int64), return_inverse=True)
    return NumberHolders(
        numbers=np.array([n for n, _ in found], dtype=np.int64), holder=holder, programs=_named(conn, ids.tolist())
    )


def _named(conn: Connection, ids: Sequence[int]) -> list[tuple[int, str, str]]:
    if not ids:
        return []
    table, value = listed(conn, ids)
    columns = select(program.c.id, program.c.business, program.c.reference)
    return [
        (i, b, r)
        for i, b, r in conn.execute(
            columns.where(program.c.id.in_(select(value).select_from(table))).order_by(program.c.id)
        )
    ]


def read_program_numbers(conn: Connection, program_id: int, *where: Any) -> np.ndarray:
    """The numbers of one program for which this holds, sorted."""
    query = select(number.c.number).where(number.c.program == program_id, *where).order_by(number.c.number)
    return np.fromiter(conn.execute(query).scalars(), dtype=np.int64)


def update_numbers(conn: Connection, program_id: int, numbers: np.ndarray, **values: Any) -> None:
    """Set columns of these numbers of one program."""
    for part in iter_slices(numbers):
        table, value = listed(conn, part)
        these = number.c.number.in_(select(value).select_from(table))
        conn.execute(update(number).where(number.c.program == program_id, these).values(**values))


def request_takeovers(conn: Connection, taker: int, givers: Sequence[int]) -> None:
    """Remember that a program is to take numbers from others at its launch."""
    rows = [{"taker": taker, "giver": giver, "waits": True} for giver in givers]
    if rows:
        again = upsert(conn, takeover).on_conflict_do_update(index_elements=["taker", "giver"], set_={"waits": True})
        conn.execute(again, rows)


def reclaim_numbers(conn: Connection, program_id: int, business: str) -> int:
    """Claim what a missed program had to let go, as far as it is free; the rest is refused. Returns how many were."""
    wanted = read_program_numbers(conn, program_id, _UNCLAIMED)
    held = find_holders(conn, wanted, besides=program_id)
    givers = set(
        conn.execute(select(takeover.c.giver).where(takeover.c.taker == program_id, takeover.c.waits)).scalars()
    )
    update_numbers(conn, program_id, np.setdiff1d(wanted, held.numbers, assume_unique=True), claimed=True)
    refused = 0
    for place, (holder, owner, _) in enumerate(held.programs):
        numbers = held.numbers[held.holder == place]
        if owner == business and holder in givers:
            continue
        refuse_numbers(conn, program_id, numbers, REGISTERED_ELSEWHERE if owner != business else IN_ANOTHER_PROGRAM)
        refused += len(numbers)
    return refused


def refuse_numbers(conn: Connection, program_id: int, numbers: np.ndarray, reason: str) -> None:
    """The carrier is not told of these numbers; they are shown as refused, with the reason, and claimed no more."""
    update_numbers(conn, program_id, numbers, state="refused", change=None, claimed=False, reason=reason)


def free_numbers(conn: Connection, programs: Sequence[int], *, removed: bool) -> None:
    """Let go of all numbers of these programs, and pass those on that another program waits to take.

    `removed`: the programs are over (ended, cancelled); otherwise (missed) the numbers stay pending.
    """
    table, value = listed(conn, programs)
    theirs = number.c.program.in_(select(value).select_from(table))
    if removed:
        gone = case((number.c.state.in_(["pending", "live"]), "removed"), else_=number.c.state)
        statement = update(number).where(theirs, number.c.claimed | (number.c.state == "pending"))
        conn.execute(statement.values(claimed=False, change=None, state=gone))
        mine = takeover.c.taker.in_(select(value).select_from(table))
        conn.execute(update(takeover).where(mine).values(waits=False))
    else:
        conn.execute(update(number).where(theirs, number.c.claimed).values(claimed=False))
    hand_over_numbers(conn, programs)


def hand_over_numbers(conn: Connection, givers: Sequence[int]) -> None:
    """Give free numbers to the programs that were to take them from these, in the order of their making."""
    table, value = listed(conn, givers)
    query = (
        select(takeover.c.taker)
        .distinct()
        .join(program, program.c.id == takeover.c.taker)
        .join(revision, revision.c.id == program.c.revision)
        .where(takeover.c.giver.in_(select(value).select_from(table)), takeover.c.waits)
        .where(revision.c.state.in_(_CLAIMING))
        .order_by(takeover.c.taker)
    )
    other = number.alias("other")
    taken = exists().where(other.c.number == number.c.number, other.c.claimed)
    for taker in conn.execute(query).scalars().all():
        conn.execute(update(number).where(number.c.program == taker, _COMING, ~taken).values(claimed=True))


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeoverResult:
    """What a program took at its launch: by giver, the numbers that the carrier must take out of it first."""

    live: Mapping[int, np.ndarray]
    moved: Mapping[int, int]  # by giver, how many in all
    refused: int


def take_over_numbers(conn: Connection, program_id: int, business: str, reference: str) -> TakeoverResult:
    """Move what a program waits for to it: free numbers are claimed, others of its business taken over.

    What another business claims by now is refused. The giver's numbers become `reassigned`.
    """
    wanted = read_program_numbers(conn, program_id, _UNCLAIMED)
    held = find_holders(conn, wanted, besides=program_id)
    live: dict[int, np.ndarray] = {}
    moved: dict[int, int] = {}
    refused = 0
    for place, (holder, owner, _) in enumerate(held.programs):
        numbers = held.numbers[held.holder == place]
        if owner != business:
            refuse_numbers(conn, program_id, numbers, REGISTERED_ELSEWHERE)
            refused += len(numbers)
            continue
        at_carrier = np.intersect1d(numbers, read_program_numbers(conn, holder, _at_carrier()), assume_unique=True)
        if len(at_carrier):
            live[holder] = at_carrier
        update_numbers(conn, holder, numbers, state="reassigned", change=None, claimed=False, reason=f"to {reference}")
        moved[holder] = len(numbers)
        request_takeovers(conn, program_id, [holder])  # also where it took them itself from whom we were to take them
        redirect_takeovers(conn, holder, program_id)
    update_numbers(conn, program_id, read_program_numbers(conn, program_id, _UNCLAIMED), claimed=True)
    conn.execute(update(takeover).where(takeover.c.taker == program_id).values(waits=False))
    for giver, count in moved.items():
        came = (takeover.c.taker == program_id) & (takeover.c.giver == giver)
        conn.execute(update(takeover).where(came).values(moved=takeover.c.moved + count))
    return TakeoverResult(live=live, moved=moved, refused=refused)


def _at_carrier() -> Any:
    return (number.c.state == "live") | (
        (number.c.state == "pending") & exists().where(program.c.id == number.c.program, program.c.at_carrier)
    )


def redirect_takeovers(conn: Connection, giver: int, taker: int) -> None:
    """Whoever else was to take from the giver takes from the new holder from now on."""
    others = select(takeover.c.taker).where(takeover.c.giver == giver, takeover.c.taker != taker, takeover.c.waits)
    for other in conn.execute(others).scalars().all():
        request_takeovers(conn, other, [taker])


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerClaims:
    """The claims of all others than one program of one business, as `schemas.rows.row_judge.Claims` asks for them.

    The ledger is asked anew at each call, outside of any transaction; registering looks again inside its own.
    """

    ledger: "Ledger"
    business: str
    reference: str | None
    reassign: bool

    def conflicts(self, numbers: np.ndarray) -> Mapping[int, Conflict]:
        """Those of the numbers (sorted unique int64) that the program may not have, and by which rule.

        NUM-022 never says which business it is; NUM-023 names the program.
        """
        with self.ledger.read() as conn:
            held = find_holders(conn, numbers)
        kinds = [self._conflict(business, reference) for _, business, reference in held.programs]
        pairs = zip(held.numbers.tolist(), held.holder.tolist(), strict=True)
        return {number: conflict for number, place in pairs if (conflict := kinds[place]) is not None}

    def _conflict(self, business: str, reference: str) -> Conflict | None:
        if business != self.business:
            return Conflict(rule="NUM-022", program=None)
        if reference == self.reference or self.reassign:
            return None
        return Conflict(rule="NUM-023", program=reference)


def claims(ledger: "Ledger", business: str, reference: str | None, *, reassign: bool) -> LedgerClaims:
    """What judging a submission of this program is to ask of its numbers."""
    return LedgerClaims(ledger=ledger, business=business, reference=reference, reassign=reassign)
