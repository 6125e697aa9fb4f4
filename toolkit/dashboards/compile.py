"""From the YAML to saved objects: tag, data views, and dashboards that hold their panels by value.

The shapes are those of Kibana 8.3.0, which every later version migrates when it imports them; 8.3.3 refuses newer ones.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from toolkit.catalogue import Catalogue
from toolkit.config import Settings
from toolkit.dashboards.colour import UNKNOWN, text_on
from toolkit.dashboards.fields import Fields, fields_of
from toolkit.dashboards.formats import field_formats
from toolkit.dashboards.frozen import frozen_folder, shadowed
from toolkit.dashboards.lens import Lens, lens
from toolkit.dashboards.saved_object import OLDEST_SHAPE, SHAPES, SavedObject, embed, object_id, title_suffix
from toolkit.dashboards.source import DATA_VIEWS, Dashboard, Panel, Series, Table, Text, Tile, Vega, read_dashboards
from toolkit.errors import SourceError, nearest
from toolkit.model import Body
from toolkit.render import Renderer
from toolkit.resources import data_folder
from toolkit.tables import mapping_properties

GROUPS_MAX = 200
"""Campaign groups that a picture shows at most, those with the most messages; people filter where there are more."""
MESSAGES_MAX = 60_000
"""Messages of one campaign group, on one shard, that are looked at for changes; each costs the server 8 to 12 bytes for
the length of a search. A week of a group that is active all day and all night, every 10 seconds."""
NO_CODE = -(2**31)
"""What stands for an absent code in a search's answer; no code of 32 bits that anybody would use."""
_EMBEDDED = ("fieldAttrs", "fieldFormatMap", "runtimeFieldMap", "fields", "sourceFilters", "typeMeta")
"""Attributes of a data view that Kibana keeps as JSON in strings."""


def compile_dashboards(
    settings: Settings, catalogue: Catalogue, space: str, *, root: Path | None = None
) -> list[SavedObject]:
    """Every saved object of a namespace in a space: what others refer to comes first, what is frozen in its place.

    Args:
        settings: the namespace.
        catalogue: labels, order and colours.
        space: the id of a Kibana space.
        root: the folder that holds `dashboards` and `templates`; None: the toolkit's own.

    Raises:
        SourceError: a YAML file says something that is not understood.
        RenderError: a file does not render.
        ToolkitError: a frozen object belongs to another namespace or space.
    """
    objects = list(_Compiler(settings, catalogue, space, root or data_folder("dashboards").parent).objects())
    return shadowed(objects, frozen_folder(settings.frozen_dashboards, root), settings.namespace, space)


@dataclass(frozen=True)
class _Compiler:
    settings: Settings
    catalogue: Catalogue
    space: str
    root: Path

    def objects(self) -> Iterator[SavedObject]:
        yield self.tag()
        yield from map(self.data_view, DATA_VIEWS)
        yield from map(self.dashboard, self.dashboards)

    @cached_property
    def dashboards(self) -> list[Dashboard]:
        return read_dashboards(self.root / "dashboards", self.catalogue)

    @cached_property
    def fields(self) -> dict[str, Fields]:
        messages = mapping_properties(self.catalogue)
        letters = self.renderer.body("templates/component_templates/ocs-dead-letters-mappings.json.j2")
        properties = {
            "events": messages,
            "current": messages,
            "dead_letters": letters["template"]["mappings"]["properties"],
        }
        return {name: fields_of(properties[name], self.runtime_types(name)) for name in DATA_VIEWS}

    def runtime_types(self, data_view: str) -> dict[str, str]:
        runtime = self.renderer.body(_data_view(data_view)).get("runtimeFieldMap", {})
        return {name: field["type"] for name, field in runtime.items()}

    @cached_property
    def renderer(self) -> Renderer:
        return Renderer(self.root, self.variables())

    def variables(self) -> dict[str, Any]:
        """Everything that a file may use."""
        return {
            "settings": self.settings,
            "enums": {name: enum.values for name, enum in self.catalogue.enums.items()},
            "formats": field_formats(self.catalogue),
            "groups_max": GROUPS_MAX,
            "messages_max": MESSAGES_MAX,
            "neutral": UNKNOWN,
            "no_code": NO_CODE,
            "labels": self.labels,
            "requests": [self.catalogue.enums["action"].code(id_) for id_ in self.catalogue.state_change_actions],
            "streams": {
                "events": f"ocs-campaign-groups-{self.settings.namespace}",
                "current": f"ocs-current-state-{self.settings.namespace}",
                "dead_letters": f"ocs-dead-letters-{self.settings.namespace}",
            },
            "text_on": text_on,
        }

    def labels(self, enum: str) -> list[Body]:
        """An enum's codes with label and colour, in the catalogue's order, as a picture looks them up."""
        return [
            {"code": value.code, "label": value.label, "colour": value.colour, "order": order}
            for order, value in enumerate(self.catalogue.enums[enum].values)
        ]

    def id(self, name: str) -> str:
        return object_id(name, self.settings.namespace, self.space)

    def object(self, name: str, body: Body, *, title: str, source: str) -> SavedObject:
        """A saved object from its type, attributes and references."""
        kind = body["type"]
        versions = {"migrationVersion": {kind: SHAPES[kind]}, "coreMigrationVersion": OLDEST_SHAPE}
        return SavedObject(kind, self.id(name), title, {**body, "id": self.id(name), **versions}, source)

    def tag(self) -> SavedObject:
        source = "dashboards/tag.json.j2"
        attributes = self.renderer.body(source)
        body = {"type": "tag", "attributes": attributes, "references": []}
        return self.object("tag", body, title=attributes["name"], source=source)

    def data_view(self, name: str) -> SavedObject:
        source = _data_view(name)
        attributes = self.renderer.body(source)
        attributes |= {key: embed(attributes[key]) for key in _EMBEDDED if key in attributes}
        body = {"type": "index-pattern", "attributes": attributes, "references": [self.tagged()]}
        return self.object(name, body, title=attributes["name"], source=source)

    def tagged(self) -> Body:
        return {"type": "tag", "id": self.id("tag"), "name": "tag-ref-ocs"}

    def dashboard(self, dashboard: Dashboard) -> SavedObject:
        references = [self.tagged()]
        panels = []
        for panel in dashboard.panels:
            content, inner = self.panel(panel, dashboard)
            panels.append(content)
            references += [{**each, "name": f"{panel.id}:{each['name']}"} for each in inner]
        controls, inner = self.controls(dashboard)
        title = self.title(dashboard)
        attributes = {
            "title": title,
            "description": dashboard.description,
            "version": 1,
            "timeRestore": True,
            "timeFrom": dashboard.time_from,
            "timeTo": dashboard.time_to,
            "refreshInterval": {"pause": False, "value": dashboard.refresh_s * 1000},
            "optionsJSON": embed({"useMargins": True, "syncColors": False, "hidePanelTitles": False}),
            "panelsJSON": embed(panels),
            "controlGroupInput": controls,
            "kibanaSavedObjectMeta": {
                "searchSourceJSON": embed({"query": {"query": "", "language": "kuery"}, "filter": []})
            },
        }
        body = {"type": "dashboard", "attributes": attributes, "references": references + inner}
        return self.object(dashboard.name, body, title=title, source=dashboard.source)

    def title(self, dashboard: Dashboard) -> str:
        return f"OCS {dashboard.title}{title_suffix(self.settings.namespace)}"

    def panel(self, panel: Panel, dashboard: Dashboard) -> tuple[Body, list[Body]]:
        """A panel and what it refers to."""
        chart = panel.chart
        references: list[Body] = []
        match chart:
            case Text():
                markdown = chart.markdown.replace("{links}", self.links(dashboard))
                kind, config = "visualization", _visualization("markdown", {"markdown": markdown, "fontSize": 12})
            case Vega():
                spec = self.renderer.body(f"dashboards/{chart.file}")
                kind, config = "visualization", _visualization("vega", {"spec": embed(spec)})
            case _:
                attributes = self.lens(chart, f"{dashboard.source}: panel {panel.id}").attributes(self.id(chart.data))
                references = attributes["references"]
                kind, config = "lens", {"attributes": attributes}
        config |= {"enhancements": {}, "hidePanelTitles": not panel.title}
        grid = {"x": panel.x, "y": panel.y, "w": panel.width, "h": panel.height, "i": panel.id}
        content = {
            "version": OLDEST_SHAPE,
            "type": kind,
            "panelIndex": panel.id,
            "gridData": grid,
            "title": panel.title,
            "embeddableConfig": config,
        }
        return content, references

    def lens(self, chart: Tile | Series | Table, place: str) -> Lens:
        fields = self.fields[chart.data]
        try:
            return lens(chart, fields)
        except KeyError as error:
            name = str(error.args[0])
            raise SourceError(f"{place}: {chart.data} has no field '{name}'", hint=nearest(name, fields)) from error

    def links(self, here: Dashboard) -> str:
        """The way from each dashboard to all others."""
        return " · ".join(
            f"**{each.title.capitalize()}**"
            if each is here
            else f"[{each.title.capitalize()}](#/view/{self.id(each.name)})"
            for each in self.dashboards
        )

    def controls(self, dashboard: Dashboard) -> tuple[Body, list[Body]]:
        """What people can filter by, and what that refers to: the latest-state index, which is small."""
        panels, references = {}, []
        for order, (title, field) in enumerate(dashboard.controls):
            id_ = re.sub("[^a-z]+", "_", title.lower())
            panels[id_] = {
                "type": "optionsListControl",
                "order": order,
                "width": "medium",
                "grow": True,
                "explicitInput": {
                    "id": id_,
                    "title": title,
                    "fieldName": field,
                    "selectedOptions": [],
                    "enhancements": {},
                },
            }
            references.append(
                {"type": "index-pattern", "id": self.id("current"), "name": f"controlGroup_{id_}:optionsListDataView"}
            )
        ignored = dict.fromkeys(("ignoreFilters", "ignoreQuery", "ignoreTimerange", "ignoreValidations"), False)
        group = {
            "controlStyle": "oneLine",
            "chainingSystem": "HIERARCHICAL",
            "ignoreParentSettingsJSON": embed(ignored),
            "panelsJSON": embed(panels),
        }
        return group, references


def _data_view(name: str) -> str:
    return f"dashboards/data_views/{name}.json.j2"


def _visualization(type: str, params: Body) -> Body:  # noqa: A002
    """A visualization that a panel holds by value."""
    search = {"query": {"query": "", "language": "kuery"}, "filter": []}
    return {
        "savedVis": {
            "title": "",
            "description": "",
            "type": type,
            "params": params,
            "uiState": {},
            "data": {"aggs": [], "searchSource": search},
        }
    }


def view_fields(catalogue: Catalogue, *, root: Path | None = None) -> dict[str, Fields]:
    """Data view → its fields: those of the index templates, from their own files, and its runtime fields."""
    compiler = _Compiler(Settings(), catalogue, "default", root or data_folder("dashboards").parent)
    return compiler.fields
