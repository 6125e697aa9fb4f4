"""A proxy between an OCS that can prove nothing and a cluster that asks who posts: nginx's configuration.

No secret is in it. What goes into it has to be able to stand there unquoted; anything else is refused.
"""

from __future__ import annotations

import re
from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

from toolkit.config import Connection
from toolkit.errors import ConfigurationError
from toolkit.render import Renderer
from toolkit.resources import data_folder
from toolkit.streams import Streams

PORT = 8080
"""Where OCS posts to; whoever installs the proxy may choose another."""
_PLAIN_HOST = re.compile(r"[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\]")
_PORTS = {"http": 80, "https": 443}
_PLAIN_PATH = re.compile(r"[A-Za-z0-9._~/-]*")


def nginx_configuration(connection: Connection, namespace: str) -> str:
    """A file for nginx's `conf.d`, for one namespace of the connected cluster.

    Raises:
        ConfigurationError: an address holds what cannot stand there.
    """
    hosts = [_parts(url, connection.source) for url in connection.hosts]
    first = hosts[0]
    if any((host.scheme, host.path) != (first.scheme, first.path) for host in hosts):
        raise ConfigurationError(
            f"{connection.source}: the hosts differ in http and https, or in their paths",
            hint="nginx passes a message on to any of them: name those that are alike",
        )
    if first.scheme == "https":
        _require_a_name(first, connection.source)
    path = f"/{Streams(namespace).campaign_groups}/_doc"
    values = {
        "credential": f"ocs-elastic-{namespace}.credential",
        "host": first.netloc,
        "name": first.hostname,
        "namespace": namespace,
        "own_ca": bool(connection.ca_file or connection.fingerprint),
        "path": path,
        "port": PORT,
        "servers": [_server(host) for host in hosts],
        "target_path": f"{first.path.rstrip('/')}{path}",
        "tls": first.scheme == "https",
        "upstream": f"ocs_elastic_{namespace}",
    }
    return Renderer(data_folder("templates").parent, values).text("templates/proxy/nginx.conf.j2")


def _parts(url: str, source: str) -> SplitResult:
    parts = urlsplit(url)
    host = parts.netloc.removesuffix(f":{parts.port}")
    if not _PLAIN_HOST.fullmatch(host) or not _PLAIN_PATH.fullmatch(parts.path):
        raise ConfigurationError(
            f"{source}: an address with these characters cannot stand in nginx's configuration",
            hint="a host of letters, digits, '.' and '-', and a path of these and '/', '_' and '~'",
        )
    return parts


def _require_a_name(host: SplitResult, source: str) -> None:
    """The certificates of all hosts are compared with the first one's name.

    Raises:
        ConfigurationError: it is an IP address, which nginx looks for among a certificate's names alone; tried on 1.22.
    """
    try:
        ip_address(host.hostname or "")
    except ValueError:
        return
    raise ConfigurationError(
        f"{source}: nginx cannot verify the certificate of {host.hostname}, since it compares names and no IP "
        "addresses: every message would be refused with 502",
        hint="name the host as its certificate does; nginx's machine must be able to look that name up",
    )


def _server(parts: SplitResult) -> str:
    return parts.netloc if parts.port else f"{parts.netloc}:{_PORTS[parts.scheme]}"
