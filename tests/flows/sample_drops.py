"""A small drop for tests of the flows, and lookups in the ledger."""

from pathlib import Path

from flows.ledger.read import page_queries

ROOT = Path(__file__).parents[2]
#: How a manifest of the other sample business differs.
ZENITH = {"business_unit": "Reminders", "display_name": "{display: Zenith Health, shorthand: Zenith}"}
ROWS = "5012149020,Customer Service\n5012149021,Survey\n"


def manifest(business, **changes):
    """A manifest's text. `changes` replaces or adds lines by their key."""
    lines = {
        "manifest": "1",
        "business": business,
        "business_unit": "Cards",
        "reference": "orders",
        "program": "{type: INFORM, name: Orders, call_purpose: Customer Service, description: Calls about orders.}",
        "display_name": "{display: Acme Bank, shorthand: Acme Bank}",
        "schedule": "{start: 2030-01-07T09:00, end: 2030-03-29T18:00, timezone: America/Chicago}",
        "numbers": "[{file: numbers.csv}]",
    }
    return "".join(f"{key}: {value}\n" for key, value in (lines | changes).items())


def write_drop(inbox, drop, numbers, **changes):
    """Write a drop of one file into an inbox."""
    folder = inbox / drop
    folder.mkdir(parents=True)
    (folder / "numbers.csv").write_text(numbers)
    (folder / "program.yaml").write_text(manifest(drop.partition("/")[0], **changes))


def read_program(world, reference="orders"):
    """A program of Acme Bank, from the ledger."""
    with world.services.ledger.read() as conn:
        return page_queries.list_programs(conn, business_id="acme-bank", reference=reference)[0]


def read_submissions(world):
    with world.services.ledger.read() as conn:
        return page_queries.list_submissions(conn)
