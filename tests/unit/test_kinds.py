"""What the kinds refuse before a server is asked."""

from __future__ import annotations

from typing import Any

import pytest

from toolkit.capabilities import of_elasticsearch
from toolkit.config import Settings
from toolkit.kinds import KIND, KINDS
from toolkit.load import desired
from toolkit.model import Resource
from toolkit.plan import differences
from toolkit.retention import retention


def pipeline(processors: list[dict[str, Any]], **more: Any) -> list[str]:
    body = {"description": "x", "processors": processors, **more}
    return KIND["ingest_pipeline"].validate(Resource("ingest_pipeline", "p", body, "f"))


@pytest.mark.parametrize(
    "processor",
    [
        {"reroute": {}},
        {"date": {"field": "a", "formats": ["UNIX"]}},
        {"set": {"field": "a", "copy_from": "b"}},
        {"rename": {"field": "a", "target_field": "b", "override": True}},
        {"remove": {"keep": ["a"]}},
        {"pipeline": {"name": "a", "ignore_missing_pipeline": True}},
    ],
)
def test_what_only_one_engine_has_is_refused_wherever_it_stands(processor: dict[str, Any]) -> None:
    assert pipeline([processor])
    assert pipeline([], on_failure=[processor])
    assert pipeline([{"set": {"field": "a", "value": 1, "on_failure": [processor]}}])


def test_what_both_engines_have_is_taken() -> None:
    assert pipeline([{"set": {"field": "a", "value": 1, "if": "true", "tag": "t", "ignore_failure": True}}]) == []


def test_every_reason_is_given() -> None:
    assert len(pipeline([{"reroute": {}}, {"set": {"field": "a", "copy_from": "b"}}])) == 2


def test_a_phase_may_not_begin_before_the_one_before_it() -> None:
    body = {"policy": {"phases": {"hot": {}, "warm": {"min_age": "3d"}, "delete": {"min_age": "60h"}}}}
    assert KIND["ilm_policy"].validate(Resource("ilm_policy", "p", body, "f")) == [
        "phase delete begins before phase warm"
    ]


@pytest.mark.parametrize("documents", [200_000_000, 100_000_000])
def test_a_policy_differs_from_what_servers_make_of_it_only_where_it_was_changed(documents: int) -> None:
    """They write their defaults into it, and answer the number of documents as the whole number that it is."""
    kind = KIND["ilm_policy"]
    policy, _ = (each for each in desired(Settings(), of_elasticsearch((8, 3, 3))) if each.kind == kind.name)
    rollover = {"max_age": "9d", "max_primary_shard_docs": documents, "max_primary_shard_size": "25gb"}
    phases = {
        "delete": {"min_age": "81d", "actions": {"delete": {"delete_searchable_snapshot": True}}},
        "hot": {"min_age": "0ms", "actions": {"rollover": rollover}},
    }
    answer = {policy.name: {"version": 1, "policy": {"phases": phases, "_meta": policy.body["policy"]["_meta"]}}}
    live = kind.unwrap(answer)[policy.name]
    found = [(each.path, each.before) for each in differences(kind.normalize(live), kind.normalize(policy.body))]
    changed = [("policy.phases.hot.actions.rollover.max_primary_shard_docs", documents)]
    assert found == ([] if documents == 200_000_000 else changed)


def test_each_kind_stands_behind_what_it_depends_on() -> None:
    seen: set[str] = set()
    for kind in KINDS:
        assert seen.issuperset(kind.depends_on)
        seen.add(kind.name)


@pytest.mark.parametrize(
    ("days", "rollover_age", "delete_age"),
    [(1, "144m", "1296m"), (7, "1008m", "9072m"), (10, "1d", "9d"), (90, "9d", "81d"), (3650, "30d", "3620d")],
)
def test_no_document_is_kept_longer_than_asked(days: int, rollover_age: str, delete_age: str) -> None:
    assert (retention(days).rollover_age, retention(days).delete_age) == (rollover_age, delete_age)


def test_a_setting_of_a_transform_that_was_made_by_hand_goes() -> None:
    """Servers merge the settings of an update: apply said that every change was made, and the plan was not empty."""
    sent = []

    class Fake:
        def get(self, path: str) -> Any:
            stats = [{"id": "t", "state": "started"}]
            return {"transforms": stats if path.endswith("_stats") else [{"id": "t", "settings": {"a": 1}, "dest": {}}]}

        def post(self, path: str, body: Any) -> None:
            sent.append((path, body))

    KIND["transform"].write(Fake(), Resource("transform", "t", {"dest": {}}, "f"))  # type: ignore[arg-type]
    assert sent == [("/_transform/t/_update", {"dest": {}, "settings": {"a": None}})]
