"""What every measurement needs: an engine, how often, and what the engine has spent."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from typing import Any

from tests.running import Engine


@dataclass(frozen=True)
class Bench:
    """One run of benchmarks on one engine."""

    engine: Engine
    repeats: int

    @property
    def url(self) -> str:
        """The engine's address."""
        return self.engine.connection.url

    @property
    def opensearch(self) -> bool:
        """Whether it is the embedded engine, or another OpenSearch."""
        return self.engine.server.distribution == "opensearch"

    def say(self, what: str) -> None:
        """Tell whoever waits what is being measured."""
        print(f"{time.strftime('%H:%M:%S')} {what}", file=sys.stderr, flush=True)  # noqa: T201 - it is a program

    def cpu_s(self) -> float:
        """What the engine's processes have spent since they began, in seconds of CPU."""
        answer = self.ask("GET", "/_nodes/stats/process")
        spent_ms: int = sum(node["process"]["cpu"]["total_in_millis"] for node in answer["nodes"].values())
        return spent_ms / 1000

    def ask(self, method: str, path: str, body: Any = None, **params: str) -> Any:
        """A request past the toolkit's own transport, whose guard refuses what a benchmark must do."""
        client = self.engine.transport._client.options(request_timeout=600)
        headers = {"accept": "application/json", "content-type": "application/json"}
        return client.perform_request(method, path, params=params or None, headers=headers, body=body).body
