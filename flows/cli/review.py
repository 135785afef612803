"""`review`: approve or reject custom display names and logos."""

from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from flows.cli.output import format_count, print_json, print_line, print_table
from flows.cli.session import AsJson, current_user, open_change_session, open_session, require_known_business
from flows.errors import LaunchdropError

if TYPE_CHECKING:
    from flows.ledger.programs.reviews import Review

app = typer.Typer(name="review", help="Review custom display names and logos.", no_args_is_help=True)

#: `max` is the largest integer a database column takes.
ReviewIds = Annotated[
    list[int] | None, typer.Argument(metavar="ID", min=1, max=2**63 - 1, help="As shown by `review list`.")
]
AllOfBusiness = Annotated[
    str | None, typer.Option("--business", metavar="B", help="Instead of IDs: everything of this business.")
]
Confirmed = Annotated[bool, typer.Option("--yes", help="Do not ask before deciding on everything of a business.")]


@app.command("list")
def list_reviews_command(
    business: Annotated[str | None, typer.Option(metavar="B", help="Only this business's.")] = None,
    as_json: AsJson = False,
) -> None:
    """List what is waiting for review, oldest first.

    The column Warnings has what the rules found.
    """
    from flows.ledger.programs.reviews import list_open_reviews

    with open_session() as services, services.ledger.read() as conn:
        waiting = list_open_reviews(conn, business=business)
        if not waiting:
            require_known_business(services, business)
    if as_json:
        print_json([_row(review) for review in waiting])
    elif not waiting:
        print_line("Nothing is waiting for review.")
    else:
        rows = ((str(r.id), r.business, _subject(r), "; ".join(m for _, m in r.review_findings)) for r in waiting)
        print_table(("ID", "Business", "Name or logo", "Warnings"), rows, right=("ID",))
        print_line("To decide: launchdrop review approve ID…, or review reject ID… --reason TEXT")


@app.command("approve")
def approve_review_command(reviews: ReviewIds = None, business: AllOfBusiness = None, yes: Confirmed = False) -> None:
    """Approve display names and logos.

    The business can then use them without another review. Programs that were waiting for them are branded.
    """
    _decide_all(reviews or [], business, approve=True, reason=None, confirmed=yes)


@app.command("reject")
def reject_review_command(
    reviews: ReviewIds = None,
    reason: Annotated[str | None, typer.Option(help="The reason. The business sees it.")] = None,
    business: AllOfBusiness = None,
    yes: Confirmed = False,
) -> None:
    """Reject display names and logos.

    Their programs stay unbranded.
    """
    _decide_all(reviews or [], business, approve=False, reason=reason, confirmed=yes)


def _decide_all(ids: list[int], business: str | None, *, approve: bool, reason: str | None, confirmed: bool) -> None:
    """Decide on these reviews, or on all of a business. If one of them does not exist, nothing is decided."""
    from flows.ledger.programs.reviews import decide_review, list_open_reviews

    if bool(ids) == bool(business):
        raise LaunchdropError("expected the IDs of reviews, or --business; `launchdrop review list` shows them")
    with open_change_session() as services:
        if business:
            with services.ledger.read() as conn:
                ids = [review.id for review in list_open_reviews(conn, business=business)]
            _confirm(len(ids), business, approve=approve, confirmed=confirmed)
        with services.ledger.begin() as conn:
            decide = partial(decide_review, approve=approve, by=current_user(), reason=reason, now=services.clock())
            decisions = [decide(conn, review) for review in ids]
    for decided in decisions:
        print_line(f"{_subject(decided.review)} of {decided.review.business}: {'approved' if approve else 'rejected'}.")
        for owner, reference in decided.programs:
            print_line(f"  {owner}/{reference}")


def _confirm(count: int, business: str, *, approve: bool, confirmed: bool) -> None:
    if not count:
        raise LaunchdropError(f"nothing of {business} is waiting for review")
    if not confirmed:
        typer.confirm(f"{'Approve' if approve else 'Reject'} {format_count(count)} of {business}?", abort=True)


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
