"""LaunchdropError: the world is not as it must be, in a way that a person can mend."""


class LaunchdropError(Exception):
    """Says in one plain line what is wrong, what was expected, and how to mend it. Commands show it and exit with 2."""
