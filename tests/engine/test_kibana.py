"""Dashboards as a part of the one plan: an engine that is real, and a Kibana that is not."""

from __future__ import annotations

import secrets
from collections.abc import Iterator

import pytest
from pytest_httpserver import HTTPServer

from tests.running import Engine
from tests.unit.kibana import BASE, FakeKibana, servers
from toolkit.apply import remove
from toolkit.client.kibana import connect_kibana
from toolkit.config import Connection, Settings
from toolkit.dashboards.record import recorded
from toolkit.errors import StalePlanError, UnsafePlanError
from toolkit.plan import SAVED_OBJECTS, SPACE
from toolkit.uses.deployment import Deployment
from toolkit.uses.destroy import destroy, removal

IN_KIBANA = {*SAVED_OBJECTS.values(), SPACE}


@pytest.fixture
def kibana() -> Iterator[tuple[FakeKibana, str]]:
    with HTTPServer(threaded=True) as web, servers(web) as (fake, _):
        yield fake, web.url_for(BASE)


@pytest.fixture
def empty(engine: Engine, kibana: tuple[FakeKibana, str]) -> Iterator[Deployment]:
    """A namespace that nobody has installed, for a space that is absent."""
    connection = Connection(url=engine.connection.url, source="the tests", kibana_url=kibana[1], kibana_space="team")
    settings = Settings(namespace=f"kibana_{secrets.token_hex(4)}")
    target = Deployment(engine.transport, engine.server, settings, connect_kibana(connection))
    yield target
    remove(target.transport, [resource for resource in target.resources if resource.namespace])


def test_everything_of_elasticsearch_comes_first_and_then_there_is_nothing_to_do(
    empty: Deployment, kibana: tuple[FakeKibana, str]
) -> None:
    plan = empty.plan()
    order = [change.kind in IN_KIBANA for change in plan.pending]
    assert order == sorted(order)
    assert sum(order) == 1 + len(empty.saved_objects)
    assert plan.kibana.endswith(f"{BASE}, space team")
    events = list(empty.apply(plan))
    assert [event.change for event in events] == list(plan.pending)
    assert set(kibana[0].objects["team"]) == {each.key for each in empty.saved_objects}
    assert not empty.plan().pending
    (record,) = recorded(empty.transport, empty.settings.namespace)
    assert (record.space, set(record.rows)) == ("team", {each.key for each in empty.saved_objects})


def test_the_checksum_holds_for_kibana_too(empty: Deployment, kibana: tuple[FakeKibana, str]) -> None:
    plan = empty.plan()
    kibana[0].spaces.add("team")
    assert empty.plan().checksum != plan.checksum
    with pytest.raises(StalePlanError):
        list(empty.apply(plan))
    assert kibana[0].objects == {}


def test_dashboards_alone_need_what_they_show(empty: Deployment) -> None:
    with pytest.raises(UnsafePlanError, match="absent: data_stream"):
        list(empty.import_dashboards(empty.plan_dashboards()))


def test_destroy_takes_the_dashboards_along_and_the_record(empty: Deployment, kibana: tuple[FakeKibana, str]) -> None:
    list(empty.apply(empty.plan()))
    namespace = empty.settings.namespace
    what = removal(empty, (f"ocs-campaign-groups-{namespace}", f"ocs-dead-letters-{namespace}"))
    assert len(what.saved_objects) == len(empty.saved_objects)
    list(destroy(empty, what))
    assert kibana[0].objects["team"] == {}
    assert "team" in kibana[0].spaces
    assert recorded(empty.transport, namespace) == []
