"""Bulk SQL: conditions over many values, upserts, and blocks of up to a million numbers."""

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Protocol, Self, TypeVar

import numpy as np
from sqlalchemy import ARRAY, BigInteger, ColumnElement, Connection, bindparam, cast, column, func, literal, select
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

#: Numbers, and the call purpose of each: int64 and uint8 arrays of the same length.
NumberBlock = tuple[np.ndarray, np.ndarray]

#: Numbers in one statement: enough that the cost of a statement does not matter, few enough to keep as text in memory.
NUMBERS_PER_STATEMENT = 100_000

#: Ids in one IN list. SQLite takes at most 32,766 values in a statement.
IDS_PER_STATEMENT = 20_000


class _Sliceable(Protocol):
    def __len__(self) -> int: ...
    def __getitem__(self, key: slice, /) -> Self: ...


_SliceableT = TypeVar("_SliceableT", bound=_Sliceable)


def in_values(conn: Connection, column_: ColumnElement[int], values: Sequence[int] | np.ndarray) -> ColumnElement[bool]:
    """The condition that an integer column has one of these values. Binds one value, however long the list is."""
    plain = values.tolist() if isinstance(values, np.ndarray) else list(values)
    if conn.dialect.name == "sqlite":
        table = func.json_each(literal(json.dumps(plain))).table_valued(column("value", BigInteger))
    else:
        array = cast(literal(plain, ARRAY(BigInteger)), ARRAY(BigInteger))
        table = func.unnest(array).table_valued(column("value", BigInteger)).render_derived()
    return column_.in_(select(table.c.value).select_from(table))


def in_literals(column_: ColumnElement[str], *values: str) -> ColumnElement[bool]:
    """The condition that a text column has one of these values, written into the statement and not bound.

    SQLite uses a partial index only if it sees the values.
    """
    if len(values) == 1:  # older versions of SQLite do not treat IN with one value as `=`
        return column_ == bindparam(None, values[0], literal_execute=True)
    return column_.in_(bindparam(None, values, expanding=True, literal_execute=True))


def upsert(conn: Connection, table: Any) -> Any:
    """An INSERT with `on_conflict_do_…`, in the dialect of the connection."""
    return (postgresql_insert if conn.dialect.name == "postgresql" else sqlite_insert)(table)


def iter_slices(values: _SliceableT, size: int = NUMBERS_PER_STATEMENT) -> Iterator[_SliceableT]:
    """Split an array or a sequence into slices of at most `size`."""
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
    """Insert rows into `number` for one program. The numbers are sorted; `claimed` has a boolean for each."""
    if conn.dialect.name == "postgresql":
        _copy_numbers(conn, program, block, claimed, change, state)
        return
    statement = 'insert into number (program, number, purpose, state, "change", claimed) values (?, ?, ?, ?, ?, ?)'
    for rows in _iter_rows(block, claimed):
        conn.exec_driver_sql(statement, [(program, n, p, state, change, c) for n, p, c in rows])


def _copy_numbers(
    conn: Connection, program: int, block: NumberBlock, claimed: np.ndarray, change: str, state: str
) -> None:
    raw: Any = conn.connection.driver_connection
    with (
        raw.cursor() as cursor,
        cursor.copy('copy number (program, number, purpose, state, "change", claimed) from stdin') as copy,
    ):
        for rows in _iter_rows(block, claimed):
            copy.write("".join([f"{program}\t{n}\t{p}\t{state}\t{change}\t{'t' if c else 'f'}\n" for n, p, c in rows]))


def _iter_rows(block: NumberBlock, claimed: np.ndarray) -> Iterator[Iterator[tuple[int, int, bool]]]:
    """The rows (number, purpose, claimed) of each statement."""
    numbers, purposes = block
    for start in range(0, len(numbers), NUMBERS_PER_STATEMENT):
        part = slice(start, start + NUMBERS_PER_STATEMENT)
        yield zip(numbers[part].tolist(), purposes[part].tolist(), claimed[part].tolist(), strict=True)


def pack_numbers(block: NumberBlock) -> bytes:
    """A block as bytes: its numbers as little-endian int64, then their purposes as one byte each."""
    numbers, purposes = block
    return numbers.astype("<i8").tobytes() + purposes.astype("u1").tobytes()


def unpack_numbers(members: bytes) -> NumberBlock:
    """The block that `pack_numbers` packed."""
    size = len(members) // 9
    return np.frombuffer(members, "<i8", size).astype(np.int64), np.frombuffer(members, "u1", size, offset=8 * size)


def merge_blocks(blocks: Iterable[NumberBlock]) -> NumberBlock:
    """All blocks as one, sorted by number. A number that occurs twice keeps its first purpose."""
    parts = list(blocks)
    if not parts:
        return np.empty(0, np.int64), np.empty(0, np.uint8)
    numbers, first = np.unique(np.concatenate([n for n, _ in parts]).astype(np.int64), return_index=True)
    return numbers, np.concatenate([p for _, p in parts]).astype(np.uint8)[first]
