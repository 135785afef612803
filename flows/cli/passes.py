"""`run` and `serve`: one pass over the inbox, or staying to do it as things come."""

from typing import TYPE_CHECKING, Annotated

import typer

from flows.cli.output import complain, progress_bar, say

if TYPE_CHECKING:
    pass


def add_to(app: typer.Typer) -> None:
    app.command()(run)
    app.command()(serve)


def run(
    business: Annotated[str | None, typer.Option(metavar="B", help="Take the drops of this business alone.")] = None,
) -> None:
    """Take what has arrived, report on it, register it, and launch what is due: one pass.

    Exit code 0: pass completed; 1: something needs the operator; 2: could not run.
    """
    from flows.passes import run_pass
    from flows.pipeline import open_pipeline
    from flows.settings import load

    settings = load()
    with open_pipeline(settings) as pipeline, progress_bar("Taking drops") as progress:
        done = run_pass(pipeline, business=business, tell=_tell, progress=progress)
    for problem in done.problems:
        complain(problem)
    say(_summary(done))
    raise typer.Exit(1 if done.problems else 0)
