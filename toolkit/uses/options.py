"""What to set in OCS so that it posts here; pure, from an address and a namespace.

What the vendor documents and what nobody has confirmed are told apart: a guess in a change request costs a night.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from toolkit.config import Connection
from toolkit.errors import ConfigurationError, UsageError
from toolkit.ocs.post import Target, parse_target
from toolkit.uses.streams import Streams

WHERE = "the options of OCS's Application object"
SINCE = {
    "notifications": "8.1.512.02",
    "statistics": "8.1.517.04",
}
"""What OCS sends → the first release that does."""
LOG_EVENTS = {
    "81000": "Sending HTTP status notification CampaignGroupState for Campaign Group … to …",
    "81001": "the same for the periodic messages",
}


@dataclass(frozen=True, slots=True)
class Option:
    """An option of OCS's."""

    name: str
    value: str
    why: str


@dataclass(frozen=True, slots=True)
class Way:
    """A way for OCS to be let in by a cluster that asks for a credential."""

    name: str
    how: str
    needs: str


@dataclass(frozen=True, slots=True)
class OcsOptions:
    """All that somebody who sets up OCS needs to know."""

    options: tuple[Option, ...]
    notes: tuple[str, ...]
    authentication: tuple[Way, ...]
    unconfirmed: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        return {**asdict(self), "where": WHERE, "since": SINCE, "log_events": LOG_EVENTS}


def ocs_options(connection: Connection, namespace: str) -> OcsOptions:
    """The options for one cluster and namespace; the connection's own credential is never in them.

    Raises:
        ConfigurationError: the address is none.
    """
    target = _target(connection, namespace)
    return OcsOptions(_options(str(target)), tuple(_notes(target)), _ways(target, namespace), _UNCONFIRMED)


def _target(connection: Connection, namespace: str) -> Target:
    uri = f"{connection.url.rstrip('/')}/{Streams(namespace).campaign_groups}/_doc"
    try:
        return parse_target(uri)
    except UsageError as error:
        raise ConfigurationError(
            f"{connection.source}: the address cannot be used", hint="write it as https://host:9200"
        ) from error


def _options(uri: str) -> tuple[Option, ...]:
    return (
        Option(
            "encoding",
            "UTF-8",
            "before anything else: a name such as Müller in Latin-1 bytes is refused by any engine, and every message "
            "of that campaign group is lost",
        ),
        Option("send-campaigngroup-states", "true", "switches the notification on"),
        Option("campaigngroup-states-uri", uri, "this cluster's data stream of the namespace"),
        Option("campaigngroup-states-interval", "10", "seconds between two messages of an active group; the default"),
    )


def _notes(target: Target) -> list[str]:
    notes = [
        "OCS knows one URI. Of a cluster with several hosts give it a load balancer's address, or one node's: while "
        "that is down, messages are lost, since OCS does not retry.",
        "Before OCS is told, `ocs-elastic verify` posts to this URI; afterwards, `ocs-elastic status` shows what came.",
    ]
    if _is_this_machine(target.host):
        notes.append(f"{target.host} is this machine: an OCS elsewhere needs the name by which it reaches it.")
    if target.scheme == "https":
        notes.append("https: OCS's machine must trust the CA of the cluster's certificate.")
    return notes


def _is_this_machine(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _ways(target: Target, namespace: str) -> tuple[Way, ...]:
    streams = Streams(namespace)
    parts = urlsplit(str(target))
    rights = f"create_doc on {streams.campaign_groups} and {streams.dead_letters}, and nothing else"
    return (
        Way(
            "user and password in the URI",
            f"{parts.scheme}://<user>:<password>@{parts.netloc}{parts.path}, a user of OCS's own with the right "
            f"{rights}; other characters than letters and digits as %XX",
            "an OCS that turns them into Basic authentication: not confirmed. OCS's log event 81000 says where it "
            "sends to, so the password may stand in the log",
        ),
        Way(
            "a header",
            f"Authorization: ApiKey <key>, a key of OCS's own with the right {rights}",
            "an OCS that sends custom headers with this notification: they exist for other notifications of later "
            "releases, not confirmed for this one",
        ),
        Way(
            "a reverse proxy in between",
            "OCS posts to it without a credential; it adds the Authorization header, and TLS, and keeps or sets "
            "Content-Type: application/json",
            "nothing of OCS; a network in which only OCS reaches the proxy",
        ),
        Way(
            "the anonymous user of a self-managed Elasticsearch",
            f"xpack.security.authc.anonymous with a role of {rights}",
            "nothing of OCS; a network in which only OCS reaches the cluster, since whoever does may post",
        ),
    )


_UNCONFIRMED = (
    "encoding: by the vendor's pages OCS converts JSON only where this option has a value. Whether that value names "
    "the encoding to convert to, or the one to convert from, was not seen: try a campaign group with an umlaut in "
    "its name",
    "request headers: whether any can be added to this notification",
    "a user and password in the URI: whether OCS sends them",
    "TLS: whether this notification can use https, and by which certificates",
    "keep-alive: documented for OCS's other HTTP feature only",
    "Content-Type: the engine takes application/json, refuses other types by 406 and an empty one by 400",
)
