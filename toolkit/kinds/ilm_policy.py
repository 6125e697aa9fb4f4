"""ILM policies: when a stream turns to a new index, and when an old one goes."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import ClassVar

from toolkit.capabilities import Capabilities
from toolkit.client.transport import Transport
from toolkit.kinds.base import Kind, comparable
from toolkit.model import Body, Resource

_UNIT_MINUTES = {"d": 24 * 60, "h": 60, "m": 1}
_PHASES = ("hot", "warm", "cold", "frozen", "delete")


class IlmPolicy(Kind):
    """An index lifecycle policy."""

    name = "ilm_policy"
    folder = "templates/ilm"
    path = "/_ilm/policy/{name}"
    depends_on: ClassVar[tuple[str, ...]] = ()

    def lacking(self, server: Capabilities) -> str:
        """OpenSearch has none."""
        if server.ilm:
            return ""
        return (
            f"{server} has no index lifecycle management. "
            "No retention here: documents stay until somebody deletes them."
        )

    def mark(self, resource: Resource, schema: int, capabilities: Capabilities) -> Resource:
        """`_meta` stands inside `policy`."""
        inner = super().mark(replace(resource, body=resource.body["policy"]), schema, capabilities)
        return replace(resource, body={"policy": inner.body})

    def mark_of(self, body: Body) -> Body:
        """`_meta` stands inside `policy`."""
        return super().mark_of(body["policy"])

    def normalize(self, body: Body) -> Body:
        """Servers write the defaults of phases and of the delete action into what they give back."""
        policy = comparable(body["policy"])
        phases = {name: {"min_age": "0ms", **phase} for name, phase in policy["phases"].items()}
        for name, phase in phases.items():
            actions = dict(phase.get("actions") or {})
            if "delete" in actions:
                actions["delete"] = {"delete_searchable_snapshot": True, **actions["delete"]}
            phases[name] = {**phase, "actions": actions}
        return {"policy": {**policy, "phases": phases}}

    def validate(self, resource: Resource) -> list[str]:
        """A `min_age` that falls from one phase to the next is accepted by Elasticsearch and means nothing good."""
        phases = resource.body["policy"]["phases"]
        ages = [(phase, _minutes(phases[phase].get("min_age", "0d"))) for phase in _PHASES if phase in phases]
        return [
            f"phase {later} begins before phase {earlier}"
            for (earlier, first), (later, second) in pairwise(ages)
            if second < first
        ]

    def live(self, transport: Transport) -> dict[str, Body]:
        """All are read: before 8.5 Elasticsearch takes a pattern for a name (elastic/elasticsearch#89238)."""
        return self.unwrap(transport.get("/_ilm/policy", params={"filter_path": "*.policy"}) or {})

    def unwrap(self, answer: Body) -> dict[str, Body]:
        """`{name: {"policy": …, "version": …}}`."""
        return {name: {"policy": item["policy"]} for name, item in answer.items()}

    def meaning(self, action: str) -> str:
        """Elasticsearch applies a changed policy to indices that exist, too."""
        if action == "update":
            return "Holds for stored documents too: what is older than the new age goes at ILM's next look."
        return ""


def _minutes(age: str) -> int:
    return 0 if age == "0ms" else int(age[:-1]) * _UNIT_MINUTES[age[-1]]
