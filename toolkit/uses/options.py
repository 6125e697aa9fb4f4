"""What to set in OCS so that it posts here; pure, from an address and a namespace.

What the vendor documents and what nobody has confirmed are told apart: a guess in a change request costs a night.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from toolkit.config import Connection, Settings
from toolkit.credentials import role_name
from toolkit.errors import ConfigurationError, UsageError
from toolkit.ocs.post import Target, parse_target
from toolkit.streams import Streams

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
    """What OCS, and the network, must be able to do."""
    known: str
    """Which releases of OCS are known to do it."""
    risk: str


@dataclass(frozen=True, slots=True)
class OcsOptions:
    """All that somebody who sets up OCS needs to know."""

    options: tuple[Option, ...]
    notes: tuple[str, ...]
    rights: str
    """What OCS's credential may do."""
    authentication: tuple[Way, ...]
    unconfirmed: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        return {**asdict(self), "where": WHERE, "since": SINCE, "log_events": LOG_EVENTS}


def ocs_options(connection: Connection, settings: Settings, *, uri: str | None = None) -> OcsOptions:
    """The options for one cluster and its settings; the connection's own credential is never in them.

    Args:
        connection: the cluster.
        settings: the namespace, and how often OCS reports a campaign group.
        uri: what OCS posts to; None: the cluster's own address.

    Raises:
        ConfigurationError: the address is none.
    """
    target = parse_target(uri) if uri else _target(connection, settings.namespace)
    streams = Streams(settings.namespace)
    return OcsOptions(
        options=_options(str(target), settings.interval_s),
        notes=tuple(_notes(target)),
        rights=f"create_doc on {streams.campaign_groups} and {streams.dead_letters}, and nothing else",
        authentication=_ways(target, settings.namespace),
        unconfirmed=_UNCONFIRMED,
    )


def posted_to(connection: Connection, namespace: str) -> str:
    """The URI for OCS, without any credential.

    Raises:
        ConfigurationError: the address is none.
    """
    return str(_target(connection, namespace))


def _target(connection: Connection, namespace: str) -> Target:
    uri = f"{connection.url.rstrip('/')}/{Streams(namespace).campaign_groups}/_doc"
    try:
        return parse_target(uri)
    except UsageError as error:
        raise ConfigurationError(
            f"{connection.source}: the address cannot be used", hint="write it as https://host:9200"
        ) from error


def _options(uri: str, interval_s: int) -> tuple[Option, ...]:
    is_default = "; the default" if interval_s == Settings().interval_s else ""
    return (
        Option(
            "encoding",
            "UTF-8",
            "before anything else: a name such as Müller in Latin-1 bytes is refused by any engine, and every message "
            "of that campaign group is lost",
        ),
        Option("send-campaigngroup-states", "true", "switches the notification on"),
        Option("campaigngroup-states-uri", uri, "this cluster's data stream of the namespace"),
        Option(
            "campaigngroup-states-interval",
            str(interval_s),
            f"seconds between two messages of an active group{is_default}",
        ),
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
    parts = urlsplit(str(target))
    create = f"`ocs-elastic credentials create --namespace {namespace}`"
    nothing_of_ocs = f"every OCS that sends this notification: {SINCE['notifications']} and later"
    return (
        Way(
            "user and password in the URI",
            f"campaigngroup-states-uri = {parts.scheme}://<user>:<password>@{parts.netloc}{parts.path}, both as "
            f"{create} shows them: they need no %XX",
            "an OCS that turns them into Basic authentication",
            "no release is known to; try it in a test environment",
            "the password stands in the options of OCS's Application object, which others may read, and perhaps in "
            f"OCS's log: event 81000 says where it sends to{_in_clear(target)}",
        ),
        Way(
            "a header",
            f"Authorization: ApiKey <key>, which {create.removesuffix('`')} --kind api-key` shows; or Authorization: "
            "Basic …, which it shows for a user",
            "an OCS that sends custom headers with this notification",
            "no release is known to: they exist for other notifications of later releases, not confirmed for this one",
            f"the key stands in the options of OCS, which others may read{_in_clear(target)}",
        ),
        Way(
            "a small nginx in between",
            "it holds the key, adds the header, speaks TLS to the cluster and sets Content-Type: application/json. "
            f"`ocs-elastic options --namespace {namespace} --format nginx` prints its configuration; the key comes "
            f"from {create.removesuffix('`')} --kind api-key --format nginx --output FILE`",
            "nothing of OCS; a network in which only OCS reaches the proxy",
            nothing_of_ocs,
            "whoever reaches the proxy from an address that it allows may post; up to it messages are not encrypted; "
            "one more thing that must not be down",
        ),
        Way(
            "the anonymous user of Elasticsearch",
            f"in elasticsearch.yml of every node, xpack.security.authc.anonymous.roles: {role_name(namespace)}. The "
            "toolkit never sets this",
            "nothing of OCS; a network in which only OCS reaches the cluster",
            nothing_of_ocs,
            "whoever reaches the cluster may post false messages, fill its disks and, on Elasticsearch 8.3.3, end a "
            "node by a single message (see README.md); nothing tells who did. The proxy is the better way",
        ),
    )


def _in_clear(target: Target) -> str:
    return "; over http it can be read on the way" if target.scheme == "http" else ""


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
