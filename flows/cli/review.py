"""`review`: approve or reject custom display names and logos."""

from typing import TYPE_CHECKING, Annotated

import typer

from flows.cli.output import print_json, print_line, print_table
from flows.cli.session import AsJson, current_user, open_change_session, open_session

if TYPE_CHECKING:
    from flows.ledger.programs.reviews import Review

app = typer.Typer(name="review", help="Review custom display names and logos.", no_args_is_help=True)

#: `max` is the largest integer a database column takes.
ReviewId = Annotated[int, typer.Argument(metavar="ID", min=1, max=2**63 - 1, help="As shown by `review list`.")]


@app.command("list")
def list_reviews_command(as_json: AsJson = False) -> None:
    """List what is waiting for review, oldest first.

    The column Warnings has what the rules found.
    """
    from flows.ledger.programs.reviews import list_open_reviews

    with open_session() as services, services.ledger.read() as conn:
        waiting = list_open_reviews(conn)
    if as_json:
        print_json([_row(review) for review in waiting])
    elif not waiting:
        print_line("Nothing is waiting for review.")
    else:
        rows = ((str(r.id), r.business, _subject(r), "; ".join(m for _, m in r.review_findings)) for r in waiting)
        print_table(("ID", "Business", "Name or logo", "Warnings"), rows, right=("ID",))
        print_line("To decide: launchdrop review approve ID, or review reject ID --reason TEXT")


@app.command("approve")
def approve_review_command(review: ReviewId) -> None:
    """Approve a display name or logo.

    The business can then use it without another review. Programs that were waiting for it are branded.
    """
    _decide(review, approve=True, reason=None)


@app.command("reject")
def reject_review_command(
    review: ReviewId,
    reason: Annotated[str | None, typer.Option(help="The reason. The business sees it.")] = None,
) -> None:
    """Reject a display name or logo.

    Its programs stay unbranded.
    """
    _decide(review, approve=False, reason=reason)


def _decide(review: int, *, approve: bool, reason: str | None) -> None:
    from flows.ledger.programs.reviews import decide_review

    with open_change_session() as services, services.ledger.begin() as conn:
        decided = decide_review(conn, review, approve=approve, by=current_user(), reason=reason, now=services.clock())
    print_line(f"{_subject(decided.review)} of {decided.review.business}: {'approved' if approve else 'rejected'}.")
    for business, reference in decided.programs:
        print_line(f"  {business}/{reference}")


def _subject(review: "Review") -> str:
    if review.display_name:
        return f'"{review.display_name.display}" / "{review.display_name.shorthand}"'
    return f"logo {review.logo_name or ''} {(review.logo_sha256 or '')[:12]}"


def _row(review: "Review") -> dict[str, object]:
    from reports.json_documents import format_utc

    name = review.display_name
    return {
        "id": review.id,
        "business": review.business,
        "kind": review.kind,
        "display": name.display if name else None,
        "shorthand": name.shorthand if name else None,
        "logo": review.logo_name,
        "sha256": review.logo_sha256,
        "submission": review.submission,
        "noticed": [{"rule": rule, "message": message} for rule, message in review.review_findings],
        "requested_at": format_utc(review.requested_at),
    }
