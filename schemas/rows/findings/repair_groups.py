"""Repair groups: rows that break a rule in the same way, so that one action repairs all of them."""

from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from schemas.model.judgment import RepairGroup
from schemas.rows.findings.messages import FindingFacts
from schemas.rows.rule_codes import ROW_RULES

#: How many patterns of a file are counted, and how many groups per rule and file are kept.
_MAX_PATTERNS = 10_000
_MAX_GROUPS = 20

#: Characters of a pattern; longer ones are cut.
_PATTERN_LENGTH = 60

_IS_PURPOSE_RULE = np.array([rule.startswith("PUR") for rule in ROW_RULES])
_IS_RECORD_RULE = np.array([rule.startswith("CSV") for rule in ROW_RULES])
_DIGITS_TO_9 = bytes(ord("9") if byte in b"0123456789" else byte for byte in range(256))


def repair_patterns(facts: FindingFacts, purpose: pa.Array, message: pa.Array) -> pa.Array:
    """What the findings of one group have in common, for each finding.

    For a purpose, its text; for a number, its shape with each digit as 9; for a record's own faults, the message.
    """
    purposes = purpose.dictionary_encode()
    trimmed = pc.utf8_trim_whitespace(purposes.dictionary).take(purposes.indices)
    text = pc.if_else(pa.array(_IS_PURPOSE_RULE[facts.code]), trimmed, _shapes(facts.number))
    text = pc.if_else(pa.array(_IS_RECORD_RULE[facts.code]), message, text)
    return pc.utf8_slice_codeunits(text, 0, _PATTERN_LENGTH)


def _shapes(number: pa.Array) -> pa.Array:
    offsets, data = number.buffers()[1:]
    shapes = pa.py_buffer((data.to_pybytes() if data is not None else b"").translate(_DIGITS_TO_9))
    return pa.Array.from_buffers(pa.string(), len(number), [None, offsets, shapes], offset=number.offset)


@dataclass(slots=True)
class _Group:
    count: int
    example: str
    suggestion: str | None


@dataclass(slots=True)
class RepairGroupCounter:
    """Counts one file's findings by rule and pattern. After 10,000 patterns, new ones are no longer counted."""

    file: str
    _by_pattern: dict[tuple[int, str], _Group] = field(default_factory=dict)

    def add(self, batch: pa.RecordBatch, codes: NDArray[np.uint8], patterns: pa.Array) -> None:
        """Count a block's findings. `batch` has them as lines of rejections.csv."""
        encoded = patterns.dictionary_encode()
        distinct = encoded.dictionary.to_pylist()
        key = codes.astype(np.int64) * len(distinct) + encoded.indices.to_numpy()
        _, first, counts = np.unique(key, return_index=True, return_counts=True)
        order = np.argsort(first)
        for place, count in zip(first[order].tolist(), counts[order].tolist(), strict=True):
            self._add(int(codes[place]), distinct[int(key[place]) % len(distinct)], count, batch, place)

    def _add(self, code: int, pattern: str, count: int, batch: pa.RecordBatch, place: int) -> None:
        group = self._by_pattern.get((code, pattern))
        if group is not None:
            group.count += count
        elif len(self._by_pattern) < _MAX_PATTERNS:
            column = "call_purpose" if _IS_PURPOSE_RULE[code] else "phone_number"
            example, suggestion = batch[column][place].as_py(), batch["suggestion"][place].as_py()
            self._by_pattern[code, pattern] = _Group(count, example, suggestion)

    def largest(self) -> tuple[RepairGroup, ...]:
        """The largest groups of each rule, sorted by rule, then by size."""
        found: list[RepairGroup] = []
        for code in sorted({code for code, _ in self._by_pattern}):
            groups = [(pattern, group) for (each, pattern), group in self._by_pattern.items() if each == code]
            groups.sort(key=lambda item: (-item[1].count, item[0]))
            found += [self._repair_group(code, pattern, group) for pattern, group in groups[:_MAX_GROUPS]]
        return tuple(found)

    def _repair_group(self, code: int, pattern: str, group: _Group) -> RepairGroup:
        return RepairGroup(
            rule=ROW_RULES[code],
            file=self.file,
            pattern=pattern,
            count=group.count,
            example=group.example,
            suggestion=group.suggestion,
        )
