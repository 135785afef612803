"""Which numbers come twice, in whatever file and spelling, and which the program may not have.

Every candidate, a row with a valid number, is one 64-bit word: number, ordinal, purpose, and whether the row stands.
The words go into drawers by number; each drawer is then sorted by itself, so that memory does not grow with the
submission. What is found goes into drawers by ordinal, to be told in row order.

An ordinal counts the records of all files, one after the other, from 0.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from schemas.model.drop import Claims, Conflict
from schemas.model.purposes import DO_NOT_ORIGINATE
from schemas.rows.judging.row_schema import OTHER_PURPOSE, JudgedBlock
from schemas.rows.rule_codes import CODE_OF_RULE
from schemas.rows.spill import OpenSpillFile, SpillBuckets

Integers = NDArray[np.int64]
Words = NDArray[np.uint64]

#: What was found of a row afterwards: `other` is the first row's ordinal, or the place of a program's name, or -1.
CROSS_ROW_DTYPE = np.dtype([("ordinal", "<i8"), ("other", "<i8"), ("code", "<u1")])

_NUMBERS = 10_000_000_000
_PURPOSE_BITS, _STANDS_BITS = 4, 1
_LOW_BITS = _PURPOSE_BITS + _STANDS_BITS

#: Words that a drawer is meant for, the most that are sorted at a time (a drawer's numbers fall unevenly), and the most
#: drawers that are opened for memory's sake; each is a file, and a process may often open 256.
_IN_DRAWER = 1 << 17
_AT_ONCE = 4 * _IN_DRAWER
_MOST_DRAWERS = 64


def check_across_rows(
    judged: Iterable[JudgedBlock],
    *,
    rows: int,
    candidates: int,
    claims: Claims | None,
    do_not_originate: Integers | None,
    spool: OpenSpillFile,
) -> "CrossRowFindings":
    """What is wrong with rows of the submission beside others: NUM-020 to NUM-024. `rows` counts all its records."""
    register = _Register(spool, rows, _drawers_for(candidates, rows), claims, do_not_originate)
    ordinal = 0
    for block in judged:
        register.add(block, ordinal)
        ordinal += len(block.number)
    return register.find()


def _drawers_for(candidates: int, rows: int) -> int:
    """How many drawers: few enough candidates in each to sort, and a word's bits must hold number and ordinal."""
    count = min(_MOST_DRAWERS, max(1, -(-candidates // _IN_DRAWER)))
    while _number_shift(count) - _LOW_BITS < rows.bit_length():
        count *= 2
    return count


def _number_shift(drawers: int) -> int:
    return 64 - (_NUMBERS // drawers).bit_length()


@dataclass(slots=True)
class _Register:
    """The candidates of a submission of `rows` records."""

    spool: OpenSpillFile
    rows: int
    drawers: int
    claims: Claims | None = None
    do_not_originate: Integers | None = None
    programs: list[str | None] = field(default_factory=list)
    _by_number: SpillBuckets = field(init=False)
    _number_shift: int = field(init=False)

    def __post_init__(self) -> None:
        self._by_number = SpillBuckets(self.spool, self.drawers)
        self._number_shift = _number_shift(self.drawers)

    def add(self, judged: JudgedBlock, first_ordinal: int) -> None:
        """Take in a block's candidates; its first row has this ordinal."""
        row = np.flatnonzero(judged.number >= 0)
        number = judged.number[row]
        word = (number // self.drawers).astype(np.uint64) << np.uint64(self._number_shift)
        word |= (row + first_ordinal).astype(np.uint64) << np.uint64(_LOW_BITS)
        word |= (judged.purpose[row].astype(np.uint64) << np.uint64(1)) | judged.stands[row]
        self._by_number.put(number % self.drawers, word)

    def find(self) -> "CrossRowFindings":
        """Sort out every drawer."""
        late = CrossRowFindings(self.spool, self.rows, self.programs)
        for drawer in range(self.drawers):
            firsts = _Firsts()
            for words in self._by_number.read(drawer, np.uint64, _AT_ONCE):
                self._sort_out(np.sort(words), drawer, firsts, late)
        self._by_number.close()
        return late

    def _sort_out(self, words: Words, drawer: int, firsts: "_Firsts", late: "CrossRowFindings") -> None:
        number = (words >> np.uint64(self._number_shift)).astype(np.int64) * self.drawers + drawer
        rest = words & np.uint64((1 << self._number_shift) - 1)
        candidates = _Candidates(
            number=number,
            ordinal=(rest >> np.uint64(_LOW_BITS)).astype(np.int64),
            purpose=((rest >> np.uint64(1)) & np.uint64(15)).astype(np.int64),
            stands=(rest & np.uint64(1)).astype(np.bool_),
        )
        free = candidates.without(self._conflicts(candidates, late))
        firsts.find_repeats(free, late)

    def _conflicts(self, candidates: "_Candidates", late: "CrossRowFindings") -> NDArray[np.bool_]:
        """Which candidates the program may not have; noted in `late`."""
        taken = np.zeros(len(candidates.number), dtype=np.bool_)
        if self.do_not_originate is not None and len(self.do_not_originate):
            listed = np.isin(candidates.number, self.do_not_originate) & (candidates.purpose != DO_NOT_ORIGINATE)
            late.note(candidates.ordinal[listed], CODE_OF_RULE["NUM-024"])
            taken |= listed
        if self.claims is not None and len(taken):
            taken |= self._claimed(candidates, self.claims.conflicts(np.unique(candidates.number)), late)
        return taken

    def _claimed(
        self, candidates: "_Candidates", found: Mapping[int, Conflict], late: "CrossRowFindings"
    ) -> NDArray[np.bool_]:
        numbers = np.array(sorted(found), dtype=np.int64)
        if not numbers.size:
            return np.zeros(len(candidates.number), dtype=np.bool_)
        place = np.minimum(np.searchsorted(numbers, candidates.number), len(numbers) - 1)
        taken: NDArray[np.bool_] = numbers[place] == candidates.number
        conflicts = [found[number] for number in numbers.tolist()]
        code = np.array([CODE_OF_RULE[conflict.rule] for conflict in conflicts], dtype=np.uint8)
        other = np.array([self._place_of(conflict.program) for conflict in conflicts])
        late.note(candidates.ordinal[taken], code[place[taken]], other[place[taken]])
        return taken

    def _place_of(self, program: str | None) -> int:
        if program not in self.programs:
            self.programs.append(program)
        return self.programs.index(program)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Candidates:
    """Rows with a valid number, sorted by number, then ordinal."""

    number: Integers
    ordinal: Integers
    purpose: Integers
    stands: NDArray[np.bool_]

    def without(self, taken: NDArray[np.bool_]) -> "_Candidates":
        keep = ~taken
        return _Candidates(
            number=self.number[keep],
            ordinal=self.ordinal[keep],
            purpose=self.purpose[keep],
            stands=self.stands[keep],
        )


@dataclass(slots=True)
class _Firsts:
    """The numbers of a drawer that stand already, sorted, with their first row's ordinal and purpose."""

    number: Integers = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    ordinal: Integers = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    purpose: Integers = field(default_factory=lambda: np.zeros(0, dtype=np.int64))

    def find_repeats(self, rows: _Candidates, late: "CrossRowFindings") -> None:
        """Note the rows that come after the one that stands with the same number; take in the new that stand."""
        self._take_in(rows)
        if not len(self.number) or not len(rows.number):
            return
        place = np.minimum(np.searchsorted(self.number, rows.number), len(self.number) - 1)
        repeats = (self.number[place] == rows.number) & (self.ordinal[place] < rows.ordinal)
        place, purpose = place[repeats], rows.purpose[repeats]
        other_purpose = (purpose != self.purpose[place]) & (purpose != OTHER_PURPOSE)
        code = np.where(other_purpose, CODE_OF_RULE["NUM-021"], CODE_OF_RULE["NUM-020"])
        late.note(rows.ordinal[repeats], code.astype(np.uint8), self.ordinal[place])

    def _take_in(self, rows: _Candidates) -> None:
        """The first row of each number that stands; the rows are sorted by number, then ordinal."""
        standing = np.flatnonzero(rows.stands)
        number = rows.number[standing]
        first = np.ones(len(number), dtype=np.bool_)
        first[1:] = number[1:] != number[:-1]
        new = standing[first]
        if not len(self.number):  # nearly always: a drawer is read at once
            self.number, self.ordinal, self.purpose = rows.number[new], rows.ordinal[new], rows.purpose[new]
            return
        new = new[~_are_among(rows.number[new], self.number)]
        number = np.concatenate([self.number, rows.number[new]])
        order = np.argsort(number, kind="stable")
        self.number = number[order]
        self.ordinal = np.concatenate([self.ordinal, rows.ordinal[new]])[order]
        self.purpose = np.concatenate([self.purpose, rows.purpose[new]])[order]


def _are_among(numbers: Integers, known: Integers) -> NDArray[np.bool_]:
    """Which of the numbers are known; both are sorted, which `np.isin` would not make use of."""
    among: NDArray[np.bool_] = known[np.minimum(np.searchsorted(known, numbers), len(known) - 1)] == numbers
    return among


class CrossRowFindings:
    """What was found of rows after all of them had been read, by ordinal."""

    def __init__(self, spool: OpenSpillFile, rows: int, programs: list[str | None]) -> None:
        self.programs = programs
        self._width = max(1 << 20, -(-rows // 64))
        self._drawers = SpillBuckets(spool, max(1, -(-rows // self._width)))
        self._drawer, self._entries = -1, np.zeros(0, dtype=CROSS_ROW_DTYPE)

    def note(self, ordinal: Integers, code: NDArray[np.uint8] | int, other: Integers | int = -1) -> None:
        """Note a rule for each of the rows."""
        if ordinal.size:
            entries = np.zeros(len(ordinal), dtype=CROSS_ROW_DTYPE)
            entries["ordinal"], entries["code"], entries["other"] = ordinal, code, other
            self._drawers.put(np.minimum(ordinal // self._width, len(self._drawers) - 1), entries)

    def between(self, low: int, high: int) -> NDArray[np.void]:
        """What was found of the rows low to high - 1, by ordinal. To be asked in rising order."""
        parts = []
        last = len(self._drawers) - 1
        for drawer in range(min(low // self._width, last), min((max(high, 1) - 1) // self._width, last) + 1):
            entries = self._open(drawer)
            first, end = np.searchsorted(entries["ordinal"], [low, high])
            parts.append(entries[first:end])
        return np.concatenate(parts)

    def _open(self, drawer: int) -> NDArray[np.void]:
        if drawer != self._drawer:
            entries = list(self._drawers.read(drawer, CROSS_ROW_DTYPE, _AT_ONCE))
            found = np.concatenate(entries) if entries else np.zeros(0, dtype=CROSS_ROW_DTYPE)
            self._drawer, self._entries = drawer, found[np.lexsort((found["code"], found["ordinal"]))]
        return self._entries

    def close(self) -> None:
        """Let the files go."""
        self._drawers.close()
