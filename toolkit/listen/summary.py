"""Adds up what was heard, and answers what nobody has confirmed about OCS; its size does not grow with what is sent."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from toolkit.catalogue import Catalogue
from toolkit.listen import masking
from toolkit.listen.check import Checked, Level
from toolkit.listen.request import Received, Trouble
from toolkit.listen.values import json_type

OTHERS = "(others)"
_KINDS_MAX = 200  # different things that are counted one by one; a sender could make up as many as it likes
_USUAL_HEADERS = frozenset(
    {
        *("accept", "accept-charset", "accept-encoding", "cache-control", "connection", "content-encoding"),
        *("content-length", "content-type", "date", "expect", "host", "keep-alive", "pragma", "transfer-encoding"),
        "user-agent",
    }
)
_CREDENTIALS = ("authorization", "proxy-authorization")


@dataclass
class Summary:
    """What was heard so far."""

    catalogue: Catalogue
    requests: int = 0
    of_ocs: int = 0
    """Requests with at least one attribute of the catalogue."""
    lost: int = 0
    """Requests that Elasticsearch would refuse or cut."""
    largest_bytes: int = 0
    reused: int = 0
    """Requests over a connection that had taken one before."""
    kept_open: int = 0
    """Requests after which the sender wanted to go on using the connection."""
    troubles: Counter[str] = field(default_factory=Counter)
    findings: Counter[tuple[str, str | None, str]] = field(default_factory=Counter)
    """(level, attribute, what) → requests."""
    types: dict[str, Counter[str]] = field(default_factory=dict)
    """Attribute, known or not → JSON types that it came as."""
    senders: Counter[str] = field(default_factory=Counter)
    content_types: Counter[str] = field(default_factory=Counter)
    user_agents: Counter[str] = field(default_factory=Counter)
    headers: Counter[str] = field(default_factory=Counter)
    """Names of headers that not every HTTP client sends."""
    credentials: Counter[str] = field(default_factory=Counter)
    """Ways of authentication."""
    transports: Counter[str] = field(default_factory=Counter)
    encodings: Counter[str] = field(default_factory=Counter)

    def add(self, heard: Checked | Trouble) -> None:
        """Count what was heard."""
        if isinstance(heard, Trouble):
            _count(self.troubles, heard.kind)
            return
        self.requests += 1
        self.of_ocs += heard.of_ocs
        self.lost += any(finding.level is Level.LOST for finding in heard.findings)
        self._add_request(heard.received)
        if heard.received.body:
            _count(self.encodings, heard.encoding)
        for finding in heard.findings:
            _count(self.findings, (finding.level.value, finding.attribute, finding.what), ("note", None, OTHERS))
        if heard.of_ocs:
            for name, value in (heard.message or {}).items():
                key = name if name in self.types or len(self.types) < _KINDS_MAX else OTHERS
                self.types.setdefault(key, Counter())[json_type(value)] += 1

    def _add_request(self, received: Received) -> None:
        self.largest_bytes = max(self.largest_bytes, len(received.body))
        self.reused += received.nth > 1
        self.kept_open += received.stays_open
        _count(self.senders, received.peer)
        _count(self.transports, f"https ({received.tls})" if received.tls else "http")
        if received.method == "POST":
            _count(self.content_types, "none" if received.content_type is None else received.content_type[:200])
        for name, value in masking.headers(received.headers):
            lower = name.lower()
            if lower in _CREDENTIALS:
                _count(self.credentials, masking.scheme(value))
            elif lower == "user-agent":
                _count(self.user_agents, value[:200])
            elif lower not in _USUAL_HEADERS:
                _count(self.headers, name[:200])

    @property
    def seen(self) -> list[str]:
        """The catalogue's attributes that came."""
        return [name for name in self.catalogue.attributes if name in self.types]

    @property
    def never(self) -> list[str]:
        """The catalogue's attributes that did not."""
        return [name for name in self.catalogue.attributes if name not in self.types]

    @property
    def unknown(self) -> list[str]:
        """What came and is not in the catalogue."""
        return sorted(self.types.keys() - self.catalogue.attributes.keys())

    def answers(self) -> dict[str, str]:
        """What nobody has confirmed about OCS's notification → what these requests say of it."""
        if not self.requests:
            return {}
        return {
            "encoding": self._encoding(),
            "Content-Type": _counted(self.content_types) or "no POST came",
            "request headers": _counted(self.headers) or "none beyond those of every HTTP client",
            "credential": _counted(self.credentials) or "none was sent",
            "TLS": _counted(self.transports),
            "keep-alive": self._keep_alive(),
            "user agent": _counted(self.user_agents) or "none is named",
        }

    def _encoding(self) -> str:
        if not self.encodings:
            return "not known: no body came"
        if wrong := self.encodings["not UTF-8"]:
            return f"NOT UTF-8 in {wrong:,} of {self.requests:,} requests: set OCS's option encoding"
        beyond = self.encodings["UTF-8"] + self.encodings["UTF-8 with BOM"]
        if beyond:
            marked = ", with a byte order mark" if self.encodings["UTF-8 with BOM"] else ""
            return f"UTF-8{marked}; {beyond:,} requests had characters beyond ASCII"
        return "not known: all was ASCII; try a campaign group with an umlaut in its name"

    def _keep_alive(self) -> str:
        if self.reused:
            return f"yes: {self.reused:,} of {self.requests:,} requests came over a connection used before"
        if self.kept_open == 0:
            return "no: the sender ends the connection after each request"
        return "not seen: connections were left open, and none was used again"

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        findings = (
            {"level": level, "attribute": attribute, "what": what, "requests": count}
            for (level, attribute, what), count in self.findings.most_common()
        )
        return {
            "requests": self.requests,
            "of_ocs": self.of_ocs,
            "lost": self.lost,
            "largest_bytes": self.largest_bytes,
            "troubles": dict(self.troubles),
            "findings": list(findings),
            "attributes": {name: dict(types) for name, types in self.types.items()},
            "never_seen": self.never,
            "unknown": self.unknown,
            "senders": dict(self.senders),
            "not_confirmed": self.answers(),
        }


def _count(counter: Counter[Any], key: Any, others: Any = OTHERS) -> None:
    counter[key if key in counter or len(counter) < _KINDS_MAX else others] += 1


def _counted(counter: Counter[str]) -> str:
    return ", ".join(f"{name} ({count:,})" for name, count in counter.most_common())
