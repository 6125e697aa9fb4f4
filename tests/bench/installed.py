"""The toolkit's resources in a namespace of their own, and what a benchmark asks of them."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from tests.bench import designs
from tests.bench.bench import Bench
from tests.running import installed as resources_of
from toolkit.config import Settings
from toolkit.effective import merged
from toolkit.kinds.ingest_pipeline import PIPELINE
from toolkit.load import desired
from toolkit.model import Body
from toolkit.ocs.message import to_text
from toolkit.uses.deployment import Deployment

_AT_ONCE = 1000
_NOT_A_PLAIN_INDEXES = ("index.default_pipeline", "index.lifecycle.name")
_NOT_A_RAW_MESSAGES = ("index.mode", "index.mapping.source.mode")
"""logsdb refuses documents without `@timestamp`, which OCS does not send."""


@dataclass(frozen=True)
class Installed:
    """A namespace that is there for one group of measurements."""

    bench: Bench
    deployment: Deployment
    stream: str
    """The data stream that OCS would post to."""

    @property
    def pipeline(self) -> Body:
        """Ours."""
        return next(each.body for each in self.deployment.resources if each.name == PIPELINE)

    def index(self, mappings: Body | None, *, sort: tuple[str, ...] | None = None, mode: str = "auto") -> Body:
        """The body of a plain index with the stream's settings but for its pipeline.

        Args:
            mappings: of that index; None: the stream's.
            sort: what it is sorted by, in the order of the stream's own sort; None: by what the stream is.
            mode: the index mode, as in the toolkit's settings.
        """
        resources = desired(replace(self.deployment.settings, index_mode=mode), self.bench.engine.server)
        components = {each.name: each.body for each in resources if each.kind == "component_template"}
        template = next(each for each in resources if (each.kind, each.name) == ("index_template", self.stream))
        found = merged(template.body, components.get)
        left_out = (*_NOT_A_PLAIN_INDEXES, *(_NOT_A_RAW_MESSAGES if sort else ()))
        settings = {key: value for key, value in found["settings"].items() if key not in left_out}
        if sort:
            settings["index.sort.field"] = list(sort)
        return {"settings": settings, "mappings": found["mappings"] if mappings is None else mappings}

    def raw_index(self) -> Body:
        """The body of an index for messages as OCS sends them, sorted as the stream is."""
        mappings = designs.raw_mappings(self.deployment.catalogue)
        return self.index(mappings, sort=("GSW_CAMPAIGN_GROUP_GUID", "GSW_DATE_TIME"))

    def turn_over(self) -> None:
        """Turn the stream to a new index, and delete the ones before."""
        self.bench.ask("POST", f"/{self.stream}/_rollover")
        (stream,) = self.bench.ask("GET", f"/_data_stream/{self.stream}")["data_streams"]
        for each in stream["indices"][:-1]:
            self.bench.ask("DELETE", f"/{each['index_name']}")

    def made(self, lines: Sequence[bytes]) -> list[bytes]:
        """The documents that our pipeline makes of messages, as bodies."""
        chunks = (lines[i : i + _AT_ONCE] for i in range(0, len(lines), _AT_ONCE))
        documents = (document for chunk in chunks for document in self._simulated(self.pipeline, chunk))
        return [to_text(document).encode() for document in documents]

    def told(self, pipeline: Body, lines: Sequence[bytes]) -> list[Any]:
        """What a pipeline makes of messages, without nulls, and without the time at which it did."""
        found = self._simulated(pipeline, lines)
        for document in found:
            del document["event"]["ingested"]
        return [_told(document) for document in found]

    def _simulated(self, pipeline: Body, lines: Sequence[bytes]) -> list[Any]:
        docs = [{"_index": self.stream, "_source": json.loads(line)} for line in lines]
        body = {"pipeline": {key: value for key, value in pipeline.items() if key != "_meta"}, "docs": docs}
        answer = self.bench.ask("POST", "/_ingest/pipeline/_simulate", body)
        return [each["doc"]["_source"] for each in answer["docs"]]


@contextmanager
def installed(bench: Bench) -> Iterator[Installed]:
    """Install a namespace, without a transform that would search meanwhile; it goes with everything in it."""
    settings = Settings(namespace=f"bench_{secrets.token_hex(3)}")
    for stream in resources_of(bench.engine, settings):
        deployment = Deployment(bench.engine.transport, bench.engine.server, settings)
        for each in deployment.resources:
            if each.kind == "transform":
                bench.ask("POST", f"/_transform/{each.name}/_stop", wait_for_completion="true")
        yield Installed(bench, deployment, stream.name)


def _told(value: Any) -> Any:
    """Without nulls, and what holds nothing else: to a mapping they are absent."""
    if isinstance(value, list):
        return [_told(item) for item in value]
    if not isinstance(value, dict):
        return value
    told = {key: _told(item) for key, item in value.items() if item is not None}
    return {key: item for key, item in told.items() if item != {}}
