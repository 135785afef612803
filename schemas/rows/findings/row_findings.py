"""All findings of a block of rows, as arrays of rule codes."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from schemas.rows.judging.cross_row_checks import CROSS_ROW_DTYPE
from schemas.rows.judging.row_schema import IS_ERROR, JudgedBlock
from schemas.rows.rule_codes import CODE_OF_RULE, ROW_RULES
from schemas.rows.types import BoolArray, Integers


@dataclass(frozen=True, slots=True, kw_only=True)
class RowFindings:
    """All findings of a block: rule `code[k]` in its row `row[k]`, sorted.

    `related` and `kept_purpose` are the fields `related` and `purpose` of `CROSS_ROW_DTYPE`.
    """

    row: Integers
    code: NDArray[np.uint8]
    related: Integers
    kept_purpose: NDArray[np.uint8]

    @property
    def rejected(self) -> Integers:
        """The distinct rejected rows, sorted."""
        return distinct_rows(self.row[IS_ERROR[self.code]])[0]

    @property
    def to_correct(self) -> Integers:
        """The distinct rejected rows that do more than repeat an earlier row with the same purpose, sorted."""
        return distinct_rows(self.row[IS_ERROR[self.code] & (self.code != CODE_OF_RULE["NUM-020"])])[0]

    def has_rule(self, row_count: int, *rules: str) -> BoolArray:
        """For each of the block's rows, whether it has a finding of one of these rules."""
        wanted = np.zeros(len(ROW_RULES), dtype=np.bool_)
        wanted[[CODE_OF_RULE[rule] for rule in rules]] = True
        found = np.zeros(row_count, dtype=np.bool_)
        found[self.row[wanted[self.code]]] = True
        return found

    @property
    def repeats(self) -> BoolArray:
        """Which findings are about a row whose number is already in an earlier row: `related` is its ordinal."""
        return np.isin(self.code, [CODE_OF_RULE["NUM-020"], CODE_OF_RULE["NUM-021"]])


def distinct_rows(row: Integers) -> tuple[Integers, Integers]:
    """The distinct values of a sorted array, and for each of its values the index among them."""
    new = np.ones(len(row), dtype=np.bool_)
    new[1:] = row[1:] != row[:-1]
    return row[new], np.cumsum(new) - 1


def merge_findings(judged: JudgedBlock, cross_row: NDArray[np.void], first_ordinal: int) -> RowFindings:
    """Merge a block's own findings with those of the checks across rows (dtype `CROSS_ROW_DTYPE`)."""
    own = len(judged.row)
    row, code = judged.row, judged.code
    related, purpose = np.full(own, -1), np.zeros(own, dtype=np.uint8)
    if not len(cross_row):
        return RowFindings(row=row, code=code, related=related, kept_purpose=purpose)
    assert cross_row.dtype == CROSS_ROW_DTYPE
    row = np.concatenate([row, cross_row["ordinal"] - first_ordinal])
    code = np.concatenate([code, cross_row["code"]])
    related = np.concatenate([related, cross_row["related"]])
    purpose = np.concatenate([purpose, cross_row["purpose"]])
    order = np.lexsort((code, row))
    return RowFindings(row=row[order], code=code[order], related=related[order], kept_purpose=purpose[order])


def split_by_size(found: RowFindings, starts: Integers, size: int) -> Iterator[RowFindings]:
    """The findings in parts, each about rows that together have about `size` bytes. `starts` are the block's."""
    if starts[-1] <= size:
        yield found
        return
    part = starts[found.row] // size
    for begin, end in pairwise([0, *(np.flatnonzero(np.diff(part)) + 1).tolist(), len(part)]):
        yield RowFindings(
            row=found.row[begin:end],
            code=found.code[begin:end],
            related=found.related[begin:end],
            kept_purpose=found.kept_purpose[begin:end],
        )
