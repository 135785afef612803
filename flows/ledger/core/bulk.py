"""Many numbers at once: how a hundred thousand of them go into a statement, and a million into a table."""

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from sqlalchemy import ARRAY, BigInteger, ColumnElement, Connection, bindparam, cast, column, func, literal, select
from sqlalchemy.sql.selectable import FromClause

from flows.ledger.core.tables import number

NumberBlock = tuple[np.ndarray, np.ndarray]

#: Numbers in one statement: large enough that the statement's cost is lost in it, small enough to hold as text.
NUMBERS_PER_STATEMENT = 100_000

#: Ids in one IN list; SQLite takes at most 32,766 values in a statement.
IDS_PER_STATEMENT = 20_000


def listed(conn: Connection, values: Sequence[int] | np.ndarray) -> tuple[FromClause, ColumnElement[int]]:
    """Integers as a table to join with: the table and its one column. One bound value, however many there are."""
    plain = values.tolist() if isinstance(values, np.ndarray) else list(values)
    if conn.dialect.name == "sqlite":
        table = func.json_each(literal(json.dumps(plain))).table_valued(column("value", BigInteger))
    else:
        array = cast(literal(plain, ARRAY(BigInteger)), ARRAY(BigInteger))
        table = func.unnest(array).table_valued(column("value", BigInteger)).render_derived()
    return table, table.c.value


def in_literals(column: ColumnElement[str], *values: str) -> ColumnElement[bool]:
    """A condition with its values written out: only so does SQLite see that a partial index answers it."""
    if len(values) == 1:  # an older SQLite does not take `in` with one value for `=`
        return column == bindparam(None, values[0], literal_execute=True)
    return column.in_(bindparam(None, values, expanding=True, literal_execute=True))


def iter_slices(values: np.ndarray, size: int = NUMBERS_PER_STATEMENT) -> Iterator[np.ndarray]:
    """An array in slices of at most `size`."""
    for start in range(0, len(values), size):
        yield values[start : start + size]


def insert_numbers(
    conn: Connection,
    program: int,
    block: NumberBlock,
    *,
    claimed: np.ndarray,
    change: str = "add",
    state: str = "pending",
) -> None:
    """Insert rows of `number` for one program; the numbers are sorted, `claimed` says for each whether it is."""
    numbers, purposes = block
    if conn.dialect.name == "postgresql":
        _copy(conn, program, block, claimed, change, state)
        return
    statement = 'insert into number (program, number, purpose, state, "change", claimed) values (?, ?, ?, ?, ?, ?)'
    for start in range(0, len(numbers), NUMBERS_PER_STATEMENT):
        part = slice(start, start + NUMBERS_PER_STATEMENT)
        columns = numbers[part].tolist(), purposes[part].tolist(), claimed[part].tolist()
        rows = [(program, n, p, state, change, c) for n, p, c in zip(*columns, strict=True)]
        conn.exec_driver_sql(statement, rows)


def _copy(conn: Connection, program: int, block: NumberBlock, claimed: np.ndarray, change: str, state: str) -> None:
    raw: Any = conn.connection.driver_connection
    numbers, purposes = block
    with (
        raw.cursor() as cursor,
        cursor.copy('copy number (program, number, purpose, state, "change", claimed) from stdin') as copy,
    ):
        for start in range(0, len(numbers), NUMBERS_PER_STATEMENT):
            part = slice(start, start + NUMBERS_PER_STATEMENT)
            columns = numbers[part].tolist(), purposes[part].tolist(), claimed[part].tolist()
            rows = zip(*columns, strict=True)
            copy.write("".join([f"{program}\t{n}\t{p}\t{state}\t{change}\t{'t' if c else 'f'}\n" for n, p, c in rows]))


def pack_numbers(block: NumberBlock) -> bytes:
    """A block as bytes: its numbers as little-endian int64, then their purposes as a byte each."""
    numbers, purposes = block
    return numbers.astype("<i8").tobytes() + purposes.astype("u1").tobytes()


def unpack_numbers(members: bytes) -> NumberBlock:
    """The block that `pack_numbers` packed."""
    size = len(members) // 9
    return np.frombuffer(members, "<i8", size).astype(np.int64), np.frombuffer(members, "u1", size, offset=8 * size)


def merge_blocks(blocks: Iterable[NumberBlock]) -> NumberBlock:
    """All blocks as one, sorted by number; a number that comes twice keeps its first purpose."""
    parts = list(blocks)
    if not parts:
        return np.empty(0, np.int64), np.empty(0, np.uint8)
    numbers, first = np.unique(np.concatenate([n for n, _ in parts]).astype(np.int64), return_index=True)
    return numbers, np.concatenate([p for _, p in parts]).astype(np.uint8)[first]


def update_numbers(conn: Connection, program: int, numbers: np.ndarray, **values: Any) -> int:
    """Set columns of these numbers of one program; how many rows there were."""
    updated = 0
    for part in iter_slices(numbers):
        table, value = listed(conn, part)
        statement = (
            number.update()
            .where(number.c.program == program, number.c.number.in_(select(value).select_from(table)))
            .values(**values)
        )
        updated += conn.execute(statement).rowcount
    return updated
