"""A space of a Kibana through its life, as real Kibana answered."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pytest_httpserver import HTTPServer

from tests.evidence import KIBANA
from tests.recorded.cassette import NAMESPACE
from tests.recorded.kibana import CASSETTES, HINT, SPACES, Ask, Exchange, Player, Recorder, keep, kept_in, kibana_of
from tests.unit.kibana import servers
from toolkit.client.connect import capabilities, connect
from toolkit.client.transport import Transport
from toolkit.config import Connection, Settings
from toolkit.dashboards.frozen import dump, file_name, load
from toolkit.dashboards.record import recorded
from toolkit.dashboards.saved_object import SavedObject, ndjson, object_id
from toolkit.errors import RejectedError, UnsupportedServerError
from toolkit.uses.dashboards import freeze
from toolkit.uses.deployment import Deployment
from toolkit.uses.destroy import Removal, destroy

FROZEN = Path(__file__).with_name("frozen")
A, B = SPACES
STATE = ("dashboard", object_id("state", NAMESPACE, A))
TITLES = "attributes.panelsJSON[0].title"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Each test plays the cassettes of every version, or runs once on the real Kibana."""
    if "ask" in metafunc.fixturenames:
        versions = [Recorder().version] if _live(metafunc.config) else sorted(path.name for path in CASSETTES.iterdir())
        metafunc.parametrize("ask", versions, indirect=True)


def _live(config: pytest.Config) -> bool:
    asked = config.getoption("--record") or config.getoption("--evidence")
    return bool(asked) and bool(os.environ.get("TEST_KIBANA_URL"))


@pytest.fixture
def ask(request: pytest.FixtureRequest) -> Iterator[Ask]:
    """A Kibana with nothing of ours in it."""
    file = CASSETTES / request.param / f"{request.node.originalname.removeprefix('test_')}.json"
    failed = request.session.testsfailed
    if _live(request.config):
        request.config.stash[KIBANA] = request.param.removeprefix("kibana-")
        recorder = Recorder()
        recorder.clean()
        try:
            yield recorder.ask
        finally:
            recorder.clean()
        if request.config.getoption("--record") and request.session.testsfailed == failed:
            keep(recorder.kept, file)
        return
    player = Player(kept_in(file))
    yield player.ask
    assert player.faults == [], HINT
    if request.session.testsfailed == failed:
        assert [each.request for each in player.left] == [], HINT


@pytest.fixture
def elasticsearch() -> Iterator[Transport]:
    """One that keeps the toolkit's state."""
    with HTTPServer(threaded=True) as web, servers(web) as (_, fake):
        fake.names = {f"ocs-{stream}-{NAMESPACE}" for stream in ("campaign-groups", "dead-letters", "current-state")}
        yield connect(Connection(url=web.url_for("").rstrip("/"), source="the tests"))


Target = Callable[..., Deployment]


@pytest.fixture
def target(ask: Ask, elasticsearch: Transport, monkeypatch: pytest.MonkeyPatch) -> Target:
    """A function that connects to a space, to bring there what is in `frozen`, as `change` has it."""

    def connected(
        space: str = A, *, change: Callable[[list[SavedObject]], None] = lambda _: None, **more: Any
    ) -> Deployment:
        objects = load(FROZEN, NAMESPACE, space)
        objects.sort(key=lambda each: ("tag", "index-pattern", "dashboard").index(each.type))
        change(objects)
        monkeypatch.setattr("toolkit.uses.deployment.compile_dashboards", lambda *_: objects)
        monkeypatch.setattr("toolkit.uses.deployment.lint", lambda *_: [])
        kibana = kibana_of(ask, space)
        settings = Settings(namespace=NAMESPACE)
        return Deployment(elasticsearch, capabilities(elasticsearch), settings, kibana, **more)

    return connected


def imported(target: Deployment) -> list[tuple[str, str]]:
    """What an import does; afterwards nothing is left to do."""
    plan = target.plan_dashboards()
    assert plan.problems == ()
    return [(event.change.action, event.change.kind) for event in target.import_dashboards(plan)]


def edit(ask: Ask, space: str, change: Callable[[dict[str, Any]], None]) -> None:
    """Save the dashboard by hand, with the request that Kibana's own page sends."""
    path = f"/s/{space}/api/saved_objects/dashboard/{object_id('state', NAMESPACE, space)}"
    headers = {"kbn-xsrf": "tests", "content-type": "application/json"}
    saved = json.loads(ask("GET", path, None, headers).body)
    change(saved["attributes"])
    body = {"attributes": saved["attributes"], "references": saved["references"]}
    answer: Exchange = ask("PUT", path, json.dumps(body).encode(), headers)
    assert answer.status == 200, answer.body


def retitle(attributes: dict[str, Any]) -> None:
    panels = json.loads(attributes["panelsJSON"])
    panels[0]["title"] = "By hand"
    attributes["panelsJSON"] = json.dumps(panels)


ALL = [("create", "tag"), ("create", "data_view"), ("create", "dashboard")]


def test_an_empty_kibana_gets_a_space_and_everything_and_then_there_is_nothing_to_do(target: Target) -> None:
    assert imported(target()) == [("create", "space"), *ALL]
    again = target()
    assert again.plan_dashboards().changes == ()
    assert imported(again) == []


def test_a_second_space_stands_beside_the_first(target: Target) -> None:
    imported(target())
    assert imported(target(B)) == [("create", "space"), *ALL]
    assert target().plan_dashboards().changes == target(B).plan_dashboards().changes == ()
    assert list(destroy(target(B), removal_of(target(B)))) != []
    assert imported(target(B)) == ALL, "the spaces stay"


def test_an_edited_title_is_named_kept_as_a_file_and_overwritten_only_when_asked(
    target: Target, ask: Ask, tmp_path: Path
) -> None:
    imported(target())
    edit(ask, A, retitle)
    (change,) = target().plan_dashboards().changes
    assert (change.action, change.name) == ("edited", STATE[1])
    assert [(d.path, d.before, d.after) for d in change.differences] == [(TITLES, "Current state", "By hand")]
    assert imported(target()) == []
    (frozen,) = freeze(target(), ())
    assert (frozen.file, "By hand" in frozen.text) == ("dashboard.state.json.j2", True)
    (tmp_path / frozen.file).write_text(frozen.text, encoding="utf-8")
    (kept,) = load(tmp_path, NAMESPACE, A)
    assert target(change=lambda objects: objects.__setitem__(2, kept)).plan_dashboards().changes == ()
    assert imported(target(overwrite=True)) == [("update", "dashboard")]
    assert target().plan_dashboards().changes == ()


def test_a_new_version_of_ours_is_an_update_and_what_goes_is_deleted(target: Target) -> None:
    imported(target())

    def newer(objects: list[SavedObject]) -> None:
        body = objects[2].body
        objects[2] = replace(objects[2], body={**body, "attributes": {**body["attributes"], "title": "New"}})

    (change,) = target(change=newer).plan_dashboards().changes
    assert (change.action, [d.path for d in change.differences]) == ("update", ["attributes.title"])
    assert imported(target(change=newer)) == [("update", "dashboard")]
    assert imported(target(change=lambda objects: objects.pop())) == [("delete", "dashboard")]
    assert imported(target()) == [("create", "dashboard")]


def test_destroy_leaves_nothing_but_the_space(target: Target) -> None:
    imported(target())
    gone = list(destroy(target(), removal_of(target())))
    assert [resource.kind for resource in gone] == ["dashboard", "data_view", "tag"]
    assert [(c.action, c.kind) for c in target().plan_dashboards().changes] == ALL


def removal_of(target: Deployment) -> Removal:
    """Of the dashboards alone: the rest is Elasticsearch's."""
    return Removal((), (), state_goes=False, dashboards=tuple(recorded(target.transport, NAMESPACE)))


def test_a_dangling_reference_is_refused_though_the_answer_is_200(target: Target) -> None:
    def dangling(objects: list[SavedObject]) -> None:
        del objects[1]

    with pytest.raises(RejectedError, match=r"refers to what is absent: index-pattern ocs-events"):
        imported(target(change=dangling))
    assert imported(target()) == ALL, "nothing was half imported, though Kibana counts a success"


def test_an_object_of_a_newer_kibana_is_refused(target: Target) -> None:
    def newer(objects: list[SavedObject]) -> None:
        objects[2] = replace(objects[2], body={**objects[2].body, "migrationVersion": {"dashboard": "99.0.0"}})

    with pytest.raises(RejectedError, match="cannot read what it was sent") as raised:
        imported(target(change=newer))
    assert raised.value.status == 422
    assert imported(target()) == ALL, "nothing was half imported; the space was made"


def test_an_unknown_type_is_refused_and_the_rest_imported(target: Target) -> None:
    there = target()
    imported(there)
    assert there.kibana is not None
    strange = SavedObject("no-such-type", "x", "x", {"type": "no-such-type", "id": "x", "attributes": {}}, "")
    with pytest.raises(RejectedError, match="this Kibana knows no objects of that type"):
        there.kibana.import_(ndjson([strange]))


def test_an_id_that_is_in_another_space_is_an_error(target: Target) -> None:
    imported(target())
    other = target(B).kibana
    assert other is not None
    other.create_space()
    with pytest.raises(RejectedError, match="an object of that id is in another space"):
        other.import_(ndjson(load(FROZEN, NAMESPACE, A)[2:]))


def test_a_wrong_base_path_is_told_from_no_kibana(ask: Ask) -> None:
    def elsewhere(method: str, target: str, body: bytes | None, headers: dict[str, str]) -> Exchange:
        return ask(method, f"/wrong{target}", body, headers)

    with pytest.raises(UnsupportedServerError, match="is Kibana, but not at this path"):
        kibana_of(elsewhere, A).version()


def test_the_files_are_what_the_toolkit_writes() -> None:
    """They are read and written by the code that `dashboards export` uses."""
    for space in SPACES:
        for each in load(FROZEN, NAMESPACE, space):
            file = FROZEN / file_name(each, NAMESPACE, space)
            assert dump(each.body, NAMESPACE, space) == file.read_text(encoding="utf-8")
