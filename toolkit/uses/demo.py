"""The demo: the toolkit's resources on the embedded engine, a simulated OCS, and what became of its messages."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from toolkit.apply import install, remove
from toolkit.client.connect import capabilities, connect
from toolkit.client.transport import Transport
from toolkit.config import Connection, Settings
from toolkit.errors import ToolkitError
from toolkit.load import desired
from toolkit.model import SILENT, Progress
from toolkit.ocs.feed import Feed
from toolkit.questions import GroupState, group_states
from toolkit.uses.report import Report, collect
from toolkit.uses.simulation import Simulation, target_of
from toolkit.uses.window import Window

NAMESPACE = "demo"
"""The demo's own namespace: whatever is in it is thrown away when it starts."""

SETTINGS = Settings(namespace=NAMESPACE, refresh_interval_s=1)


@dataclass(frozen=True, slots=True)
class Demo:
    """What a demo came to: `posted = stored + dead_lettered + refused`."""

    engine: str
    url: str
    posted: int
    stored: int
    dead_lettered: int
    refused: int
    states: list[GroupState]
    report: Report
    """Of the time from the first simulated message until all were taken."""

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        return {
            "engine": self.engine,
            "posted": self.posted,
            "stored": self.stored,
            "dead_lettered": self.dead_lettered,
            "refused": self.refused,
            "groups": [state.as_json() for state in self.states],
        }


def demo(connection: Connection, feed: Feed, *, progress: Progress = SILENT) -> Demo:
    """Install, simulate, read back.

    Raises:
        ToolkitError: the engine is not the embedded one, or a message was accepted and is not there.
    """
    if not connection.embedded:
        raise ToolkitError("the demo throws its namespace away, so it runs on the embedded engine only")
    transport = connect(connection)
    server = capabilities(transport)
    resources = desired(SETTINGS, server)
    remove(transport, [resource for resource in resources if resource.namespace])
    progress.say(f"Installing {len(resources)} resources on {server}: pipeline, templates, data streams")
    install(transport, resources)
    simulation = Simulation(feed, time.time_ns() // 1_000_000 - feed.span_ms(), progress=progress)
    simulation.post(target_of(connection, NAMESPACE))
    stream = f"ocs-campaign-groups-{NAMESPACE}"
    stored, dead_lettered = (_count(transport, name) for name in (stream, f"ocs-dead-letters-{NAMESPACE}"))
    window = Window(simulation.start_ms, time.time_ns() // 1_000_000 + 1, ZoneInfo("UTC"), open=True)
    result = Demo(
        engine=str(server),
        url=connection.shown_url,
        posted=simulation.tally.all.posted,
        stored=stored,
        dead_lettered=dead_lettered,
        refused=simulation.tally.all.refused,
        states=group_states(transport, stream),
        report=collect(transport, SETTINGS, window),
    )
    lost = result.posted - result.stored - result.dead_lettered - result.refused
    if lost:
        raise ToolkitError(
            f"of {result.posted} messages {result.stored} are stored, {result.dead_lettered} are dead letters and "
            f"{result.refused} were refused: {lost} are not there",
            hint="this is a bug: please report it, with the engine's log",
        )
    return result


def _count(transport: Transport, stream: str) -> int:
    transport.post(f"/{stream}/_refresh", None)
    return int(transport.get(f"/{stream}/_count")["count"])
