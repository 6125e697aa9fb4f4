"""Ingest pipelines: what happens to a message between its POST and its document."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import ClassVar

from toolkit.capabilities import Capabilities
from toolkit.errors import nearest
from toolkit.kinds.base import MANAGED_BY, Kind
from toolkit.model import Body, Resource

PIPELINE = "ocs-campaign-groups"
"""The streams' own pipeline."""
REPLAY_PIPELINE = "ocs-campaign-groups-replay"
"""The same for dead letters: what it cannot understand, it refuses."""
RELABEL_PIPELINE = "ocs-campaign-groups-relabel"
"""What documents that are stored already go through, when labels have changed."""

_COMMON = frozenset({"description", "if", "ignore_failure", "on_failure", "tag"})

SHARED_PROCESSORS = {
    "gsub": {"field", "pattern", "replacement", "target_field", "ignore_missing"},
    "remove": {"field", "ignore_missing"},
    "rename": {"field", "target_field", "ignore_missing"},
    "script": {"lang", "source", "params"},
    "set": {"field", "value", "override", "ignore_empty_value"},
}
"""The processors, with their options, that Elasticsearch 8.3 and the embedded OpenSearch both have.

Others may be shared too; add one after it has run on both. Known not to be: `set.copy_from`, `rename.override`,
`remove.keep`, `pipeline.ignore_missing_pipeline`, `reroute`, `terminate`, `enrich`, `redact`; and `date` takes the
first matching format on Elasticsearch and the last on OpenSearch.
"""


class IngestPipeline(Kind):
    """An ingest pipeline, from one source for Elasticsearch and OpenSearch."""

    name = "ingest_pipeline"
    folder = "ingest_pipelines"
    path = "/_ingest/pipeline/{name}"
    depends_on: ClassVar[tuple[str, ...]] = ()

    def mark(self, resource: Resource, schema: int, capabilities: Capabilities) -> Resource:
        """OpenSearch refuses `_meta` in a pipeline, so there the last line of the description is the mark."""
        marked = super().mark(resource, schema, capabilities)
        if capabilities.pipeline_meta:
            return marked
        body = dict(marked.body)
        line = " ".join(f"{key}={value}" for key, value in body.pop("_meta").items())
        body["description"] = f"{body['description']}\n{line}"
        return replace(resource, body=body)

    def validate(self, resource: Resource) -> list[str]:
        """Processors and options that one of the two engines lacks."""
        reasons = []
        for place, processor, options in _processors(resource.body):
            if processor not in SHARED_PROCESSORS:
                reasons.append(f"{place}: processor '{processor}' is not shared by Elasticsearch and OpenSearch")
                continue
            known = SHARED_PROCESSORS[processor] | _COMMON
            reasons.extend(
                f"{place}: option '{option}' of '{processor}' is not shared. {nearest(option, known)}"
                for option in options.keys() - known
            )
        return reasons

    def mark_of(self, body: Body) -> Body:
        """`_meta`, or what the last line of the description says."""
        if mark := super().mark_of(body):
            return mark
        words = str(body.get("description", "")).rpartition("\n")[2].split(" ")
        mark = dict(word.split("=", 1) for word in words if "=" in word)
        return mark if mark.get("managed_by") == MANAGED_BY else {}

    def normalize(self, body: Body) -> Body:
        """Without the toolkit's version in the description, which is written and never compared."""
        body = super().normalize(body)
        if "_meta" not in body and self.mark_of(body):
            body["description"] = re.sub(r" toolkit_version=\S*", "", body["description"])
        return body

    def unwrap(self, answer: Body) -> dict[str, Body]:
        """`{name: {…}}`."""
        return dict(answer)

    def meaning(self, action: str) -> str:
        """The pipeline is shared by all namespaces of a cluster."""
        if action == "update":
            return "From the next message on, in every namespace; stored documents stay as they are."
        return ""


def _processors(body: Body, place: str = "") -> Iterator[tuple[str, str, Body]]:
    """Every processor of a pipeline with its place, those inside `on_failure` too."""
    for part in ("processors", "on_failure"):
        for i, step in enumerate(body.get(part, [])):
            for processor, options in step.items():
                here = f"{place}{part}[{i}]"
                yield here, processor, options
                yield from _processors({"on_failure": options.get("on_failure", [])}, f"{here}.")
