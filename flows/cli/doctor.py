"""`doctor`: what a first deployment gets wrong, each line with its remedy."""

from typing import Annotated

import typer

from flows.cli.output import say


def add_to(app: typer.Typer) -> None:
    app.command()(doctor)


def doctor(quiet: Annotated[bool, typer.Option("--quiet", help="Say only what is wrong.")] = False) -> None:
    """Check settings, stores, ledger, carrier and server; say what to do about each fault.

    Exit code 0: all is well; 1: something is not.
    """
    from flows.diagnosis import examine

    healthy = True
    for found in examine():
        healthy = healthy and found.well
        if not found.well:
            say(f"✗ {found.what}: {found.said}\n  → {found.remedy}")
        elif not quiet:
            say(f"✓ {found.what}: {found.said}")
    raise typer.Exit(0 if healthy else 1)
