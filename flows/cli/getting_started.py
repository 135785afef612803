"""`new`, `rules`, `schema`: what a newcomer asks for first."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from flows.cli.output import print_json, print_table, printable, say
from flows.errors import LaunchdropError

MANIFEST = """\
# A drop is one folder: this manifest and the files it names. Upload the manifest last, for it commits the drop.
# Try it: launchdrop check {folder}
manifest: 1
business: my-business                 # your folder in the inbox
business_unit: Customer Care          # must exist; or {{name: Customer Care, create: true}}
reference: {reference}                # your own key; the same again is a new revision of the program
program:
  type: INFORM                        # INFORM | INFORM with Logo | SENTRY
  name: Order calls
  call_purpose: Customer Service
  description: Calls back customers about their open orders.
display_name:
  display: My Business
  shorthand: My Business              # 15 characters at most, for phones with little room
schedule:
  start: 2035-01-08T09:00             # local to the time zone below, or with an offset (…T09:00-06:00)
  end: 2035-12-28T18:00
  timezone: America/Chicago
numbers:
  - file: numbers.csv                 # two columns, no header: phone number, call purpose
"""

NUMBERS = """\
+1 501 214 9020,Customer Service
(501) 214-9021,Customer Service
5012149022,Survey
214-9023,Customer Service
"""


def add_to(app: typer.Typer) -> None:
    app.command()(new)
    app.command()(rules)
    app.command()(schema)


def new(folder: Annotated[Path, typer.Argument(metavar="DIR", help="The folder to make; must not exist yet.")]) -> None:
    """Write a sample drop to start from."""
    try:
        folder.mkdir(parents=True)
    except OSError as e:
        raise LaunchdropError(f"cannot make {folder}: {e.strerror}. Name a folder that does not exist yet.") from None
    (folder / "numbers.csv").write_text(NUMBERS, encoding="utf-8")
    reference = "".join(c if c.isascii() and (c.isalnum() or c in "._-") else "-" for c in folder.name.lower()).lstrip(
        "._-"
    )
    shown = printable(str(folder))
    manifest = MANIFEST.format(folder=shown, reference=reference[:64] or "order-calls")
    (folder / "program.yaml").write_text(manifest, encoding="utf-8")
    say(f"Wrote {shown}/program.yaml and {shown}/numbers.csv; one row of it is wrong on purpose.")
    say(f"Next: launchdrop check {shown}")


def rules(
    as_json: Annotated[bool, typer.Option("--json", help="The whole catalogue as JSON.")] = False,
) -> None:
    """Print every rule: its id, severity and what it means."""
    from schemas.rules import RULES

    if as_json:
        names = "id", "severity", "scope", "name", "meaning", "fix"
        print_json([{name: getattr(rule, name) for name in names} for rule in RULES.values()])
        return
    print_table(
        ("Rule", "Severity", "What it means"), ((r.id, r.severity, f"{r.name}. {r.fix}") for r in RULES.values())
    )


def schema(
    of: Annotated[Literal["manifest", "report", "receipt"], typer.Argument(help="Which document's schema.")],
) -> None:
    """Print the JSON Schema of the manifest, report.json or receipt.json."""
    from importlib.resources import files

    from reports.json_documents import published_schema

    if of == "manifest":
        say(files("schemas").joinpath("manifest.schema.json").read_text(encoding="utf-8").rstrip())
    else:
        say(published_schema(of).rstrip())
