"""`sizing --measure` on a real engine: what it says of a stream is true."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator

import pytest

from tests.found import CATALOGUE
from tests.running import Engine, Stream, installed
from toolkit.client.connect import capabilities
from toolkit.config import Settings
from toolkit.errors import ToolkitError
from toolkit.ocs.feed import Feed
from toolkit.output.sizing import text
from toolkit.sizing import SEEN_DOCUMENTS_MIN
from toolkit.uses.simulation import Simulation, target_of
from toolkit.uses.sizing import look, sizing


@pytest.fixture
def fresh(engine: Engine) -> Iterator[Stream]:
    yield from installed(engine, Settings(namespace=f"sizing_{secrets.token_hex(4)}", refresh_interval_s=1))


def test_groups_messages_and_bytes_are_the_streams_own(fresh: Stream) -> None:
    transport = fresh.engine.transport
    feed = Feed(count=SEEN_DOCUMENTS_MIN, groups=40, interval_s=10, odd_percent=0, seed=7)
    simulation = Simulation(feed, time.time_ns() // 1_000_000 - feed.span_ms() - 1000, with_truth=True)
    simulation.post(target_of(fresh.engine.connection, fresh.settings.namespace))
    assert fresh.count(fresh.name) == SEEN_DOCUMENTS_MIN
    transport.post(f"/{fresh.name}/_flush", None)
    seen = look(transport, fresh.settings)
    silent = {value.id for value in CATALOGUE.enums["state"].values if value.silent}
    speaking = [group for group in simulation.truth.to_json()["groups"] if group["state"] not in silent]
    assert (seen.documents, seen.messages_last_day) == (SEEN_DOCUMENTS_MIN, SEEN_DOCUMENTS_MIN)
    assert seen.groups == len(speaking) > 0
    found = sizing(fresh.settings, groups=None, server=capabilities(transport), seen=seen)
    assert 20 < found.storage.on_disk < 1000
    assert found.demand.groups == seen.groups
    assert f"messages in {fresh.name}" in text(found)


def test_a_namespace_that_is_not_installed_is_named(engine: Engine) -> None:
    with pytest.raises(ToolkitError, match="no data stream 'ocs-campaign-groups-nobody_was_here'"):
        look(engine.transport, Settings(namespace="nobody_was_here"))
