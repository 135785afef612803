"""What is around launchdrop, as `doctor` asks for it: file systems, clocks, mail, the Prefect server and its workers.

Each gives what it saw in a few words, and raises LaunchdropError where that is not well.
"""

import os
import re
import smtplib
import socket
import stat
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from urllib3 import BaseHTTPResponse, Retry, make_headers, request
from urllib3.exceptions import HTTPError

from flows.errors import LaunchdropError
from flows.ledger.core.engine import MAX_CLOCK_SKEW
from flows.notifying.digest import MailServer, connect_to_mail_server

TIMEOUT_SECONDS = 5.0
#: Where a lock may hold less than it says, or a file be seen late.
NETWORK_FILE_SYSTEMS = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "ceph", "glusterfs", "lustre", "fuse.sshfs", "fuse.s3fs"}
)
#: What prefect.yaml deploys.
DEPLOYMENT_NAMES = ("intake", "launch", "nightly")
#: Versions with which Prefect 3.8 fails, the second silently: nothing scheduled ever runs.
INCOMPATIBLE_FROM = {"fastapi": (0, 151), "sqlalchemy": (2, 1)}

#: A Prefect server on SQLite may be busy for a moment, and says so by 503; what doctor asks may be asked again.
_IF_BUSY = Retry(
    connect=0, read=0, status=4, status_forcelist={503}, allowed_methods=None, backoff_factor=0.3, raise_on_status=False
)

_ENDS = "such an address ends in /api"


def check_not_world_writable(folder: Path) -> None:
    """That not everybody on this machine may write there."""
    if folder.stat().st_mode & stat.S_IWOTH:
        raise LaunchdropError(
            f"{folder} can be written to by everybody, so anybody may change businesses.yaml: chmod o-w"
        )


def file_system_type(path: Path) -> str:
    """The kind of file system that a path is on, by the longest mount point above it."""
    mounts = [line.split() for line in Path("/proc/self/mounts").read_text().splitlines()]
    where = path.resolve()
    above = [(len(point), kind) for _, point, kind, *_ in mounts if where.is_relative_to(_plain(point))]
    return max(above)[1]


def _plain(point: str) -> str:
    """A mount point, its spaces and the like unescaped."""
    return re.sub(r"\\([0-7]{3})", lambda m: chr(int(m[1], 8)), point)


def check_clocks(clocks: Mapping[str, datetime]) -> str:
    """That these clocks agree with this machine's."""
    now = datetime.now(UTC)
    wrong = {name: time - now for name, time in clocks.items() if abs(time - now) > MAX_CLOCK_SKEW}
    if wrong:
        said = (
            f"{name} is {abs(by.total_seconds()):.0f} s {'ahead' if by > timedelta() else 'behind'}"
            for name, by in wrong.items()
        )
        raise LaunchdropError(", ".join(said))
    return f"{', '.join(clocks)} and this machine agree" if clocks else "this machine's alone"


def check_reachable(url: str) -> str:
    """That something listens there; nothing is sent."""
    parts = urlsplit(url)
    place = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    try:
        socket.create_connection(place, TIMEOUT_SECONDS).close()
    except OSError as e:
        raise LaunchdropError(f"{place[0]}:{place[1]} cannot be reached: {e.strerror or e}") from None
    return f"{place[0]}:{place[1]} can be reached"


def check_mail_server(mail: MailServer) -> str:
    """That it would take a mail: reached, encrypted and logged in as is set."""
    try:
        with connect_to_mail_server(mail) as server:
            server.noop()
    except (smtplib.SMTPException, OSError) as e:
        raise LaunchdropError(f"{mail.host}:{mail.port}: {e}".splitlines()[0]) from None
    return f"{mail.host}:{mail.port} takes mail" + ("" if mail.starttls else ", unencrypted")


def check_versions() -> str:
    """That what is installed goes together."""
    have = {name: version(name) for name in ("prefect", *INCOMPATIBLE_FROM)}
    for name, limit in INCOMPATIBLE_FROM.items():
        if _numbers(have[name]) >= limit:
            raise LaunchdropError(
                f"{name} {have[name]} does not go with prefect {have['prefect']}: scheduled runs may not start"
            )
    return ", ".join(f"{name} {number}" for name, number in have.items())


def prefect_api_url() -> str | None:
    """The address of the Prefect server that is set."""
    return os.environ.get("PREFECT_API_URL")


def check_prefect_server() -> str:
    """That it answers, and is not older than what talks to it."""
    query_prefect("/health")
    theirs, ours = str(query_prefect("/admin/version")), version("prefect")
    if _numbers(theirs) < _numbers(ours):
        raise LaunchdropError(f"{prefect_api_url()} is prefect {theirs}, older than the {ours} here: upgrade the server first")
    return f"{prefect_api_url()} answers, prefect {theirs}"


def prefect_server_time() -> datetime | None:
    told = _answer("/health").headers.get("date")
    return parsedate_to_datetime(told) if told else None


def check_deployments() -> str:
    """That what prefect.yaml deploys is there, and that somebody carries it out."""
    status = {deployment["name"]: deployment["status"] for deployment in _deployed()}
    if missing := [name for name in DEPLOYMENT_NAMES if name not in status]:
        raise LaunchdropError(f"not on the server: {', '.join(missing)}")
    if idle := [name for name, state in status.items() if state != "READY"]:
        raise LaunchdropError(f"no worker asks for the runs of {', '.join(sorted(idle))}")
    return f"{', '.join(DEPLOYMENT_NAMES)}; a worker asks for their runs"


def deployments_use_workers() -> bool:
    """Whether what is deployed to the Prefect server is for workers of a pool. Raises LaunchdropError where it is away."""
    return any(deployment["work_pool_name"] for deployment in _deployed())


def _deployed() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = query_prefect("/deployments/filter", {"deployments": {"name": {"any_": list(DEPLOYMENT_NAMES)}}})
    return found


def query_prefect(path: str, body: Mapping[str, Any] | None = None) -> Any:
    try:
        return _answer(path, body).json()
    except ValueError:
        raise LaunchdropError(f"{prefect_api_url()} is no Prefect server's API: {_ENDS}") from None


def _answer(path: str, body: Mapping[str, Any] | None = None) -> BaseHTTPResponse:
    headers = make_headers(basic_auth=os.environ.get("PREFECT_API_AUTH_STRING"))
    if key := os.environ.get("PREFECT_API_KEY"):
        headers["authorization"] = f"Bearer {key}"
    method = "GET" if body is None else "POST"
    try:
        answer = request(method, f"{prefect_api_url()}{path}", json=body, headers=headers, timeout=TIMEOUT_SECONDS, retries=_IF_BUSY)
    except HTTPError as e:
        raise LaunchdropError(f"{prefect_api_url()} does not answer: {getattr(e, 'reason', None) or e}") from None
    if answer.status >= 400:
        hint = f": {_ENDS}" if answer.status == 404 else ""
        raise LaunchdropError(f"{prefect_api_url()} answers {answer.status} {answer.reason}{hint}")
    return answer


def _numbers(said: str) -> tuple[int, ...]:
    return tuple(map(int, re.findall(r"\d+", said)[:2]))
