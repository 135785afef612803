"""Judging an archived submission again: to register it anew, or only to see what would change."""

from dataclasses import dataclass
from typing import Any

from flows.archive.submissions import open_again, open_drop, verified
from flows.ledger.core.engine import Row
from flows.ledger.intake.submissions import Registration, choose_submission_id
from flows.ledger.programs.register import register_submission
from flows.ledger.read.page_queries import get_submission
from flows.registration.drop import Took, keep_judgment, logo_taken
from flows.services import Services
from flows.stores import StoreError
from flows.validation.drop import judge_drop
from flows.validation.scratch import spill_files
from schemas.model.drop import Drop
from schemas.model.judgment import Judgment


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Something that judging again sees differently."""

    what: str
    before: Any
    now: Any


def retake(services: Services, submission: str) -> Took:
    """Judge it again as if it were dropped now, and register it under an id of its own.

    Raises LedgerError where there is none, StoreError where its bytes are not there as they were taken.
    """
    with services.ledger.read() as conn:
        row = get_submission(conn, submission)
        now = services.clock()
        new = choose_submission_id(conn, row.business, row.drop, now, row.digest)
    with spill_files() as open_spill:
        _as_taken(services, row)
        judgment = judge_drop(services, open_again(services.archive, row.business, submission, as_=new), open_spill)
        registration = Registration(
            submission=new,
            business=row.business,
            drop=row.drop,
            digest=row.digest,
            received_at=now,
            archive=row.archive,
            judgment=judgment,
            logo=logo_taken(judgment),
            retake_of=submission,
        )
        keep_judgment(services, registration)
        with services.ledger.begin() as conn:
            registered = register_submission(conn, registration, now)
    return Took(business=row.business, drop=row.drop, registered=registered, judgment=judgment)


def replay(services: Services, submission: str) -> list[Change]:
    """Judge it again, register nothing; what came out differently than it was judged then."""
    with services.ledger.read() as conn:
        row = get_submission(conn, submission)
    with spill_files() as open_spill:
        return _changes(row, judge_drop(services, _as_taken(services, row), open_spill))


def _as_taken(services: Services, row: Row[Any]) -> Drop:
    """The drop from the archive, seen to be what was hashed when it was taken. Raises StoreError."""
    drop = open_drop(services.archive, row.business, row.id)
    if not verified(drop):
        raise StoreError(f"the archive of {row.id} is not what was taken any more: restore it from a backup")
    return drop


def _changes(row: Row[Any], judgment: Judgment) -> list[Change]:
    then = {"verdict": row.judged, **row.counts, **row.totals}
    counts = judgment.counts
    now = {
        "verdict": judgment.verdict,
        **{name: getattr(counts, name) for name in ("read", "accepted", "rejected", "ignored")},
        **{total.id: total.count for total in judgment.totals},
    }
    names = [*now, *(name for name in then if name not in now)]
    return [
        Change(what=name, before=then.get(name, 0), now=now.get(name, 0))
        for name in names
        if then.get(name, 0) != now.get(name, 0)
    ]
