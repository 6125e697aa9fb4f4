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

    def at_least(self, repeats: int) -> int:
        """How often to measure what one repeat tells little of; the embedded engine has ten minutes for everything."""
        return self.repeats if self.opensearch else max(self.repeats, repeats)

    def say(self, what: str) -> None:
        """Tell whoever waits what is being measured."""
        print(f"{time.strftime('%H:%M:%S')} {what}", file=sys.stderr, flush=True)  # noqa: T201 - it is a program

    def cpu_s(self) -> float:
        """What the engine's processes have spent since they began, in seconds of CPU.

        Nodes look at themselves once a second, so this waits until each has looked again.
        """
        asked_ms: dict[str, int] = {}
        while True:
            nodes = self.ask("GET", "/_nodes/stats/process")["nodes"]
            looked_ms = {id_: node["process"]["timestamp"] for id_, node in nodes.items()}
            asked_ms = asked_ms or looked_ms
            if all(looked_ms[id_] > asked_ms.get(id_, 0) for id_ in looked_ms):
                spent_ms: int = sum(node["process"]["cpu"]["total_in_millis"] for node in nodes.values())
                return spent_ms / 1000
            time.sleep(0.02)

    def ask(self, method: str, path: str, body: Any = None, **params: str) -> Any:
        """A request past the toolkit's own transport, whose guard refuses what a benchmark must do."""
        client = self.engine.transport._client.options(request_timeout=600)
        headers = {"accept": "application/json", "content-type": "application/json"}
        return client.perform_request(method, path, params=params or None, headers=headers, body=body).body
