"""Judges an archived submission again, to register the result (`retake`) or to show what would change (`replay`)."""

from dataclasses import dataclass
from functools import partial
from typing import Any

from flows.archive.submissions import is_intact, open_archived_drop, open_under_new_id
from flows.ledger.core.engine import Row
from flows.ledger.core.transitions import LAUNCHDROP
from flows.ledger.intake.submissions import (
    Registration,
    RegistrationResult,
    choose_submission_id,
    get_held_submission,
)
from flows.ledger.programs.contested_numbers import forget_inquiry
from flows.ledger.programs.register import (
    register_submission,
    release_held_submission,
    replace_retaken_submission,
)
from flows.ledger.read.page_queries import get_submission
from flows.registration.drop import (
    DropResult,
    require_same_previous,
    submitted_logo,
    write_judged_files_durably,
)
from flows.services import Services
from flows.stores import StoreError
from flows.validation.answer_limit import judge_without_limit
from flows.validation.drop import judge_archived_drop
from flows.validation.spill_files import open_spill_files
from schemas.model.drop import Drop
from schemas.model.judgment import Judgment


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayChange:
    """Something that comes out differently now: the verdict, a count of rows, or the count of a rule."""

    what: str
    before: Any
    now: Any


def release_submission(services: Services, submission: str, *, by: str) -> RegistrationResult:
    """Accept a held submission as it was judged. One that was held without answers is judged again, with them.

    Raises as `release_held_submission` and `retake_submission` do.
    """
    with services.ledger.begin() as conn:
        if get_held_submission(conn, submission).unanswered is None:
            return release_held_submission(conn, submission, by=by, now=services.clock())
    return retake_submission(services, submission, by=by).registered


def retake_submission(services: Services, submission: str, *, by: str = LAUNCHDROP) -> DropResult:
    """Judge a submission as if it were dropped now, and register it under a new id.

    The limit on answers about other businesses' numbers does not apply, because the operator asked for it. The
    audit log says `by` whom, if the submission was held without answers. Raises LedgerError if there is no such
    submission, and StoreError if its archived files are missing or damaged.
    """
    with services.ledger.read() as conn:
        row = get_submission(conn, submission)
        now = services.clock()
        new_id = choose_submission_id(conn, row.business, row.drop, now, row.digest)
    _open_intact_drop(services, row)
    drop = open_under_new_id(services.archive, row.business, submission, new_id=new_id)
    with open_spill_files() as open_spill:
        judge = partial(judge_archived_drop, services, drop, open_spill, submission=submission)
        judgment = judge_without_limit(
            services, row.business, row.drop, row.digest, lambda wrap: judge(wrap_context=wrap)
        )
        registration = Registration(
            submission=new_id,
            business=row.business,
            drop=row.drop,
            digest=row.digest,
            received_at=now,
            archive=row.archive,
            judgment=judgment,
            logo=submitted_logo(judgment),
            retake_of=submission,
        )
        write_judged_files_durably(services, registration)
        with services.ledger.begin() as conn:
            require_same_previous(conn, registration)
            if row.unanswered is not None:  # it is decided, also if it is rejected now
                forget_inquiry(conn, row.business, row.digest)
                replace_retaken_submission(conn, registration, by=by, now=now)
            registered = register_submission(conn, registration, now)
    return DropResult(business=row.business, drop=row.drop, registered=registered, judgment=judgment)


def replay_submission(services: Services, submission: str) -> list[ReplayChange]:
    """Judge a submission again and return what has changed. Registers nothing. Raises as `retake_submission` does."""
    with services.ledger.read() as conn:
        row = get_submission(conn, submission)
    drop = _open_intact_drop(services, row)
    with open_spill_files() as open_spill:
        return _list_changes(row, judge_archived_drop(services, drop, open_spill, submission=submission))


def _open_intact_drop(services: Services, row: Row[Any]) -> Drop:
    """The archived drop. Raises StoreError if a file no longer has the hash that it had when it was taken."""
    drop = open_archived_drop(services.archive, row.business, row.id)
    if not is_intact(drop):
        raise StoreError(f"the archived files of {row.id} have changed since they were taken: restore a backup")
    return drop


def _list_changes(row: Row[Any], judgment: Judgment) -> list[ReplayChange]:
    counts = judgment.counts
    before = {"verdict": row.judged, **row.counts, **row.totals}
    now = {
        "verdict": judgment.verdict,
        **{name: getattr(counts, name) for name in ("read", "accepted", "rejected", "ignored")},
        **{total.id: total.count for total in judgment.totals},
    }
    return [
        ReplayChange(what=name, before=before.get(name, 0), now=now.get(name, 0))
        for name in dict.fromkeys((*now, *before))
        if before.get(name, 0) != now.get(name, 0)
    ]
