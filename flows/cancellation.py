"""Whether this process was asked to end: long steps ask between two pieces of work, and leave the rest to the next."""

import threading

_asked = threading.Event()


def stop() -> None:
    """Ask this process's steps to end soon."""
    _asked.set()


def stopping() -> bool:
    return _asked.is_set()
