"""The way there: whether every host answers, whether they are one cluster, and whether the way is safe."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from toolkit.client.certificate import Certificate, certificates
from toolkit.client.connect import connect
from toolkit.config import Connection
from toolkit.config.connection import in_clear
from toolkit.doctor.finding import Finding, Level, ok
from toolkit.errors import RejectedError, ToolkitError, UnreachableError, UnsupportedServerError
from toolkit.live import at_once

_EXPIRES_SOON = timedelta(days=30)
"""Or a tenth of its life, which is what is left of a short-lived one when its renewal has failed."""
_OF_NONE = "_na_"
"""What a node gives as its cluster's id that belongs to none."""
_LOST = "OCS does not repeat what it could not deliver: what it posts meanwhile is lost."


@dataclass(frozen=True, slots=True)
class _Host:
    url: str
    cluster_id: str | None
    """None: it does not tell."""
    error: ToolkitError | None


def hosts(connection: Connection) -> Iterator[Finding]:
    """Every host is asked by itself: a client that knows several hides one that is down."""
    asked = at_once(lambda url: _ask(connection, url), connection.hosts)
    level = Level.WARNING if any(host.error is None for host in asked) else Level.CRITICAL
    for host in asked:
        if host.error:
            yield Finding(level, "hosts", host.error.reason, _LOST, host.error.hint or "")
        else:
            yield ok("hosts", f"{host.url} answers")
    if len({host.cluster_id for host in asked if host.cluster_id}) > 1:
        yield Finding(
            Level.CRITICAL,
            "hosts",
            "the hosts belong to different clusters: "
            + ", ".join(f"{host.url} ({host.cluster_id})" for host in asked if host.cluster_id),
            "Each request goes to another of them, so messages and resources are spread over both.",
            f"{connection.source}: name hosts of one cluster only",
        )


def _ask(connection: Connection, url: str) -> _Host:
    transport = connect(replace(connection, url=url, others=()), read_only=True)
    try:
        cluster_id = (transport.get("/") or {}).get("cluster_uuid")
        alone = _alone(url) if cluster_id == _OF_NONE else None
        return _Host(url, None if alone else cluster_id, alone)
    except (UnreachableError, UnsupportedServerError) as error:
        return _Host(url, None, error)
    except RejectedError as error:
        # It answers; what its refusal means, the next checks say. But a gateway or a proxy may speak in its place.
        return _Host(url, None, error if error.status == 407 or (error.status or 0) >= 500 else None)
    finally:
        transport.close()


def _alone(url: str) -> RejectedError:
    """As seen by no master: such a node answers, and takes no message."""
    hint = "see that node's log: it finds no master, or is still starting"
    return RejectedError(f"{url} has not joined a cluster", hint=hint)


def tls(connection: Connection) -> Iterator[Finding]:
    """Whether anybody can read along, who signed the certificates, and when they expire."""
    urls = [*connection.hosts, *([connection.kibana_url] if connection.kibana_url else [])]
    for url in filter(in_clear, urls):
        yield Finding(
            Level.WARNING,
            "tls",
            f"{url} is spoken to without TLS",
            "Whoever is on the way reads the credential and the campaigns' names.",
            "switch TLS on at the server (xpack.security.http.ssl), and write the address as https://…",
        )
    secure = [url for url in urls if url.startswith("https:")]
    for url, shown in zip(secure, at_once(lambda url: _shown(connection, url), secure), strict=True):
        if isinstance(shown, ToolkitError):
            yield Finding(Level.UNKNOWN, "tls", shown.reason, "Nobody knows its certificate.", shown.hint or "")
        else:
            yield _certificates(url, shown, datetime.now(UTC))


def _shown(connection: Connection, url: str) -> list[Certificate] | ToolkitError:
    try:
        return certificates(connection, url)
    except ToolkitError as error:
        return error


def _certificates(url: str, shown: list[Certificate], now: datetime) -> Finding:
    first = min(shown, key=lambda certificate: certificate.expires)
    left, soon = first.expires - now, min(_EXPIRES_SOON, (first.expires - first.begins) / 10)
    signed = "itself" if shown[0].self_signed else shown[0].issuer
    what = f"{url}: certificate of {shown[0].subject}, signed by {signed}, expires {shown[0].expires:%Y-%m-%d}"
    if left > soon:
        return ok("tls", what)
    whose = "" if first is shown[0] else f"; that of {first.subject} above it, {first.expires:%Y-%m-%d}"
    when = "that is past" if left < timedelta() else f"in {left.days} days"
    return Finding(
        Level.CRITICAL if left < soon / 4 else Level.WARNING,
        "tls",
        f"{what}{whose}: {when}",
        f"From then on nobody who verifies it can connect, OCS included. {_LOST}",
        "have it renewed by whoever runs the server; where a fingerprint is configured, change it too",
    )
