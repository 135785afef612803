"""A Prefect server and the runner of its deployments, as children of `serve`."""

import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from flows.errors import LaunchdropError
from flows.serving.child_process import NOT_NEEDED

Process = subprocess.Popen[bytes]

log = logging.getLogger(__name__)

HOST = "127.0.0.1"
#: Prefect's own where it is free, so that its documentation holds; else any.
PORTS = (4200, 0)
#: A first start makes the server's database; that takes the better part of a minute on a busy machine.
PATIENCE = 180.0
STOP = 20.0
#: Seconds until one that ended is started again.
PAUSE = 5.0


@contextmanager
def server(folder: Path, *, ports: Sequence[int] = PORTS) -> Iterator[str]:
    """The API address of the Prefect server that is set (PREFECT_API_URL), else of one of our own, kept in `folder`.

    Our own binds to the loopback address, tells nobody that it runs, and ends with the block. The address is in the
    environment meanwhile, so that flows called in this process are seen there. Of `ports` it takes the first that is
    free; 0 lets the system choose, which alone is sure where others start one at the same time.
    """
    # What our modules log within a run is on its page too; what they log outside of one is not to be complained about.
    os.environ.setdefault("PREFECT_LOGGING_EXTRA_LOGGERS", "flows")
    os.environ.setdefault("PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW", "ignore")
    if url := os.environ.get("PREFECT_API_URL"):
        yield url
        return
    os.environ.setdefault("PREFECT_HOME", str(folder.absolute() / "prefect"))
    os.environ["PREFECT_SERVER_ANALYTICS_ENABLED"] = "false"
    port = _free_port(ports)
    said = Path(os.environ["PREFECT_HOME"]) / "server.log"
    with child("prefect", "server", "start", "--host", HOST, "--port", str(port), said=said) as process:
        url = f"http://{HOST}:{port}/api"
        _wait(process, f"{url}/health", said)
        os.environ["PREFECT_API_URL"] = url
        try:
            yield url
        finally:
            del os.environ["PREFECT_API_URL"]


@contextmanager
def child(module: str, *arguments: str, said: Path) -> Iterator[Process]:
    """A Python module in a process of its own, ended with the block, or with this process if that is killed.

    Gives its first process: should it end before the block (the system kills the largest where memory runs out),
    another one takes its place, but for one that ends as NOT_NEEDED.
    """
    said.parent.mkdir(parents=True, exist_ok=True)
    # The folder it runs in must not be searched for modules: its reports/ would be taken for the package of that name.
    env = os.environ | {"PYTHONSAFEPATH": "1"}
    start = partial(_start, module, *arguments, said=said, env=env)
    processes, over = [start()], threading.Event()
    what = " ".join((module, *arguments))
    watch = threading.Thread(target=_start_again, args=(what, start, processes, over), daemon=True)
    watch.start()
    try:
        yield processes[0]
    finally:
        over.set()
        watch.join()
        _stop(processes[-1])


def _start(module: str, *arguments: str, said: Path, env: dict[str, str]) -> Process:
    with said.open("ab") as out:
        return subprocess.Popen(
            [sys.executable, "-m", "flows.serving.child_process", module, *arguments],
            stdin=subprocess.PIPE,  # nothing is written: its end is the child's sign
            stdout=out,
            stderr=out,
            env=env,
            start_new_session=True,  # out of the terminal's reach: Ctrl-C is for us to hear first
        )


def _start_again(what: str, start: Callable[[], Process], processes: list[Process], over: threading.Event) -> None:
    """Put another process in the place of one that ended, until it is over."""
    while not over.wait(PAUSE):
        ended = processes[-1]
        if ended.poll() is None:
            continue
        if ended.returncode == NOT_NEEDED:
            return
        log.error("`%s` ended with %d; it is started again", what, ended.returncode)
        _clear_away(ended)
        try:
            processes.append(start())
        except OSError as e:
            log.error("`%s` could not be started: %s", what, e)


def _stop(process: Process) -> None:
    """Ask, then insist."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            process.wait(STOP)
    _clear_away(process)


def _clear_away(process: Process) -> None:
    """Leave nothing of a process and of its own children: a server's would keep its port."""
    with suppress(ProcessLookupError, PermissionError):  # none is left; macOS says the latter
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert process.stdin is not None
    process.stdin.close()


def _free_port(ports: Sequence[int]) -> int:
    for port in ports:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise LaunchdropError("no port is free for the Prefect server")


def _wait(process: Process, health: str, said: Path) -> None:
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        try:
            with urlopen(health, timeout=2):  # noqa: S310  an address of our own making
                return
        except (URLError, OSError):
            if process.poll() is not None:
                raise LaunchdropError(f"the Prefect server ended at its start; {said} says why") from None
            time.sleep(0.1)
    raise LaunchdropError(f"the Prefect server did not answer within {PATIENCE:.0f} s; {said} says more")
