"""The limit on what one business learns about the numbers of others: answers of NUM-022 a day.

Above it, a drop is judged as if no other business had any numbers, and is held. So its report, its counts and its CSVs
do not say which of its numbers others have. The operator can have it judged again with the answers.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from flows.ledger.programs.contested_numbers import Inquiry, may_answer, record_inquiry, remember_asked
from flows.services import Services
from schemas.model.judging_context import JudgingContext, NumberClaims, NumberConflict
from schemas.model.judgment import Judgment

WrapContext = Callable[[JudgingContext], JudgingContext]

#: Why such a drop is held. The business reads it.
HELD_BECAUSE = "other businesses have many of the numbers dropped today, so the operator checks them first"


def judge_within_limit(
    services: Services, business: str, drop: str, digest: str, judge: Callable[[WrapContext], Judgment]
) -> Judgment:
    """Judge a drop, and hold it without answers if its business has had too many of them today.

    Call this before anything about the judgment is written: the answers are counted in the ledger first, so that drops
    that are judged at the same time do not get more of them together. `judge` gets a function to wrap the judging
    context in.
    """
    found = _FoundNumbers()
    judgment = judge(found.collect_from)
    if not found.numbers and not judgment.counts.accepted:
        return judgment
    if _is_answered(services, found.as_inquiry(business, drop, digest)):
        return judgment
    return _hold(judge(_hide_other_businesses), unanswered=len(found.numbers))


def judge_without_limit(
    services: Services, business: str, drop: str, digest: str, judge: Callable[[WrapContext], Judgment]
) -> Judgment:
    """Judge a drop with all answers, because the operator asked for it. Who asked for which number is kept, too."""
    found = _FoundNumbers()
    judgment = judge(found.collect_from)
    if found.numbers:
        with services.ledger.begin() as conn:
            remember_asked(conn, found.as_inquiry(business, drop, digest), now=services.clock())
    return judgment


def _is_answered(services: Services, asked: Inquiry) -> bool:
    limit, now = services.settings.conflicts_per_day, services.clock()
    if len(asked.numbers):
        with services.ledger.begin() as conn:
            return record_inquiry(conn, asked, limit=limit, now=now)
    with services.ledger.read() as conn:  # most drops: nothing to count
        return may_answer(conn, asked, limit=limit, now=now)


def _hold(judgment: Judgment, *, unanswered: int) -> Judgment:
    """The same judgment, held; unless the drop is rejected for what it says about itself."""
    if judgment.verdict == "rejected":
        return judgment
    held_because = (*judgment.held_because, HELD_BECAUSE)
    return replace(judgment, verdict="held", held_because=held_because, unanswered=unanswered)


def _hide_other_businesses(context: JudgingContext) -> JudgingContext:
    return replace(context, claims=_OwnClaims(context.claims)) if context.claims else context


@dataclass(frozen=True, slots=True)
class _OwnClaims:
    """Claims without those of other businesses."""

    claims: NumberClaims

    def find_conflicts(self, numbers: np.ndarray) -> Mapping[int, NumberConflict]:
        found = self.claims.find_conflicts(numbers)
        return {number: conflict for number, conflict in found.items() if conflict.rule != "NUM-022"}


@dataclass(slots=True)
class _FoundNumbers:
    """Collects the numbers of a drop that other businesses have."""

    numbers: set[int] = field(default_factory=set)
    claims: NumberClaims | None = None

    def collect_from(self, context: JudgingContext) -> JudgingContext:
        self.claims = context.claims
        return replace(context, claims=self) if context.claims else context

    def as_inquiry(self, business: str, drop: str, digest: str) -> Inquiry:
        return Inquiry(business=business, drop=drop, digest=digest, numbers=np.array(sorted(self.numbers), np.int64))

    def find_conflicts(self, numbers: np.ndarray) -> Mapping[int, NumberConflict]:
        assert self.claims is not None
        found = self.claims.find_conflicts(numbers)
        self.numbers.update(number for number, conflict in found.items() if conflict.rule == "NUM-022")
        return found
