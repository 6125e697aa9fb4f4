"""Disk to desired resources: every file of every kind, rendered, checked and marked."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from toolkit.capabilities import Capabilities
from toolkit.catalogue import Catalogue, read_catalogue
from toolkit.config import Settings
from toolkit.errors import InvalidResourceError
from toolkit.kinds import KINDS
from toolkit.kinds.base import Kind
from toolkit.model import Body, Resource
from toolkit.render import Renderer
from toolkit.resources import data_folder
from toolkit.retention import retention
from toolkit.tables import mapping_properties, relabel_parameters, replay_parameters, script_parameters

_SUFFIX = ".json.j2"


def desired(settings: Settings, server: Capabilities, *, root: Path | None = None) -> list[Resource]:
    """Every resource that a server should have, in an order in which each stands behind what it depends on.

    Kinds that the server lacks are left out.

    Args:
        settings: what the user wants.
        server: what the server can do.
        root: the folder that holds `templates` and `ingest_pipelines`; None: the toolkit's own.

    Raises:
        SourceError: the catalogue cannot be used.
        RenderError: a file does not render.
        InvalidResourceError: a rendered resource would be refused; the reason lists all that is wrong with it.
    """
    root = root or data_folder("templates").parent
    catalogue = configured(read_catalogue(root / "templates" / "catalogue.yml"), settings)
    renderer = Renderer(root, variables(settings, server, catalogue))
    return [
        kind.mark(resource, catalogue.schema, server)
        for kind in KINDS
        if not kind.lacking(server)
        for resource in _resources(kind, renderer, root, settings)
    ]


def state_index(settings: Settings, server: Capabilities) -> Body:
    """The body of the index that keeps the toolkit's own state: not planned, but made when a lock is first needed."""
    root = data_folder("templates").parent
    renderer = Renderer(root, variables(settings, server, read_catalogue()))
    return renderer.body("templates/state/ocs-elastic-state.json.j2")


def configured(catalogue: Catalogue, settings: Settings) -> Catalogue:
    """The catalogue with the user's own labels and idea of a state change."""
    catalogue = catalogue.with_labels(settings.labels)
    if settings.state_change_actions is None:
        return catalogue
    return catalogue.with_state_change_actions(settings.state_change_actions)


def variables(settings: Settings, server: Capabilities, catalogue: Catalogue) -> dict[str, Any]:
    """Everything that a file may use."""
    return {
        "campaign_groups": retention(settings.retention_days),
        "dead_letters": retention(settings.dead_letter_retention_days),
        "fields": mapping_properties(catalogue),
        "index_mode": index_mode(settings, server),
        "relabel_parameters": relabel_parameters(catalogue),
        "replay_parameters": replay_parameters(catalogue),
        "script_parameters": script_parameters(catalogue),
        "server": server,
        "settings": settings,
    }


def index_mode(settings: Settings, server: Capabilities) -> str:
    """The `index.mode` of a server that knows this setting; `standard` of one that does not.

    Raises:
        InvalidResourceError: another is asked for than the server has.
    """
    if settings.index_mode == "auto":
        return "logsdb" if server.logsdb else "standard"
    if settings.index_mode == "logsdb" and not server.logsdb:
        raise InvalidResourceError(f"index_mode is logsdb, which {server} does not have", hint="use auto or standard")
    return settings.index_mode


def _resources(kind: Kind, renderer: Renderer, root: Path, settings: Settings) -> Iterator[Resource]:
    for file in sorted((root / kind.folder).glob(f"*{_SUFFIX}")):
        if file.name.startswith("_"):
            continue  # a part of other files
        source = f"{kind.folder}/{file.name}"
        name = file.name.removesuffix(_SUFFIX).replace("{namespace}", settings.namespace)
        namespace = settings.namespace if "{namespace}" in file.name else None
        resource = Resource(kind.name, name, renderer.body(source), source, namespace)
        if reasons := kind.validate(resource):
            raise InvalidResourceError(f"{source}: {kind.name} {name}: " + "; ".join(reasons))
        yield resource
