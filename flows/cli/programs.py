"""`programs` and `show`: list programs, or show one with its history."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any
from zoneinfo import ZoneInfo

import typer

from flows.cli.output import format_count, print_json, print_line, print_table
from flows.cli.session import AsJson, ProgramName, open_session, require_known_business, split_program_name
from flows.errors import LaunchdropError

if TYPE_CHECKING:
    from flows.ledger.core.engine import Row
    from flows.ledger.read.page_queries import ProgramRow

#: Reasons for refused numbers that `show` lists.
MAX_REFUSAL_REASONS = 20

app = typer.Typer()


@app.command("programs")
def programs_command(
    business: Annotated[str | None, typer.Option(metavar="B", help="Only this business's.")] = None,
    as_json: AsJson = False,
) -> None:
    """List programs with their state and numbers."""
    from flows.ledger.read import page_queries

    with open_session() as services, services.ledger.read() as conn:
        found = page_queries.list_programs(conn, business_id=business)
        if not found:
            require_known_business(services, business)
    if as_json:
        print_json([_row(p) for p in found])
        return
    columns = "Program", "Rev", "State", "Starts (UTC)", "Live", "Pending"
    print_table(columns, map(_cells, found), right=("Rev", "Live", "Pending"), no_wrap=("State", "Starts (UTC)"))


@app.command("show")
def show_command(program: ProgramName, as_json: AsJson = False) -> None:
    """Show one program: its current state and its history."""
    from flows.ledger.read import page_queries

    business, reference = split_program_name(program)
    with open_session() as services, services.ledger.read() as conn:
        found = page_queries.list_programs(conn, business_id=business, reference=reference)
        history = page_queries.list_transitions(conn, business, reference)
        refusals = {
            p.reference: page_queries.count_refusals_by_reason(conn, business, p.reference, limit=MAX_REFUSAL_REASONS)
            for p in found
            if p.refused
        }
    if not found and not history:
        raise LaunchdropError(f"no program {program}; `launchdrop programs` lists them")
    if as_json:
        print_json([_row_with_history(p, refusals.get(p.reference, []), history) for p in found])
        return
    for p in found:
        _print_program(p, refusals.get(p.reference, []))
    print_line("\nHistory (UTC)")
    for row in history:
        print_line(_transition_line(row))


def _row_with_history(p: "ProgramRow", refusals: list[tuple[str, int]], history: "list[Row[Any]]") -> dict[str, Any]:
    refused = [{"reason": reason, "numbers": n} for reason, n in refusals]
    return _row(p) | {"refused": refused, "history": [_transition(row) for row in history]}


def _print_program(p: "ProgramRow", refusals: list[tuple[str, int]]) -> None:
    print_line(f"{p.business}/{p.reference}: {p.name or ''}")
    print_line(f"  state      {p.state}, revision {p.revision}" + (f": {p.reason}" if p.reason else ""))
    print_line(f"  branding   {p.branding.replace('_', ' ')}")
    print_line(f"  starts     {_local(p.start, p.timezone)}")
    print_line(f"  ends       {_local(p.end, p.timezone)}")
    live, pending, refused = map(format_count, (p.live, p.pending, p.refused))
    print_line(f"  numbers    {live} live, {pending} pending, {refused} refused")
    for reason, n in refusals:
        print_line(f"  refused    {format_count(n)}: {reason}")
    if p.live:
        print_line("  Live with the carrier. Phone networks take minutes to days to show the name.")


def _local(instant: datetime | None, timezone: str) -> str:
    return f"{instant.astimezone(ZoneInfo(timezone)):%Y-%m-%d %H:%M} {timezone}" if instant else "not set"


def _utc(instant: datetime | None) -> str | None:
    from reports.json_documents import format_utc

    return format_utc(instant) if instant else None


def _row(p: "ProgramRow") -> dict[str, Any]:
    return {
        "business": p.business,
        "reference": p.reference,
        "revision": p.revision,
        "state": p.state,
        "branding": p.branding,
        "start": _utc(p.start),
        "end": _utc(p.end),
        "numbers": {"live": p.live, "pending": p.pending, "refused": p.refused},
    }


def _cells(p: "ProgramRow") -> list[str]:
    start = f"{p.start:%Y-%m-%d %H:%M}" if p.start else ""
    # Branding is listed only if it needs attention.
    state = f"{p.state}, {p.branding.replace('_', ' ')}" if p.branding in ("in_review", "rejected") else p.state or ""
    return [f"{p.business}/{p.reference}", str(p.revision), state, start, format_count(p.live), format_count(p.pending)]


def _transition(row: "Row[Any]") -> dict[str, Any]:
    names = "revision", "thing", "before", "after", "cause", "by"
    return {"at": _utc(row.at)} | {name: getattr(row, name) for name in names}


def _transition_line(row: "Row[Any]") -> str:
    """`2026-11-23 09:26:03  revision 1: scheduled → live: start time reached (launchdrop)`."""
    what = row.thing if row.revision is None else f"{row.thing} {row.revision}"
    moved = f"{row.before} → {row.after}" if row.before else row.after
    return f"  {row.at:%Y-%m-%d %H:%M:%S}  {what}: {moved.replace('_', ' ')}: {row.cause} ({row.by})"
