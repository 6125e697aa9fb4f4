"""`dashboards plan|import|export|lint` against a Kibana that is as sound, or as broken, as a test wants."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pytest_httpserver import HTTPServer

from tests.unit.commands import Command, command
from tests.unit.kibana import BASE, STATE, FakeElasticsearch, FakeKibana, servers
from toolkit.catalogue import read_catalogue
from toolkit.client.kibana import Kibana
from toolkit.config import Connection, Settings
from toolkit.dashboards.compile import compile_dashboards
from toolkit.dashboards.frozen import shadowed
from toolkit.dashboards.lint import lint
from toolkit.dashboards.saved_object import SavedObject, embed, object_id
from toolkit.errors import UnreachableError, UnsafePlanError
from toolkit.plan import Plan
from toolkit.uses.deployment import LEFT_OUT, Deployment, deployment
from toolkit.uses.destroy import destroy, removal

NAMES = {"tag": "tag", "index-pattern": "events", "dashboard": "state"}
KINDS = {"tag": "tag", "index-pattern": "data_view", "dashboard": "dashboard"}
RECORD = "dashboards-default-default"


def key(type_: str = "dashboard", space: str = "default") -> tuple[str, str]:
    return type_, object_id(NAMES[type_], "default", space)


def objects(title: str = "Links", *types: str) -> Callable[..., list[SavedObject]]:
    """A compiler of one small object a type."""

    def compiled(settings: Settings, _catalogue: Any, space: str, **_: Any) -> list[SavedObject]:
        made = []
        for type_ in types or tuple(NAMES):
            id_ = object_id(NAMES[type_], settings.namespace, space)
            attributes = {"title": f"A {type_}", "panelsJSON": embed([{"title": title}])}
            body = {"type": type_, "id": id_, "attributes": attributes, "references": []}
            made.append(SavedObject(type_, id_, f"A {type_}", body, f"dashboards/{type_}"))
        return made

    return compiled


@pytest.fixture(scope="module", name="web")
def _web() -> Iterator[HTTPServer]:
    with HTTPServer(threaded=True) as web:
        yield web


Servers = tuple[FakeKibana, FakeElasticsearch]


@pytest.fixture(autouse=True)
def both(web: HTTPServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Servers]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ELASTICSEARCH_URL", web.url_for("").rstrip("/"))
    monkeypatch.setenv("KIBANA_URL", web.url_for(BASE))
    monkeypatch.setattr("toolkit.uses.deployment.compile_dashboards", objects())
    monkeypatch.setattr("toolkit.uses.deployment.lint", lambda *_: [])  # these objects are no real ones
    with servers(web) as found:
        yield found


@pytest.fixture
def kibana(both: Servers) -> FakeKibana:
    return both[0]


@pytest.fixture
def elasticsearch(both: Servers) -> FakeElasticsearch:
    return both[1]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    ran = command(monkeypatch, capsys)
    return lambda *arguments: ran("dashboards", *arguments)


def changes(run: Command, *arguments: str, code: int = 3) -> list[tuple[str, str]]:
    done = run("plan", "--json", *arguments)
    assert done.code == code, done.err
    return [(change["action"], change["kind"]) for change in json.loads(done.out)["changes"]]


def by_hand(attributes: dict[str, Any]) -> None:
    attributes["panelsJSON"] = embed([{"title": "mine"}])


def set_titles(monkeypatch: pytest.MonkeyPatch, title: str, *types: str) -> None:
    monkeypatch.setattr("toolkit.uses.deployment.compile_dashboards", objects(title, *types))


ALL = [("create", kind) for kind in KINDS.values()]


def test_an_empty_kibana_gets_everything_in_one_import_and_then_there_is_nothing_to_do(
    run: Command, kibana: FakeKibana, elasticsearch: FakeElasticsearch
) -> None:
    assert changes(run) == ALL
    assert run("import", "--yes").code == 0
    assert set(kibana.objects["default"]) == {key(type_) for type_ in NAMES}
    assert changes(run, code=0) == []
    kibana.requests.clear()
    done = run("import", "--json")
    assert (done.code, json.loads(done.out)["pending"]) == (0, 0)
    assert [asked for asked in kibana.requests if asked.endswith("_import")] == []
    assert json.loads(done.out)["dashboards"] == [
        {"title": "A dashboard", "url": f"{os.environ['KIBANA_URL']}/app/dashboards#/view/{key()[1]}"}
    ]
    assert "lock" not in elasticsearch.documents


def test_a_plan_for_a_ticket(run: Command, kibana: FakeKibana) -> None:
    done = run("plan", "--format", "markdown")
    assert done.code == 3
    assert f"Kibana {os.environ['KIBANA_URL']}, space default." in done.out
    assert f"| create | dashboard `{key()[1]}` |" in done.out


def test_what_is_recorded(run: Command, elasticsearch: FakeElasticsearch) -> None:
    run("import", "--yes")
    record = elasticsearch.documents[RECORD]
    assert (record["type"], record["namespace"], record["space"]) == ("dashboards", "default", "default")
    row = record["objects"][":".join(key())]
    assert (row["title"], row["kibana"], row["under_way"]) == ("A dashboard", "8.3.3", False)
    assert row["updated_at"].startswith("2026-11-23T08:00")
    assert row["desired"].startswith("1:")
    assert json.loads(row["exported"])["attributes"]["panelsJSON"] == [{"title": "Links"}]


def test_a_space_that_is_absent_is_created_before_anything_is_imported(run: Command, kibana: FakeKibana) -> None:
    assert changes(run, "--space", "team_b") == [("create", "space"), *ALL]
    assert kibana.spaces == {"default"}
    kibana.requests.clear()
    assert run("import", "--yes", "--space", "team_b").code == 0
    made, imported = (kibana.requests.index(f"POST {p}") for p in ("/api/spaces/space", _IMPORT_B))
    assert made < imported
    assert set(kibana.objects["team_b"]) == {key(type_, "team_b") for type_ in NAMES}
    assert changes(run, "--space", "team_b", code=0) == []
    assert changes(run) == ALL, "one space says nothing of another"


_IMPORT_B = "/s/team_b/api/saved_objects/_import"


def test_a_space_that_may_not_be_created_gets_nothing(run: Command, kibana: FakeKibana) -> None:
    kibana.answers["POST /api/spaces/space"] = (403, {"message": "Unauthorized to create spaces"})
    done = run("import", "--yes", "--space", "team_b")
    assert done.code == 1
    assert "Unauthorized to create spaces" in done.err
    assert kibana.objects == {}


@pytest.mark.parametrize("space", ["Team", "a/b", "", "x" * 65])
def test_bad_space(run: Command, space: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run("plan", "--space", space).code == 2
    if space:
        monkeypatch.setenv("KIBANA_SPACE", space)
        done = run("plan")
        assert done.code == 2
        assert "KIBANA_SPACE" in done.err


def test_an_edited_title_is_named_and_stays(run: Command, kibana: FakeKibana, elasticsearch: FakeElasticsearch) -> None:
    run("import", "--yes")
    kibana.edit("default", key(), by_hand)
    done = run("plan")
    assert done.code == 3
    assert f"edited      dashboard {key()[1]}" in done.out
    assert 'attributes.panelsJSON[0].title: "Links" → "mine"' in done.out
    before = elasticsearch.documents[RECORD]
    done = run("import")
    assert done.code == 0, "nothing is pending, so nobody is asked"
    assert "left as it is: dashboard" in done.err
    assert embed([{"title": "mine"}]) in str(kibana.objects)
    assert elasticsearch.documents[RECORD] == before


def test_the_others_are_updated_beside_an_edited_one_which_stays_edited(
    run: Command, kibana: FakeKibana, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("import", "--yes")
    kibana.edit("default", key(), by_hand)
    set_titles(monkeypatch, "New")
    assert changes(run) == [("update", "tag"), ("update", "data_view"), ("edited", "dashboard")]
    done = run("import", "--yes")
    assert done.code == 0, done.err
    assert "Applied 2 changes" in done.out
    assert kibana.objects["default"][key()]["attributes"]["panelsJSON"] == embed([{"title": "mine"}])
    assert changes(run) == [("edited", "dashboard")]
    assert changes(run, "--overwrite") == [("update", "dashboard")]
    done = run("import", "--yes", "--overwrite")
    assert (done.code, "Applied 1 change;" in done.out) == (0, True)
    assert kibana.objects["default"][key()]["attributes"]["panelsJSON"] == embed([{"title": "New"}])
    assert changes(run, code=0) == []


def test_a_kibana_that_migrates_is_no_drift_and_an_edit_in_it_is_named_alone(run: Command, kibana: FakeKibana) -> None:
    def migrate(saved: dict[str, Any]) -> None:
        saved["attributes"]["migrated"] = True

    kibana.version, kibana.migrates = "8.12.2", migrate
    assert run("import", "--yes").code == 0
    assert changes(run, code=0) == []
    kibana.edit("default", key(), by_hand)
    (change,) = json.loads(run("plan", "--json").out)["changes"]
    assert [leaf["path"] for leaf in change["differences"]] == ["attributes.panelsJSON[0].title"]


def test_a_kibana_that_was_upgraded_is_no_drift_and_is_recorded_with_the_next_change(
    run: Command, kibana: FakeKibana, elasticsearch: FakeElasticsearch, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("import", "--yes")
    kibana.version = "8.12.2"
    for saved in kibana.objects["default"].values():
        saved["attributes"]["migrated"] = True
    assert changes(run, code=0) == []
    kibana.objects["default"].pop(key())
    assert changes(run) == [("create", "dashboard")]
    run("import", "--yes")
    rows = elasticsearch.documents[RECORD]["objects"]
    assert {row["kibana"] for row in rows.values()} == {"8.12.2"}
    assert "migrated" in json.loads(rows[":".join(key("tag"))]["exported"])["attributes"]


def test_a_kibana_that_was_upgraded_is_recorded_even_where_nothing_is_to_be_done(
    run: Command, kibana: FakeKibana, elasticsearch: FakeElasticsearch
) -> None:
    """Until it was, every save by hand hid behind the upgrade, and every plan compared with the version before."""
    run("import", "--yes")
    kibana.version = "8.12.2"
    for saved in kibana.objects["default"].values():
        saved["attributes"]["migrated"] = True
    before = elasticsearch.documents[RECORD]
    done = run("plan")
    assert (done.code, "Nothing to do." in done.out, "is out of date" in done.out) == (0, True, True)
    assert elasticsearch.documents[RECORD] == before, "a plan writes nothing"
    done = run("import")
    assert done.code == 0, "nothing changes in Kibana, so nobody is asked"
    rows = elasticsearch.documents[RECORD]["objects"]
    assert {row["kibana"] for row in rows.values()} == {"8.12.2"}
    assert "is out of date" not in run("plan").out
    assert [asked for asked in kibana.requests if asked.endswith("_import")] == ["POST /api/saved_objects/_import"]


def test_another_address_of_kibana_is_said(
    run: Command, kibana: FakeKibana, elasticsearch: FakeElasticsearch, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("import", "--yes")
    first = os.environ["KIBANA_URL"]
    assert elasticsearch.documents[RECORD]["kibana"] == first
    monkeypatch.setenv("KIBANA_URL", first.replace("localhost", "127.0.0.1"))
    for form in ("text", "markdown"):
        done = run("plan", "--format", form)
        assert (done.code, f"The last import went to Kibana at {first}, " in done.out) == (0, True)
    assert first in json.loads(run("plan", "--json").out)["notes"][0]
    assert run("import").code == 0
    assert elasticsearch.documents[RECORD]["kibana"] == os.environ["KIBANA_URL"]
    assert "last import" not in run("plan").out


def test_a_dashboard_that_would_show_nothing_is_a_problem_and_nothing_is_imported(
    run: Command, kibana: FakeKibana, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A misspelt field in a `where` was imported."""
    shipped = compile_dashboards(Settings(), read_catalogue(), "default")
    wrong = [replace(each, body=json.loads(json.dumps(each.body).replace("tags:", "tagss:"))) for each in shipped]
    monkeypatch.setattr("toolkit.uses.deployment.lint", lint)
    monkeypatch.setattr("toolkit.uses.deployment.compile_dashboards", lambda *_: wrong)
    done = run("plan")
    assert (done.code, "no field 'tagss'" in done.out, "dashboards lint" in done.out) == (1, True, True)
    assert run("import", "--yes").code == 1
    assert kibana.objects == {}
    monkeypatch.setattr("toolkit.uses.deployment.compile_dashboards", lambda *_: shipped)
    assert run("plan").code == 3


def test_bad_an_older_toolkit_does_not_replace_the_dashboards_of_a_newer_one(
    run: Command, kibana: FakeKibana, elasticsearch: FakeElasticsearch
) -> None:
    """It would take away those that it does not know."""
    mark = {"managed_by": "ocs-elastic", "toolkit_version": "7.1.0", "schema": read_catalogue().schema + 1}
    elasticsearch.pipelines = {"ocs-campaign-groups": {"_meta": mark}}
    done = run("plan")
    assert done.code == 1
    assert "set up by a newer toolkit" in done.out
    assert "ocs-elastic-toolkit 7.1.0 or newer" in done.out
    refused = run("import", "--yes")
    assert refused.code == 1
    assert "set up by a newer toolkit" in refused.err
    assert kibana.objects == {}


def test_a_foreign_object_of_our_id_needs_adopt(
    run: Command, kibana: FakeKibana, elasticsearch: FakeElasticsearch
) -> None:
    run("import", "--yes")
    kibana.edit("default", key(), by_hand)
    elasticsearch.documents.pop(RECORD)
    assert changes(run) == [("adopt", "dashboard")]
    done = run("import", "--yes")
    assert done.code == 1
    assert "--adopt" in done.err
    assert run("import", "--yes", "--adopt").code == 0
    assert changes(run, code=0) == []


def test_killed_between_import_and_record_it_goes_on_without_adopt(
    run: Command, kibana: FakeKibana, elasticsearch: FakeElasticsearch
) -> None:
    """Even where Kibana has migrated what came before the end."""

    def migrate(saved: dict[str, Any]) -> None:
        saved["attributes"]["migrated"] = True

    kibana.migrates = migrate
    elasticsearch.fails_to_record = lambda body: any(not r["under_way"] for r in body.get("objects", {}).values())
    done = run("import", "--yes")
    assert done.code == 1
    assert set(kibana.objects["default"]) == {key(type_) for type_ in NAMES}
    assert {r["under_way"] for r in elasticsearch.documents[RECORD]["objects"].values()} == {True}
    elasticsearch.fails_to_record = lambda _: False
    elasticsearch.documents.pop("lock", None)
    assert changes(run) == [("update", kind) for kind in KINDS.values()]
    assert run("import", "--yes").code == 0
    assert changes(run, code=0) == []


def test_what_is_changed_by_hand_while_somebody_thinks_it_over_stays(
    run: Command, web: HTTPServer, kibana: FakeKibana, elasticsearch: FakeElasticsearch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It became what was recorded, unseen, and the next version of ours overwrote it."""
    run("import", "--yes")
    set_titles(monkeypatch, "New", "tag", "index-pattern")
    compiled = [*objects("New", "tag")(Settings(), None, "default"), *objects()(Settings(), None, "default")[1:]]
    monkeypatch.setattr("toolkit.uses.deployment.compile_dashboards", lambda *_: compiled)
    target = _target(web)
    plan = target.plan_dashboards()
    assert [str(change) for change in plan.changes] == [f"update tag {key('tag')[1]}"]
    before = elasticsearch.documents[RECORD]["objects"][":".join(key())]
    kibana.edit("default", key(), by_hand)
    assert len(list(target.import_dashboards(plan))) == 1
    assert elasticsearch.documents[RECORD]["objects"][":".join(key())] == before
    assert changes(run) == [("edited", "dashboard")]
    set_titles(monkeypatch, "New")
    assert changes(run) == [("update", "data_view"), ("edited", "dashboard")]


def test_what_is_changed_by_hand_after_an_import_that_was_not_answered_stays(
    run: Command, kibana: FakeKibana, elasticsearch: FakeElasticsearch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was taken for what the import had written, and overwritten."""
    run("import", "--yes")
    set_titles(monkeypatch, "New")
    with monkeypatch.context() as away:

        def refused(*_: Any) -> None:
            raise UnreachableError("connection refused")

        away.setattr(Kibana, "import_", refused)
        assert run("import", "--yes").code == 1
    assert {r["under_way"] for r in elasticsearch.documents[RECORD]["objects"].values()} == {True}
    kibana.edit("default", key(), by_hand)
    assert changes(run) == [("update", "tag"), ("update", "data_view"), ("edited", "dashboard")]
    set_titles(monkeypatch, "Links")
    assert changes(run) == [("edited", "dashboard")], "the older version of ours is at work again"
    assert run("import").code == 0
    rows = elasticsearch.documents[RECORD]["objects"]
    assert {name for name, row in rows.items() if row["under_way"]} == {":".join(key())}, "the rest has ended"
    assert changes(run) == [("edited", "dashboard")]


MISSING = {"type": "missing_references", "references": [{"type": "index-pattern", "id": "gone"}]}


@pytest.mark.parametrize(
    ("error", "words", "left"),
    [
        (MISSING, "refers to what is absent: index-pattern gone", ALL),
        ({"type": "unknown", "message": "the disk is full"}, "the disk is full",
         [("update", "tag"), ("update", "data_view"), ("create", "dashboard")]),
    ],
)  # fmt: skip
def test_a_failed_import_says_why_and_the_next_one_goes_on(
    run: Command, kibana: FakeKibana, error: dict[str, Any], words: str, left: list[tuple[str, str]]
) -> None:
    """Whether nothing or half of it was imported."""
    kibana.import_errors = [{"type": "dashboard", "id": key()[1], "error": error}]
    done = run("import", "--yes")
    assert done.code == 1
    assert f"dashboard {key()[1]}: {words}" in done.err
    assert "run the command again" in done.err
    kibana.import_errors = []
    assert changes(run) == left
    assert run("import", "--yes").code == 0
    assert changes(run, code=0) == []


def test_what_is_changed_by_hand_after_a_refused_import_is_changed_by_hand(
    run: Command, kibana: FakeKibana, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The refusal came before anything was written, so the next run may not take the change for its own."""
    run("import", "--yes")
    set_titles(monkeypatch, "New")
    kibana.answers["_import"] = (422, {"message": "too new"})
    assert run("import", "--yes").code == 1
    kibana.answers.clear()
    assert changes(run) == [("update", kind) for kind in KINDS.values()]
    kibana.edit("default", key(), by_hand)
    assert changes(run) == [("update", "tag"), ("update", "data_view"), ("edited", "dashboard")]
    assert "1 edited by hand in Kibana and left alone" in run("plan").out


def test_what_is_no_longer_desired_is_deleted_unless_it_was_edited(
    run: Command, kibana: FakeKibana, elasticsearch: FakeElasticsearch, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("import", "--yes")
    set_titles(monkeypatch, "Links", "tag", "index-pattern")
    assert changes(run) == [("delete", "dashboard")]
    kibana.edit("default", key(), by_hand)
    assert changes(run) == [("edited", "dashboard")]
    assert changes(run, "--overwrite") == [("delete", "dashboard")]
    assert run("import", "--yes", "--overwrite").code == 0
    assert set(kibana.objects["default"]) == {key("tag"), key("index-pattern")}
    assert ":".join(key()) not in elasticsearch.documents[RECORD]["objects"]
    assert changes(run, code=0) == []


def test_absent_streams_are_a_problem_and_nothing_is_imported(
    run: Command, kibana: FakeKibana, elasticsearch: FakeElasticsearch
) -> None:
    elasticsearch.names -= {"ocs-dead-letters-default", "ocs-current-state-default"}
    done = run("plan")
    assert done.code == 1
    assert "data_stream ocs-dead-letters-default, index ocs-current-state-default" in done.out
    assert "ocs-elastic apply" in done.out
    assert run("import", "--yes").code == 1
    assert kibana.objects == {}


def test_the_embedded_engine_has_no_kibana(run: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ELASTICSEARCH_URL")
    monkeypatch.setenv("OCS_ELASTIC_STATE", str(tmp_path))
    (tmp_path / "local.json").write_text('{"url": "http://127.0.0.1:9"}', encoding="utf-8")
    done = run("plan", "--profile", "local")
    assert (done.code, "the embedded engine has no Kibana" in done.err) == (2, True)


def test_without_an_address_it_is_a_usage_error(run: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KIBANA_URL")
    for arguments in (["plan"], ["import", "--yes"], ["export"]):
        done = run(*arguments)
        assert done.code == 2
        assert "no address of Kibana is known" in done.err
        assert "KIBANA_URL" in done.err


@pytest.mark.parametrize(
    ("status", "words"), [(401, "does not accept the credential"), (403, "does not permit"), (500, "failed in")]
)
@pytest.mark.parametrize("asked", ["GET /api/status", "GET /api/spaces/space/default", "_export", "_import"])
def test_bad_answer(run: Command, kibana: FakeKibana, status: int, words: str, asked: str) -> None:
    kibana.answers[asked] = (status, {"statusCode": status, "message": "Kibana says so"})
    if asked == "GET /api/status" and status == 500:
        words = "not at this path"
    done = run("import", "--yes")
    assert done.code == 1
    assert words in done.err
    assert "hint:" in done.err
    assert "Traceback" not in done.err
    assert kibana.objects == {}


def test_what_only_reads_writes_to_neither_server(
    run: Command, kibana: FakeKibana, elasticsearch: FakeElasticsearch, tmp_path: Path
) -> None:
    run("import", "--yes")
    kibana.edit("default", key(), by_hand)
    kibana.requests.clear()
    elasticsearch.requests.clear()
    for arguments in (["plan"], ["plan", "--json"], ["plan", "--overwrite"], ["export", "--output", "out"], ["lint"]):
        assert run(*arguments).code in (0, 3)
    assert {asked.split()[0] for asked in kibana.requests} == {"GET", "POST"}
    assert all(asked.endswith("_export") for asked in kibana.requests if asked.startswith("POST"))
    assert {a for a in elasticsearch.requests if not a.startswith("GET")} == {"POST /_security/user/_has_privileges"}


# Keeping what was changed by hand


def test_an_edited_dashboard_is_kept_and_then_there_is_nothing_to_do(
    run: Command, kibana: FakeKibana, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("toolkit.dashboards.frozen.data_folder", lambda _: tmp_path)
    plain = objects()

    def compiled(settings: Settings, catalogue: Any, space: str) -> list[SavedObject]:
        return shadowed(plain(settings, catalogue, space), tmp_path / "frozen", settings.namespace, space)

    monkeypatch.setattr("toolkit.uses.deployment.compile_dashboards", compiled)
    run("import", "--yes")
    assert "Nothing was changed by hand" in run("export").out
    kibana.edit("default", key(), by_hand)
    done = run("export", "--json")
    assert (done.code, json.loads(done.out)["files"]) == (
        0,
        [{"title": "A dashboard", "file": "dashboard.state.json.j2"}],
    )
    assert changes(run, code=0) == []
    assert changes(run, "--space", "b") == [("create", "space"), *ALL]
    assert run("import", "--yes", "--space", "b").code == 0
    assert kibana.objects["b"][key(space="b")]["attributes"]["panelsJSON"] == embed([{"title": "mine"}])
    kibana.edit("default", key(), lambda attributes: attributes.update(title="again"))
    assert changes(run) == [("edited", "dashboard")]
    (tmp_path / "frozen" / "dashboard.state.json.j2").unlink()
    assert changes(run) == [("edited", "dashboard")]


def test_when_the_file_that_kept_an_edit_is_deleted_the_yaml_is_back(
    run: Command, kibana: FakeKibana, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """It stayed edited by hand until --overwrite: nobody had recorded that the file had been in force."""
    monkeypatch.setattr("toolkit.dashboards.frozen.data_folder", lambda _: tmp_path)
    plain = objects()

    def compiled(settings: Settings, catalogue: Any, space: str) -> list[SavedObject]:
        return shadowed(plain(settings, catalogue, space), tmp_path / "frozen", settings.namespace, space)

    monkeypatch.setattr("toolkit.uses.deployment.compile_dashboards", compiled)
    run("import", "--yes")
    kibana.edit("default", key(), by_hand)
    assert "ocs-elastic dashboards import" in run("export").err
    assert "is out of date" in run("plan").out
    assert run("import").code == 0
    (tmp_path / "frozen" / "dashboard.state.json.j2").unlink()
    assert changes(run) == [("update", "dashboard")]
    assert run("import", "--yes").code == 0
    assert kibana.objects["default"][key()]["attributes"]["panelsJSON"] == embed([{"title": "Links"}])


def test_one_is_exported_by_name(run: Command, tmp_path: Path) -> None:
    assert "is not in space default" in run("export", "state", "--output", "out").err
    run("import", "--yes")
    assert run("export", "state", "--output", "out").code == 0
    assert [file.name for file in (tmp_path / "out").iterdir()] == ["dashboard.state.json.j2"]
    done = run("export", "stat", "--output", "out")
    assert (done.code, "Did you mean 'state'?" in done.err) == (2, True)


def test_what_shows_something_of_somebody_elses_is_not_kept(run: Command, kibana: FakeKibana, tmp_path: Path) -> None:
    run("import", "--yes")
    kibana.edit("default", key(), by_hand)
    kibana.objects["default"][key()]["references"] = [{"type": "lens", "id": "library", "name": "p1"}]
    done = run("export", "--output", "out")
    assert done.code == 1
    assert "lens library" in done.err
    assert "unlink" in done.err
    assert not (tmp_path / "out").exists()


def test_an_installed_wheel_needs_a_folder_of_the_users(
    run: Command, kibana: FakeKibana, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("toolkit.resources.is_checkout", lambda: False)
    run("import", "--yes")
    kibana.edit("default", key(), by_hand)
    done = run("export")
    assert (done.code, "frozen_dashboards" in done.err) == (2, True)
    (tmp_path / "ocs-elastic.yml").write_text("frozen_dashboards: mine\n", encoding="utf-8")
    assert run("export").code == 0
    assert [file.name for file in (tmp_path / "mine").iterdir()] == ["dashboard.state.json.j2"]


def test_lint_asks_nobody(run: Command, kibana: FakeKibana, elasticsearch: FakeElasticsearch) -> None:
    assert run("lint").code == 0
    assert json.loads(run("lint", "--json").out)["findings"] == []
    assert kibana.requests == elasticsearch.requests == []


# Taking them away


def _target(web: HTTPServer, *, kibana: bool = True, **more: Any) -> Deployment:
    url = web.url_for("").rstrip("/")
    connection = Connection(url=url, source="the tests", kibana_url=web.url_for(BASE) if kibana else None)
    return deployment(connection, Settings(), **more)


def test_destroy_takes_the_dashboards_of_every_space_and_leaves_the_spaces(
    run: Command, web: HTTPServer, kibana: FakeKibana, elasticsearch: FakeElasticsearch
) -> None:
    run("import", "--yes")
    run("import", "--yes", "--space", "b")
    run("import", "--yes", "--space", "gone")
    kibana.spaces.remove("gone")
    kibana.objects["default"]["dashboard", "somebodys"] = {"attributes": {}}
    elasticsearch.names.clear()
    what = removal(_target(web), ())
    assert not what.nothing
    gone = list(destroy(_target(web), what))
    assert {(r.kind, r.name) for r in gone} == {
        (KINDS[type_], key(type_, space)[1]) for type_ in NAMES for space in ("default", "b", "gone")
    }
    assert [r.kind for r in gone][:3] == ["dashboard", "data_view", "tag"]
    assert kibana.objects["default"].keys() == {("dashboard", "somebodys")}
    assert kibana.objects["b"] == {}
    assert kibana.spaces == {"default", "b"}
    assert elasticsearch.documents == {}
    assert removal(_target(web), ()).nothing


def _dashboard_over(id_: str, title: str) -> dict[str, Any]:
    reference = {"type": "index-pattern", "id": id_, "name": "a"}
    return {"type": "dashboard", "attributes": {"title": title}, "references": [reference]}


def test_destroy_leaves_the_data_views_that_others_use_and_names_those(
    run: Command, web: HTTPServer, kibana: FakeKibana, elasticsearch: FakeElasticsearch
) -> None:
    """Other people's dashboards were left without their data."""
    run("import", "--yes")
    kibana.objects["default"]["dashboard", "theirs"] = _dashboard_over(key("index-pattern")[1], "Shift")
    kibana.objects["default"][key()]["references"] = [{"type": "index-pattern", "id": key("index-pattern")[1]}]
    elasticsearch.names.clear()
    what = removal(_target(web), ())
    ((resource, reason),) = [each for each in what.stays if each[0].kind == "data_view"]
    assert resource.name == key("index-pattern")[1]
    assert reason == "used by dashboard 'Shift'; from now on it is theirs, to be removed in Kibana"
    assert [r.kind for r in destroy(_target(web), what)] == ["dashboard", "tag"]
    assert kibana.objects["default"].keys() == {("dashboard", "theirs"), key("index-pattern")}
    assert elasticsearch.documents == {}


def test_destroy_leaves_a_data_view_that_is_in_another_space_too(
    run: Command, web: HTTPServer, kibana: FakeKibana, elasticsearch: FakeElasticsearch
) -> None:
    """Kibana refused to delete it, so destroy never came to an end."""
    run("import", "--yes")
    kibana.shared[key("index-pattern")] = ["b", "c"]
    elasticsearch.names.clear()
    what = removal(_target(web), ())
    ((_, reason),) = [each for each in what.stays if each[0].kind == "data_view"]
    assert reason.startswith("in space b, c too; ")
    assert [r.kind for r in destroy(_target(web), what)] == ["dashboard", "tag"]
    kibana.objects["default"].pop(key("index-pattern"))
    assert removal(_target(web), ()).nothing


def test_a_data_view_that_goes_and_is_in_another_space_too_says_so(
    run: Command, kibana: FakeKibana, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("import", "--yes")
    kibana.shared[key("index-pattern")] = ["b"]
    set_titles(monkeypatch, "Links", "tag", "dashboard")
    done = run("import", "--yes")
    assert (done.code, "take it out of those" in done.err) == (1, True)


def test_destroy_can_leave_kibana_out(
    run: Command, web: HTTPServer, kibana: FakeKibana, elasticsearch: FakeElasticsearch
) -> None:
    """A Kibana that was down kept everything of Elasticsearch from being removed."""
    run("import", "--yes")
    elasticsearch.names.clear()
    kibana.starting = 1000
    kibana.requests.clear()
    with pytest.raises(UnreachableError, match="is not ready yet") as raised:
        removal(_target(web), ())
    assert "--no-dashboards" in str(raised.value.hint)
    assert kibana.requests == ["GET /api/status"], "nothing will be imported, so it is not waited for"
    target = _target(web, without_dashboards=True)
    what = removal(target, ("ocs-campaign-groups-default", "ocs-dead-letters-default"))
    assert {reason for r, reason in what.stays if r.kind in KINDS.values()} == {
        "left out by --no-dashboards; destroy without it removes it"
    }
    assert (what.dashboards, what.state_goes) == ((), False), "what is recorded is needed for that"


def test_destroy_tells_of_another_address_of_kibana(
    run: Command, web: HTTPServer, elasticsearch: FakeElasticsearch
) -> None:
    run("import", "--yes")
    elasticsearch.names.clear()
    there = os.environ["KIBANA_URL"].replace("localhost", "127.0.0.1")
    connection = Connection(url=web.url_for("").rstrip("/"), source="the tests", kibana_url=there)
    assert removal(_target(web), ()).notes == ()
    (note,) = removal(deployment(connection, Settings()), ()).notes
    assert f"went to Kibana at {os.environ['KIBANA_URL']}, and this is {there}" in note


def test_a_plan_does_not_wait_for_a_kibana_that_is_starting_and_an_import_does(
    run: Command, kibana: FakeKibana, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("toolkit.client.kibana._LOOK_AGAIN_S", 0.01)
    kibana.starting = 2
    done = run("plan")
    assert (done.code, "is not ready yet" in done.err) == (1, True)
    assert kibana.requests == ["GET /api/status"]
    assert run("import", "--yes").code == 0


def test_a_plan_can_leave_kibana_out(web: HTTPServer, kibana: FakeKibana) -> None:
    kibana.starting = 1000
    with pytest.raises(UnreachableError) as raised, nothing_to_do():
        _target(web, read_only=True).plan()
    assert "--no-dashboards" in str(raised.value.hint)
    kibana.requests.clear()
    with nothing_to_do():
        (change,) = _target(web, without_dashboards=True).plan().changes
    assert (change.action, change.meaning) == ("unavailable", LEFT_OUT)
    assert kibana.requests == []


@contextmanager
def nothing_to_do() -> Iterator[None]:
    """A cluster of which nothing has to change."""
    empty = Plan("c", "u", "http://e", "s", "default", ())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("toolkit.uses.deployment.read_live", lambda *_: None)
        patch.setattr("toolkit.uses.deployment.make_plan", lambda *_, **__: empty)
        yield


def test_destroy_without_kibana_says_what_would_be_left(
    run: Command, web: HTTPServer, elasticsearch: FakeElasticsearch
) -> None:
    run("import", "--yes")
    elasticsearch.names.clear()
    with pytest.raises(UnsafePlanError, match="in space default, and no address of Kibana is known"):
        removal(_target(web, kibana=False), ())


def test_the_state_index_is_made_where_it_is_absent(run: Command, elasticsearch: FakeElasticsearch) -> None:
    assert not elasticsearch.has_state
    assert run("plan").code == 3
    assert not elasticsearch.has_state
    run("import", "--yes")
    assert f"PUT /{STATE}" in elasticsearch.requests
