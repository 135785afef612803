"""Repair groups: rows that break one rule in the same way, so that one action repairs them all."""

from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from schemas.model.judgment import RepairGroup
from schemas.rows.findings.findings_table import DescribedFindings
from schemas.rows.rule_codes import ROW_RULES

#: Patterns of one file that are counted, and groups of a rule in a file that are kept.
_COUNTED = 10_000
_KEPT = 20


@dataclass(slots=True)
class _Group:
    count: int
    example: str
    suggestion: str | None


@dataclass(slots=True)
class RepairGroupCounter:
    """Counts one file's findings by rule and pattern. Patterns that first come after 10,000 others are not counted."""

    file: str
    _by_pattern: dict[tuple[int, str], _Group] = field(default_factory=dict)

    def add(self, told: DescribedFindings) -> None:
        """Count a block's findings."""
        encoded = told.patterns.dictionary_encode()
        patterns = encoded.dictionary.to_pylist()
        key = told.codes.astype(np.int64) * len(patterns) + encoded.indices.to_numpy()
        _, first, counts = np.unique(key, return_index=True, return_counts=True)
        order = np.argsort(first)
        for place, count in zip(first[order].tolist(), counts[order].tolist(), strict=True):
            code = int(told.codes[place])
            self._add(code, patterns[int(key[place]) % len(patterns)], count, told.batch, place)

    def _add(self, code: int, pattern: str, count: int, batch: pa.RecordBatch, place: int) -> None:
        group = self._by_pattern.get((code, pattern))
        if group is not None:
            group.count += count
        elif len(self._by_pattern) < _COUNTED:
            column = "call_purpose" if ROW_RULES[code].startswith("PUR") else "phone_number"
            example, suggestion = batch[column][place].as_py(), batch["suggestion"][place].as_py()
            self._by_pattern[code, pattern] = _Group(count, example, suggestion)

    def largest(self) -> tuple[RepairGroup, ...]:
        """The largest groups of each rule, by rule, then by size."""
        kept: list[RepairGroup] = []
        for code in sorted({code for code, _ in self._by_pattern}):
            groups = [(pattern, group) for (each, pattern), group in self._by_pattern.items() if each == code]
            groups.sort(key=lambda item: (-item[1].count, item[0]))
            kept += [self._group(code, pattern, group) for pattern, group in groups[:_KEPT]]
        return tuple(kept)

    def _group(self, code: int, pattern: str, group: _Group) -> RepairGroup:
        return RepairGroup(
            rule=ROW_RULES[code],
            file=self.file,
            pattern=pattern,
            count=group.count,
            example=group.example,
            suggestion=group.suggestion,
        )
