"""A Prefect server and the runner of its deployments, as children of `serve`."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from flows.trouble import Trouble

HOST = "127.0.0.1"
#: Prefect's own where it is free, so that its documentation holds; else any.
PORTS = (4200, 0)
#: A first start makes the server's database; that takes the better part of a minute on a busy machine.
PATIENCE = 180.0
STOP = 20.0


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
    log = Path(os.environ["PREFECT_HOME"]) / "server.log"
    command = ["-m", "prefect", "server", "start", "--host", HOST, "--port", str(port)]
    with child(command, log) as process:
        url = f"http://{HOST}:{port}/api"
        _wait(process, f"{url}/health", log)
        os.environ["PREFECT_API_URL"] = url
        try:
            yield url
        finally:
            del os.environ["PREFECT_API_URL"]


@contextmanager
def child(arguments: list[str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A Python process of ours, out of the terminal's reach (Ctrl-C is for us to hear first), ended with the block."""
    log.parent.mkdir(parents=True, exist_ok=True)
    # The folder it runs in must not be searched for modules: its reports/ would be taken for the package of that name.
    env = os.environ | {"PYTHONSAFEPATH": "1"}
    with log.open("ab") as out:
        process = subprocess.Popen(
            [sys.executable, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            env=env,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        _stop(process)


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Ask, then insist; its own children go with it."""
    for request in (signal.SIGINT, signal.SIGKILL):
        if process.poll() is not None:
            return
        os.killpg(process.pid, request)
        try:
            process.wait(STOP)
        except subprocess.TimeoutExpired:
            continue


def _free_port(ports: Sequence[int]) -> int:
    for port in ports:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise Trouble("no port is free for the Prefect server")


def _wait(process: subprocess.Popen[bytes], health: str, log: Path) -> None:
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        try:
            with urlopen(health, timeout=2):  # noqa: S310  an address of our own making
                return
        except (URLError, OSError):
            if process.poll() is not None:
                raise Trouble(f"the Prefect server ended at its start; {log} says why") from None
            time.sleep(0.1)
    raise Trouble(f"the Prefect server did not answer within {PATIENCE:.0f} s; {log} says more")
