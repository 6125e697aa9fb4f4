"""`status` on a real engine says what really happened."""

from __future__ import annotations

import json
import secrets
import time
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from tests.found import CATALOGUE
from tests.running import Engine, Stream, installed
from toolkit.client.bulk import Write, bulk
from toolkit.config import Settings
from toolkit.doctor.finding import Level
from toolkit.errors import ToolkitError
from toolkit.ocs.feed import Feed
from toolkit.output.status import line, text
from toolkit.uses.health import Health
from toolkit.uses.simulation import Simulation, target_of
from toolkit.uses.status import health, status
from toolkit.uses.verify import verify
from toolkit.uses.window import Window


@pytest.fixture
def fresh(engine: Engine) -> Iterator[Stream]:
    yield from installed(engine, Settings(namespace=f"status_{secrets.token_hex(4)}", refresh_interval_s=1))


def test_an_empty_stream_has_no_message_yet_and_one_of_verify_is_none(fresh: Stream) -> None:
    transport = fresh.engine.transport
    target = target_of(fresh.engine.connection, fresh.settings.namespace)
    for _ in range(2):
        found = status(transport, fresh.settings)
        assert (found.groups, found.counts, found.dead_letters, found.health.last) == ([], {}, 0, None)
        assert f"No message yet in {fresh.name}" in text(found)
        assert verify(transport, target, fresh.settings, keep=True).left
        assert fresh.count(fresh.name) == fresh.count(fresh.dead_letters) > 0, "what is to be left out can be found"
    assert fresh.count(fresh.name) == 2


def test_states_dead_letters_and_the_last_messages_age_are_the_true_ones(fresh: Stream) -> None:
    feed = Feed(count=400, groups=15, interval_s=10, odd_percent=0, seed=5)
    simulation = Simulation(feed, time.time_ns() // 1_000_000 - feed.span_ms() - 3_600_000, with_truth=True)
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


RUNNING, NOT_LOADED = (CATALOGUE.enums["state"].code(state) for state in ("running", "not-loaded"))
HOUR_S = 3600


def store(stream: Stream, name: str, ago_s: float, document: dict[str, Any]) -> None:
    """Write a document as the pipeline would have done some time ago."""
    then = Window.iso(time.time_ns() // 1_000_000 - int(ago_s * 1000))
    event = {"ingested": then, **document.pop("event", {})}
    body = {"@timestamp": then, "event": event, **document}
    stream.engine.transport.post(f"/{name}/_doc", body, {"pipeline": "_none", "refresh": "true"})


def heard(stream: Stream, group: str, ago_s: float, state: int = RUNNING, more: dict[str, Any] | None = None) -> None:
    label = CATALOGUE.enums["state"].label(state)
    of_group = {"name": group, "guid": f"guid of {group}", "state": {"code": state, "label": label}}
    document = {"ocs": {"campaign_group": of_group, "message": "activity"}, **(more or {})}
    store(stream, stream.name, ago_s, document)


def looked(stream: Stream, **settings: Any) -> Health:
    """At a feed with OCS's own interval, 10 s, and the default refresh, 5 s."""
    found = Settings(namespace=stream.settings.namespace, **settings)
    return health(stream.engine.transport, found)


def test_a_feed_that_stopped_35_seconds_ago_is_critical_and_its_groups_are_named(fresh: Stream) -> None:
    for ago_s in (55, 45, 35.5):
        heard(fresh, "Collections@Team North", ago_s)
    heard(fresh, "Renewals@Team South", 38)
    heard(fresh, "Reminders@Night", 300, NOT_LOADED)
    found = looked(fresh)
    assert (found.worst, found.active) == (Level.CRITICAL, 2)
    assert [group.name for group in found.stale] == ["Collections@Team North", "Renewals@Team South"]
    assert found.stale[1].silent_s >= 38
    assert "2 of 2 active campaign groups (Collections@Team North, Renewals@Team South)" in line(found)
    assert found.last is not None
    assert found.figures["silence"] == found.last.age_s >= 35.5


def test_the_same_feed_running_is_ok_and_one_silent_group_in_it_is_named(fresh: Stream) -> None:
    for ago_s in (30, 20, 10, 1):
        heard(fresh, "Collections@Team North", ago_s)
    heard(fresh, "Reminders@Night", 300, NOT_LOADED)
    assert looked(fresh).findings == []
    heard(fresh, "Renewals@Team South", 60)
    (finding,) = looked(fresh).findings
    assert (finding.level, finding.check) == (Level.CRITICAL, "stale groups")
    assert "1 of 2 active campaign groups (Renewals@Team South)" in finding.what


def test_a_group_that_was_unloaded_is_not_stale_and_the_night_is_quiet(fresh: Stream) -> None:
    heard(fresh, "Collections@Team North", 9 * HOUR_S + 10)
    heard(fresh, "Collections@Team North", 9 * HOUR_S, NOT_LOADED)
    found = looked(fresh)
    assert (found.findings, found.active, found.figures["silence"]) == ([], 0, None)


def test_the_last_known_state_counts_where_later_messages_hold_none(fresh: Stream) -> None:
    heard(fresh, "g", 100)
    store(fresh, fresh.name, 50, {"ocs": {"campaign_group": {"guid": "guid of g"}}})
    (group,) = looked(fresh).stale
    assert (group.name, group.state) == ("g", "Running")
    assert 50 <= group.silent_s < 100, "it was heard of, whatever it said"


def test_ages_are_by_the_servers_clock_whatever_ocss_says(fresh: Stream) -> None:
    """Two hours off, and put right meanwhile, so that what came last seems to be the older."""
    for ago_s, ahead_s in ((20, 7200), (5, 0)):
        then = Window.iso(time.time_ns() // 1_000_000 + int((ahead_s - ago_s) * 1000))
        heard(fresh, "ahead", ago_s, more={"@timestamp": then})
        heard(fresh, "behind", ago_s, more={"@timestamp": Window.iso(Window.ms(then) - 7_200_000)})
    assert looked(fresh).findings == []


def test_a_group_that_others_go_on_without_is_forgotten_but_nobody_while_all_are_silent(fresh: Stream) -> None:
    heard(fresh, "deleted", 72 * HOUR_S)
    heard(fresh, "Collections@Team North", 50 * HOUR_S)
    found = looked(fresh)
    assert found.worst is Level.CRITICAL
    assert [group.name for group in found.stale] == ["Collections@Team North", "deleted"], (
        "since Friday, over a weekend"
    )
    heard(fresh, "Collections@Team North", 3)
    assert looked(fresh).findings == []
    assert [group.name for group in looked(fresh, forget_hours=100).stale] == ["deleted"]


def test_the_first_message_ever_ends_the_warning(fresh: Stream) -> None:
    (finding,) = looked(fresh).findings
    assert (finding.level, finding.what) == (Level.WARNING, "no message of OCS yet")
    assert fresh.post('{"GSW_CAMPAIGN_GROUP_GUID": "g", "GSW_CAMPAIGN_GROUP_STATE": 5}')[0] == 201
    fresh.count(fresh.name)  # refreshes
    found = looked(fresh)
    assert (found.findings, found.active) == ([], 1)


def test_dead_letters_count_while_they_wait(fresh: Stream) -> None:
    heard(fresh, "g", 1)
    for ago_s, state, tags in (
        (10, "pending", []),
        (10, "failed", []),
        (10, "replayed", []),
        (10, "pending", ["ocs_verify"]),
        (25 * HOUR_S, "pending", []),
    ):
        store(fresh, fresh.dead_letters, ago_s, {"ocs": {"replay": {"state": state}}, "tags": tags})
    found = looked(fresh)
    assert (found.dead_letters, found.worst) == (2, Level.WARNING)
    assert looked(fresh, dead_letters_threshold="2,2").worst is Level.OK
    assert looked(fresh, dead_letters_threshold="0,1").worst is Level.CRITICAL
    week = health(fresh.engine.transport, fresh.settings, since=timedelta(days=7))
    assert week.dead_letters == 3


def test_unknown_codes_are_named_and_no_alarm(fresh: Stream) -> None:
    for mode, state in ((99, 5), (99, 5), (1, 77)):
        message = f'{{"GSW_CAMPAIGN_GROUP_GUID": "g", "GSW_CAMPAIGN_GROUP_STATE": {state}, "GSW_DIAL_MODE": {mode}}}'
        assert fresh.post(message)[0] == 201
    heard(fresh, "h", 25 * HOUR_S, 78, {"tags": ["ocs_unknown_code"]})
    fresh.count(fresh.name)  # refreshes
    found = looked(fresh)
    codes = {(code.attribute, code.code): code.messages for code in found.unknown_codes}
    assert codes == {("GSW_DIAL_MODE", 99): 2, ("GSW_CAMPAIGN_GROUP_STATE", 77): 1}
    assert found.unknown_messages == 3
    (finding,) = found.findings
    assert finding.level is Level.NOTE
    assert looked(fresh, unknown_codes_threshold="none,2").worst is Level.CRITICAL


def test_more_groups_than_a_page_are_all_watched(fresh: Stream) -> None:
    then = Window.iso(time.time_ns() // 1_000_000 - 60_000)
    writes = []
    for i in range(4001):
        of_group = {"guid": f"g{i}", "name": f"Group {i:04}", "state": {"code": RUNNING, "label": "Running"}}
        document = {"@timestamp": then, "event": {"ingested": then}, "ocs": {"campaign_group": of_group}}
        writes.append(Write("create", {"_index": fresh.name}, json.dumps(document)))
    assert {answer.status for answer in bulk(fresh.engine.transport, writes, pipeline="_none")} == {201}
    fresh.count(fresh.name)  # refreshes
    found = looked(fresh)
    assert len(found.stale) == found.active == 4001
    assert "(Group 0000, Group 0001, " in line(found)
    assert line(found).endswith(" and 3,991 more)")


def test_bad_namespace_where_nothing_is_installed(engine: Engine) -> None:
    with pytest.raises(ToolkitError, match="no data stream 'ocs-campaign-groups-nobody_was_here'") as raised:
        status(engine.transport, Settings(namespace="nobody_was_here"))
    assert "apply" in str(raised.value.hint)
