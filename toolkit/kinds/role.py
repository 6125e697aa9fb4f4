"""Roles: what OCS's credential, the operator's and those of people who look at dashboards may do."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from toolkit.capabilities import Capabilities
from toolkit.client.transport import Transport
from toolkit.kinds.base import Kind, of_ours, without_version
from toolkit.model import Body, Resource

_MARK = "ocs_elastic"
"""Where the mark stands in `metadata`; names that begin with `_` are the server's own there."""
_SETS = ("names", "privileges", "resources")


class Role(Kind):
    """A native role of Elasticsearch's. Only who manages security may write roles, or even read them."""

    name = "role"
    folder = "templates/roles"
    path = "/_security/role/{name}"

    def lacking(self, server: Capabilities) -> str:
        """Roles are the administrator's; without them everything else can still be planned and applied."""
        if not server.security:
            return "Security is off on this cluster: whoever reaches it may do everything."
        if not server.manages_security:
            return "This credential may not manage security; an administrator applies roles, once."
        return ""

    def mark(self, resource: Resource, schema: int, capabilities: Capabilities) -> Resource:  # noqa: ARG002
        """A role has no `_meta`, but `metadata`."""
        metadata = {**resource.body.get("metadata", {}), _MARK: self.sign(resource, schema)}
        return replace(resource, body={**resource.body, "metadata": metadata})

    def mark_of(self, body: Body) -> Body:
        """It stands in `metadata`."""
        return of_ours(body.get("metadata", {}).get(_MARK))

    def normalize(self, body: Body) -> Body:
        """Without what servers add: what is empty, and what says nothing but the default."""
        body = {key: value for key, value in body.items() if value and key != "transient_metadata"}
        for field in ("indices", "applications"):
            if field in body:
                body[field] = [_normal_entry(entry) for entry in body[field]]
        if "cluster" in body:
            body["cluster"] = sorted(body["cluster"])
        if mark := self.mark_of(body):
            body["metadata"] = {**body["metadata"], _MARK: without_version(mark)}
        return body

    def live(self, transport: Transport) -> dict[str, Body]:
        """Roles cannot be asked for by a pattern, so all are read."""
        return self.unwrap(transport.get("/_security/role") or {})

    def unwrap(self, answer: Body) -> dict[str, Body]:
        """`{name: {"cluster": …, "indices": …}}`."""
        return dict(answer)

    def meaning(self, action: str) -> str:
        """A role takes effect at once, for whoever has it."""
        return "Holds from now on for every user and API key that is given this role." if action == "update" else ""


def _normal_entry(entry: Body) -> Body:
    """Names, privileges and resources are sets; a server may give them back in another order."""
    normal: dict[str, Any] = {key: value for key, value in entry.items() if value}
    return {key: sorted(value) if key in _SETS else value for key, value in normal.items()}
