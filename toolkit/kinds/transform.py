"""Transforms: the one that keeps each campaign group's latest state."""

from __future__ import annotations

from typing import ClassVar

from toolkit.capabilities import Capabilities
from toolkit.client.transport import Transport
from toolkit.kinds.base import OURS, Kind, listed
from toolkit.kinds.request import Request, When
from toolkit.model import Body, Resource

_UPDATABLE = frozenset({"source", "dest", "description", "frequency", "sync", "retention_policy", "settings", "_meta"})
_SERVER_FIELDS = frozenset({"id", "version", "create_time", "authorization"})
_RUNNING = "running"
"""Stands in a live body beside what the server's definition says: a stopped transform is not what is desired."""
_PAGE = 1_000
"""Definitions an answer, which is the most that Elasticsearch allows (8.3.3 and 8.17.2 refuse more)."""


class Transform(Kind):
    """A continuous transform, started once it is written. It runs with the privileges of whoever wrote it."""

    name = "transform"
    folder = "templates/transforms"
    path = "/_transform/{name}"
    depends_on: ClassVar[tuple[str, ...]] = ("data_stream", "index")

    def lacking(self, server: Capabilities) -> str:
        """OpenSearch's are another product's plugin, and not in the embedded engine."""
        return "" if server.transforms else f"{server} has no transforms."

    def normalize(self, body: Body) -> Body:
        """Without what the server adds."""
        body = {key: value for key, value in super().normalize(body).items() if key not in _SERVER_FIELDS}
        if body.get("settings") == {}:
            del body["settings"]
        return {_RUNNING: True, **body}

    def read(self, transport: Transport, name: str) -> Body | None:
        """The definition, and whether it runs."""
        body = super().read(transport, name)
        return None if body is None else self.with_state(transport, name, body)

    def live(self, transport: Transport) -> dict[str, Body]:
        """The definitions alone. By default a server answers with the first 100, and never with more than 1,000."""
        found: dict[str, Body] = {}
        while True:
            params = {"from": str(len(found)), "size": str(_PAGE)}
            page = self.unwrap(transport.get(self.url(OURS), params=params) or {})
            found |= page
            if len(page) < _PAGE:
                return found

    def with_state(self, transport: Transport, name: str, definition: Body) -> Body:
        """A definition, and whether the transform runs."""
        return {**definition, _RUNNING: self._state(transport, name) in ("started", "indexing")}

    def write(self, transport: Transport, resource: Resource) -> None:
        """Create it, or update it in place, or where that is impossible make it anew; and start it."""
        url = self.url(resource.name)
        live = super().read(transport, resource.name)
        if live is not None and not self._in_place(live, resource.body):
            self.delete(transport, resource.name)
            live = None
        if live is None:
            transport.put(url, resource.body)
        else:
            transport.post(f"{url}/_update", self._update(live, resource.body))
        state = self._state(transport, resource.name)
        if state == "failed":
            transport.post(f"{url}/_stop", None, params={"force": "true", "wait_for_completion": "true"})
        if state not in ("started", "indexing"):
            transport.post(f"{url}/_start", None)

    def _update(self, live: Body, desired: Body) -> Body:
        """What is to be updated in place; a setting that is only there by hand goes by null, since they are merged."""
        body = {key: value for key, value in desired.items() if key in _UPDATABLE}
        settings = {**dict.fromkeys(live.get("settings", {})), **desired.get("settings", {})}
        return {**body, "settings": settings} if settings else body

    def requests(self, resource: Resource) -> tuple[Request, ...]:
        """Created or updated, then started; what cannot be updated in place, or has failed, needs `write`."""
        url = self.url(resource.name)
        update = {key: value for key, value in resource.body.items() if key in _UPDATABLE}
        return (
            Request("PUT", url, resource.body, When.ABSENT, ask=url, harmless=400),
            Request("POST", f"{url}/_update", update, When.PRESENT, ask=url),
            Request("POST", f"{url}/_start", None, When.STOPPED, ask=f"{url}/_stats", harmless=409),
        )

    def delete(self, transport: Transport, name: str) -> None:
        """Stop and remove it; the index that it wrote stays."""
        transport.delete(self.url(name), params={"force": "true"})

    def rebuild(self, transport: Transport, index: Resource) -> None:
        """Make a transform's destination anew, empty, and have the transform of the same name fill it from the start.

        The transform forgets what it has read before anything is deleted: whoever dies at any place leaves one that
        stands, or is to be rebuilt still, and never one that goes on where the documents before are missing.
        """
        url = self.url(index.name)
        there = super().read(transport, index.name) is not None
        if there:
            transport.post(f"{url}/_stop", None, params={"force": "true", "wait_for_completion": "true"})
            transport.post(f"{url}/_reset", None)
        transport.delete(f"/{index.name}")
        transport.put(f"/{index.name}", index.body or None)
        if there:
            transport.post(f"{url}/_start", None)

    def unwrap(self, answer: Body) -> dict[str, Body]:
        """`{"transforms": [{"id": …}]}`."""
        return listed(answer, "transforms")

    def meaning(self, action: str) -> str:
        """It runs with the privileges of its creator."""
        return "Runs with the privileges of the credential that this is applied with." if action != "delete" else ""

    def _in_place(self, live: Body, desired: Body) -> bool:
        live, desired = self.normalize(live), self.normalize(desired)
        different = {key for key in live.keys() | desired.keys() if live.get(key) != desired.get(key)}
        return different <= {*_UPDATABLE, _RUNNING}

    def _state(self, transport: Transport, name: str) -> str | None:
        stats = transport.get(f"{self.url(name)}/_stats") or {}
        return listed(stats, "transforms").get(name, {}).get("state")
