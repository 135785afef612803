"""Builds what the receipt of a drop says, out of the ledger."""

from collections.abc import Sequence
from typing import Any

from flows.ledger.core.engine import Connection, Row
from flows.ledger.core.transitions import LAUNCHDROP
from flows.ledger.intake.drops import ReportedDrop, find_incomplete_drop
from flows.ledger.intake.submissions import read_reasons
from flows.ledger.programs.contested_numbers import list_released
from flows.ledger.read import page_queries
from reports.formatting import plain_text
from reports.views import OperatorDecision, ReceiptView, RefusedNumber, ReleasedNumber
from schemas.model.judgment import Counts
from schemas.reasons import Reason, Reasons, list_incomplete_reasons

#: How many refused numbers a receipt or report lists.
MAX_REFUSALS = 200
#: The standings of submissions that belong to their program.
_IN_PROGRAM = ("registered", "waiting")
#: Standings that need an explanation of their own: what has become of the submission after it was judged.
_EXPLAINED = ("dismissed", "replaced", "waiting", "lapsed")


def build_receipt_view(conn: Connection, business: str, drop: str) -> ReceiptView | None:
    """The current receipt of a drop. None if the drop was never acknowledged.

    While the drop is incomplete, its receipt says so, even if an earlier content of the drop was taken.
    """
    if (incomplete := find_incomplete_drop(conn, business, drop)) is not None:
        return _build_incomplete_receipt(incomplete)
    receipt = page_queries.find_receipt(conn, business, drop)
    if receipt is None:
        return None
    row = page_queries.get_submission(conn, receipt.submission, business)
    program = find_program_of(conn, row) if row.standing in _IN_PROGRAM else None
    reasons = _list_reasons(row)
    return ReceiptView(
        outcome=receipt.outcome,
        business=business,
        drop=drop,
        received_at=row.received_at,
        submission=row.id,
        reference=row.reference,
        verdict=row.verdict,
        counts=Counts(**row.counts),
        registered=row.counts["accepted"] if (receipt.outcome, row.standing) == ("registered", "registered") else 0,
        reasons=reasons.shown,
        reasons_total=reasons.total,
        decision=_describe_decision(_find_decided(conn, row)),
        state=program.state if program else None,
        branding=program.branding if program else None,
        scheduled_start=program.start if program else None,
        digest=receipt.digest,
        folder=f"../../{row.id}/",
        refused=list_refusals(conn, program),
        refused_total=program.refused if program else 0,
        released=_list_released(conn, receipt, row.reference),
    )


def find_program_of(conn: Connection, submission: Row[Any]) -> page_queries.ProgramRow | None:
    """The program with the reference of a submission; None if there is none."""
    if submission.reference is None:
        return None
    found = page_queries.list_programs(conn, business_id=submission.business, reference=submission.reference)
    return found[0] if found else None


def list_refusals(conn: Connection, program: page_queries.ProgramRow | None) -> list[RefusedNumber]:
    """The first numbers of a program that were refused at launch."""
    if program is None or not program.refused:
        return []
    found = page_queries.list_refused_numbers(conn, program.business, program.reference, limit=MAX_REFUSALS)
    # Not masked: the numbers are the business's own, on its own page, for it to act on.
    return [RefusedNumber(number=f"+1{number}", reason=reason) for number, reason in found]


def _list_released(conn: Connection, receipt: Row[Any], reference: str | None) -> list[ReleasedNumber]:
    """The numbers of the drop or its program that the operator released after the drop was acknowledged."""
    found = list_released(conn, receipt.business, drop=receipt.drop, reference=reference, since=receipt.at)
    return [
        ReleasedNumber(
            number=f"+1{each.number}", was_in_program=each.reference is not None, at=each.at, reason=each.reason
        )
        for each in found
    ]


def _build_incomplete_receipt(drop: ReportedDrop) -> ReceiptView:
    reported = drop.reported
    return ReceiptView(
        outcome="incomplete",
        business=drop.business,
        drop=drop.name,
        received_at=drop.first_seen,
        reference=drop.reference,
        reasons=list_incomplete_reasons(reported.findings),
        reasons_total=reported.errors,
        folder="",
        findings=reported.findings,
        findings_total=reported.total,
    )


def _list_reasons(row: Row[Any]) -> Reasons:
    """Why the submission or rows of it are not in, as things are now."""
    judged = read_reasons(row)
    if row.standing in ("rejected", "held"):
        return judged
    kept_out: Sequence[Reason] = [reason for reason in judged.shown if reason.keeps_rows_out]
    total = judged.total - len(judged.shown) + len(kept_out)
    if row.standing not in _EXPLAINED:
        return Reasons(shown=kept_out, total=total)
    why = f": {row.reason}" if row.standing == "dismissed" and row.reason else "."
    message = plain_text(f"reason_{row.standing}", why=why)
    explained = Reason(message=message, fix=plain_text(f"reason_{row.standing}_fix"))
    return Reasons(shown=[explained, *kept_out], total=total + 1)


def _find_decided(conn: Connection, row: Row[Any]) -> Row[Any]:
    """The submission that the operator decided on: this one, or the held one that was released by judging it again."""
    if row.retake_of is None or row.decided_by is not None or row.standing == "held":
        return row
    original = page_queries.get_submission(conn, row.retake_of, row.business)
    return original if original.standing == "replaced" else row


def _describe_decision(row: Row[Any]) -> OperatorDecision | None:
    """The operator's decision on a held submission; None if there was none."""
    if row.judged != "held" or row.decided_by in (None, LAUNCHDROP):
        return None
    return OperatorDecision(
        what="rejected" if row.standing == "dismissed" else "released",
        who=row.decided_by,
        when=row.decided_at,
        reason=row.reason,
    )
