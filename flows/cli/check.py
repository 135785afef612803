"""`check`: a dry run, for whoever is about to drop something."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flows.cli.output import print_table, printable, progress_bar, say, thousands
from flows.errors import LaunchdropError

if TYPE_CHECKING:
    from flows.validation.dry_run import DryRun
    from reports.views import SubmissionView
    from schemas.model.findings import Finding

#: Findings shown on a terminal; the report has the rest.
SHOWN = 10
#: Names of what is checked that `--out` writes too.
_OVERWRITTEN = ("program.yaml", "program.yml", "rejected.csv")


def add_to(app: typer.Typer) -> None:
    app.command()(check)


def check(
    path: Annotated[Path, typer.Argument(metavar="PATH", help="A drop folder, a manifest, or a numbers CSV.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print report.json.")] = False,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Write the submission's files there.")] = None,
    businesses: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The businesses.yaml to judge by; else looked for above PATH.")
    ] = None,
) -> None:
    """Judge a drop without taking it: no ledger, no server, nothing written.

    Exit code 0: nothing rejected; 1: something rejected or unreadable; 2: could not run.
    """
    from flows import settings
    from flows.logs import configure
    from flows.scaling.forked_rows import forked_row_workers
    from flows.validation import dry_run
    from flows.validation.scratch import spools

    if out is not None:
        _keep_apart(path, out)
    now, known = datetime.now(UTC), settings.load()
    configure(known.log, known.log_level)
    with spools() as spool, forked_row_workers() as workers, progress_bar(f"Checking {path.name}") as progress:
        checked = dry_run.check(path, businesses, known, now, spool=spool, workers=workers, progress=progress)
        view = _view(checked, now)
        if out is not None:
            _write(out, view)
    if as_json:
        from reports.json_documents import report_json

        typer.echo(report_json(view), nl=False)
    else:
        _tell(checked, out)
    raise typer.Exit(0 if checked.judgment.verdict == "accepted" else 1)


def _keep_apart(path: Path, out: Path) -> None:
    """That the submission's program.yaml and rejected.csv take the place of none that is checked. Raises LaunchdropError."""
    folder = path if path.is_dir() else path.parent
    if out.resolve() == folder.resolve() and (path.is_dir() or path.name in _OVERWRITTEN):
        raise LaunchdropError(f"--out {out} is what is checked, and would be written over. Name another folder.")


def _view(checked: "DryRun", now: datetime) -> "SubmissionView":
    from reports.views import SubmissionView

    manifest = checked.judgment.manifest
    return SubmissionView(
        id=checked.id,
        digest=checked.digest,
        received_at=now,
        now=now,
        judgment=checked.judgment,
        business=checked.owner,
        legal_name=checked.business.legal_name if checked.business else None,
        reference=manifest.reference if manifest else None,
        drop=checked.drop,
        dry_run=True,
        logo=checked.judgment.logo.content if checked.judgment.logo else None,
    )


def _write(out: Path, view: "SubmissionView") -> None:
    from flows.publishing.files import publish_page, publish_rows
    from flows.stores.opening import open_store

    store = open_store(str(out))
    publish_rows(store, "", view.judgment)
    publish_page(store, "", view)


def _tell(checked: "DryRun", out: Path | None) -> None:
    """The verdict, the counts, what is wrong by rule, the first findings: 80 columns are enough."""
    judgment = checked.judgment
    counts = judgment.counts
    say(f"{printable(checked.drop)}: {judgment.verdict.replace('_', ' ')}")
    say(
        f"{thousands(counts.read)} read = {thousands(counts.accepted)} accepted + {thousands(counts.rejected)} rejected"
        f" + {thousands(counts.ignored)} ignored"
    )
    if judgment.totals:
        rows = ((thousands(t.count), t.id, t.severity, t.name) for t in judgment.totals)
        print_table(("Count", "Rule", "Severity", "What is wrong"), rows, right=("Count",))
    for finding in judgment.findings[:SHOWN]:
        say(_line(finding))
    if judgment.findings_total > SHOWN:
        hint = "see the report" if out else "--out DIR writes the report with"
        say(f"… and {thousands(judgment.findings_total - SHOWN)} more findings; {hint} all of them.")
    if judgment.manifest is not None and judgment.rules_not_checked:
        say(f"Not checked here: {', '.join(judgment.rules_not_checked)}. The ledger or businesses.yaml decides them.")
    if out is not None:
        say(f"Wrote {printable(str(out / 'report.html'))} and the files beside it.")


def _line(finding: "Finding") -> str:
    """`central.csv row 17: 214-9020: message (NUM-004)`."""
    row = f" row {finding.row}" if finding.row else f" line {finding.line}" if finding.line else ""
    place = f"{finding.file or ''}{row}".strip()
    # What cannot be read at all says itself where.
    said = f"{place}: {finding.message}" if place and finding.rule != "MAN-001" else finding.message
    return f"{printable(said)} ({finding.rule})"
