"""`check`: a dry run of a drop, before it is uploaded."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flows.cli.output import format_count, print_line, print_table, progress_bar, replace_unprintable
from flows.errors import LaunchdropError

if TYPE_CHECKING:
    from flows.validation.dry_run import DryRun
    from reports.views import SubmissionView
    from schemas.model.findings import Finding

#: Findings printed on a terminal. The report lists more.
MAX_FINDINGS_PRINTED = 10
#: Characters of a received or suggested value that are printed.
_VALUE_WIDTH = 66
#: Files of a drop that `--out` would overwrite.
_OVERWRITTEN = ("program.yaml", "program.yml", "rejected.csv")

app = typer.Typer()


@app.command("check")
def check_command(
    path: Annotated[Path, typer.Argument(metavar="PATH", help="A drop folder, a manifest, or a numbers CSV.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print report.json.")] = False,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write the report and the other files to this folder.")
    ] = None,
    businesses: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The businesses.yaml to use. Default: the nearest one above PATH."),
    ] = None,
) -> None:
    """Check a drop without submitting it: a dry run.

    Uses no ledger and no server, and writes nothing unless you give --out.

    Exit code 0: nothing rejected; 1: something rejected or unreadable; 2: could not run.
    """
    if out is not None:
        _require_separate_output(path, out)
    checked, view = _check_and_write(path, businesses, out)
    if as_json:
        from reports.json_documents import report_json

        typer.echo(report_json(view), nl=False)
    else:
        _print_summary(view, out)
    raise typer.Exit(0 if checked.judgment.verdict == "accepted" else 1)


def _check_and_write(path: Path, businesses: Path | None, out: Path | None) -> "tuple[DryRun, SubmissionView]":
    """Check the drop at `path`, and write its files to `out` if that is given."""
    from flows.logs import configure_logging
    from flows.scaling.processes import forked_row_workers
    from flows.settings import load_settings
    from flows.validation import dry_run
    from flows.validation.spill_files import open_spill_files

    now, settings = datetime.now(UTC), load_settings()
    configure_logging(settings.log, settings.log_level)
    with (
        open_spill_files() as open_spill,
        forked_row_workers() as workers,
        progress_bar(f"Checking {path.name}") as progress,
    ):
        checked = dry_run.check_path(
            path, businesses, settings, now, open_spill=open_spill, workers=workers, progress=progress
        )
        view = _submission_view(checked, now)
        if out is not None:
            _write_files(out, view)
    return checked, view


def _require_separate_output(path: Path, out: Path) -> None:
    """Raise LaunchdropError if writing to `out` would overwrite the files that are checked."""
    folder = path if path.is_dir() else path.parent
    if out.resolve() == folder.resolve() and (path.is_dir() or path.name in _OVERWRITTEN):
        raise LaunchdropError(f"--out {out} would overwrite the files being checked. Name another folder.")


def _submission_view(checked: "DryRun", now: datetime) -> "SubmissionView":
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


def _write_files(out: Path, view: "SubmissionView") -> None:
    from flows.publishing.files import publish_report, publish_row_files
    from flows.stores.opening import open_store

    store = open_store(str(out))
    if view.judgment.manifest and not view.judgment.rows_to_send_again:
        store.delete("program.yaml")  # that of an earlier check does not belong to this report
    publish_row_files(store, "", view.judgment)
    publish_report(store, "", view)


def _print_summary(view: "SubmissionView", out: Path | None) -> None:
    """The verdict, the counts, the total per rule, and the first findings. Fits 80 columns."""
    from reports.headline import explain_rejected_csv  # both save start-up time
    from reports.rule_sections import explain_unchecked_rules

    judgment = view.judgment
    counts = judgment.counts
    print_line(f"{replace_unprintable(view.drop or '')}: {judgment.verdict.replace('_', ' ')}")
    print_line(
        f"{format_count(counts.read)} read = {format_count(counts.accepted)} accepted"
        f" + {format_count(counts.rejected)} rejected + {format_count(counts.ignored)} ignored"
    )
    if judgment.totals:
        rows = ((format_count(t.count), t.id, t.severity, t.name) for t in judgment.totals)
        print_table(("Count", "Rule", "Severity", "Problem"), rows, right=("Count",))
    for line in explain_rejected_csv(judgment, is_written=out is not None):
        print_line(line)
    for finding in judgment.findings[:MAX_FINDINGS_PRINTED]:
        for line in _finding_lines(finding):
            print_line(line)
    if judgment.findings_total > MAX_FINDINGS_PRINTED:
        more = format_count(judgment.findings_total - MAX_FINDINGS_PRINTED)
        where = "See the report." if out else "Write the report with --out DIR."
        print_line(f"… and {more} more findings. {where}")
    for line in explain_unchecked_rules(view):
        print_line(f"Not checked: {line}")
    if out is not None:
        print_line(f"Wrote {replace_unprintable(str(out / 'report.html'))} and related files.")


def _finding_lines(finding: "Finding") -> list[str]:
    """`central.csv row 17: message (NUM-004)`, then what was received and what to write instead, where known."""
    row = f" row {finding.row:,}" if finding.row else f" line {finding.line:,}" if finding.line else ""
    place = f"{finding.file or ''}{row}".strip()
    # The message of MAN-001 (unreadable manifest) already says where.
    text = f"{place}: {finding.message}" if place and finding.rule != "MAN-001" else finding.message
    lines = [f"{replace_unprintable(text)} ({finding.rule})"]
    if finding.value:
        lines.append(f"  Received:  {_one_line(finding.value)}")
    if finding.suggestion:
        lines.append(f"  Suggested: {_one_line(finding.suggestion)}")
    return lines


def _one_line(value: str) -> str:
    """A value that leaves the line shorter than 80 columns."""
    shown = replace_unprintable(value)
    return shown if len(shown) <= _VALUE_WIDTH else f"{shown[: _VALUE_WIDTH - 1]}…"
