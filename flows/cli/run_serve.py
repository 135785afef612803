"""`run` (one pass over the inbox) and `serve` (stay and process drops as they arrive)."""

import os
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from flows.cli.output import format_count, print_error, print_line, progress_bar
from flows.cli.session import open_session

if TYPE_CHECKING:
    from collections.abc import Callable

    from flows.pipeline import PassResult
    from flows.registration.drop import DropResult
    from flows.services import Services

app = typer.Typer()


@app.command("run")
def run_command(
    business: Annotated[str | None, typer.Option(metavar="B", help="Take only this business's drops.")] = None,
) -> None:
    """Make one pass: take what has arrived and launch what is due.

    Each drop is checked, reported on, and registered.

    Exit code 0: pass completed; 1: something failed, or newly waits for the operator; 2: could not run.
    """
    from flows import pipeline

    with open_session(create_ledger=True) as services, progress_bar("Taking drops") as progress:
        run_pass = partial(pipeline.run_pass, services, business=business, on_taken=_print_taken, progress=progress)
        # With a Prefect server configured, the pass shows up there as a run. Without one, it starts seconds sooner.
        done = _run_in_prefect(run_pass, services) if "PREFECT_API_URL" in os.environ else run_pass()
    needs_operator = [*done.problems, *done.waiting]
    for line in needs_operator:
        print_error(line)
    print_line(_summary(done))
    if done.intake.taken:
        print_line(f"Reports: {services.settings.reports.rstrip('/')}/_operator/index.html")
    raise typer.Exit(1 if needs_operator else 0)


@app.command("serve")
def serve_command() -> None:
    """Stay running: take drops as they arrive and launch on time.

    Also serves the report site. Press Ctrl-C to stop.
    """
    from flows.serving.loop import serve_until_stopped
    from flows.settings import load_settings

    serve_until_stopped(load_settings(), print_line)


def _run_in_prefect(run_pass: "Callable[[], PassResult]", services: "Services") -> "PassResult":
    import prefect  # noqa: F401  adds its own log handlers, which the next lines mask

    from flows.logs import configure_logging
    from flows.notifying.prefect_runs import record_run

    configure_logging(services.settings.log, services.settings.log_level)
    return record_run(run_pass, name="pass")


def _summary(done: "PassResult") -> str:
    """One line with what was done. Counts of zero are left out."""
    launched = done.launched
    counts = (
        (len(done.intake.taken), "drop taken", "drops taken"),
        (done.intake.incomplete, "drop incomplete", "drops incomplete"),
        (launched.live, "program launched", "programs launched"),
        (launched.branded, "program branded", "programs branded"),
        (launched.ended, "program ended", "programs ended"),
        (launched.missed, "start missed", "starts missed"),
        (launched.failed, "launch failed", "launches failed"),
    )
    parts = [f"{format_count(count)} {one if count == 1 else many}" for count, one, many in counts if count]
    return f"{', '.join(parts)}." if parts else "Nothing new."


def _print_taken(result: "DropResult") -> None:
    """Print one line as each drop is taken."""
    name = f"{result.business}/{result.drop}"
    if result.judgment is None:
        print_line(f"{name}: duplicate of {result.registered.submission}; nothing changed")
        return
    counts, verdict = result.judgment.counts, result.judgment.verdict.replace("_", " ")
    # The good rows of a held or rejected drop are not registered.
    good = "accepted" if verdict.startswith("accepted") else "valid"
    rows = f" ({format_count(counts.accepted)} {good}, {format_count(counts.rejected)} rejected)" if counts.read else ""
    print_line(f"{name}: {verdict}{rows}")
