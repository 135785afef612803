"""What commands that look into the ledger share: the pipeline, who is asking, and what time it is."""

import getpass
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from flows.cli.output import complain, printable
from flows.errors import LaunchdropError

if TYPE_CHECKING:
    from flows.services import Services


@contextmanager
def opened() -> Iterator["Services"]:
    """The pipeline of the settings in force."""
    from flows.services import open_services
    from flows.settings import load

    _check_typed(sys.argv[1:])
    with open_services(load()) as services:
        yield services


@contextmanager
def changing(*, pausing: bool = False) -> Iterator["Services"]:
    """The same, for a command that changes something: its pages are written anew and its events told.

    Where the ledger is found to be restored, it raises LaunchdropError before anything is changed, but for `pausing`: a change
    brings the ledger on, and might bring it past its marker.
    """
    from flows.notifying.prefect_events import tell_changes
    from flows.publishing.outbox import refresh

    with opened() as services:
        if restored := _restored(services):
            if not pausing:
                raise LaunchdropError(f"{restored}; nothing else was changed. Look first, then give the command again")
            complain(restored)
        yield services
        for problem in refresh(services).problems:
            complain(problem)
        tell_changes(services)


def _restored(services: "Services") -> str | None:
    from flows.operations.restore_guard import check_restored
    from flows.stores import StoreError

    try:
        return check_restored(services)
    except StoreError:  # with the archive away, programs can still be paused; the next pass asks again
        return None


def _check_typed(arguments: Iterable[str]) -> None:
    """That what was typed is text: a ledger keeps nothing else, and knows no name in another encoding."""
    for argument in arguments:
        if any("\ud800" <= c <= "\udfff" for c in argument):
            raise LaunchdropError(f"{printable(argument)}: expected text in UTF-8")


def who() -> str:
    """Who decides, for the history: the user behind sudo, else the user."""
    return os.environ.get("SUDO_USER") or getpass.getuser()


def now() -> datetime:
    return datetime.now(UTC)


def split(program: str) -> tuple[str, str]:
    """`BUSINESS/REF` as its two parts."""
    business, slash, reference = program.partition("/")
    if not (business and slash and reference):
        raise LaunchdropError(f"{program}: expected BUSINESS/REF, as in acme-bank/collections")
    return business, reference
