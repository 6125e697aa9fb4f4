"""Indices behind a stream are made anew, whatever dies on the way; the real servers are in tests/engine."""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.unit.data_stream import HOUR_MS, RESOURCES, SERVER, STREAM, DataStream, Died, backing
from toolkit.capabilities import of_opensearch
from toolkit.client.transport import Transport
from toolkit.errors import LockHeldError, RejectedError, SourceError, ToolkitError
from toolkit.migrate.place import Place
from toolkit.migrate.sources import Source, drop, sources, unfinished_copies
from toolkit.migrate.step import FailedStepError
from toolkit.migrate.steps import STEPS
from toolkit.migrate.steps.reindex import ALL, Reindex
from toolkit.yaml_source import Reader, parse

STEP = Reindex("campaign_groups", keep_source_days=7)
OLD = [backing(number) for number in (1, 2, 3)]


class Note:
    """Outlives the command, as the history does."""

    def __init__(self) -> None:
        self.kept = "{}"

    def get(self, key: str, default: Any = None) -> Any:
        return json.loads(self.kept).get(key, default)

    def keep(self, **values: Any) -> None:
        self.kept = json.dumps(json.loads(self.kept) | values)


def place(cluster: DataStream, **more: Any) -> Place:
    words = {"server": SERVER, "version": 2, **more}
    return Place(transport=cluster.transport(), namespace="default", resources=RESOURCES, **words)


def new(index: str, version: int = 2) -> str:
    return f"{STREAM}-v{version}-{index.removeprefix(f'.ds-{STREAM}-')}"


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda _s: None)


def undisturbed() -> DataStream:
    cluster = DataStream()
    STEP.run(place(cluster), Note())
    return cluster


def test_it_is_a_step_that_files_may_have() -> None:
    assert STEPS["reindex"] is Reindex


def test_each_index_has_a_new_one_with_the_same_documents_in_its_place() -> None:
    cluster, note = DataStream(), Note()
    before = copy.deepcopy(cluster.documents)
    assert STEP.hindrances(place(cluster), note) == []
    STEP.run(place(cluster), note)
    assert STEP.faults(place(cluster), note) == []
    assert STEP.preview(place(cluster), note) == []
    assert cluster.stream == [*map(new, OLD), backing(4)], "in the order of their age"
    for index in OLD:
        assert cluster.documents[new(index)] == before[index] == cluster.documents[index]
        settings = cluster.indices[index]["settings"]["index"]
        assert (settings["blocks"], settings["hidden"], "lifecycle" in settings) == ({"write": "true"}, "true", False)
    lifecycle = cluster.indices[new(OLD[0])]["settings"]["index"]["lifecycle"]
    assert lifecycle == {
        "name": STREAM,
        "indexing_complete": "true",
        "origination_date": str(2 * HOUR_MS),  # when the second index began
    }
    assert note.get("tasks"), "the history tells of them"
    before_rerun = len(cluster.writes)
    STEP.run(place(cluster), note)
    assert len([write for write in cluster.writes[before_rerun:] if "/_doc/task-" not in write]) == 0


def test_the_preview_says_what_will_be_done() -> None:
    cluster = DataStream()
    assert STEP.preview(place(cluster), Note()) == [
        f"roll over {STREAM}: {OLD[2]}, which is written to, is one of them",
        *(f"reindex {index} (10 documents) into {new(index)}" for index in reversed(OLD)),
        "keep what is replaced for 7 days, outside the stream and without ILM",
    ]
    assert cluster.writes == []


def test_nothing_is_done_where_nothing_is_outdated() -> None:
    cluster = undisturbed()
    another = place(cluster, version=3)
    assert STEP.preview(another, Note()) == []
    STEP.run(another, Note())
    assert cluster.stream == [*map(new, OLD), backing(4)]


def test_the_index_that_is_written_to_is_left_where_it_is_not_outdated() -> None:
    cluster = DataStream()
    cluster._roll_over(outdated=False)
    STEP.run(place(cluster), Note())
    assert cluster.stream == [*map(new, OLD), backing(4)]
    assert not any("_rollover" in write for write in cluster.writes)


DEATHS = len(undisturbed().writes)


@pytest.mark.parametrize("death", range(1, DEATHS + 1))
def test_a_run_that_dies_after_any_write_can_be_run_again(death: int) -> None:
    cluster, note = DataStream(), Note()
    cluster.die_after = death
    with pytest.raises(Died):
        STEP.run(place(cluster), note)
    STEP.run(place(cluster), note)
    assert STEP.faults(place(cluster), note) == []
    assert cluster.look() == undisturbed().look()


def test_a_run_that_dies_after_every_single_write_gets_there() -> None:
    cluster, note = DataStream(), Note()
    runs = 0
    while True:
        runs += 1
        cluster.die_after = len(cluster.writes) + 3  # a task that was forgotten and looked for again are two
        try:
            STEP.run(place(cluster), note)
        except Died:
            continue
        break
    assert runs > 10
    assert cluster.look() == undisturbed().look()


LOOKS = undisturbed().looks


@pytest.mark.parametrize("restart", range(1, LOOKS + 1))
def test_an_engine_that_forgets_its_tasks_is_asked_again(restart: int) -> None:
    cluster, note = DataStream(), Note()
    cluster.restart_at = restart
    STEP.run(place(cluster), note)
    assert STEP.faults(place(cluster), note) == []
    assert cluster.look() == undisturbed().look()


@pytest.mark.parametrize("death", range(1, DEATHS + 1, 4))
def test_both_die(death: int) -> None:
    """With the command the task has gone on for a while, and then the server was started anew."""
    cluster, note = DataStream(), Note()
    cluster.die_after = death
    with pytest.raises(Died):
        STEP.run(place(cluster), note)
    for id_ in list(cluster.tasks):
        cluster.get(f"/_tasks/{id_}")
    cluster.tasks.clear()
    STEP.run(place(cluster), note)
    assert cluster.look() == undisturbed().look()


@pytest.mark.parametrize("death", range(1, DEATHS + 1))
def test_what_its_retention_deletes_meanwhile_leaves_nothing_behind(death: int) -> None:
    cluster, note = DataStream(), Note()
    cluster.die_after = death
    with pytest.raises(Died):
        STEP.run(place(cluster), note)
    gone = next(index for index in (*OLD, *map(new, OLD)) if index in cluster.stream[:-1])
    old = gone if gone in OLD else next(index for index in OLD if new(index) == gone)
    cluster.expire(gone)
    STEP.run(place(cluster), note)
    assert new(old) not in cluster.indices
    assert cluster.stream == [new(index) for index in OLD if index != old] + [backing(4)]


def test_a_copy_by_another_pipeline_is_not_gone_on_with() -> None:
    """The file of a migration that was interrupted may be mended; half of the documents would be as before."""
    cluster, note = DataStream(), Note()
    writes = undisturbed().writes
    cluster.die_after = writes.index("POST /_reindex") + 1
    with pytest.raises(Died):
        STEP.run(place(cluster), note)
    cluster.pipelines["another"] = "keep"
    begun = len(cluster.writes)
    Reindex("campaign_groups", pipeline="another").run(place(cluster), note)
    assert f"DELETE /{new(OLD[2])}" in cluster.writes[begun:]
    assert [new(index) in cluster.stream for index in OLD] == [True] * 3


@pytest.mark.parametrize(("does", "said"), [("drop", "has 10 documents, and 0 came"), ("fail", "no luck")])
def test_bad_pipeline_leaves_the_index_as_it_was(does: str, said: str) -> None:
    cluster = DataStream()
    before = cluster.look()["indices"]
    cluster.pipelines["bad"] = does
    with pytest.raises(FailedStepError, match=said) as raised:
        Reindex("campaign_groups", pipeline="bad").run(place(cluster), Note())
    assert f"{OLD[2]} is as it was, and {new(OLD[2])} is deleted" in str(raised.value.hint)
    after = cluster.look()["indices"]
    assert after.keys() == {*OLD, backing(4)}
    after[OLD[2]].pop("rollover")
    assert {index: after[index] for index in OLD} == before


def test_bad_index_that_cannot_be_made_leaves_no_block(monkeypatch: pytest.MonkeyPatch) -> None:
    """A cluster without room for another shard refuses it."""
    cluster = DataStream()
    before = cluster.look()["indices"]

    def refuse(index: str, _body: Any) -> None:
        raise RejectedError(f"{index}: too many shards", status=400)

    monkeypatch.setattr(cluster, "_create", refuse)
    with pytest.raises(RejectedError, match="too many shards"):
        Reindex("campaign_groups").run(place(cluster), noted_rollover(cluster))
    assert cluster.look()["indices"] == before


def noted_rollover(cluster: DataStream) -> Note:
    """A note that asks for the older indices alone, so that nothing is rolled over."""
    note = Note()
    note.keep(sources={OLD[1]: False, OLD[0]: False}, write_index=None)
    assert cluster.stream == OLD
    return note


def test_templates_that_are_applied_later_are_no_matter_of_a_step_that_is_done() -> None:
    """Else a migration of which another step failed could never be ended."""
    cluster, note = DataStream(), Note()
    STEP.run(place(cluster), note)
    kind = ("component_template", "ocs-campaign-groups-mappings")
    later = [
        replace(r, body={**r.body, "template": with_a_field(r.body["template"])}) if (r.kind, r.name) == kind else r
        for r in RESOURCES
    ]
    assert STEP.preview(replace(place(cluster), resources=later), Note()) != []
    assert STEP.faults(replace(place(cluster), resources=later), note) == []


def with_a_field(template: dict[str, Any]) -> dict[str, Any]:
    properties = {**template["mappings"]["properties"], "new": {"type": "keyword"}}
    return {**template, "mappings": {**template["mappings"], "properties": properties}}


def test_a_block_of_somebody_stays_whatever_happens() -> None:
    cluster = DataStream()
    cluster.indices[OLD[0]]["settings"]["index"]["blocks"] = {"write": "true"}
    STEP.run(place(cluster), Note())
    blocked = {index for index in map(new, OLD) if "blocks" in cluster.indices[index]["settings"]["index"]}
    assert blocked == {new(OLD[0])}


def test_bad_index_of_that_name_is_left_alone() -> None:
    cluster = DataStream()
    cluster.put(f"/{new(OLD[2])}", {"settings": {"index": {}}, "mappings": {"_meta": {}}})
    with pytest.raises(FailedStepError, match="was not made of"):
        STEP.run(place(cluster), Note())
    assert cluster.stream == [*OLD, backing(4)]
    assert new(OLD[2]) in cluster.indices


def test_bad_lock_that_is_lost_ends_it_before_the_next_write() -> None:
    for held in range(1, 12):
        cluster, left = DataStream(), held

        def still_held() -> None:
            nonlocal left
            left -= 1
            if left < 0:
                raise LockHeldError("somebody else")

        with pytest.raises(LockHeldError):
            STEP.run(place(cluster, still_held=still_held), Note())
        assert len(cluster.writes) <= 3 * held, "a task that is begun is written down before and after"


def hindrances(cluster: DataStream, step: Reindex = STEP, **more: Any) -> list[str]:
    return step.hindrances(place(cluster, **more), Note())


def test_bad_server_that_cannot_exchange_indices() -> None:
    opensearch = Place(DataStream().transport(), of_opensearch((3, 6, 0)), "default", RESOURCES, 2)
    (said,) = STEP.hindrances(opensearch, Note())
    assert said == "opensearch 3.6.0 cannot exchange the indices of a data stream (_data_stream/_modify)"


def test_bad_template_that_is_not_applied() -> None:
    cluster = DataStream()
    cluster.live["component_template", "ocs-campaign-groups-mappings"] = {"template": {}}
    del cluster.live["index_template", STREAM]
    said = hindrances(cluster)
    assert any("component_template ocs-campaign-groups-mappings is not what" in line for line in said)
    assert any(f"index_template {STREAM} is not there" in line for line in said)


@pytest.mark.parametrize("block", ["read_only", "read_only_allow_delete"])
def test_bad_index_that_cannot_be_changed(block: str) -> None:
    cluster = DataStream()
    cluster.indices[OLD[1]]["settings"]["index"]["blocks"] = {block: "true"}
    (said,) = hindrances(cluster)
    assert said.startswith(f"{OLD[1]} cannot be exchanged: ")
    assert block in said


def test_bad_index_that_somebody_put_into_the_stream() -> None:
    cluster = DataStream()
    cluster.indices["restored"] = cluster.indices[OLD[0]]
    cluster.documents["restored"] = set()
    cluster.stream.insert(0, "restored")
    (said,) = hindrances(cluster)
    assert "restored was put into" in said


def test_bad_disks_without_room_for_the_copies() -> None:
    """200 GB with a high watermark of 90 %: what is above the last 20 GB may be used; three copies take 3 GB."""
    cluster = DataStream()
    cluster.free_bytes = 23 * 2**30
    assert hindrances(cluster) == []
    cluster.free_bytes -= 2**20
    (said,) = hindrances(cluster)
    assert said.startswith("the copies need about 3.0 GB of disk, and the data nodes have 3.0 GB left")
    cluster.free_bytes = 2**30
    assert "have 0.0 MB left" in hindrances(cluster)[0]


def test_what_an_interrupted_run_has_copied_needs_no_room_again() -> None:
    """Four of thirty documents are copied, and have taken their part of the room that was just enough for all."""
    cluster, note = DataStream(), Note()
    cluster.die_after = _after_the_first_batch()
    with pytest.raises(Died):
        STEP.run(place(cluster), note)
    copied = sum(len(cluster.documents[index]) for index in map(new, OLD) if index in cluster.documents)
    assert 0 < copied < 30
    cluster.free_bytes = 20 * 2**30 + 3 * 2**30 - copied * 2**30 // 10
    assert STEP.hindrances(place(cluster), note) == []
    cluster.free_bytes -= 2**30
    assert "of disk" in STEP.hindrances(place(cluster), note)[0]


def _after_the_first_batch() -> int:
    """The number of the write that comes after the first index has its documents."""
    writes = undisturbed().writes
    return next(i for i, write in enumerate(writes, 1) if i > writes.index("POST /_reindex") + 1 and "task" in write
                and "DELETE" in write)  # fmt: skip


@pytest.mark.parametrize("name", ["ocs-campaign-groups", "ocs-campaign-groups-replay"])
def test_bad_pipeline_that_is_for_messages(name: str) -> None:
    cluster = DataStream()
    cluster.pipelines[name] = "keep"
    (said,) = hindrances(cluster, Reindex("campaign_groups", pipeline=name))
    assert said == f"pipeline {name} is for OCS's messages, and would gut documents that are stored already"


def test_bad_role_of_an_older_toolkit() -> None:
    """Without these the indices would be exchanged, and the old ones could not be seen to afterwards."""
    secured = replace(SERVER, security=True)
    cluster = DataStream()
    assert hindrances(cluster, server=secured) == []
    cluster.lacking = {"manage", "write"}
    assert [line.partition(":")[0] for line in hindrances(cluster, server=secured)] == [
        f"this credential lacks manage on .ds-{STREAM}-*",
        f"this credential lacks write on {STREAM}-v*",
    ]


def test_bad_pipeline_that_is_absent() -> None:
    step = Reindex("campaign_groups", pipeline="zz-{namespace}")
    assert hindrances(DataStream(), step) == ["there is no ingest pipeline zz-default"]


def test_what_is_replaced_is_kept_until_it_is_dropped() -> None:
    cluster = undisturbed()
    transport: Transport = cluster.transport()
    found = sources(transport, place(cluster).streams)
    assert [(each.index, each.by, each.migration, each.documents, each.needed) for each in found] == [
        (index, new(index), 2, 10, "") for index in OLD
    ]
    now = datetime.now(UTC)
    assert [each.is_due(now + timedelta(days=8)) for each in found] == [True] * 3
    assert not any(each.is_due(now + timedelta(days=6)) for each in found)
    for each in found:
        drop(transport, each)
        drop(transport, each)
    assert sources(transport, place(cluster).streams) == []
    assert set(cluster.indices) == set(cluster.stream)


def test_what_a_later_migration_has_replaced_again_holds_nothing_back() -> None:
    """The new index of the first migration is the source of the second, and the only one that names its successor."""
    cluster = undisturbed()
    Reindex("campaign_groups", which=ALL).run(place(cluster, version=1000), Note())
    found = sources(cluster.transport(), place(cluster).streams)
    assert [each.index for each in found[:3]] == OLD, "the oldest first: they need the others' marks"
    assert [each.needed for each in found] == [""] * len(found)
    for each in found:
        drop(cluster.transport(), each)
    assert set(cluster.indices) == set(cluster.stream)


def test_a_copy_that_was_interrupted_is_found() -> None:
    cluster = DataStream()
    cluster.die_after = _after_the_first_batch()
    with pytest.raises(Died):
        STEP.run(place(cluster), Note())
    assert unfinished_copies(cluster.transport(), place(cluster).streams) == [new(OLD[2])]
    assert unfinished_copies(undisturbed().transport(), place(cluster).streams) == []


def test_without_a_time_it_is_never_due() -> None:
    cluster = DataStream()
    Reindex("campaign_groups").run(place(cluster), Note())
    found = sources(cluster.transport(), place(cluster).streams)
    assert [each.until for each in found] == [None] * 3
    assert not any(each.is_due(datetime.max.replace(tzinfo=UTC)) for each in found)


def test_bad_source_that_may_be_the_only_copy_is_not_dropped() -> None:
    """Unless its successor's retention is over."""
    cluster = undisturbed()
    found = sources(cluster.transport(), place(cluster).streams)
    cluster.expire(new(OLD[0]))
    cluster.policies[STREAM] = "36500d"
    with pytest.raises(ToolkitError, match="is not in the stream, and its retention is not over"):
        drop(cluster.transport(), found[0])
    assert STEP.faults(place(cluster), _noted()) == [f"{new(OLD[0])} is gone, before its retention was over"]
    cluster.policies[STREAM] = "27d"
    assert STEP.faults(place(cluster), _noted()) == []
    drop(cluster.transport(), found[0])
    assert OLD[0] not in cluster.indices


def _noted() -> Note:
    note = Note()
    note.keep(sources=dict.fromkeys(reversed(OLD), False), write_index=OLD[2])
    return note


def test_bad_index_that_is_in_the_stream_is_not_dropped() -> None:
    cluster = undisturbed()
    live = Source(new(OLD[0]), STREAM, 2, "x", 10, None)
    with pytest.raises(ToolkitError, match="carries no mark"):
        drop(cluster.transport(), live)
    assert new(OLD[0]) in cluster.indices


def test_faults_are_found_in_what_is_live() -> None:
    cluster, note = DataStream(), Note()
    STEP.run(place(cluster), note)
    cluster.documents[new(OLD[1])].pop()
    cluster.indices[new(OLD[0])]["mappings"]["properties"]["event"]["properties"]["kind"]["type"] = "text"
    assert STEP.faults(place(cluster), note) == [
        f"{new(OLD[1])} has 9 documents, and had 10",
        f"{new(OLD[0])} is not what its template asks for",
    ]
    assert len(STEP.faults(place(DataStream()), _noted())) >= 3, "nothing has happened yet"


def test_what_was_never_run_is_not_held_for_done() -> None:
    """`migrate repair` would accept a changed file whose step has nothing to compare."""
    cluster, note = DataStream(), Note()
    step = Reindex("campaign_groups", which=ALL)
    assert step.faults(place(cluster), note) == [f"nothing of {STREAM} was reindexed by this step"]
    step.run(place(cluster), note)
    assert step.faults(place(cluster), note) == []


def test_every_index_that_was_there_when_it_began_and_not_those_that_come_later() -> None:
    cluster, note = DataStream(), Note()
    step = Reindex("campaign_groups", which=ALL)
    cluster.die_after = 1
    with pytest.raises(Died):
        step.run(place(cluster), note)
    cluster._roll_over(outdated=False)
    step.run(place(cluster), note)
    assert cluster.stream[:3] == [*map(new, OLD)]
    assert all(index.startswith(".ds-") for index in cluster.stream[3:])
    another, note = place(cluster, version=3), Note()
    step.run(another, note)
    assert [new(index, 3) for index in OLD] == cluster.stream[:3]


def read(text: str) -> Reindex:
    return Reindex.read(Reader(parse(text, source="V0002__x.yml")), ())


def test_it_is_read_from_a_file() -> None:
    assert read("stream: dead_letters") == Reindex("dead_letters", "outdated", "_none", None)
    text = "{stream: campaign_groups, which: all, pipeline: mine, keep_source_days: 3}"
    step = read(text)
    assert step == Reindex("campaign_groups", "all", "mine", 3)
    assert step.title(place(DataStream())) == f"reindex every index of {STREAM} through pipeline mine"


BAD = {
    "no_stream": ("which: all", "'stream' is missing"),
    "unknown_stream": ("stream: letters", "'letters' is no data stream"),
    "unknown_key": ("stream: dead_letters\nkeep_days: 3", "V0002__x.yml:2: unknown key 'keep_days'"),
    "unknown_which": ("stream: dead_letters\nwhich: some", "V0002__x.yml:2: must be outdated or all, not 'some'"),
    "days": ("stream: dead_letters\nkeep_source_days: 0", "V0002__x.yml:2: must be a whole number"),
    "pipeline": ("stream: dead_letters\npipeline: 7", "V0002__x.yml:2: must be text"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_file(case: str) -> None:
    text, said = BAD[case]
    with pytest.raises(SourceError, match=said):
        read(text)
