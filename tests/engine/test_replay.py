"""What could not be understood becomes a document later: once, whatever happens, and with its own time."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.engine.test_pipeline import CASES, SCRIPT_REFUSES, golden_of, message_of
from tests.running import Engine, Stream, installed
from toolkit.client.connect import connect
from toolkit.config import Settings
from toolkit.errors import LockHeldError, RejectedError, ToolkitError, UnsafePlanError
from toolkit.lock import locked
from toolkit.model import STATE_INDEX
from toolkit.output.failures import failure, replayed
from toolkit.questions.dead_letters import Selection, dead_letters
from toolkit.uses.deployment import Deployment
from toolkit.uses.failures import listed, shown
from toolkit.uses.latest_state import bring_up_to_date
from toolkit.uses.replay import Replay, replay, simulated, waiting
from toolkit.uses.window import Window

ALL = Selection()


@pytest.fixture
def fresh(engine: Engine) -> Iterator[Stream]:
    yield from installed(engine, Settings(namespace=f"replay_{secrets.token_hex(4)}", refresh_interval_s=1))


def deployment(stream: Stream) -> Deployment:
    return Deployment(stream.engine.transport, stream.engine.server, stream.settings)


@contextmanager
def broken_pipeline(stream: Stream, reason: str = "broken") -> Iterator[None]:
    """Every message becomes a dead letter meanwhile, as after a change of the pipeline that went wrong."""
    path = "/_ingest/pipeline/ocs-campaign-groups"
    transport = stream.engine.transport
    whole = transport.get(path)["ocs-campaign-groups"]
    whole = {key: value for key, value in whole.items() if not key.startswith(("created_", "modified_"))}
    script = {"script": {"lang": "painless", "source": f"throw new IllegalArgumentException('{reason}')"}}
    transport.put(path, {**whole, "processors": [script]})
    try:
        yield
    finally:
        transport.put(path, whole)


def message(group: int, time_ms: int, state: int = 5, **more: Any) -> str:
    sent = {"GSW_TENANT_CCID": "1", "GSW_CAMPAIGN_GROUP_GUID": f"g{group}", "GSW_CAMPAIGN_GROUP_STATE": state}
    return json.dumps({**sent, "GSW_DATE_TIME": f"{time_ms / 1000:.3f}", **more})


def letters(stream: Stream) -> list[dict[str, Any]]:
    stream.count(stream.dead_letters)
    query: dict[str, Any] = {"match_all": {}}
    return [each.source for page in dead_letters(stream.engine.transport, stream.dead_letters, query) for each in page]


def documents(stream: Stream) -> list[dict[str, Any]]:
    stream.count(stream.name)
    body = {"size": 10_000, "query": {"match_all": {}}}
    return [hit["_source"] for hit in stream.engine.transport.post(f"/{stream.name}/_search", body)["hits"]["hits"]]


def lost(stream: Stream, number: int) -> None:
    """So many messages that became dead letters for no fault of theirs."""
    now = time.time_ns() // 1_000_000
    with broken_pipeline(stream):
        for i in range(number):
            assert stream.post(message(i % 7, now - 1000 * i))[0] == 201
    assert stream.count(stream.dead_letters) == number


def result(done: Replay) -> tuple[int, int, int]:
    return done.total, done.replayed, done.failed.total()


def test_a_message_becomes_what_it_would_have_been_when_it_came(fresh: Stream) -> None:
    """Every golden message, though the pipeline was broken when it came; what is no message fails again."""
    ids = {}
    with broken_pipeline(fresh):
        for case in CASES:
            status, answer = fresh.post(message_of(case))
            assert status == 201, case
            ids[answer["_id"]] = case
    cases = [case for case in CASES if "ocs-elastic-verify" not in message_of(case)]
    good = {case for case in cases if "document" in golden_of(case)}
    if fresh.engine.server.distribution == "opensearch":
        good -= SCRIPT_REFUSES
    assert fresh.count(fresh.dead_letters) == len(CASES)
    time.sleep(1.1)  # so that the time of the replay is another one
    done = replay(deployment(fresh), ALL)
    assert result(done) == (len(cases), len(good), len(cases) - len(good))
    found = {ids[letter.id]: letter for page in _pages(fresh) for letter in page}
    for case, letter in found.items():
        said = letter.source["ocs"]["replay"]
        if case not in cases:
            assert said == {"state": "pending"}
            continue
        if case not in good:
            assert (said["state"], said["attempts"]) == ("failed", 1)
            assert said["reason"]
            continue
        assert said["state"] == "replayed"
        document = fresh.fetch({"_index": said["index"], "_id": said["id"]})
        came = letter.ingested[:23] + "Z"
        renewed = fresh.engine.server.transforms and document["event"]["ingested"] > came  # for the transform
        assert renewed or document["event"]["ingested"] == came
        golden = golden_of(case)["document"]
        if golden["@timestamp"] == "<ingest time>":
            assert document["@timestamp"] == came
            document["@timestamp"] = golden["@timestamp"]
        document["event"]["ingested"] = golden["event"]["ingested"]
        assert document["tags"][-1] == "ocs_replayed"
        assert _sorted(document) == _sorted({**golden, "tags": golden.get("tags", [])}), case


def _pages(stream: Stream) -> Any:
    stream.count(stream.dead_letters)
    return list(dead_letters(stream.engine.transport, stream.dead_letters, {"match_all": {}}))


def _sorted(document: dict[str, Any]) -> dict[str, Any]:
    """Tags and calling lists in one order: theirs is that of the engine's own maps."""
    document = json.loads(json.dumps(document))
    document["tags"] = sorted(tag for tag in document["tags"] if tag != "ocs_replayed")
    lists = document.get("ocs", {}).get("calling_lists")
    if lists:
        lists.sort(key=json.dumps)
    return document


def test_twice_is_once_also_across_a_rollover(fresh: Stream) -> None:
    """Also where the marks were lost: the stream itself is asked, and all of its indices."""
    lost(fresh, 30)
    assert fresh.post('{"nothing": "of OCS"}')[0] == 201
    assert result(replay(deployment(fresh), ALL)) == (31, 30, 1)
    assert fresh.count(fresh.name) == 30
    fresh.engine.transport.post(f"/{fresh.name}/_rollover", None)
    fresh.engine.transport.post(f"/{fresh.dead_letters}/_rollover", None)
    assert result(replay(deployment(fresh), ALL)) == (1, 0, 1)
    _forget_marks(fresh)
    assert result(replay(deployment(fresh), ALL)) == (31, 30, 1)
    assert (fresh.count(fresh.name), fresh.count(fresh.dead_letters)) == (30, 31)
    assert {letter["ocs"]["replay"]["state"] for letter in letters(fresh)} == {"replayed", "failed"}


def _forget_marks(stream: Stream) -> None:
    """As if a replay had been ended right before it marked anything."""
    script = {"source": "ctx._source.ocs.replay = ['state': 'pending']", "lang": "painless"}
    params = {"pipeline": "_none", "refresh": "true"}
    stream.count(stream.dead_letters)
    stream.engine.transport.post(f"/{stream.dead_letters}/_update_by_query", {"script": script}, params=params)


def test_what_fails_again_keeps_its_dead_letter_and_gets_no_second(fresh: Stream) -> None:
    assert fresh.post('{"nothing": "of OCS"}')[0] == 201
    for attempt in (1, 2, 3):
        fresh.count(fresh.dead_letters)
        done = replay(deployment(fresh), ALL)
        assert result(done) == (1, 0, 1)
        (letter,) = letters(fresh)
        said = letter["ocs"]["replay"]
        assert (said["state"], said["attempts"]) == ("failed", attempt)
        assert "not a message of OCS" in said["reason"]
        assert letter["error"]["type"] == "not_ocs"
    assert fresh.count(fresh.name) == 0


def test_a_replay_that_is_interrupted_at_any_write_can_be_run_again(fresh: Stream) -> None:
    """Before each of its writes, and after each: the next run ends as one would that nothing disturbed."""
    lost(fresh, 5)
    transport = connect(fresh.engine.connection)
    target = Deployment(transport, fresh.engine.server, fresh.settings)
    moments, interrupted = 0, True
    while interrupted:
        moments += 1
        interrupted = _interrupted_after(transport, moments, target)
        assert fresh.count(fresh.name) in (0, 5)
        assert result(replay(target, ALL)) in ((5, 5, 0), (0, 0, 0))
        assert fresh.count(fresh.name) == 5
        assert {letter["ocs"]["replay"]["state"] for letter in letters(fresh)} == {"replayed"}
        _forget_marks(fresh)
        _remove_documents(fresh)
    assert moments > 10
    assert fresh.count(fresh.dead_letters) == 5


def _interrupted_after(transport: Any, moments: int, target: Deployment) -> bool:
    left = moments

    def end(_method: str, path: str) -> None:
        nonlocal left
        left -= STATE_INDEX not in path  # a lock that is left behind has tests of its own
        if left == 0:
            left -= 1
            raise KeyboardInterrupt

    transport.on_write = end
    try:
        replay(target, ALL)
    except KeyboardInterrupt:
        return True
    finally:
        transport.on_write = lambda _method, _path: None
    return False


def _remove_documents(stream: Stream) -> None:
    body: dict[str, Any] = {"query": {"match_all": {}}}
    params = {"refresh": "true"}
    stream.engine.transport.post(f"/{stream.name}/_delete_by_query", body, params=params)
    assert stream.count(stream.name) == 0


def test_a_dry_run_says_what_the_replay_then_does(fresh: Stream) -> None:
    lost(fresh, 3)
    assert fresh.post('{"nothing": "of OCS"}')[0] == 201
    fresh.count(fresh.dead_letters)
    reading = Deployment(connect(fresh.engine.connection, read_only=True), fresh.engine.server, fresh.settings)
    said = simulated(reading, ALL)
    assert {letter["ocs"]["replay"]["state"] for letter in letters(fresh)} == {"pending"}
    done = replay(deployment(fresh), ALL)
    assert result(said) == result(done) == (4, 3, 1)


def test_many_that_came_in_one_millisecond_are_each_replayed_once(fresh: Stream) -> None:
    """Pages of dead letters begin anew at a time, and many may have the same."""
    now = time.time_ns() // 1_000_000
    lines = []
    for i in range(450):
        letter = {
            "@timestamp": "2026-11-20T10:00:00.000Z",
            "event": {"ingested": "2026-11-20T10:00:00.000Z", "original": message(i, now - i)},
            "error": {"type": "pipeline_failure", "message": "broken"},
            "ocs": {"replay": {"state": "pending"}},
        }
        lines += ['{"create":{}}', json.dumps(letter)]
    body = "\n".join([*lines, ""])
    transport = fresh.engine.transport
    answer = transport.post(f"/{fresh.dead_letters}/_bulk", body, params={"refresh": "true", "pipeline": "_none"})
    assert not answer["errors"]
    assert result(replay(deployment(fresh), ALL)) == (450, 450, 0)
    assert fresh.count(fresh.name) == 450
    guids = {document["ocs"]["campaign_group"]["guid"] for document in documents(fresh)}
    assert len(guids) == 450


def test_only_what_was_asked_for_is_replayed(fresh: Stream) -> None:
    now = time.time_ns() // 1_000_000
    for reason in ("first reason", "second reason"):
        with broken_pipeline(fresh, reason):
            _, answer = fresh.post(message(1, now))
    fresh.count(fresh.dead_letters)
    target = deployment(fresh)
    assert [waiting(target, Selection(reason=text)) for text in ("first", "second reason", "third")] == [1, 1, 0]
    assert waiting(target, Selection(reason="pipeline_failure")) == 2
    assert waiting(target, Selection(before_ms=now - 3_600_000)) == 0
    assert waiting(target, Selection(from_ms=now - 3_600_000)) == 2
    assert result(replay(target, Selection(ids=(answer["_id"],)))) == (1, 1, 0)
    found = listed(fresh.engine.transport, fresh.settings, ALL)
    assert {reason.message: (reason.pending, reason.replayed) for reason in found.letters} == {
        "first reason": (1, 0),
        "second reason": (0, 1),
    }
    assert found.waiting == 1
    (letter,) = shown(fresh.engine.transport, fresh.settings, [answer["_id"]])
    assert json.loads(letter.original) == json.loads(message(1, now))  # type: ignore[union-attr]


def test_dead_letters_of_verify_are_not_counted_and_not_replayed(fresh: Stream) -> None:
    _, answer = fresh.post('{"ocs-elastic-verify": "x"}')
    assert fresh.count(fresh.dead_letters) == 1
    assert fresh.fetch(answer)["tags"] == ["ocs_verify"]
    assert waiting(deployment(fresh), ALL) == 0
    assert listed(fresh.engine.transport, fresh.settings, ALL).letters == []


def test_the_latest_state_is_that_of_the_newest_message_though_it_was_replayed(fresh: Stream) -> None:
    """A transform looks at what was ingested lately; its index is stood in for by a plain one here.

    Group 1 is known by a later message, group 2 by an earlier one, group 3 not at all.
    """
    now = time.time_ns() // 1_000_000
    with broken_pipeline(fresh):
        for group in (1, 2, 3):
            assert fresh.post(message(group, now - 3_600_000))[0] == 201
    for group, before_ms in ((1, 0), (2, 7_200_000)):
        assert fresh.post(message(group, now - before_ms))[0] == 201
    lately = Window.iso(now - 1_800_000)  # later than the messages' own time, earlier than the transform's last look
    for name in (fresh.name, fresh.dead_letters):
        _ingested(fresh, name, lately)
    transport = fresh.engine.transport
    index = f"ocs-current-state-{fresh.settings.namespace}"
    if fresh.engine.server.transforms:
        transport.delete(f"/_transform/{index}", params={"force": "true"})
    for document in documents(fresh):
        transport.post(f"/{index}/_doc", document, params={"refresh": "true"})
    try:
        assert result(replay(deployment(fresh), ALL)) == (3, 3, 0)
        renewed = [d for d in documents(fresh) if d["event"]["ingested"] > lately]
        assert {d["ocs"]["campaign_group"]["guid"] for d in renewed} == {"g2", "g3"}
        assert all("ocs_replayed" in d["tags"] for d in renewed)
    finally:
        transport.delete(f"/{index}")


@pytest.mark.timeout(300)
def test_the_transform_tells_the_newest_message_after_a_replay(fresh: Stream) -> None:
    """Group 1 has a newer message than the one that is replayed, group 2 an older one, group 3 none."""
    transport, index = fresh.engine.transport, f"ocs-current-state-{fresh.settings.namespace}"
    if not fresh.engine.server.transforms:
        pytest.skip("needs a whole Elasticsearch: the embedded engine has no transforms")
    now = time.time_ns() // 1_000_000
    with broken_pipeline(fresh):
        for group in (1, 2, 3):
            assert fresh.post(message(group, now - 60_000, state=3))[0] == 201
    for group, before_ms in ((1, 30_000), (2, 90_000)):
        assert fresh.post(message(group, now - before_ms, state=5))[0] == 201
    assert _states(transport, index, until={"g1": 5, "g2": 5}) == {"g1": 5, "g2": 5}
    fresh.count(fresh.dead_letters)
    assert result(replay(deployment(fresh), ALL)) == (3, 3, 0)
    assert _states(transport, index, until={"g1": 5, "g2": 3, "g3": 3}) == {"g1": 5, "g2": 3, "g3": 3}
    time.sleep(2 * fresh.settings.transform_frequency_s)  # the replayed message of group 1 must not come after all
    assert _states(transport, index, until={}) == {"g1": 5, "g2": 3, "g3": 3}


def _states(transport: Any, index: str, *, until: dict[str, int]) -> dict[str, int]:
    """Group → state by the latest-state index, waited for."""
    patience = time.monotonic() + 90
    while True:
        hits = (transport.get(f"/{index}/_search") or {"hits": {"hits": []}})["hits"]["hits"]
        groups = [hit["_source"]["ocs"]["campaign_group"] for hit in hits]
        found = {group["guid"]: group["state"]["code"] for group in groups}
        if not until or found == until or time.monotonic() > patience:
            return found
        time.sleep(1)


def _ingested(stream: Stream, name: str, time: str) -> None:
    """As if everything had been ingested at that time."""
    script = {"source": f"ctx._source.event.ingested = '{time}'", "lang": "painless"}
    params = {"pipeline": "_none", "refresh": "true"}
    stream.count(name)
    stream.engine.transport.post(f"/{name}/_update_by_query", {"script": script}, params=params)


def test_without_a_latest_state_index_nothing_is_brought_up_to_date(fresh: Stream) -> None:
    if fresh.engine.server.transforms:
        pytest.skip("needs an engine without transforms, which is the embedded one")
    document = {"event": {"ingested": "2026-11-20T10:00:00.000Z"}, "ocs": {"campaign_group": {"guid": "g"}}}
    assert bring_up_to_date(fresh.engine.transport, fresh.settings, [document]) == 0


def test_where_the_stream_takes_no_documents_nothing_is_marked_as_failed(fresh: Stream) -> None:
    """It is no fault of the messages: once the block is gone, the same command replays them all."""
    lost(fresh, 3)
    transport = fresh.engine.transport
    transport.put(f"/{fresh.name}/_settings", {"index.blocks.write": True})
    try:
        with pytest.raises(RejectedError, match=r"cannot take messages now: .*block") as raised:
            replay(deployment(fresh), ALL)
        assert "run it again" in str(raised.value.hint)
        assert {letter["ocs"]["replay"]["state"] for letter in letters(fresh)} == {"pending"}
    finally:
        transport.put(f"/{fresh.name}/_settings", {"index.blocks.write": None})
    assert result(replay(deployment(fresh), ALL)) == (3, 3, 0)


def test_where_dead_letters_cannot_be_marked_nothing_is_written_twice(fresh: Stream) -> None:
    lost(fresh, 3)
    transport = fresh.engine.transport
    transport.put(f"/{fresh.dead_letters}/_settings", {"index.blocks.write": True})
    try:
        for _ in range(2):
            with pytest.raises(RejectedError, match="3 dead letters could not be marked"):
                replay(deployment(fresh), ALL)
            assert fresh.count(fresh.name) == 3
    finally:
        transport.put(f"/{fresh.dead_letters}/_settings", {"index.blocks.write": None})
    assert result(replay(deployment(fresh), ALL)) == (3, 3, 0)
    assert fresh.count(fresh.name) == 3


def test_of_two_replays_at_once_one_is_refused(fresh: Stream) -> None:
    target = deployment(fresh)
    with locked(fresh.engine.transport, target.state_index), pytest.raises(LockHeldError):
        replay(target, ALL)


def test_bad_pipeline_that_is_not_of_this_toolkit(fresh: Stream) -> None:
    """Or of another configuration: then `apply` comes first, since messages would fail for the same reason again."""
    target = deployment(fresh)
    with broken_pipeline(fresh), pytest.raises(UnsafePlanError, match=r"ocs-campaign-groups on .* is not what"):
        replay(target, ALL)


def test_bad_id_and_namespace(fresh: Stream) -> None:
    with pytest.raises(ToolkitError, match="has the id no-such-id"):
        shown(fresh.engine.transport, fresh.settings, ["no-such-id"])
    nowhere = Settings(namespace="nobody_was_here")
    for use in (
        lambda: listed(fresh.engine.transport, nowhere, ALL),
        lambda: shown(fresh.engine.transport, nowhere, ["x"]),
    ):
        with pytest.raises(ToolkitError, match="no data stream"):
            use()


def test_bad_dead_letter_that_holds_no_json_fails_by_itself(fresh: Stream) -> None:
    """Somebody wrote it by hand: it must not keep the others from being replayed."""
    lost(fresh, 2)
    letter = {
        "@timestamp": "2026-11-20T10:00:00.000Z",
        "event": {"ingested": "2026-11-20T10:00:00.000Z", "original": "no JSON"},
        "ocs": {"replay": {"state": "pending"}},
    }
    fresh.engine.transport.post(f"/{fresh.dead_letters}/_doc", letter)
    done = replay(deployment(fresh), ALL)
    assert result(done) == (3, 2, 1)
    assert dict(done.failed) == {"what is kept of it is no JSON object": 1}


def test_where_a_server_cannot_look_everywhere_nothing_is_written_twice(fresh: Stream) -> None:
    """One that lacks a shard answered as if the messages were not there, and they were written once more."""
    lost(fresh, 2)
    transport = fresh.engine.transport
    assert result(replay(deployment(fresh), ALL)) == (2, 2, 0)
    (old,) = {hit["_index"] for hit in _hits(fresh, fresh.name)}
    for hit in _hits(fresh, fresh.dead_letters):
        undone = {"doc": {"ocs": {"replay": {"state": "pending"}}}}
        transport.post(f"/{hit['_index']}/_update/{hit['_id']}", undone, params={"refresh": "true"})
    transport.post(f"/{fresh.name}/_rollover", None)
    transport.put(f"/{old}/_settings", {"index.max_result_window": 1})  # so that this shard fails, and no other
    with pytest.raises(RejectedError):
        replay(deployment(fresh), ALL)
    transport.put(f"/{old}/_settings", {"index.max_result_window": None})
    assert fresh.count(fresh.name) == 2
    assert result(replay(deployment(fresh), ALL)) == (2, 2, 0)
    assert fresh.count(fresh.name) == 2


def _hits(stream: Stream, place: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = stream.engine.transport.post(f"/{place}/_search", {"size": 1000})["hits"]["hits"]
    return found


BY_HAND = [
    {"ocs": None},
    {"ocs": {"replay": None}},
    {"ocs": {"replay": [{"state": "failed", "attempts": 2}]}},
    {"ocs": {"replay": {"attempts": None}}},
    {"ocs": {"replay": {"attempts": [1, 2]}}},
    {"error": None},
    {"event": {"original": message(2, 1_790_000_000_000)}},
    {"event": {"ingested": 1_790_000_000_000, "original": message(2, 1_790_000_000_000)}},
    {"event": {"ingested": "2026-09-21T14:13:20Z", "original": '{"GSW_TENANT_CCID": "half a pair: \ud800"}'}},
]


@pytest.mark.parametrize("changed", BY_HAND, ids=lambda each: json.dumps(each)[:40])
def test_bad_dead_letter_that_was_changed_by_hand_is_shown_and_replayed_with_the_others(
    fresh: Stream, changed: dict[str, Any]
) -> None:
    """It ended the command with a traceback, and none behind it could be replayed."""
    came = "2026-09-21T14:13:20.000Z"
    whole = {
        "@timestamp": came,
        "event": {"ingested": came, "original": message(1, 1_790_000_000_000)},
        "error": {"type": "pipeline_failure", "message": "broken"},
        "ocs": {"replay": {"state": "pending"}},
    }
    for letter in ({**whole, **changed}, whole):
        params = {"pipeline": "_none", "refresh": "true"}
        answer = fresh.engine.transport.post(f"/{fresh.dead_letters}/_doc", json.dumps(letter), params=params)
    ids = [hit["_id"] for hit in _hits(fresh, fresh.dead_letters)]
    assert answer["_id"] in ids
    assert all(came[:19] in failure(each) for each in shown(fresh.engine.transport, fresh.settings, ids))
    assert result(replay(deployment(fresh), ALL)) == (2, 2, 0)
    assert {document["@timestamp"] for document in documents(fresh)} == {came}
    assert {letter["ocs"]["replay"]["state"] for letter in letters(fresh)} == {"replayed"}
    assert waiting(deployment(fresh), ALL) == 0


def test_bad_dead_letter_without_its_message_fails_by_itself(fresh: Stream) -> None:
    for event in (None, {"original": None}, {"original": 17}):
        letter = {"@timestamp": "2026-09-21T14:13:20.000Z", "event": event}
        params = {"pipeline": "_none", "refresh": "true"}
        fresh.engine.transport.post(f"/{fresh.dead_letters}/_doc", letter, params=params)
    assert result(replay(deployment(fresh), ALL)) == (3, 0, 3)
    assert [letter["ocs"]["replay"]["attempts"] for letter in letters(fresh)] == [1, 1, 1]


def test_bad_id_to_replay_stops_it_and_one_that_was_replayed_is_told(fresh: Stream) -> None:
    """Both were "Nothing waits to be replayed"."""
    lost(fresh, 2)
    first, second = (hit["_id"] for hit in _hits(fresh, fresh.dead_letters))
    for use in (waiting, simulated, replay):
        with pytest.raises(ToolkitError, match="has the id no-such-id"):
            use(deployment(fresh), Selection((first, "no-such-id")))
    assert fresh.count(fresh.name) == 0
    assert replay(deployment(fresh), Selection((first, first))).left_out == 0
    done = replay(deployment(fresh), Selection((first,)))
    assert (result(done), done.left_out) == ((0, 0, 0), 1)
    assert "Left out, of the ids given: 1." in replayed(done, dry_run=False)
    done = replay(deployment(fresh), Selection((first, second)))
    assert (result(done), done.left_out, done.as_json()["left_out"]) == ((1, 1, 0), 1, 1)


def test_as_many_as_are_asked_for_are_shown_in_that_order(fresh: Stream) -> None:
    """Of more than 100, those that one answer had no room for "had no dead letter"."""
    lost(fresh, 120)
    ids = sorted(hit["_id"] for hit in _hits(fresh, fresh.dead_letters))
    found = shown(fresh.engine.transport, fresh.settings, ids)
    assert [each.id for each in found] == ids
    with pytest.raises(ToolkitError, match=r"has the id n0, n1, n2, n3, n4 and 95 more$"):
        shown(fresh.engine.transport, fresh.settings, [f"n{i}" for i in range(100)])


def test_what_came_a_moment_ago_is_asked_about_too(fresh: Stream) -> None:
    """The replay found it, but the question before did not, and was not put."""
    path, settings = f"/{fresh.dead_letters}/_settings", {"index.refresh_interval": "60s"}
    fresh.engine.transport.put(path, settings)
    with broken_pipeline(fresh):
        fresh.post(message(1, time.time_ns() // 1_000_000))
    assert waiting(deployment(fresh), ALL) == 1


def test_a_dead_letter_whose_index_goes_by_its_age_meanwhile_needs_no_mark(
    fresh: Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An update of one would have made the index anew: an ordinary one, behind no stream."""
    lost(fresh, 1)
    transport = fresh.engine.transport
    (old,) = {hit["_index"] for hit in _hits(fresh, fresh.dead_letters)}
    transport.post(f"/{fresh.dead_letters}/_rollover", None)

    def gone(*_: Any) -> int:
        transport.delete(f"/{old}")
        return 0

    monkeypatch.setattr("toolkit.uses.replay.bring_up_to_date", gone)
    assert result(replay(deployment(fresh), ALL)) == (1, 1, 0)
    assert transport.get(f"/{old}") is None
    assert fresh.count(fresh.name) == 1


def test_long_messages_are_simulated_some_at_a_time(fresh: Stream, monkeypatch: pytest.MonkeyPatch) -> None:
    """All at once they were more than a server takes in one request, and it cut the connection."""
    lost(fresh, 7)
    monkeypatch.setattr("toolkit.client.bulk._BYTES_MAX", 400)
    target, sizes = deployment(fresh), []
    post = target.transport.post

    def spy(path: str, body: Any, params: dict[str, str] | None = None) -> Any:
        if path.endswith("/_simulate"):
            sizes.append(len(json.loads(body)["docs"]))
        return post(path, body, params)

    monkeypatch.setattr(target.transport, "post", spy)
    assert result(simulated(target, ALL)) == (7, 7, 0)
    assert sum(sizes) == 7
    assert max(sizes) < 4
