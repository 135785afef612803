"""A program's numbers as they should be, and what a revision changes of them."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from sqlalchemy import Connection, Select, bindparam, case, func, select, update
from sqlalchemy.exc import IntegrityError

from flows.ledger.core.bulk import NumberBlock, in_literals, insert_numbers, iter_slices, listed, merge_blocks
from flows.ledger.core.errors import Outdated
from flows.ledger.core.tables import number, program
from flows.ledger.programs.ownership import find_holders, hand_over_numbers, request_takeovers, update_numbers
from schemas.model.purposes import DO_NOT_ORIGINATE
from schemas.model.revision import NumbersDifference, numbers_difference

if TYPE_CHECKING:
    from flows.ledger.core.engine import Ledger
    from schemas.model.judgment import Numbers

CLAIMED_ELSEWHERE = "numbers were registered elsewhere since they were judged"

Mode = Literal["add", "replace"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgramNumbers:
    """Rows a program has already, sorted by number. `inside`: pending or live, not on its way out, not waiting."""

    numbers: np.ndarray
    purposes: np.ndarray
    inside: np.ndarray
    live: np.ndarray


@dataclass(frozen=True, slots=True, kw_only=True)
class NumbersPlan:
    """What a block of accepted numbers does to a program; all arrays of numbers are sorted."""

    block: NumberBlock
    difference: NumbersDifference
    present: np.ndarray  # what the program is to have now; `difference.removed` points into it
    rows: ProgramNumbers

    def picked(self, places: np.ndarray) -> NumberBlock:
        """The numbers and purposes at these places of the block."""
        return self.block[0][places], self.block[1][places]


def plan_numbers(conn: Connection, program_id: int | None, block: NumberBlock, mode: Mode) -> NumbersPlan:
    """Compare accepted numbers (sorted, unique) with the program's; None: it has none yet.

    Mode "add" looks up the incoming ones alone, however many the program has.
    """
    rows = _rows(conn, program_id, block[0] if mode == "add" else None)
    present, purposes = rows.numbers[rows.inside], rows.purposes[rows.inside]
    return NumbersPlan(
        block=block, difference=numbers_difference(present, purposes, *block, mode=mode), present=present, rows=rows
    )


def apply_numbers_plan(
    conn: Connection,
    program_id: int,
    planned: NumbersPlan,
    *,
    reassign: bool,
    mode: Mode,
    at_carrier: bool,
    waited: bool,
) -> None:
    """Make the program's numbers what the plan says. Raises Outdated when a number was claimed since it was judged,
    unless the plan's revision `waited` for a launch, and its numbers were reserved.
    """
    added, purposes = planned.picked(planned.difference.added)
    claimed = _claimable(conn, program_id, added, reassign=reassign, waited=waited)
    fresh = ~np.isin(added, planned.rows.numbers, assume_unique=True)
    with _claiming(conn):
        insert_numbers(conn, program_id, (added[fresh], purposes[fresh]), claimed=claimed[fresh])
        _bring_back(conn, program_id, (added[~fresh], purposes[~fresh]), claimed[~fresh])
    _repurpose(conn, program_id, planned.picked(planned.difference.changed))
    _remove(conn, program_id, planned.present[planned.difference.removed], at_carrier=at_carrier)
    if mode == "replace":
        refused = np.setdiff1d(planned.rows.numbers[~planned.rows.inside], planned.block[0], assume_unique=True)
        _forget_refused(conn, program_id, refused)
    if len(planned.difference.removed) or mode == "replace":
        hand_over_numbers(conn, [program_id])


def reserve_numbers(conn: Connection, program_id: int, planned: NumbersPlan, *, reassign: bool) -> None:
    """Claim the numbers of a revision that waits for a launch to finish, and nothing else. Raises Outdated.

    Also those that the program had before, or that the launch is taking out: nobody else may have them meanwhile.
    """
    added, purposes = planned.picked(planned.difference.added)
    claimed = _claimable(conn, program_id, added, reassign=reassign)
    fresh = ~np.isin(added, planned.rows.numbers, assume_unique=True)
    with _claiming(conn):
        insert_numbers(conn, program_id, (added[fresh], purposes[fresh]), claimed=claimed[fresh], change="wait")
        update_numbers(conn, program_id, added[~fresh & claimed], claimed=True, change="wait")


def recount_numbers(conn: Connection, programs: Sequence[int]) -> None:
    """Count the numbers of these programs by state anew."""
    table, value = listed(conn, programs)
    counts = {state: func.count().filter(number.c.state == state) for state in ("live", "pending", "refused")}
    query = select(number.c.program, *counts.values()).group_by(number.c.program)
    counted = {
        key: states
        for key, *states in conn.execute(query.where(number.c.program.in_(select(value).select_from(table))))
    }
    columns: dict[str, Any] = {f"numbers_{state}": bindparam(state) for state in counts}
    rows = [{"key": key} | dict(zip(counts, counted.get(key, (0, 0, 0)), strict=True)) for key in sorted(programs)]
    if rows:
        conn.execute(update(program).where(program.c.id == bindparam("key")).values(**columns), rows)


def removed_by_replace(ledger: "Ledger", business: str, reference: str) -> "Callable[[Numbers], int]":
    """Counts how many of a program's numbers are not among a submission's accepted ones."""

    def count(numbers: "Numbers") -> int:
        with ledger.read() as conn:
            mine = (program.c.business == business) & (program.c.reference == reference)
            key = conn.execute(select(program.c.id).where(mine)).scalar()
            return len(plan_numbers(conn, key, merge_blocks(numbers.accepted()), "replace").difference.removed)

    return count


def _rows(conn: Connection, program_id: int | None, among: np.ndarray | None) -> ProgramNumbers:
    columns = select(number.c.number, number.c.purpose, number.c.state, number.c.change)
    found: list[tuple[int, int, bool, bool]] = []
    if program_id is not None:
        for query in _queries(conn, columns.where(number.c.program == program_id), among):
            found += [
                (n, p, state in ("pending", "live") and change not in ("remove", "wait"), state == "live")
                for n, p, state, change in conn.execute(query)
            ]
    numbers, purposes, inside, live = zip(*sorted(found), strict=True) if found else ((), (), (), ())
    return ProgramNumbers(
        numbers=np.array(numbers, dtype=np.int64),
        purposes=np.array(purposes, dtype=np.uint8),
        inside=np.array(inside, dtype=bool),
        live=np.array(live, dtype=bool),
    )


def _queries(conn: Connection, query: Select[Any], among: np.ndarray | None) -> Iterable[Select[Any]]:
    if among is None:
        yield query
        return
    for part in iter_slices(among):
        table, value = listed(conn, part)
        yield query.where(number.c.number.in_(select(value).select_from(table)))


def _claimable(
    conn: Connection, program_id: int, numbers: np.ndarray, *, reassign: bool, waited: bool = False
) -> np.ndarray:
    """Which of the numbers the program may claim at once; the others it takes over at its launch.

    Raises Outdated when another business has one. A revision that `waited` is not judged again: what its giver freed
    meanwhile and another business registered is refused at the launch, where all takings over are settled.
    """
    if not reassign:
        return np.ones(len(numbers), dtype=bool)  # the unique index knows better than a look beforehand
    held = find_holders(conn, numbers, besides=program_id)
    mine = conn.execute(select(program.c.business).where(program.c.id == program_id)).scalar_one()
    givers = [holder for holder, business, _ in held.programs if business == mine]
    if len(givers) < len(held.programs) and not waited:
        raise Outdated(CLAIMED_ELSEWHERE)
    request_takeovers(conn, program_id, givers)
    return ~np.isin(numbers, held.numbers, assume_unique=True)


@contextmanager
def _claiming(conn: Connection) -> Iterator[None]:
    """A number is claimed once: what the unique index refuses was registered elsewhere meanwhile."""
    raw = conn.dialect.loaded_dbapi.IntegrityError  # COPY goes past SQLAlchemy
    try:
        yield
    except (IntegrityError, raw) as error:
        raise Outdated(CLAIMED_ELSEWHERE) from error


def _bring_back(conn: Connection, program_id: int, block: NumberBlock, claimed: np.ndarray) -> None:
    """Numbers the program had before: refused, removed, reassigned, on their way out, or reserved for this."""
    going = (number.c.state == "live") & number.c.change.in_(["remove", "wait"])
    for purpose in np.unique(block[1]):
        same = number.c.purpose == int(purpose)
        for claim in (True, False):
            these = block[0][(block[1] == purpose) & (claimed == claim)]
            if len(these):
                # In this order: a database may not use the new value of one column for another, but people may.
                update_numbers(
                    conn,
                    program_id,
                    these,
                    state=case((going, "live"), else_="pending"),
                    change=case((going & same, None), (going, "repurpose"), else_="add"),
                    claimed=claim,
                    purpose=int(purpose),
                    reason=None,
                )


def _repurpose(conn: Connection, program_id: int, block: NumberBlock) -> None:
    change = case((number.c.state == "live", "repurpose"), else_=number.c.change)
    for purpose in np.unique(block[1]):
        update_numbers(conn, program_id, block[0][block[1] == purpose], purpose=int(purpose), change=change)


def _remove(conn: Connection, program_id: int, numbers: np.ndarray, *, at_carrier: bool) -> None:
    """Take numbers out: what may be at the carrier on the next launch, and claimed until then; the rest at once."""
    told = number.c.claimed if at_carrier else number.c.state == "live"
    values = {
        "state": case((told, number.c.state), else_="removed"),
        "change": case((told, "remove"), else_=None),
        "claimed": case((told, number.c.claimed), else_=False),
    }
    update_numbers(conn, program_id, numbers, **values)


def has_calling_numbers(conn: Connection, program_id: int) -> bool:
    """Whether some of a program's numbers, live or to be, are not Do Not Originate."""
    calling = in_literals(number.c.state, "live", "pending"), number.c.purpose != DO_NOT_ORIGINATE
    where = number.c.program == program_id, *calling
    return conn.execute(select(number.c.number).where(*where).limit(1)).first() is not None


def _forget_refused(conn: Connection, program_id: int, numbers: np.ndarray) -> None:
    refused = number.c.state == "refused"
    values = {
        "state": case((refused, "removed"), else_=number.c.state),
        "claimed": case((refused, False), else_=number.c.claimed),
    }
    update_numbers(conn, program_id, numbers, **values)
