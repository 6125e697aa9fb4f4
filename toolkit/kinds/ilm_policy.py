"""ILM policies: when a stream turns to a new index, and when an old one goes."""

from __future__ import annotations

from itertools import pairwise
from typing import ClassVar

from toolkit.capabilities import Capabilities
from toolkit.kinds.base import Kind
from toolkit.model import Body, Resource

_UNIT_MINUTES = {"d": 24 * 60, "h": 60, "m": 1}
_PHASES = ("hot", "warm", "cold", "frozen", "delete")


class IlmPolicy(Kind):
    """An index lifecycle policy."""

    name = "ilm_policy"
    folder = "templates/ilm"
    path = "/_ilm/policy/{name}"
    depends_on: ClassVar[tuple[str, ...]] = ()

    def available(self, capabilities: Capabilities) -> bool:
        """OpenSearch has none."""
        return capabilities.ilm

    def mark(self, resource: Resource, schema: int, capabilities: Capabilities) -> Resource:
        """`_meta` stands inside `policy`."""
        inner = Resource(resource.kind, resource.name, resource.body["policy"], resource.source)
        body = {"policy": super().mark(inner, schema, capabilities).body}
        return Resource(resource.kind, resource.name, body, resource.source)

    def validate(self, resource: Resource) -> list[str]:
        """A `min_age` that falls from one phase to the next is accepted by Elasticsearch and means nothing good."""
        phases = resource.body["policy"]["phases"]
        ages = [(phase, _minutes(phases[phase].get("min_age", "0d"))) for phase in _PHASES if phase in phases]
        return [
            f"phase {later} begins before phase {earlier}"
            for (earlier, first), (later, second) in pairwise(ages)
            if second < first
        ]

    def unwrap(self, answer: Body, name: str) -> Body | None:
        """`{name: {"policy": …, "version": …}}`."""
        return {"policy": answer[name]["policy"]} if name in answer else None


def _minutes(age: str) -> int:
    return 0 if age == "0ms" else int(age[:-1]) * _UNIT_MINUTES[age[-1]]
