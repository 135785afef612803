"""The ledger's errors. Each text is one line, for the person who runs launchdrop."""

from flows.errors import LaunchdropError


class LedgerError(LaunchdropError):
    """The ledger cannot be used, or cannot do what was asked."""


class NoLedger(LedgerError):
    """There is no ledger yet, and this work must not create one: an empty ledger would hide a wrong setting."""


class Outdated(LedgerError):
    """What was read or judged has changed since: a number was claimed, a state moved. Read and judge it again."""


class LeaseLost(LedgerError):
    """Another process has taken over the lease. What the previous owner still wants to write is refused."""
