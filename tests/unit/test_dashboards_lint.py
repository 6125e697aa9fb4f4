"""The lint finds nothing in what is shipped, and every fault that is planted in it."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from toolkit.catalogue import read_catalogue
from toolkit.config import Settings
from toolkit.dashboards.colour import contrast, text_on
from toolkit.dashboards.compile import compile_dashboards, view_fields
from toolkit.dashboards.frozen import dump, file_name, is_frozen, shadowed
from toolkit.dashboards.lint import TEXT_CONTRAST, lint
from toolkit.dashboards.saved_object import SavedObject, embed
from toolkit.resources import data_folder

CATALOGUE = read_catalogue()
OBJECTS = compile_dashboards(Settings(), CATALOGUE, "default")
FIELDS = view_fields(CATALOGUE)

Body = dict[str, Any]


@pytest.mark.parametrize(("namespace", "space"), [("default", "default"), ("a_b.c", "second-space")])
def test_what_is_shipped_has_no_fault(namespace: str, space: str) -> None:
    assert lint(compile_dashboards(Settings(namespace=namespace), CATALOGUE, space), FIELDS) == []


def test_no_two_namespaces_or_spaces_share_an_id() -> None:
    pairs = [("a", "b"), ("a_b", "c"), ("a", "b-c"), ("default", "default"), ("a.b", "c")]
    ids = [o.id for ns, space in pairs for o in compile_dashboards(Settings(namespace=ns), CATALOGUE, space)]
    assert len(ids) == len(set(ids))


def planted(change: Callable[[Body], None], *, of: str = "ocs-state-default-default") -> list[str]:
    """What the lint says when one object has been changed; a dashboard's panels are decoded for it as `panels`."""
    objects = []
    for saved in OBJECTS:
        if saved.id != of:
            objects.append(saved)
            continue
        body = copy.deepcopy(saved.body)
        if saved.type == "dashboard":
            body["panels"] = json.loads(body["attributes"]["panelsJSON"])
        change(body)
        if saved.type == "dashboard":
            body["attributes"]["panelsJSON"] = embed(body.pop("panels"))
        objects.append(replace(saved, body=body, id=body["id"]))
    return lint(objects, FIELDS)


def panel(body: Body, id_: str) -> Body:
    found: Body = next(p for p in body["panels"] if p["panelIndex"] == id_)
    return found


def state(body: Body, id_: str) -> Body:
    found: Body = panel(body, id_)["embeddableConfig"]["attributes"]["state"]
    return found


def columns(body: Body, id_: str) -> Body:
    found: Body = state(body, id_)["datasourceStates"]["indexpattern"]["layers"]["layer"]["columns"]
    return found


def spec(body: Body, id_: str, change: Callable[[Body], None]) -> None:
    params = panel(body, id_)["embeddableConfig"]["savedVis"]["params"]
    found = json.loads(params["spec"])
    change(found)
    params["spec"] = embed(found)


def formbased(body: Body) -> None:
    sources = state(body, "groups")["datasourceStates"]
    sources["formBased"] = sources.pop("indexpattern")


FAULTS: dict[str, tuple[Callable[[Body], Any], str]] = {
    "a newer Kibana's version": (
        lambda b: b.update(migrationVersion={"dashboard": "8.4.0"}),
        "migrationVersion must be {'dashboard': '8.3.0'}",
    ),
    "a newer core": (lambda b: b.update(coreMigrationVersion="8.8.0"), "coreMigrationVersion must be 8.3.0"),
    "a version that 8.3 does not know": (lambda b: b.update(typeMigrationVersion="8.9.0"), "typeMigrationVersion"),
    "an unknown attribute": (lambda b: b["attributes"].update(colour=1), "no attribute 'colour'"),
    "a dangling reference": (
        lambda b: b["references"][0].update(id="nowhere"),
        "leads to tag nowhere, which is not there",
    ),
    "a reference that is missing at the root": (
        lambda b: b["references"].remove(next(r for r in b["references"] if r["name"].startswith("groups:"))),
        "is missing in the root",
    ),
    "a reference that is missing in the panel": (
        lambda b: panel(b, "groups")["embeddableConfig"]["attributes"]["references"].pop(),
        "is missing in the panel",
    ),
    "panels over each other": (
        lambda b: panel(b, "active")["gridData"].update(x=4),
        "panel active: it lies over panel running",
    ),
    "a panel beyond the grid": (lambda b: panel(b, "other")["gridData"].update(w=9), "wider than the grid"),
    "a panel in another's place": (lambda b: panel(b, "other")["gridData"].update(i="x"), "is another panel's"),
    "a panel by reference": (lambda b: panel(b, "other").update(embeddableConfig={}), "not held by value"),
    "a panel without a title": (lambda b: panel(b, "running").update(title=""), "it has no title"),
    "8.6's data source": (formbased, "spins for ever on 8.3"),
    "a column out of order": (
        lambda b: state(b, "groups")["datasourceStates"]["indexpattern"]["layers"]["layer"]["columnOrder"].pop(),
        "columnOrder and columns differ",
    ),
    "an accessor of no column": (
        lambda b: state(b, "running")["visualization"].update(accessor="m7"),
        "names column m7, which is not there",
    ),
    "an unknown field": (
        lambda b: columns(b, "groups")["r0"].update(sourceField="ocs.nothing"),
        "panel groups: no field 'ocs.nothing'",
    ),
    "an unknown field in a panel's query": (
        lambda b: state(b, "groups")["query"].update(query='ocs.nothing: "a:b" and tags: *'),
        "panel groups: no field 'ocs.nothing'",
    ),
    "an unknown field in a column's filter": (
        lambda b: columns(b, "running")["m0"]["filter"].update(query="ocs.nothing: 5"),
        "panel running: no field 'ocs.nothing'",
    ),
    "a field of another type": (
        lambda b: columns(b, "groups")["m0"].update(dataType="number"),
        "is said to be a number, and ocs.tenant.name is a string",
    ),
    "an average of text": (
        lambda b: columns(b, "groups")["m0"].update(operationType="average"),
        "average of ocs.tenant.name, which is a string",
    ),
    "two columns of one name": (
        lambda b: columns(b, "groups")["m0"].update(label="State"),
        "columns need labels that differ",
    ),
    "text that cannot be read": (
        lambda b: state(b, "running")["visualization"]["palette"]["params"]["stops"][0].update(color="#555555"),
        "text cannot be read on #555555",
    ),
    "a Vega of another version": (
        lambda b: spec(b, "timeline", lambda s: s.update({"$schema": "https://vega.github.io/schema/vega/v6.json"})),
        "must name Vega 5",
    ),
    "a Vega that fetches from elsewhere": (
        lambda b: spec(b, "timeline", lambda s: s["data"].append({"name": "x", "url": "https://example.com"})),
        "would be fetched from https://example.com",
    ),
    "a Vega over an unknown index": (
        lambda b: spec(b, "timeline", lambda s: _answer(s)["url"].update(index="logs")),
        "asks logs, which no data view shows",
    ),
    "a Vega with an unknown field": (
        lambda b: spec(b, "timeline", lambda s: _answer(s)["url"]["body"]["aggs"]["groups"]["terms"].update(field="x")),
        "no field 'x'",
    ),
    "a Vega that ignores the filters": (
        lambda b: spec(b, "timeline", lambda s: _answer(s)["url"]["body"].update(query={"match_all": {}})),
        "does not follow the dashboard's filters",
    ),
    "a control on an unknown field": (
        lambda b: b["attributes"]["controlGroupInput"].update(
            panelsJSON=b["attributes"]["controlGroupInput"]["panelsJSON"].replace("ocs.tenant.name", "ocs.tenant")
        ),
        "control Tenant: no field 'ocs.tenant'",
    ),
    "a link to nowhere": (
        lambda b: panel(b, "links")["embeddableConfig"]["savedVis"]["params"].update(markdown="[x](#/view/nowhere)"),
        "a link leads to dashboard nowhere",
    ),
}


def _answer(found: Body) -> Body:
    answer: Body = next(data for data in found["data"] if data["name"] == "answer")
    return answer


@pytest.mark.parametrize(("change", "said"), FAULTS.values(), ids=FAULTS)
def test_planted_faults_are_found(change: Callable[[Body], Any], said: str) -> None:
    found = planted(change)
    assert any(said in sentence for sentence in found), found
    assert all(sentence.startswith("dashboards/") for sentence in found)


def test_faults_of_series_are_found() -> None:
    def bare(body: Body) -> None:
        visualization = state(body, "busy")["visualization"]
        visualization.update(xTitle="", curveType="CURVE_STEP_AFTER")
        visualization["layers"][0]["yConfig"].pop()
        del columns(body, "busy")["m1X0"]

    found = " ".join(planted(bare, of="ocs-performance-default-default"))
    assert "an axis has no title" in found
    assert "CURVE_STEP is accepted and fails to render" in found
    assert "a series has no colour of its own" in found
    assert "column m1X1 needs column m1X0" in found


def test_faults_of_data_views_are_found() -> None:
    def bare(body: Body) -> None:
        formats = json.loads(body["attributes"]["fieldFormatMap"])
        formats["ocs.campaign_group.state.label"]["params"]["colors"][0]["text"] = "#FFFFFF"
        formats["ocs.nothing"] = {"id": "percent", "params": {}}
        body["attributes"]["fieldFormatMap"] = embed(formats)

    found = " ".join(planted(bare, of="ocs-events-default-default"))
    assert "no field 'ocs.nothing'" in found
    assert "#FFFFFF cannot be read on" in found


def test_an_id_that_stands_twice_is_found() -> None:
    assert any("stands twice" in sentence for sentence in lint([*OBJECTS, OBJECTS[-1]], FIELDS))


def test_a_data_view_that_is_missing_is_found() -> None:
    found = lint([saved for saved in OBJECTS if saved.id != "ocs-current-default-default"], FIELDS)
    assert any("leads to index-pattern ocs-current-default-default" in sentence for sentence in found)


def two_layers(body: Body) -> None:
    """The groups' table with a second layer, over the messages, whose only column asks for what only they have."""
    attributes = panel(body, "groups")["embeddableConfig"]["attributes"]
    reference = {"type": "index-pattern", "id": "ocs-events-default-default"}
    attributes["references"].append({**reference, "name": "indexpattern-datasource-layer-other"})
    body["references"].append({**reference, "name": "groups:indexpattern-datasource-layer-other"})
    column = {"label": "Other", "dataType": "number", "operationType": "average", "sourceField": "only.events"}
    layer = {"columns": {"o": column}, "columnOrder": ["o"]}
    attributes["state"]["datasourceStates"]["indexpattern"]["layers"]["other"] = layer


def test_each_layer_asks_its_own_data_view(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two of them ended the lint with a ValueError."""
    monkeypatch.setitem(FIELDS, "events", {**FIELDS["events"], "only.events": "number"})
    assert planted(two_layers) == []
    monkeypatch.setitem(FIELDS, "current", {**FIELDS["current"], "only.events": "number"})
    monkeypatch.setitem(FIELDS, "events", {k: v for k, v in FIELDS["events"].items() if k != "only.events"})
    assert "panel groups: no field 'only.events'" in " ".join(planted(two_layers))


def test_what_lacks_a_title_or_a_label_is_found() -> None:
    """It ended the lint with a KeyError."""
    assert "panel running: it has no title" in " ".join(planted(lambda b: panel(b, "running").pop("title")))
    assert "columns need labels" in " ".join(planted(lambda b: columns(b, "groups")["m0"].pop("label")))


def as_a_later_kibana_exports(body: Body) -> None:
    body.update(coreMigrationVersion="8.8.0", typeMigrationVersion="8.9.0")
    del body["migrationVersion"]
    body["attributes"]["hasOwnTitle"] = True
    panels = json.loads(body["attributes"]["panelsJSON"])
    for each in panels:
        each.pop("title", None)
        state = each["embeddableConfig"].get("attributes", {}).get("state")
        if state:
            state["datasourceStates"]["formBased"] = state["datasourceStates"].pop("indexpattern")
            state["query"] = {"esql": "FROM x"}
    panels.append({"type": "image", "panelIndex": "i", "gridData": panels[0]["gridData"], "embeddableConfig": {}})
    body["attributes"]["panelsJSON"] = embed(panels)


def test_what_a_later_kibana_has_exported_is_no_fault(tmp_path: Path) -> None:
    """The lint ended with an error, or found its versions wrong for ever."""
    for each in OBJECTS:
        body = copy.deepcopy(each.body)
        if each.type == "dashboard":
            as_a_later_kibana_exports(body)
        if each.type != "tag":
            text = dump(body, "default", "default")
            (tmp_path / file_name(each, "default", "default")).write_text(text, encoding="utf-8")
    frozen = shadowed(OBJECTS, tmp_path, "default", "default")
    assert sum(map(is_frozen, frozen)) == len(OBJECTS) - 1
    assert not any(map(is_frozen, OBJECTS))
    assert lint(frozen, FIELDS) == []
    found = lint([each for each in frozen if each.id != "ocs-events-default-default"], FIELDS)
    assert "leads to index-pattern ocs-events-default-default, which is not there" in " ".join(found)


def test_a_field_that_somebody_added_to_a_frozen_data_view_is_no_fault(tmp_path: Path) -> None:
    view = next(each for each in OBJECTS if each.id == "ocs-current-default-default")
    body = copy.deepcopy(view.body)
    added = {"mine": {"type": "keyword", "script": {"source": "emit('x')"}}}
    body["attributes"]["runtimeFieldMap"] = embed(added)
    body["attributes"]["fieldFormatMap"] = embed({"mine": {"id": "string", "params": {}}})
    text = dump(body, "default", "default")
    (tmp_path / file_name(view, "default", "default")).write_text(text, encoding="utf-8")
    assert lint(shadowed(OBJECTS, tmp_path, "default", "default"), FIELDS) == []


# Machado, Oliveira and Fernandes (2009), severity 1: what people without one kind of cone see.
_BLIND = {
    "protanopia": ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998)),
    "deuteranopia": ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.011820, 0.042940, 0.968881)),
    "tritanopia": ((1.255528, -0.076749, -0.178779), (-0.078411, 0.930809, 0.147602), (0.004733, 0.691367, 0.303900)),
}


def _seen(colour: str, by: str | None) -> tuple[float, ...]:
    """The colour in linear light, as somebody sees it."""
    rgb = [((int(colour[i : i + 2], 16) / 255 + 0.055) / 1.055) ** 2.4 for i in (1, 3, 5)]
    return tuple(rgb) if by is None else tuple(sum(w * c for w, c in zip(row, rgb, strict=True)) for row in _BLIND[by])


def _lab(linear: tuple[float, ...]) -> tuple[float, float, float]:
    """CIELAB, in which distances are about as people see them."""
    r, g, b = linear
    xyz = (
        0.4124 * r + 0.3576 * g + 0.1805 * b,
        0.2126 * r + 0.7152 * g + 0.0722 * b,
        0.0193 * r + 0.1192 * g + 0.9505 * b,
    )
    fx, fy, fz = (
        (v / n) ** (1 / 3) if v / n > 0.008856 else 7.787 * max(v, 0) / n + 16 / 116
        for v, n in zip(xyz, (0.95047, 1.0, 1.08883), strict=True)
    )
    return 116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)


@pytest.mark.parametrize("by", [None, *_BLIND])
@pytest.mark.parametrize("enum", ["state", "action", "actor"])
def test_colours_can_be_told_apart_by_everybody(enum: str, by: str | None) -> None:
    """At least 10 apart in CIELAB, where 2.3 is just noticeable; labels stand beside them anyway."""
    ids = CATALOGUE.state_change_actions if enum == "action" else None
    values = [v for v in CATALOGUE.enums[enum].values if ids is None or v.id in ids]
    for i, one in enumerate(values):
        for other in values[i + 1 :]:
            a, b = _lab(_seen(one.colour, by)), _lab(_seen(other.colour, by))
            distance = sum((x - y) ** 2 for x, y in zip(a, b, strict=True)) ** 0.5
            assert distance >= 10, f"{one.id} and {other.id} look alike: {distance:.0f}"


def test_text_can_be_read_on_every_colour_of_the_catalogue() -> None:
    for enum in CATALOGUE.enums.values():
        for value in enum.values:
            assert contrast(text_on(value.colour), value.colour) >= TEXT_CONTRAST, f"{enum.name} {value.id}"


def test_the_contrast_is_that_of_the_standard() -> None:
    assert contrast("#000000", "#FFFFFF") == pytest.approx(21)
    assert contrast("#777777", "#FFFFFF") == pytest.approx(4.48, abs=0.01)


def test_saved_objects_know_their_files() -> None:
    sources = {saved.source for saved in OBJECTS if isinstance(saved, SavedObject)}
    root = data_folder("dashboards").parent
    assert all((root / source).is_file() for source in sources)
