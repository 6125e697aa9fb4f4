"""The open port: HTTP/1.1 from whoever comes, within limits of size, time and number.

Whoever reaches the port decides what is sent, so every limit is kept here, and nothing that is sent ends the server.
"""

from __future__ import annotations

import errno
import json
import os
import re
import socket
import socketserver
import ssl
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPException
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from queue import Full, Queue
from typing import Any, NoReturn

from toolkit.errors import ToolkitError, UsageError
from toolkit.listen import masking
from toolkit.listen.check import Checked
from toolkit.listen.request import Received, Trouble

BODY_MAX = 1024 * 1024  # bytes; a message of OCS's has one or two thousand
HEAD_MAX = 64 * 1024  # bytes of request line and headers
CONNECTIONS_MAX = 64
IDLE_S = 600.0
"""Seconds that a connection may wait for its next request: OCS's interval may be long."""
REQUEST_S = 20.0
"""Seconds that a whole request may take, the TLS handshake and the reading of the answer included."""
_WAITING_MAX = 32  # requests that were answered and not looked at yet; more wait for their answer
_TLS_HELLO = b"\x16"
_NO_ADDRESS_OF_OURS = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT, errno.EINVAL)

Judge = Callable[[Received], Checked]
Heard = Checked | Trouble


class Listener(socketserver.ThreadingTCPServer):
    """Takes requests, answers them as they are judged, and queues them in `heard`."""

    daemon_threads = True
    block_on_close = False
    allow_reuse_address = os.name != "nt"  # Windows would let another program take the port over
    request_queue_size = CONNECTIONS_MAX

    def __init__(
        self,
        address: str,
        port: int,
        judge: Judge,
        *,
        tls: ssl.SSLContext | None = None,
        status: int | None = None,
        count: int | None = None,
    ) -> None:
        """Open the port.

        Args:
            address: the address to listen at, a name or a number.
            port: 0: any that is free.
            judge: says what is to be said of a request.
            tls: certificate and key; None: plain HTTP.
            status: the answer to every request; None: what Elasticsearch would answer.
            count: requests after which no more are taken; None: no end.

        Raises:
            ToolkitError: the address cannot be listened at.
        """
        self.judge, self.tls, self.status, self.count = judge, tls, status, count
        self.heard: Queue[Heard] = Queue(_WAITING_MAX)
        self.dropped = 0
        """What was no request and was not even queued, since too much of it came."""
        self.closed = threading.Event()
        self._lock = threading.Lock()
        self._deadlines: dict[_Handler, float] = {}
        self._connections = 0
        self._taken = 0
        try:
            self.address_family, _, _, _, where = socket.getaddrinfo(
                address, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
            )[0]
            super().__init__(where[:2], _Handler)  # type: ignore[arg-type]
        except OSError as error:
            raise _unusable(address, port, error) from error

    @property
    def url(self) -> str:
        """Where it listens."""
        host, port = self.server_address[:2]
        shown = f"[{host!s}]" if ":" in str(host) else str(host)
        return f"{'https' if self.tls else 'http'}://{shown}:{port}"

    def number(self) -> int | None:
        """The number of a request that is complete; None where enough came before."""
        with self._lock:
            if self.closed.is_set() or (self.count is not None and self._taken >= self.count):
                return None
            self._taken += 1
            return self._taken

    def tell(self, heard: Heard) -> None:
        """Queue it; a request waits for room, what is none is dropped where there is no room."""
        if isinstance(heard, Trouble):
            try:
                self.heard.put_nowait(heard)
            except Full:
                self.dropped += 1
            return
        while not self.closed.is_set():
            with suppress(Full):
                self.heard.put(heard, timeout=0.2)
                return

    def allow(self, handler: _Handler, seconds: float) -> None:
        """Let a connection go on for so long."""
        with self._lock:
            self._deadlines[handler] = time.monotonic() + seconds

    def forget(self, handler: _Handler) -> None:
        """A connection has ended."""
        with self._lock:
            self._deadlines.pop(handler, None)

    def service_actions(self) -> None:
        """Hang up where a sender takes too long; called a few times a second."""
        now = time.monotonic()
        with self._lock:
            late = [handler for handler, deadline in self._deadlines.items() if deadline < now]
        for handler in late:
            handler.hang_up()

    def verify_request(self, request: Any, client_address: Any) -> bool:  # noqa: ARG002 - the signature
        """Refuse a connection where too many are open."""
        with self._lock:
            full = self._connections >= CONNECTIONS_MAX
            self._connections += not full
        if full:
            self.tell(Trouble("too many connections", f"{CONNECTIONS_MAX} are open", str(client_address[0])))
        return not full

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Serve a connection, until it ends."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            with self._lock:
                self._connections -= 1

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002 - the signature
        """A connection broke, or, which is a bug, its handling did; neither ends the server."""
        error = sys.exception()
        kind = "the connection broke" if isinstance(error, OSError) else "listen itself failed on a request: a bug"
        self.tell(Trouble(kind, f"{type(error).__name__}: {error}", str(client_address[0])))

    def close(self) -> None:
        """Take no more, and hang up."""
        self.closed.set()
        self.shutdown()
        self.server_close()
        with self._lock:
            handlers = list(self._deadlines)
        for handler in handlers:
            handler.hang_up()


@contextmanager
def listening(listener: Listener) -> Iterator[Listener]:
    """Meanwhile, requests are taken."""
    thread = threading.Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True)
    thread.start()
    try:
        yield listener
    finally:
        listener.close()
        thread.join()


def server_tls(certificate: Path, key: Path | None) -> ssl.SSLContext:
    """The context of an https server.

    Args:
        certificate: PEM, with the chain; it may hold the key too.
        key: PEM, not encrypted; None: it is in the certificate's file.

    Raises:
        UsageError: a file cannot be used.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    files = f"--certificate {certificate}" + (f" --key {key}" if key else "")
    try:
        context.load_cert_chain(certificate, key, password=_no_password)
    except (OSError, ssl.SSLError) as error:
        hint = "both are PEM files; the certificate's holds the chain, and the key is the certificate's own"
        raise UsageError(f"{files}: cannot be used: {getattr(error, 'strerror', None) or error}", hint=hint) from error
    return context


def _no_password() -> NoReturn:
    raise UsageError(
        "the key is encrypted, and listen asks for no password",
        hint="openssl pkey -in KEY -out PLAIN writes one that is not: keep it from others, and delete it afterwards",
    )


def _unusable(address: str, port: int, error: OSError) -> ToolkitError:
    hint = "choose another with --port" if port else None
    if isinstance(error, socket.gaierror) or error.errno in _NO_ADDRESS_OF_OURS:
        hint = "give --address an address of this machine; 0.0.0.0 stands for all of them"
    elif isinstance(error, PermissionError):
        hint = "ports below 1024 may need an administrator: choose another with --port"
    return ToolkitError(f"cannot listen at {address} port {port}: {error.strerror or error}", hint=hint)


class _UnreadableError(Exception):
    """A request whose body cannot be read: the answer, and why."""

    def __init__(self, status: int, kind: str, detail: str) -> None:
        super().__init__(kind)
        self.status, self.kind, self.detail = status, kind, detail


class _Head:
    """Reads the lines of a request's head, so many bytes and no more."""

    def __init__(self, stream: Any) -> None:
        self.stream, self.left, self.last = stream, HEAD_MAX, b""

    def readline(self, size: int = -1) -> bytes:
        self.last = self.stream.readline(min(size, self.left + 1) if size >= 0 else self.left + 1)
        self.left -= len(self.last)
        if self.left < 0:
            raise HTTPException(f"more than {HEAD_MAX} bytes")
        return bytes(self.last)

    @property
    def whole(self) -> bool:
        return self.last in (b"\r\n", b"\n")


class _Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # one packet an answer
    server: Listener

    late = False
    nth = 0

    def setup(self) -> None:
        self.peer = str(self.client_address[0])
        self.connection = self.request
        self.server.allow(self, REQUEST_S)
        try:
            if tls := self.server.tls:
                self.request = tls.wrap_socket(self.request, server_side=True, do_handshake_on_connect=False)
            super().setup()
        except OSError:  # it was gone before it was there, so `finish` is never called
            self.server.forget(self)
            raise

    def handle(self) -> None:
        self.close_connection = not self._shake_hands()
        while not self.close_connection:
            self.handle_one_request()

    def finish(self) -> None:
        self.server.forget(self)
        with suppress(OSError):
            super().finish()
        self.hang_up(late=False)
        self.connection.close()

    def hang_up(self, *, late: bool = True) -> None:
        """End the connection from whichever thread; past TLS, whose state belongs to the thread that reads."""
        self.late = self.late or late
        with suppress(OSError):
            socket.socket.shutdown(self.connection, socket.SHUT_RDWR)

    def handle_one_request(self) -> None:
        """Take one request and answer it; what is none ends the connection."""
        self.close_connection = True
        try:
            self.server.allow(self, IDLE_S)
            first = self.rfile.peek(1)[:1]  # type: ignore[attr-defined]
            self.server.allow(self, REQUEST_S)
            if first == _TLS_HELLO and not self.server.tls:
                self._trouble("TLS to a port of plain HTTP", "", "start listen with --certificate and --key")
            elif first:
                self._take()
        except OSError as error:
            if self.nth == 0 or self.late:
                self._trouble(*self._ended(f"{type(error).__name__}: {error}"))

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """What is no HTTP: said here, and answered in short."""
        self.close_connection = True
        self.request_version = self.protocol_version  # or the answer would have no status line
        # The library's words repeat what came, and whatever came may hold a secret.
        what = " ".join(filter(None, [str(int(code)), (message or "").partition(" (")[0], explain]))
        self._trouble("no HTTP request", f"{what} ({masking.line(self.requestline)!r})" if self.requestline else what)
        self._reply(int(code), {"error": "no HTTP request that can be read", "status": int(code)})

    def handle_expect_100(self) -> bool:
        """Tell a sender that asks first to go on, at once: it waits for that before it sends its body."""
        goes_on = super().handle_expect_100()
        self.wfile.flush()
        return goes_on

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base's name
        """Nothing is logged: what there is to say goes to `heard`."""

    def _shake_hands(self) -> bool:
        if not isinstance(self.connection, ssl.SSLSocket):
            return True
        try:
            self.connection.do_handshake()
        except OSError as error:
            reason = getattr(error, "reason", None) or error
            self._trouble("TLS failed", str(reason), _TLS_HINTS.get(str(reason), ""))
            return False
        return True

    def _take(self) -> None:
        self.requestline = self.request_version = self.command = ""
        stream, head = self.rfile, _Head(self.rfile)
        self.rfile = head  # type: ignore[assignment]
        try:
            self.raw_requestline = head.readline()
            readable = self.parse_request()
        except HTTPException as error:
            self.send_error(414, str(error))
            return
        finally:
            self.rfile = stream
        if not readable:
            self.close_connection = True
            return
        if not head.whole:
            self.close_connection = True
            self._trouble(*self._ended("in the middle of the headers"))
            return
        self._serve()

    def _serve(self) -> None:
        try:
            body = self._body()
        except _UnreadableError as error:
            self.close_connection = True
            self._trouble(error.kind, error.detail)
            self._reply(error.status, {"error": error.kind, "status": error.status})
            return
        number = self.server.number()
        if number is None:
            self.close_connection = True
            self._reply(503, {"error": "listen has heard enough", "status": 503})
            return
        self.nth += 1
        checked = self.server.judge(self._received(number, body))
        status = self.server.status or checked.status
        try:
            self._reply(status, _answer(checked, status))
        finally:  # it came, whether or not the sender waits for its answer
            self.server.tell(checked)

    def _received(self, number: int, body: bytes) -> Received:
        version = self.connection.version() if isinstance(self.connection, ssl.SSLSocket) else None
        headers = tuple((str(name), str(value)) for name, value in self.headers.items())
        return Received(
            number=number,
            peer=self.peer,
            tls=version,
            version=self.request_version,
            method=self.command,
            path=self.path,
            headers=headers,
            body=body,
            nth=self.nth,
            stays_open=not self.close_connection,
        )

    def _body(self) -> bytes:
        """The whole body.

        Raises:
            _UnreadableError: it has no end that can be known, is too large, or was cut.
        """
        if self.headers.defects:
            raise _UnreadableError(400, "headers that cannot be read", type(self.headers.defects[0]).__name__)
        coding, lengths = self.headers.get_all("transfer-encoding"), set(self.headers.get_all("content-length") or [])
        if coding:
            if lengths or [value.strip().lower() for value in coding] != ["chunked"]:
                raise _UnreadableError(
                    400, "a body whose end cannot be known", "Transfer-Encoding is not 'chunked' alone"
                )
            return self._chunks()
        if not lengths:
            return b""
        (length, *more) = (value.strip() for value in lengths)
        if more or not re.fullmatch(r"[0-9]{1,15}", length):
            raise _UnreadableError(400, "a body whose end cannot be known", "Content-Length is not one number")
        return self._read(int(length), BODY_MAX)

    def _chunks(self) -> bytes:
        parts: list[bytes] = []
        left = BODY_MAX
        while size := self._chunk_size():
            parts.append(self._read(size, left))
            left -= size
            if self.rfile.readline(3).strip():
                raise _UnreadableError(400, "a body whose end cannot be known", "a chunk is longer than it says")
        trailer = _Head(self.rfile)
        try:
            while trailer.readline().strip():
                pass
        except HTTPException as error:
            raise _UnreadableError(431, "a trailer that is too large", str(error)) from error
        return b"".join(parts)

    def _chunk_size(self) -> int:
        found = re.fullmatch(rb"([0-9A-Fa-f]{1,8})[ \t]*(;.*)?\r?\n", self.rfile.readline(1024))
        if not found:
            raise _UnreadableError(400, "a body whose end cannot be known", "no length of a chunk")
        return int(found[1], 16)

    def _read(self, size: int, limit: int) -> bytes:
        if size > limit:
            raise _UnreadableError(413, "a body that is too large", f"{size:,} bytes; listen takes {BODY_MAX:,} in all")
        body = self.rfile.read(size)
        if len(body) < size:
            raise _UnreadableError(400, *self._ended(f"after {len(body):,} of {size:,} bytes of the body")[:2])
        return body

    def _ended(self, where: str) -> tuple[str, str]:
        if self.late:
            return "too slow", f"no whole request within {REQUEST_S:.0f} s; ended {where}"
        return "the sender hung up", where

    def _trouble(self, kind: str, detail: str, hint: str = "") -> None:
        self.server.tell(Trouble(kind, detail, self.peer, hint))

    def _reply(self, status: int, answer: dict[str, Any]) -> None:
        """An answer with the headers that Elasticsearch sends."""
        body = json.dumps(answer).encode()
        self.send_response_only(status)
        self.send_header("X-elastic-product", "Elasticsearch")
        self.send_header("content-type", "application/json")
        if self.close_connection:
            self.send_header("connection", "close")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD" and status not in (204, 304):
            self.wfile.write(body)
        self.wfile.flush()


_TLS_HINTS = {
    "HTTP_REQUEST": "the sender speaks plain http: its URI begins with http:, and listen has a certificate",
    "TLSV1_ALERT_UNKNOWN_CA": "the sender does not trust the CA of the certificate",
    "SSLV3_ALERT_CERTIFICATE_UNKNOWN": "the sender does not accept the certificate",
    "SSLV3_ALERT_BAD_CERTIFICATE": "the sender does not accept the certificate",
    "TLSV1_ALERT_PROTOCOL_VERSION": "the sender and listen have no version of TLS in common",
    "UNSUPPORTED_PROTOCOL": "the sender offers only versions of TLS before 1.2, which Elasticsearch refuses too",
    "NO_SHARED_CIPHER": "the sender and listen have no cipher in common",
}


def _answer(checked: Checked, status: int) -> dict[str, Any]:
    """A small JSON as Elasticsearch would send; the index and id are of nothing."""
    if status == 201:
        stream = re.sub(r"[^A-Za-z0-9_.-]", "", checked.received.path.strip("/").partition("/")[0])[:80]
        index = f".ds-{stream}-listen-000001"
        return {"_index": index, "_id": f"listen-{checked.received.number}", "_version": 1, "result": "created"}
    if status < 400:
        return {}
    reasons = [finding.what for finding in checked.findings if finding.level == "lost"]
    return {"error": {"type": "listen", "reason": reasons[0] if reasons else "as --status asks"}, "status": status}
