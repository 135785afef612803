"""`submissions`: list them, decide on held ones, and judge archived ones again."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from flows.cli.output import format_count, is_narrow, print_json, print_line, print_table
from flows.cli.session import AsJson, current_user, open_change_session, open_session, require_known_business
from flows.errors import LaunchdropError

if TYPE_CHECKING:
    from flows.ledger.core.engine import Row

app = typer.Typer(name="submissions", help="List submissions, or decide on one.", invoke_without_command=True)

#: Separates a submission's id from its drop on a terminal too narrow for both on one line.
LINE_BREAK = "\n  "

#: Submissions listed on a terminal. --json prints all.
MAX_LISTED = 50

SubmissionId = Annotated[str, typer.Argument(metavar="ID", help="As shown by `launchdrop submissions`.")]
SubmissionIds = Annotated[list[str], typer.Argument(metavar="ID", help="As shown by `launchdrop submissions --held`.")]


@app.callback()
def list_submissions_command(
    context: typer.Context,
    business: Annotated[str | None, typer.Option(metavar="B", help="Only this business's.")] = None,
    held: Annotated[bool, typer.Option("--held", help="Only those that wait for your decision.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print all of them as a JSON array.")] = False,
) -> None:
    """List submissions, newest first."""
    if context.invoked_subcommand is not None:
        return
    from flows.ledger.read.page_queries import list_held_submissions, list_submissions

    with open_session() as services, services.ledger.read() as conn:
        limit = None if as_json else MAX_LISTED + 1
        if held:
            rows = list_held_submissions(conn, business_id=business)[::-1][:limit]
        else:
            rows = list_submissions(conn, business_id=business, limit=limit)
        if not rows:
            require_known_business(services, business)
        reports = services.settings.reports
    if as_json:
        print_json([_row(row, reports) for row in reversed(rows)])
        return
    columns = "Submission", "Verdict", "Valid", "Rejected"
    print_table(columns, map(_cells, rows[:MAX_LISTED]), right=("Valid", "Rejected"), no_wrap=("Verdict",))
    if len(rows) > MAX_LISTED:
        print_line(f"These are the newest {MAX_LISTED}. --json prints all.")


@app.command("release")
def release_submission_command(submissions: SubmissionIds) -> None:
    """Accept held submissions, or judge them again.

    They are accepted as they were judged. Only one that was held because other businesses have many of its numbers is
    judged again: its business learns which, and it may be rejected.
    """
    from flows.registration.rerun import release_submission

    with open_change_session() as services:
        for submission in submissions:
            registered = release_submission(services, submission, by=current_user())
            if registered.submission != submission:
                print_line(f"{submission} was judged again as {registered.submission}; see its report.")
            else:
                print_line(f"{submission} is accepted as revision {registered.revision}.")


@app.command("reject")
def reject_submission_command(
    submissions: SubmissionIds,
    reason: Annotated[
        str, typer.Option(help="The reason. The business sees it, and corrects what it says.")
    ] = "none given; ask the operator what to change",
) -> None:
    """Reject held submissions."""
    from flows.ledger.programs.register import reject_held_submission

    if not reason.strip():
        raise LaunchdropError("--reason: expected what the business must correct")
    with open_change_session() as services, services.ledger.begin() as conn:
        for submission in submissions:
            reject_held_submission(conn, submission, by=current_user(), reason=reason, now=services.clock())
    for submission in submissions:
        print_line(f"{submission} is rejected.")


@app.command("retake")
def retake_command(submission: SubmissionId) -> None:
    """Judge an archived submission again and register the result.

    It is judged as if it were dropped now, and gets a new id.
    """
    from flows.registration.rerun import retake_submission

    with open_change_session() as services:
        result = retake_submission(services, submission, by=current_user())
    assert result.judgment is not None
    print_line(
        f"{submission} was judged again as {result.registered.submission}: {result.judgment.verdict.replace('_', ' ')}."
    )


@app.command("replay")
def replay_command(submission: SubmissionId, as_json: AsJson = False) -> None:
    """Judge an archived submission again and print what would change.

    Registers nothing.
    """
    from flows.registration.rerun import replay_submission

    with open_session() as services:
        changes = replay_submission(services, submission)
    if as_json:
        print_json([{"what": c.what, "before": c.before, "now": c.now} for c in changes])
    elif not changes:
        print_line("Nothing would change.")
    else:
        print_table(("What", "Before", "Now"), ((c.what, str(c.before), str(c.now)) for c in changes))


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
    name = f"{row.id}{LINE_BREAK if is_narrow() else '  '}{row.business}/{row.drop}"
    return [name, verdict, format_count(counts["accepted"]), format_count(counts["rejected"])]
