"""`status` on a real engine says what really happened."""

from __future__ import annotations

import secrets
import time
from collections import Counter
from collections.abc import Iterator

import pytest

from tests.engine.conftest import Engine, Stream, installed
from tests.found import CATALOGUE
from toolkit.config import Settings
from toolkit.errors import ToolkitError
from toolkit.ocs.feed import Feed
from toolkit.output.status import text
from toolkit.uses.simulation import Simulation, target_of
from toolkit.uses.status import status
from toolkit.uses.verify import verify


@pytest.fixture
def fresh(engine: Engine) -> Iterator[Stream]:
    yield from installed(engine, Settings(namespace=f"status_{secrets.token_hex(4)}", refresh_interval_s=1))


def test_an_empty_stream_has_no_message_yet_and_one_of_verify_is_none(fresh: Stream) -> None:
    transport = fresh.engine.transport
    target = target_of(fresh.engine.connection, fresh.settings.namespace)
    found = status(transport, fresh.settings)
    assert (found.groups, found.counts, found.dead_letters, found.health.last) == ([], {}, 0, None)
    assert text(found).startswith(f"No message yet in {fresh.name}")
    assert verify(transport, target, fresh.settings, keep=True).left
    assert fresh.count(fresh.name) == 1
    assert status(transport, fresh.settings) == found


def test_states_dead_letters_and_the_last_messages_age_are_the_true_ones(fresh: Stream) -> None:
    feed = Feed(count=400, groups=15, interval_s=10, odd_percent=0, seed=5)
    simulation = Simulation(feed, time.time_ns() // 1_000_000 - feed.span_ms() - 3_600_000)
    simulation.post(target_of(fresh.engine.connection, fresh.settings.namespace))
    for _ in range(2):
        assert fresh.post('{"nothing": "of OCS"}')[0] == 201
    fresh.count(fresh.name)  # refreshes
    fresh.count(fresh.dead_letters)
    found = status(fresh.engine.transport, fresh.settings)
    label = {value.id: value.label for value in CATALOGUE.enums["state"].values}
    truth = Counter(label[group["state"]] for group in simulation.truth.to_json()["groups"])
    assert found.counts == truth
    assert found.dead_letters == 2
    assert found.health.last is not None
    assert found.health.last.age_s < 120, "its age is that of its arrival, though OCS sent it an hour ago"
    shown = text(found)
    assert "15 campaign groups: " in shown
    assert "dead letters 2" in shown


def test_bad_namespace_where_nothing_is_installed(engine: Engine) -> None:
    with pytest.raises(ToolkitError, match="no data stream 'ocs-campaign-groups-nobody_was_here'") as raised:
        status(engine.transport, Settings(namespace="nobody_was_here"))
    assert "apply" in str(raised.value.hint)
