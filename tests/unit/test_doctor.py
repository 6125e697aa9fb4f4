"""`ocs-elastic doctor`: each finding where there is reason for it, and none where there is not."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from trustme import CA

from tests.unit.commands import Command, command
from tests.unit.kibana import FakeElasticsearch, FakeKibana, servers
from tests.unit.test_client_connect import free_port
from tests.unit.tls import Server, serving
from toolkit.capabilities import Capabilities, of_elasticsearch, of_opensearch
from toolkit.change_class import MAPPING, REBUILD, REINDEX, ROLLOVER, SETTINGS
from toolkit.config import Connection, Settings
from toolkit.doctor import (
    CHECKS,
    Check,
    blocks,
    capacity,
    connection,
    credential,
    failures,
    kibana,
    lifecycle,
    look_at_cluster,
    resources,
    server,
    transforms,
)
from toolkit.doctor.facts import Facts
from toolkit.doctor.finding import Finding, Level
from toolkit.effective import effective
from toolkit.errors import RejectedError, UnreachableError
from toolkit.live import wanted_component
from toolkit.load import desired
from toolkit.output import doctor as output
from toolkit.plan import ADOPT, CREATE, EDITED, SPACE, UNAVAILABLE, UPDATE, Change, Difference, Plan, Problem
from toolkit.uses.doctor import Diagnosis

STREAM, DEAD, STATE = "ocs-campaign-groups-default", "ocs-dead-letters-default", "ocs-current-state-default"
INDEX, DEAD_INDEX = f".ds-{STREAM}-000002", f".ds-{DEAD}-000001"
DAY_MS = 86_400_000
SERVER = of_elasticsearch((8, 3, 3))
NEWER = of_elasticsearch((9, 1, 0))
"""It has a failure store."""
Json = dict[str, Any]


class Answers:
    """A transport whose answers are looked up by path; an exception among them is raised, what is absent is None."""

    url = "http://es:9200"

    def __init__(self, answers: Json) -> None:
        self.answers = answers
        self.asked: list[str] = []

    def get(self, path: str, _params: Any = None) -> Any:
        return self.post(path)

    def post(self, path: str, _body: Any = None) -> Any:
        self.asked.append(path)
        found = self.answers.get(path)
        if isinstance(found, Exception):
            raise found
        return found


def plan(*changes: Change, problems: tuple[Problem, ...] = ()) -> Plan:
    return Plan("c", "id", "http://es:9200", "elasticsearch 8.3.3", "default", changes, problems)


def stream(name: str, *indices: str, **more: Any) -> Json:
    return {"data_streams": [{"name": name, "indices": [{"index_name": index} for index in indices], **more}]}


ALL_ROLES = ("data", "ingest", "master", "transform")


def node(name: str = "n1", *, free: float = 50, behind_s: float = 0, roles: tuple[str, ...] = ALL_ROLES) -> Json:
    total = {"total_in_bytes": 100 * 2**30, "available_in_bytes": free * 2**30}
    return {"name": name, "roles": roles, "timestamp": (time.time() - behind_s) * 1000, "fs": {"total": total}}


def sound() -> Json:
    """Answers of a cluster where all is well."""
    disk = {"threshold_enabled": "true", "watermark": {"low": "85%", "high": "90%", "flood_stage": "95%"}}
    routing = {"allocation": {"disk": disk}}
    health = {"number_of_data_nodes": 1, "active_shards": 30, "initializing_shards": 0, "unassigned_shards": 0}
    return {
        f"/_data_stream/{STREAM}": stream(STREAM, f".ds-{STREAM}-000001", INDEX),
        f"/_data_stream/{DEAD}": stream(DEAD, DEAD_INDEX),
        f"/{STATE}": {STATE: {}},
        "/_nodes/stats/fs": {"nodes": {"a": node()}},
        "/_nodes/plugins": {"nodes": {"a": {"name": "n1", "version": "8.3.3"}}},
        "/_xpack": {"license": {"type": "basic", "status": "active"}},
        "/_cluster/settings": {"defaults": {"cluster": {"routing": routing, "max_shards_per_node": "1000"}}},
        "/_cluster/health": health,
        "/_ilm/status": {"operation_mode": "RUNNING"},
    }


def facts(
    answers: Json | None = None,
    *,
    capabilities: Capabilities = SERVER,
    of: Callable[[], Plan] = plan,
    dashboards: Callable[[], Plan] = plan,
    of_kibana: Any = None,
    **settings: Any,
) -> Facts:
    chosen = Settings(**settings)
    return Facts(
        connection=Connection(url="http://es:9200", source="the tests"),
        transport=Answers(sound() | (answers or {})),  # type: ignore[arg-type]
        server=capabilities,
        settings=chosen,
        resources=desired(chosen, capabilities),
        kibana=of_kibana,
        plan=of,
        plan_dashboards=dashboards,
    )


def levels(findings: Iterator[Finding]) -> list[Level]:
    found = list(findings)
    for finding in found:
        assert bool(finding.remedy) <= bool(finding.why), finding
        assert (finding.level is Level.OK) is (not finding.why), finding
    return [finding.level for finding in found]


def only(findings: Iterator[Finding]) -> Finding:
    (found,) = findings
    return found


# The server


def test_nodes_of_one_version_and_of_several() -> None:
    assert levels(server.versions(facts())) == [Level.OK]
    nodes = {"a": {"name": "old", "version": "8.3.3"}, "b": {"name": "new", "version": "8.17.2"}}
    found = only(server.versions(facts({"/_nodes/plugins": {"nodes": nodes}})))
    assert found.level is Level.WARNING
    assert "8.17.2: new; 8.3.3: old" in found.what


@pytest.mark.parametrize(
    ("license_", "level"),
    [
        ({"type": "basic", "status": "active"}, Level.OK),
        ({"type": "trial", "status": "active", "expiry_date_in_millis": (time.time() + 86_400 * 20) * 1000}, Level.OK),
        ({"type": "trial", "status": "active", "expiry_date_in_millis": time.time() * 1000}, Level.WARNING),
        ({"type": "platinum", "status": "expired"}, Level.WARNING),
        ({}, Level.UNKNOWN),
    ],
)
def test_the_license(license_: Json, level: Level) -> None:
    assert levels(server.license(facts({"/_xpack": {"license": license_}}))) == [level]


def test_opensearch_has_no_license_of_elastics_and_no_privileges() -> None:
    there = facts(capabilities=of_opensearch((3, 6, 0)))
    assert levels(server.license(there)) == levels(credential.privileges(there)) == []


def test_what_a_server_lacks_is_a_note_and_a_reason_stands_once() -> None:
    assert levels(server.features(facts())) == [Level.OK]
    lacking = [
        Change(UNAVAILABLE, "ilm_policy", "all", meaning="no ILM"),
        Change(UNAVAILABLE, "index", "all", meaning="no transforms"),
        Change(UNAVAILABLE, "transform", "all", meaning="no transforms"),
        Change(UNAVAILABLE, "role", "all", meaning="security is another check's"),
    ]
    found = list(server.features(facts(of=lambda: plan(*lacking))))
    assert [finding.what for finding in found] == ["no ILM", "no transforms"]
    assert {finding.level for finding in found} == {Level.NOTE}
    assert "index, transform" in found[1].why


@pytest.mark.parametrize(
    ("behind_s", "level", "said"),
    [
        (0, Level.OK, "agree"),
        (-30, Level.OK, "agree"),
        (300, Level.WARNING, "300 s behind"),
        (-7300, Level.WARNING, "2.0 h ahead"),
        (90_000, Level.CRITICAL, "25.0 h behind"),
        (-90_000, Level.WARNING, "25.0 h ahead"),
    ],
)
def test_the_clusters_clock_against_ours(behind_s: float, level: Level, said: str) -> None:
    found = only(server.clocks(facts({"/_nodes/stats/fs": {"nodes": {"a": node(behind_s=behind_s)}}})))
    assert (found.level, said in found.what) == (level, True)


def test_nodes_whose_clocks_are_further_apart_than_the_transform_waits() -> None:
    nodes = {"a": node("n1"), "b": node("n2", behind_s=11)}
    assert levels(server.clocks(facts({"/_nodes/stats/fs": {"nodes": nodes}}))) == [Level.WARNING, Level.OK]
    nodes = {"a": node("n1"), "b": node("n2", behind_s=9)}
    assert levels(server.clocks(facts({"/_nodes/stats/fs": {"nodes": nodes}}))) == [Level.OK]


# The credential


HAS = "/_security/user/_has_privileges"


def held(there: Facts, *without: str) -> Json:
    """The answer for a user who has all that is asked for but those."""
    wanted = credential._wanted(there)
    indices: Json = {}
    for entry in wanted["index"]:
        for name in entry["names"]:
            indices.setdefault(name, {}).update({p: p not in without for p in entry["privileges"]})
    applications: Json = {}
    for entry in wanted["application"]:
        resources = {r: {p: p not in without for p in entry["privileges"]} for r in entry["resources"]}
        applications[entry["application"]] = resources
    cluster = {p: p not in without for p in wanted["cluster"]}
    return {"username": "max", "cluster": cluster, "index": indices, "application": applications}


def test_privileges_are_asked_for_as_the_role_says_for_this_namespace() -> None:
    wanted = credential._wanted(facts(capabilities=replace(SERVER, security=True)))
    assert {"manage_ilm", "monitor"} <= set(wanted["cluster"])
    names = [name for entry in wanted["index"] for name in entry["names"]]
    backing, made = [f".ds-{STREAM}-*", f".ds-{DEAD}-*"], [f"{STREAM}-v*", f"{DEAD}-v*"]
    assert names == [STREAM, STATE, DEAD, *backing, *made, "ocs-elastic-state"]


def test_every_privilege_of_the_role_is_said_to_be_needed_by_something() -> None:
    wanted = credential._wanted(facts(capabilities=replace(NEWER, security=True)))
    assert set(wanted["cluster"]) == credential.NEEDED_BY["cluster"].keys()
    for entry in wanted["index"]:
        assert set(entry["privileges"]) == credential.NEEDED_BY[credential.kind_of(entry)].keys()


def test_an_older_server_is_not_asked_for_privileges_that_it_does_not_know() -> None:
    """It would refuse the whole question: the privilege is unknown to it."""
    for capabilities, known in ((SERVER, False), (of_elasticsearch((9, 0, 5)), False), (NEWER, True)):
        asked = credential._wanted(facts(capabilities=replace(capabilities, security=True)))
        assert any("read_failure_store" in entry["privileges"] for entry in asked["index"]) is known


@pytest.mark.parametrize(
    ("missing", "said"),
    [
        ("manage_ilm", ["manage_ilm on the cluster; needed by: plan, apply, destroy, migrate"]),
        (
            "manage",
            [
                f"manage on {STREAM}, {STATE}, {DEAD}; "
                "needed by: plan, apply, destroy, verify, failures replay, relabel, migrate",
                f"manage on .ds-{STREAM}-*, .ds-{DEAD}-*; needed by: migrate",
            ],
        ),
        ("write", [f"write on {STREAM}-v*, {DEAD}-v*; needed by: migrate"]),
        ("delete_index", ["delete_index on ocs-elastic-state; needed by: destroy"]),
        (
            "read_failure_store",
            [f"read_failure_store on {STREAM}, {STATE}, {DEAD}; needed by: doctor, status, verify, failures"],
        ),
    ],
)
def test_a_privilege_that_is_missing_is_named_with_the_commands_that_need_it(missing: str, said: list[str]) -> None:
    there = facts(capabilities=replace(NEWER, security=True))
    there.transport.answers[HAS] = held(there)  # type: ignore[attr-defined]
    assert levels(credential.privileges(there)) == [Level.OK]
    there.transport.answers[HAS] = held(there, missing)  # type: ignore[attr-defined]
    found = [(finding.level, finding.what) for finding in credential.privileges(there)]
    assert found == [(Level.WARNING, f"max lacks {each}") for each in said]


def test_a_right_in_kibana_that_is_missing_is_named() -> None:
    wanted = {
        "cluster": [],
        "index": [],
        "application": [{"application": "k", "privileges": ["p"], "resources": ["*"]}],
    }
    assert list(credential._missing(wanted, {"application": {"k": {"*": {"p": True}}}})) == []
    assert list(credential._missing(wanted, {"application": {}})) == [("kibana", "p", "in Kibana")]


def test_rights_in_kibana_are_asked_for_where_one_is_known_and_for_its_space() -> None:
    secure = replace(SERVER, security=True)
    assert credential._wanted(facts(capabilities=secure))["application"] == []
    there = facts(capabilities=secure, of_kibana=of_kibana("8.3.3"))
    wanted = credential._wanted(there)["application"]
    assert {resource for entry in wanted for resource in entry["resources"]} == {"space:default"}
    rights = [privilege for entry in wanted for privilege in entry["privileges"]]
    there.transport.answers[HAS] = held(there, *rights)  # type: ignore[attr-defined]
    found = only(credential.privileges(there))
    assert found.what == f"max lacks {', '.join(rights)} in Kibana; needed by: dashboards, plan, apply"


def test_an_administrators_credential_is_more_than_is_needed() -> None:
    there = facts(capabilities=replace(SERVER, security=True, manages_security=True))
    there.transport.answers[HAS] = held(there)  # type: ignore[attr-defined]
    assert levels(credential.privileges(there)) == [Level.OK, Level.NOTE]


def test_security_that_is_off() -> None:
    assert levels(credential.privileges(facts())) == [Level.WARNING]


# What is installed


def test_what_stands_in_the_way_is_critical() -> None:
    assert levels(resources.clashes(facts())) == [Level.OK]
    found = only(resources.clashes(facts(of=lambda: plan(problems=(Problem("foreign template x wins", "lower it"),)))))
    assert (found.level, found.what, found.remedy) == (Level.CRITICAL, "foreign template x wins", "lower it")


def test_what_a_newer_toolkit_has_set_up_is_told_once() -> None:
    """Though both the cluster's plan and that of Kibana have it."""
    newer = plan(problems=(Problem("set up by a newer toolkit", "install it"),))
    absent = plan(problems=(*newer.problems, Problem("absent: x", "apply")))
    there = facts(of=lambda: newer, dashboards=lambda: absent, of_kibana=of_kibana("8.3.3"))
    assert [finding.what for finding in resources.clashes(there)] == ["set up by a newer toolkit"]
    assert "absent: x" in (told := [finding.what for finding in kibana.dashboards(there)])
    assert "set up by a newer toolkit" not in told


def test_what_is_not_installed_or_half() -> None:
    assert levels(resources.installed(facts())) == [Level.OK]
    assert levels(resources.installed(facts({f"/_data_stream/{DEAD}": None}))) == [Level.CRITICAL]
    nothing = {f"/_data_stream/{DEAD}": None, f"/_data_stream/{STREAM}": None}
    assert levels(resources.installed(facts(nothing))) == [Level.WARNING]


def test_what_differs_from_what_is_asked_for() -> None:
    difference = Difference("index.codec: default instead of best_compression", None, None)
    changes = [Change(ROLLOVER, "data_stream", STREAM, differences=(difference,)), Change(ADOPT, "transform", "t")]
    rollover, rest = resources.installed(facts(of=lambda: plan(*changes)))
    assert rollover.level is Level.WARNING
    assert f"{INDEX} is not what is asked for: {difference.path}" in rollover.what
    assert (rest.level, rest.what) == (Level.WARNING, "transform t is not ours any more")
    assert rest.remedy.endswith("apply --adopt"), "without it, apply refuses"


@pytest.mark.parametrize(
    ("action", "kind", "name", "what"),
    [
        (MAPPING, "data_stream", STREAM, f"{INDEX} is not what is asked for: ocs.shift"),
        (SETTINGS, "data_stream", STREAM, f"{INDEX} is not what is asked for: ocs.shift"),
        (REBUILD, "index", STATE, f"{STATE} is not what is asked for: ocs.shift"),
    ],
)
def test_an_index_that_is_not_what_is_asked_for_is_named(action: str, kind: str, name: str, what: str) -> None:
    change = Change(action, kind, name, differences=(Difference("ocs.shift", None, "keyword"),))
    (found,) = resources.installed(facts(of=lambda: plan(change)))
    assert (found.level, found.what) == (Level.WARNING, what)
    assert ("latest state" in found.why) is (kind == "index")


def test_what_older_indices_keep_is_no_fault_of_the_installation() -> None:
    change = Change(REINDEX, "data_stream", STREAM, indices=(INDEX,))
    assert levels(resources.installed(facts(of=lambda: plan(change)))) == [Level.OK]


def test_what_was_changed_by_hand_or_is_gone_is_more_than_what_is_asked_for_anew() -> None:
    """A pipeline that somebody had changed was a note, so monitoring was told that all was well."""

    def found(*changes: Change) -> tuple[Level, str]:
        finding = only(resources.installed(facts(of=lambda: plan(*changes))))
        return finding.level, finding.what

    by_hand = Difference("processors[0].script.source", "theirs", "ours")
    anew = (by_hand, Difference("_meta.checksum", "1:a", "1:b"))
    pipeline = ("ingest_pipeline", "ocs-campaign-groups")
    assert found(Change(UPDATE, *pipeline, differences=anew)) == (
        Level.NOTE,
        "not as asked for: 1 to update (ingest_pipeline ocs-campaign-groups)",
    )
    assert found(Change(UPDATE, *pipeline, differences=(by_hand,))) == (
        Level.WARNING,
        "ingest_pipeline ocs-campaign-groups was changed by hand: processors[0].script.source",
    )
    assert found(Change(CREATE, *pipeline)) == (Level.CRITICAL, "ingest_pipeline ocs-campaign-groups is not there")
    assert found(Change(CREATE, "ingest_pipeline", "one that a newer version brings"))[0] is Level.WARNING
    store = Difference("failure_store", None, {"enabled": True})
    assert found(Change(UPDATE, "data_stream", STREAM, differences=(store,)))[0] is Level.NOTE, "the server has it anew"
    foreign = found(Change(ADOPT, "data_stream", STREAM))[0]
    assert foreign is Level.NOTE, "the template that would win is the finding, and --adopt does not help against it"
    assert found(Change(CREATE, "transform", STATE)) == (Level.WARNING, f"transform {STATE} is not there")


def test_a_transform_that_only_stands_still_is_told_by_its_own_check() -> None:
    stopped = Change(UPDATE, "transform", STATE, differences=(Difference("running", False, True),))
    assert only(resources.installed(facts(of=lambda: plan(stopped)))).level is Level.NOTE


def test_streams_that_were_there_and_are_gone_are_critical_and_a_wrong_namespace_is_told() -> None:
    gone = {f"/_data_stream/{DEAD}": None, f"/_data_stream/{STREAM}": None}
    deleted = only(resources.installed(facts({**gone, f"/_index_template/{STREAM}": {"index_templates": []}})))
    assert deleted.level is Level.CRITICAL
    others = {"/_data_stream/ocs-campaign-groups-*": stream("ocs-campaign-groups-prod", ".ds-x")}
    wrong = only(resources.installed(facts({**gone, **others})))
    assert (wrong.level, wrong.remedy.endswith("--namespace prod")) == (Level.WARNING, True)
    refused = {"/_data_stream/ocs-campaign-groups-*": RejectedError("403", status=403)}
    assert levels(resources.installed(facts({**gone, **refused}))) == [Level.WARNING]


# Blocks


def blocked(*ids: str, index: str | None = None) -> Json:
    """The cluster's state, as 8.3.3 and 8.17.2 tell it."""
    levels_of = {"7": ["read"], "9": ["metadata_read", "metadata_write"]}
    found = {id_: {"description": "d", "levels": levels_of.get(id_, ["write", "metadata_write"])} for id_ in ids}
    return {"/_cluster/state/blocks": {"blocks": {"indices": {index: found}} if index else {"global": found}}}


@pytest.mark.parametrize(
    ("index", "level", "why"),
    [(INDEX, Level.CRITICAL, "Every message"), (STATE, Level.WARNING, "The latest states")],
)
def test_a_blocked_index(index: str, level: Level, why: str) -> None:
    assert levels(blocks.blocks(facts())) == [Level.OK]
    found = only(blocks.blocks(facts(blocked("12", "8", index=index))))
    assert found.level is level
    assert found.what == f"{index} is blocked: index.blocks.read_only_allow_delete, index.blocks.write"
    assert found.why.startswith(why)
    lift = f'PUT /{index}/_settings {{"index.blocks.read_only_allow_delete": null, "index.blocks.write": null}}'
    assert found.remedy.endswith(lift), "all of them, or messages stay refused"


@pytest.mark.parametrize(("id_", "setting"), [("7", "index.blocks.read"), ("9", "index.blocks.metadata")])
def test_a_block_that_lets_messages_in_is_not_said_to_refuse_them(id_: str, setting: str) -> None:
    """A block of reading was critical; one of the metadata, which hides the settings, was none that was known."""
    found = only(blocks.blocks(facts(blocked(id_, index=INDEX))))
    assert (found.level, found.what) == (Level.WARNING, f"{INDEX} is blocked: {setting}")
    assert "refused" not in found.why


@pytest.mark.parametrize(("id_", "name"), [("6", "read_only"), ("13", "read_only_allow_delete")])
def test_a_block_of_the_whole_cluster_is_critical(id_: str, name: str) -> None:
    """It refuses even the question for the streams, so all that was said was that this could not be checked."""
    refused = RejectedError("403: blocked by: [FORBIDDEN/6/cluster read-only (api)]", status=403)
    found = only(blocks.blocks(facts({**blocked(id_), f"/_data_stream/{STREAM}": refused})))
    assert (found.level, found.what) == (Level.CRITICAL, f"the whole cluster is blocked: cluster.blocks.{name}")
    null = f'{{"cluster.blocks.{name}": null}}'
    assert found.remedy.endswith(f'PUT /_cluster/settings {{"persistent": {null}, "transient": {null}}}')


def mapping() -> Json:
    """What the stream's indices have, where all is well."""
    wanted = desired(Settings(), SERVER)
    (template,) = (r.body for r in wanted if r.kind == "index_template" and r.name == STREAM)
    mappings: Json = effective(template, wanted_component(wanted, {}))["mappings"]
    return json.loads(json.dumps(mappings))  # type: ignore[no-any-return]


def test_an_older_index_with_another_type() -> None:
    old, right = mapping(), mapping()
    both = {f".ds-{STREAM}-000001": {"mappings": old}, INDEX: {"mappings": right}}
    assert levels(resources.fields(facts({f"/{STREAM}/_mapping": both}))) == [Level.OK]
    del old["properties"]["event"]  # an older schema lacks fields, which is no harm
    old["properties"]["ocs"]["properties"]["queue"]["properties"]["name"]["type"] = "text"
    found = only(resources.fields(facts({f"/{STREAM}/_mapping": both})))
    assert found.level is Level.WARNING
    assert found.what == f".ds-{STREAM}-000001 has other types: ocs.queue.name (text, not keyword)"


# Room


@pytest.mark.parametrize(
    ("free", "level"), [(16, Level.OK), (14, Level.NOTE), (9, Level.WARNING), (4.9, Level.CRITICAL)]
)
def test_disk_watermarks_in_per_cent(free: float, level: Level) -> None:
    assert levels(capacity.disk(facts({"/_nodes/stats/fs": {"nodes": {"a": node(free=free)}}}))) == [level]


@pytest.mark.parametrize(
    ("watermark", "level"),
    [
        ({"flood_stage": "1gb", "high": "2gb", "low": "3gb"}, Level.OK),
        ({"flood_stage": "1gb", "high": "5gb", "low": "6gb"}, Level.WARNING),
        ({"flood_stage": "0.97", "high": "0.965", "low": "0.95"}, Level.NOTE),
        (
            {
                "flood_stage": "95%",
                "flood_stage.max_headroom": "1GB",
                "high": "90%",
                "high.max_headroom": "2GB",
                "low": "85%",
                "low.max_headroom": "3GB",
            },
            Level.OK,
        ),
        ({"flood_stage": "95%", "flood_stage.max_headroom": "-1", "high": "90%", "low": "85%"}, Level.CRITICAL),
    ],
)
def test_disk_watermarks_of_other_kinds(watermark: Json, level: Level) -> None:
    own = {"cluster": {"routing": {"allocation": {"disk": {"watermark": watermark}}}}}
    answers = {**sound(), "/_nodes/stats/fs": {"nodes": {"a": node(free=4)}}}
    answers["/_cluster/settings"] = {**answers["/_cluster/settings"], "persistent": own}
    assert levels(capacity.disk(facts(answers))) == [level]


def test_a_node_without_data_needs_no_room_and_watermarks_may_be_off() -> None:
    there = facts({"/_nodes/stats/fs": {"nodes": {"a": node(free=1, roles=("master",))}}})
    assert levels(capacity.disk(there)) == []
    off = sound()
    off["/_cluster/settings"]["transient"] = {
        "cluster": {"routing": {"allocation": {"disk": {"threshold_enabled": "false"}}}}
    }
    assert levels(capacity.disk(facts(off))) == [Level.NOTE, Level.OK]


@pytest.mark.parametrize(("used", "level"), [(899, Level.OK), (905, Level.WARNING), (999, Level.CRITICAL)])
def test_shards_that_are_left(used: int, level: Level) -> None:
    health = {**sound()["/_cluster/health"], "active_shards": used}
    assert levels(capacity.shards(facts({"/_cluster/health": health}))) == [level]


@pytest.mark.parametrize(
    ("replicas", "nodes", "need"), [("0-1", 1, 2), ("0-1", 3, 4), ("0-all", 3, 6), ("2", 1, 6), ("0", 3, 2)]
)
def test_what_a_rollover_needs(replicas: str, nodes: int, need: int) -> None:
    assert capacity._a_rollover(facts(replicas=replicas), nodes) == need


@pytest.mark.parametrize(
    ("primary", "unassigned", "level"), [(True, 0, Level.OK), (True, 1, Level.WARNING), (False, 2, Level.CRITICAL)]
)
def test_a_shard_on_no_node(primary: bool, unassigned: int, level: Level) -> None:
    shard = {"primary_active": primary, "unassigned_shards": unassigned}
    found = only(capacity.replicas(facts(with_shard(INDEX, shard))))
    assert found.level is level
    assert (level is Level.OK) is (f"shard 0 of {INDEX}" not in found.what)
    body = f'{{"index": "{INDEX}", "shard": 0, "primary": {str(not primary).lower()}}}'
    assert (level is Level.OK) is (f"POST /_cluster/allocation/explain {body}" not in found.remedy)


def with_shard(index: str, shard: Json) -> Json:
    """The streams are named, not each of the indices behind them: hundreds of names are no address any more."""
    return {f"/_cluster/health/{STREAM},{DEAD},{STATE}": {"indices": {index: {"shards": {"0": shard}}}}}


def test_a_shard_that_is_recovered_is_on_its_way() -> None:
    shard = {"primary_active": False, "unassigned_shards": 0, "initializing_shards": 1}
    found = only(capacity.replicas(facts(with_shard(INDEX, shard))))
    assert (found.level, "being recovered" in found.what) == (Level.CRITICAL, True)
    assert found.remedy.startswith("wait; GET /_cat/recovery")


def test_a_shard_of_the_latest_states_loses_no_message() -> None:
    shard = {"primary_active": False, "unassigned_shards": 1}
    found = only(capacity.replicas(facts(with_shard(STATE, shard))))
    assert (found.level, "refused" in found.why) == (Level.WARNING, False)


def test_a_node_of_the_frozen_tier_is_full_on_purpose() -> None:
    """Nine tenths of its disk are its cache."""
    frozen = node("f", free=9, roles=("data_frozen",))
    assert levels(capacity.disk(facts({"/_nodes/stats/fs": {"nodes": {"a": frozen}}}))) == [Level.OK]
    frozen = node("f", free=4, roles=("data_frozen", "master"))
    assert levels(capacity.disk(facts({"/_nodes/stats/fs": {"nodes": {"a": frozen}}}))) == [Level.NOTE]


@pytest.mark.parametrize(
    ("roles", "level"),
    [
        (("data_cold",), Level.WARNING),
        (("data_warm", "data_cold"), Level.WARNING),
        (("data_hot",), Level.CRITICAL),
        (("data_frozen", "data_content"), Level.CRITICAL),
    ],
)
def test_a_full_node_matters_most_where_messages_go(roles: tuple[str, ...], level: Level) -> None:
    there = facts({"/_nodes/stats/fs": {"nodes": {"a": node(free=4, roles=roles)}}})
    assert levels(capacity.disk(there)) == [level]


def test_the_frozen_tier_has_a_limit_of_shards_of_its_own() -> None:
    health = {**sound()["/_cluster/health"], "number_of_data_nodes": 2, "active_shards": 2800}
    nodes = {"nodes": {"a": node("hot"), "b": node("f", roles=("data_frozen",))}}
    rows = [{"node": "hot", "shards": "100"}, {"node": "f", "shards": "2700"}, {"node": "UNASSIGNED", "shards": "0"}]
    answers = {"/_cluster/health": health, "/_nodes/stats/fs": nodes, "/_cat/allocation": rows}
    found = only(capacity.shards(facts(answers)))
    assert (found.level, found.what) == (Level.OK, "100 of 1,000 shards in use")


@pytest.mark.parametrize("check", [capacity.disk, capacity.shards])
def test_settings_that_the_server_does_not_tell_are_not_a_bug(check: Check) -> None:
    found = only(look_at_cluster(facts({"/_cluster/settings": {}}), [check]))  # type: ignore[arg-type]
    assert (found.level, "does not tell cluster." in found.what) == (Level.UNKNOWN, True)
    assert found.remedy.startswith("compare the answer to GET /_cluster/settings")


@pytest.mark.parametrize("answer", [{}, {"nodes": {}}, None])
def test_nodes_that_the_server_does_not_tell_are_not_a_bug(answer: Any) -> None:
    nothing = facts({"/_nodes/stats/fs": answer, "/_nodes/plugins": answer})
    found = look_at_cluster(nothing, [server.versions, server.clocks, server.roles, capacity.disk])
    assert [(finding.level, "does not tell its nodes" in finding.what) for finding in found] == [
        (Level.UNKNOWN, True)
    ] * 4


def test_a_disk_that_a_node_does_not_tell_of() -> None:
    blind = {**node("n1"), "fs": {}}
    found = only(capacity.disk(facts({"/_nodes/stats/fs": {"nodes": {"a": blind}}})))
    assert (found.level, found.what) == (Level.UNKNOWN, "n1 does not tell how full its disk is")


def test_roles_that_no_node_has() -> None:
    there = facts({"/_nodes/stats/fs": {"nodes": {"a": node(roles=("data", "master"))}}})
    found = list(server.roles(there))
    assert [finding.level for finding in found] == [Level.CRITICAL, Level.WARNING]
    assert ["ingest" in found[0].what, "transform" in found[1].what] == [True, True]
    assert levels(server.roles(facts())) == []


# Retention


def explained(**state: Any) -> Json:
    now_ms = time.time() * 1000
    definition = {"actions": {"rollover": {"max_age": "9d"}}}
    body = {
        "managed": True,
        "policy": STREAM,
        "phase": "hot",
        "action": "rollover",
        "step": "check-rollover-ready",
        "lifecycle_date_millis": now_ms - 8 * DAY_MS,
        "step_time_millis": now_ms - 8 * DAY_MS,
        "phase_execution": {"version": 1, "phase_definition": definition},
    }
    return {
        f"/{STREAM}/_ilm/explain": {"indices": {INDEX: {**body, **state}}},
        f"/_ilm/policy/{STREAM}": {STREAM: {"version": 1}},
        f"/{INDEX}/_stats/docs": {"indices": {INDEX: {"primaries": {"docs": {"count": 5}}}}},
    }


def test_an_index_that_waits_as_it_should() -> None:
    assert levels(lifecycle.ilm(facts(explained()))) == [Level.OK]
    complete = {"step": "complete", "action": "complete", "step_time_millis": 0}
    assert levels(lifecycle.ilm(facts(explained(**complete)))) == [Level.OK]


def test_an_index_that_failed_or_waits_too_long_or_has_no_policy() -> None:
    failed = {"step": "ERROR", "failed_step": "check-migration", "step_info": {"reason": "no such thing"}}
    found = only(lifecycle.ilm(facts(explained(**failed))))
    assert (found.level, found.remedy) == (Level.WARNING, f"remove the cause, then POST /{INDEX}/_ilm/retry")
    assert "step check-migration: no such thing" in found.what
    waits = {"step": "wait-for-active-shards", "step_info": {"message": "a replica is missing"}}
    found = only(lifecycle.ilm(facts(explained(**waits))))
    assert (found.level, "8 days" in found.what, "a replica is missing" in found.what) == (Level.WARNING, True, True)
    assert levels(lifecycle.ilm(facts(explained(managed=False)))) == [Level.WARNING]


def test_an_index_whose_policy_does_not_exist() -> None:
    """8.3.3 and 8.17.2 may tell it without a step, or by none but the former one's; nothing was said of it."""
    state = {"managed": True, "policy": "nonsense", "step_info": {"reason": "policy [nonsense] does not exist"}}
    answers = {f"/{STREAM}/_ilm/explain": {"indices": {INDEX: state}}}
    found = only(lifecycle.ilm(facts(answers)))
    assert (found.level, "nonsense, which does not exist" in found.what) == (Level.WARNING, True)
    own = f'PUT /{INDEX}/_settings {{"index.lifecycle.name": "{STREAM}"}}'
    assert found.remedy == own
    assert only(lifecycle.ilm(facts(explained(policy="nonsense")))).remedy == own
    state["policy"] = STREAM
    assert only(lifecycle.ilm(facts(answers))).remedy.endswith("ocs-elastic apply")


def test_an_older_index_without_a_policy_is_not_put_right_by_apply() -> None:
    old = f".ds-{STREAM}-000001"
    answers = {f"/{STREAM}/_ilm/explain": {"indices": {old: {"managed": False}}}}
    found = only(lifecycle.ilm(facts(answers)))
    assert found.remedy == f'PUT /{old}/_settings {{"index.lifecycle.name": "{STREAM}"}}'


def test_a_rollover_that_is_overdue_but_not_of_an_empty_index() -> None:
    overdue = explained(lifecycle_date_millis=time.time() * 1000 - 11 * DAY_MS)
    assert levels(lifecycle.ilm(facts(overdue))) == [Level.WARNING]
    empty = {f"/{INDEX}/_stats/docs": {"indices": {INDEX: {"primaries": {"docs": {"count": 0}}}}}}
    assert levels(lifecycle.ilm(facts(overdue | empty))) == [Level.OK]


def test_an_index_on_an_older_definition_of_its_phase() -> None:
    newer = {f"/_ilm/policy/{STREAM}": {STREAM: {"version": 3}}}
    found = only(lifecycle.ilm(facts(explained() | newer)))
    assert (found.level, f"version 1 of policy {STREAM}, which is at 3" in found.what) == (Level.NOTE, True)
    assert found.remedy.endswith(f"POST /{STREAM}/_rollover")
    of_old = explained() | newer
    (state,) = of_old[f"/{STREAM}/_ilm/explain"]["indices"].values()
    of_old[f"/{STREAM}/_ilm/explain"]["indices"] = {f".ds-{STREAM}-000001": state}
    assert "_rollover" not in only(lifecycle.ilm(facts(of_old))).remedy, "it would end another index's phase"


def test_ilm_that_is_stopped_or_absent() -> None:
    stopped = {"/_ilm/status": {"operation_mode": "STOPPED"}}
    assert levels(lifecycle.ilm(facts(explained() | stopped))) == [Level.WARNING]
    assert levels(lifecycle.ilm(facts(capabilities=of_opensearch((3, 6, 0))))) == []


# The transform


def transforming(state: str = "started", *, ended_s: float = 3600, left: int = 0, **more: Any) -> Json:
    """Of one whose last checkpoint ended so long ago, and since when so many messages have come."""
    ended_ms = (time.time() - ended_s) * 1000
    checkpointing = {"last": {"time_upper_bound_millis": ended_ms}}
    stats = {"id": STATE, "state": state, "checkpointing": checkpointing, **more.pop("stats", {})}
    sync = {"time": {"field": "event.ingested"}}
    source = {"index": [STREAM], "query": {"match_all": {}}}
    return {
        f"/_transform/{STATE}/_stats": {"transforms": [stats]},
        f"/_transform/{STATE}": {"transforms": [{"id": STATE, "source": source, "sync": sync, **more}]},
        f"/{STREAM}/_count": {"count": left},
    }


def test_a_transform_that_runs_and_keeps_up() -> None:
    assert levels(transforms.transform(facts(transforming()))) == [Level.OK]
    assert levels(transforms.transform(facts(transforming(ended_s=60, left=900)))) == [Level.OK], "they are new"
    assert levels(transforms.transform(facts())) == [], "the plan says that it is absent"


@pytest.mark.parametrize("state", ["stopped", "failed"])
def test_a_transform_that_does_not_run(state: str) -> None:
    found = only(transforms.transform(facts(transforming(state, stats={"reason": "no such index"}))))
    assert (found.level, found.what) == (Level.WARNING, f"{STATE} is {state}: no such index")


def test_a_transform_that_is_ill_or_behind() -> None:
    health = {"status": "yellow", "issues": [{"issue": "Transform indexer failed", "details": "no rights"}]}
    found = only(transforms.transform(facts(transforming(stats={"health": health}))))
    assert (found.level, "yellow: Transform indexer failed no rights" in found.what) == (Level.WARNING, True)
    found = only(transforms.transform(facts(transforming(left=900))))
    assert (found.level, "that it has not taken: 900" in found.what) == (Level.WARNING, True)


def test_a_transform_whose_stream_is_gone_is_not_behind() -> None:
    gone = {f"/{STREAM}/_count": RejectedError("404: no such index", status=404)}
    assert levels(transforms.transform(facts(transforming() | gone))) == [Level.OK]


def test_whose_privileges_a_transform_has() -> None:
    secure = replace(SERVER, security=True)
    for granted, level, said in (
        ({"roles": ["ocs-elastic-operator"]}, Level.OK, "of ocs-elastic-operator"),
        ({"roles": ["superuser"]}, Level.NOTE, "superuser"),
        ({"api_key": {"id": "1", "name": "ci"}}, Level.OK, "of API key ci"),
        (None, Level.OK, "does not tell with whose privileges it runs"),  # 8.3.3
    ):
        first, second = transforms.transform(facts(transforming(authorization=granted), capabilities=secure))
        assert first.level is Level.OK
        assert (second.level, said in second.what) == (level, True)


# Failures


def reasons(count: int) -> Json:
    buckets = [{"key": "no guid", "doc_count": count, "types": {"buckets": [{"key": "t"}]}}] if count else []
    answer = {"aggregations": {"reasons": {"buckets": buckets}}, "hits": {"total": {"value": count}}}
    return {f"/{DEAD}/_search": answer}


def test_dead_letters_of_the_last_day() -> None:
    assert levels(failures.dead_letters(facts(reasons(0)))) == [Level.OK]
    found = only(failures.dead_letters(facts(reasons(4))))
    assert (found.level, found.what) == (Level.WARNING, "4 in the last 24 hours: 4 no guid")


def test_the_failure_store_where_there_is_one() -> None:
    assert levels(failures.failure_store(facts())) == []
    for enabled, indices, count, expected in (
        (False, [], 0, []),
        (True, [], 0, [Level.OK]),
        (True, [{"index_name": ".fs"}], 0, [Level.OK]),
        (True, [{"index_name": ".fs"}], 3, [Level.WARNING]),
        (False, [{"index_name": ".fs"}], 3, [Level.WARNING]),
    ):
        described = stream(STREAM, INDEX, failure_store={"enabled": enabled, "indices": indices})
        answers = {f"/_data_stream/{STREAM}": described, f"/{STREAM}::failures/_count": {"count": count}}
        assert levels(failures.failure_store(facts(answers, capabilities=NEWER))) == expected


def test_the_failure_stores_of_both_streams_are_counted() -> None:
    store = {"enabled": True, "indices": [{"index_name": ".fs"}]}
    answers = {f"/_data_stream/{name}": stream(name, INDEX, failure_store=store) for name in (STREAM, DEAD)}
    answers |= {f"/{name}::failures/_count": {"count": count} for name, count in ((STREAM, 1200), (DEAD, 1))}
    said = [finding.what for finding in failures.failure_store(facts(answers, capabilities=NEWER))]
    assert said == [f"{STREAM}: 1,200 in the last 24 hours", f"{DEAD}: 1 in the last 24 hours"]


# Kibana


def of_kibana(version: str | Exception) -> Any:
    def ready(*, within_s: float) -> str:
        assert within_s == 0, "nobody is kept waiting"
        if isinstance(version, Exception):
            raise version
        return version

    return SimpleNamespace(url="http://kb:5601", space="default", version=ready)


def test_kibana_and_its_version() -> None:
    assert levels(kibana.kibana(facts(of_kibana=of_kibana("8.3.1")))) == [Level.OK]
    assert levels(kibana.kibana(facts(of_kibana=of_kibana("8.4.0")))) == [Level.WARNING]
    assert levels(kibana.kibana(facts())) == [Level.NOTE]
    assert levels(kibana.kibana(facts(capabilities=of_opensearch((3, 6, 0))))) == []


def test_a_kibana_that_is_down_is_told_once_and_without_its_dashboards() -> None:
    there = facts(of_kibana=of_kibana(UnreachableError("kb does not answer", hint="start it")))
    found = only(kibana.kibana(there))
    assert (found.level, found.what, found.remedy) == (Level.WARNING, "kb does not answer", "start it")
    assert levels(kibana.dashboards(there)) == []


def test_dashboards_as_they_should_be_and_otherwise() -> None:
    def found(*changes: Change, problems: tuple[Problem, ...] = ()) -> list[Level]:
        there = facts(of_kibana=of_kibana("8.3.3"), dashboards=lambda: plan(*changes, problems=problems))
        return levels(kibana.dashboards(there))

    assert found() == [Level.OK]
    assert found(Change(CREATE, SPACE, "x"), Change(CREATE, "dashboard", "d")) == [Level.NOTE]
    edited = Change(EDITED, "dashboard", "d", meaning="changed by hand")
    assert found(Change(CREATE, "dashboard", "e"), edited) == [Level.NOTE, Level.NOTE]
    assert found(problems=(Problem("index is absent", "apply"),)) == [Level.WARNING, Level.OK]


# The way there


def ways(*urls: str, **more: Any) -> Connection:
    return Connection(url=urls[0], others=tuple(urls[1:]), source="the tests", request_timeout_s=5, **more)


def test_hosts_that_answer_one_that_does_not_and_all() -> None:
    down = f"http://127.0.0.1:{free_port()}"
    with serving(Server(body={"cluster_uuid": "a"})) as one, serving(Server(body={"cluster_uuid": "b"})) as other:
        up, foreign = (f"http://127.0.0.1:{each.port}" for each in (one, other))
        assert levels(connection.hosts(ways(up))) == [Level.OK]
        assert levels(connection.hosts(ways(up, down))) == [Level.OK, Level.WARNING]
        assert levels(connection.hosts(ways(down))) == [Level.CRITICAL]
        assert levels(connection.hosts(ways(up, foreign))) == [Level.OK, Level.OK, Level.CRITICAL]


def test_a_host_that_refuses_answers_all_the_same() -> None:
    with serving(Server(status=401, body={"error": "who are you"})) as refusing:
        assert levels(connection.hosts(ways(f"http://127.0.0.1:{refusing.port}"))) == [Level.OK]


@pytest.mark.parametrize(("status", "says"), [(503, "503"), (502, "502"), (407, "proxy")])
def test_a_gateway_that_answers_in_a_hosts_place(status: int, says: str) -> None:
    """It was said that the host answers, while nothing that was posted there arrived."""
    with serving(Server(status=status, body={"error": "bad gateway"})) as gateway:
        found = only(connection.hosts(ways(f"http://127.0.0.1:{gateway.port}")))
    assert (found.level, says in found.what) == (Level.CRITICAL, True)


def test_a_host_that_is_something_else_or_has_joined_no_cluster() -> None:
    with (
        serving(Server(body={"cluster_uuid": "a"})) as one,
        serving(Server(body={"hello": 1}, headers={"content-type": "application/json"})) as other,
        serving(Server(body={"cluster_uuid": "_na_"})) as alone,
    ):
        urls = [f"http://127.0.0.1:{each.port}" for each in (one, other, alone)]
        up, no_elasticsearch, not_joined = connection.hosts(ways(*urls))
    assert (up.level, no_elasticsearch.level, not_joined.level) == (Level.OK, Level.WARNING, Level.WARNING)
    assert "is no Elasticsearch" in no_elasticsearch.what
    assert "has not joined a cluster" in not_joined.what


@pytest.mark.parametrize(
    ("left_days", "life_days", "level"),
    [
        (100, 365, Level.OK),
        (20, 365, Level.WARNING),
        (5, 365, Level.CRITICAL),
        (15, 90, Level.OK),
        (8, 90, Level.WARNING),
        (-1, 90, Level.CRITICAL),
    ],
)
def test_who_signed_a_certificate_and_when_it_expires(
    tmp_path: Path, left_days: int, life_days: int, level: Level
) -> None:
    ca, now = CA(), datetime.now(UTC)
    expires = now + timedelta(days=left_days, hours=1)
    leaf = ca.issue_cert("127.0.0.1", not_before=expires - timedelta(days=life_days), not_after=expires)
    ca.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    with serving(Server(), leaf) as there:
        secure = ways(f"https://127.0.0.1:{there.port}", ca_file=tmp_path / "ca.pem", username="u", password="geheim")
        found = only(connection.tls(secure))
        assert there.requests == [], "only a handshake, so no credential was sent"
    assert (found.level, f"expires {expires:%Y-%m-%d}" in found.what) == (level, True)
    assert "signed by trustme" in found.what


def test_a_way_without_tls_matters_where_others_are_on_it() -> None:
    assert levels(connection.tls(ways("http://127.0.0.1:9200", "http://localhost:9200"))) == []
    assert levels(connection.tls(ways("http://es.example:9200", kibana_url="http://kb.example"))) == [Level.WARNING] * 2


def test_a_certificate_that_cannot_be_seen() -> None:
    assert levels(connection.tls(ways(f"https://127.0.0.1:{free_port()}"))) == [Level.UNKNOWN]


# All together


def test_what_cannot_be_checked_is_a_finding_and_hides_nothing() -> None:
    refused = RejectedError("403 for GET /_ilm/status", hint="read_ilm is missing", status=403)
    there = facts({"/_ilm/status": refused, "/_cluster/health": {"odd": "answer"}})
    found = {finding.check: finding for finding in look_at_cluster(there) if finding.level is Level.UNKNOWN}
    assert found["ilm"].remedy == "read_ilm is missing"
    assert "KeyError" in found["shards"].what
    assert {"versions", "disk", "clocks"}.isdisjoint(found)


def test_each_request_is_sent_once_however_many_checks_ask() -> None:
    there = facts(explained() | transforming())
    look_at_cluster(there, [*CHECKS, *CHECKS])
    asked = [path for path in there.transport.asked if not path.endswith(("_search", "_count"))]  # type: ignore[attr-defined]
    assert len(asked) == len(set(asked))


def diagnosis(*levels: Level) -> Diagnosis:
    findings = [Finding(level, "disk", f"what is {level} | \x1b", "why", "remedy") for level in levels]
    return Diagnosis("http://es:9200", "default", tuple(findings))


def test_the_text_says_what_why_and_what_to_do() -> None:
    shown = output.text(diagnosis(Level.CRITICAL, Level.NOTE, Level.NOTE, Level.OK))
    assert (
        "CRITICAL  disk: what is critical | \N{REPLACEMENT CHARACTER}\n          why\n          hint: remedy\n" in shown
    )
    assert shown.endswith("critical 1, note 2, ok 1")
    assert "what is ok" not in output.text(diagnosis(Level.NOTE, Level.OK), with_ok=False)


@pytest.fixture(scope="module", name="web")
def _web() -> Iterator[HTTPServer]:
    with HTTPServer(threaded=True) as web:
        yield web


@pytest.fixture(name="both")
def _both(
    web: HTTPServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[tuple[FakeKibana, FakeElasticsearch]]:
    monkeypatch.chdir(tmp_path)
    with servers(web) as both:
        monkeypatch.setenv("ELASTICSEARCH_URL", web.url_for("").rstrip("/"))
        yield both


@pytest.fixture(name="run")
def _run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    return command(monkeypatch, capsys)


@pytest.mark.parametrize(
    ("worst", "code", "plain"),
    [
        (Level.OK, 0, 0),
        (Level.NOTE, 0, 0),
        (Level.UNKNOWN, 3, 1),
        (Level.WARNING, 1, 0),
        (Level.CRITICAL, 2, 1),
    ],
)
def test_the_exit_codes_are_nagioss_under_check(
    run: Command, monkeypatch: pytest.MonkeyPatch, worst: Level, code: int, plain: int
) -> None:
    monkeypatch.setenv("ELASTICSEARCH_URL", "http://127.0.0.1:9")
    monkeypatch.setattr("toolkit.uses.doctor.doctor", lambda *_: diagnosis(worst, Level.OK))
    word = {0: "OK", 1: "WARNING", 2: "CRITICAL", 3: "UNKNOWN"}[code]
    checked = run("doctor", "--check")
    assert (checked.code, checked.err) == (code, "")
    (line,) = checked.out.splitlines()
    assert line.startswith(f"DOCTOR {word}: {worst} ")
    assert "|" not in line
    as_json = run("doctor", "--check", "--json")
    assert (as_json.code, json.loads(as_json.out)["level"]) == (code, worst)
    assert run("doctor").code == run("doctor", "--json").code == plain


def test_bad_configuration_and_bugs_are_unknown_under_check(run: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ELASTICSEARCH_URL", "nonsense")
    assert run("doctor", "--check").code == 3
    assert run("doctor").code == 2
    monkeypatch.setenv("ELASTICSEARCH_URL", "http://127.0.0.1:9")
    monkeypatch.setattr("toolkit.uses.doctor.doctor", lambda *_: 1 / 0)
    ran = run("doctor", "--check", "--json")
    assert (ran.code, "ZeroDivisionError" in json.loads(ran.out)["error"]) == (3, True)


def test_a_cluster_that_is_down_is_one_critical_finding(run: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ELASTICSEARCH_URL", f"http://127.0.0.1:{free_port()}")
    ran = run("doctor", "--json")
    assert ran.code == 1
    assert [finding["level"] for finding in json.loads(ran.out)["findings"]] == ["critical"]
    assert run("doctor", "--check").code == 2


def test_a_credential_that_is_refused_leaves_everything_unknown(run: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(Server(status=401, body={"error": {"reason": "wrong password"}})) as refusing:
        monkeypatch.setenv("ELASTICSEARCH_URL", f"http://127.0.0.1:{refusing.port}")
        ran = run("doctor", "--check")
    assert (ran.code, "wrong password" in ran.out) == (3, True)


def test_without_the_privilege_to_look_at_the_cluster_it_is_said_which_others_are_missing(
    run: Command, monkeypatch: pytest.MonkeyPatch, web: HTTPServer, tmp_path: Path
) -> None:
    """All that was said was that nothing else could be checked; what it may do, every credential may ask."""
    monkeypatch.chdir(tmp_path)
    product = {"X-Elastic-Product": "Elasticsearch"}
    why = "unauthorized, this action is granted by the cluster privileges [monitor,manage,all]"
    web.clear()
    web.expect_request(HAS).respond_with_json({"username": "ocs", "cluster": {}, "index": {}}, headers=product)
    web.expect_request(re.compile("/.*")).respond_with_json({"error": {"reason": why}}, status=403, headers=product)
    monkeypatch.setenv("ELASTICSEARCH_URL", web.url_for("").rstrip("/"))
    ran = run("doctor", "--json")
    web.clear()
    found = json.loads(ran.out)["findings"]
    lacks = [each["what"] for each in found if each["check"] == "privileges"]
    assert "ocs lacks monitor on the cluster; needed by: every command" in lacks
    (cluster,) = (each for each in found if each["check"] == "cluster")
    assert (ran.code, cluster["remedy"]) == (1, "one of these cluster privileges is missing: monitor, manage, all")


def test_one_refusal_that_keeps_several_checks_from_looking_is_said_once() -> None:
    same = [Finding(Level.UNKNOWN, check, "403", "why", "remedy") for check in ("features", "clashes")]
    several = Diagnosis("http://es:9200", "default", (*same, Finding(Level.UNKNOWN, "disk", "401", "why")))
    assert output.text(several).count("unknown") + output.text(several).count("UNKNOWN") == 3
    assert "UNKNOWN   features, clashes: 403\n" in output.text(several)
    assert output.summary(several).endswith(": features, clashes: 403; disk: 401")
    assert len(several.as_json()["findings"]) == 3


def test_bootstrap_stops_at_what_is_critical(
    run: Command, monkeypatch: pytest.MonkeyPatch, both: tuple[FakeKibana, FakeElasticsearch]
) -> None:
    monkeypatch.setattr("toolkit.uses.doctor.doctor", lambda *_: diagnosis(Level.CRITICAL, Level.OK))
    ran = run("bootstrap", "--yes")
    assert (ran.code, both[1].requests) == (1, [])
    assert "CRITICAL  disk: " in ran.out
    assert "error: 1 critical findings, so nothing was changed\nhint: " in ran.err


def test_bootstrap_is_not_stopped_by_what_it_puts_right() -> None:
    half = Finding(Level.CRITICAL, resources.INSTALLED, "one stream is not there", "why", "apply")
    assert Diagnosis("u", "default", (half,)).blocking == []


def test_nothing_is_written(run: Command, both: tuple[FakeKibana, FakeElasticsearch]) -> None:
    ran = run("doctor", "--json")
    assert json.loads(ran.out)["findings"]
    written = [r for r in both[1].requests if not r.startswith("GET ") and not r.endswith(("_search", "_count"))]
    assert [request for request in written if "_simulate" not in request and "_has_privileges" not in request] == []
