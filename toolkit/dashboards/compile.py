"""A stand-in for the compiler of the dashboards: one tag, one data view, one empty dashboard."""

from __future__ import annotations

from pathlib import Path

from toolkit.catalogue import Catalogue
from toolkit.config import Settings
from toolkit.dashboards.frozen import frozen_folder, shadowed
from toolkit.dashboards.saved_object import SavedObject, embed, object_id
from toolkit.model import Body


def compile_dashboards(
    settings: Settings,
    catalogue: Catalogue,  # noqa: ARG001
    space: str,
    *,
    root: Path | None = None,  # noqa: ARG001
) -> list[SavedObject]:
    """Every saved object of a namespace in a space: what others refer to comes first."""
    namespace = settings.namespace
    tag, events = object_id("tag", namespace, space), object_id("events", namespace, space)
    search = {"query": {"query": "", "language": "kuery"}, "filter": []}
    markdown = f"[here](#/view/{object_id('state', namespace, space)})"
    panel = {
        "version": "8.3.0",
        "type": "visualization",
        "panelIndex": "text",
        "gridData": {"x": 0, "y": 0, "w": 48, "h": 5, "i": "text"},
        "title": "Links",
        "embeddableConfig": {
            "savedVis": {
                "title": "",
                "description": "",
                "type": "markdown",
                "params": {"markdown": markdown, "fontSize": 12},
                "uiState": {},
                "data": {"aggs": [], "searchSource": search},
            },
            "enhancements": {},
        },
    }
    suffix = "" if namespace == "default" else f" ({namespace})"
    tagged = {"type": "tag", "id": tag, "name": "tag-ref-ocs"}
    objects = [
        _object("tag", tag, {"name": f"OCS{suffix}", "description": "", "color": "#0072B2"}, []),
        _object(
            "index-pattern",
            events,
            {
                "title": f"ocs-campaign-groups-{namespace}",
                "name": f"OCS events{suffix}",
                "timeFieldName": "@timestamp",
                "allowNoIndex": True,
                "fieldFormatMap": embed({"ocs.stats.hit_ratio": {"id": "percent", "params": {"pattern": "0.0%"}}}),
            },
            [tagged],
        ),
        _object(
            "dashboard",
            object_id("state", namespace, space),
            {
                "title": f"OCS campaign state{suffix}",
                "description": "",
                "version": 1,
                "timeRestore": False,
                "optionsJSON": embed({"useMargins": True, "syncColors": False, "hidePanelTitles": False}),
                "panelsJSON": embed([panel]),
                "kibanaSavedObjectMeta": {"searchSourceJSON": embed(search)},
            },
            [tagged],
        ),
    ]
    return shadowed(objects, frozen_folder(settings.frozen_dashboards), namespace, space)


def _object(type: str, id: str, attributes: Body, references: list[Body]) -> SavedObject:  # noqa: A002
    body = {
        "type": type,
        "id": id,
        "attributes": attributes,
        "references": references,
        "migrationVersion": {type: "8.3.0" if type == "dashboard" else "8.0.0"},
        "coreMigrationVersion": "8.3.0",
    }
    return SavedObject(type, id, attributes.get("name") or attributes["title"], body, f"dashboards/{type}")
