"""`launches`: retry one launch; pause and resume all launching."""

from typing import Annotated

import typer

from flows.cli.output import print_line
from flows.cli.session import ProgramName, current_user, open_change_session, split_program_name

app = typer.Typer(name="launches", help="Retry a launch; pause and resume all launching.", no_args_is_help=True)


@app.command("retry")
def retry_launch_command(program: ProgramName) -> None:
    """Try a failed or missed launch again, as soon as possible."""
    from flows.ledger.programs.programs import retry_launch

    business, reference = split_program_name(program)
    with open_change_session() as services, services.ledger.begin() as conn:
        retry_launch(conn, business, reference, by=current_user(), now=services.clock())
    print_line(f"{program} is scheduled again. The next pass launches it.")


@app.command("pause")
def pause_launches_command(
    why: Annotated[str, typer.Option(help="The reason. `launchdrop doctor` shows it.")] = "by hand",
) -> None:
    """Launch nothing until `launchdrop launches resume`.

    Live programs stay live.
    """
    from flows.ledger.core.control_flags import pause_launching

    with open_change_session(pausing=True) as services, services.ledger.begin() as conn:
        pause_launching(conn, by=current_user(), why=why, now=services.clock())
    print_line("Launching is paused. To resume: launchdrop launches resume")


@app.command("resume")
def resume_launches_command() -> None:
    """Launch again, starting with what came due during the pause."""
    from flows.ledger.core.control_flags import resume_launching

    with open_change_session() as services, services.ledger.begin() as conn:
        was_paused = resume_launching(conn, by=current_user(), now=services.clock())
    print_line("Launching resumes with the next pass." if was_paused else "Launching was not paused.")
