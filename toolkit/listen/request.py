"""What came through the port: whole requests, and what was none."""

from __future__ import annotations

from dataclasses import dataclass

Headers = tuple[tuple[str, str], ...]
"""Name and value of each header as it came: its case, its order, and what stands twice."""


@dataclass(frozen=True, slots=True)
class Received:
    """A whole request."""

    number: int
    """From 1, in the order in which requests were complete."""
    peer: str
    """The sender's address, without its port."""
    tls: str | None
    """Version of TLS; None: plain HTTP."""
    version: str
    """Such as `HTTP/1.1`."""
    method: str
    path: str
    headers: Headers
    body: bytes
    nth: int
    """The how manieth request of its connection."""
    stays_open: bool
    """Whether the sender wants to go on using the connection."""

    def values(self, name: str) -> list[str]:
        """Every value of a header."""
        return [value.strip() for key, value in self.headers if key.lower() == name]

    @property
    def content_type(self) -> str | None:
        """Content-Type as it came; None: there was none."""
        values = self.values("content-type")
        return ", ".join(values) if values else None


@dataclass(frozen=True, slots=True)
class Trouble:
    """What came and was no whole request, so that nobody could take it."""

    kind: str
    """In words, the same for all of its kind."""
    detail: str
    peer: str
    hint: str = ""
