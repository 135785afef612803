"""`doctor`, `metrics` and `prune`: find configuration mistakes, measure, and delete old files."""

from collections import Counter
from typing import Annotated

import typer

from flows.cli.output import format_count, print_line
from flows.cli.session import open_session

app = typer.Typer()


@app.command("doctor")
def doctor_command(quiet: Annotated[bool, typer.Option("--quiet", help="Print only problems.")] = False) -> None:
    """Find problems with the setup and print how to fix them.

    Checks settings, stores, ledger, carrier, mail and Prefect server.

    Exit code 0: no problem found (there may be warnings); 1: at least one problem.
    """
    from flows.operations.doctor import run_checks

    healthy = True
    for result in run_checks():
        healthy = healthy and (result.ok or result.warning)
        if not result.ok:
            print_line(f"{'!' if result.warning else '✗'} {result.name}: {result.message}\n  → {result.remedy}")
        elif not quiet:
            print_line(f"✓ {result.name}: {result.message}")
    raise typer.Exit(0 if healthy else 1)


@app.command("metrics")
def metrics_command() -> None:
    """Print metrics in the Prometheus text format.

    For the node exporter's textfile collector. While `serve` runs, it has the same metrics at /metrics.
    """
    from flows.operations.metrics import render_metrics

    with open_session() as services:
        print_line(render_metrics(services).decode().rstrip())


@app.command("prune")
def prune_command(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Delete nothing; print what would be deleted.")] = False,
) -> None:
    """Delete files that have been kept long enough.

    Set LAUNCHDROP_KEEP_ARCHIVE, LAUNCHDROP_KEEP_REPORTS and LAUNCHDROP_KEEP_INBOX to say how long. Receipts and the
    ledger are never deleted. Counts what each business still has, for LAUNCHDROP_QUOTA.
    """
    from flows.operations.prune import find_prunable, prune_item, recount_usage

    counts: Counter[str] = Counter()
    sizes: Counter[str] = Counter()
    with open_session() as services:
        if all(getattr(services.settings, f"keep_{kind}") is None for kind in ("archive", "reports", "inbox")):
            print_line("Nothing is deleted: the settings LAUNCHDROP_KEEP_… are not set.")
            recount_usage(services)
            return
        for item in find_prunable(services):
            print_line(f"{item.kind} {item.business}/{item.name}: {format_count(item.bytes)} bytes")
            if not dry_run:
                prune_item(services, item)
            counts[item.kind] += 1
            sizes[item.kind] += item.bytes
        if not dry_run:
            recount_usage(services)
    for kind, count in counts.items():
        done = "Would delete" if dry_run else "Deleted"
        print_line(f"{done} {format_count(count)} from {kind}: {format_count(sizes[kind])} bytes.")
    if not counts:
        print_line("Nothing is old enough.")
