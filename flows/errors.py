"""LaunchdropError: the world is not as it must be, in a way that a person can mend."""


class LaunchdropError(Exception):
    """Says in one plain line what is wrong, what was expected, and how to mend it. Commands show it and exit with 2."""


class FailureStreak:
    """Counts failures in a row. A long streak means a store or the ledger is down, so the rest need not be tried."""

    #: So many failures in a row are not the fault of single drops or files.
    LONG = 20

    def __init__(self) -> None:
        self.length = 0

    def record(self, *, failed: bool) -> None:
        self.length = self.length + 1 if failed else 0

    @property
    def is_long(self) -> bool:
        return self.length >= self.LONG
