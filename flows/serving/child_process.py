"""`python -m flows.serving.child_process MODULE …`: a module as a child that never outlives its parent, however that ends.

The parent holds the other end of its standard input, and that end closes with the parent even when it is killed. What
Linux has for this (PR_SET_PDEATHSIG) goes by the thread that started the child, which may end before.
"""

import os
import runpy
import signal
import sys
import threading

#: How a child ends that found nothing to do: it is not started again.
NOT_NEEDED = 64


def main() -> None:
    del sys.argv[0]
    threading.Thread(target=_end_with_the_parent, daemon=True).start()
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


def _end_with_the_parent() -> None:
    # Not through sys.stdin: its lock, held by a thread that waits, would keep Python from ending by itself.
    while os.read(0, 1):
        pass
    os.killpg(0, signal.SIGKILL)  # itself and what it started; nobody is left to wait for a slower end


if __name__ == "__main__":
    main()
