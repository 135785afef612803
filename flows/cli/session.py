"""Shared by the commands that open the ledger: the configured services, and the current user."""

import getpass
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from flows.cli.output import print_error, replace_unprintable
from flows.errors import LaunchdropError

if TYPE_CHECKING:
    from flows.services import Services

AsJson = Annotated[bool, typer.Option("--json", help="Print a JSON array.")]
#: A program as it is written on the command line; see `split_program_name`.
ProgramName = Annotated[str, typer.Argument(metavar="BUSINESS/REF", help="Such as acme-bank/collections.")]


@contextmanager
def open_session(*, create_ledger: bool = False) -> Iterator["Services"]:
    """The services that the settings name. Raises LaunchdropError if there is no ledger and none may be created."""
    from flows.services import open_services
    from flows.settings import load_settings

    _require_utf8(sys.argv[1:])
    with open_services(load_settings(), create_ledger=create_ledger) as services:
        yield services


@contextmanager
def open_change_session(*, pausing: bool = False) -> Iterator["Services"]:
    """The services for a command that changes the ledger. Afterwards its pages are rewritten and its events are sent.

    Prints which ledger was changed, unless it is the default one in the working folder.

    If the ledger turns out to be restored from a backup, raises LaunchdropError before anything is changed: a change
    might move the ledger past its marker and hide the restore. With `pausing` it only prints a warning.
    """
    from flows.notifying.prefect_events import send_new_events
    from flows.publishing.outbox import publish_outbox

    with open_session() as services:
        if restored := _pause_if_restored(services):
            if not pausing:
                raise LaunchdropError(f"{restored}; nothing else was changed. Check first, then run the command again")
            print_error(restored)
        yield services
        for problem in publish_outbox(services).problems:
            print_error(problem)
        send_new_events(services)
        _print_ledger(services)


def _print_ledger(services: "Services") -> None:
    settings = services.settings
    if settings.ledger != type(settings).model_fields["ledger"].default:
        print_error(f"ledger: {services.ledger}")


def _pause_if_restored(services: "Services") -> str | None:
    from flows.operations.restore_guard import pause_if_restored
    from flows.stores import StoreError

    try:
        return pause_if_restored(services)
    except StoreError:  # launching can still be paused while the archive is unreachable; the next pass checks again
        return None


def _require_utf8(arguments: Iterable[str]) -> None:
    """Raise LaunchdropError for an argument that is not UTF-8: the ledger stores only text."""
    for argument in arguments:
        if any("\ud800" <= c <= "\udfff" for c in argument):
            raise LaunchdropError(f"{replace_unprintable(argument)}: expected text in UTF-8")


def require_known_business(services: "Services", business: str | None) -> None:
    """Raise LaunchdropError if no such business is known. Call this if nothing was found: it may be a typo."""
    from flows.operator_files.businesses import describe_unknown_business

    if error := describe_unknown_business(services, business):
        raise LaunchdropError(error)


def current_user() -> str:
    """The user to record in the history: the one who ran sudo, or else the current one."""
    return os.environ.get("SUDO_USER") or getpass.getuser()


def split_program_name(program: str) -> tuple[str, str]:
    """The two parts of `BUSINESS/REF`. Raises LaunchdropError if one is missing."""
    business, slash, reference = program.partition("/")
    if not (business and slash and reference):
        raise LaunchdropError(f"{program}: expected BUSINESS/REF, such as acme-bank/collections")
    return business, reference
