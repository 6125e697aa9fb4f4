"""The dashboards' YAML is read strictly: every mistake is named with file and line."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from toolkit.catalogue import read_catalogue
from toolkit.config import Settings
from toolkit.dashboards.compile import compile_dashboards
from toolkit.dashboards.conditions import conditions, dsl, kql
from toolkit.dashboards.source import Tile, read_dashboards
from toolkit.errors import SourceError
from toolkit.resources import data_folder

CATALOGUE = read_catalogue()

GOOD = """\
order: 1
title: test
description: A test.
time: {from: now-1h, to: now}
refresh_s: 30
controls: {Tenant: ocs.tenant.name}
panels:
  - id: running
    size: 24x6
    title: Running now
    tile: {of: current, measure: {count: documents, label: groups, where: {state: running}}}
  - id: next
    size: 24x6
    title: Beside it
    tile: {of: current, measure: {count: documents, label: groups}}
  - id: below
    size: 8x6
    title: Below both
    tile: {of: current, measure: {count: documents, label: groups}}
"""


def read(tmp_path: Path, text: str, name: str = "test.yml") -> list[object]:
    (tmp_path / name).write_text(text, encoding="utf-8")
    return list(read_dashboards(tmp_path, CATALOGUE))


def test_panels_flow_from_left_to_right_and_then_down(tmp_path: Path) -> None:
    (tmp_path / "test.yml").write_text(GOOD, encoding="utf-8")
    (dashboard,) = read_dashboards(tmp_path, CATALOGUE)
    assert [(p.id, p.x, p.y) for p in dashboard.panels] == [("running", 0, 0), ("next", 24, 0), ("below", 0, 6)]
    chart = dashboard.panels[0].chart
    assert isinstance(chart, Tile)
    assert kql(chart.measure.where) == "ocs.campaign_group.state.code: 5"


TILE = "{count: documents, label: groups, where: {state: running}}"
BAD = {
    "an unknown key": ("order: 1\n", "order: 1\nrefrsh_s: 3\n", "test.yml:2: unknown key 'refrsh_s'"),
    "a missing key": ("refresh_s: 30\n", "", "'refresh_s' is missing"),
    "a refresh of nothing": ("refresh_s: 30", "refresh_s: 0", "test.yml:5: must be a whole number, 1 or more, not 0"),
    "no panels": (GOOD[GOOD.index("panels:") :], "panels: []\n", "must be a list that is not empty"),
    "two panels of one name": ("id: next", "id: running", "test.yml:12: another panel is called 'running' too"),
    "a panel of two kinds": ("title: Beside it\n", 'title: Beside it\n    text: "x"\n', "this one is 2"),
    "a panel of no kind": (f"    tile: {{of: current, measure: {TILE}}}\n", "", "this one is 0"),
    "a size that is none": ("size: 8x6", "size: 8", "test.yml:17: '8' is no size"),
    "a panel wider than the grid": ("size: 8x6", "size: 49x6", "'49x6' is no size"),
    "an unknown data view": ("of: current", "of: curent", "no data view 'curent'"),
    "an unknown state": ("state: running}", "state: runing}", "no id 'runing'; Did you mean 'running'?"),
    "an unknown operation": ("{count: documents", "{cuont: documents", "unknown key 'cuont'"),
    "no operation": (TILE, "{label: groups}", "this one is 0"),
    "a colour that is none": ("running}}", "running}, colour: state.grene}", "'state.grene' is no colour"),
    "a format that is none": ("running}}", "running}, format: bytes}", "'bytes' is no format"),
    "a title that is a number": ("title: test", "title: 7", "test.yml:2: must be text, not 7"),
    "a name that no id can hold": ("id: next", "id: Next-1", "must be a name of a-z and '_'"),
    "an id that is no text": ("id: next", "id: [a]", "must be text"),
    "a count of something": ("{count: documents", "{count: nonsense", "'documents' is what can be counted"),
    "a division by nothing": ("{count: documents", "{divide: 0, count: documents", "must be a whole number, 1 or more"),
    "a width that is none": ("{count: documents", "{width: wide, count: documents", "must be a whole number"),
    "a percentile": ("{count: documents, label", "{median: ocs.optimize.goal, label", "unknown key 'median'"),
    "conditions that are none": ("where: {state: running}", "where: {not: running}", "must be a mapping"),
    "a condition of nothing": ("where: {state: running}", "where: {state: []}", "must be a list that is not empty"),
    "a condition on a number": ("where: {state: running}", "where: {5: 6}", "must be text, not 5"),
    "an age that is none": ("where: {state: running}", "where: {older: {event.ingested: soon}}", "an age such as 2m"),
    "a colour that is no text": (
        "where: {state: running}",
        "where: {state: running}, colour: 5",
        "must be text, not 5",
    ),
    "a time that is none": ("from: now-1h", "from: yesterday", "must be a time such as now-24h, not 'yesterday'"),
    "a control without a name": ("controls: {Tenant:", "controls: {5:", "must be text, not 5"),
    "a word for nothing": (f"tile: {{of: current, measure: {TILE}}}", 'text: "{link}"', "'{link}' stands for nothing"),
    "a duplicate key": ("title: test", "title: test\ntitle: again", "test.yml:3"),
}


@pytest.mark.parametrize(("before", "after", "said"), BAD.values(), ids=BAD)
def test_bad_sources_are_refused_with_their_place(tmp_path: Path, before: str, after: str, said: str) -> None:
    assert before in GOOD
    with pytest.raises(SourceError) as refused:
        read(tmp_path, GOOD.replace(before, after, 1))
    assert "test.yml:" in refused.value.reason
    assert said in f"{refused.value.reason}; {refused.value.hint}"


def test_a_file_whose_name_could_not_be_in_an_id_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="cannot be a dashboard's name"):
        read(tmp_path, GOOD, "Test-1.yml")


@pytest.mark.parametrize(
    ("before", "after", "same"), [("order: 1", "order: 2", "title"), ("title: test", "title: other", "order")]
)
def test_dashboards_need_titles_and_places_of_their_own(tmp_path: Path, before: str, after: str, same: str) -> None:
    read(tmp_path, GOOD)
    with pytest.raises(SourceError, match=f"dashboards/test.yml has the same {same}"):
        read(tmp_path, GOOD.replace(before, after), "zother.yml")


def test_a_table_sorts_by_a_column_of_its_own(tmp_path: Path) -> None:
    table = (
        "table: {of: events, rows: [{field: tags, size: 1001}], columns: [{label: N, count: documents}], sort: {M: up}}"
    )
    with pytest.raises(SourceError, match="no column is called 'M'"):
        read(tmp_path, GOOD.replace(f"tile: {{of: current, measure: {TILE}}}", table))
    with pytest.raises(SourceError, match="must be one column with 'up' or 'down'"):
        read(tmp_path, GOOD.replace(f"tile: {{of: current, measure: {TILE}}}", table.replace("M: up", "N: 1")))
    with pytest.raises(SourceError, match="1 to 1000, not 1001"):
        read(tmp_path, GOOD.replace(f"tile: {{of: current, measure: {TILE}}}", table.replace("M: up", "N: up")))


def test_a_field_that_a_data_view_lacks_is_named(tmp_path: Path) -> None:
    root = data_folder("dashboards").parent
    for folder in ("dashboards", "templates"):
        shutil.copytree(root / folder, tmp_path / folder)
    state = tmp_path / "dashboards" / "state.yml"
    state.write_text(
        state.read_text(encoding="utf-8").replace("last: ocs.tenant.name", "last: ocs.tenant.nam"), encoding="utf-8"
    )
    with pytest.raises(
        SourceError, match=r"dashboards/state.yml: panel groups: events has no field 'ocs.tenant.nam'"
    ) as raised:
        compile_dashboards(Settings(), CATALOGUE, "default", root=tmp_path)
    assert raised.value.hint == "Did you mean 'ocs.tenant.name'?"


def test_the_four_dashboards_are_there_in_their_order() -> None:
    found = read_dashboards(data_folder("dashboards"), CATALOGUE)
    assert [dashboard.name for dashboard in found] == ["state", "activity", "performance", "health"]


def test_conditions_say_the_same_to_kibana_and_to_an_engine() -> None:
    where = {
        "state": ["running", "unknown"],
        "has": "ocs.actor.code",
        "older": {"event.ingested": "2m"},
        "ocs.group.name": 'a "quoted" \\ name',
        "not": {"tags": ["ocs_extra", "ocs_invalid"]},
    }
    found = conditions(where, CATALOGUE)
    assert kql(found) == (
        'ocs.campaign_group.state.code: (5 or -1) and ocs.actor.code: * and event.ingested < "now-2m" and '
        'ocs.group.name: "a \\"quoted\\" \\\\ name" and not tags: ("ocs_extra" or "ocs_invalid")'
    )
    assert dsl(found) == {
        "bool": {
            "filter": [
                {"terms": {"ocs.campaign_group.state.code": [5, -1]}},
                {"exists": {"field": "ocs.actor.code"}},
                {"range": {"event.ingested": {"lt": "now-2m"}}},
                {"terms": {"ocs.group.name": ['a "quoted" \\ name']}},
                {"bool": {"must_not": [{"terms": {"tags": ["ocs_extra", "ocs_invalid"]}}]}},
            ]
        }
    }
