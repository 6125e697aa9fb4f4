"""A frozen object is the same object again, in any namespace and space."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.catalogue import read_catalogue
from toolkit.config import Settings
from toolkit.dashboards.compile import compile_dashboards
from toolkit.dashboards.frozen import dump, file_name, frozen_folder, load, shadowed
from toolkit.dashboards.saved_object import SavedObject, embed, ndjson, object_id
from toolkit.errors import RenderError, ToolkitError

PLACES = [("default", "default"), ("kbn", "kbn_a"), ("a.b_c", "x-y"), ("x", "default"), ("default", "team-1")]


def compiled(namespace: str, space: str) -> list[SavedObject]:
    return compile_dashboards(Settings(namespace=namespace), read_catalogue(), space)


def frozen(folder: Path, objects: list[SavedObject], namespace: str, space: str) -> None:
    for each in objects:
        text = dump({**each.body, "updated_at": "now", "version": "W"}, namespace, space)
        (folder / file_name(each, namespace, space)).write_text(text, encoding="utf-8")


@pytest.mark.parametrize("source", PLACES)
def test_what_is_frozen_in_one_place_is_byte_for_byte_what_is_compiled_for_another(
    tmp_path: Path, source: tuple[str, str]
) -> None:
    frozen(tmp_path, compiled(*source), *source)
    for place in PLACES:
        expected = {each.key: each for each in compiled(*place)}
        for each in load(tmp_path, *place):
            assert ndjson([each]) == ndjson([expected.pop(each.key)])
        assert expected == {}


def saved(attributes: dict[str, Any], namespace: str = "ns", space: str = "sp") -> SavedObject:
    id_ = object_id("state", namespace, space)
    body = {"type": "dashboard", "id": id_, "attributes": {"panelsJSON": "[]", **attributes}, "references": []}
    return SavedObject("dashboard", id_, "t", body, "")


def again(tmp_path: Path, each: SavedObject, source: tuple[str, str] = ("ns", "sp")) -> Any:
    frozen(tmp_path, [each], *source)
    (loaded,) = load(tmp_path, *source)
    return loaded.body["attributes"]


@pytest.mark.parametrize(
    "text",
    [
        "${{ settings }}", "<% for x in y %>", "<# gone #>", '"', "\\", "\\n", "a\nb", "}}", "%>", "é 🙂 \u2028 \x00",
        "ocs-state-ns-sp", "ocs-campaign-groups-ns", "ocs-campaign-groups-ns*", "xocs-state-ns-sp", "ocs-state-ns-sp2",
        "ocs-campaign-groups-ns-2", "ocs-campaign-groups-ns.", "ocs-campaign-groups-ns.x", ".ds-ocs-campaign-groups-ns",
        "[a](#/view/ocs-state-ns-sp), [b](#/view/ocs-other_1-ns-sp?_g=())", "{", "[1", "[]", "{}", '{"a": 1}', "[ 1 ]",
        "null", "1", "ocs-current-state-ns ${{ ocs-dead-letters-ns }}",
    ],
)  # fmt: skip
@pytest.mark.parametrize("key", ["title", "markdown"])
def test_every_text_comes_back_as_it_was(tmp_path: Path, text: str, key: str) -> None:
    attributes = {key: text, text: [text]}
    assert again(tmp_path, saved(attributes)) == {"panelsJSON": "[]", **attributes}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner),
    max_leaves=10,
)  # fmt: skip


@given(value=JSON, text=st.text("ocs-tanepigruml_${}<%># \"'\\\n"))
def test_every_value_comes_back_as_it_was(tmp_path_factory: pytest.TempPathFactory, value: Any, text: str) -> None:
    attributes = {"value": value, "panelsJSON": embed([{"value": value}]), "text": text}
    assert again(tmp_path_factory.mktemp("frozen"), saved(attributes)) == attributes


def test_kibanas_own_json_is_decoded_whatever_its_format_and_other_texts_keep_theirs(tmp_path: Path) -> None:
    text = '[ { "b": 1, "a": [2] } ]'
    each = saved({"panelsJSON": text, "spec": text})
    assert again(tmp_path, each) == {"panelsJSON": embed([{"b": 1, "a": [2]}]), "spec": text}
    assert '"__json__"' in (tmp_path / "dashboard.state.json.j2").read_text(encoding="utf-8")


def test_a_namespace_and_a_space_leave_no_trace_in_the_file(tmp_path: Path) -> None:
    objects = compiled("kunde_x", "team_y")
    frozen(tmp_path, objects, "kunde_x", "team_y")
    for file in tmp_path.iterdir():
        assert not {"kunde_x", "team_y", "updated_at"} & set(file.read_text(encoding="utf-8").replace("-", " ").split())
        assert "kunde_x" not in file.read_text(encoding="utf-8")
        assert "team_y" not in file.read_text(encoding="utf-8")


def test_a_frozen_object_goes_before_the_compiled_one_and_others_stand_behind(tmp_path: Path) -> None:
    objects = compiled("ns", "sp")
    mine = saved({"title": "Mine"})
    new = SavedObject("dashboard", object_id("extra", "ns", "sp"), "x", {**mine.body, "id": "ocs-extra-ns-sp"}, "")
    frozen(tmp_path, [mine, new], "ns", "sp")
    shown = shadowed(objects, tmp_path, "ns", "sp")
    assert [each.id for each in shown] == [*(each.id for each in objects), "ocs-extra-ns-sp"]
    by_id = {each.id: each for each in shown}
    assert by_id[mine.id].body["attributes"]["title"] == "Mine"
    assert by_id[mine.id].source.endswith("/dashboard.state.json.j2")
    (tmp_path / "dashboard.state.json.j2").unlink()
    assert {each.id: each for each in shadowed(objects, tmp_path, "ns", "sp")}[mine.id] == next(
        each for each in objects if each.id == mine.id
    )


def test_the_configured_folder_shadows(tmp_path: Path) -> None:
    frozen(tmp_path, [saved({"title": "Mine"})], "ns", "sp")
    settings = Settings(namespace="ns", frozen_dashboards=str(tmp_path))
    assert "Mine" in [each.title for each in compile_dashboards(settings, read_catalogue(), "sp")]
    assert frozen_folder(None).name == "frozen"
    assert load(tmp_path / "absent", "ns", "sp") == []


def shaped(**odd: Any) -> str:
    """A dashboard's file, whole but for what is odd."""
    whole = {"type": "dashboard", "id": "ocs-state-ns-sp", "attributes": {"panelsJSON": "[]"}, "references": []}
    return json.dumps(whole | odd)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        pytest.param("{", "not JSON", id="bad_json"),
        pytest.param("[]", "must render to a JSON object", id="bad_list"),
        pytest.param('{"type": "dashboard", "id": "x"}', "'attributes' is missing", id="bad_no_attributes"),
        pytest.param('{"type": "dashboard", "id": ${{ secret }}}', "'secret' is undefined", id="bad_variable"),
        pytest.param(
            '{"type": "dashboard", "id": "ocs-state-other-sp", "attributes": {"panelsJSON": "[]"}, "references": []}',
            "no object of namespace",
            id="bad_id",
        ),
        pytest.param(
            '{"type": "tag", "id": ${{ object_id("state") | tojson }}, "attributes": {}, "references": []}',
            "belongs into",
            id="bad_name",
        ),
        pytest.param(shaped(type=1), "'type' must be text, not int", id="bad_type_of_type"),
        pytest.param(shaped(type="dashbord"), "unknown type 'dashbord'; Did you mean 'dashboard'", id="bad_type"),
        pytest.param(shaped(id={"a": 1}), "'id' must be text, not dict", id="bad_type_of_id"),
        pytest.param(shaped(attributes=[]), "'attributes' must be a mapping, not list", id="bad_type_of_attributes"),
        pytest.param(shaped(attributes={"title": "x"}), "'panelsJSON' is missing", id="bad_no_panels"),
        pytest.param(shaped(attributes={"panelsJSON": "{}"}), "must hold a list of panels", id="bad_panels"),
        pytest.param(shaped(attributes={"panelsJSON": [1]}), "must hold a list of panels", id="bad_type_of_panels"),
        pytest.param(shaped(references=None), "'references' must be a list, not NoneType", id="bad_references"),
        pytest.param(shaped(references=[{"id": "x"}]), "a reference must have id, name and type", id="bad_reference"),
        pytest.param('{"type": "tag", "id": "x", "attributes": {}}', "'references' is missing", id="bad_no_references"),
    ],
)
def test_bad_file(tmp_path: Path, text: str, reason: str) -> None:
    (tmp_path / "dashboard.state.json.j2").write_text(text, encoding="utf-8")
    with pytest.raises(ToolkitError, match=reason) as raised:
        load(tmp_path, "ns", "sp")
    assert f"{tmp_path.name}/dashboard.state.json.j2" in raised.value.reason
    assert isinstance(raised.value, RenderError) or raised.value.hint
