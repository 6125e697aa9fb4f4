"""Clocks two hours off: OCS's, and that of the machine that the command runs on."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from tests.faults.conftest import Namespace, installed
from tests.faults.mortal import Node
from tests.unit.commands import Command
from toolkit import lock
from toolkit.client.transport import Transport
from toolkit.errors import LockHeldError
from toolkit.load import state_index
from toolkit.lock import locked

pytestmark = pytest.mark.timeout(300)
OFF = [timedelta(hours=2), timedelta(hours=-2)]


@pytest.fixture(scope="module")
def used(node: Node) -> Namespace:
    return installed(node)


@pytest.fixture(params=OFF, ids=["ahead", "behind"])
def off(request: pytest.FixtureRequest) -> Iterator[timedelta]:
    """This machine's clock is two hours off meanwhile; it goes on."""
    by: timedelta = request.param
    with time_machine.travel(datetime.now(UTC) + by, tick=True):
        yield by


@pytest.mark.parametrize("by", OFF, ids=["ahead", "behind"])
def test_a_message_keeps_its_own_time_and_the_time_it_came_is_the_servers(used: Namespace, by: timedelta) -> None:
    """Up to 24 hours ahead OCS is believed, and any time behind; who asks for freshness asks for `event.ingested`."""
    now = datetime.now(UTC)
    sent = now + by
    message = {"GSW_CAMPAIGN_GROUP_GUID": "g", "GSW_DATE_TIME": f"{sent.timestamp():.3f}"}
    status, answer = used.node.ask("POST", used.path, message)
    assert status == 201
    source = used.node.ask("GET", f"/{answer['_index']}/_doc/{answer['_id']}")[1]["_source"]
    assert abs(datetime.fromisoformat(source["@timestamp"]) - sent) < timedelta(milliseconds=2)
    assert abs(datetime.fromisoformat(source["event"]["ingested"]) - now) < timedelta(seconds=30)
    assert "tags" not in source


def test_the_commands_work_and_the_doctor_says_whose_clock_is_off(
    used: Namespace, ocs_elastic: Command, off: timedelta
) -> None:
    name = ("--namespace", used.name)
    for command in (("plan",), ("verify",), ("status",), ("report", "--json")):
        ran = ocs_elastic(*command, *name)
        assert ran.code == 0, (command, ran)
    found = json.loads(ocs_elastic("doctor", *name, "--json").out)["findings"]
    (clocks,) = [finding for finding in found if finding["check"] == "clocks"]
    assert clocks["level"] == "warning"
    direction = "behind" if off > timedelta() else "ahead of"
    assert re.search(rf"clock is (2\.0 h|7\d\d\d s) {direction} this machine's", clocks["what"])


@pytest.fixture
def lively(monkeypatch: pytest.MonkeyPatch) -> None:
    """Heartbeats are not waited for so long; and a lock's holder is never known to be of this machine."""
    monkeypatch.setattr(lock, "HEARTBEAT_S", 0.5)
    monkeypatch.setattr(lock, "_WATCH_S", 1.5)
    monkeypatch.setattr(lock, "_died_here", lambda _lock: False)


@pytest.mark.usefixtures("lively")
@pytest.mark.parametrize("by", OFF, ids=["ahead", "behind"])
def test_a_clock_that_is_off_takes_no_lock_from_a_holder_that_lives(used: Namespace, by: timedelta) -> None:
    """By its own clock an operator two hours ahead sees every lock expired an hour ago."""
    transport, index = _of(used)
    with locked(transport, index) as first:
        with (
            time_machine.travel(datetime.now(UTC) + by, tick=True),
            pytest.raises(LockHeldError) as held,
            locked(transport, index),
        ):
            pytest.fail("two have the lock")
        first.check()
    assert "is changing this cluster since" in held.value.reason


@pytest.mark.usefixtures("lively")
@pytest.mark.parametrize("by", OFF, ids=["ahead", "behind"])
def test_a_lock_whose_holder_died_is_taken_over_though_its_clock_was_off(
    used: Namespace, by: timedelta, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One from a clock two hours ahead would otherwise stay in force for two hours."""
    transport, index = _of(used)
    monkeypatch.setattr(lock.Lock, "_beat", lambda _self: None)
    monkeypatch.setattr(lock.Lock, "_release", lambda _self: None)
    with time_machine.travel(datetime.now(UTC) + by, tick=True), locked(transport, index):
        pass
    monkeypatch.undo()
    monkeypatch.setattr(lock, "_WATCH_S", 0.5)
    monkeypatch.setattr(lock, "_died_here", lambda _lock: False)
    with locked(transport, index) as second:
        second.check()
    assert transport.get(f"/{lock.INDEX}/_doc/{lock.CLUSTER}") is None


def _of(used: Namespace) -> tuple[Transport, dict[str, object]]:
    return used.target.transport, state_index(used.target.settings, used.target.server)
