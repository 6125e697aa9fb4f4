"""Whose certificates are trusted: the system's, those of a file, or the one that has a fingerprint.

The client's own `ssl_assert_fingerprint` is not used: given the fingerprint of a CA it accepts any certificate that
claims to be issued by it, unsigned, as long as the CA's own is sent along (elastic-transport 8.19.0; there is a test).
"""

from __future__ import annotations

import hashlib
import socket
import ssl
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from toolkit.config import Connection
from toolkit.errors import ConfigurationError


class FingerprintError(ssl.SSLError):
    """No certificate that the server sent has the fingerprint."""

    def __init__(self, wanted: str, found: Sequence[str]) -> None:
        super().__init__(f"fingerprint {wanted} is not among those of the server: {', '.join(found)}")
        self.found = found


class _MetError(ssl.SSLError):
    """Ends the first acquaintance, before any request is sent."""


class AcquaintanceContext(ssl.SSLContext):
    """Takes note of the certificates that a server sends, trusts none, and ends the connection."""

    chain: Sequence[bytes] = ()
    """DER, the server's own first."""
    shown: Sequence[Mapping[str, Any]] = ()
    """The same certificates, each as `ssl.SSLSocket.getpeercert` describes one."""

    @classmethod
    def new(cls) -> AcquaintanceContext:
        """A context that has met nobody yet."""
        context = cls(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context

    def wrap_socket(self, sock: socket.socket, *args: Any, **options: Any) -> ssl.SSLSocket:
        """Shake hands, note the certificates, and raise `_MetError`."""
        with super().wrap_socket(sock, *args, **options) as wrapped:
            self.chain = _chain(wrapped)
            # Python describes only what it has verified, in public.
            self.shown = [each.get_info() for each in wrapped._sslobj.get_unverified_chain()]  # type: ignore[attr-defined]
        raise _MetError("met")


def context_for(connection: Connection) -> ssl.SSLContext | None:
    """The trust that the connection asks for; None where a fingerprint decides, which takes an acquaintance first.

    Raises:
        ConfigurationError: the CA file cannot be used.
    """
    if connection.fingerprint:
        return None
    if connection.ca_file is None:
        import truststore  # noqa: PLC0415 - costs start-up time

        return truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context = _strict()
    try:
        context.load_verify_locations(cafile=connection.ca_file)
    except OSError as error:  # ssl.SSLError is one
        why = "holds no certificate (PEM)" if isinstance(error, ssl.SSLError) else f"cannot be read: {error.strerror}"
        raise ConfigurationError(f"{connection.source}: the CA file {connection.ca_file} {why}") from error
    return context


def pinned(fingerprint: str, meet: Callable[[AcquaintanceContext], None]) -> ssl.SSLContext:
    """Trust in the certificate of that fingerprint alone, which `meet` fetches by opening a connection.

    From then on it is an anchor like any other: signatures, dates and, unless it is the server's own certificate,
    the host's name are verified.

    Raises:
        FingerprintError: the server sends no such certificate.
    """
    acquaintance = AcquaintanceContext.new()
    try:
        meet(acquaintance)
    except Exception:
        if not acquaintance.chain:
            raise
    prints = [hashlib.sha256(certificate).hexdigest() for certificate in acquaintance.chain]
    if fingerprint not in prints:
        raise FingerprintError(fingerprint, prints)
    position = prints.index(fingerprint)
    context = _strict()
    context.check_hostname = position > 0
    context.load_verify_locations(cadata=acquaintance.chain[position])
    return context


def _strict() -> ssl.SSLContext:
    """Verifies everything; trusts nobody yet. Any certificate may be the anchor, not only a root."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    return context


def _chain(wrapped: Any) -> list[bytes]:
    """All certificates that the server sent; public in Python 3.13, and before that where truststore finds it too."""
    if hasattr(wrapped, "get_unverified_chain"):
        return list(wrapped.get_unverified_chain())
    import _ssl  # noqa: PLC0415

    encoding = _ssl.ENCODING_DER
    return [certificate.public_bytes(encoding) for certificate in wrapped._sslobj.get_unverified_chain()]
