"""A wire between whoever posts and the engines: it can be cut, be slow, answer in the engine's place, and balance.

Unlike `tests/engine/proxy.py` it passes on the very bytes, so that it can stop at any of them. Before several engines
it is what stands for one name: a new connection goes to the first engine that takes it.
"""

from __future__ import annotations

import json
import select
import socket
import socketserver
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from io import BufferedIOBase
from urllib.parse import urlsplit

_CONNECT_S = 2


@dataclass(frozen=True)
class Request:
    """A request as it came."""

    method: str
    path: str
    """Without parameters."""
    head: bytes
    body: bytes

    @property
    def raw(self) -> bytes:
        """All of it."""
        return self.head + self.body


@dataclass(frozen=True)
class Treatment:
    """What becomes of one request; by itself, nothing but that it is passed on."""

    request_bytes: int | None = None
    """The connection is cut after so many bytes of the request."""
    answer_bytes: int | None = None
    """The connection is cut after so many bytes of the answer."""
    delay_s: float = 0.0
    """The answer waits so long."""
    instead: tuple[int, str] | None = None
    """Status and type of error that are answered in the engine's place, which sees nothing."""


PASS = Treatment()
Treat = Callable[[Request], Treatment]


class Wire(socketserver.ThreadingTCPServer):
    """Listens on the loopback before one engine or several."""

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 64

    def __init__(self, engines: Sequence[str]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.engines = [(str(parts.hostname), int(parts.port or 0)) for parts in map(urlsplit, engines)]
        self.treat: Treat = lambda _request: PASS
        """Is asked about every request; may be exchanged at any time."""
        self.treated: list[tuple[Request, Treatment]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def reach(self) -> socket.socket | None:
        """A connection to the first engine that takes one."""
        for engine in self.engines:
            with suppress(OSError):
                return socket.create_connection(engine, timeout=_CONNECT_S)
        return None

    def handle_error(self, request: object, client_address: object) -> None:
        """Be quiet: a connection that breaks is what this is for."""


class _Handler(socketserver.StreamRequestHandler):
    server: Wire
    disable_nagle_algorithm = True

    def handle(self) -> None:
        engine: socket.socket | None = None
        try:
            while self._somebody_asks(engine) and (request := _read_request(self.rfile)):
                treatment = self.server.treat(request)
                self.server.treated.append((request, treatment))
                if treatment.instead:
                    self.wfile.write(_refusal(*treatment.instead))
                    continue
                engine = engine or self.server.reach()
                if engine is None or not self._pass_on(request, treatment, engine):
                    return
        finally:
            if engine:
                engine.close()

    def _somebody_asks(self, engine: socket.socket | None) -> bool:
        """Wait for a request; no, where the client or the engine ended the connection."""
        watched = [self.connection, *([engine] if engine else [])]
        readable, _, _ = select.select(watched, [], [])
        return engine not in readable

    def _pass_on(self, request: Request, treatment: Treatment, engine: socket.socket) -> bool:
        """Whether the connection lives on."""
        engine.settimeout(60)
        engine.sendall(request.raw[: treatment.request_bytes])
        if treatment.request_bytes is not None:
            return False
        with engine.makefile("rb") as source:
            answer = _read_answer(source, request.method)
        if treatment.delay_s:
            time.sleep(treatment.delay_s)
        self.wfile.write(answer[: treatment.answer_bytes])
        return bool(answer) and treatment.answer_bytes is None


def _read_request(source: BufferedIOBase) -> Request | None:
    head = _read_head(source)
    if not head:
        return None
    method, target, _ = head.split(b"\r\n", 1)[0].decode().split(" ", 2)
    return Request(method, urlsplit(target).path, head, source.read(_length(head)))


def _read_answer(source: BufferedIOBase, method: str) -> bytes:
    """Head and body; nothing, where the engine ended the connection."""
    head = _read_head(source)
    return head if method == "HEAD" or not head else head + source.read(_length(head))


def _read_head(source: BufferedIOBase) -> bytes:
    lines = []
    while (line := source.readline()) not in (b"\r\n", b""):
        lines.append(line)
    return b"".join([*lines, b"\r\n"]) if lines else b""


def _length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
        assert name.lower() != b"transfer-encoding", "neither side sends chunks so far"
    return 0


def _refusal(status: int, kind: str) -> bytes:
    error = {"type": kind, "reason": "what the test makes of it"}
    body = json.dumps({"error": {"root_cause": [error], **error}, "status": status}).encode()
    head = f"HTTP/1.1 {status} Refused\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    return head.encode() + body


@contextmanager
def wire(*engines: str) -> Iterator[Wire]:
    """A wire before the engines at those addresses."""
    with Wire(engines) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def from_the(position: int, treatment: Treatment, *, last: int | None = None) -> Treat:
    """Treats requests so from the position on, counted from 0, and up to another, if that is given."""
    seen = iter(range(1_000_000))

    def treat(_request: Request) -> Treatment:
        now = next(seen)
        return treatment if position <= now and (last is None or now <= last) else PASS

    return treat


def only_posts_to(path: str, treatment: Treatment) -> Treat:
    """Treats so what is posted to a path, and passes on everything else."""
    return lambda request: treatment if (request.method, request.path) == ("POST", path) else PASS
