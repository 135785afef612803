"""A request for this process to stop. Long steps check it between pieces of work and leave the rest to the next run."""

import threading

_stop_requested = threading.Event()


def request_stop() -> None:
    """Ask the steps that run in this process to stop soon."""
    _stop_requested.set()


def stop_requested() -> bool:
    """Whether this process was asked to stop."""
    return _stop_requested.is_set()
