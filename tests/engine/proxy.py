"""An HTTP proxy on the loopback that forwards to an engine and remembers what passed."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple
from urllib.parse import urlsplit

_OF_ONE_CONNECTION = {"connection", "host", "keep-alive", "transfer-encoding", "content-length"}


class Passed(NamedTuple):
    """A request that was forwarded."""

    method: str
    path: str
    """Without parameters."""


class Proxy(ThreadingHTTPServer):
    """Forwards everything, answers included, unchanged."""

    daemon_threads = True

    def __init__(self, engine: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.engine = urlsplit(engine)
        self.passed: list[Passed] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # one packet an answer
    server: Proxy

    def forward(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.passed.append(Passed(self.command, urlsplit(self.path).path))
        status, headers, answer = self._ask(body)
        self.send_response(status)
        for name, value in headers:
            if name.lower() not in _OF_ONE_CONNECTION:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer)

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = forward  # noqa: N815 - http.server's names

    def _ask(self, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        headers = {name: value for name, value in self.headers.items() if name.lower() not in _OF_ONE_CONNECTION}
        engine = http.client.HTTPConnection(str(self.server.engine.hostname), self.server.engine.port, timeout=60)
        try:
            engine.request(self.command, self.path, body or None, headers)
            answer = engine.getresponse()
            return answer.status, answer.getheaders(), answer.read()
        finally:
            engine.close()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Be quiet."""


@contextmanager
def proxy(engine: str) -> Iterator[Proxy]:
    """A proxy before the engine at that address."""
    with Proxy(engine) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
