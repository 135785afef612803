"""A small proxy that injects one fault: at the n-th request, of a chosen kind."""

import http.client
import re
import socket
import struct
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

#: lost: the server handles the request but its answer never arrives. conflict: a conditional write fails with 409.
FAULTS = ("500", "503", "timeout", "reset", "lost", "truncated", "conflict")
ERRORS = {"500": "InternalError", "503": "SlowDown", "409": "ConditionalRequestConflict"}


class FaultyProxy:
    """Sits between a client and a server. `plan` sets the next fault; `calls` counts the requests since then."""

    def __init__(self, server, client_timeout):
        self.server, self.client_timeout = urlsplit(server), client_timeout
        self.lock = threading.Lock()
        self.plan(0, None)
        handler = type("Handler", (_Handler,), {"proxy": self})
        self.http = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.http.daemon_threads = True
        threading.Thread(target=self.http.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.http.server_address[1]}"

    def plan(self, at, fault):
        self.at, self.fault, self.calls = at, fault, 0

    def next_fault(self):
        with self.lock:
            self.calls += 1
            return self.fault if self.calls == self.at else None

    def close(self):
        self.http.shutdown()
        self.http.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def serve(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        fault = self.proxy.next_fault()
        if fault == "conflict":
            fault = "409" if "If-None-Match" in self.headers else "503"
        if fault == "timeout":
            threading.Event().wait(2 * self.proxy.client_timeout)
        if fault in ERRORS:
            self.refuse(int(fault), ERRORS[fault])
        elif fault in ("timeout", "reset"):
            self.cut()
        else:
            self.answer(fault, *self.forward(body))

    def forward(self, body):
        upstream = http.client.HTTPConnection(self.proxy.server.hostname, self.proxy.server.port)
        headers = {k: v for k, v in self.headers.items() if k.lower() not in ("connection", "expect")}
        upstream.request(self.command, self.path, body, headers)
        answer = upstream.getresponse()
        content = answer.read()
        upstream.close()
        return answer.status, answer.getheaders(), content

    def answer(self, fault, status, headers, content):
        if fault == "lost" or (fault == "truncated" and not content):
            self.cut()
            return
        self.send_response_only(status)
        for name, value in headers:
            if not re.fullmatch("(?i)connection|transfer-encoding|content-length", name):
                self.send_header(name, value)
        length = dict(headers).get("Content-Length", len(content)) if self.command == "HEAD" else len(content)
        self.send_header("Content-Length", str(length))
        self.end_headers()
        self.wfile.write(content[: len(content) // 2] if fault == "truncated" else content)
        if fault == "truncated":
            self.cut()

    def refuse(self, status, code):
        text = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>injected</Message></Error>".encode()
        self.send_response_only(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(text)

    def cut(self):
        """Reset the connection instead of closing it."""
        self.wfile.flush()
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
        self.connection.close()

    def __getattr__(self, name):
        """http.server looks for a method named after each HTTP verb, such as do_GET."""
        if name.startswith("do_"):
            return self.serve
        raise AttributeError(name)

    def finish(self):
        if self.connection.fileno() >= 0:
            super().finish()
