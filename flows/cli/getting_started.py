"""`new`, `rules` and `schema`: a sample drop, the rule catalog, and the JSON Schemas."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from flows.cli.output import print_json, print_line, print_table, replace_unprintable
from flows.errors import LaunchdropError

MANIFEST = """\
# A drop is one folder: this manifest and the files it names. Upload the manifest last: it completes the drop.
# To try it: launchdrop check {folder}
# The next line is for editors on this computer, which then complete keys and check values. Delete it if you like.
# yaml-language-server: $schema={schema}
manifest: 1
business: my-business                 # your folder in the inbox
business_unit: Customer Care          # must exist; or {{name: Customer Care, create: true}}
reference: {reference}                # your own key; use it again for a new revision
program:
  type: INFORM                        # INFORM | INFORM with Logo | SENTRY
  name: Order calls
  call_purpose: Customer Service
  description: Calls back customers about their open orders.
display_name:
  display: My Business
  shorthand: My Business              # at most 15 characters, for small displays
schedule:
  start: 2035-01-08T09:00             # in the time zone below, or with an offset (…T09:00-06:00)
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


app = typer.Typer()


@app.command("new")
def new_command(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The folder to create. It must not exist yet.")],
) -> None:
    """Write a sample drop to start from."""
    try:
        folder.mkdir(parents=True)
    except OSError as e:
        raise LaunchdropError(f"cannot create {folder}: {e.strerror}. Name a folder that does not exist yet.") from None
    (folder / "numbers.csv").write_text(NUMBERS, encoding="utf-8")
    characters = (c if c.isascii() and (c.isalnum() or c in "._-") else "-" for c in folder.name.lower())
    reference = "".join(characters).lstrip("._-")[:64] or "order-calls"
    shown = replace_unprintable(str(folder))
    manifest = MANIFEST.format(folder=shown, reference=reference, schema=_manifest_schema_uri())
    (folder / "program.yaml").write_text(manifest, encoding="utf-8")
    print_line(f"Wrote {shown}/program.yaml and {shown}/numbers.csv. One row has an error on purpose.")
    print_line(f"Next: launchdrop check {shown}")


def _manifest_schema_uri() -> str:
    """Where an editor finds the schema without a network. A copy in the drop would be uploaded with it."""
    from importlib.resources import files

    return Path(str(files("schemas").joinpath("manifest.schema.json"))).resolve().as_uri()


@app.command("rules")
def rules_command(
    as_json: Annotated[bool, typer.Option("--json", help="Print the whole catalog as JSON.")] = False,
) -> None:
    """Print every rule with its id, severity and meaning."""
    from schemas.rules import RULES

    if as_json:
        names = "id", "severity", "scope", "name", "meaning", "fix"
        print_json([{name: getattr(rule, name) for name in names} for rule in RULES.values()])
        return
    print_table(("Rule", "Severity", "Meaning"), ((r.id, r.severity, f"{r.name}. {r.fix}") for r in RULES.values()))


@app.command("schema")
def schema_command(
    kind: Annotated[Literal["manifest", "report", "receipt"], typer.Argument(help="Which schema.")],
) -> None:
    """Print the JSON Schema of a manifest, report or receipt."""
    from importlib.resources import files

    from reports.json_documents import published_schema

    if kind == "manifest":
        print_line(files("schemas").joinpath("manifest.schema.json").read_text(encoding="utf-8").rstrip())
    else:
        print_line(published_schema(kind).rstrip())
