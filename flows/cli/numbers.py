"""`numbers`: export live numbers for a dialer, show who has a number, and release one by hand."""

import csv
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flows.cli.output import print_json, print_line
from flows.cli.session import AsJson, current_user, open_change_session, open_session, require_known_business

if TYPE_CHECKING:
    from collections.abc import Sequence

    from flows.ledger.core.engine import Row

app = typer.Typer(
    name="numbers", help="Export live numbers for a dialer; show or release a number.", no_args_is_help=True
)

PhoneNumber = Annotated[str, typer.Argument(metavar="NUMBER", help="Such as +15012149020.")]
AsJsonObject = Annotated[bool, typer.Option("--json", help="Print a JSON object.")]

COLUMNS = "phone_number", "call_purpose", "display_name", "shorthand", "business", "reference"


@app.command("export")
def export_numbers_command(
    business: Annotated[str | None, typer.Option(metavar="B", help="Only this business's numbers.")] = None,
    as_json: AsJson = False,
) -> None:
    """Print live numbers as CSV, with call purpose and display name.

    A display name that is not approved yet is left blank.
    """
    from flows.ledger.read.page_queries import stream_live_numbers

    with open_session() as services, services.ledger.read() as conn:
        require_known_business(services, business)
        rows = map(_row, stream_live_numbers(conn, business_id=business))
        if as_json:
            print_json([dict(zip(COLUMNS, row, strict=True)) for row in rows])
            return
        out = csv.writer(sys.stdout, lineterminator="\n")
        out.writerow(COLUMNS)
        out.writerows(rows)


@app.command("release")
def release_number_command(
    number: PhoneNumber,
    reason: Annotated[
        str | None,
        typer.Option(help="Why. The business that had it and those that asked for it see it: do not name them."),
    ] = None,
) -> None:
    """Free a number so that it can be registered again.

    It is removed from its program, at the carrier too. The receipts of that program say so, and those of drops that
    asked for it.
    """
    from flows.ledger.programs.contested_numbers import list_askers
    from flows.ledger.programs.programs import release_number
    from flows.operator_files.do_not_originate import parse_ten_digits

    with open_change_session() as services, services.ledger.begin() as conn:
        wanted = parse_ten_digits(number)
        askers = list_askers(conn, wanted)
        business, reference = release_number(conn, wanted, by=current_user(), now=services.clock(), reason=reason)
    print_line(f"The number is free. It was in {business}/{reference}.")
    for asker in askers:
        print_line(f"  {asker.business}/{asker.drop} asked for it: its receipt says that it is free now.")


@app.command("show")
def show_number_command(number: PhoneNumber, as_json: AsJsonObject = False) -> None:
    """Show which program has a number, and which businesses asked for it in the last 30 days."""
    from flows.ledger.programs.contested_numbers import find_holder, list_askers
    from flows.operator_files.do_not_originate import parse_ten_digits

    with open_session() as services, services.ledger.read() as conn:
        wanted = parse_ten_digits(number)
        holder, askers = find_holder(conn, wanted), list_askers(conn, wanted)
    if as_json:
        print_json(_number_json(wanted, holder, askers))
        return
    if holder is None:
        print_line("No program has this number.")
    else:
        print_line(f"{holder.business}/{holder.reference} ({holder.state}) has it, by submission {holder.submission}.")
    for asker in askers:
        print_line(f"  {asker.business}/{asker.drop} asked for it on {asker.at:%Y-%m-%d}.")


def _number_json(number: int, holder: "Row[Any] | None", askers: "Sequence[Row[Any]]") -> dict[str, object]:
    from reports.json_documents import format_utc

    return {
        "phone_number": f"+1{number}",
        "holder": holder and {"business": holder.business, "reference": holder.reference, "state": holder.state},
        "asked_by": [{"business": a.business, "drop": a.drop, "at": format_utc(a.at)} for a in askers],
    }


def _row(row: "Row[Any]") -> list[str]:
    from schemas.model.purposes import PURPOSES

    name = (row.display or "", row.shorthand or "")
    return [f"+1{row.number}", PURPOSES[row.purpose], *name, row.business, row.reference]
