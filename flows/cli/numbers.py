"""`numbers`: live numbers for a dialler, and freeing one by hand."""

import csv
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flows.cli.output import print_json, say
from flows.cli.session import changing, now, opened, who
from flows.errors import LaunchdropError

if TYPE_CHECKING:
    from flows.ledger.core.engine import Row

app = typer.Typer(name="numbers", help="Live numbers for a dialler; freeing one by hand.", no_args_is_help=True)

COLUMNS = "phone_number", "call_purpose", "display_name", "shorthand", "business", "reference"


@app.command()
def export(
    business: Annotated[str | None, typer.Option(metavar="B", help="Those of this business alone.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="As a JSON array.")] = False,
) -> None:
    """Print live numbers with purpose and display name as CSV; a name that is not approved yet is left blank."""
    from flows.ledger.read.page_queries import live_numbers
    from flows.operator_files.businesses import unknown

    with opened() as services, services.ledger.read() as conn:
        if wrong := unknown(services, business):
            raise LaunchdropError(wrong)
        rows = map(_row, live_numbers(conn, business_id=business))
        if as_json:
            print_json([dict(zip(COLUMNS, row, strict=True)) for row in rows])
            return
        out = csv.writer(sys.stdout, lineterminator="\n")
        out.writerow(COLUMNS)
        out.writerows(rows)


@app.command()
def release(
    number: Annotated[str, typer.Argument(metavar="NUMBER", help="As +15012149020.")],
) -> None:
    """Free a number by hand: it leaves its program, at the carrier too, and may be registered anew."""
    from flows.ledger.programs.releases import release_number
    from flows.operator_files.do_not_originate import ten_digits

    with changing() as services, services.ledger.begin() as conn:
        business, reference = release_number(conn, ten_digits(number), by=who(), now=now())
    say(f"The number is free; it was in {business}/{reference}.")


def _row(row: "Row[Any]") -> list[str]:
    from schemas.model.purposes import PURPOSES

    name = (row.display or "", row.shorthand or "")
    return [f"+1{row.number}", PURPOSES[row.purpose], *name, row.business, row.reference]
