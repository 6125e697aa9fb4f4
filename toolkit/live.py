"""What a cluster has, as far as a plan needs it. Reads only."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import TypeVar

from toolkit.capabilities import Capabilities
from toolkit.client.transport import Transport
from toolkit.effective import inline
from toolkit.errors import RejectedError
from toolkit.kinds import KIND, KINDS
from toolkit.model import Body, Resource

T = TypeVar("T")
R = TypeVar("R")

_AT_ONCE = 8
"""Requests under way at once: independent of each other, and few enough for any cluster."""

Key = tuple[str, str]
"""Kind and name."""


@dataclass(frozen=True)
class Stream:
    """The indices behind a data stream."""

    write_index: str
    body: Body
    """The server's answer for the write index: `{"settings": …, "mappings": …}`."""
    waits_for_rollover: bool
    """Whether the next write turns to a new index anyway (a lazy rollover)."""
    older: Mapping[str, Body] = field(default_factory=dict)
    """The indices before it, the oldest first, with the server's answer for each."""


@dataclass(frozen=True)
class Live:
    """The state of a cluster at one moment."""

    cluster: str
    """Its name."""
    cluster_id: str
    url: str
    server: Capabilities
    bodies: Mapping[Key, Body | None]
    """Every desired resource's live body; None: absent."""
    owned: Mapping[Key, Body]
    """Everything that carries our mark, desired or not."""
    streams: Mapping[str, Stream]
    in_the_way: tuple[str, ...] = ()
    """Names of plain indices where a data stream belongs, and of foreign ones where ours does."""
    rivals: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Index or stream → foreign index templates that would win over ours, or collide with it."""
    refusals: Mapping[str, str] = field(default_factory=dict)
    """Index template → the server's reason why what it would come to is impossible."""
    kept: Mapping[str, Body] = field(default_factory=dict)
    """Index template → the mapping that it would come to, as the server writes it down."""


def read_live(transport: Transport, desired: Sequence[Resource], server: Capabilities) -> Live:
    """Ask the cluster for everything that a plan needs.

    Raises:
        UnreachableError, RejectedError: the server does not answer, or refuses to.
    """
    about = transport.get("/") or {}
    bodies = dict(
        zip(
            ((resource.kind, resource.name) for resource in desired),
            at_once(lambda r: KIND[r.kind].read(transport, r.name), desired),
            strict=True,
        )
    )
    kinds = [kind for kind in KINDS if not kind.lacking(server)]
    owned = {
        (kind.name, name): body
        for kind, found in zip(kinds, at_once(lambda k: k.owned(transport), kinds), strict=True)
        for name, body in found.items()
    }
    simulated = _simulated(transport, desired, bodies)
    streams = [(name, body) for (kind, name), body in bodies.items() if kind == "data_stream" and body]
    return Live(
        cluster=about.get("cluster_name", ""),
        cluster_id=about.get("cluster_uuid", ""),
        url=transport.url,
        server=server,
        bodies=bodies,
        owned=owned,
        streams=dict(at_once(lambda item: _stream(transport, *item), streams)),
        in_the_way=tuple(_in_the_way(transport, bodies)),
        rivals=_rivals(transport, desired),
        refusals={name: found for name, found in simulated.items() if isinstance(found, str)},
        kept={name: found for name, found in simulated.items() if not isinstance(found, str)},
    )


def at_once(ask: Callable[[T], R], items: Iterable[T]) -> list[R]:
    """Ask several things at once; answers in order, the first error as if they had been asked one by one."""
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return list(pool.map(ask, items))


def wanted_component(desired: Sequence[Resource], bodies: Mapping[Key, Body | None]) -> Callable[[str], Body | None]:
    """The body that a component template will have: the user's own as it is, ours as it is desired."""
    ours = {resource.name: resource.body for resource in desired if resource.kind == "component_template"}

    def component(name: str) -> Body | None:
        live = bodies.get(("component_template", name))
        return live if live is not None and name.endswith("@custom") else ours.get(name)

    return component


def kept_mapping(transport: Transport, template: Resource, component: Callable[[str], Body | None]) -> Body:
    """The mapping that an index template would come to, as the server writes it down.

    Raises:
        RejectedError: the server would refuse the template, or what it comes to.
    """
    answer = transport.post(f"/_index_template/_simulate/{template.name}", inline(template.body, component))
    mapping: Body = answer["template"].get("mappings") or {}
    return mapping


def _stream(transport: Transport, name: str, body: Body) -> tuple[str, Stream]:
    *older, index = [each["index_name"] for each in body["indices"]]
    answer = transport.get(f"/{name}") or {}
    waits = bool(body.get("rollover_on_write"))
    return name, Stream(index, answer.get(index, {}), waits, {each: answer[each] for each in older if each in answer})


def _in_the_way(transport: Transport, bodies: Mapping[Key, Body | None]) -> Iterator[str]:
    """An OCS that posted before anything was installed has made a plain index of the stream's name."""
    for (kind, name), body in bodies.items():
        if kind == "data_stream" and body is None and transport.get(f"/{name}") is not None:
            yield name
        if kind == "index" and body is not None and not KIND[kind].mark_of(body):
            yield name


def _rivals(transport: Transport, desired: Sequence[Resource]) -> dict[str, tuple[str, ...]]:
    templates = [resource for resource in desired if resource.kind == "index_template"]
    ours = {resource.name for resource in templates}
    answer = transport.get(
        "/_index_template",
        params={"filter_path": "index_templates.name,index_templates.index_template.index_patterns,"
                               "index_templates.index_template.priority"},
    ) or {}  # fmt: skip
    rivals = {}
    for template in templates:
        (name,) = template.body["index_patterns"]
        found = tuple(
            other["name"]
            for other in answer.get("index_templates", [])
            if other["name"] not in ours
            and other["index_template"].get("priority", 0) >= template.body["priority"]
            and any(fnmatchcase(name, pattern) for pattern in _listed(other["index_template"]["index_patterns"]))
        )
        if found:
            rivals[name] = found
    return rivals


def _listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def _simulated(
    transport: Transport, desired: Sequence[Resource], bodies: Mapping[Key, Body | None]
) -> dict[str, Body | str]:
    """What each index template would come to: its mapping, or the server's reason why it is impossible."""
    component = wanted_component(desired, bodies)

    def simulate(resource: Resource) -> Body | str:
        try:
            return kept_mapping(transport, resource, component)
        except RejectedError as error:
            if error.status != 400:  # the credential or the server is the trouble, not the template
                raise
            return error.reason

    templates = [resource for resource in desired if resource.kind == "index_template"]
    return dict(zip((resource.name for resource in templates), at_once(simulate, templates), strict=True))
