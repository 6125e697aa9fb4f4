"""What the roles are good for in a Kibana with logins: all that they must allow, and no more.

The administrator installs a namespace, roles included; then a user with the operator's role alone brings dashboards to
Kibana and takes them away, and one with the viewer's role alone looks at them.
"""

from __future__ import annotations

import copy
import os
import secrets
import time
import urllib.error
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pytest

from tests.kibana.api import Space, basic, new_space
from tests.kibana.browser import View, look
from tests.kibana.render import faults
from toolkit.apply import install, remove
from toolkit.capabilities import of_elasticsearch
from toolkit.client.connect import capabilities, connect
from toolkit.client.kibana import connect_kibana
from toolkit.config import Connection, Settings
from toolkit.errors import RejectedError
from toolkit.load import desired
from toolkit.lock import INDEX
from toolkit.ocs.feed import Feed
from toolkit.uses.dashboards import freeze
from toolkit.uses.deployment import Deployment
from toolkit.uses.destroy import destroy, removal, users_of_shared
from toolkit.uses.simulation import Simulation, target_of

if TYPE_CHECKING:
    from playwright.sync_api import Browser

OPERATOR = "ocs-elastic-operator"
(APPLICATION,) = next(
    resource.body["applications"]
    for resource in desired(Settings(), of_elasticsearch((8, 3, 3), security=True, manages_security=True))
    if resource.name == OPERATOR
)
FEED = Feed(count=600, groups=6, interval_s=60, odd_percent=5, seed=7)
PATIENCE_S = 60


@dataclass(frozen=True)
class Cluster:
    """A namespace that its administrator has installed without dashboards; a space; and users with one role each."""

    administrator: Deployment
    space: Space
    users: dict[str, Connection]

    def seen_by(self, who: str, space: str | None = None) -> Deployment:
        """The namespace as a user sees it."""
        connection = replace(self.users[who], kibana_space=space or self.space.id)
        transport = connect(connection)
        settings = self.administrator.settings
        return Deployment(transport, capabilities(transport), settings, connect_kibana(connection))

    def space_of(self, who: str) -> Space:
        """The space as a user sees it, by requests of the tests' own."""
        connection = self.users[who]
        return replace(self.space, headers=basic(connection.username, connection.password))

    def grant(self, *privileges: str) -> None:
        """The operator's role with these privileges for Kibana instead of its own."""
        resource = next(r for r in self.administrator.resources if r.name == OPERATOR)
        body: dict[str, Any] = copy.deepcopy(resource.body)
        body["applications"] = [{**APPLICATION, "privileges": list(privileges)}] if privileges else []
        self.administrator.transport.put(f"/_security/role/{OPERATOR}", body)


@pytest.fixture(scope="module")
def administrator(kibana: str, elasticsearch: str) -> Connection:
    """Whose credential is a superuser's."""
    username, password = (os.environ.get(f"TEST_ELASTICSEARCH_{name}") for name in ("USERNAME", "PASSWORD"))
    found = Connection(elasticsearch, "the tests", username, password, kibana_url=kibana)
    if not capabilities(connect(found)).manages_security:
        pytest.skip("security is off, or the tests' credential is no administrator's")
    return found


@pytest.fixture(scope="module")
def cluster(administrator: Connection, headers: dict[str, str]) -> Iterator[Cluster]:
    settings = Settings(namespace=f"roles_{secrets.token_hex(4)}", transform_frequency_s=1, refresh_interval_s=1)
    transport = connect(administrator)
    target = Deployment(transport, capabilities(transport), settings)
    install(transport, target.resources)
    names = {"operator": OPERATOR, "viewer": f"ocs-elastic-viewer-{settings.namespace}"}
    users = {
        who: replace(administrator, username=f"zz-{settings.namespace}-{who}", password=secrets.token_hex(8))
        for who in names
    }
    for who, connection in users.items():
        user = {"password": connection.password, "roles": [names[who]]}
        transport.put(f"/_security/user/{connection.username}", user)
    space = new_space(administrator.kibana_url or "", headers)
    yield Cluster(target, space, {**users, "administrator": administrator})
    space.delete()
    used = users_of_shared(target)
    remove(transport, [resource for resource in target.resources if resource.namespace or not used])
    for connection in users.values():
        transport.delete(f"/_security/user/{connection.username}")
    if not used:
        transport.delete(f"/{INDEX}")


@pytest.fixture
def granted(cluster: Cluster) -> Iterator[Cluster]:
    """The operator's role may be changed, and is whole again afterwards."""
    yield cluster
    cluster.grant(*APPLICATION["privileges"])


def everything(operator: Deployment) -> None:
    """All that the operator does in Kibana, one after the other; nothing is left.

    Raises:
        RejectedError: something could not be done.
    """
    plan = operator.plan_dashboards()
    assert {change.kind for change in plan.pending} == {"tag", "data_view", "dashboard"}
    list(operator.import_dashboards(plan))
    assert not operator.plan().pending
    assert len(freeze(operator, ("state", "health"))) == 2
    list(destroy(operator, replace(removal(operator, ()), goes=())))
    assert len(operator.plan_dashboards().pending) == len(plan.pending)


def test_the_operator_brings_dashboards_and_takes_them_away(cluster: Cluster) -> None:
    everything(cluster.seen_by("operator"))


@pytest.mark.parametrize("privilege", APPLICATION["privileges"])
def test_no_privilege_of_the_operator_is_spare(granted: Cluster, privilege: str) -> None:
    """Without it something is refused, and the hint names it."""
    granted.grant(*(each for each in APPLICATION["privileges"] if each != privilege))
    with pytest.raises(RejectedError, match="does not permit") as raised:
        everything(granted.seen_by("operator"))
    assert raised.value.hint
    assert [each for each in APPLICATION["privileges"] if each in raised.value.hint] == [privilege]


def test_without_any_the_hint_names_all(granted: Cluster) -> None:
    granted.grant()
    with pytest.raises(RejectedError, match="Unauthorized to get") as raised:
        granted.seen_by("operator").plan()
    assert raised.value.hint
    assert all(each in raised.value.hint for each in APPLICATION["privileges"])


def test_a_new_space_is_the_administrators_affair(cluster: Cluster) -> None:
    absent = f"{cluster.space.id}-absent"
    operator = cluster.seen_by("operator", absent)
    plan = operator.plan_dashboards()
    assert "space" in {change.kind for change in plan.pending}
    with pytest.raises(RejectedError, match="Unauthorized to create spaces") as raised:
        list(operator.import_dashboards(plan))
    assert raised.value.hint
    assert raised.value.hint.startswith(f"an administrator creates space '{absent}' first")


def test_an_api_key_does_as_well(cluster: Cluster) -> None:
    role = next(r.body for r in cluster.administrator.resources if r.name == OPERATOR)
    narrowed = {part: role[part] for part in ("cluster", "indices", "applications")}
    transport, name = cluster.administrator.transport, cluster.administrator.settings.namespace
    made = transport.post("/_security/api_key", {"name": name, "role_descriptors": {"operator": narrowed}})
    operator = replace(cluster.users["operator"], username=None, password=None, api_key=made["encoded"])
    try:
        everything(replace(cluster, users={"operator": operator}).seen_by("operator"))
    finally:
        transport._request("DELETE", "/_security/api_key", {"ids": [made["id"]]}, None)


@pytest.fixture
def dashboards(cluster: Cluster) -> Iterator[list[str]]:
    """Those of the operator, over some messages; their ids."""
    settings, transport = cluster.administrator.settings, cluster.administrator.transport
    start_ms = time.time_ns() // 1_000_000 - FEED.span_ms()
    Simulation(FEED, start_ms).post(target_of(cluster.users["administrator"], settings.namespace))
    transport.post(f"/ocs-campaign-groups-{settings.namespace}/_doc", {"nothing": "of OCS"})  # a dead letter
    latest, deadline = f"/ocs-current-state-{settings.namespace}/_count", time.monotonic() + PATIENCE_S
    while transport.post(latest, {})["count"] < FEED.groups and time.monotonic() < deadline:
        time.sleep(1)
    operator = cluster.seen_by("operator")
    list(operator.import_dashboards(operator.plan_dashboards()))
    yield [each.id for each in operator.saved_objects if each.type == "dashboard"]
    list(destroy(operator, replace(removal(operator, ()), goes=())))


@pytest.mark.timeout(900)
def test_the_viewer_sees_what_the_administrator_sees(cluster: Cluster, dashboards: list[str], browser: Browser) -> None:
    """Dead letters included. What is silent for two minutes changes while one looks."""
    for dashboard in dashboards:
        view = View(cluster.space, dashboard, "now-1d", "now")
        seen = {who: look(browser, replace(view, space=cluster.space_of(who))) for who in ("administrator", "viewer")}
        empty = {who: {panel.title for panel in seen[who].panels if panel.empty} for who in seen}
        assert faults(seen["viewer"], empty["viewer"]) == []
        assert all("silent for two minutes" in title for title in empty["viewer"] ^ empty["administrator"])
        assert not any("dead letters" in title for title in empty["viewer"])


def test_the_viewer_changes_nothing_in_kibana(cluster: Cluster, dashboards: list[str]) -> None:
    viewer, (dashboard, *_) = cluster.space_of("viewer"), dashboards
    assert viewer.dashboard(dashboard)
    tag = {"type": "tag", "id": "zz", "attributes": {"name": "zz", "description": "", "color": "#000000"}}
    refused = [
        lambda: viewer.put(tag),
        lambda: viewer.request("PUT", f"/api/saved_objects/dashboard/{dashboard}", b'{"attributes": {"title": "x"}}'),
        lambda: viewer.request("DELETE", f"/api/saved_objects/dashboard/{dashboard}"),
        lambda: viewer.request("POST", "/api/data_views/data_view", b'{"data_view": {"title": "zz*"}}'),
        lambda: viewer.request("POST", "/api/spaces/space", b'{"id": "zz-viewer", "name": "zz-viewer"}'),
        viewer.delete,
    ]
    for request in refused:
        with pytest.raises(urllib.error.HTTPError) as raised:
            request()
        said = raised.value.read()
        assert raised.value.code == 403 or b"due to insufficient access" in said, said  # data views answer 400


@pytest.mark.parametrize(
    "changed",
    [{"password": "not-the-password"}, {"username": None, "password": None}],
    ids=["wrong password", "no credential"],
)
def test_who_is_not_let_in_is_told_so(cluster: Cluster, changed: dict[str, Any]) -> None:
    """By Kibana as by Elasticsearch; and no secret is in what is said."""
    connection = replace(cluster.users["operator"], **changed)
    kibana = connect_kibana(connection, read_only=True)
    assert kibana
    for ask in (kibana.version, lambda: capabilities(connect(connection))):
        with pytest.raises(RejectedError, match="does not accept the credential") as raised:
            ask()
        assert raised.value.status == 401
        assert str(connection.password) not in f"{raised.value.reason} {raised.value.hint}"
