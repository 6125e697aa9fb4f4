"""Where a migration runs: one namespace of one cluster, and the names that hold there."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from toolkit.capabilities import Capabilities
from toolkit.client.transport import Transport
from toolkit.kinds.ingest_pipeline import PIPELINE, REPLAY_PIPELINE
from toolkit.model import SILENT, Progress, Resource
from toolkit.streams import Streams
from toolkit.yaml_source import Reader, Where

T = TypeVar("T")

_NAMESPACE = re.compile(r"(?<!\{)\{namespace\}(?!\})")
"""In a file it stands for the namespace's name; Elasticsearch's own `{{namespace}}` is left alone."""
ROLES = ("campaign_groups", "dead_letters")
"""What files call the two data streams of a namespace, whatever its name."""
NO_PIPELINE = "_none"


@dataclass(frozen=True)
class Place:
    """One namespace of one cluster, where a migration runs."""

    transport: Transport
    server: Capabilities
    namespace: str
    resources: Sequence[Resource]
    """Everything that should be there by files and configuration."""
    version: int
    """The migration's."""
    progress: Progress = SILENT
    rate: int | None = None
    """Documents a second at most; None: as many as the server can."""
    still_held: Callable[[], None] = lambda: None
    """Is called before every write; raises LockHeldError once the lock was lost."""

    @property
    def streams(self) -> Streams:
        """The namespace's data streams."""
        return Streams(self.namespace)

    def stream(self, role: str) -> str:
        """The name of the data stream that a file calls by its role."""
        return {"campaign_groups": self.streams.campaign_groups, "dead_letters": self.streams.dead_letters}[role]

    @property
    def task(self) -> str:
        """The name under which a long task of the server's is found again, and write blocks that were lifted."""
        return f"migrate-{self.namespace}"

    def named(self, value: T) -> T:
        """A value of a file with the namespace's name in the place of `{namespace}`, at any depth."""
        named: T = _named(value, self.namespace)
        return named

    def refresh(self, index: str) -> None:
        """Let searches see everything that was written; a run that only previews does without."""
        if not self.transport.read_only:
            self.transport.post(f"/{index}/_refresh", None)

    def unfit(self, pipeline: str) -> list[str]:
        """Why stored documents cannot, or must not, be sent through a pipeline."""
        if pipeline in (PIPELINE, REPLAY_PIPELINE):
            return [f"pipeline {pipeline} is for OCS's messages, and would gut documents that are stored already"]
        if pipeline != NO_PIPELINE and self.transport.get(f"/_ingest/pipeline/{pipeline}") is None:
            return [f"there is no ingest pipeline {pipeline}"]
        return []


def _named(value: Any, namespace: str) -> Any:
    if isinstance(value, str):
        return _NAMESPACE.sub(namespace, value)
    if isinstance(value, list):
        return [_named(item, namespace) for item in value]
    if isinstance(value, dict):
        return {_named(key, namespace): _named(item, namespace) for key, item in value.items()}
    return value


def stream_role(reader: Reader, where: Where) -> str:
    """The role of a data stream in a file."""
    value = reader.text(where, reader.value(where))
    if value not in ROLES:
        reader.fail(where, f"'{value}' is no data stream: {' or '.join(ROLES)}")
    return value
