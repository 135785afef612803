"""The report site of `serve`: reports and metrics over HTTP, on the loopback address only."""

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
from flows.serving import LOOPBACK

#: The bare address redirects to the operator's page.
FRONT_PAGE = "/_operator/index.html"
#: Where Prometheus reads metrics. A business named `metrics` does not collide: its pages are in /metrics/.
METRICS_PATH = "/metrics"

log = logging.getLogger(__name__)

RenderMetrics = Callable[[], bytes]


class _Handler(SimpleHTTPRequestHandler):
    """Serves pages as files. Lists no folders, and answers to no other host name: another site's page could use one."""

    def __init__(self, *args: Any, render_metrics: RenderMetrics, has_pages: bool, **kwargs: Any) -> None:
        self.render_metrics, self.has_pages = render_metrics, has_pages
        super().__init__(*args, **kwargs)

    def send_head(self) -> Any:
        if self.headers.get("host", "").rpartition(":")[0] not in (LOOPBACK, "localhost"):
            self.send_error(421)
            return None
        if self.path == METRICS_PATH:
            return self._send_metrics()
        if not self.has_pages:
            self.send_error(404)
            return None
        if self.path == "/":
            self.send_response(302)
            self.send_header("location", FRONT_PAGE)
            self.send_header("content-length", "0")
            self.end_headers()
            return None
        return super().send_head()

    def _send_metrics(self) -> BytesIO | None:
        try:
            content = self.render_metrics()
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
        """Log nothing: who reads which report is private."""


@contextmanager
def report_site(folder: Path | None, port: int, render_metrics: RenderMetrics) -> Iterator[str]:
    """Serve the pages in `folder`, if there is one, and the metrics while the block runs. Yields the address.

    With port 0 the system chooses one.
    """
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
    handler = partial(_Handler, directory=str(folder), render_metrics=render_metrics, has_pages=folder is not None)
    try:
        server = ThreadingHTTPServer((LOOPBACK, port), handler)
    except OSError as e:
        raise LaunchdropError(
            f"the report site cannot use port {port}: {e.strerror}. Set LAUNCHDROP_SITE_PORT to another one (0: any)."
        ) from None
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, name="site", daemon=True)
    thread.start()
    try:
        yield f"http://{LOOPBACK}:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
