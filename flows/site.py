"""The report site on this machine, for `serve`: the folder of reports over HTTP, on the loopback address only."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from flows.trouble import Trouble

HOST = "127.0.0.1"
#: The operator's page is where whoever opens the bare address wants to be.
FRONT = "/_operator/index.html"


class _Handler(SimpleHTTPRequestHandler):
    """Pages as they lie there. No lists of folders, no other name for this machine (a page elsewhere could use one)."""

    def send_head(self) -> Any:
        if self.headers.get("host", "").rpartition(":")[0] not in (HOST, "localhost"):
            self.send_error(421)
            return None
        if self.path == "/":
            self.send_response(302)
            self.send_header("location", FRONT)
            self.send_header("content-length", "0")
            self.end_headers()
            return None
        return super().send_head()

    def list_directory(self, path: Any) -> None:  # noqa: ARG002  the signature is the library's
        self.send_error(404)

    def end_headers(self) -> None:
        self.send_header("cache-control", "no-cache")
        self.send_header("x-content-type-options", "nosniff")
        super().end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: who reads a report is nobody's business."""


@contextmanager
def site(folder: Path, port: int) -> Iterator[str]:
    """Serve `folder` for the time of the block; gives the address. Port 0 lets the system choose."""
    folder.mkdir(parents=True, exist_ok=True)
    try:
        server = ThreadingHTTPServer((HOST, port), partial(_Handler, directory=str(folder)))
    except OSError as e:
        raise Trouble(
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
