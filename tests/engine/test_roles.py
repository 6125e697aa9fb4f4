"""What the roles are good for, on an Elasticsearch with security on: everything that they must allow, and no more.

The administrator applies; then a user with the operator's role alone does all that the toolkit can do, one with OCS's
role alone posts, and one with the viewer's reads. What they may do in Kibana is in tests/kibana/test_roles.py.
"""

from __future__ import annotations

import copy
import json
import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import pytest

from tests import refusals
from tests.running import Engine
from toolkit.apply import install, remove
from toolkit.capabilities import of_elasticsearch
from toolkit.change_class import MAPPING, REBUILD, ROLLOVER, SETTINGS
from toolkit.client.connect import capabilities, connect
from toolkit.client.transport import Transport
from toolkit.config import Connection, Settings
from toolkit.errors import LockHeldError, RejectedError, ToolkitError
from toolkit.kinds import KIND
from toolkit.load import desired
from toolkit.lock import INDEX, locked
from toolkit.migrate.place import Place
from toolkit.migrate.sources import drop, sources
from toolkit.migrate.steps.reindex import ALL, Reindex
from toolkit.model import Resource
from toolkit.plan import UNAVAILABLE
from toolkit.questions.dead_letters import Selection
from toolkit.streams import Streams
from toolkit.uses.deployment import Deployment
from toolkit.uses.destroy import destroy, removal, users_of_shared
from toolkit.uses.failures import listed, shown
from toolkit.uses.relabel import relabel, survey
from toolkit.uses.replay import replay, simulated, waiting
from toolkit.uses.simulation import target_of
from toolkit.uses.status import status
from toolkit.uses.verify import verify

PATIENCE_S = 60
MESSAGE = {
    "GSW_CAMPAIGN_GROUP_GUID": "g",
    "GSW_CAMPAIGN_GROUP_NAME": "n",
    "GSW_TENANT_CCID": 1,
    "GSW_CAMPAIGN_GROUP_STATE": 5,
}


OTHER = "another"
OPERATOR = next(
    resource.body
    for resource in desired(Settings(), of_elasticsearch((8, 17, 2), security=True, manages_security=True))
    if resource.name == "ocs-elastic-operator"
)


@dataclass(frozen=True)
class Cluster:
    """A namespace of a cluster with security on, as its administrator sees it; and users with one role each."""

    engine: Engine
    settings: Settings
    administrator: Deployment
    users: dict[str, Connection]

    def role(self, identity: str) -> Resource:
        """The role of the operator, of OCS or of who looks at dashboards, as the administrator applies it."""
        name = "ocs-elastic-operator" if identity == "operator" else f"ocs-elastic-{identity}-{self.settings.namespace}"
        return next(r for r in self.administrator.resources if (r.kind, r.name) == ("role", name))

    def as_operator(self, **changed: Any) -> Deployment:
        """The namespace as the operator sees it, perhaps with other settings."""
        transport = connect(self.users["operator"])
        return Deployment(transport, capabilities(transport), replace(self.settings, **changed))

    @property
    def stream(self) -> str:
        return f"ocs-campaign-groups-{self.settings.namespace}"

    @property
    def dead_letters(self) -> str:
        return f"ocs-dead-letters-{self.settings.namespace}"

    @property
    def latest(self) -> str:
        return f"ocs-current-state-{self.settings.namespace}"


@pytest.fixture
def cluster(engine: Engine) -> Iterator[Cluster]:
    if not engine.server.manages_security:
        pytest.skip("security is off, or the tests' credential is no administrator's")
    settings = Settings(namespace=f"roles_{secrets.token_hex(4)}", transform_frequency_s=1, refresh_interval_s=1)
    administrator = Deployment(engine.transport, engine.server, settings)
    name = f"zz-{settings.namespace}"
    made = Cluster(
        engine,
        settings,
        administrator,
        {
            who: replace(engine.connection, username=f"{name}-{who}", password="a-Password")
            for who in ("operator", "ocs", "viewer")
        },
    )
    for who, connection in made.users.items():
        user = {"password": connection.password, "roles": [made.role(who).name]}
        engine.transport.put(f"/_security/user/{connection.username}", user)
    yield made
    install(
        engine.transport, [r for r in administrator.resources if r.kind == "ingest_pipeline"]
    )  # with its own labels
    used = users_of_shared(administrator)
    for source in sources(engine.transport, Streams(settings.namespace)):
        engine.transport.delete(f"/{source.index}")
    remove(engine.transport, [resource for resource in administrator.resources if resource.namespace or not used])
    for connection in made.users.values():
        engine.transport.delete(f"/_security/user/{connection.username}")
    if used:  # whoever must not delete could not give its lock back either
        engine.transport.delete(f"/{INDEX}/_doc/lock")
    else:
        engine.transport.delete(f"/{INDEX}")


@pytest.fixture
def roles(cluster: Cluster) -> Cluster:
    """The administrator has written the roles, and nothing else."""
    for who in cluster.users:
        KIND["role"].write(cluster.engine.transport, cluster.role(who))
    return cluster


def test_the_administrator_applies_roles_like_everything_else(cluster: Cluster) -> None:
    plan = cluster.administrator.plan()
    assert ("create", "role", cluster.role("ocs").name) in {(c.action, c.kind, c.name) for c in plan.pending}
    list(cluster.administrator.apply(plan))
    assert not cluster.administrator.plan().pending
    changed = copy.deepcopy(cluster.role("ocs").body)
    changed["indices"][0]["privileges"].append("read")
    cluster.engine.transport.put(f"/_security/role/{cluster.role('ocs').name}", changed)
    (change,) = cluster.administrator.plan().pending
    assert (change.action, change.kind) == ("update", "role")
    assert {d.path for d in change.differences} == {"indices[0].privileges"}


def test_for_the_operator_roles_are_somebody_elses_affair(roles: Cluster) -> None:
    (change,) = [change for change in roles.as_operator().plan().changes if change.kind == "role"]
    assert (change.action, change.pending) == (UNAVAILABLE, False)
    assert "an administrator applies roles" in change.meaning


def everything(cluster: Cluster) -> None:
    """All that the operator's commands do, one after the other, with that role alone.

    Raises:
        RejectedError: one of them could not.
    """
    operator = cluster.as_operator()
    list(operator.apply(operator.plan()))
    assert not operator.plan().pending
    settings: dict[str, Any] = {"retention_days": 30, "shards": 2, "transform_frequency_s": 2, "replicas": "0-2"}
    changed = cluster.as_operator(**settings)
    plan = changed.plan()
    assert {change.kind for change in plan.pending} >= {"component_template", "ilm_policy", "transform", "data_stream"}
    assert {(change.action, change.kind) for change in plan.pending} >= {
        (ROLLOVER, "data_stream"),
        (SETTINGS, "index"),
    }
    list(changed.apply(plan))
    assert not changed.plan().pending
    for connection in (cluster.users["operator"], cluster.users["ocs"]):
        found = verify(operator.transport, target_of(connection, cluster.settings.namespace), changed.settings)
        if found.failed:
            raise RejectedError("; ".join(str(d) for check in found.failed for d in check.differences))
    as_ocs = connect(cluster.users["ocs"])
    as_ocs.post(f"/{cluster.stream}/_doc", MESSAGE)
    as_ocs.post(f"/{cluster.stream}/_doc", {"nothing": "of OCS"})
    _transform_works(cluster, operator.transport)
    found_status = status(operator.transport, changed.settings)
    assert (len(found_status.groups), found_status.dead_letters) == (1, 1)
    _failures_are_replayed(cluster, changed)
    _can_be_looked_at(cluster, operator.transport)
    _labels_are_renewed(cluster, cluster.as_operator(**settings, labels={"state": {"running": "Works"}}))
    _indices_are_made_anew(cluster.as_operator(**settings))
    _goes(changed, ())
    _goes(changed, (cluster.stream, cluster.dead_letters))


def _transform_works(cluster: Cluster, operator: Transport) -> None:
    """It writes the latest state, and takes away what is older than its retention."""
    old = {"event": {"ingested": "2020-01-01T00:00:00.000Z"}}
    cluster.engine.transport.put(f"/{cluster.latest}/_doc/old", old, params={"refresh": "true"})
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        connect(cluster.users["ocs"]).post(f"/{cluster.stream}/_doc", MESSAGE)
        hits = operator.post(f"/{cluster.latest}/_search", {})["hits"]["hits"]
        sources = [hit["_source"] for hit in hits]
        if any("ocs" in source for source in sources) and old not in sources:
            return
        time.sleep(1)
    (stats,) = operator.get(f"/_transform/{cluster.latest}/_stats")["transforms"]
    raise RejectedError(f"the transform does not do its work: {stats}")


def _failures_are_replayed(cluster: Cluster, operator: Deployment) -> None:
    """One message that is one by now becomes a document, one that is none keeps its dead letter, which tells of it."""
    now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    letter = {
        "@timestamp": now,
        "event": {"ingested": now, "original": json.dumps(MESSAGE)},
        "error": {"type": "script_exception", "message": "of another day"},
        "ocs": {"replay": {"state": "pending"}},
    }
    cluster.engine.transport.post(f"/{cluster.dead_letters}/_doc", letter, params={"refresh": "true"})
    found = listed(operator.transport, operator.settings, Selection())
    assert (found.waiting, {each.type for each in found.letters}) == (2, {"not_ocs", "script_exception"})
    assert shown(operator.transport, operator.settings, [str(found.letters[0].example)])
    assert waiting(operator, Selection()) == 2
    for use in (simulated, replay):
        done = use(operator, Selection())
        assert (done.total, done.replayed, done.failed.total()) == (2, 1, 1)
    again = listed(operator.transport, operator.settings, Selection())
    assert sum(each.replayed for each in again.letters) == 1


def _labels_are_renewed(cluster: Cluster, operator: Deployment) -> None:
    """Also where somebody has blocked the index, whose block is back afterwards."""
    list(operator.apply(operator.plan()))
    (stream,) = cluster.engine.transport.get(f"/_data_stream/{cluster.stream}")["data_streams"]
    index = stream["indices"][-1]["index_name"]
    cluster.engine.transport.put(f"/{index}/_settings", {"index.blocks.write": True})
    assert survey(operator).documents
    done = relabel(operator, lift=True)
    assert done.documents
    assert not done.left.pending
    settings = operator.transport.get(f"/{index}/_settings", params={"flat_settings": "true"})
    assert settings[index]["settings"]["index.blocks.write"] == "true"


class _Note(dict[str, Any]):
    """What a step remembers."""

    def keep(self, **values: Any) -> None:
        self.update(values)


def _indices_are_made_anew(operator: Deployment) -> None:
    """And what they replace is set aside, and dropped."""
    namespace, note = operator.settings.namespace, _Note()
    place = Place(operator.transport, operator.server, namespace, operator.resources, version=1)
    step = Reindex("campaign_groups", which=ALL)
    if hindrances := step.hindrances(place, note):
        raise ToolkitError("; ".join(hindrances))
    step.run(place, note)
    assert step.faults(place, note) == []
    replaced = sources(operator.transport, place.streams)
    assert [each.index for each in replaced] == sorted(note["sources"])
    for source in replaced:
        drop(operator.transport, source)
    assert sources(operator.transport, place.streams) == []


def _can_be_looked_at(cluster: Cluster, operator: Transport) -> None:
    """As dashboards do, for people with the viewer's role too, and whoever looks for the cause of something."""
    for who in (operator, connect(cluster.users["viewer"])):
        for name in (cluster.stream, cluster.dead_letters, cluster.latest):
            assert who.post(f"/{name}/_search", {"size": 0})["hits"]["total"]["value"] >= 1
            assert who.get(f"/{name}/_field_caps", params={"fields": "*"})["fields"]
    assert operator.get(f"/{cluster.stream}/_ilm/explain")["indices"]
    assert operator.get("/_nodes/stats/fs")["nodes"]


def _goes(target: Deployment, data: tuple[str, ...]) -> None:
    what = removal(target, data)
    assert what.goes
    assert len(list(destroy(target, what))) == len(what.goes)


@pytest.mark.timeout(600)
def test_the_operator_can_do_everything_with_that_role_alone(roles: Cluster) -> None:
    everything(roles)
    left = [r for r in roles.administrator.resources if KIND[r.kind].read(roles.engine.transport, r.name) is not None]
    assert {r.kind for r in left if r.namespace} == {"role"}


@pytest.mark.timeout(600)
def test_the_operator_puts_new_fields_and_settings_and_makes_the_latest_state_anew(roles: Cluster) -> None:
    operator = replace(roles.as_operator(), older_indices=True)
    list(operator.apply(operator.plan()))
    superuser = roles.engine.transport
    superuser.post(f"/{roles.stream}/_rollover", None)
    own = {"settings": {"priority": 7}, "mappings": {"properties": {"shift": {"type": "keyword"}}}}
    superuser.put(f"/_component_template/{roles.stream}@custom", {"template": own})
    superuser.delete(f"/{roles.latest}")
    plan = operator.plan()
    assert sorted(change.action for change in plan.pending) == [MAPPING, MAPPING, REBUILD, SETTINGS]
    list(operator.apply(plan))
    assert not operator.plan().pending


def test_a_lock_that_is_held_is_respected_by_the_operator_too(roles: Cluster) -> None:
    """Who needs the right to read it for that."""
    operator = roles.as_operator()
    with locked(roles.engine.transport, operator.state_index), pytest.raises(LockHeldError, match="is changing"):
        list(operator.apply(operator.plan()))


PRIVILEGES = [
    *((("cluster",), privilege) for privilege in OPERATOR["cluster"]),
    *(
        (("indices", number, "privileges"), privilege)
        for number, entry in enumerate(OPERATOR["indices"])
        for privilege in entry["privileges"]
    ),
]


@pytest.mark.timeout(600)
@pytest.mark.parametrize(("place", "privilege"), PRIVILEGES, ids=str)
def test_no_privilege_of_the_operator_is_spare(
    roles: Cluster, place: tuple[str | int, ...], privilege: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without it some command fails, and says which privilege is missing."""
    body: Any = copy.deepcopy(roles.role("operator").body)
    holder = body
    for step in place:
        holder = holder[step]
    holder.remove(privilege)
    body["indices"] = [entry for entry in body["indices"] if entry["privileges"]]
    roles.engine.transport.put("/_security/role/ocs-elastic-operator", body)
    monkeypatch.setattr("tests.engine.test_roles.PATIENCE_S", 20)
    with pytest.raises(ToolkitError, match=rf"\b{privilege}\b"):
        everything(roles)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("weaker", ["create_doc", "create"])
def test_the_operator_must_be_able_to_change_messages(roles: Cluster, weaker: str) -> None:
    """To mark dead letters and to relabel: a privilege that only lets messages be written is not enough."""
    body: Any = copy.deepcopy(roles.role("operator").body)
    privileges = body["indices"][0]["privileges"]
    privileges[privileges.index("index")] = weaker
    roles.engine.transport.put("/_security/role/ocs-elastic-operator", body)
    with pytest.raises(RejectedError, match=r"\bindex\b"):
        everything(roles)


@pytest.mark.parametrize("identity", ["ocs", "operator", "viewer"])
def test_what_a_role_must_refuse_it_refuses(roles: Cluster, identity: str) -> None:
    administrator = roles.administrator
    list(administrator.apply(administrator.plan()))
    other = Deployment(administrator.transport, administrator.server, replace(roles.settings, namespace=OTHER))
    list(other.apply(other.plan()))
    locked_state = locked(administrator.transport, administrator.state_index)
    (index,) = administrator.transport.get(f"/{roles.stream}/_settings")
    administrator.transport.put("/somebody-elses", None)
    try:
        with locked_state:
            for refusal in getattr(refusals, identity.upper()):
                names = {"ns": roles.settings.namespace, "other": OTHER, "index": index}
                refusal.happens(connect(roles.users[identity]), **names)
    finally:
        administrator.transport.delete("/somebody-elses")
        remove(administrator.transport, [resource for resource in other.resources if resource.namespace])
