"""The row schema: every rule about a single row is a check of one Pandera schema, which judges 500-row chunks.

A rule is a function from a column's values to which of them pass, and does not depend on other rules: a cell that is
not a phone number has area code -1, which passes. If a number cell breaks several rules, their precedence decides
afterwards which finding it gets.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial

import numpy as np
import pandas as pd
import pandera.pandas as pa
from numpy.typing import NDArray
from pandera.config import config_context
from pandera.errors import SchemaErrors

from schemas.model.judgment import CHUNK_ROWS
from schemas.model.purposes import PURPOSES
from schemas.rows.judging.pandera_backend import Passes, RowRule, RowSchema, Values
from schemas.rows.numbers.columns import (
    BLANK_PURPOSE,
    BROKEN_RECORD,
    COLUMNS,
    UNKNOWN_PURPOSE,
    ParsedColumns,
)
from schemas.rows.numbers.leading_lines import LeadingLine
from schemas.rows.numbers.numbering_plan import AREA_TABLE_SIZE, numbering_plan
from schemas.rows.numbers.phone_cells import CellFlag
from schemas.rows.rule_codes import CODE_OF_RULE, NUMBER_PRECEDENCE, ROW_RULES
from schemas.rows.types import RowTerms
from schemas.rules import RULES

#: The value in `JudgedBlock.purpose` for a purpose that is not one of the ten.
OTHER_PURPOSE = len(PURPOSES)

#: By a rule's code: whether breaking it rejects the row.
IS_ERROR: Passes = np.array([RULES[rule].severity == "error" for rule in ROW_RULES])

_PRECEDENCE = np.array([NUMBER_PRECEDENCE.index(rule) if rule in NUMBER_PRECEDENCE else -1 for rule in ROW_RULES])

_EXCHANGE_IS_POSSIBLE = np.array([exchange >= 200 and exchange % 100 != 11 for exchange in range(AREA_TABLE_SIZE)])
_EXCHANGE_IS_POSSIBLE[-1] = True  # index -1: no exchange
_EXCHANGE_IS_ORDINARY = ~np.isin(np.arange(AREA_TABLE_SIZE), [958, 959, 976])


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedBlock:
    """A block of rows, each judged by itself.

    - `number`: the ten-digit number; -1 if one of its findings says that it is not a valid number.
    - `purpose`: an index into `PURPOSES`, or `OTHER_PURPOSE`.
    - `passed`: neither rejected nor blank.
    - `confirmed`: written with a leading plus or typed into the manifest. No spreadsheet leaves a number like that.
    - `row`, `code`: finding k is rule `code[k]` (an index into `ROW_RULES`) in row `row[k]` of the block. Sorted.
    """

    number: NDArray[np.int64]
    purpose: NDArray[np.uint8]
    passed: NDArray[np.bool_]
    blank: NDArray[np.bool_]
    confirmed: NDArray[np.bool_]
    row: NDArray[np.int64]
    code: NDArray[np.uint8]


def row_rules(terms: RowTerms) -> tuple[tuple[str, str, Callable[[Values], Passes]], ...]:
    """The rules as (id, column, which values pass), under these terms."""
    plan = numbering_plan(terms.area_codes)
    served = plan.served_areas(terms.regions)
    refused = plan.toll_free if terms.toll_free == "reject" else np.zeros(AREA_TABLE_SIZE, dtype=np.bool_)
    return (
        ("CSV-010", "cell_count", lambda cells: (cells == 2) | (cells <= BROKEN_RECORD)),
        ("CSV-011", "cell_count", partial(_is_other_than, int(LeadingLine.HEADER))),
        ("CSV-012", "cell_count", lambda cells: cells != BROKEN_RECORD),
        ("CSV-013", "cell_count", partial(_is_other_than, int(LeadingLine.SEPARATOR))),
        ("CSV-014", "cell_count", partial(_is_other_than, int(LeadingLine.TITLE))),
        ("NUM-001", "flags", partial(_has_no_flag, int(CellFlag.BLANK))),
        ("NUM-003", "flags", partial(_has_no_flag, int(CellFlag.SPREADSHEET))),
        ("NUM-002", "flags", partial(_has_no_flag, int(CellFlag.BAD_CHARACTER))),
        ("NUM-006", "flags", partial(_has_no_flag, int(CellFlag.OTHER_COUNTRY))),
        ("NUM-004", "digits", lambda digits: digits != 7),
        ("NUM-005", "digits", lambda digits: digits == 10),
        ("NUM-007", "area", lambda area: plan.possible[area]),
        ("NUM-011", "area", lambda area: ~plan.premium[area]),
        ("NUM-012", "area", lambda area: ~plan.non_geographic[area]),
        ("NUM-008", "area", lambda area: plan.assigned[area]),
        ("NUM-013", "area", lambda area: ~refused[area]),
        ("NUM-009", "exchange", lambda exchange: _EXCHANGE_IS_POSSIBLE[exchange]),
        ("NUM-010", "local", lambda local: ~((local >= 555_0100) & (local <= 555_0199) | (local == 555_1212))),
        ("NUM-014", "area", lambda area: served[area]),
        ("NUM-015", "number", plan.is_valid),
        ("NUM-016", "exchange", lambda exchange: _EXCHANGE_IS_ORDINARY[exchange]),
        ("PUR-001", "purpose", lambda purpose: purpose != BLANK_PURPOSE),
        ("PUR-002", "purpose", lambda purpose: purpose != UNKNOWN_PURPOSE),
    )


def _is_other_than(value: int, values: Values) -> Passes:  # numpy is twice as fast with an int as with an enum's member
    passes: Passes = values != value
    return passes


def _has_no_flag(flag: int, flags: Values) -> Passes:
    passes: Passes = flags & flag == 0
    return passes


@lru_cache(maxsize=16)
def row_schema(terms: RowTerms) -> RowSchema:
    """The Pandera schema of the parsed rows under these terms."""
    checks: dict[str, list[RowRule]] = {column: [] for column in COLUMNS}
    for rule, column, passes in row_rules(terms):
        checks[column].append(RowRule(rule, passes))
    return RowSchema({column: pa.Column("int64", [*rules]) for column, rules in checks.items()}, strict=True)


def judge_rows(columns: ParsedColumns, schema: RowSchema) -> JudgedBlock:
    """Validate each chunk, and decide which finding a number cell gets."""
    row, code = _apply_precedence(*_broken_rules(columns, schema))
    number = columns.values[COLUMNS.index("number")].copy()
    number[row[_PRECEDENCE[code] >= 0]] = -1
    purpose = columns.values[COLUMNS.index("purpose")]
    flags = columns.values[COLUMNS.index("flags")]
    passed = ~columns.blank
    passed[row[IS_ERROR[code]]] = False
    return JudgedBlock(
        number=number,
        purpose=np.where(purpose >= 0, purpose, OTHER_PURPOSE).astype(np.uint8),
        passed=passed,
        blank=columns.blank,
        confirmed=flags & CellFlag.LEADING_PLUS != 0,
        row=row,
        code=code.astype(np.uint8),
    )


def _broken_rules(columns: ParsedColumns, schema: RowSchema) -> tuple[Values, Values]:
    """Every (row, rule code) that the schema finds broken, chunk by chunk."""
    frame = pd.DataFrame(columns.values.T, columns=_COLUMN_INDEX, copy=False)
    broken = np.zeros((len(ROW_RULES), len(frame)), dtype=np.bool_)
    with config_context(validation_enabled=True):  # no environment variable may switch the rules off
        for begin in range(0, len(frame), CHUNK_ROWS):
            try:
                schema.validate(frame[begin : begin + CHUNK_ROWS], lazy=True)
            except SchemaErrors as found:
                for error in found.schema_errors:
                    broken[CODE_OF_RULE[error.check.name], begin : begin + CHUNK_ROWS] = ~error.check_output
    code, row = np.divmod(np.flatnonzero(broken), max(1, len(frame)))
    return row, code


# An index of Python strings: with pandas' own string type, each access to a column takes three times as long.
_COLUMN_INDEX = pd.Index(COLUMNS, dtype=object)


def _apply_precedence(row: Values, code: Values) -> tuple[Values, Values]:
    """Keep only the first of a number cell's findings by precedence. Sorts findings by row, then code."""
    precedence = _PRECEDENCE[code]
    order = np.lexsort((precedence, row))
    row, code, precedence = row[order], code[order], precedence[order]
    ranked = np.flatnonzero(precedence >= 0)
    outranked = ranked[1:][row[ranked[1:]] == row[ranked[:-1]]]
    keep = np.ones(len(row), dtype=np.bool_)
    keep[outranked] = False
    row, code = row[keep], code[keep]
    order = np.lexsort((code, row))
    return row[order], code[order]
