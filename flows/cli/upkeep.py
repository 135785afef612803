"""`doctor`, `metrics` and `prune`: what a deployment gets wrong, how it fares, and what it need not keep."""

from collections import Counter
from typing import Annotated

import typer

from flows.cli.output import say, thousands
from flows.cli.session import opened


def add_to(app: typer.Typer) -> None:
    for command in (doctor, metrics, prune):
        app.command()(command)


def doctor(quiet: Annotated[bool, typer.Option("--quiet", help="Say only what is wrong.")] = False) -> None:
    """Check settings, stores, ledger, carrier and server; say what to do about each fault.

    Exit code 0: all is well; 1: something is not.
    """
    from flows.operations.doctor import examine

    healthy = True
    for found in examine():
        healthy = healthy and (found.well or found.note)
        if not found.well:
            say(f"{'!' if found.note else '✗'} {found.what}: {found.said}\n  → {found.remedy}")
        elif not quiet:
            say(f"✓ {found.what}: {found.said}")
    raise typer.Exit(0 if healthy else 1)


def metrics() -> None:
    """Metrics in Prometheus' text format, for its node exporter's textfile collector; `serve` has them at /metrics."""
    from flows.operations.metrics import exposition

    with opened() as services:
        say(exposition(services).decode().rstrip())


def prune(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Delete nothing; say what would go.")] = False,
) -> None:
    """Delete what is kept long enough: KEEP_ARCHIVE, KEEP_REPORTS, KEEP_INBOX. Receipts and the ledger stay."""
    from flows.operations.prune import let_go, spare

    counts: Counter[str] = Counter()
    sizes: Counter[str] = Counter()
    with opened() as services:
        if all(getattr(services.settings, f"keep_{what}") is None for what in ("archive", "reports", "inbox")):
            say("Everything is kept: LAUNCHDROP_KEEP_ARCHIVE, KEEP_REPORTS and KEEP_INBOX are not set.")
            return
        for item in spare(services):
            say(f"{item.kind} {item.business}/{item.name}: {thousands(item.bytes)} bytes")
            if not dry_run:
                let_go(services, item)
            counts[item.kind] += 1
            sizes[item.kind] += item.bytes
    for kind, count in counts.items():
        say(f"{'Would delete' if dry_run else 'Deleted'} {thousands(count)} of {kind}: {thousands(sizes[kind])} bytes.")
    if not counts:
        say("Nothing is old enough.")
