"""What can go wrong with the ledger: each is one line for the person who runs launchdrop."""

from flows.errors import LaunchdropError


class LedgerError(LaunchdropError):
    """The ledger cannot be used, or cannot do what was asked; the text is one line, fit to be shown."""


class Outdated(LedgerError):
    """What was judged or read is no longer so (a number was claimed, a state moved): read and judge again."""


class LeaseLost(LedgerError):
    """Somebody else has taken over; whatever the holder of the old token still wants to write is refused."""
