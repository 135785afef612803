"""A program's numbers: what a revision changes, and writing that."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy import Connection, Select, bindparam, case, func, select, update
from sqlalchemy.exc import IntegrityError

from flows.ledger.core.bulk import NumberBlock, in_literals, in_values, insert_numbers, iter_slices, merge_blocks
from flows.ledger.core.engine import Ledger
from flows.ledger.core.errors import Outdated
from flows.ledger.core.tables import number, program
from flows.ledger.programs.ownership import find_holders, hand_over_numbers, request_takeovers, update_numbers
from schemas.model.judgment import JudgedNumbers
from schemas.model.manifest import NumbersMode
from schemas.model.purposes import DO_NOT_ORIGINATE_INDEX
from schemas.model.revision import NumbersDiff, diff_numbers

#: The states of numbers that the program has, unless their change is one of these.
_PRESENT, _NOT_PRESENT = ("pending", "live"), ("remove", "wait")
_PURPOSES = 16  # more than there are

CLAIMED_ELSEWHERE = "numbers were registered elsewhere since they were judged"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgramNumbers:
    """Numbers that a program has rows for, sorted, and an array of the same length for each property.

    `present`: pending or live, not being removed, and not waiting for a launch to finish.
    """

    numbers: np.ndarray
    purposes: np.ndarray
    present: np.ndarray


@dataclass(frozen=True, slots=True, kw_only=True)
class NumbersPlan:
    """What a block of accepted numbers changes in a program. All arrays of numbers are sorted.

    `difference.added` and `.changed` are positions in `block`, `.removed` positions in `present`: the numbers that the
    program should have now. `present_purposes` has the purpose of each of these.
    """

    block: NumberBlock
    difference: NumbersDiff
    present: np.ndarray
    present_purposes: np.ndarray
    existing: ProgramNumbers

    def numbers_at(self, positions: np.ndarray) -> NumberBlock:
        """The numbers and purposes at these positions of the block."""
        return self.block[0][positions], self.block[1][positions]


def plan_numbers(conn: Connection, program_id: int | None, block: NumberBlock, mode: NumbersMode) -> NumbersPlan:
    """Compare accepted numbers (sorted, unique) with those of a program. None stands for a program without any.

    With mode "add" only the accepted numbers are looked up, however many the program has.
    """
    existing = _read_existing(conn, program_id, block[0] if mode == "add" else None)
    present, purposes = existing.numbers[existing.present], existing.purposes[existing.present]
    difference = diff_numbers(present, purposes, *block, mode=mode)
    return NumbersPlan(
        block=block, difference=difference, present=present, present_purposes=purposes, existing=existing
    )


def apply_numbers_plan(
    conn: Connection,
    program_id: int,
    plan: NumbersPlan,
    *,
    reassign: bool,
    mode: NumbersMode,
    at_carrier: bool,
    waited: bool,
) -> None:
    """Write what the plan says.

    Raises Outdated if a number was claimed elsewhere since it was judged, unless the plan's revision `waited` for a
    launch: then its numbers were reserved.
    """
    added, purposes = plan.numbers_at(plan.difference.added)
    claimed = _find_claimable(conn, program_id, added, reassign=reassign, waited=waited)
    fresh = ~np.isin(added, plan.existing.numbers, assume_unique=True)
    with _outdated_if_claimed(conn):
        insert_numbers(conn, program_id, (added[fresh], purposes[fresh]), claimed=claimed[fresh])
        _bring_back(conn, program_id, (added[~fresh], purposes[~fresh]), claimed[~fresh])
    _repurpose(conn, program_id, plan.numbers_at(plan.difference.changed))
    _remove(conn, program_id, plan.present[plan.difference.removed], at_carrier=at_carrier)
    if mode == "replace":
        absent = plan.existing.numbers[~plan.existing.present]
        _remove_refused(conn, program_id, np.setdiff1d(absent, plan.block[0], assume_unique=True))
    if len(plan.difference.removed) or mode == "replace":
        hand_over_numbers(conn, [program_id])


def reserve_numbers(conn: Connection, program_id: int, plan: NumbersPlan, *, reassign: bool) -> None:
    """Claim the numbers of a revision that waits for a launch to finish, and change nothing else. Raises Outdated.

    This includes numbers that the program had before or that the launch removes, so that nobody else gets them first.
    """
    added, purposes = plan.numbers_at(plan.difference.added)
    claimed = _find_claimable(conn, program_id, added, reassign=reassign)
    fresh = ~np.isin(added, plan.existing.numbers, assume_unique=True)
    with _outdated_if_claimed(conn):
        insert_numbers(conn, program_id, (added[fresh], purposes[fresh]), claimed=claimed[fresh], change="wait")
        update_numbers(conn, program_id, added[~fresh & claimed], claimed=True, change="wait")


def recount_numbers(conn: Connection, programs: Sequence[int]) -> None:
    """Count the numbers of these programs by state again, and store the counts."""
    counts = {state: func.count().filter(number.c.state == state) for state in ("live", "pending", "refused")}
    query = select(number.c.program, *counts.values()).where(in_values(conn, number.c.program, programs))
    counted = {key: states for key, *states in conn.execute(query.group_by(number.c.program))}
    columns: dict[str, Any] = {f"numbers_{state}": bindparam(state) for state in counts}
    rows = [{"key": key} | dict(zip(counts, counted.get(key, (0, 0, 0)), strict=True)) for key in sorted(programs)]
    if rows:
        conn.execute(update(program).where(program.c.id == bindparam("key")).values(**columns), rows)


def count_removed_by_replace(ledger: Ledger, business: str, reference: str, numbers: JudgedNumbers) -> int:
    """How many of a program's numbers are not among the accepted ones of a submission."""
    with ledger.read() as conn:
        where = (program.c.business == business) & (program.c.reference == reference)
        key = conn.execute(select(program.c.id).where(where)).scalar()
        return len(plan_numbers(conn, key, merge_blocks(numbers.accepted()), "replace").difference.removed)


def find_present_numbers(conn: Connection, business: str, reference: str, numbers: np.ndarray) -> NumberBlock:
    """Those of the numbers (sorted, int64) that the program has: live, or pending and not to be removed."""
    where = (program.c.business == business) & (program.c.reference == reference)
    key = conn.execute(select(program.c.id).where(where)).scalar()
    stays = number.c.change.is_(None) | number.c.change.not_in(_NOT_PRESENT)
    query = select(number.c.number * _PURPOSES + number.c.purpose)  # one value a row is read twice as fast as two
    query = query.where(number.c.program == key, in_literals(number.c.state, *_PRESENT), stays)
    rows = (row for part in _split_query(conn, query, numbers) for row in conn.execute(part).scalars())
    found = np.sort(np.fromiter(rows, dtype=np.int64))
    return found // _PURPOSES, (found % _PURPOSES).astype(np.uint8)


def read_purposes(ledger: Ledger, business: str, reference: str, numbers: np.ndarray) -> NumberBlock:
    """As `find_present_numbers`, in a transaction of its own."""
    with ledger.read() as conn:
        return find_present_numbers(conn, business, reference, numbers)


def has_calling_numbers(conn: Connection, program_id: int) -> bool:
    """Whether any pending or live number of the program has another purpose than Do Not Originate."""
    calling = in_literals(number.c.state, "live", "pending"), number.c.purpose != DO_NOT_ORIGINATE_INDEX
    where = number.c.program == program_id, *calling
    return conn.execute(select(number.c.number).where(*where).limit(1)).first() is not None


def _read_existing(conn: Connection, program_id: int | None, only: np.ndarray | None) -> ProgramNumbers:
    """The program's rows, or those for the numbers `only`."""
    columns = select(number.c.number, number.c.purpose, number.c.state, number.c.change)
    found: list[tuple[int, int, bool]] = []
    if program_id is not None:
        for query in _split_query(conn, columns.where(number.c.program == program_id), only):
            found += [
                (n, p, state in _PRESENT and change not in _NOT_PRESENT) for n, p, state, change in conn.execute(query)
            ]
    numbers, purposes, present = zip(*sorted(found), strict=True) if found else ((), (), ())
    return ProgramNumbers(
        numbers=np.array(numbers, dtype=np.int64),
        purposes=np.array(purposes, dtype=np.uint8),
        present=np.array(present, dtype=bool),
    )


def _split_query(conn: Connection, query: Select[Any], only: np.ndarray | None) -> Iterable[Select[Any]]:
    if only is None:
        yield query
        return
    for part in iter_slices(only):
        yield query.where(in_values(conn, number.c.number, part))


def _find_claimable(
    conn: Connection, program_id: int, numbers: np.ndarray, *, reassign: bool, waited: bool = False
) -> np.ndarray:
    """For each number, whether the program can claim it now. The others it takes over at its launch.

    Raises Outdated if another business has one, unless the revision `waited`. Such a revision is not judged again: a
    number that its giver freed in the meantime, and that another business registered, is refused at the launch, as all
    takeovers are settled there.
    """
    if not reassign:
        return np.ones(len(numbers), dtype=bool)  # the unique index detects conflicts more reliably than a query here
    held = find_holders(conn, numbers, except_program=program_id)
    own_business = conn.execute(select(program.c.business).where(program.c.id == program_id)).scalar_one()
    givers = [holder for holder, business, _ in held.programs if business == own_business]
    if len(givers) < len(held.programs) and not waited:
        raise Outdated(CLAIMED_ELSEWHERE)
    request_takeovers(conn, program_id, givers)
    return ~np.isin(numbers, held.numbers, assume_unique=True)


@contextmanager
def _outdated_if_claimed(conn: Connection) -> Iterator[None]:
    """Raise Outdated if the unique index refuses a number, which was registered elsewhere in the meantime."""
    driver_error = conn.dialect.loaded_dbapi.IntegrityError  # COPY bypasses SQLAlchemy and raises the driver's error
    try:
        yield
    except (IntegrityError, driver_error) as error:
        raise Outdated(CLAIMED_ELSEWHERE) from error


def _bring_back(conn: Connection, program_id: int, block: NumberBlock, claimed: np.ndarray) -> None:
    """Add numbers that the program has rows for: refused, removed, reassigned, being removed, or reserved for this."""
    still_live = (number.c.state == "live") & number.c.change.in_(["remove", "wait"])
    for purpose in np.unique(block[1]):
        same_purpose = number.c.purpose == int(purpose)
        for claim in (True, False):
            numbers = block[0][(block[1] == purpose) & (claimed == claim)]
            if len(numbers):
                # SQL expressions see the old values of all columns, so that the order of these does not matter.
                update_numbers(
                    conn,
                    program_id,
                    numbers,
                    state=case((still_live, "live"), else_="pending"),
                    change=case((still_live & same_purpose, None), (still_live, "repurpose"), else_="add"),
                    claimed=claim,
                    purpose=int(purpose),
                    reason=None,
                )


def _repurpose(conn: Connection, program_id: int, block: NumberBlock) -> None:
    change = case((number.c.state == "live", "repurpose"), else_=number.c.change)
    for purpose in np.unique(block[1]):
        update_numbers(conn, program_id, block[0][block[1] == purpose], purpose=int(purpose), change=change)


def _remove(conn: Connection, program_id: int, numbers: np.ndarray, *, at_carrier: bool) -> None:
    """Remove numbers. Those that the carrier may have stay claimed until the next launch removes them there."""
    maybe_sent = number.c.claimed if at_carrier else number.c.state == "live"
    values = {
        "state": case((maybe_sent, number.c.state), else_="removed"),
        "change": case((maybe_sent, "remove"), else_=None),
        "claimed": case((maybe_sent, number.c.claimed), else_=False),
    }
    update_numbers(conn, program_id, numbers, **values)


def _remove_refused(conn: Connection, program_id: int, numbers: np.ndarray) -> None:
    """Remove those of the numbers that the carrier has refused."""
    refused = number.c.state == "refused"
    values = {
        "state": case((refused, "removed"), else_=number.c.state),
        "claimed": case((refused, False), else_=number.c.claimed),
    }
    update_numbers(conn, program_id, numbers, **values)
