"""Processes that work for another one, and must not outlive it."""

import os
import threading
from multiprocessing import connection, parent_process


def end_with_the_parent() -> None:
    """To be called in a child: a parent that was killed cannot tell it to end, and it would wait for work for ever."""
    parent = parent_process()
    assert parent is not None

    def wait() -> None:
        connection.wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()
