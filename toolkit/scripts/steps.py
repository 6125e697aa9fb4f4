"""What every form has in common: the steps in the order to send, and what the head of a script says of them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass

from toolkit.kinds import KIND
from toolkit.kinds.request import Request
from toolkit.model import Body, Resource


@dataclass(frozen=True, slots=True)
class Step:
    """One resource and the requests that write it."""

    resource: Resource
    requests: tuple[Request, ...]


@dataclass(frozen=True, slots=True)
class Head:
    """What a script says of itself."""

    toolkit_version: str
    server: str
    """Name and version of the server that it is for, such as `elasticsearch 8.17.2`."""
    namespace: str

    @property
    def server_version(self) -> str:
        """Its version alone."""
        return self.server.rpartition(" ")[2]

    @property
    def stream_path(self) -> str:
        """Where OCS posts to, below the cluster's address."""
        return f"/ocs-campaign-groups-{self.namespace}/_doc"


def steps(resources: Iterable[Resource]) -> list[Step]:
    """A step for each resource, in their order."""
    return [Step(resource, KIND[resource.kind].requests(resource)) for resource in resources]


def pretty(body: Body, *, ascii_only: bool = False) -> str:
    """A body for people; its keys stay in their order, so that a server gets what `apply` would send."""
    return json.dumps(body, ensure_ascii=ascii_only, indent=2)
