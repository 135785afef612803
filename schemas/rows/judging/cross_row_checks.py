"""Checks rows against other rows, the ledger and the operator's list: NUM-020 to NUM-025 and PUR-006.

Every candidate (a row with a valid number) becomes one 64-bit word: number, ordinal, purpose, whether the row passed,
and whether its number is confirmed. The words are spilled to buckets by number, and each bucket is sorted separately,
so that memory does not grow with the submission. The findings are spilled to buckets by ordinal, so that they can be
read back in row order.

An ordinal is a row's position among the records of all files together, counted from 0.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from schemas.model.callbacks import OpenSpillFile
from schemas.model.judging_context import NumberConflict
from schemas.model.purposes import DO_NOT_ORIGINATE_INDEX
from schemas.rows.judging.row_schema import OTHER_PURPOSE, JudgedBlock
from schemas.rows.rule_codes import CODE_OF_RULE
from schemas.rows.spill import SpillBuckets
from schemas.rows.types import BoolArray, Integers, NumberTerms

Words = NDArray[np.uint64]

#: A finding. `related` is the ordinal of the first row with the number, the index of a program's name, the purpose that
#: the program's number has (PUR-006), or -1. `purpose` is that of the first row. Purposes are indexes into `PURPOSES`.
CROSS_ROW_DTYPE = np.dtype([("ordinal", "<i8"), ("related", "<i8"), ("code", "<u1"), ("purpose", "<u1")])

_NUMBERS = 10_000_000_000
_PURPOSE_BITS, _FLAG_BITS = 4, 2
_LOW_BITS = _PURPOSE_BITS + _FLAG_BITS

#: How many words a bucket is meant for, and how many are sorted at a time (numbers are not evenly distributed).
_WORDS_PER_BUCKET = 1 << 17
_WORDS_AT_ONCE = 4 * _WORDS_PER_BUCKET
#: The most buckets to open just to save memory. Each is a file, and a process can often open only 256.
_MAX_BUCKETS = 64


def check_across_rows(
    judged: Iterable[JudgedBlock],
    *,
    rows: int,
    candidates: int,
    terms: NumberTerms,
    open_spill: OpenSpillFile,
) -> "CrossRowFindings":
    """Find what breaks the rules across rows. `rows` counts all records, `candidates` those with a valid number."""
    check = _CrossRowCheck(open_spill, rows, _bucket_count(candidates, rows), terms)
    ordinal = 0
    for block in judged:
        check.add(block, ordinal)
        ordinal += len(block.number)
    return check.run()


def _bucket_count(candidates: int, rows: int) -> int:
    """Enough buckets that each can be sorted in memory, and that number and ordinal fit into a word."""
    count = min(_MAX_BUCKETS, max(1, -(-candidates // _WORDS_PER_BUCKET)))
    while _number_shift(count) - _LOW_BITS < rows.bit_length():
        count *= 2
    return count


def _number_shift(buckets: int) -> int:
    return 64 - (_NUMBERS // buckets).bit_length()


@dataclass(slots=True)
class _CrossRowCheck:
    """The candidates of a submission of `rows` records, in buckets by number."""

    open_spill: OpenSpillFile
    rows: int
    bucket_count: int
    terms: NumberTerms
    programs: list[str | None] = field(default_factory=list)
    _buckets: SpillBuckets = field(init=False)
    _number_shift: int = field(init=False)

    def __post_init__(self) -> None:
        self._buckets = SpillBuckets(self.open_spill, self.bucket_count)
        self._number_shift = _number_shift(self.bucket_count)

    def add(self, judged: JudgedBlock, first_ordinal: int) -> None:
        """Add a block's candidates. `first_ordinal` is that of its first row."""
        row = np.flatnonzero(judged.number >= 0)
        number = judged.number[row]
        word = (number // self.bucket_count).astype(np.uint64) << np.uint64(self._number_shift)
        word |= (row + first_ordinal).astype(np.uint64) << np.uint64(_LOW_BITS)
        flags = judged.confirmed[row].astype(np.uint64) << np.uint64(1) | judged.passed[row]
        word |= judged.purpose[row].astype(np.uint64) << np.uint64(_FLAG_BITS) | flags
        self._buckets.put(number % self.bucket_count, word)

    def run(self) -> "CrossRowFindings":
        """Check every bucket."""
        findings = CrossRowFindings(self.open_spill, self.rows, self.programs)
        for bucket in range(self.bucket_count):
            firsts = _FirstRows()
            for words in self._buckets.read(bucket, np.uint64, _WORDS_AT_ONCE):
                self._check_words(np.sort(words), bucket, firsts, findings)
            self._find_new_purposes(firsts, findings)
        self._buckets.close()
        return findings

    def _check_words(self, words: Words, bucket: int, firsts: "_FirstRows", findings: "CrossRowFindings") -> None:
        number = (words >> np.uint64(self._number_shift)).astype(np.int64) * self.bucket_count + bucket
        rest = words & np.uint64((1 << self._number_shift) - 1)
        candidates = _Candidates(
            number=number,
            ordinal=(rest >> np.uint64(_LOW_BITS)).astype(np.int64),
            purpose=((rest >> np.uint64(_FLAG_BITS)) & np.uint64(15)).astype(np.int64),
            confirmed=(rest & np.uint64(2)).astype(np.bool_),
            passed=(rest & np.uint64(1)).astype(np.bool_),
        )
        free = candidates.without(self._find_conflicts(candidates, findings))
        firsts.find_repeats(free, findings)

    def _find_conflicts(self, candidates: "_Candidates", findings: "CrossRowFindings") -> BoolArray:
        """Which candidates the program may not have. Adds them to the findings."""
        terms, conflicting = self.terms, np.zeros(len(candidates.number), dtype=np.bool_)
        if terms.do_not_originate is not None and len(terms.do_not_originate):
            listed = np.isin(candidates.number, terms.do_not_originate) & (candidates.purpose != DO_NOT_ORIGINATE_INDEX)
            findings.add(candidates.ordinal[listed], CODE_OF_RULE["NUM-024"])
            conflicting |= listed
        if terms.suspects is not None and len(terms.suspects):
            suspect = np.isin(candidates.number, terms.suspects) & ~candidates.confirmed
            findings.add(candidates.ordinal[suspect], CODE_OF_RULE["NUM-025"])
            conflicting |= suspect
        if terms.claims is not None and len(conflicting):
            claimed = terms.claims.find_conflicts(np.unique(candidates.number))
            conflicting |= self._find_claimed(candidates, claimed, findings)
        return conflicting

    def _find_new_purposes(self, firsts: "_FirstRows", findings: "CrossRowFindings") -> None:
        """PUR-006: the program has the number, with another purpose."""
        if self.terms.read_purposes is None or not len(firsts.number):
            return
        known, known_purpose = self.terms.read_purposes(firsts.number)
        place = np.searchsorted(firsts.number, known)
        before, now = known_purpose.astype(np.int64), firsts.purpose[place]
        changes = before != now
        ordinal = firsts.ordinal[place[changes]]
        findings.add(ordinal, CODE_OF_RULE["PUR-006"], before[changes], now[changes])

    def _find_claimed(
        self, candidates: "_Candidates", claimed: Mapping[int, NumberConflict], findings: "CrossRowFindings"
    ) -> BoolArray:
        numbers = np.array(sorted(claimed), dtype=np.int64)
        if not numbers.size:
            return np.zeros(len(candidates.number), dtype=np.bool_)
        place = np.minimum(np.searchsorted(numbers, candidates.number), len(numbers) - 1)
        is_claimed: BoolArray = numbers[place] == candidates.number
        conflicts = [claimed[number] for number in numbers.tolist()]
        code = np.array([CODE_OF_RULE[conflict.rule] for conflict in conflicts], dtype=np.uint8)
        program = np.array([self._program_index(conflict.program) for conflict in conflicts])
        findings.add(candidates.ordinal[is_claimed], code[place[is_claimed]], program[place[is_claimed]])
        return is_claimed

    def _program_index(self, program: str | None) -> int:
        if program not in self.programs:
            self.programs.append(program)
        return self.programs.index(program)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Candidates:
    """Rows with a valid number, sorted by number, then ordinal."""

    number: Integers
    ordinal: Integers
    purpose: Integers
    confirmed: BoolArray
    passed: BoolArray

    def without(self, excluded: BoolArray) -> "_Candidates":
        keep = ~excluded
        return _Candidates(
            number=self.number[keep],
            ordinal=self.ordinal[keep],
            purpose=self.purpose[keep],
            confirmed=self.confirmed[keep],
            passed=self.passed[keep],
        )


@dataclass(slots=True)
class _FirstRows:
    """The first passed row of each number in a bucket, sorted by number."""

    number: Integers = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    ordinal: Integers = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    purpose: Integers = field(default_factory=lambda: np.zeros(0, dtype=np.int64))

    def find_repeats(self, rows: _Candidates, findings: "CrossRowFindings") -> None:
        """Add the first rows among these, then report all rows that repeat an earlier first row."""
        self._add_first_rows(rows)
        if not len(self.number) or not len(rows.number):
            return
        place = np.minimum(np.searchsorted(self.number, rows.number), len(self.number) - 1)
        repeats = (self.number[place] == rows.number) & (self.ordinal[place] < rows.ordinal)
        place, purpose = place[repeats], rows.purpose[repeats]
        differs = (purpose != self.purpose[place]) & (purpose != OTHER_PURPOSE)
        code = np.where(differs, CODE_OF_RULE["NUM-021"], CODE_OF_RULE["NUM-020"])
        findings.add(rows.ordinal[repeats], code.astype(np.uint8), self.ordinal[place], self.purpose[place])

    def _add_first_rows(self, rows: _Candidates) -> None:
        passed = np.flatnonzero(rows.passed)
        number = rows.number[passed]
        first = np.ones(len(number), dtype=np.bool_)
        first[1:] = number[1:] != number[:-1]
        new = passed[first]
        if not len(self.number):  # nearly always: a whole bucket is read at once
            self.number, self.ordinal, self.purpose = rows.number[new], rows.ordinal[new], rows.purpose[new]
            return
        new = new[~_is_among(rows.number[new], self.number)]
        number = np.concatenate([self.number, rows.number[new]])
        order = np.argsort(number, kind="stable")
        self.number = number[order]
        self.ordinal = np.concatenate([self.ordinal, rows.ordinal[new]])[order]
        self.purpose = np.concatenate([self.purpose, rows.purpose[new]])[order]


def _is_among(numbers: Integers, known: Integers) -> BoolArray:
    """Which numbers are known. Uses that `known` is sorted, which `np.isin` would not."""
    among: BoolArray = known[np.minimum(np.searchsorted(known, numbers), len(known) - 1)] == numbers
    return among


class CrossRowFindings:
    """The findings of the checks across rows, in spill buckets by ordinal. `programs` has the names that they cite."""

    def __init__(self, open_spill: OpenSpillFile, rows: int, programs: list[str | None]) -> None:
        self.programs = programs
        self._rows_per_bucket = max(1 << 20, -(-rows // 64))
        self._buckets = SpillBuckets(open_spill, max(1, -(-rows // self._rows_per_bucket)))
        self._loaded, self._entries = -1, np.zeros(0, dtype=CROSS_ROW_DTYPE)

    def add(
        self,
        ordinal: Integers,
        code: NDArray[np.uint8] | int,
        related: Integers | int = -1,
        purpose: Integers | int = 0,
    ) -> None:
        """Add one finding for each ordinal."""
        if ordinal.size:
            entries = np.zeros(len(ordinal), dtype=CROSS_ROW_DTYPE)
            entries["ordinal"], entries["code"] = ordinal, code
            entries["related"], entries["purpose"] = related, purpose
            self._buckets.put(np.minimum(ordinal // self._rows_per_bucket, len(self._buckets) - 1), entries)

    def in_range(self, low: int, high: int) -> NDArray[np.void]:
        """The findings of ordinals low to high - 1, sorted. Ask for rising ranges, because one bucket is cached."""
        parts = []
        last = len(self._buckets) - 1
        first_bucket = min(low // self._rows_per_bucket, last)
        last_bucket = min((max(high, 1) - 1) // self._rows_per_bucket, last)
        for bucket in range(first_bucket, last_bucket + 1):
            entries = self._load(bucket)
            first, end = np.searchsorted(entries["ordinal"], [low, high])
            parts.append(entries[first:end])
        return np.concatenate(parts)

    def _load(self, bucket: int) -> NDArray[np.void]:
        if bucket != self._loaded:
            entries = list(self._buckets.read(bucket, CROSS_ROW_DTYPE, _WORDS_AT_ONCE))
            found = np.concatenate(entries) if entries else np.zeros(0, dtype=CROSS_ROW_DTYPE)
            self._loaded, self._entries = bucket, found[np.lexsort((found["code"], found["ordinal"]))]
        return self._entries

    def close(self) -> None:
        """Close the files."""
        self._buckets.close()
