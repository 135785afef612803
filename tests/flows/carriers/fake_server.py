"""Fake carriers: HTTP servers on loopback that store programs, inject faults on demand, and record misuse."""

import json
import random
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar


@dataclass
class Answer:
    status: int
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)


#: Faults before a request is processed, and after.
FAULTS_BEFORE = ("drop", "429", "503", "503 dated")
FAULTS_AFTER = ("lose", "lose half", "500", "slow", "twice")


class QuietHTTPServer(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, *_: object) -> None:
        """Print nothing: in these tests clients hang up or are killed on purpose."""


class FakeServer:
    """Base of the fakes. Passes each request to `answer`, with the fault that `faults` returns for it."""

    secret: ClassVar[str] = "whsec_c3RhbmQtaW4gc2VjcmV0IG9mIHRlc3Rz"

    def __init__(self) -> None:
        self.violations: list[str] = []
        self.requests: list[tuple[str, str]] = []
        self.faults: Callable[[], str | None] = lambda: None
        self.slow_seconds = 0.5
        self.lock = threading.Lock()
        self._http = QuietHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._http.server_port}/v1"

    def answer(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        raise NotImplementedError

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def handle_any(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                server.handle(self, body)

            do_GET = do_POST = do_PUT = handle_any  # noqa: N815  the names http.server looks for

            def log_message(self, *_: object) -> None: ...

        return Handler

    def handle(self, handler: BaseHTTPRequestHandler, body: bytes) -> None:
        headers = {name.lower(): value for name, value in handler.headers.items()}
        with self.lock:
            self.requests.append((handler.command, handler.path))
            fault = self.faults()
            if fault in FAULTS_BEFORE:
                return self.fail_before(handler, fault)
            answer = self.answer(handler.command, handler.path.removeprefix("/v1/"), headers, body)
        return self.send_answer(handler, answer, fault)

    def fail_before(self, handler: BaseHTTPRequestHandler, fault: str) -> None:
        if fault == "drop":
            return hang_up(handler)
        soon = datetime.now(UTC).strftime("%a, %d %b %Y %H:%M:%S GMT") if "dated" in fault else "0"
        return send(handler, Answer(int(fault[:3]), {"detail": "later"}, {"retry-after": soon}))

    def send_answer(self, handler: BaseHTTPRequestHandler, answer: Answer, fault: str | None) -> None:
        if fault == "lose":
            return hang_up(handler)
        if fault == "lose half":
            content = json.dumps(answer.body or {"filler": "x" * 50}).encode()
            handler.wfile.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(content) + content[:-3])
            return hang_up(handler)
        if fault == "slow":
            time.sleep(self.slow_seconds)
        send(handler, Answer(500) if fault == "500" else answer)
        if fault == "twice":
            send(handler, answer)
        return None

    @contextmanager
    def running(self) -> Iterator["FakeServer"]:
        thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._http.shutdown()
            self._http.server_close()
            thread.join()


def send(handler: BaseHTTPRequestHandler, answer: Answer) -> None:
    content = b"" if answer.body is None else json.dumps(answer.body).encode()
    try:
        handler.send_response(answer.status)
        for name, value in answer.headers.items():
            handler.send_header(name, value)
        handler.send_header("content-length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content)
    except OSError:
        handler.close_connection = True  # the client has given up, or was killed


def hang_up(handler: BaseHTTPRequestHandler) -> None:
    """Close the connection without an answer: it is lost."""
    handler.close_connection = True
    try:
        handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        handler.connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass


def random_faults(
    seed: int, share: float, kinds: tuple[str, ...] = FAULTS_BEFORE + FAULTS_AFTER
) -> Callable[[], str | None]:
    """Faults of these kinds for a share of the requests. The same seed gives the same faults."""
    dice = random.Random(seed)
    return lambda: dice.choice(kinds) if dice.random() < share else None


def faults_in_order(*faults: str | None) -> Callable[[], str | None]:
    """One of these faults for each of the next requests, then none."""
    left = list(faults)
    return lambda: left.pop(0) if left else None


@dataclass
class FakeProgram:
    """A program that a fake carrier has."""

    facts: dict[str, Any]
    numbers: dict[int, str] = field(default_factory=dict)
    arrivals: dict[int, int] = field(default_factory=dict)  # how often each number was added
    branding: Any = None
    ended: bool = False
