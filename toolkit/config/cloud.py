"""What a Cloud id says: Elastic Cloud's short form of two addresses."""

from __future__ import annotations

import base64


def addresses(cloud_id: str) -> tuple[str, str | None]:
    """The addresses of Elasticsearch and, where it names one, of Kibana.

    It is `name:` and base64 of `domain[:port]$elasticsearch[:port]$kibana[:port]`. Read here, not by Elasticsearch's
    client, whose import costs start-up time, and which says nothing of Kibana's own port.

    Raises:
        ValueError: it is no Cloud id.
    """
    text = base64.b64decode(cloud_id.rpartition(":")[2], validate=True).decode("ascii")
    domain, *parts = text.split("$")
    if not domain or not parts or not parts[0]:
        raise ValueError("it names no Elasticsearch")
    kibana = parts[1] if len(parts) > 1 else ""
    return _address(domain, parts[0]), _address(domain, kibana) if kibana else None


def _address(domain: str, part: str) -> str:
    host, _, port = domain.partition(":")
    name, _, own_port = part.partition(":")
    return f"https://{name}.{host}:{int(own_port or port or 443)}"
