"""`run` and `serve`: one pass over the inbox, or staying to do it as things come."""

import os
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from flows.cli.output import complain, progress_bar, say, thousands
from flows.cli.session import opened

if TYPE_CHECKING:
    from collections.abc import Callable

    from flows.pipeline import Pass
    from flows.registration.drop import Took
    from flows.services import Services


def add_to(app: typer.Typer) -> None:
    app.command()(run)
    app.command()(serve)


def run(
    business: Annotated[str | None, typer.Option(metavar="B", help="Take the drops of this business alone.")] = None,
) -> None:
    """Take what has arrived, report on it, register it, and launch what is due: one pass.

    Exit code 0: pass completed; 1: something needs the operator; 2: could not run.
    """
    from flows import pipeline

    with opened() as services, progress_bar("Taking drops") as progress:
        one_pass = partial(pipeline.run_pass, services, business=business, tell=_tell, progress=progress)
        # Where a server is set, its pages show the pass as a run; without one it is the same pass, seconds sooner.
        done = _shown(one_pass, services) if "PREFECT_API_URL" in os.environ else one_pass()
    for problem in done.problems:
        complain(problem)
    say(_summary(done))
    if done.intake.took:
        say(f"Reports: {services.settings.reports.rstrip('/')}/_operator/index.html")
    raise typer.Exit(1 if done.problems else 0)


def serve() -> None:
    """Stay: take drops as they come, launch programs at their start, serve the report site. Ctrl-C ends it."""
    from flows.serving.loop import serve as stay
    from flows.settings import load

    stay(load(), say)


def _shown(one_pass: "Callable[[], Pass]", services: "Services") -> "Pass":
    from prefect import flow

    from flows.logs import configure, shielded
    from flows.notifying.prefect_runs import shown

    configure(services.settings.log, services.settings.log_level)  # Prefect has brought handlers of its own

    # Without parameters: Prefect makes a schema of them, and can make none of what a pipeline is made of.
    def work() -> "Pass":
        return one_pass()

    return shown(flow(name="pass")(shielded(work)))


def _summary(done: "Pass") -> str:
    """What was done, in one line; what was not is not mentioned."""
    launched = done.launched
    counted = (
        (len(done.intake.took), "drop taken", "drops taken"),
        (done.intake.incomplete, "drop incomplete", "drops incomplete"),
        (launched.live, "program launched", "programs launched"),
        (launched.branded, "program branded", "programs branded"),
        (launched.ended, "program ended", "programs ended"),
        (launched.missed, "start missed", "starts missed"),
        (launched.failed, "launch failed", "launches failed"),
    )
    said = [f"{thousands(count)} {one if count == 1 else many}" for count, one, many in counted if count]
    return f"{', '.join(said)}." if said else "Nothing new."


def _tell(took: "Took") -> None:
    """One line as each drop is taken."""
    place = f"{took.business}/{took.drop}"
    if took.judgment is None:
        say(f"{place}: duplicate of {took.registered.submission}; nothing changed")
        return
    counts, verdict = took.judgment.counts, took.judgment.verdict.replace("_", " ")
    passed = "in" if verdict.startswith("accepted") else "in order"
    rows = f" ({thousands(counts.accepted)} {passed}, {thousands(counts.rejected)} rejected)" if counts.read else ""
    say(f"{place}: {verdict}{rows}")
