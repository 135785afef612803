"""The `launchdrop` command.

Imports inside functions, in all modules of this folder, make `--help` and `check` start fast.
"""

import logging
import sys

import typer

from flows.cli import (
    check,
    getting_started,
    launches,
    maintenance,
    numbers,
    programs,
    review,
    run_serve,
    submissions,
)
from flows.cli.output import print_error
from flows.errors import LaunchdropError
from flows.logs import configure_logging, log_uncaught_errors

log = logging.getLogger(__name__)

app = typer.Typer(
    name="launchdrop",
    help="Drop a program manifest and its phone numbers into a folder or bucket. Get a report that says exactly what "
    "to fix. The program goes live on time, once.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
# An app without a name adds its commands at the top level; one with a name is a group of commands.
for module in (getting_started, check, run_serve, programs, maintenance, submissions, numbers, review, launches):
    app.add_typer(module.app)


def main() -> None:
    """Entry point. Anything that stops a command is one plain line on standard error, and exit code 2."""
    configure_logging("text", "warning")  # until the settings are read
    log_uncaught_errors()
    try:
        app()
    except LaunchdropError as e:
        print_error(str(e))
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        # The program that reads our output has exited (`| head`): not an error.
        sys.stderr.close()
        sys.exit(0)
    except OSError as e:
        # A file or folder named on the command line that cannot be read or written.
        print_error(f"{e.filename}: {e.strerror}" if e.filename else str(e))
        sys.exit(2)
    except Exception as e:
        # The error's text may contain anything, so it is not shown. The traceback goes to the debug log.
        log.debug("unexpected error", exc_info=e)
        print_error(f"{type(e).__name__}, a bug in launchdrop; set LAUNCHDROP_LOG_LEVEL=debug to log the details")
        sys.exit(2)
