"""`review`: custom display names and logos that wait for a decision."""

from typing import TYPE_CHECKING, Annotated

import typer

from flows.cli.output import print_json, print_table, print_line
from flows.cli.session import open_change_session, utc_now, open_session, current_user

if TYPE_CHECKING:
    from flows.ledger.programs.reviews import Review

app = typer.Typer(name="review", help="Custom display names and logos waiting for review.", no_args_is_help=True)

#: As large as a database counts.
Id = Annotated[int, typer.Argument(metavar="ID", min=1, max=2**63 - 1, help="From `review list`.")]


@app.command("list")
def list_(as_json: Annotated[bool, typer.Option("--json", help="As a JSON array.")] = False) -> None:
    """What waits, longest first, with what the rules noticed."""
    from flows.ledger.programs.reviews import queue

    with open_session() as services, services.ledger.read() as conn:
        waiting = queue(conn)
    if as_json:
        print_json([_row(review) for review in waiting])
    elif not waiting:
        print_line("Nothing waits for review.")
    else:
        rows = ((str(r.id), r.business, _what(r), "; ".join(m for _, m in r.noticed)) for r in waiting)
        print_table(("Id", "Business", "What", "The rules noticed"), rows, right=("Id",))
        print_line("Decide with: launchdrop review approve ID, or reject ID --reason TEXT")


@app.command()
def approve(review: Id) -> None:
    """Approve one: it is the business's from then on, and its programs are branded."""
    _decide(review, approve=True, reason=None)


@app.command()
def reject(
    review: Id,
    reason: Annotated[str | None, typer.Option(help="Why; the business reads it.")] = None,
) -> None:
    """Reject one: its programs stay unbranded."""
    _decide(review, approve=False, reason=reason)


def _decide(review: int, *, approve: bool, reason: str | None) -> None:
    from flows.ledger.programs.reviews import decide

    with open_change_session() as services, services.ledger.begin() as conn:
        decided = decide(conn, review, approve=approve, by=current_user(), reason=reason, now=utc_now())
    print_line(f"{_what(decided.review)} of {decided.review.business}: {'approved' if approve else 'rejected'}.")
    for business, reference in decided.programs:
        print_line(f"  {business}/{reference}")


def _what(review: "Review") -> str:
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
        "noticed": [{"rule": rule, "message": message} for rule, message in review.noticed],
        "requested_at": format_utc(review.requested_at),
    }
