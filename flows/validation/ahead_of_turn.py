"""Judging ahead of a drop's turn: what judging was told is kept, and asked again when the turn comes.

A judgment is the function of the drop and of what is known. Whoever registers one that was made earlier asks the same
questions again: where each answer is the same, so is the judgment; where one is not, it is judged anew.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from flows.ledger.core.bulk import merge_blocks
from flows.ledger.core.errors import Outdated
from flows.services import Services
from flows.validation.context import what_is_known
from flows.validation.drop import judge_drop, manifest_of
from flows.validation.scratch import OpenSpillFile
from schemas.model.business import Business
from schemas.model.drop import Claims, Conflict, Drop, Known, Program
from schemas.model.judgment import Judgment, Numbers
from schemas.model.manifest import Manifest

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True, slots=True)
class AcceptedNumbers:
    """The accepted numbers of a judgment whose other rows are in its files already."""

    numbers: np.ndarray
    purposes: np.ndarray

    def accepted(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        yield self.numbers, self.purposes

    def rejections(self) -> "Iterator[pa.RecordBatch]":
        raise NotImplementedError("they are in rejections.csv")

    def rejected_records(self) -> Iterator[bytes]:
        raise NotImplementedError("they are in rejected.csv")


@dataclass(slots=True)
class Answers:
    """What judging was told of all that others may change meanwhile."""

    business: Business | None = None
    program: Program | None = None
    conflicts: list[tuple[np.ndarray, Mapping[int, Conflict]]] = field(default_factory=list)
    images: dict[str, str | None] = field(default_factory=dict)
    removed: list[int] = field(default_factory=list)

    def listen(self, known: Known) -> Known:
        """The same as known, with each answer written down as it is given."""
        self.business, self.program = known.business, known.program
        count = known.removed_by_replace
        return replace(
            known,
            claims=_Overheard(known.claims, self) if known.claims else None,
            gallery=partial(self._image, known.gallery),
            removed_by_replace=partial(self._removed, count) if count else None,
        )

    def hold(self, known: Known, rows: Numbers) -> bool:
        """Whether all would be told the same now."""
        if (self.business, self.program) != (known.business, known.program):
            return False
        if any(_print(known.gallery(name)) != image for name, image in self.images.items()):
            return False
        if self.removed and (known.removed_by_replace is None or known.removed_by_replace(rows) != self.removed[-1]):
            return False
        claims = known.claims
        return claims is None or all(claims.conflicts(asked) == found for asked, found in self.conflicts)

    def _image(self, gallery: Callable[[str], bytes | None], name: str) -> bytes | None:
        content = gallery(name)
        self.images[name] = _print(content)
        return content

    def _removed(self, count: Callable[[Numbers], int], rows: Numbers) -> int:
        self.removed.append(count(rows))
        return self.removed[-1]


@dataclass(frozen=True, slots=True)
class _Overheard:
    claims: Claims
    answers: Answers

    def conflicts(self, numbers: np.ndarray) -> Mapping[int, Conflict]:
        found = self.claims.conflicts(numbers)
        self.answers.conflicts.append((numbers, found))
        return found


def _print(content: bytes | None) -> str | None:
    return None if content is None else hashlib.sha256(content).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Ahead:
    """A judgment made ahead of its turn; of its rows it has the accepted numbers. `manifest` says what was asked."""

    business: str
    manifest: Manifest | None
    judgment: Judgment
    answers: Answers


def judge_ahead(services: Services, drop: Drop, open_spill: OpenSpillFile, keep: Callable[[Judgment], object]) -> Ahead:
    """Judge a drop now, for its turn later; `keep` is called with the judgment while all of its rows are there."""
    answers = Answers()
    judgment = judge_drop(services, drop, open_spill, told=answers.listen)
    keep(judgment)
    return Ahead(
        business=drop.business or "",
        manifest=manifest_of(services, drop),
        judgment=replace(judgment, numbers=AcceptedNumbers(*merge_blocks(judgment.numbers.accepted()))),
        answers=answers,
    )


def check_ahead(services: Services, ahead: Ahead) -> None:
    """Raises Outdated where judging would be told something else now."""
    known = what_is_known(services, ahead.business, ahead.manifest)
    if not ahead.answers.hold(known, ahead.judgment.numbers):
        raise Outdated("what was judged ahead of its turn was overtaken")
