"""LaunchdropError, and how a failure with one drop or file is contained so that the rest of the work goes on."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

log = logging.getLogger(__name__)

T = TypeVar("T")


class LaunchdropError(Exception):
    """Something that a person can fix. The message is one line: what is wrong, what was expected, how to fix it.

    Commands show it and exit with 2.
    """


@dataclass(frozen=True, slots=True)
class Failure:
    """Why the work on one drop or file failed: one line for the operator."""

    problem: str


def catch_failure(work: Callable[[], T], *, subject: str, action: str) -> T | Failure:
    """Do the work on one drop or file, and return its result. Any error becomes a Failure, so that the others go on.

    The Failure says that `subject` ("drop acme/a") could not be `action` ("taken").
    """
    try:
        return work()
    except LaunchdropError as error:
        return Failure(f"{subject} could not be {action}: {error}")
    except Exception as error:
        log.exception("%s could not be %s", subject, action)
        return Failure(f"{subject} could not be {action}: {type(error).__name__}, a bug in launchdrop; see the log")


class FailureStreak:
    """Counts failures in a row. A long streak means a store or the ledger is down, so the rest need not be tried."""

    #: This many failures in a row are not the fault of single drops or files.
    LONG = 20

    def __init__(self) -> None:
        self.length = 0

    def record(self, *, failed: bool) -> None:
        self.length = self.length + 1 if failed else 0

    @property
    def is_long(self) -> bool:
        return self.length >= self.LONG
