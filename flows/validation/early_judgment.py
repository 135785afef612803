"""Judges drops before their turn, on workers, and checks at their turn whether the judgment still holds.

A judgment depends on the drop and on what the operator and the ledger know. The early judgment records which questions
were asked and what the answers were. When the drop's turn comes, the same questions are asked again. If an answer has
changed, the drop is judged again.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from flows.ledger.core.bulk import NumberBlock, merge_blocks
from flows.ledger.core.errors import Outdated
from flows.services import Services
from flows.validation.answer_limit import WrapContext, judge_within_limit
from flows.validation.drop import judge_archived_drop, read_judging_context, read_manifest
from flows.validation.quota import hold_above_quota
from schemas.model.area_codes import AreaCodeList
from schemas.model.business import Business
from schemas.model.callbacks import OpenSpillFile
from schemas.model.drop import Drop
from schemas.model.judging_context import (
    ExistingProgram,
    JudgingContext,
    NumberClaims,
    NumberConflict,
    PreviousSubmission,
    ReadPurposes,
)
from schemas.model.judgment import JudgedNumbers, Judgment
from schemas.model.manifest import Manifest

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True, slots=True)
class AcceptedNumbers:
    """The accepted numbers of a judgment whose rejected rows have been written to its files already."""

    numbers: np.ndarray
    purposes: np.ndarray

    def accepted(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        yield self.numbers, self.purposes

    def rejections(self) -> "Iterator[pa.RecordBatch]":
        raise NotImplementedError("they are in rejections.csv")

    def rejected_records(self) -> Iterator[bytes]:
        raise NotImplementedError("they are in rejected.csv")


@dataclass(slots=True)
class RecordedAnswers:
    """What judging asked about things that other processes may change, and the answers it got."""

    business: Business | None = None
    program: ExistingProgram | None = None
    area_codes: AreaCodeList | None = None
    previous: PreviousSubmission | None = None
    conflicts: list[tuple[np.ndarray, Mapping[int, NumberConflict]]] = field(default_factory=list)
    logo_hashes: dict[str, str | None] = field(default_factory=dict)
    removed_counts: list[int] = field(default_factory=list)
    purposes: list[tuple[np.ndarray, NumberBlock]] = field(default_factory=list)

    def clear(self) -> None:
        """Forget the answers, because the drop is judged once more."""
        self.conflicts.clear()
        self.logo_hashes.clear()
        self.removed_counts.clear()
        self.purposes.clear()

    def record_from(self, context: JudgingContext) -> JudgingContext:
        """The same context, but its answers are recorded here as it gives them."""
        self.business, self.program, self.area_codes = context.business, context.program, context.area_codes
        self.previous = replace(context.previous, open=None) if context.previous else None
        count = context.count_removed_by_replace
        return replace(
            context,
            claims=_RecordingClaims(context.claims, self) if context.claims else None,
            gallery=partial(self._record_logo, context.gallery),
            count_removed_by_replace=partial(self._record_removed, count) if count else None,
            read_purposes=partial(self._record_purposes, context.read_purposes) if context.read_purposes else None,
        )

    def match(self, context: JudgingContext, numbers: JudgedNumbers) -> bool:
        """Whether this context gives the same answers. `numbers` are those that were judged."""
        known = (context.business, context.program, context.area_codes)
        if (self.business, self.program, self.area_codes) != known:
            return False
        if not _is_same_previous(self.previous, context.previous):
            return False
        if any(_hash_logo(context.gallery(name)) != sha256 for name, sha256 in self.logo_hashes.items()):
            return False
        count = context.count_removed_by_replace
        if self.removed_counts and (count is None or count(numbers) != self.removed_counts[-1]):
            return False
        if context.read_purposes and not all(
            _is_same_block(context.read_purposes(asked), found) for asked, found in self.purposes
        ):
            return False
        claims = context.claims
        return claims is None or all(claims.find_conflicts(asked) == found for asked, found in self.conflicts)

    def _record_logo(self, gallery: Callable[[str], bytes | None], name: str) -> bytes | None:
        content = gallery(name)
        self.logo_hashes[name] = _hash_logo(content)
        return content

    def _record_removed(self, count: Callable[[JudgedNumbers], int], numbers: JudgedNumbers) -> int:
        self.removed_counts.append(count(numbers))
        return self.removed_counts[-1]

    def _record_purposes(self, read: ReadPurposes, numbers: np.ndarray) -> NumberBlock:
        found = read(numbers)
        self.purposes.append((numbers, found))
        return found


@dataclass(frozen=True, slots=True)
class _RecordingClaims:
    claims: NumberClaims
    answers: RecordedAnswers

    def find_conflicts(self, numbers: np.ndarray) -> Mapping[int, NumberConflict]:
        found = self.claims.find_conflicts(numbers)
        self.answers.conflicts.append((numbers, found))
        return found


def _is_same_previous(judged: PreviousSubmission | None, now: PreviousSubmission | None) -> bool:
    """Whether these are the same submission, and the program has still none of its suspect numbers."""
    if judged is None or now is None:
        return judged is now
    return judged.id == now.id and np.array_equal(judged.suspects, now.suspects)


def _is_same_block(one: NumberBlock, other: NumberBlock) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def _hash_logo(content: bytes | None) -> str | None:
    return None if content is None else hashlib.sha256(content).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class EarlyJudgment:
    """A judgment made before the drop's turn, and the answers it is based on.

    The judgment has no rows but the accepted numbers. `manifest` is None if it cannot be read.
    """

    business: str
    submission: str
    manifest: Manifest | None
    judgment: Judgment
    answers: RecordedAnswers


def judge_early(
    services: Services,
    drop: Drop,
    open_spill: OpenSpillFile,
    write_rows: Callable[[Judgment], object],
    *,
    name: str,
    digest: str,
    submission: str,
) -> EarlyJudgment:
    """Judge a drop before its turn. `write_rows` gets the judgment while all of its rows can still be read."""
    answers = RecordedAnswers()

    def judge(wrap: WrapContext) -> Judgment:
        answers.clear()
        return judge_archived_drop(
            services,
            drop,
            open_spill,
            submission=submission,
            wrap_context=lambda context: answers.record_from(wrap(context)),
        )

    judgment = judge_within_limit(services, drop.business or "", name, digest, judge)
    judgment = hold_above_quota(services, drop, judgment)
    write_rows(judgment)
    return EarlyJudgment(
        business=drop.business or "",
        submission=submission,
        manifest=read_manifest(services, drop),
        judgment=replace(
            judgment,
            numbers=AcceptedNumbers(*merge_blocks(judgment.numbers.accepted())),
            open_rejections=None,
        ),
        answers=answers,
    )


def check_early_judgment(services: Services, early: EarlyJudgment) -> None:
    """Raise Outdated if the drop might be judged differently now."""
    context = read_judging_context(services, early.business, early.manifest, apart_from=early.submission)
    if not early.answers.match(context, early.judgment.numbers):
        raise Outdated("the ledger, the business or the operator's files have changed since the drop was judged")
