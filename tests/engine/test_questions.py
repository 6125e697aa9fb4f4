"""What the stream says of the campaign groups is what really happened to them."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import pytest

from tests.found import CATALOGUE, missing
from tests.running import Engine, Stream, installed
from toolkit.config import Settings
from toolkit.ocs.choices import PeriodicAction
from toolkit.ocs.feed import Feed
from toolkit.ocs.tally import Answer
from toolkit.questions import group_states
from toolkit.uses.simulation import Simulation, target_of


@pytest.fixture
def fresh(engine: Engine) -> Iterator[Stream]:
    yield from installed(engine, Settings(namespace=f"truth_{time.time_ns():x}", refresh_interval_s=1))


def simulated(stream: Stream, feed: Feed, answers: list[Answer] | None = None) -> Simulation:
    simulation = Simulation(feed, time.time_ns() // 1_000_000 - feed.span_ms(), with_truth=True)
    on_answer = None if answers is None else answers.append
    simulation.post(target_of(stream.engine.connection, stream.settings.namespace), on_answer=on_answer)
    stream.count(stream.name)  # refreshes
    return simulation


def label(enum: str, id: str | None) -> str | None:  # noqa: A002
    return None if id is None else CATALOGUE.enums[enum].by_id(id).label


@pytest.mark.parametrize("periodic_action", PeriodicAction)
def test_the_present_states_are_the_true_ones(fresh: Stream, periodic_action: PeriodicAction) -> None:
    """Whether periodic messages repeat the last action or not: both tell the same story."""
    feed = Feed(count=1500, groups=12, interval_s=10, odd_percent=10, seed=7, periodic_action=periodic_action)
    truth = simulated(fresh, feed).truth.to_json()
    found = {state.guid: state for state in group_states(fresh.engine.transport, fresh.name)}
    assert len(truth["groups"]) == 12
    for group in truth["groups"]:
        state = found[group["guid"]]
        assert (state.tenant, state.name) == (group["tenant"], group["name"])
        assert (state.state, state.since) == (label("state", group["state"]), group["since"])
        assert state.dial_mode == label("dial_mode", group["dial_mode"])
        assert state.last_action == label("action", group["last_request"]["action"])
        assert state.last_actor == label("actor", group["last_request"]["actor"])
        assert state.seen == group["last_message"]["time"]


def test_groups_of_more_than_one_page_are_all_there(fresh: Stream) -> None:
    feed = Feed(count=1300, groups=1201, interval_s=10, odd_percent=0, seed=3)
    truth = simulated(fresh, feed).truth.to_json()
    found = {state.guid: state.state for state in group_states(fresh.engine.transport, fresh.name)}
    assert found == {group["guid"]: label("state", group["state"]) for group in truth["groups"]}


@pytest.mark.timeout(600)
def test_ten_thousand_messages_with_a_fifth_odd_are_accepted_and_found(fresh: Stream) -> None:
    answers: list[Answer] = []
    simulation = simulated(fresh, Feed(count=10_000, groups=40, interval_s=10, odd_percent=20, seed=11), answers)
    tally = simulation.tally
    engine_refuses = fresh.engine.server.distribution == "elasticsearch" and fresh.engine.server.version >= (8, 4, 0)
    refused = {name: counts.refused for name, counts in tally.odd.items() if counts.refused}
    assert refused.keys() <= ({"metadata-key"} if engine_refuses else set()), tally.reasons
    assert len(answers) == tally.all.posted == 10_000
    assert min(counts.posted for counts in tally.odd.values()) >= 30
    stored, dead = fresh.count(fresh.name), fresh.count(fresh.dead_letters)
    assert stored + dead == tally.all.accepted
    _all_found(fresh, [answer for answer in answers if answer.error is None])
    states = {state.guid: (state.state, state.since) for state in group_states(fresh.engine.transport, fresh.name)}
    for group in simulation.truth.to_json()["groups"]:
        assert states[group["guid"]] == (label("state", group["state"]), group["since"])


def _all_found(stream: Stream, answers: list[Answer]) -> None:
    for begin in range(0, len(answers), 500):
        page = answers[begin : begin + 500]
        ids = [{"_index": answer.index, "_id": answer.id} for answer in page]
        documents = stream.engine.transport.post("/_mget", {"docs": ids})["docs"]
        for answer, document in zip(page, documents, strict=True):
            assert document["found"], answer
            assert missing(json.loads(answer.message.text), document["_source"]) == [], answer.message.text[:500]
