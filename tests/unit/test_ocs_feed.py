"""What the simulator sends: repeatable, in order, legal, with the catalogue's numbers only."""

from __future__ import annotations

import json
import tracemalloc
from collections import defaultdict
from collections.abc import Iterable
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.bodies import CATALOGUE, START_MS, strict
from toolkit.ocs.campaign import campaign_groups
from toolkit.ocs.choices import CallingListShape, PeriodicAction
from toolkit.ocs.feed import Feed
from toolkit.ocs.life import PHASES, SILENT_STATES, STEPS
from toolkit.ocs.message import Message, date_time, iso
from toolkit.ocs.odd import CLASSES, TENANT
from toolkit.ocs.truth import Truth

STATE = CATALOGUE.enums["state"].code
ACTION = CATALOGUE.enums["action"].code
MODE = CATALOGUE.enums["dial_mode"].code

PREDICTIVE = {MODE("predictive"), MODE("predictive-seizing"), MODE("predictive-gvp")}
ACTIVITY_STATES = {"inactive", "active", "running", "waiting-unload", "unload-in-progress"}

LEGAL = {
    # (state before, action, state after), written down apart from the simulator's own table.
    ("not-loaded", "load", "active"),
    ("not-loaded", "load", "inactive"),
    ("active", "start-dialing", "running"),
    ("active", "unload", "unload-in-progress"),
    ("active", "force-unload", "not-loaded"),
    ("inactive", "start-dialing", "running"),  # it became active without a message, and none came in between
    ("inactive", "unload", "unload-in-progress"),
    ("inactive", "force-unload", "not-loaded"),
    ("running", "set-dialing-mode", "running"),
    ("running", "stop-dialing", "active"),
    ("running", "complete", "active"),
    ("running", "unload", "waiting-unload"),
    ("running", "force-unload", "not-loaded"),
    ("waiting-unload", "unload", "unload-in-progress"),
    ("waiting-unload", "force-unload", "not-loaded"),
    ("unload-in-progress", "unload", "not-loaded"),
}


def time_ms(body: dict[str, Any]) -> int:
    seconds, decimals = body["GSW_DATE_TIME"].split(".")
    assert len(decimals) == 3
    return int(seconds) * 1000 + int(decimals)


def id_of(enum: str, code: int) -> str:
    return next(value.id for value in CATALOGUE.enums[enum].values if value.code == code)


def by_guid(messages: Iterable[Message]) -> dict[str, list[dict[str, Any]]]:
    bodies = defaultdict(list)
    for message in messages:
        if message.odd is None:
            body = strict(message)
            bodies[body["GSW_CAMPAIGN_GROUP_GUID"]].append(body)
    return bodies


def texts(feed: Feed, start_ms: int = START_MS) -> list[str]:
    return [message.text for message in feed.messages(CATALOGUE, start_ms)]


feeds = st.builds(
    Feed,
    count=st.integers(1, 600),
    groups=st.integers(1, 12),
    interval_s=st.sampled_from([1, 10, 60]),
    odd_percent=st.sampled_from([0, 0, 7, 50]),
    seed=st.integers(0, 2**32),
    periodic_action=st.sampled_from(PeriodicAction),
    calling_lists=st.sampled_from(CallingListShape),
)


def test_the_same_arguments_and_start_give_the_same_bytes() -> None:
    feed = Feed(count=2000, groups=30, odd_percent=10, seed=7)
    assert texts(feed) == texts(feed)
    assert texts(feed) != texts(Feed(count=2000, groups=30, odd_percent=10, seed=8))


def test_the_bytes_of_a_seed_do_not_depend_on_the_python_that_made_them() -> None:
    """The first message of seed 1, as it was when this test was written."""
    body = json.loads(texts(Feed(count=1, groups=1))[0])
    assert body["GSW_CAMPAIGN_GROUP_NAME"] == "Collections_Early@Team North"
    assert body["GSW_CAMPAIGN_GROUP_GUID"] == "7A91C12C-2CAC-4E4A-88A8-488880CDF3F1"


def test_another_start_moves_the_times_and_nothing_else() -> None:
    feed = Feed(count=500, groups=5)
    for early, late in zip(feed.messages(CATALOGUE, START_MS), feed.messages(CATALOGUE, START_MS + 1000), strict=True):
        a, b = strict(early), strict(late)
        assert time_ms(b) - time_ms(a) == 1000
        assert a | {"GSW_DATE_TIME": None} == b | {"GSW_DATE_TIME": None}


def test_more_groups_leave_the_first_ones_as_they_are() -> None:
    assert campaign_groups(50, 3)[:20] == campaign_groups(20, 3)
    groups = campaign_groups(2000, 3)
    assert len({group.guid for group in groups}) == len({group.name for group in groups}) == 2000
    assert {"undefined", "営業センター"} < {group.tenant for group in groups[:6]}
    assert {group.campaign is None for group in groups} == {True, False}
    assert {len(group.calling_lists) for group in groups} == {1, 2, 3, 4}


@given(feeds)
@settings(max_examples=30, deadline=None)
def test_times_never_go_back_and_end_where_the_span_says(feed: Feed) -> None:
    messages = list(feed.messages(CATALOGUE, START_MS))
    assert len(messages) == feed.count
    assert all(a.time_ms <= b.time_ms for a, b in pairwise(messages))
    assert messages[0].time_ms >= START_MS
    assert messages[-1].time_ms == START_MS + feed.span_ms()
    assert all(
        time_ms(body) == message.time_ms for message in messages if not message.odd for body in [strict(message)]
    )


def test_the_span_of_odd_messages_alone_is_that_of_as_many_ordinary_ones() -> None:
    feed = Feed(count=1000, groups=20, odd_percent=100)
    last = list(feed.messages(CATALOGUE, START_MS))[-1]
    assert last.time_ms == START_MS + feed.span_ms() == START_MS + 499_500


@given(feeds)
@settings(max_examples=30, deadline=None)
def test_every_life_is_legal(feed: Feed) -> None:
    """Only known transitions, by a real action; periodic messages never change a state but inactive to active."""
    changes = {ACTION(action) for action in CATALOGUE.state_change_actions}
    for bodies in by_guid(feed.messages(CATALOGUE, START_MS)).values():
        state, action = "not-loaded", None
        for body in bodies:
            after, code = id_of("state", body["GSW_CAMPAIGN_GROUP_STATE"]), body["GSW_CAMPAIGN_GROUP_ACTION"]
            step = (state, id_of("action", code), after)
            if feed.periodic_action is PeriodicAction.NONE:
                assert (step in LEGAL) == (code in changes)
                assert code in changes or code == ACTION("unknown-message")
            if step not in LEGAL:
                assert after in ACTIVITY_STATES
                assert after == state or (state, after) == ("inactive", "active")
                assert feed.periodic_action is PeriodicAction.NONE or code == action
            state, action = after, code


@given(feeds)
@settings(max_examples=30, deadline=None)
def test_attributes_are_there_exactly_when_the_vendor_says(feed: Feed) -> None:
    always = {a.name for a in CATALOGUE.attributes.values() if a.present in ("always", "statistics")}
    known = {*CATALOGUE.attributes, "GSW_CALLING_LISTS"}
    for bodies in by_guid(feed.messages(CATALOGUE, START_MS)).values():
        for body in bodies:
            assert always <= body.keys() <= known
            running = body["GSW_CAMPAIGN_GROUP_STATE"] == STATE("running")
            assert ("GSW_DIAL_MODE" in body) == running
            for name in ("GSW_OPTIMIZE_BY", "GSW_OPTIMIZE_GOAL"):
                assert (name in body) == (running and body["GSW_DIAL_MODE"] in PREDICTIVE)
        assert len({body.get("GSW_CAMPAIGN_NAME") for body in bodies}) == 1
        assert len({body["GSW_QUEUE_NAME"] for body in bodies}) == 1


@given(feeds)
@settings(max_examples=30, deadline=None)
def test_every_number_is_one_of_the_catalogues(feed: Feed) -> None:
    for bodies in by_guid(feed.messages(CATALOGUE, START_MS)).values():
        for body in bodies:
            for attribute in CATALOGUE.of_type("code"):
                if attribute.name in body:
                    assert type(body[attribute.name]) is int
                    id_of(str(attribute.enum), body[attribute.name])


def test_the_simulators_table_has_every_state_and_every_state_change() -> None:
    assert {phase.state for phase in PHASES.values()} == {
        value.id for value in CATALOGUE.enums["state"].values if value.id != "unknown"
    }
    assert {step.action for step in STEPS} - {None} == set(CATALOGUE.state_change_actions)
    actors = {actor for step in STEPS for actor in step.actors}
    assert actors == {value.id for value in CATALOGUE.enums["actor"].values if value.id != "unknown"}


def test_a_long_simulation_shows_every_state_action_actor_and_most_dial_modes() -> None:
    bodies = [
        body for group in by_guid(Feed(20_000, groups=60).messages(CATALOGUE, START_MS)).values() for body in group
    ]
    seen = {
        enum: {id_of(enum, body[name]) for body in bodies if name in body}
        for enum, name in [
            ("state", "GSW_CAMPAIGN_GROUP_STATE"),
            ("action", "GSW_CAMPAIGN_GROUP_ACTION"),
            ("actor", "GSW_CAMPAIGN_GROUP_ACTOR"),
            ("dial_mode", "GSW_DIAL_MODE"),
            ("optimize_by", "GSW_OPTIMIZE_BY"),
        ]
    }
    assert len(seen["state"]) == 6
    assert seen["action"] == set(CATALOGUE.state_change_actions)
    assert len(seen["actor"]) == 5
    assert len(seen["dial_mode"]) == 11
    assert len(seen["optimize_by"]) == 4


def test_statistics_are_plausible() -> None:
    """Ratios from 0 to 1; empty unless dialing; the time to complete counts down; the goal is approached."""
    last_s: dict[str, tuple[int, int]] = {}
    goals = []
    for guid, bodies in by_guid(Feed(20_000, groups=40).messages(CATALOGUE, START_MS)).items():
        for before, body in pairwise(bodies):
            ratios = [body[f"GSW_STAT_{name}"] for name in ("BUSY_FACTOR", "HIT_RATIO", "OVERDIAL_RATE")]
            left_s = body["GSW_STAT_TIME_TO_COMPLETE"]
            if "GSW_DIAL_MODE" not in body or "GSW_DIAL_MODE" not in before:
                assert ratios == [None, None, None]
                assert left_s is None
                continue
            if left_s is None:
                continue
            assert all(0 <= ratio <= 1 for ratio in ratios)
            assert ratios[2] < 0.1
            same_stay = body["GSW_CAMPAIGN_GROUP_ACTION"] == ACTION("start-dialing")
            if same_stay and guid in last_s and before["GSW_STAT_TIME_TO_COMPLETE"] is not None:
                assert left_s < before["GSW_STAT_TIME_TO_COMPLETE"]
            last_s[guid] = (time_ms(body), left_s)
            assert max(each["GSW_STAT_TIME_TO_COMPLETE"] for each in body["GSW_CALLING_LISTS"]) == left_s
            if body.get("GSW_OPTIMIZE_BY") == CATALOGUE.enums["optimize_by"].code("busy-factor"):
                goals.append(abs(body["GSW_OPTIMIZE_GOAL"] / 100 - ratios[0]))
    assert sum(goals) / len(goals) < 0.12


def test_a_completed_group_had_nothing_left_to_dial() -> None:
    seen = 0
    for bodies in by_guid(Feed(20_000, groups=40).messages(CATALOGUE, START_MS)).values():
        for before, body in pairwise(bodies):
            left_s = before["GSW_STAT_TIME_TO_COMPLETE"]
            if (
                body["GSW_CAMPAIGN_GROUP_ACTION"] == ACTION("complete")
                and "GSW_DIAL_MODE" in before
                and left_s is not None
            ):
                assert left_s <= 10
                seen += 1
    assert seen > 20


@pytest.mark.parametrize("shape", CallingListShape)
def test_calling_lists_come_in_three_shapes(shape: CallingListShape) -> None:
    feed = Feed(2000, groups=5, calling_lists=shape)
    bodies = [strict(message) for message in feed.messages(CATALOGUE, START_MS)]
    lists = [body["GSW_CALLING_LISTS"] for body in bodies if "GSW_CALLING_LISTS" in body]
    in_place = [body for body in bodies if isinstance(body["GSW_STAT_HIT_RATIO"], dict)]
    match shape:
        case CallingListShape.ARRAY:
            assert len(lists) == 2000
            assert all(1 <= len(each) <= 4 for each in lists)
            assert lists[0][0].keys() == {
                "GSW_CALLING_LIST_NAME",
                "GSW_STAT_HIT_RATIO",
                "GSW_STAT_TIME_TO_COMPLETE",
            }
        case CallingListShape.OBJECT:
            assert all(
                entry.keys() == {"GSW_STAT_HIT_RATIO", "GSW_STAT_TIME_TO_COMPLETE"}
                for each in lists
                for entry in each.values()
            )
            assert len(lists) == 2000
        case CallingListShape.IN_PLACE:
            assert in_place
            assert all(
                body["GSW_STAT_TIME_TO_COMPLETE"].keys() == body["GSW_STAT_HIT_RATIO"].keys() for body in in_place
            )
        case CallingListShape.NONE:
            assert not in_place
    assert bool(in_place) == (shape is CallingListShape.IN_PLACE)
    assert bool(lists) == (shape in (CallingListShape.ARRAY, CallingListShape.OBJECT))


def test_memory_does_not_grow_with_the_messages() -> None:
    def peak(count: int) -> int:
        tracemalloc.start()
        truth = Truth()
        for message in Feed(count, groups=20, odd_percent=5).messages(CATALOGUE, START_MS):
            truth.observe(message)
        result = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return result

    peak(200)  # imports and caches
    assert peak(20_000) < 3 * peak(2000)


def fold(messages: Iterable[Message]) -> dict[str, dict[str, Any]]:
    """What the messages' own numbers say, put together without the simulator's help."""
    groups: dict[str, dict[str, Any]] = {}
    for message in messages:
        if message.odd is not None:
            continue
        body = strict(message)
        time = iso(time_ms(body))
        state = id_of("state", body["GSW_CAMPAIGN_GROUP_STATE"])
        mode = id_of("dial_mode", body["GSW_DIAL_MODE"]) if "GSW_DIAL_MODE" in body else None
        cause = {
            "time": time,
            "action": id_of("action", body["GSW_CAMPAIGN_GROUP_ACTION"]),
            "actor": id_of("actor", body["GSW_CAMPAIGN_GROUP_ACTOR"]),
        }
        row = groups.setdefault(
            body["GSW_CAMPAIGN_GROUP_GUID"],
            {
                "state": None,
                "dial_mode": None,
                "messages": 0,
                "changes": [],
                "dial_mode_changes": [],
                "value_changes": [],
            },
        )
        if change := changed(row["value_changes"], state, mode, cause):
            row["value_changes"].append({"time": time, **change})
        if state != row["state"]:
            row["changes"].append({"from": row["state"], "to": state, **cause})
            row |= {"state": state, "since": time}
        if mode != row["dial_mode"]:
            row["dial_mode_changes"].append({"from": row["dial_mode"], "to": mode, **cause})
            row["dial_mode"] = mode
        row["messages"] += 1
        row |= {
            "last_message": cause,
            "tenant": body["GSW_TENANT_NAME"],
            "guid": body["GSW_CAMPAIGN_GROUP_GUID"],
            "name": body["GSW_CAMPAIGN_GROUP_NAME"],
            "campaign": body.get("GSW_CAMPAIGN_NAME"),
            "group": body["GSW_GROUP_NAME"],
        }
    return groups


def changed(
    before: list[dict[str, Any]], state: str, mode: str | None, cause: dict[str, str]
) -> dict[str, str | None] | None:
    """What a message changed, if anything: one that names no request repeats the last one's action and actor."""
    last = before[-1] if before else {"to": None, "dial_mode": None, "action": None, "actor": None}
    names = cause if cause["action"] in CATALOGUE.state_change_actions else last
    now = {"to": state, "dial_mode": mode, "action": names["action"], "actor": names["actor"]}
    return {"from": last["to"], **now} if now != {name: last[name] for name in now} else None


def truth_of(feed: Feed) -> dict[str, Any]:
    truth = Truth()
    for message in feed.messages(CATALOGUE, START_MS):
        truth.observe(message)
    return truth.to_json()


@given(feeds)
@settings(max_examples=30, deadline=None)
def test_the_truth_is_what_the_messages_say(feed: Feed) -> None:
    messages = list(feed.messages(CATALOGUE, START_MS))
    truth = truth_of(feed)
    for row in truth["groups"]:
        request = row.pop("last_request")
        assert request["action"] in CATALOGUE.state_change_actions
        assert row.pop("refused") == 0
        if feed.periodic_action is PeriodicAction.LAST:
            assert (request["action"], request["actor"]) == (
                row["last_message"]["action"],
                row["last_message"]["actor"],
            )
    assert {row["guid"]: row for row in truth["groups"]} == fold(messages)
    assert truth["totals"]["messages"] == feed.count
    assert truth["totals"]["odd"] == sum(message.odd is not None for message in messages)
    assert truth["totals"]["first"] == iso(messages[0].time_ms)
    assert truth["totals"]["last"] == iso(messages[-1].time_ms)
    assert sum(truth["totals"]["states"].values()) == truth["totals"]["groups"] == len(truth["groups"])


def test_both_ways_of_periodic_messages_tell_the_same_states() -> None:
    last = truth_of(Feed(5000, groups=20, periodic_action=PeriodicAction.LAST))
    none = truth_of(Feed(5000, groups=20, periodic_action=PeriodicAction.NONE))
    assert last["totals"] == none["totals"]
    for a, b in zip(last["groups"], none["groups"], strict=True):
        assert [(c["time"], c["from"], c["to"]) for c in a["changes"]] == [
            (c["time"], c["from"], c["to"]) for c in b["changes"]
        ]
        assert a["value_changes"] == b["value_changes"]
        assert a["last_request"] == b["last_request"]
        assert (a["state"], a["since"], a["dial_mode"]) == (b["state"], b["since"], b["dial_mode"])


def test_the_pace_stretches_lives_and_leaves_the_interval_alone() -> None:
    slow = Feed(count=6000, groups=3, interval_s=10, pace_s=120, seed=3)
    times = defaultdict(list)
    for message in slow.messages(CATALOGUE, START_MS):
        assert message.moment is not None
        times[message.moment.group.guid].append(message)
    stays = [message.moment.stay for message in times[next(iter(times))] if message.moment]
    dialing = {stay.end_ms - stay.start_ms for stay in stays if stay.phase == "dialing"}
    assert dialing
    assert min(dialing) >= 10 * 120_000
    assert max(dialing) <= 70 * 120_000
    gaps = [
        later.time_ms - earlier.time_ms
        for group in times.values()
        for earlier, later in pairwise(group)
        if earlier.moment and later.moment and earlier.moment.stay == later.moment.stay and later.moment.periodic
    ]
    assert max(gaps) < 10_100


def test_times_are_written_exactly() -> None:
    assert date_time(1_524_768_780_123) == "1524768780.123"
    assert date_time(1_524_768_780_007) == "1524768780.007"
    assert iso(1_524_768_780_007) == "2018-04-26T18:53:00.007Z"


def test_the_odd_tenant_is_nobody_elses() -> None:
    assert TENANT not in {group.tenant for group in campaign_groups(100, 1)}
    assert len(CLASSES) == 50


def test_the_simulator_is_silent_where_the_catalogue_says_so() -> None:
    states = CATALOGUE.enums["state"]
    assert {states.code(state) for state in SILENT_STATES} == states.silent
