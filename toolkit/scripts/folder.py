"""One JSON file a body, and `order.json`, which says what to send in which order."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from toolkit.kinds.request import Request
from toolkit.model import Resource
from toolkit.scripts.steps import Step, pretty

ORDER = "order.json"


def files(steps: Sequence[Step]) -> dict[str, str]:
    """Path → text of every file, `order.json` first."""

    def named(resource: Resource, request: Request) -> dict[str, Any]:
        return {} if request.body is None else {"file": _path(resource, request)}

    bodies = {
        _path(step.resource, request): f"{pretty(request.body)}\n"
        for step in steps
        for request in step.requests
        if request.body is not None
    }
    order = {"requests": list(_order(steps, named))}
    return {ORDER: f"{pretty(order)}\n", **dict(sorted(bodies.items()))}


def document(steps: Sequence[Step]) -> str:
    """All of it as one JSON document, the bodies in place of their files' names."""

    def inline(_resource: Resource, request: Request) -> dict[str, Any]:
        return {} if request.body is None else {"body": request.body}

    return f"{pretty({'requests': list(_order(steps, inline))})}\n"


def _order(steps: Sequence[Step], body: Callable[[Resource, Request], dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for step in steps:
        for request in step.requests:
            entry: dict[str, Any] = {"method": request.method, "path": request.path, **body(step.resource, request)}
            if request.ask:
                entry |= {"when": request.when.value, "ask": request.ask}
            yield entry


def _path(resource: Resource, request: Request) -> str:
    """`<kind>/<name>.json`; what is sent to a path below the resource's own is named for that too."""
    action = request.path.partition("?")[0].rpartition("/")[2]
    suffix = f".{action.removeprefix('_')}" if request.method == "POST" else ""
    return f"{resource.kind}/{resource.name}{suffix}.json"
