"""Servers on the loopback with certificates of every kind, and proxies; each answers as Elasticsearch would."""

from __future__ import annotations

import hashlib
import json
import socket
import socketserver
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from trustme import CA, LeafCert

SIGNED = {"x-elastic-product": "Elasticsearch", "content-type": "application/json"}


class Server(ThreadingHTTPServer):
    """Answers every request alike, and remembers what came."""

    daemon_threads = True

    def __init__(self, status: int = 200, body: Any = None, headers: dict[str, str] | None = None) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.status, self.body, self.signed = status, {} if body is None else body, headers or SIGNED
        self.requests: list[tuple[str, str, dict[str, str]]] = []
        self.delay_s = 0.0
        self.cut: str | None = None
        """Whether `all` of each answer is withheld and the connection ended, or the second `half`."""

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def handle_error(self, *_: Any) -> None:
        """A handshake that fails is what the tests are about: not a word on it."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def _answer(self) -> None:
        self.server.requests.append((self.command, self.path, {k.lower(): v for k, v in self.headers.items()}))
        self.rfile.read(int(self.headers.get("content-length", 0)))
        if self.server.delay_s:
            threading.Event().wait(self.server.delay_s)
        text = self.server.body if isinstance(self.server.body, str) else json.dumps(self.server.body)
        raw = text.encode()
        if self.server.cut == "all":
            self.close_connection = True
            return
        self.send_response(self.server.status)
        for name, value in self.server.signed.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(raw)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(raw[: len(raw) // 2] if self.server.cut == "half" else raw)
        self.close_connection = self.server.cut is not None

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = _answer  # noqa: N815

    def log_message(self, *_: Any) -> None: ...


@contextmanager
def serving(server: Server, certificate: LeafCert | Path | None = None) -> Iterator[Server]:
    """The server, until the block ends; with a certificate (or a PEM file of key and chain) it speaks TLS."""
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        if isinstance(certificate, Path):
            context.load_cert_chain(certificate)
        else:
            certificate.configure_cert(context)
        # The handshake belongs into the request's own thread: one that fails must not end the server.
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


class _Tunnel(socketserver.StreamRequestHandler):
    """CONNECT, and nothing else."""

    server: Proxy

    def handle(self) -> None:
        first = self.rfile.readline().decode()
        headers = {}
        while line := self.rfile.readline().decode().strip():
            name, _, value = line.partition(": ")
            headers[name.lower()] = value
        self.server.seen.append((first.strip(), headers))
        if self.server.status != 200:
            self.wfile.write(f"HTTP/1.1 {self.server.status} No\r\ncontent-length: 0\r\n\r\n".encode())
            return
        host, _, port = first.split()[1].rpartition(":")
        with socket.create_connection((self.server.resolve(host), int(port))) as far:
            self.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
            back = threading.Thread(target=_copy, args=(far, self.connection), daemon=True)
            back.start()
            _copy(self.connection, far)
            back.join(5)


def _copy(source: socket.socket, target: socket.socket) -> None:
    try:
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        pass  # one of the two has gone: so has the tunnel


class Proxy(socketserver.ThreadingTCPServer):
    """A proxy for https."""

    daemon_threads = True

    def __init__(self, status: int = 200) -> None:
        super().__init__(("127.0.0.1", 0), _Tunnel)
        self.status = status
        self.seen: list[tuple[str, dict[str, str]]] = []

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    @staticmethod
    def resolve(_host: str) -> str:
        """Only the proxy knows where a name leads: a client that reached the server used it."""
        return "127.0.0.1"


@contextmanager
def proxying(proxy: Proxy) -> Iterator[Proxy]:
    threading.Thread(target=proxy.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    try:
        yield proxy
    finally:
        proxy.shutdown()
        proxy.server_close()


def expired(ca: CA) -> LeafCert:
    return ca.issue_cert("127.0.0.1", not_before=datetime(2019, 1, 1), not_after=datetime(2020, 1, 1))


def fingerprint(pem: bytes) -> str:
    der = x509.load_pem_x509_certificate(pem).public_bytes(serialization.Encoding.DER)
    return hashlib.sha256(der).hexdigest()


def with_ca(leaf: LeafCert, ca: CA, file: Path) -> Path:
    """Key, certificate and the CA's own, which Elasticsearch sends along, in one file."""
    chain = b"".join(blob.bytes() for blob in leaf.cert_chain_pems) + ca.cert_pem.bytes()
    file.write_bytes(leaf.private_key_pem.bytes() + chain)
    return file


def forged(ca: CA, file: Path) -> Path:
    """A certificate that claims to be the CA's but is not signed by it, with the CA's own sent along."""
    key = ec.generate_private_key(ec.SECP256R1())
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")]))
        .issuer_name(x509.load_pem_x509_certificate(ca.cert_pem.bytes()).subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM) + ca.cert_pem.bytes())
    return file
