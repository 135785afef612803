"""What is still open of a program's rejected rows, and what the next submission has fixed.

Rows are compared by content: the digits of the number, or its text where it has few; and the purpose, whatever its case
and spaces. Nothing is guessed. A row is fixed only if the number that was suggested for it, or its own digits, came as
an accepted row.
"""

import re
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import IntFlag
from hashlib import blake2b
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from schemas.model.judging_context import PreviousSubmission
from schemas.model.judgment import BaselineComparison, JudgedNumbers, OpenRejections
from schemas.rows.numbers.spreadsheets import read_amounts
from schemas.rows.types import BoolArray, Integers

#: A rejected row. `number` has its digits, without a leading 1; a negative number is the hash of a text. `suggested` is
#: a ten-digit number or -1, `purpose` a hash, and `flags` are bits of `RowFlag`.
OPEN_ROW_DTYPE = np.dtype([("number", "<i8"), ("suggested", "<i8"), ("purpose", "<u4"), ("flags", "u1")])

#: How many rows are kept of a program: 10 MB.
MAX_OPEN_ROWS = 500_000

_BLANK = -1
_SMALLEST, _LARGEST = 2_000_000_000, 9_999_999_999
#: A text with fewer digits is no number, or not recognizable by them.
_FEW_DIGITS, _MANY_DIGITS = 7, 18
_POWERS_OF_TEN = 10 ** np.arange(_MANY_DIGITS + 1)


class RowFlag(IntFlag):
    """What else is known of a rejected row.

    - `DAMAGED`: a spreadsheet has rounded its number; `number` is what a spreadsheet would make of the rest.
    - `EMPTIED`: its number is empty in rejected.csv.
    - `CLOSED`: it is no longer open. A damaged row is kept even so, so that its number never gets in unnoticed.
    """

    DAMAGED = 1
    EMPTIED = 2
    CLOSED = 4


def update_open_rejections(
    numbers: JudgedNumbers, previous: PreviousSubmission | None, *, replaces_all: bool
) -> tuple[BaselineComparison | None, OpenRejections]:
    """Compare a submission with what was open, and return what is open after it.

    There is no comparison if nothing was open and nothing is. `replaces_all`: see `carry_over`.
    """
    now = collect_rejected_rows(numbers.rejections())
    if previous is None:
        return None, now
    if previous.open is None:
        return None, replace(now, previous=previous.id)
    before = previous.open
    accepted = (block for block, _ in numbers.accepted())
    progress = compare_rejections(before, now, accepted, previous.suspects)
    left_out = ~_has(before.rows, RowFlag.CLOSED) & ~progress.fixed & ~progress.still_open
    comparison = BaselineComparison(
        submission=previous.id,
        fixed=int(np.count_nonzero(progress.fixed)),
        still_open=int(np.count_nonzero(progress.still_open)),
        left_out=int(np.count_nonzero(left_out)),
        new=int(np.count_nonzero(progress.new)) + now.cut,
        not_compared=before.cut,
    )
    is_empty = not (comparison.fixed or comparison.still_open or comparison.left_out or comparison.new)
    after = replace(carry_over(before, now, progress, replaces_all=replaces_all), previous=previous.id)
    return None if is_empty else comparison, after


def collect_rejected_rows(rejections: Iterable[pa.RecordBatch]) -> OpenRejections:
    """The rows of rejected.csv by their content. A batch has the columns of rejections.csv."""
    kept, count = list[NDArray[np.void]](), 0
    for batch in rejections:
        lines = batch.filter(pc.is_valid(batch["rejected_row"]))
        if not lines.num_rows:
            continue
        row, first = np.unique(lines["rejected_row"].to_numpy(), return_index=True)
        if count < MAX_OPEN_ROWS:
            kept.append(_describe_rows(lines, first))
        count += len(row)
    rows = np.concatenate(kept)[:MAX_OPEN_ROWS] if kept else np.zeros(0, dtype=OPEN_ROW_DTYPE)
    return OpenRejections(rows=rows, cut=count - len(rows))


def _describe_rows(lines: pa.RecordBatch, first: Integers) -> NDArray[np.void]:
    """One entry per row; `first` are the rows' first lines."""
    rows = np.zeros(len(first), dtype=OPEN_ROW_DTYPE)
    cells = lines.take(pa.array(first))
    amounts = read_amounts(cells["phone_number"])
    rows["number"] = np.where(amounts.number >= 0, _national(amounts.number), _read_numbers(cells["phone_number"]))
    rows["suggested"] = np.maximum.reduceat(_read_suggestions(lines), first)
    rows["purpose"] = _hash_purposes(cells["call_purpose"])
    emptied = cells["emptied"].to_numpy(zero_copy_only=False)
    rows["flags"] = amounts.has_lost_digits * RowFlag.DAMAGED + emptied * RowFlag.EMPTIED
    return rows


def _national(number: Integers) -> Integers:
    """The number without a leading 1: no area code begins with one."""
    first = _POWERS_OF_TEN[np.maximum(np.searchsorted(_POWERS_OF_TEN, number, side="right") - 1, 0)]
    has_country_code = (number // first == 1) & (first >= 10**_FEW_DIGITS)
    national: Integers = np.where(has_country_code, number - first, number)
    return national


def _read_numbers(cells: pa.Array) -> Integers:
    number, count = _read_digits(cells)
    read = _national(number)
    is_text = np.flatnonzero((count < _FEW_DIGITS) | (count > _MANY_DIGITS))
    texts = cells.take(pa.array(is_text)).dictionary_encode()
    hashes = np.array([_hash_text(text) for text in texts.dictionary.to_pylist()] or [0], dtype=np.int64)
    read[is_text] = hashes[texts.indices.to_numpy()]
    return read


def _read_digits(cells: pa.Array) -> tuple[Integers, Integers]:
    """The number that each cell's digits make, and how many there are. Of more than 18, the number is wrong."""
    _, offsets, data = cells.buffers()
    ends = np.frombuffer(offsets, dtype=np.int32)[cells.offset : cells.offset + len(cells) + 1]
    text = np.frombuffer(data or b"", dtype=np.uint8)[: ends[-1]]
    place = np.flatnonzero((text >= ord("0")) & (text <= ord("9")))
    bounds = np.searchsorted(place, ends)
    count: Integers = np.diff(bounds)
    place = place[bounds[0] : bounds[-1]]
    after = np.repeat(bounds[1:], count) - 1 - np.arange(bounds[0], bounds[-1])
    values = (text[place] - ord("0")) * _POWERS_OF_TEN[np.minimum(after, _MANY_DIGITS)]
    sums = np.concatenate([[0], np.cumsum(values)])  # wraps around, but the differences are right
    number: Integers = sums[bounds[1:] - bounds[0]] - sums[bounds[:-1] - bounds[0]]
    return number, count


def _hash_text(text: str) -> int:
    """A negative number for a cell that has no digits to be known by; `_BLANK` if it is blank."""
    normalized = _normalize(text)
    if not normalized:
        return _BLANK
    return -2 - int.from_bytes(blake2b(normalized.encode(), digest_size=7).digest())


def _hash_purposes(cells: pa.Array) -> NDArray[np.uint32]:
    purposes = cells.dictionary_encode()
    hashes = [zlib.crc32(_normalize(text).encode()) for text in purposes.dictionary.to_pylist()]
    found: NDArray[np.uint32] = np.array(hashes or [0], dtype=np.uint32)[purposes.indices.to_numpy()]
    return found


def _normalize(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip().casefold()


def _read_suggestions(lines: pa.RecordBatch) -> Integers:
    """The ten-digit number that each line suggests, alone or as the first cell of a row; -1 if it suggests none."""
    suggested = np.full(lines.num_rows, -1, dtype=np.int64)
    place = np.flatnonzero(lines["suggestion"].is_valid().to_numpy(zero_copy_only=False))
    found = pc.extract_regex(lines["suggestion"].take(pa.array(place)), r"^\+?1?(?P<ten>\d{10})(?:,|$)")
    ten = pc.cast(pc.struct_field(found, "ten"), pa.int64())
    suggested[place] = pc.fill_null(ten, -1).to_numpy(zero_copy_only=False)
    return suggested


def suspect_numbers(open_rejections: OpenRejections) -> Integers:
    """The phone numbers that a spreadsheet would make of the damaged ones, sorted (NUM-025)."""
    number = open_rejections.rows["number"][_has(open_rejections.rows, RowFlag.DAMAGED)]
    return np.unique(number[(number >= _SMALLEST) & (number <= _LARGEST)])


@dataclass(frozen=True, slots=True, kw_only=True)
class RejectionsProgress:
    """What became of the rows that were open, one truth value each; and which rejected rows are `new`."""

    fixed: BoolArray
    still_open: BoolArray
    new: BoolArray


def compare_rejections(
    before: OpenRejections, now: OpenRejections, accepted: Iterable[Integers], suspects: Integers
) -> RejectionsProgress:
    """Compare the rows that were open with those rejected now. Each row counts, even if several have the same content.

    `accepted` are the numbers of the accepted rows. `suspects` are the numbers that were accepted only where the
    business confirmed them.
    """
    rows = before.rows
    still_open, known = _match_rows(rows, now.rows)
    candidates = _evidence(rows, suspects)
    came = _among(np.unique(candidates), accepted)
    fixed = ~still_open & ~_has(rows, RowFlag.CLOSED) & np.isin(candidates, came).any(axis=0)
    damaged = np.flatnonzero(fixed & _has(rows, RowFlag.DAMAGED))
    fixed[damaged[_rank(rows["number"][damaged]) > 0]] = False  # one accepted number repairs one of them
    return RejectionsProgress(fixed=fixed, still_open=still_open, new=~known)


def _match_rows(before: NDArray[np.void], now: NDArray[np.void]) -> tuple[BoolArray, BoolArray]:
    """Which open rows were rejected again, and which rejected rows were open before. Each row has at most one match.

    First rows with the same number and purpose are matched, then those with the same number. Last, a row that has the
    purpose alone is the row as rejected.csv had it.
    """
    again, known = np.zeros(len(before), dtype=np.bool_), np.zeros(len(now), dtype=np.bool_)
    is_open = ~_has(before, RowFlag.CLOSED)
    emptied = _has(before, RowFlag.EMPTIED)
    blank = now["number"] == _BLANK
    steps = (
        (_mix(before), _mix(now), is_open, ~known),
        (before["number"], now["number"], is_open, ~blank),
        (before["purpose"], now["purpose"], is_open & emptied, blank),
    )
    for keys, others, can_match, others_can_match in steps:
        left, right = np.flatnonzero(can_match & ~again), np.flatnonzero(others_can_match & ~known)
        matched, others_matched = _pair(keys[left], others[right])
        again[left[matched]], known[right[others_matched]] = True, True
    return again, known


def _mix(rows: NDArray[np.void]) -> NDArray[np.uint64]:
    """One key for number and purpose."""
    mixed: NDArray[np.uint64] = rows["number"].astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    return mixed ^ rows["purpose"].astype(np.uint64)


def _pair(left: NDArray[Any], right: NDArray[Any]) -> tuple[BoolArray, BoolArray]:
    """Pair equal keys one to one. Returns which of each side have a partner."""
    keys, index = np.unique(np.concatenate([left, right]), return_inverse=True)
    ours, theirs = index[: len(left)], index[len(left) :]
    pairs = np.minimum(np.bincount(ours, minlength=len(keys)), np.bincount(theirs, minlength=len(keys)))
    return _rank(ours) < pairs[ours], _rank(theirs) < pairs[theirs]


def _rank(keys: Integers) -> Integers:
    """How many equal keys come before each."""
    order = np.argsort(keys, kind="stable")
    sorted_keys = keys[order]
    begins = np.flatnonzero(np.append(True, sorted_keys[1:] != sorted_keys[:-1])) if len(keys) else order
    rank = np.empty(len(keys), dtype=np.int64)
    rank[order] = np.arange(len(keys)) - np.repeat(begins, np.diff(np.append(begins, len(keys))))
    return rank


def _evidence(rows: NDArray[np.void], suspects: Integers) -> Integers:
    """Two numbers per row that prove it fixed if they were accepted: its own digits, and the suggestion; or -1."""
    own = rows["number"].copy()
    own[(own < _SMALLEST) | (own > _LARGEST)] = -1
    own[_has(rows, RowFlag.DAMAGED) & ~np.isin(own, suspects)] = -1
    return np.stack([own, rows["suggested"]])


def _among(wanted: Integers, accepted: Iterable[Integers]) -> Integers:
    """Which of the wanted numbers (sorted) were accepted."""
    wanted = wanted[wanted >= 0]
    found = np.zeros(len(wanted), dtype=np.bool_)
    if not len(wanted):
        return wanted
    for numbers in accepted:
        place = np.minimum(np.searchsorted(wanted, numbers), len(wanted) - 1)
        found[place[wanted[place] == numbers]] = True
    return wanted[found]


def carry_over(
    before: OpenRejections, now: OpenRejections, progress: RejectionsProgress, *, replaces_all: bool
) -> OpenRejections:
    """What is open after a submission. If it `replaces_all` rows, what was left out is not carried over.

    Damaged rows stay in any case, closed if they are no longer open.
    """
    rows = before.rows.copy()
    is_open = progress.still_open if replaces_all else ~_has(rows, RowFlag.CLOSED) & ~progress.fixed
    rows["flags"][~is_open] |= np.uint8(RowFlag.CLOSED)
    rows = np.concatenate([_without_repeats(rows[~is_open]), rows[is_open], now.rows[progress.new]])
    cut = now.cut + (0 if replaces_all else before.cut) + max(0, len(rows) - MAX_OPEN_ROWS)
    return OpenRejections(rows=rows[:MAX_OPEN_ROWS], cut=cut)


def _without_repeats(closed: NDArray[np.void]) -> NDArray[np.void]:
    damaged = closed[_has(closed, RowFlag.DAMAGED)]
    return damaged[np.unique(damaged["number"], return_index=True)[1]]


def _has(rows: NDArray[np.void], flag: RowFlag) -> BoolArray:
    found: BoolArray = rows["flags"] & flag != 0
    return found
