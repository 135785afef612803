"""`numbers`: export live numbers for a dialer, and release a number by hand."""

import csv
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flows.cli.output import print_json, print_line
from flows.cli.session import AsJson, current_user, open_change_session, open_session
from flows.errors import LaunchdropError

if TYPE_CHECKING:
    from flows.ledger.core.engine import Row

app = typer.Typer(
    name="numbers", help="Export live numbers for a dialer; release a number by hand.", no_args_is_help=True
)

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
    from flows.operator_files.businesses import describe_unknown_business

    with open_session() as services, services.ledger.read() as conn:
        if error := describe_unknown_business(services, business):
            raise LaunchdropError(error)
        rows = map(_row, stream_live_numbers(conn, business_id=business))
        if as_json:
            print_json([dict(zip(COLUMNS, row, strict=True)) for row in rows])
            return
        out = csv.writer(sys.stdout, lineterminator="\n")
        out.writerow(COLUMNS)
        out.writerows(rows)


@app.command("release")
def release_number_command(
    number: Annotated[str, typer.Argument(metavar="NUMBER", help="Such as +15012149020.")],
) -> None:
    """Free a number so that it can be registered again.

    It is removed from its program, at the carrier too.
    """
    from flows.ledger.programs.programs import release_number
    from flows.operator_files.do_not_originate import parse_ten_digits

    with open_change_session() as services, services.ledger.begin() as conn:
        business, reference = release_number(conn, parse_ten_digits(number), by=current_user(), now=services.clock())
    print_line(f"The number is free. It was in {business}/{reference}.")


def _row(row: "Row[Any]") -> list[str]:
    from schemas.model.purposes import PURPOSES

    name = (row.display or "", row.shorthand or "")
    return [f"+1{row.number}", PURPOSES[row.purpose], *name, row.business, row.reference]
