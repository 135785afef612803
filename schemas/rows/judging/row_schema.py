"""The row schema: every rule about a row is a check of one Pandera schema, and each 500-row chunk goes through it.

A rule is a function from a column's values to which of them are fine, and knows nothing of the other rules: a cell that
is no phone number has -1 for an area code, with which nothing is wrong. Which finding a number cell gets, where several
rules are broken, is settled afterwards by their precedence.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial

import numpy as np
import pandas as pd
import pandera.pandas as pa
from numpy.typing import NDArray
from pandera.config import config_context
from pandera.errors import SchemaErrors

from schemas.model.purposes import PURPOSES
from schemas.rows.judging.pandera_backend import Passes, RowRule, RowSchema, Values
from schemas.rows.numbers.columns import (
    BLANK_PURPOSE,
    BROKEN_RECORD,
    COLUMNS,
    HEADER_RECORD,
    UNKNOWN_PURPOSE,
    ParsedColumns,
)
from schemas.rows.numbers.numbering_plan import AREA_TABLE_SIZE, numbering_plan
from schemas.rows.numbers.phone_cells import CellFlag
from schemas.rows.reading.csv_records import CHUNK_ROWS
from schemas.rows.rule_codes import CODE_OF_RULE, NUMBER_PRECEDENCE, REJECTION_COLUMNS, ROW_RULES
from schemas.rules import RULES

__all__ = ["REJECTION_COLUMNS", "Judged", "judge_rows", "row_rules", "row_schema"]

#: A purpose that is none of the ten, in `Judged.purpose`.
OTHER_PURPOSE = len(PURPOSES)

#: By a rule's code, whether breaking it rejects the row.
IS_ERROR: Passes = np.array([RULES[rule].severity == "error" for rule in ROW_RULES])

_PRECEDENCE = np.array([NUMBER_PRECEDENCE.index(rule) if rule in NUMBER_PRECEDENCE else -1 for rule in ROW_RULES])

_EXCHANGE_POSSIBLE = np.array([exchange >= 200 and exchange % 100 != 11 for exchange in range(AREA_TABLE_SIZE)])
_EXCHANGE_POSSIBLE[-1] = True  # -1 finds it: no exchange at all
_EXCHANGE_ORDINARY = ~np.isin(np.arange(AREA_TABLE_SIZE), [958, 959, 976])


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedBlock:
    """A block of rows as judged by themselves.

    `number` is the ten-digit number, -1 where it has a finding that says it is none. `purpose` is a place in `PURPOSES`
    or `OTHER_PURPOSE`. `stands`: not rejected, not blank. Finding k is rule `code[k]` (a place in `ROW_RULES`) in the
    block's row `row[k]`, in order.
    """

    number: NDArray[np.int64]
    purpose: NDArray[np.uint8]
    stands: NDArray[np.bool_]
    blank: NDArray[np.bool_]
    row: NDArray[np.int64]
    code: NDArray[np.uint8]


def row_rules(regions: tuple[str, ...], toll_free: str) -> tuple[tuple[str, str, Callable[[Values], Passes]], ...]:
    """The rules as (id, column, which values are fine), under the policy of NUM-013 and NUM-014."""
    known, served = numbering_plan(), numbering_plan().served(regions)
    refused = known.toll_free if toll_free == "reject" else np.zeros(AREA_TABLE_SIZE, dtype=np.bool_)
    return (
        ("CSV-010", "record", lambda cells: (cells == 2) | (cells == BROKEN_RECORD) | (cells == HEADER_RECORD)),
        ("CSV-011", "record", lambda cells: cells != HEADER_RECORD),
        ("CSV-012", "record", lambda cells: cells != BROKEN_RECORD),
        ("NUM-001", "marks", partial(_unmarked, int(CellFlag.BLANK))),
        ("NUM-003", "marks", partial(_unmarked, int(CellFlag.SPREADSHEET))),
        ("NUM-002", "marks", partial(_unmarked, int(CellFlag.FOREIGN))),
        ("NUM-006", "marks", partial(_unmarked, int(CellFlag.ABROAD))),
        ("NUM-004", "digits", lambda digits: digits != 7),
        ("NUM-005", "digits", lambda digits: digits == 10),
        ("NUM-007", "area", lambda area: known.possible[area]),
        ("NUM-011", "area", lambda area: ~known.premium[area]),
        ("NUM-012", "area", lambda area: ~known.non_geographic[area]),
        ("NUM-008", "area", lambda area: known.assigned[area]),
        ("NUM-013", "area", lambda area: ~refused[area]),
        ("NUM-009", "exchange", lambda exchange: _EXCHANGE_POSSIBLE[exchange]),
        ("NUM-010", "local", lambda local: ~((local >= 555_0100) & (local <= 555_0199) | (local == 555_1212))),
        ("NUM-014", "area", lambda area: served[area]),
        ("NUM-015", "number", known.knows),
        ("NUM-016", "exchange", lambda exchange: _EXCHANGE_ORDINARY[exchange]),
        ("PUR-001", "purpose", lambda purpose: purpose != BLANK_PURPOSE),
        ("PUR-002", "purpose", lambda purpose: purpose != UNKNOWN_PURPOSE),
    )


def _unmarked(mark: int, marks: Values) -> Passes:
    fine: Passes = marks & mark == 0
    return fine


@cache
def row_schema(regions: tuple[str, ...], toll_free: str) -> RowSchema:
    """The Pandera schema of the parsed rows under this policy."""
    checks: dict[str, list[RowRule]] = {column: [] for column in COLUMNS}
    for rule, column, fine in row_rules(regions, toll_free):
        checks[column].append(RowRule(rule, fine))
    return RowSchema({column: pa.Column("int64", [*rules]) for column, rules in checks.items()}, strict=True)


def judge_rows(columns: ParsedColumns, schema: RowSchema) -> JudgedBlock:
    """Put each chunk through the schema, and settle which finding a number cell gets."""
    row, code = _settle(*_broken_rules(columns, schema))
    number = columns.values[COLUMNS.index("number")].copy()
    number[row[_PRECEDENCE[code] >= 0]] = -1
    purpose = columns.values[COLUMNS.index("purpose")]
    stands = ~columns.blank
    stands[row[IS_ERROR[code]]] = False
    return JudgedBlock(
        number=number,
        purpose=np.where(purpose >= 0, purpose, OTHER_PURPOSE).astype(np.uint8),
        stands=stands,
        blank=columns.blank,
        row=row,
        code=code.astype(np.uint8),
    )


def _broken_rules(columns: ParsedColumns, schema: RowSchema) -> tuple[Values, Values]:
    """Every (row, code of a rule) that the schema finds broken, chunk by chunk."""
    frame = pd.DataFrame(columns.values.T, columns=_NAMES, copy=False)
    broken = np.zeros((len(ROW_RULES), len(frame)), dtype=np.bool_)
    with config_context(validation_enabled=True):  # no environment variable switches the rules off
        for begin in range(0, len(frame), CHUNK_ROWS):
            try:
                schema.validate(frame[begin : begin + CHUNK_ROWS], lazy=True)
            except SchemaErrors as found:
                for error in found.schema_errors:
                    broken[CODE_OF_RULE[error.check.name], begin : begin + CHUNK_ROWS] = ~error.check_output
    code, row = np.divmod(np.flatnonzero(broken), max(1, len(frame)))
    return row, code


# An index of Python strings: pandas' own string type makes each look at a column three times as dear.
_NAMES = pd.Index(COLUMNS, dtype=object)


def _settle(row: Values, code: Values) -> tuple[Values, Values]:
    """Leave a number cell the first of its findings by precedence; findings in row order, then by code."""
    precedence = _PRECEDENCE[code]
    order = np.lexsort((precedence, row))
    row, code, precedence = row[order], code[order], precedence[order]
    ranked = np.flatnonzero(precedence >= 0)
    again = ranked[1:][row[ranked[1:]] == row[ranked[:-1]]]
    keep = np.ones(len(row), dtype=np.bool_)
    keep[again] = False
    row, code = row[keep], code[keep]
    order = np.lexsort((code, row))
    return row[order], code[order]
