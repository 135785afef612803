"""Checks of `doctor` about what surrounds launchdrop: file systems, clocks, mail, the Prefect server and its workers.

Each check returns what it found in a few words, and raises LaunchdropError if that is not as it should be.
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

import psutil
from urllib3 import BaseHTTPResponse, Retry, make_headers, request
from urllib3.exceptions import HTTPError

from flows.errors import LaunchdropError
from flows.ledger.core.engine import MAX_CLOCK_SKEW
from flows.notifying.digest import MailServer, connect_to_mail_server

TIMEOUT_SECONDS = 5.0
#: Here a lock may not exclude other machines, and changes may become visible late.
NETWORK_FILE_SYSTEMS = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "ceph", "glusterfs", "lustre", "fuse.sshfs", "fuse.s3fs"}
)
#: The deployments in prefect.yaml.
DEPLOYMENT_NAMES = ("intake", "launch", "nightly")
#: From these versions on, Prefect 3.8 fails; with SQLAlchemy silently: no scheduled run ever starts.
INCOMPATIBLE_FROM = {"fastapi": (0, 151), "sqlalchemy": (2, 1)}

#: A Prefect server on SQLite answers 503 while it is busy. All requests made here can be repeated.
_RETRY_IF_BUSY = Retry(
    connect=0, read=0, status=4, status_forcelist={503}, allowed_methods=None, backoff_factor=0.3, raise_on_status=False
)

_API_HINT = "the address should end in /api"


def check_not_world_writable(folder: Path) -> None:
    """Raise LaunchdropError if any user of this machine can write to the folder."""
    if folder.stat().st_mode & stat.S_IWOTH:
        raise LaunchdropError(
            f"any user can write to {folder}, and so could change businesses.yaml; use chmod o-w to prevent it"
        )


def file_system_type(path: Path) -> str:
    """The type of the file system that a path is on, such as ext4."""
    target = path.resolve()
    mounts = psutil.disk_partitions(all=True)
    above = [(len(mount.mountpoint), str(mount.fstype)) for mount in mounts if target.is_relative_to(mount.mountpoint)]
    return max(above)[1]


def check_clocks(clocks: Mapping[str, datetime]) -> str:
    """Compare the current times of these servers with this machine's."""
    now = datetime.now(UTC)
    wrong = {name: time - now for name, time in clocks.items() if abs(time - now) > MAX_CLOCK_SKEW}
    if wrong:
        messages = (
            f"{name} is {abs(skew.total_seconds()):.0f} s {'ahead' if skew > timedelta() else 'behind'}"
            for name, skew in wrong.items()
        )
        raise LaunchdropError(", ".join(messages))
    return f"{', '.join(clocks)} and this machine agree" if clocks else "only this machine's clock is used"


def check_reachable(url: str) -> str:
    """Open a connection to the server of a URL, and send nothing."""
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    try:
        socket.create_connection((host, port), TIMEOUT_SECONDS).close()
    except OSError as e:
        raise LaunchdropError(f"{host}:{port} cannot be reached: {e.strerror or e}") from None
    return f"{host}:{port} can be reached"


def check_mail_server(mail_server: MailServer) -> str:
    """Connect to the mail server, with encryption and login as configured, and send nothing."""
    address = f"{mail_server.host}:{mail_server.port}"
    try:
        with connect_to_mail_server(mail_server) as connection:
            connection.noop()
    except (smtplib.SMTPException, OSError) as e:
        raise LaunchdropError(f"{address}: {e}".splitlines()[0]) from None
    return f"{address} accepts mail" + ("" if mail_server.starttls else ", unencrypted")


def check_versions() -> str:
    """Check that the installed versions of these packages work together."""
    installed = {name: version(name) for name in ("prefect", *INCOMPATIBLE_FROM)}
    for name, limit in INCOMPATIBLE_FROM.items():
        if _major_minor(installed[name]) >= limit:
            raise LaunchdropError(
                f"{name} {installed[name]} does not work with prefect {installed['prefect']}; "
                "scheduled runs may not start"
            )
    return ", ".join(f"{name} {number}" for name, number in installed.items())


def prefect_api_url() -> str | None:
    """The URL of the configured Prefect server; None if there is none."""
    return os.environ.get("PREFECT_API_URL")


def check_prefect_server() -> str:
    """Check that the Prefect server answers and is not older than the Prefect installed here."""
    _query_prefect("/health")
    on_server, installed = str(_query_prefect("/admin/version")), version("prefect")
    if _major_minor(on_server) < _major_minor(installed):
        raise LaunchdropError(
            f"{prefect_api_url()} runs prefect {on_server}, older than {installed} here; upgrade the server first"
        )
    return f"{prefect_api_url()} answers, prefect {on_server}"


def prefect_server_time() -> datetime | None:
    """The time on the Prefect server. None if it does not send one."""
    date = _request_prefect("/health").headers.get("date")
    return parsedate_to_datetime(date) if date else None


def check_deployments() -> str:
    """Check that the deployments of prefect.yaml exist and that a worker runs them."""
    status = {deployment["name"]: deployment["status"] for deployment in _list_deployments()}
    if missing := [name for name in DEPLOYMENT_NAMES if name not in status]:
        raise LaunchdropError(f"not on the server: {', '.join(missing)}")
    if idle := [name for name, state in status.items() if state != "READY"]:
        raise LaunchdropError(f"no worker polls for runs of {', '.join(sorted(idle))}")
    return f"{', '.join(DEPLOYMENT_NAMES)}; a worker polls for their runs"


def deployments_use_workers() -> bool:
    """Whether the deployments on the Prefect server are for workers. Raises LaunchdropError if it does not answer."""
    return any(deployment["work_pool_name"] for deployment in _list_deployments())


def _list_deployments() -> list[dict[str, Any]]:
    names = {"deployments": {"name": {"any_": list(DEPLOYMENT_NAMES)}}}
    deployments: list[dict[str, Any]] = _query_prefect("/deployments/filter", names)
    return deployments


def _query_prefect(path: str, body: Mapping[str, Any] | None = None) -> Any:
    """The JSON answer of the Prefect server to a GET, or to a POST if there is a body."""
    try:
        return _request_prefect(path, body).json()
    except ValueError:
        raise LaunchdropError(f"{prefect_api_url()} is not the API of a Prefect server: {_API_HINT}") from None


def _request_prefect(path: str, body: Mapping[str, Any] | None = None) -> BaseHTTPResponse:
    headers = make_headers(basic_auth=os.environ.get("PREFECT_API_AUTH_STRING"))
    if key := os.environ.get("PREFECT_API_KEY"):
        headers["authorization"] = f"Bearer {key}"
    method, url = "GET" if body is None else "POST", prefect_api_url()
    try:
        answer = request(
            method, f"{url}{path}", json=body, headers=headers, timeout=TIMEOUT_SECONDS, retries=_RETRY_IF_BUSY
        )
    except HTTPError as e:
        raise LaunchdropError(f"{url} does not answer: {getattr(e, 'reason', None) or e}") from None
    if answer.status >= 400:
        hint = f": {_API_HINT}" if answer.status == 404 else ""
        raise LaunchdropError(f"{url} answers {answer.status} {answer.reason}{hint}")
    return answer


def _major_minor(text: str) -> tuple[int, ...]:
    return tuple(map(int, re.findall(r"\d+", text)[:2]))
