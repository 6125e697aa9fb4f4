"""Stored documents sent through a pipeline: what is left is told rightly, and what was lifted is put back."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, cast

import pytest

from tests.unit.migrations import Elasticsearch, place
from toolkit import write_blocks
from toolkit.errors import LockHeldError, RejectedError, ToolkitError
from toolkit.migrate.step import FailedStepError, Note
from toolkit.migrate.steps.update_by_query import UpdateByQuery
from toolkit.model import SILENT
from toolkit.rewrite import Part, Rewrite, parts

TASK = "/ocs-elastic-state/_doc/task-migrate-default"
BLOCKS = "/ocs-elastic-state/_doc/write_blocks-migrate-default"
STREAM = "ocs-campaign-groups-default"


@dataclass
class Kept:
    """A note in memory."""

    values: dict[str, Any] = field(default_factory=dict)

    def get(self, key: str, default: Any = None) -> Any:
        return self.values.get(key, default)

    def keep(self, **values: Any) -> None:
        self.values |= values


class Rewriting(Elasticsearch):
    """Holds so many documents to rewrite in each index; a task of it has ended when it is looked at."""

    def __init__(self, **left: int) -> None:
        super().__init__()
        self.left = left
        self.blocked: set[str] = set()
        self.outcomes: list[dict[str, Any]] = []
        """What tasks come to, instead of rewriting all: `gone`, `useless`, or parts of the server's answer."""
        self.tasks: dict[str, dict[str, Any]] = {}
        self.documents[f"/_data_stream/{STREAM}"] = {"data_streams": [{"indices": [{"index_name": i} for i in left]}]}

    def get(self, path: str, params: Any = None) -> Any:
        if path == f"/{STREAM}/_settings":
            blocks = {i: {"index.blocks.write": "true"} if i in self.blocked else {} for i in self.left}
            return {index: {"settings": settings} for index, settings in blocks.items()}
        if path.endswith("/_settings") and (index := path.split("/")[1]) in self.left:
            return {index: {"settings": {"index": {"uuid": f"of {index}"}}}}
        return self.tasks.get(path) if path.startswith("/_tasks/") else super().get(path, params)

    def post(self, path: str, body: Any, params: Any = None) -> Any:
        if path == f"/{STREAM}/_search":
            buckets = [{"key": index, "doc_count": count} for index, count in self.left.items() if count]
            return {"aggregations": {"indices": {"buckets": buckets}}}
        super().post(path, body, params)
        return self._rewrite(path.split("/")[1]) if path.endswith("/_update_by_query") else {}

    def put(self, path: str, body: Any, params: Any = None) -> Any:
        answer = super().put(path, body, params)
        match path.strip("/").split("/"):
            case [index, "_settings"] if body == {"index.blocks.write": None}:
                self.blocked.discard(index)
            case [index, "_block", "write"]:
                self.blocked.add(index)
        return answer

    def _rewrite(self, index: str) -> Any:
        if index in self.blocked:
            raise RejectedError("cluster_block_exception", status=403)
        id_, outcome = f"node:{len(self.written)}", self.outcomes.pop(0) if self.outcomes else {}
        done = self.left[index]
        if "gone" not in outcome and "useless" not in outcome:
            self.left[index] = 0
        if "gone" not in outcome:
            about = {"action": "indices:data/write/update/byquery", "description": f"update-by-query [{index}]"}
            self.tasks[f"/_tasks/{id_}"] = {
                "completed": True, "task": {**about, "status": {"updated": done}}, "response": outcome,
            }  # fmt: skip
        return {"task": id_}


STEP = UpdateByQuery(role="campaign_groups", pipeline="_none", query={"match_all": {}}, lift_write_blocks=False)


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("toolkit.tasks.time.sleep", lambda _s: None)


def run(server: Rewriting, step: UpdateByQuery = STEP, **options: Any) -> Kept:
    note = Kept()
    step.run(place(server, **options), cast("Note", note))
    return note


def rewrites(server: Rewriting) -> list[str]:
    return [path.split("/")[1] for _, path, _, _ in server.written if path.endswith("/_update_by_query")]


def test_parts_are_the_indices_with_something_to_do_in_the_order_given() -> None:
    settings = {
        "a": {"settings": {}},
        "b": {"settings": {"index.blocks.write": "true"}},
        "c": {"settings": {"index.blocks.read_only": "true", "index.store.type": "snapshot"}},
        "d": {"settings": {"index.blocks.read_only_allow_delete": "true", "index.blocks.write": "false"}},
        "e": {"settings": {}},
    }
    a, b, c, d = parts("dcbaef"[::-1], {"a": 1, "b": 2, "c": 3, "d": 4, "f": 5}, settings)
    assert a == Part("a", 1)
    assert (b.reachable(lift=False), b.reachable(lift=True), b.as_json()["hindrance"]) == (False, True, "write block")
    assert c.hindrance == "read-only (index.blocks.read_only), a searchable snapshot"
    assert d.hindrance.startswith("a disk is nearly full")
    assert not any(each.reachable(lift=True) for each in (c, d))


def test_every_index_is_rewritten_the_newest_first_and_the_tasks_are_noted() -> None:
    server = Rewriting(old=3, new=5)
    note = run(server)
    assert rewrites(server) == ["new", "old"]
    assert len(note.values["tasks"]) == 2
    assert server.left == {"old": 0, "new": 0}
    assert TASK not in server.documents, "nothing is under way any more"
    (params,) = {params["pipeline"] for _, path, params, _ in server.written if path.endswith("/_update_by_query")}
    assert params == "_none"


def test_a_task_that_died_with_its_node_is_begun_anew() -> None:
    """It ended in 'mend the query, or the pipeline', though neither was wrong."""
    server = Rewriting(only=5)
    server.outcomes = [{"gone": True}]
    run(server)
    assert rewrites(server) == ["only", "only"]
    assert server.left == {"only": 0}


def test_a_query_that_goes_on_to_find_what_is_done_is_found_out_after_one_round() -> None:
    server = Rewriting(only=5)
    server.outcomes = [{"useless": True}] * 9
    with pytest.raises(FailedStepError, match="5 documents were written, and the query still finds 5") as error:
        run(server)
    assert "mend the query, or the pipeline" in str(error.value.hint)
    assert rewrites(server) == ["only"]


def test_a_write_block_is_in_the_way_and_lifted_only_if_the_file_says_so_and_put_back() -> None:
    server = Rewriting(old=3)
    server.blocked = {"old"}
    there, note = place(server), cast("Note", Kept())
    assert STEP.hindrances(there, note) == ["old cannot be changed: write block"]
    lifting = replace(STEP, lift_write_blocks=True)
    assert lifting.hindrances(there, note) == []
    run(server, lifting)
    assert server.left == {"old": 0}
    assert server.blocked == {"old"}
    assert BLOCKS not in server.documents


def test_an_index_that_was_made_anew_under_its_name_gets_no_block() -> None:
    """After `destroy` and `apply` on one day, that name is what OCS's messages go to."""
    server = Rewriting(only=5)
    server.documents[BLOCKS] = {"indices": {"only": "of an older one", "gone": "of another"}}
    write_blocks.restore(server.transport(), "migrate-default")
    assert (server.blocked, BLOCKS in server.documents) == (set(), False)


@pytest.mark.parametrize(
    ("outcome", "reason"),
    [
        (
            {"failures": [{"index": "i", "id": "d", "cause": {"type": "t", "reason": "r"}}] * 2},
            "failed: i/d: .*and 1 more",
        ),
        ({"canceled": "by user request"}, "was cancelled by user request"),
    ],
)
def test_a_task_that_fails_is_told_and_its_block_is_put_back(outcome: dict[str, Any], reason: str) -> None:
    server = Rewriting(old=3)
    server.blocked, server.outcomes = {"old"}, [{"useless": True, **outcome}]
    with pytest.raises(ToolkitError, match=reason) as error:
        run(server, replace(STEP, lift_write_blocks=True))
    assert error.value.hint == "what it had done is done; ocs-elastic migrate up goes on from there"
    assert server.blocked == {"old"}


def test_a_lost_lock_begins_no_task() -> None:
    def lost() -> None:
        raise LockHeldError("the lock was lost")

    server = Rewriting(only=5)
    with pytest.raises(LockHeldError):
        run(server, still_held=lost)
    assert rewrites(server) == []


def test_an_index_that_ilm_has_deleted_meanwhile_is_no_error() -> None:
    server = Rewriting(old=3)

    def refuse(_method: str, path: str) -> None:
        if path.endswith("/_update_by_query"):
            server.left = {}
            raise RejectedError("index_not_found_exception", status=404)

    server.before = refuse
    run(server)
    assert rewrites(server) == []


def test_a_pipeline_that_is_not_there_is_in_the_way() -> None:
    server = Rewriting(only=1)
    there = place(server)
    step = replace(STEP, pipeline="p-{namespace}")
    assert step.hindrances(there, cast("Note", Kept())) == ["there is no ingest pipeline p-default"]
    server.documents["/_ingest/pipeline/p-default"] = {}
    assert step.hindrances(there, cast("Note", Kept())) == []
    assert step.preview(there, cast("Note", Kept())) == ["only: 1 documents"]


def test_what_an_earlier_run_has_begun_is_seen_through_first() -> None:
    server = Rewriting(only=5)
    about = {"action": "indices:data/write/update/byquery", "description": "update-by-query [only]"}
    server.documents[TASK] = {**about, "id": "node:1"}
    server.documents[BLOCKS] = {"indices": {"only": "of only"}}
    server.tasks["/_tasks/node:1"] = {"completed": True, "task": {**about, "status": {"updated": 2}}, "response": {}}
    said: list[str] = []

    class Progress:
        def say(self, text: str) -> None:
            said.append(text)

        def bar(self, *_: Any) -> Any:
            return SILENT.bar("", None, "")

    rewrite = Rewrite(
        transport=server.transport(), name="migrate-default", query={}, pipeline="_none", rate=None,
        still_held=lambda: None, command="c", doing="d", progress=cast("Any", Progress()),
    )  # fmt: skip
    assert rewrite.finish() == 2
    assert said == ["an earlier run has begun a task, which goes on at its own rate: node:1 (update-by-query [only])"]
    assert TASK not in server.documents
    assert BLOCKS not in server.documents
    assert server.blocked == {"only"}
