"""How the client reaches one host: through a proxy or directly, trusting what `toolkit.client.trust` says."""

from __future__ import annotations

import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import unquote

import urllib3
from elastic_transport import BaseNode, NodeConfig, Urllib3HttpNode
from elastic_transport.client_utils import url_to_node_config

from toolkit.client.trust import AcquaintanceContext, context_for, pinned
from toolkit.config import Connection

_WAY = "_ocs_elastic_way"
_HIDDEN = b"<hidden>"


@dataclass(frozen=True, slots=True)
class _Way:
    """What all hosts of a connection share."""

    proxy: str | None
    context: ssl.SSLContext | None
    fingerprint: str | None


def nodes(connection: Connection) -> list[NodeConfig]:
    """Every host of the connection, for the client.

    Raises:
        ConfigurationError: the CA file cannot be used.
    """
    secure = any(url.startswith("https:") for url in connection.hosts)
    way = _Way(connection.proxy, context_for(connection) if secure else None, connection.fingerprint)
    return [
        url_to_node_config(url, use_default_ports_for_scheme=True).replace(_extras={_WAY: way})
        for url in connection.hosts
    ]


def meet(connection: Connection, url: str) -> Sequence[Mapping[str, Any]]:
    """The certificates that a host shows, its own first, whether or not they are trusted; no request is sent.

    Raises:
        Exception: whatever kept the handshake from coming about.
    """
    (config,) = nodes(replace(connection, url=url, others=(), ca_file=None, fingerprint=None))
    context = AcquaintanceContext.new()
    try:
        _Pool(config, config._extras[_WAY]).meet(context, connection.request_timeout_s)
    except Exception:
        if not context.shown:
            raise
    return context.shown


class Node(Urllib3HttpNode):
    """elastic-transport's own, with a pool of ours: its knows neither proxies nor the system's trust store."""

    def __init__(self, config: NodeConfig) -> None:
        BaseNode.__init__(self, config)
        self.pool = _Pool(config, config._extras[_WAY])  # type: ignore[assignment]  # what the node asks of a pool

    def _log_request(  # noqa: PLR0917 - the signature of the library
        self,
        method: str,
        target: str,
        headers: Any,
        body: bytes | None,
        meta: Any = None,
        response: bytes | None = None,
        exception: Exception | None = None,
    ) -> None:
        """Log as the library does, where that is switched on; it hides credentials in headers, but no new ones."""
        if "/_security/" in target:
            body, response = body and _HIDDEN, response and _HIDDEN
        super()._log_request(method, target, headers, body, meta, response, exception)


class _Pool:
    """Connections to one host; they are made when they are needed."""

    def __init__(self, config: NodeConfig, way: _Way) -> None:
        self._config, self._way = config, way
        self._manager: urllib3.PoolManager | None = None

    def urlopen(self, method: str, target: str, **options: Any) -> Any:
        """Send a request. A proxy for plain http is told the whole address, one for https opens a tunnel."""
        if self._manager is None:
            self._manager = self._connected_by(self._context(options.get("timeout")))
        if self._way.proxy and self._config.scheme == "http":
            target = f"http://{_authority(self._config)}{target}"
        return self._pool(self._manager).urlopen(method, target, assert_same_host=False, **options)

    def close(self) -> None:
        """Close the connections."""
        if self._manager:
            self._manager.clear()

    def _context(self, timeout_s: Any) -> ssl.SSLContext | None:
        if self._way.fingerprint is None:
            return self._way.context

        return pinned(self._way.fingerprint, lambda context: self.meet(context, timeout_s))

    def meet(self, context: AcquaintanceContext, timeout_s: Any) -> None:
        """Shake hands with the host, which ends in an error: nothing is sent."""
        options = {"timeout": timeout_s} if timeout_s else {}
        manager = self._connected_by(context, cert_reqs="CERT_NONE")
        self._pool(manager).urlopen("HEAD", "/", retries=False, **options)

    def _pool(self, manager: urllib3.PoolManager) -> Any:
        return manager.connection_from_host(self._config.host, self._config.port, self._config.scheme)

    def _connected_by(self, context: ssl.SSLContext | None, **more: Any) -> urllib3.PoolManager:
        options: dict[str, Any] = {
            "timeout": self._config.request_timeout,
            "maxsize": self._config.connections_per_node,
            "block": True,
            **more,
        }
        if context:
            options["ssl_context"] = context
            if not context.check_hostname:  # else urllib3 does it in the context's stead
                options["assert_hostname"] = False
        if not self._way.proxy:
            return urllib3.PoolManager(**options)
        proxy = urllib3.util.parse_url(self._way.proxy)
        headers = urllib3.util.make_headers(proxy_basic_auth=unquote(proxy.auth)) if proxy.auth else None
        return urllib3.ProxyManager(proxy._replace(auth=None).url, proxy_headers=headers, **options)


def _authority(config: NodeConfig) -> str:
    host = f"[{config.host}]" if ":" in config.host else config.host
    return f"{host}:{config.port}"
