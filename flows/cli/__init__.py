"""The `launchdrop` command. Each command imports what it needs when it runs: `--help` and `check` start fast."""

import logging
import sys

import typer

from flows.cli import checking, launches, numbers, passes, programs, review, starting, submissions, upkeep
from flows.cli.output import complain
from flows.errors import LaunchdropError
from flows.logs import configure, tell_uncaught

log = logging.getLogger(__name__)

app = typer.Typer(
    name="launchdrop",
    help="Drop a program manifest and its phone numbers into a folder or bucket; get a report that says exactly what "
    "to fix; the program goes live on time, once.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for module in (starting, checking, passes, programs, upkeep):
    module.add_to(app)
for group in (submissions, numbers, review, launches):
    app.add_typer(group.app)


def main() -> None:
    """Entry point: a user's mistake, a broken world or a fault of ours is one plain line and exit code 2."""
    configure("text", "warning")  # until the settings say otherwise
    tell_uncaught()
    try:
        app()
    except LaunchdropError as trouble:
        complain(str(trouble))
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        # The reader of our output went away (`| head`): nothing is wrong, and nobody is left to tell.
        sys.stderr.close()
        sys.exit(0)
    except OSError as e:
        # A file that cannot be read or written, wherever a command was told to look or to write.
        complain(f"{e.filename}: {e.strerror}" if e.filename else str(e))
        sys.exit(2)
    except Exception as e:
        # Its text is not shown, as nobody knows what is in it; a traceback is for whoever looks for the fault.
        log.debug("ended by an error", exc_info=e)
        complain(f"{type(e).__name__}, a fault of launchdrop; with LAUNCHDROP_LOG_LEVEL=debug the log has more")
        sys.exit(2)
