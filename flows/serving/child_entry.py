"""`python -m flows.serving.child_entry MODULE …`: run a module that ends with its parent, no matter how that ends.

The parent holds the other end of this process's standard input. The system closes it when the parent ends, even if it
was killed. Linux's own way (PR_SET_PDEATHSIG) would end the child as soon as the thread that started it ends. The
processes in `flows.scaling.processes` need none of this: `multiprocessing` gives them a handle on their parent.
"""

import os
import runpy
import signal
import sys
import threading

#: The exit code of a child that has nothing to do. It is not restarted.
NOT_NEEDED = 64


def run_module_with_parent() -> None:
    """Run the module that the command line names as `__main__`, with the rest of the command line as its own."""
    del sys.argv[0]
    threading.Thread(target=_end_with_parent, daemon=True).start()
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


def _end_with_parent() -> None:
    # Not through sys.stdin: this waiting thread would hold its lock, and Python could not exit by itself.
    while os.read(0, 1):
        pass
    os.killpg(0, signal.SIGKILL)  # this process and its children; nobody is left to wait for a slower end


if __name__ == "__main__":
    run_module_with_parent()
