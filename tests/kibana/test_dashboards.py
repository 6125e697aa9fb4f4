"""The four dashboards as people see them, in a real Kibana: whole, and with the counts that are true.

Each way to fill periodic messages gets a namespace and a space of its own, installed as `ocs-elastic apply` does it.
`TEST_KIBANA_MESSAGES` (default 4,000 of 12 groups) and `TEST_KIBANA_GROUPS` ask for more, up to a day: 290,000 of 40
groups with `TEST_KIBANA_PACE=120`. `TEST_KIBANA_SCREENSHOTS` names a folder for the pictures.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.found import CATALOGUE
from tests.kibana.api import Space, new_space
from tests.kibana.browser import View, look
from tests.kibana.render import Rendered, faults
from toolkit.config import Connection, Settings
from toolkit.ocs.choices import PeriodicAction
from toolkit.ocs.feed import Feed
from toolkit.uses.deployment import Deployment, deployment
from toolkit.uses.destroy import destroy, removal
from toolkit.uses.simulation import Simulation, target_of

if TYPE_CHECKING:
    from playwright.sync_api import Browser

DASHBOARDS = ("state", "activity", "performance", "health")

TIMELINE = "What has each campaign group been doing, and since when is it in its state?"
GROUPS = "What is known of each campaign group that sent something in this time?"
CHANGES = "When did campaign groups change, by which action, and who acted?"
LATEST = "Who changed what last?"
DEAD = "Which messages could not be understood at all, and why? (dead letters, whatever the filters above)"

ORDERLY: dict[str, set[str]] = {
    "state": set(),
    "activity": set(),
    "performance": set(),
    "health": {
        DEAD,
        "Which groups are said to be running, but have been silent for two minutes?",
        "Which codes are not in the catalogue?",
        "What was odd about messages that were understood? (tags)",
    },
}
"""Dashboard → titles of the panels that have nothing to show where nothing is wrong."""

NOTHING: dict[str, set[str]] = {
    "state": {TIMELINE, GROUPS},
    "activity": {
        CHANGES,
        LATEST,
        "In which mode does each running group dial now?",
        "What is each running group optimised for now?",
        "How many messages came?",
        "When was each campaign group last heard of?",
    },
    "performance": {
        "Busy factor of the running groups now",
        "Hit ratio of the running groups now",
        "Overdial rate of the running groups now",
        "Time to complete of the running groups now",
        "Do groups that are optimised for the busy factor reach their goal?",
        "Do groups that are optimised for the overdial rate keep below their goal?",
        "Which share of the calls reaches somebody?",
        "How long until the last calling list is done?",
        "How does each campaign group do in this time?",
        "How far has each calling list come, as last reported?",
    },
    "health": {
        *ORDERLY["health"],
        "How long do messages take from OCS to here?",
        "How many messages arrived, and how many were odd?",
    },
}
"""Dashboard → titles of the panels that show their empty state where there is no message; the others show 0."""


@dataclass
class Shown:
    """A namespace in a space of its own, and the messages in it."""

    browser: Browser
    space: Space
    target: Deployment
    bodies: list[dict[str, Any]]
    start: str
    end: str

    def look(self, name: str, picture: str | None = None, **narrowed: Any) -> Rendered:
        id_ = f"ocs-{name}-{self.target.settings.namespace}-{self.space.id}"
        folder = os.environ.get("TEST_KIBANA_SCREENSHOTS")
        file = Path(folder, f"{picture}.png") if folder and picture else None
        return look(self.browser, View(self.space, id_, self.start, self.end, **narrowed), file)

    @cached_property
    def last(self) -> list[dict[str, Any]]:
        """Each campaign group's last message."""
        return list({body["GSW_CAMPAIGN_GROUP_GUID"]: body for body in self.bodies}.values())

    @cached_property
    def states(self) -> Counter[str]:
        """Label → campaign groups in that state."""
        enum = CATALOGUE.enums["state"]
        return Counter(enum.label(body["GSW_CAMPAIGN_GROUP_STATE"]) for body in self.last)


def installed(
    browser: Browser, elasticsearch: str, kibana: str, headers: dict[str, str], name: str
) -> Iterator[tuple[Space, Deployment]]:
    """The toolkit's resources and dashboards in a namespace and a space of a test's own."""
    space = new_space(kibana, headers)
    connection = Connection(
        url=elasticsearch,
        source="the tests",
        username=os.environ.get("TEST_ELASTICSEARCH_USERNAME"),
        password=os.environ.get("TEST_ELASTICSEARCH_PASSWORD"),
        kibana_url=kibana,
    )
    namespace = f"{name}_{secrets.token_hex(3)}"
    settings = Settings(namespace=namespace, refresh_interval_s=1, transform_frequency_s=1)
    target = deployment(connection, settings, space=space.id)
    list(target.apply(target.plan()))
    yield space, target
    streams = (f"ocs-campaign-groups-{namespace}", f"ocs-dead-letters-{namespace}")
    list(destroy(target, removal(target, streams)))
    space.delete()


@pytest.fixture(scope="module", params=PeriodicAction)
def day(
    browser: Browser, elasticsearch: str, kibana: str, headers: dict[str, str], request: pytest.FixtureRequest
) -> Iterator[Shown]:
    feed = Feed(
        count=int(os.environ.get("TEST_KIBANA_MESSAGES", "4000")),
        groups=int(os.environ.get("TEST_KIBANA_GROUPS", "12")),
        pace_s=int(os.environ.get("TEST_KIBANA_PACE", "0")) or None,
        seed=5,
        periodic_action=request.param,
    )
    for space, target in installed(browser, elasticsearch, kibana, headers, request.param.value):
        connection = Connection(
            url=elasticsearch,
            source="the tests",
            username=os.environ.get("TEST_ELASTICSEARCH_USERNAME"),
            password=os.environ.get("TEST_ELASTICSEARCH_PASSWORD"),
        )
        start_ms = time.time_ns() // 1_000_000 - feed.span_ms()
        Simulation(feed, start_ms).post(target_of(connection, target.settings.namespace))
        messages = list(feed.messages(CATALOGUE, start_ms))
        _wait_for_the_transform(target, messages[-1].time_ms)
        bodies = [json.loads(message.text) for message in messages]
        yield Shown(browser, space, target, bodies, _iso(start_ms), _iso(messages[-1].time_ms))


@pytest.fixture(scope="module")
def none(browser: Browser, elasticsearch: str, kibana: str, headers: dict[str, str]) -> Iterator[Shown]:
    for space, target in installed(browser, elasticsearch, kibana, headers, "nothing"):
        yield Shown(browser, space, target, [], "now-24h", "now")


def _wait_for_the_transform(target: Deployment, last_ms: int) -> None:
    index = f"ocs-current-state-{target.settings.namespace}"
    newest = {"size": 1, "sort": [{"@timestamp": "desc"}], "_source": ["@timestamp"]}
    for _ in range(90):
        target.transport.post(f"/{index}/_refresh", None)
        hits = target.transport.post(f"/{index}/_search", newest)["hits"]["hits"]
        if hits and hits[0]["sort"][0] == last_ms:
            return
        time.sleep(1)
    pytest.fail("the transform has not caught up in a minute and a half")


def _iso(time_ms: int) -> str:
    return datetime.fromtimestamp(time_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def number(text: str) -> int:
    """A count as Kibana writes it."""
    return int(re.sub(r"\D", "", text))


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("name", DASHBOARDS)
def test_a_day_renders_whole(day: Shown, name: str) -> None:
    assert faults(day.look(name, picture=name), ORDERLY[name]) == []


@pytest.mark.parametrize("name", DASHBOARDS)
def test_no_data_renders_whole(none: Shown, name: str) -> None:
    assert faults(none.look(name, picture=f"{name}-nothing"), NOTHING[name]) == []


def tiles(seen: Rendered) -> dict[str, int]:
    titles = ("Running now", "Active now", "Inactive now", "Waiting for unload, or unloading", "Not loaded now")
    return {title: number(seen.panel(title).metrics[0]) for title in titles}


@pytest.mark.timeout(1800)
def test_the_states_are_the_true_ones(day: Shown) -> None:
    seen = day.look("state")
    assert tiles(seen) == {
        "Running now": day.states["Running"],
        "Active now": day.states["Active"],
        "Inactive now": day.states["Inactive"],
        "Waiting for unload, or unloading": day.states["Waiting for unload"] + day.states["Unloading"],
        "Not loaded now": day.states["Not loaded"],
    }
    timeline = seen.panel(TIMELINE).texts
    assert Counter(text for text in timeline if text in day.states) == day.states
    told = {row[0]: row[2] for row in seen.panel(GROUPS).rows}
    label = CATALOGUE.enums["state"].label
    truth = {body["GSW_CAMPAIGN_GROUP_NAME"]: label(body["GSW_CAMPAIGN_GROUP_STATE"]) for body in day.last}
    assert told
    assert told.items() <= truth.items()


@pytest.mark.timeout(1800)
def test_the_changes_are_the_true_ones_in_both_ways_to_fill_periodic_messages(day: Shown) -> None:
    changes = _changes(day.bodies)
    seen = day.look("activity").panel(CHANGES).texts
    by_action = Counter(CATALOGUE.enums["action"].label(action) for action, _ in changes)
    assert {text for text in seen if re.search(r" \(\d+\)$", text)} == {f"{a} ({n})" for a, n in by_action.items()}
    by_actor = Counter(CATALOGUE.enums["actor"].label(actor) for _, actor in changes)
    assert {*by_actor, *map(str, by_actor.values())} <= set(seen)


def _changes(bodies: list[dict[str, Any]]) -> list[tuple[int, int]]:
    """Action and actor of every change of value, read off the messages: one without a request repeats the last."""
    requests = [CATALOGUE.enums["action"].code(id_) for id_ in CATALOGUE.state_change_actions]
    known: dict[str, tuple[Any, ...]] = {}
    found = []
    for body in bodies:
        guid = body["GSW_CAMPAIGN_GROUP_GUID"]
        _, _, action, actor = known.get(guid, (None, None, None, None))
        if body["GSW_CAMPAIGN_GROUP_ACTION"] in requests:
            action, actor = body["GSW_CAMPAIGN_GROUP_ACTION"], body["GSW_CAMPAIGN_GROUP_ACTOR"]
        now = (body["GSW_CAMPAIGN_GROUP_STATE"], body.get("GSW_DIAL_MODE"), action, actor)
        if known.get(guid) != now:
            found.append((action, actor))
        known[guid] = now
    return found


@pytest.mark.timeout(1800)
def test_messages_are_counted(day: Shown) -> None:
    seen = day.look("health")
    assert number(seen.panel("Messages").metrics[0]) == len(day.bodies)
    assert number(seen.panel("Messages with a code that is not in the catalogue").metrics[0]) == 0
    assert number(seen.panel("Running groups that have been silent for two minutes").metrics[0]) == 0


@pytest.mark.timeout(1800)
def test_a_chosen_group_changes_every_panel_that_it_should(day: Shown) -> None:
    body = next(body for body in day.last if body["GSW_CAMPAIGN_GROUP_NAME"].isascii())
    name, guid = body["GSW_CAMPAIGN_GROUP_NAME"], body["GSW_CAMPAIGN_GROUP_GUID"]
    own = [each for each in day.bodies if each["GSW_CAMPAIGN_GROUP_GUID"] == guid]
    names = {each["GSW_CAMPAIGN_GROUP_NAME"] for each in day.last}
    choose = {"Campaign group": name}

    state = day.look("state", choose=choose)
    assert sum(tiles(state).values()) == 1
    assert names & set(state.panel(TIMELINE).texts) == {name}
    assert [row[0] for row in state.panel(GROUPS).rows] == [name]

    activity = day.look("activity", choose=choose)
    legend = [text for text in activity.panel(CHANGES).texts if re.search(r" \(\d+\)$", text)]
    assert sum(number(text.rpartition("(")[2]) for text in legend) == len(_changes(own))
    assert names & set(activity.panel(LATEST).texts) == {name}
    (heard,) = activity.panel("When was each campaign group last heard of?").rows
    assert (heard[0], number(heard[-1])) == (name, len(own))

    performance = day.look("performance", choose=choose)
    assert [row[0] for row in performance.panel("How does each campaign group do in this time?").rows] == [name]
    lists = set(performance.panel("How far has each calling list come, as last reported?").texts)
    assert {each["GSW_CALLING_LIST_NAME"] for each in body["GSW_CALLING_LISTS"]} <= lists
    assert names & lists == {name}

    health = day.look("health", choose=choose)
    assert number(health.panel("Messages").metrics[0]) == len(own)
