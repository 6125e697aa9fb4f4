"""What no engine in CI has, as real Elasticsearch answered: ILM policies, the transform, and its index."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.recorded.cassette import NAMESPACE
from toolkit.change_class import REINDEX, ROLLOVER
from toolkit.client.connect import capabilities
from toolkit.client.transport import Transport
from toolkit.config import Settings
from toolkit.kinds import KIND, KINDS
from toolkit.lock import INDEX
from toolkit.migrate.history import APPLIED
from toolkit.plan import CREATE, UPDATE
from toolkit.uses.deployment import Deployment
from toolkit.uses.destroy import destroy, removal
from toolkit.uses.migrate import drop_sources, overview, up

STREAMS = (f"ocs-campaign-groups-{NAMESPACE}", f"ocs-dead-letters-{NAMESPACE}")
POLICY = f"ocs-campaign-groups-{NAMESPACE}"
TRANSFORM = f"ocs-current-state-{NAMESPACE}"


@pytest.fixture
def empty(cluster: Transport) -> Deployment:
    """A cluster with nothing of ours in it."""
    return Deployment(cluster, capabilities(cluster), Settings(namespace=NAMESPACE))


@pytest.fixture
def applied(empty: Deployment) -> Deployment:
    """A namespace that is as it should be."""
    list(empty.apply(empty.plan()))
    return empty


def live(target: Deployment, kind: str, name: str) -> dict[str, Any]:
    body = KIND[kind].read(target.transport, name)
    assert body is not None
    return body


def test_an_empty_cluster_gets_everything_in_its_order_and_then_there_is_nothing_to_do(empty: Deployment) -> None:
    plan = empty.plan()
    assert plan.problems == ()
    assert {change.action for change in plan.pending} == {CREATE}
    assert {(c.kind, c.name) for c in plan.pending} == {(r.kind, r.name) for r in empty.resources}
    order = [kind.name for kind in KINDS]
    kinds = [change.kind for change in plan.pending]
    assert set(kinds) == set(order) - {"role"}, "security is off, so roles are unavailable, and the plan says so"
    assert [change.kind for change in plan.changes if not change.pending] == ["role", "dashboard"]
    assert kinds == sorted(kinds, key=order.index)
    events = list(empty.apply(plan))
    assert [event.change for event in events] == list(plan.pending)
    again = empty.plan()
    assert (again.pending, again.problems) == ((), ())
    assert list(empty.apply(again)) == []
    assert live(empty, "transform", TRANSFORM)["running"] is True
    assert empty.transport.get(f"/{INDEX}/_doc/lock") is None, "the lock was released"


def test_another_retention_changes_its_policy_and_nothing_else(applied: Deployment) -> None:
    target = Deployment(applied.transport, applied.server, Settings(namespace=NAMESPACE, retention_days=30))
    plan = target.plan()
    (change,) = plan.pending
    assert (change.action, change.kind, change.name) == (UPDATE, "ilm_policy", POLICY)
    changed = {difference.path: (difference.before, difference.after) for difference in change.differences}
    checksum = changed.pop("policy._meta.checksum")
    assert checksum[0] != checksum[1]
    assert changed == {
        "policy.phases.delete.min_age": ("81d", "27d"),
        "policy.phases.hot.actions.rollover.max_age": ("9d", "3d"),
    }
    assert "stored documents too" in change.meaning
    list(target.apply(plan))
    assert not target.plan().pending
    assert live(target, "ilm_policy", POLICY)["policy"]["phases"]["delete"]["min_age"] == "27d"


def test_a_transform_that_was_stopped_by_hand_is_seen_and_runs_again(applied: Deployment) -> None:
    applied.transport.post(f"/_transform/{TRANSFORM}/_stop", None, params={"wait_for_completion": "true"})
    plan = applied.plan()
    (change,) = plan.pending
    assert (change.action, change.kind, change.name) == (UPDATE, "transform", TRANSFORM)
    (difference,) = change.differences
    assert (difference.path, difference.before, difference.after) == ("running", False, True)
    list(applied.apply(plan))
    assert not applied.plan().pending
    assert live(applied, "transform", TRANSFORM)["running"] is True


def test_a_transform_with_another_key_is_made_anew(applied: Deployment) -> None:
    """Elasticsearch updates a transform in place, but for what makes its documents: that is refused."""
    (wanted,) = [resource for resource in applied.resources if resource.kind == "transform"]
    other = {**wanted.body, "latest": {**wanted.body["latest"], "unique_key": ["ocs.campaign_group.guid"]}}
    KIND["transform"].delete(applied.transport, TRANSFORM)
    applied.transport.put(f"/_transform/{TRANSFORM}", other)
    applied.transport.post(f"/_transform/{TRANSFORM}/_start", None)
    plan = applied.plan()
    (change,) = plan.pending
    assert (change.action, change.kind, change.name) == (UPDATE, "transform", TRANSFORM)
    assert [difference.path for difference in change.differences] == ["latest.unique_key"]
    list(applied.apply(plan))
    assert not applied.plan().pending
    made = live(applied, "transform", TRANSFORM)
    assert (made["latest"], made["running"]) == (wanted.body["latest"], True)


def test_destroy_with_data_leaves_nothing_and_all_can_be_made_again(applied: Deployment) -> None:
    for message in ({"GSW_CAMPAIGN_GROUP_GUID": "g"}, {"nothing": "of OCS"}):
        applied.transport.post(f"/{STREAMS[0]}/_doc", message)
    what = removal(applied, STREAMS)
    assert {(r.kind, r.name) for r in what.goes} == {(r.kind, r.name) for r in applied.resources}
    assert (what.stays, what.state_goes) == ((), True)
    order = [kind.name for kind in KINDS]
    gone = [resource.kind for resource in destroy(applied, what)]
    assert gone == sorted(gone, key=order.index, reverse=True)
    assert all(KIND[r.kind].read(applied.transport, r.name) is None for r in applied.resources)
    assert applied.transport.get(f"/{INDEX}") is None
    assert {change.action for change in applied.plan().pending} == {CREATE}


def test_stored_documents_get_a_fields_new_type(applied: Deployment, tmp_path: Path) -> None:
    """A rollover for new messages, and for stored ones a migration, which exchanges the indices behind the stream."""
    transport, custom = applied.transport, f"/_component_template/{STREAMS[0]}@custom"
    for number in range(3):
        transport.post(f"/{STREAMS[0]}/_doc", {"GSW_CAMPAIGN_GROUP_GUID": f"g{number}", "GSW_OPTIMIZE_GOAL": number})
    goal = {"properties": {"ocs": {"properties": {"optimize": {"properties": {"goal": {"type": "float"}}}}}}}
    transport.put(custom, {"template": {"mappings": goal}})
    (change,) = applied.plan().pending
    assert (change.action, change.name) == (ROLLOVER, STREAMS[0])
    list(applied.apply(applied.plan()))
    transport.post(f"/{STREAMS[0]}/_doc", {"GSW_CAMPAIGN_GROUP_GUID": "g3"})  # it is what a lazy rollover waits for
    (left,) = [change for change in applied.plan().changes if change.action == REINDEX]
    assert "reindex: {stream: campaign_groups}" in left.meaning
    text = "description: goals with decimals\nsteps:\n  - reindex: {stream: campaign_groups}\n"
    (tmp_path / "V1000__goal.yml").write_text(text, encoding="utf-8")
    target = replace(applied, settings=Settings(namespace=NAMESPACE, migrations=str(tmp_path)))
    (row,) = up(target)
    assert (row.outcome, len(row.tasks)) == (APPLIED, 1)
    assert [change.action for change in applied.plan().changes if change.kind == "data_stream"] == []
    (kept,) = overview(target).kept
    assert (kept.documents, kept.migration, kept.needed) == (3, 1000, "")
    transport.post(f"/{STREAMS[0]}/_refresh", None)
    assert transport.post(f"/{STREAMS[0]}/_count", None)["count"] == 4
    assert list(up(target)) == []
    assert [source.index for source in drop_sources(target, every=True)] == [kept.index]
    assert overview(target).kept == ()
