"""The preview is the act: a plan says what apply does, apply does it, and then the plan is empty."""

from __future__ import annotations

import copy
import json
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.running import Engine
from toolkit.apply import remove
from toolkit.change_class import IMPOSSIBLE, MAPPING, REBUILD, REINDEX, ROLLOVER, SETTINGS
from toolkit.client.transport import Transport
from toolkit.config import Settings
from toolkit.effective import effective, merge
from toolkit.errors import LockHeldError, RejectedError, StalePlanError, UnsafePlanError
from toolkit.kinds import KIND
from toolkit.live import read_live, wanted_component
from toolkit.load import state_index
from toolkit.lock import INDEX, locked
from toolkit.model import Body, Resource
from toolkit.plan import ADOPT, CREATE, UPDATE, Plan, differences
from toolkit.uses.deployment import Deployment
from toolkit.uses.destroy import users_of_shared

ROOT = Path(__file__).parents[2]


@pytest.fixture
def empty(engine: Engine) -> Iterator[Deployment]:
    """A namespace with nothing in it yet."""
    target = Deployment(engine.transport, engine.server, Settings(namespace=f"plan_{secrets.token_hex(4)}"))
    _forget(target)
    yield target
    _forget(target)


@pytest.fixture
def applied(empty: Deployment) -> Deployment:
    """A namespace that is as it should be."""
    list(empty.apply(empty.plan()))
    return empty


def _forget(target: Deployment) -> None:
    """Everything of the namespace, and what is shared where no other needs it: each test begins on bare ground."""
    users = users_of_shared(target)
    remove(target.transport, [resource for resource in target.resources if resource.namespace or not users])
    target.transport.delete(f"/{INDEX}")


def settled(target: Deployment, **changed: Any) -> Deployment:
    """The same namespace with other settings."""
    return Deployment(target.transport, target.server, Settings(namespace=target.settings.namespace, **changed))


def test_a_plan_of_an_empty_namespace_creates_and_the_next_is_empty(empty: Deployment) -> None:
    plan = empty.plan()
    assert {change.action for change in plan.pending} <= {CREATE, UPDATE}
    own = {(resource.kind, resource.name) for resource in empty.resources if resource.namespace}
    assert own <= {(change.kind, change.name) for change in plan.pending}
    events = list(empty.apply(plan))
    assert [str(event.change) for event in events] == [str(change) for change in plan.pending]
    again = empty.plan()
    assert not again.pending
    assert not again.problems
    assert list(empty.apply(again)) == []
    assert empty.transport.get(f"/{INDEX}/_doc/lock") is None, "the lock was released"


def test_what_a_server_lacks_is_said_and_not_pending(applied: Deployment) -> None:
    lacking = {change.kind for change in applied.plan().changes}
    expected = {"ilm_policy", "index", "transform"} if not applied.server.ilm else set()
    expected |= {"dashboard"}  # no Kibana is known
    assert lacking == expected | (set() if applied.server.manages_security else {"role"})


def leaves(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else None
    if items is None or not value:
        yield path
        return
    for key, item in items:
        yield from leaves(item, (*path, key))


def changed(body: Body, path: tuple[str | int, ...]) -> Body:
    """The same body with one leaf taken out."""
    result = copy.deepcopy(body)
    holder: Any = result
    for step in path[:-1]:
        holder = holder[step]
    del holder[path[-1]]
    return result


def unchangeable(resource: Resource, path: tuple[str | int, ...]) -> str | None:
    """Why a leaf cannot be taken out, or why taking it out changes nothing."""
    if path[-1] == "toolkit_version":
        return "it is written for people, and never compared"
    if resource.kind in ("data_stream", "index"):
        return "it has no body of its own"
    if path[-1] == "managed_by" and "mappings" not in path:
        return "without it the resource is somebody else's: shown as adopt"
    return None


@pytest.mark.timeout(900)
def test_every_leaf_that_changes_on_the_cluster_is_seen(applied: Deployment) -> None:
    """A raw client takes out one leaf after the other; each time the plan names the resource."""
    tried = 0
    for resource in applied.resources:
        if resource.name.endswith("@custom") or resource.kind == "transform":
            continue
        kind = KIND[resource.kind]
        paths = [path for path in leaves(resource.body) if path and not unchangeable(resource, path)]
        if resource.kind == "ingest_pipeline":  # its thousand leaves are of a few sorts
            paths = [path for i, path in enumerate(paths) if i % 25 == 0 or "params" not in path]
        for path in paths:
            body = changed(resource.body, path)
            if not _accepts(applied.transport, kind.url(resource.name), body):
                continue
            live = kind.read(applied.transport, resource.name)
            assert live is not None
            assert kind.normalize(live) != kind.normalize(resource.body), (str(resource), path)
            tried += 1
        kind.write(applied.transport, resource)
    assert tried > 100
    assert not applied.plan().pending


def _accepts(transport: Transport, url: str, body: Body) -> bool:
    try:
        transport.put(url, body)
    except RejectedError:
        return False
    return True


def test_a_changed_setting_is_shown_leaf_by_leaf_with_its_meaning(applied: Deployment) -> None:
    plan = settled(applied, refresh_interval_s=7).plan()
    component = f"ocs-campaign-groups-settings-{applied.settings.namespace}"
    (change,) = [change for change in plan.pending if change.name == component]
    assert change.action == UPDATE
    assert "template.settings.index.refresh_interval" in {difference.path for difference in change.differences}
    assert "Stored documents stay" in change.meaning
    namespace = applied.settings.namespace
    both = {f"ocs-campaign-groups-{namespace}", f"ocs-dead-letters-{namespace}"}
    assert {change.name for change in plan.pending if change.action == SETTINGS} == both
    assert not [change for change in plan.pending if change.action == ROLLOVER]
    target = settled(applied, refresh_interval_s=7)
    list(target.apply(plan))
    assert not target.plan().pending
    for name in both:
        (index,) = indices(target, name)
        assert setting(target, index, "index.refresh_interval") == "7s"


def test_a_setting_that_only_a_new_index_can_have_rolls_over_once(applied: Deployment) -> None:
    namespace = applied.settings.namespace
    both = {f"ocs-campaign-groups-{namespace}", f"ocs-dead-letters-{namespace}"}
    target = settled(applied, shards=2)
    plan = target.plan()
    assert {change.name for change in plan.pending if change.action == ROLLOVER} == both
    list(target.apply(plan))
    assert not target.plan().pending, "one rollover, and never again"
    write(target)
    for name in both:
        before, *after = indices(target, name)  # a lazy rollover of dead letters waits for the next one
        assert setting(target, before, "index.number_of_shards") == "1"
        assert [setting(target, index, "index.number_of_shards") for index in after] == ["2"] * len(after)
    assert len(indices(target, f"ocs-campaign-groups-{namespace}")) == 2
    assert not target.plan().pending
    assert not [change for change in target.plan().changes if change.action in (REINDEX, IMPOSSIBLE)]


def test_a_field_of_ones_own_is_put_into_the_index_that_is_there(applied: Deployment) -> None:
    name = stream(applied)
    (index,) = indices(applied, name)
    message = write(applied)
    own = {"shift": {"type": "keyword"}, "ocs": {"properties": {"queue": {"properties": {"name": TEXT_TOO}}}}}
    customize(applied, {"mappings": {"properties": own}})
    (change,) = applied.plan().pending
    assert (change.action, change.kind, change.name, change.indices) == (MAPPING, "data_stream", name, (index,))
    assert {difference.path for difference in change.differences} == {"shift", "ocs.queue.name.text"}
    assert "Documents that are stored already stay as they are" in change.meaning
    list(applied.apply(applied.plan()))
    assert not applied.plan().pending
    assert indices(applied, name) == [index], "no rollover"
    found = properties(applied, index)
    assert found["shift"] == {"type": "keyword"}
    queue = found["ocs"]["properties"]["queue"]["properties"]["name"]
    assert queue["fields"] == TEXT_TOO["fields"]
    assert queue["ignore_above"] == 1024, "what the request must say again, or it would be gone"
    assert applied.transport.get(f"/{index}/_doc/{message}") is not None


def test_older_indices_get_a_new_field_only_if_asked_for(applied: Deployment) -> None:
    name = stream(applied)
    applied.transport.post(f"/{name}/_rollover", None)
    older, newest = indices(applied, name)
    customize(applied, {"mappings": {"properties": {"shift": {"type": "keyword"}}}})
    wider = replace(applied, older_indices=True)
    assert applied.plan().checksum != wider.plan().checksum, "an approval of the one is none of the other"
    plan = applied.plan()
    assert "1 older of the stream's indices do not get it" in plan.pending[0].meaning
    list(applied.apply(plan))
    assert not applied.plan().pending
    assert "shift" in properties(applied, newest)
    assert "shift" not in properties(applied, older)
    (change,) = wider.plan().pending
    assert (change.action, change.indices) == (MAPPING, (older,))
    list(wider.apply(wider.plan()))
    assert not wider.plan().pending
    assert "shift" in properties(applied, older)
    assert indices(applied, name) == [older, newest]


def test_an_older_index_that_is_shut_is_named_and_does_not_stop_the_others(applied: Deployment) -> None:
    name = stream(applied)
    for _ in range(2):
        applied.transport.post(f"/{name}/_rollover", None)
    shut, older, newest = indices(applied, name)
    applied.transport.put(f"/{shut}/_settings", {"index.blocks.read_only": True})
    try:
        customize(applied, {"mappings": {"properties": {"shift": {"type": "keyword"}}}})
        wider = replace(applied, older_indices=True)
        (impossible,) = [change for change in wider.plan().changes if change.action == IMPOSSIBLE]
        assert (impossible.indices, impossible.pending) == ((shut,), False)
        assert "index.blocks.read_only is set" in impossible.meaning
        list(wider.apply(wider.plan()))
        assert not wider.plan().pending
        assert ["shift" in properties(applied, index) for index in (shut, older, newest)] == [False, True, True]
    finally:
        applied.transport.put(f"/{shut}/_settings", {"index.blocks.read_only": None})


def test_a_setting_of_ones_own_that_an_open_index_takes_is_set(applied: Deployment) -> None:
    name = stream(applied)
    applied.transport.post(f"/{name}/_rollover", None)
    older, newest = indices(applied, name)
    customize(applied, {"settings": {"index": {"priority": 7}}})
    (change,) = applied.plan().pending
    assert (change.action, change.indices) == (SETTINGS, (newest,))
    assert [difference.as_json() for difference in change.differences] == [
        {"path": "index.priority", "before": None, "after": "7"}
    ]
    list(applied.apply(applied.plan()))
    assert not applied.plan().pending
    assert [setting(applied, index, "index.priority") for index in (older, newest)] == [None, "7"]
    assert indices(applied, name) == [older, newest], "no rollover"


AS_BY_DEFAULT: Body = {
    "_routing": {"required": False},
    "dynamic_templates": [{"own": {"match": "own*", "match_pattern": "simple", "mapping": {"type": "keyword"}}}],
    "properties": {
        "remark": {"type": "text", "index_options": "positions", "term_vector": "no"},
        "shift": {"type": "keyword", "index_options": "docs", "ignore_above": 2147483647},
    },
}
"""What servers do not write down."""
NESTED_BY_DEFAULT: Body = {"properties": {"parts": {"type": "nested", "include_in_root": False}}}
"""The same, for servers that take nested fields in an index that is sorted: Elasticsearch since 8.16, OpenSearch."""


def test_a_default_that_is_asked_for_rolls_nothing_over(applied: Deployment) -> None:
    """No index ever says that it has it: each apply would have turned the stream to another one."""
    name = stream(applied)
    (index,) = indices(applied, name)
    server = applied.server
    nested = server.distribution == "opensearch" or server.version >= (8, 16, 0)
    customize(applied, {"mappings": merge(AS_BY_DEFAULT, NESTED_BY_DEFAULT) if nested else AS_BY_DEFAULT})
    assert [change.action for change in applied.plan().pending] == [MAPPING]
    list(applied.apply(applied.plan()))
    assert not applied.plan().pending
    applied.transport.post(f"/{name}/_rollover", None)
    again = applied.plan()
    assert not again.pending
    assert not [change for change in again.changes if change.action in (REINDEX, IMPOSSIBLE)]
    assert indices(applied, name)[0] == index


def test_more_fields_than_the_limit_was_come_after_the_new_limit(applied: Deployment) -> None:
    fields = {f"own_{i}": {"type": "keyword"} for i in range(1000)}
    customize(applied, {"settings": {"index.mapping.total_fields.limit": 2000}, "mappings": {"properties": fields}})
    assert [change.action for change in applied.plan().pending] == [SETTINGS, MAPPING]
    list(applied.apply(applied.plan()))
    assert not applied.plan().pending
    assert len(indices(applied, stream(applied))) == 1


def test_a_field_with_an_analyzer_of_its_own_comes_with_the_next_index(applied: Deployment) -> None:
    analysis = {"analyzer": {"mine": {"type": "standard"}}}
    field = {"remark": {"type": "text", "analyzer": "mine"}}
    customize(applied, {"settings": {"index": {"analysis": analysis}}, "mappings": {"properties": field}})
    assert [change.action for change in applied.plan().pending] == [ROLLOVER]
    list(applied.apply(applied.plan()))
    assert not applied.plan().pending
    write(applied)
    assert properties(applied, indices(applied, stream(applied))[-1])["remark"]["analyzer"] == "mine"


@pytest.mark.parametrize("number", ["2", "0-all"])
def test_replicas_are_changed_in_place_and_stay(applied: Deployment, number: str) -> None:
    """Those that expand by themselves, as they do by default, would take a number back at once."""
    target = settled(applied, replicas=number)
    plan = target.plan()
    assert not [change for change in plan.pending if change.action in (ROLLOVER, REBUILD)]
    list(target.apply(plan))
    assert not target.plan().pending
    (index,) = indices(target, stream(target))
    assert setting(target, index, "index.auto_expand_replicas") == (number if "-" in number else "false")


def test_another_type_rolls_over_once_and_what_stays_behind_is_said(applied: Deployment) -> None:
    """Before and after: the documents that are stored have the old form until something is done about it."""
    name = stream(applied)
    (old,) = indices(applied, name)
    message = write(applied)
    customize(applied, {"mappings": {"properties": {"ocs": {"properties": {"optimize": GOAL_AS_TEXT}}}}})
    plan = applied.plan()
    (rollover,) = plan.pending
    assert rollover.action == ROLLOVER
    (difference,) = rollover.differences
    assert difference.path == "mapping of ocs.optimize.goal.type"
    assert difference.after == "keyword"
    said = [change for change in plan.changes if change.action in (REINDEX, IMPOSSIBLE)]
    list(applied.apply(plan))
    assert not applied.plan().pending
    write(applied)
    again = applied.plan()
    assert not again.pending, "one rollover, and never again"
    before, after = indices(applied, name)
    assert before == old
    assert applied.transport.get(f"/{old}/_doc/{message}") is not None
    assert [change for change in again.changes if change.action in (REINDEX, IMPOSSIBLE)] == said
    (behind,) = said
    assert (behind.indices, behind.pending) == ((old,), False)
    if applied.server.data_stream_modify:
        assert behind.action == REINDEX
        assert "`reindex: {stream: campaign_groups}`" in behind.meaning
    else:
        assert behind.action == IMPOSSIBLE
        assert "cannot exchange the indices behind a data stream" in behind.meaning
    goal = properties(applied, after)["ocs"]["properties"]["optimize"]["properties"]["goal"]
    assert goal["type"] == "keyword"


def test_the_latest_states_index_takes_what_it_can(applied: Deployment) -> None:
    name = latest(applied)
    applied.transport.put(f"/{name}/_settings", {"index.auto_expand_replicas": "0-all"})
    (change,) = applied.plan().pending
    assert (change.action, change.kind, change.name) == (SETTINGS, "index", name)
    list(applied.apply(applied.plan()))
    assert not applied.plan().pending
    mapping = copy.deepcopy(applied.transport.get(f"/{name}")[name]["mappings"])
    del mapping["properties"]["tags"]
    _remake(applied, name, mapping)
    (change,) = applied.plan().pending
    assert (change.action, change.kind, change.indices) == (MAPPING, "index", (name,))
    list(applied.apply(applied.plan()))
    assert not applied.plan().pending
    assert "tags" in properties(applied, name)


def test_the_latest_states_index_is_rebuilt_where_it_must_be_and_is_complete(applied: Deployment) -> None:
    name = latest(applied)
    _post_groups(applied, 3)
    _await_latest(applied, 3)
    mapping = copy.deepcopy(applied.transport.get(f"/{name}")[name]["mappings"])
    mapping["properties"]["tags"] = {"type": "text"}
    _remake(applied, name, mapping)
    plan = applied.plan()
    (change,) = plan.pending
    assert (change.action, change.kind, change.name) == (REBUILD, "index", name)
    assert "the transform begins again" in change.meaning
    list(applied.apply(plan))
    assert not applied.plan().pending
    assert properties(applied, name)["tags"]["type"] == "keyword"
    _await_latest(applied, 3)


def test_a_latest_states_index_that_was_deleted_is_complete_again(applied: Deployment) -> None:
    """Made anew by itself, it would lack every group that has sent nothing since: the transform goes on."""
    name = latest(applied)
    _post_groups(applied, 3)
    _await_latest(applied, 3)
    applied.transport.delete(f"/{name}")
    (change,) = [change for change in applied.plan().pending if change.kind == "index"]
    assert change.action == REBUILD
    list(applied.apply(applied.plan()))
    assert not applied.plan().pending
    _await_latest(applied, 3)


TEXT_TOO: Body = {"type": "keyword", "ignore_above": 1024, "fields": {"text": {"type": "text"}}}
GOAL_AS_TEXT: Body = {"properties": {"goal": {"type": "keyword"}}}


def stream(target: Deployment) -> str:
    return f"ocs-campaign-groups-{target.settings.namespace}"


def latest(target: Deployment) -> str:
    """The name of the latest-state index, filled; skips where there is none."""
    if not target.server.transforms:
        pytest.skip("this engine has no transforms")
    return f"ocs-current-state-{target.settings.namespace}"


def indices(target: Deployment, name: str) -> list[str]:
    (found,) = target.transport.get(f"/_data_stream/{name}")["data_streams"]
    return [index["index_name"] for index in found["indices"]]


def setting(target: Deployment, index: str, name: str) -> str | None:
    answer = target.transport.get(f"/{index}/_settings", params={"flat_settings": "true"})
    value: str | None = answer[index]["settings"].get(name)
    return value


def properties(target: Deployment, index: str) -> Body:
    found: Body = target.transport.get(f"/{index}/_mapping")[index]["mappings"]["properties"]
    return found


def customize(target: Deployment, template: Body) -> None:
    """What the user's own component asks for."""
    target.transport.put(f"/_component_template/{stream(target)}@custom", {"template": template})


def write(target: Deployment, guid: str = "g") -> str:
    """One message of a campaign group; its id."""
    message = {"GSW_CAMPAIGN_GROUP_GUID": guid, "GSW_CAMPAIGN_GROUP_NAME": guid, "GSW_TENANT_CCID": "1"}
    return str(target.transport.post(f"/{stream(target)}/_doc", message)["_id"])


def _post_groups(target: Deployment, count: int) -> None:
    for i in range(count):
        write(target, f"g{i}")


def _await_latest(target: Deployment, count: int) -> None:
    name = latest(target)
    deadline = time.monotonic() + 120
    while (found := target.transport.post(f"/{name}/_count", {})["count"]) != count:
        assert time.monotonic() < deadline, found
        time.sleep(1)


def _remake(target: Deployment, name: str, mapping: Body) -> None:
    """The latest state's index as an earlier version, or somebody, made it; its documents are gone."""
    url = f"/_transform/{name}"
    target.transport.post(f"{url}/_stop", None, params={"force": "true", "wait_for_completion": "true"})
    settings = target.transport.get(f"/{name}/_settings")[name]["settings"]["index"]
    kept = {key: settings[key] for key in ("mode", "number_of_shards", "auto_expand_replicas") if key in settings}
    target.transport.delete(f"/{name}")
    with unlike_its_template(target, name, mapping):
        target.transport.put(f"/{name}", {"settings": kept})
    target.transport.post(f"{url}/_start", None)


@contextmanager
def unlike_its_template(target: Deployment, name: str, mapping: Body) -> Iterator[None]:
    """While an index is made, a template of higher priority stands over ours: its own request could only add."""
    rival = f"rival-{name}"
    body = {"index_patterns": [name], "priority": 501, "template": {"mappings": mapping}}
    target.transport.put(f"/_index_template/{rival}", body)
    try:
        yield
    finally:
        target.transport.delete(f"/_index_template/{rival}")


def test_a_change_of_retention_rolls_nothing_over(applied: Deployment) -> None:
    plan = settled(applied, retention_days=30).plan()
    assert all(change.action != ROLLOVER for change in plan.pending)
    if applied.server.ilm:
        (change,) = plan.pending
        assert change.kind == "ilm_policy"
        assert {difference.path for difference in change.differences} >= {
            "policy.phases.delete.min_age",
            "policy.phases.hot.actions.rollover.max_age",
        }


ADDED_BY_SERVERS = {
    "mappings._data_stream_timestamp",
    "mappings._source",
    "mappings.properties.@timestamp.ignore_malformed",
    "settings.index.routing.allocation.include._tier_preference",
}


def test_our_merge_of_templates_is_the_servers(applied: Deployment) -> None:
    live = read_live(applied.transport, lambda: applied.resources, applied.server)
    component = wanted_component(applied.resources, live.bodies)
    for resource in applied.resources:
        if resource.kind != "index_template":
            continue
        merged = applied.transport.post(f"/_index_template/_simulate/{resource.name}", None)["template"]
        servers = effective(
            {"template": {"settings": merged["settings"], "mappings": merged["mappings"]}}, lambda _: None
        )
        found = list(differences(effective(resource.body, component), servers))
        assert {difference.path for difference in found} <= ADDED_BY_SERVERS
        assert all(difference.before is None for difference in found)


def test_what_is_not_ours_is_adopted_only_with_consent(empty: Deployment) -> None:
    name = f"ocs-campaign-groups-settings-{empty.settings.namespace}"
    empty.transport.put(f"/_component_template/{name}", {"template": {"settings": {"index.priority": 7}}})
    plan = empty.plan()
    (change,) = [change for change in plan.pending if change.action == ADOPT]
    assert change.name == name
    with pytest.raises(UnsafePlanError, match=name):
        list(empty.apply(plan))
    assert KIND["data_stream"].read(empty.transport, f"ocs-campaign-groups-{empty.settings.namespace}") is None
    list(empty.apply(plan, adopt=True))
    assert not empty.plan().pending


def test_the_users_custom_component_is_never_touched_and_counts(applied: Deployment) -> None:
    name = f"ocs-campaign-groups-{applied.settings.namespace}@custom"
    own = {"template": {"settings": {"index": {"max_ngram_diff": "7", "load_fixed_bitset_filters_eagerly": "false"}}}}
    applied.transport.put(f"/_component_template/{name}", own)
    plan = applied.plan()
    assert [change.action for change in plan.pending] == [ROLLOVER]
    shown = {difference.path for difference in plan.pending[0].differences}
    assert "index.load_fixed_bitset_filters_eagerly: None instead of false" in shown
    list(applied.apply(plan))
    live = KIND["component_template"].read(applied.transport, name)
    assert live is not None
    assert live["template"] == own["template"]
    assert not applied.plan().pending


def test_a_custom_component_that_breaks_the_result_is_named(applied: Deployment) -> None:
    name = f"ocs-campaign-groups-{applied.settings.namespace}@custom"
    broken = {"template": {"mappings": {"properties": {"GSW_DIAL_MODE": {"type": "alias", "path": "nowhere"}}}}}
    component = wanted_component(applied.resources, {("component_template", name): broken})
    (template,) = [
        r
        for r in applied.resources
        if r.kind == "index_template" and r.name == f"ocs-campaign-groups-{applied.settings.namespace}"
    ]
    assert effective(template.body, component)["mappings"]["properties"]["GSW_DIAL_MODE"]["path"] == "nowhere"
    if _accepts(applied.transport, f"/_component_template/{name}", broken):
        problems = applied.plan().problems
        assert any(name in problem.reason for problem in problems)
        applied.transport.put(f"/_component_template/{name}", {"template": {}})


def test_a_template_that_would_win_is_named(empty: Deployment) -> None:
    rival = f"rival-{empty.settings.namespace}"
    patterns = [f"ocs-campaign-groups-{empty.settings.namespace}*"]
    empty.transport.put(f"/_index_template/{rival}", {"index_patterns": patterns, "priority": 501, "data_stream": {}})
    try:
        (problem,) = empty.plan().problems
        assert rival in problem.reason
        with pytest.raises(UnsafePlanError, match=rival):
            list(empty.apply(empty.plan()))
    finally:
        empty.transport.delete(f"/_index_template/{rival}")


def test_an_index_where_the_stream_belongs_is_named(empty: Deployment) -> None:
    """What an OCS leaves that posted before anything was installed."""
    name = f"ocs-campaign-groups-{empty.settings.namespace}"
    empty.transport.put(f"/{name}", None)
    try:
        (problem,) = empty.plan().problems
        assert name in problem.reason
        with pytest.raises(UnsafePlanError):
            list(empty.apply(empty.plan()))
    finally:
        empty.transport.delete(f"/{name}")


def test_a_plan_that_moved_meanwhile_is_refused(empty: Deployment) -> None:
    plan = empty.plan()
    resource = next(r for r in empty.resources if r.kind == "component_template" and r.namespace)
    KIND[resource.kind].write(empty.transport, resource)
    with pytest.raises(StalePlanError):
        list(empty.apply(plan))
    assert KIND["data_stream"].read(empty.transport, f"ocs-campaign-groups-{empty.settings.namespace}") is None
    assert empty.transport.get(f"/{INDEX}/_doc/lock") is None


def test_two_namespaces_do_not_disturb_each_other(applied: Deployment) -> None:
    other = Deployment(
        applied.transport, applied.server, Settings(namespace=f"plan_{secrets.token_hex(4)}", retention_days=7)
    )
    try:
        list(other.apply(other.plan()))
        assert not other.plan().pending
        assert not applied.plan().pending
    finally:
        remove(other.transport, [resource for resource in other.resources if resource.namespace])


def test_a_lock_that_is_held_is_respected(empty: Deployment) -> None:
    with (
        locked(empty.transport, state_index(empty.settings, empty.server)),
        pytest.raises(LockHeldError, match="is changing this cluster since"),
    ):
        list(empty.apply(empty.plan()))
    assert KIND["data_stream"].read(empty.transport, f"ocs-campaign-groups-{empty.settings.namespace}") is None
    list(empty.apply(empty.plan()))


class Dying:
    """Dies, as by SIGKILL, at one of the moments right before and right after each write."""

    def __init__(self, die_at: int) -> None:
        self.moments, self._die_at = 0, die_at

    def __call__(self, _method: str, _path: str) -> None:
        self.moments += 1
        if self.moments == self._die_at:
            os.kill(os.getpid(), signal.SIGKILL)


KILLED = """
import json, sys
from tests.running import engine_at
from tests.engine.test_plan import Dying
from toolkit.config import Settings
from toolkit.uses.deployment import Deployment
url, settings, die_at, older_indices = json.loads(sys.argv[1])
engine = engine_at(url)
engine.transport.on_write = dying = Dying(die_at)
target = Deployment(engine.transport, engine.server, Settings(**settings), older_indices=older_indices)
list(target.apply(target.plan()))
print(dying.moments)
"""


def _told(settings: Settings) -> dict[str, Any]:
    """The settings in which these tests' namespaces differ."""
    return {name: getattr(settings, name) for name in ("namespace", *QUICK)}


QUICK = {"refresh_interval_s": 1, "transform_frequency_s": 1}
"""So that the latest state is not waited for long."""


def _apply_in_a_process(target: Deployment, die_at: int) -> subprocess.CompletedProcess[str]:
    arguments = json.dumps([target.transport.url, _told(target.settings), die_at, target.older_indices])
    return subprocess.run(
        [sys.executable, "-c", KILLED, arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
@pytest.mark.timeout(900)
def test_a_run_that_dies_at_any_write_can_be_run_again(empty: Deployment) -> None:
    """Killed before and after every write; the next run ends in the same state as an undisturbed one."""
    undisturbed = _apply_in_a_process(empty, 0)
    assert undisturbed.returncode == 0, undisturbed.stderr
    moments = int(undisturbed.stdout)
    assert moments > 2 * len([resource for resource in empty.resources if resource.namespace])
    goal = _state(empty)
    for die_at in range(1, moments + 1):
        _forget(empty)
        died = _apply_in_a_process(empty, die_at)
        assert died.returncode == -signal.SIGKILL, (die_at, died.stderr)
        time.sleep(0.5)  # what was under way when it died, the server still does
        plan: Plan = empty.plan()
        list(empty.apply(plan))
        assert not empty.plan().pending
        assert _state(empty) == goal


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
@pytest.mark.timeout(1800)
def test_an_upgrade_that_dies_at_any_write_can_be_run_again(empty: Deployment) -> None:
    """New fields in two indices, a setting, a rollover and, where there are transforms, the latest state made anew."""
    target = replace(settled(empty, **QUICK), older_indices=True)
    _make_outdated(target)
    actions = {change.action for change in target.plan().pending}
    assert actions == {MAPPING, SETTINGS, ROLLOVER} | ({REBUILD} if target.server.transforms else set())
    undisturbed = _apply_in_a_process(target, 0)
    assert undisturbed.returncode == 0, undisturbed.stderr
    moments = int(undisturbed.stdout)
    assert moments >= 2 * (4 + (5 if target.server.transforms else 0))
    goal = _behind(target)
    for die_at in range(1, moments + 1):
        _forget(target)
        _make_outdated(target)
        died = _apply_in_a_process(target, die_at)
        assert died.returncode == -signal.SIGKILL, (die_at, died.stderr)
        time.sleep(0.5)
        list(target.apply(target.plan()))
        assert not target.plan().pending
        assert _behind(target) == goal, die_at


def _make_outdated(target: Deployment) -> None:
    """A namespace with documents and an older index, whose templates then ask for something of every class."""
    list(target.apply(target.plan()))
    _post_groups(target, 2)
    target.transport.post(f"/{stream(target)}/_rollover", None)
    if target.server.transforms:
        _await_latest(target, 2)
        mapping = copy.deepcopy(target.transport.get(f"/{latest(target)}")[latest(target)]["mappings"])
        mapping["properties"]["tags"] = {"type": "text"}
        _remake(target, latest(target), mapping)
    customize(target, {"settings": {"priority": 7}, "mappings": {"properties": {"shift": {"type": "keyword"}}}})
    dead = f"ocs-dead-letters-{target.settings.namespace}"
    target.transport.put(f"/_component_template/{dead}@custom", {"template": {"settings": {"number_of_shards": 2}}})


def _behind(target: Deployment) -> list[Any]:
    """How many indices there are, and what each is like; and that the latest state is complete."""
    live = read_live(target.transport, lambda: target.resources, target.server)
    if target.server.transforms:
        _await_latest(target, 2)
    return [
        [name, found.waits_for_rollover, [_like(body) for body in (*found.older.values(), found.body)]]
        for name, found in sorted(live.streams.items())
    ] + [_like(body) for (kind, _), body in live.bodies.items() if kind == "index" and body]


def _like(index: Body) -> list[Any]:
    settings = index["settings"]["index"]
    return [index["mappings"], settings["number_of_shards"], settings.get("priority")]


def _state(target: Deployment) -> dict[str, Any]:
    live = read_live(target.transport, lambda: target.resources, target.server)
    return {
        f"{kind} {name}": KIND[kind].normalize(body) for (kind, name), body in live.bodies.items() if body is not None
    }


def test_of_two_at_once_one_wins_and_the_other_says_so(empty: Deployment) -> None:
    arguments = json.dumps([empty.transport.url, _told(empty.settings), 0, False])
    runs = [
        subprocess.Popen(
            [sys.executable, "-c", KILLED, arguments],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    errors = [run.communicate(timeout=120)[1] for run in runs]
    codes = sorted(run.returncode for run in runs)
    assert codes[0] == 0, errors
    if codes[1] != 0:
        assert any("LockHeldError" in error or "StalePlanError" in error for error in errors), errors
    assert not empty.plan().pending
