"""`submissions`: what was taken, and the decisions that only the operator can make."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from flows.cli.output import is_narrow, print_json, print_table, print_line, format_count
from flows.cli.session import open_change_session, utc_now, open_session, current_user

if TYPE_CHECKING:
    from flows.ledger.core.engine import Row

app = typer.Typer(name="submissions", help="What was taken, and deciding on it.", invoke_without_command=True)

#: Where a line is too short for a submission's id and its drop side by side.
NEXT_LINE = "\n  "

#: Submissions listed at a terminal; --json gives all.
LISTED = 50

Id = Annotated[str, typer.Argument(metavar="ID", help="From `launchdrop submissions`.")]
AsJson = Annotated[bool, typer.Option("--json", help="All, as a JSON array.")]


@app.callback()
def list_(context: typer.Context, as_json: AsJson = False) -> None:
    """List submissions, newest first."""
    if context.invoked_subcommand is not None:
        return
    from flows.ledger.read.page_queries import submissions

    with open_session() as services, services.ledger.read() as conn:
        rows = submissions(conn, limit=None if as_json else LISTED + 1)
        reports = services.settings.reports
    if as_json:
        print_json([_row(row, reports) for row in reversed(rows)])
        return
    columns = "Submission", "Verdict", "Passed", "Rejected"
    print_table(columns, map(_cells, rows[:LISTED]), right=("Passed", "Rejected"), whole=("Verdict",))
    if len(rows) > LISTED:
        print_line(f"The newest {LISTED}; --json gives all.")


@app.command()
def release(submission: Id) -> None:
    """Accept a held submission as it was judged."""
    from flows.ledger.programs.register import release as accept

    with open_change_session() as services, services.ledger.begin() as conn:
        registered = accept(conn, submission, by=current_user(), now=utc_now())
    print_line(f"{submission} is accepted as revision {registered.revision}.")


@app.command()
def reject(
    submission: Id, reason: Annotated[str | None, typer.Option(help="Why; the business reads it.")] = None
) -> None:
    """Reject a held submission."""
    from flows.ledger.programs.register import dismiss

    with open_change_session() as services, services.ledger.begin() as conn:
        dismiss(conn, submission, by=current_user(), reason=reason, now=utc_now())
    print_line(f"{submission} is rejected.")


@app.command()
def retake(submission: Id) -> None:
    """Judge an archived submission again, as if it were dropped now, and register it under an id of its own."""
    from flows.registration.rerun import retake as take_again

    with open_change_session() as services:
        took = take_again(services, submission)
    assert took.judgment is not None
    print_line(f"{submission} was judged again as {took.registered.submission}: {took.judgment.verdict.replace('_', ' ')}.")


@app.command()
def replay(submission: Id, as_json: AsJson = False) -> None:
    """Judge an archived submission again and only show what would change; nothing is registered."""
    from flows.registration.rerun import replay as judge_again

    with open_session() as services:
        changes = judge_again(services, submission)
    if as_json:
        print_json([{"what": c.what, "before": c.before, "now": c.now} for c in changes])
    elif not changes:
        print_line("Nothing would change.")
    else:
        print_table(("What", "Then", "Now"), ((c.what, str(c.before), str(c.now)) for c in changes))


def _row(row: "Row[Any]", reports: str) -> dict[str, Any]:
    from reports.json_documents import format_utc

    return {
        "id": row.id,
        "business": row.business,
        "reference": row.reference,
        "drop": row.drop,
        "verdict": row.verdict,
        "received_at": format_utc(row.received_at),
        "report": f"{reports.rstrip('/')}/{row.business}/{row.id}/report.html",
    }


def _cells(row: "Row[Any]") -> list[str]:
    counts = row.counts
    verdict = "held, replaced" if row.standing == "replaced" else row.verdict.replace("_", " ")
    name = f"{row.id}{NEXT_LINE if is_narrow() else '  '}{row.business}/{row.drop}"
    return [name, verdict, format_count(counts["accepted"]), format_count(counts["rejected"])]
