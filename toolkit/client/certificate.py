"""The certificates that a host shows: whose they are, who signed them, until when they hold. Trust is not decided here.

They are fetched by a connection that ends with the handshake: no request is sent, and so no credential.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from toolkit.config import Connection


@dataclass(frozen=True, slots=True)
class Certificate:
    """One certificate."""

    subject: str
    issuer: str
    """Who signed it; its common name or, where it has none, its organisation."""
    self_signed: bool
    """Whether nobody else vouches for it."""
    begins: datetime
    """UTC."""
    expires: datetime
    """UTC."""


def certificates(connection: Connection, url: str) -> list[Certificate]:
    """What the host at an address shows, its own first; nothing where the address is http.

    Args:
        connection: says by which proxy, and how long to wait.
        url: one of its hosts, or its Kibana's.

    Raises:
        UnreachableError: no handshake came about.
    """
    from toolkit.client.failure import unreachable  # noqa: PLC0415 - start-up time
    from toolkit.client.node import meet  # noqa: PLC0415

    if not url.startswith("https:"):
        return []
    try:
        shown = meet(connection, url)
    except Exception as error:
        timeout_s = connection.request_timeout_s
        raise unreachable(error, url, proxy=connection.shown_proxy, timeout_s=timeout_s) from error
    return [_certificate(each) for each in shown]


def _certificate(shown: Any) -> Certificate:
    begins, expires = (datetime.fromtimestamp(ssl.cert_time_to_seconds(shown[f"not{w}"]), UTC) for w in _LIMITS)
    subject, issuer = shown["subject"], shown["issuer"]
    return Certificate(_name(subject), _name(issuer), subject == issuer, begins, expires)


_LIMITS = ("Before", "After")


def _name(parts: Any) -> str:
    """A distinguished name as people call it."""
    named = {key: value for part in parts for key, value in part}
    known = (named.get(key) for key in ("commonName", "organizationName"))
    return next(filter(None, known), None) or ", ".join(named.values()) or "nobody"
