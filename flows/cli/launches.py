"""`launches`: try one again, or stop and start all launching."""

from typing import Annotated

import typer

from flows.cli.output import say
from flows.cli.session import changing, now, split, who

app = typer.Typer(name="launches", help="Try a launch again; stop and start all launching.", no_args_is_help=True)


@app.command()
def retry(program: Annotated[str, typer.Argument(metavar="BUSINESS/REF")]) -> None:
    """Launch a program again that is `launch_failed` or `missed`: it is due at once."""
    from flows.ledger.programs.programs import retry as schedule_again

    business, reference = split(program)
    with changing() as services, services.ledger.begin() as conn:
        schedule_again(conn, business, reference, by=who(), now=now())
    say(f"{program} is scheduled again; the next pass launches it.")


@app.command()
def pause(why: Annotated[str, typer.Option(help="Shown to whoever asks why nothing launches.")] = "by hand") -> None:
    """Launch nothing until `launches resume`. What is live stays live."""
    from flows.ledger.core.control_flags import pause as stop

    with changing(pausing=True) as services, services.ledger.begin() as conn:
        stop(conn, by=who(), why=why, now=now())
    say("Launching is paused: launchdrop launches resume goes on.")


@app.command()
def resume() -> None:
    """Launch again, starting with what became due meanwhile."""
    from flows.ledger.core.control_flags import resume as go_on

    with changing() as services, services.ledger.begin() as conn:
        was_paused = go_on(conn, by=who(), now=now())
    say("Launching goes on with the next pass." if was_paused else "Launching was not paused.")
