"""What the report tells is what really happened, and both ways to fill periodic messages tell the same."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.engine.test_questions import label, simulated
from tests.running import Engine, Stream, installed
from toolkit.config import Settings
from toolkit.ocs.choices import PeriodicAction
from toolkit.ocs.feed import Feed
from toolkit.uses.report import Report, collect
from toolkit.uses.simulation import Simulation
from toolkit.uses.window import Window

NEVER = -(2**40)


@pytest.fixture
def fresh(engine: Engine) -> Iterator[Stream]:
    yield from installed(engine, Settings(namespace=f"report_{time.time_ns():x}", refresh_interval_s=1))


def reported(stream: Stream, from_ms: int, before_ms: int) -> Report:
    window = Window(from_ms, before_ms, ZoneInfo("UTC"), open=False)
    return collect(stream.engine.transport, stream.settings, window)


def ends_ms(simulation: Simulation) -> int:
    """Right after the last message."""
    return Window.ms(simulation.truth.to_json()["totals"]["last"]) + 1


def true(group: dict[str, Any]) -> list[dict[str, str | None]]:
    """A group's true changes, in people's words."""
    enums = {"from": "state", "to": "state", "dial_mode": "dial_mode", "action": "action", "actor": "actor"}
    return [
        {"time": change["time"], **{name: label(enum, change[name]) for name, enum in enums.items()}}
        for change in group["value_changes"]
    ]


@pytest.mark.parametrize("periodic_action", PeriodicAction)
def test_the_report_tells_the_truth(fresh: Stream, periodic_action: PeriodicAction) -> None:
    """All of it, in a window over everything and in one that begins and ends in the midst."""
    feed = Feed(count=3000, groups=12, interval_s=10, odd_percent=10, seed=7, periodic_action=periodic_action)
    simulation = simulated(fresh, feed)
    truth = simulation.truth.to_json()
    ordinary = {group["guid"]: group for group in truth["groups"]}

    end_ms = ends_ms(simulation)
    whole = reported(fresh, NEVER, end_ms).as_json()
    found = {group["guid"]: group for group in whole["groups"] if group["guid"] in ordinary}
    assert found.keys() == ordinary.keys()
    for guid, group in ordinary.items():
        assert found[guid]["changes"] == true(group)
        assert (found[guid]["state"], found[guid]["since"]) == (label("state", group["state"]), group["since"])
        assert found[guid]["seen"] == group["last_message"]["time"]
    assert sum(len(group["changes"]) for group in found.values()) == truth["totals"]["value_changes"] > 100

    from_ms, before_ms = (simulation.start_ms + feed.span_ms() * part // 10 for part in (4, 8))
    part = reported(fresh, from_ms, before_ms)
    for each in part.groups:
        if (told := ordinary.get(each.state.guid)) is None:
            continue
        inside = [c for c in true(told) if from_ms <= Window.ms(str(c["time"])) < before_ms]
        as_told = next(group for group in part.as_json()["groups"] if group["guid"] == each.state.guid)
        assert as_told["changes"] == inside
        states = [c for c in true(told) if Window.ms(str(c["time"])) < before_ms]
        assert as_told["state"] == states[-1]["to"]
        if each.spells:
            assert each.spells[-1].end_ms == before_ms
            assert all(a.end_ms == b.start_ms for a, b in pairwise(each.spells))


def test_dead_letters_are_told_by_their_reasons(fresh: Stream) -> None:
    for text in ("{}", '{"nothing": "of OCS"}'):
        assert fresh.post(text)[0] == 201
    assert fresh.count(fresh.dead_letters) == 2
    now_ms = time.time_ns() // 1_000_000
    found = reported(fresh, now_ms - 60_000, now_ms + 60_000)
    assert [(reason.type, reason.count) for reason in found.dead_letters] == [("not_ocs", 2)]
    assert reported(fresh, now_ms - 60_000, now_ms - 50_000).dead_letters == []


def test_nothing_at_all(fresh: Stream) -> None:
    found = reported(fresh, NEVER, time.time_ns() // 1_000_000)
    assert (found.groups, found.states, found.messages, found.dead_letters) == ([], {}, 0, [])


def test_messages_of_verify_are_left_out(fresh: Stream) -> None:
    body = {"GSW_TENANT_NAME": "ocs-elastic-verify", "GSW_CAMPAIGN_GROUP_GUID": "v", "GSW_CAMPAIGN_GROUP_STATE": 5}
    assert fresh.post(json.dumps(body))[0] == 201
    assert fresh.count(fresh.name) == 1
    found = reported(fresh, NEVER, time.time_ns() // 1_000_000 + 1)
    assert (found.groups, found.messages) == ([], 0)
