"""Child processes as the tests of `serve` look at them. A zombie counts as dead: nobody may have reaped it yet."""

from contextlib import suppress

import psutil


def is_alive(pid):
    with suppress(psutil.NoSuchProcess):
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    return False


def children_of(process):
    """The command lines of a process's children, by their process ids."""
    found = {}
    for child in psutil.Process(process.pid).children():
        with suppress(psutil.NoSuchProcess):  # also raised for a zombie
            found[child.pid] = " ".join(child.cmdline())
    return found
