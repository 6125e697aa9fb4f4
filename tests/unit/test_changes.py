"""A change is a change of value: found exactly, and the same however periodic messages are filled."""

from __future__ import annotations

import json
import weakref
from itertools import groupby
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.found import CATALOGUE
from tests.unit.streams import Document, Documents, Held
from toolkit.ocs.choices import PeriodicAction
from toolkit.ocs.feed import Feed
from toolkit.ocs.message import iso
from toolkit.ocs.truth import Truth
from toolkit.questions import changes as room
from toolkit.questions.changes import NOTHING, Change, Spell, Values, changes, spells, values_before

FOREVER = 10**15
GUIDS = ("a", "b", 'c"<é')


def defined(documents: Documents, from_ms: int, before_ms: int) -> list[Change]:
    """The definition, message by message: slow, and plainly right."""
    found = []
    for guid, some in groupby(documents.documents, key=lambda d: d.guid):
        values = NOTHING
        for d in some:
            state, mode, action, actor, message = d.held
            now = Values(
                state=values.state if state is None else state,
                dial_mode=values.dial_mode if state is None else mode,
                action=action if message == "state_change" else values.action,
                actor=actor if message == "state_change" else values.actor,
            )
            if now != values and from_ms <= d.time_ms < before_ms:
                found.append(Change(guid, d.time_ms, values, now))
            values = now if d.time_ms < before_ms else values
    return found


def asked(documents: Documents, from_ms: int = 0, before_ms: int = FOREVER) -> list[Change]:
    transport = documents.transport()
    known = values_before(transport, "a-stream", from_ms)
    return list(changes(transport, "a-stream", from_ms, before_ms, known))


codes = st.one_of(st.none(), st.integers(0, 2))
helds = st.tuples(codes, codes, codes, codes, st.sampled_from(["state_change", "activity"]))
documents_of_all = st.lists(
    st.tuples(st.sampled_from(GUIDS), st.integers(0, 40), helds).map(lambda t: (t[0], t[1] * 50_000, t[2])), max_size=40
)


@settings(deadline=None)
@given(documents_of_all, st.integers(0, 40), st.integers(0, 40))
def test_the_engine_s_runs_tell_what_the_messages_tell(
    some: list[tuple[str, int, Held]], first: int, second: int
) -> None:
    """Whatever the messages, also at one time, over the limits of intervals and pages, and in part of the stream."""
    documents = Documents(Document(guid, time, held, place) for place, (guid, time, held) in enumerate(some))
    low, high = sorted((first * 50_000 + 1, second * 50_000))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(room, "_RUNS_A_PAGE", 3)
        assert asked(documents) == defined(documents, 0, FOREVER)
        assert asked(documents, low, high) == defined(documents, low, high)


class _Page(list[Any]):
    """A list of which can be seen that it has gone."""


class _Watched(Documents):
    """Looks, at each search, whether the page before is still in memory."""

    def __init__(self, documents: list[Document]) -> None:
        super().__init__(documents)
        self.pages: list[weakref.ref[_Page]] = []
        self.held = 0

    def _runs(self, found: list[Document], aggregation: dict[str, Any]) -> dict[str, Any]:
        self.held += sum(page() is not None for page in self.pages)
        answer = super()._runs(found, aggregation)
        answer["buckets"] = _Page(answer["buckets"])
        self.pages.append(weakref.ref(answer["buckets"]))
        return answer


def test_no_two_pages_of_runs_are_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """The report of a million messages took 84 MB, and takes 73: a page of ten thousand buckets is most of the rest."""
    monkeypatch.setattr(room, "_RUNS_A_PAGE", 3)
    documents = _Watched([Document("a", n * 300_000, (n % 3, 1, 1, 1, "activity"), n) for n in range(20)])
    assert asked(documents) == defined(documents, 0, FOREVER)
    assert (len(documents.pages), documents.held) == (8, 0)


@pytest.mark.parametrize("periodic_action", PeriodicAction)
@pytest.mark.parametrize("interval_s", [10, 60])
def test_both_ways_to_fill_periodic_messages_tell_the_truth(periodic_action: PeriodicAction, interval_s: int) -> None:
    feed = Feed(count=4000, groups=9, interval_s=interval_s, seed=5, periodic_action=periodic_action)
    truth, documents = Truth(), []
    for place, message in enumerate(feed.messages(CATALOGUE, 0)):
        truth.observe(message)
        documents.append(document(message.text, message.time_ms, place))
    stream = Documents(documents)
    found = asked(stream)
    groups = {group["guid"]: group["value_changes"] for group in truth.to_json()["groups"]}
    assert {guid: [told(change) for change in some] for guid, some in groupby(found, key=lambda c: c.guid)} == groups
    assert len(found) > 200
    assert stream.searches < len(found)


def test_both_ways_are_the_same_story() -> None:
    def story(periodic_action: PeriodicAction) -> list[object]:
        truth = Truth()
        for message in Feed(count=3000, groups=9, seed=2, periodic_action=periodic_action).messages(CATALOGUE, 0):
            truth.observe(message)
        return [group["value_changes"] for group in truth.to_json()["groups"]]

    assert story(PeriodicAction.LAST) == story(PeriodicAction.NONE)


def document(text: str, time_ms: int, place: int) -> Document:
    """What the pipeline makes of a simulated message."""
    body = json.loads(text)
    requests = {CATALOGUE.enums["action"].code(action) for action in CATALOGUE.state_change_actions}
    held: Held = (
        body["GSW_CAMPAIGN_GROUP_STATE"],
        body.get("GSW_DIAL_MODE"),
        body["GSW_CAMPAIGN_GROUP_ACTION"],
        body["GSW_CAMPAIGN_GROUP_ACTOR"],
        "state_change" if body["GSW_CAMPAIGN_GROUP_ACTION"] in requests else "activity",
    )
    return Document(body["GSW_CAMPAIGN_GROUP_GUID"], time_ms, held, place)


def told(change: Change) -> dict[str, str | None]:
    """A change as the simulator's truth has it."""

    def named(enum: str, code: int | None) -> str | None:
        return None if code is None else next(v.id for v in CATALOGUE.enums[enum].values if v.code == code)

    return {
        "time": iso(change.time_ms),
        "from": named("state", change.before.state),
        "to": named("state", change.after.state),
        "dial_mode": named("dial_mode", change.after.dial_mode),
        "action": named("action", change.after.action),
        "actor": named("actor", change.after.actor),
    }


def change(time_ms: int, before: Values, after: Values) -> Change:
    return Change("g", time_ms, before, after)


ACTIVE, RUNNING, FASTER = Values(4), Values(5, 1), Values(5, 6)


def test_spells_begin_with_what_was_known_and_only_a_state_ends_them() -> None:
    made = [change(20, ACTIVE, RUNNING), change(30, RUNNING, FASTER), change(40, FASTER, ACTIVE)]
    assert spells("g", ACTIVE, made, 10, 50) == [
        Spell("g", 4, 10, 20),
        Spell("g", 5, 20, 40),
        Spell("g", 4, 40, 50),
    ]


def test_no_spell_before_the_first_message() -> None:
    assert spells("g", NOTHING, [change(20, NOTHING, ACTIVE)], 10, 50) == [Spell("g", 4, 20, 50)]
    assert spells("g", NOTHING, [], 10, 50) == []


def test_a_change_at_the_very_start_leaves_no_empty_spell() -> None:
    assert spells("g", ACTIVE, [change(10, ACTIVE, RUNNING)], 10, 50) == [Spell("g", 5, 10, 50)]
