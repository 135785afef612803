"""Starts a Prefect server and the runner of its deployments as child processes of `serve`, and restarts them."""

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
from flows.serving import LOOPBACK
from flows.serving.child_entry import NOT_NEEDED

Process = subprocess.Popen[bytes]

log = logging.getLogger(__name__)

#: Prefect's own port if it is free, so that its documentation applies. Otherwise any.
PORTS = (4200, 0)
#: Seconds for the server to start. The first start creates its database, which may take a minute on a busy machine.
START_TIMEOUT = 180.0
#: Seconds for a child to stop after SIGINT. Then it is killed.
STOP_TIMEOUT = 20.0
#: Seconds until a child that ended is restarted.
RESTART_DELAY = 5.0


@contextmanager
def running_prefect_server(folder: Path, *, ports: Sequence[int] = PORTS) -> Iterator[str]:
    """The API address of the Prefect server in PREFECT_API_URL, or else of a new one that keeps its data in `folder`.

    A new server listens on the loopback address only, sends no telemetry, and ends with the block. Within the block,
    PREFECT_API_URL is set, so that flows called in this process are recorded there. It uses the first free port of
    `ports`. 0 lets the system choose, which is the only safe way if several servers start at the same time.
    """
    # Log lines of our modules also go to the page of the run. Prefect must not complain about those outside of a run.
    os.environ.setdefault("PREFECT_LOGGING_EXTRA_LOGGERS", "flows")
    os.environ.setdefault("PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW", "ignore")
    if url := os.environ.get("PREFECT_API_URL"):
        yield url
        return
    os.environ.setdefault("PREFECT_HOME", str(folder.absolute() / "prefect"))
    os.environ["PREFECT_SERVER_ANALYTICS_ENABLED"] = "false"
    port = _find_free_port(ports)
    log_file = Path(os.environ["PREFECT_HOME"]) / "server.log"
    command = ("prefect", "server", "start", "--host", LOOPBACK, "--port", str(port))
    with supervised_module(*command, log_file=log_file) as process:
        url = f"http://{LOOPBACK}:{port}/api"
        _wait_until_healthy(process, f"{url}/health", log_file)
        os.environ["PREFECT_API_URL"] = url
        try:
            yield url
        finally:
            del os.environ["PREFECT_API_URL"]


@contextmanager
def supervised_module(module: str, *arguments: str, log_file: Path) -> Iterator[Process]:
    """Run a Python module as a child process, which ends with the block, or with this process if that is killed.

    Yields the first process. If it ends before the block (for example, if the system kills the largest process because
    memory runs out), it is restarted, unless it exits with NOT_NEEDED.
    """
    log_file.parent.mkdir(parents=True, exist_ok=True)
    # The child must not search the current folder for modules: it would load its reports/ as our package.
    env = os.environ | {"PYTHONSAFEPATH": "1"}
    start = partial(_start, module, *arguments, log_file=log_file, env=env)
    processes, done = [start()], threading.Event()
    command = " ".join((module, *arguments))
    supervisor = threading.Thread(target=_restart_when_ended, args=(command, start, processes, done), daemon=True)
    supervisor.start()
    try:
        yield processes[0]
    finally:
        done.set()
        supervisor.join()
        _stop(processes[-1])


def _start(module: str, *arguments: str, log_file: Path, env: dict[str, str]) -> Process:
    with log_file.open("ab") as out:
        return subprocess.Popen(
            [sys.executable, "-m", "flows.serving.child_entry", module, *arguments],
            stdin=subprocess.PIPE,  # nothing is written to it; when it closes, the child ends
            stdout=out,
            stderr=out,
            env=env,
            start_new_session=True,  # so that Ctrl-C in the terminal only reaches this process
        )


def _restart_when_ended(
    command: str, start: Callable[[], Process], processes: list[Process], done: threading.Event
) -> None:
    """Restart the child when it ends. `processes` has all of them, the current one last."""
    while not done.wait(RESTART_DELAY):
        ended = processes[-1]
        if ended.poll() is None:
            continue
        if ended.returncode == NOT_NEEDED:
            return
        log.error("`%s` ended with exit code %d; restarting it", command, ended.returncode)
        _kill_group(ended)
        try:
            processes.append(start())
        except OSError as e:
            log.error("`%s` could not be started: %s", command, e)


def _stop(process: Process) -> None:
    """Ask a child to stop, and kill it if it does not."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            process.wait(STOP_TIMEOUT)
    _kill_group(process)


def _kill_group(process: Process) -> None:
    """Kill a child with its own children, and wait for it. A server's children would keep its port."""
    with suppress(ProcessLookupError, PermissionError):  # none is left; on macOS that is the second error
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert process.stdin is not None
    process.stdin.close()


def _find_free_port(ports: Sequence[int]) -> int:
    for port in ports:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((LOOPBACK, port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise LaunchdropError("no free port for the Prefect server")


def _wait_until_healthy(process: Process, health_url: str, log_file: Path) -> None:
    deadline = time.monotonic() + START_TIMEOUT
    while time.monotonic() < deadline:
        try:
            with urlopen(health_url, timeout=2):  # noqa: S310  our own server's address
                return
        except (URLError, OSError):
            if process.poll() is not None:
                raise LaunchdropError(f"the Prefect server ended during its start; see {log_file}") from None
            time.sleep(0.1)
    raise LaunchdropError(f"the Prefect server did not answer within {START_TIMEOUT:.0f} s; see {log_file}")
