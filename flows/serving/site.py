"""The report site on this machine, for `serve`: reports and metrics over HTTP, on the loopback address only."""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path
from typing import Any

from flows.errors import LaunchdropError

HOST = "127.0.0.1"
#: The operator's page is where whoever opens the bare address wants to be.
FRONT = "/_operator/index.html"


#: Where Prometheus looks; no business's folder can have its name, as those have folders below.
METRICS = "/metrics"

log = logging.getLogger(__name__)

Metrics = Callable[[], bytes]


class _Handler(SimpleHTTPRequestHandler):
    """Pages as they lie there. No lists of folders, no other name for this machine (a page elsewhere could use one)."""

    def __init__(self, *args: Any, metrics: Metrics, pages: bool, **kwargs: Any) -> None:
        self.metrics, self.pages = metrics, pages
        super().__init__(*args, **kwargs)

    def send_head(self) -> Any:
        if self.headers.get("host", "").rpartition(":")[0] not in (HOST, "localhost"):
            self.send_error(421)
            return None
        if self.path == METRICS:
            return self._metrics()
        if not self.pages:
            self.send_error(404)
            return None
        if self.path == "/":
            self.send_response(302)
            self.send_header("location", FRONT)
            self.send_header("content-length", "0")
            self.end_headers()
            return None
        return super().send_head()

    def _metrics(self) -> BytesIO | None:
        try:
            content = self.metrics()
        except Exception as e:
            log.error("metrics: %s", e)
            self.send_error(503)
            return None
        self.send_response(200)
        self.send_header("content-type", "text/plain; version=0.0.4; charset=utf-8")
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        return BytesIO(content)

    def list_directory(self, path: Any) -> None:  # noqa: ARG002  the signature is the library's
        self.send_error(404)

    def end_headers(self) -> None:
        self.send_header("cache-control", "no-cache")
        self.send_header("x-content-type-options", "nosniff")
        super().end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: who reads a report is nobody's business."""


@contextmanager
def site(folder: Path | None, port: int, metrics: Metrics) -> Iterator[str]:
    """Serve `folder`, where there is one, and the metrics for the time of the block; gives the address.

    Port 0 lets the system choose.
    """
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
    answer = partial(_Handler, directory=str(folder), metrics=metrics, pages=folder is not None)
    try:
        server = ThreadingHTTPServer((HOST, port), answer)
    except OSError as e:
        raise LaunchdropError(
            f"the report site cannot use port {port}: {e.strerror}. Set LAUNCHDROP_SITE_PORT to another (0: any)."
        ) from None
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, name="site", daemon=True)
    thread.start()
    try:
        yield f"http://{HOST}:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
