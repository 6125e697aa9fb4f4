"""What a cluster has, as far as a plan needs it. Reads only."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import TypeVar

from toolkit.capabilities import Capabilities
from toolkit.client.transport import Transport
from toolkit.effective import inline
from toolkit.errors import RejectedError
from toolkit.kinds import KIND, KINDS
from toolkit.kinds.transform import Transform
from toolkit.model import Body, Resource

T = TypeVar("T")
R = TypeVar("R")

AT_ONCE = 8
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


def read_live(transport: Transport, desired: Callable[[], Sequence[Resource]], server: Capabilities) -> Live:
    """Ask the cluster for everything that a plan needs.

    Everything of a kind comes with one request, where that is possible, and what does not depend on each other is asked
    at once. The first error is raised as if all had been asked one by one.

    Args:
        transport: the cluster.
        desired: makes everything that should be there, while the first requests are under way.
        server: what the cluster can do.

    Raises:
        UnreachableError, RejectedError: the server does not answer, or refuses to.
    """
    kinds = [kind for kind in KINDS if kind.by_pattern and not kind.lacking(server)]
    with _asking() as pool:
        about = pool.submit(transport.get, "/")
        listings = [(kind.name, pool.submit(kind.live, transport)) for kind in kinds]
        patterns = pool.submit(_patterns, transport)
        resources = desired()
        cluster = about.result() or {}
        found = {(kind, name): body for kind, listing in listings for name, body in listing.result().items()}
        bodies = {(each.kind, each.name): found.get((each.kind, each.name)) for each in resources}

        component = wanted_component(resources, bodies)
        templates = [resource for resource in resources if resource.kind == "index_template"]
        simulations = [(each.name, pool.submit(_simulated, transport, each, component)) for each in templates]
        alone = [(each, _ALONE[each[0]]) for each in bodies if each[0] in _ALONE]
        asked = [(key, pool.submit(ask, transport, key[1], bodies[key])) for key, ask in alone]
        simulated = {name: simulation.result() for name, simulation in simulations}
        answers = {key: answer.result() for key, answer in asked}
        rivals = _rivals(templates, patterns.result())
    return Live(
        cluster=cluster.get("cluster_name", ""),
        cluster_id=cluster.get("cluster_uuid", ""),
        url=transport.url,
        server=server,
        bodies={**bodies, **{key: answer.body for key, answer in answers.items()}},
        owned={(kind, name): body for (kind, name), body in found.items() if KIND[kind].mark_of(body)},
        streams={name: answer.stream for (_, name), answer in answers.items() if answer.stream},
        in_the_way=tuple(name for (_, name), answer in answers.items() if answer.in_the_way),
        rivals=rivals,
        refusals={name: what for name, what in simulated.items() if isinstance(what, str)},
        kept={name: what for name, what in simulated.items() if not isinstance(what, str)},
    )


def at_once(ask: Callable[[T], R], items: Iterable[T]) -> list[R]:
    """Ask several things at once; answers in order, the first error as if they had been asked one by one."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
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


@contextmanager
def _asking() -> Iterator[ThreadPoolExecutor]:
    """Several requests at once; after an error those that are not under way yet are not sent."""
    pool = ThreadPoolExecutor(AT_ONCE)
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


@dataclass(frozen=True)
class _Answer:
    """What is known of a resource for which no listing is enough."""

    body: Body | None
    stream: Stream | None = None
    in_the_way: bool = False


def _data_stream(transport: Transport, name: str, _: Body | None) -> _Answer:
    """An OCS that posted before anything was installed has made a plain index of the stream's name."""
    body = KIND["data_stream"].read(transport, name)
    indices = transport.get(f"/{name}")
    if body is None:
        return _Answer(None, in_the_way=indices is not None)
    indices = indices or {}
    *older, index = [each["index_name"] for each in body["indices"]]
    waits = bool(body.get("rollover_on_write"))
    stream = Stream(index, indices.get(index, {}), waits, {each: indices[each] for each in older if each in indices})
    return _Answer(body, stream)


def _index(transport: Transport, name: str, _: Body | None) -> _Answer:
    body = KIND["index"].read(transport, name)
    return _Answer(body, in_the_way=body is not None and not KIND["index"].mark_of(body))


def _transform(transport: Transport, name: str, definition: Body | None) -> _Answer:
    return _Answer(None if definition is None else Transform().with_state(transport, name, definition))


_ALONE = {"data_stream": _data_stream, "index": _index, "transform": _transform}
"""Kind → how one resource of it is asked for; it is given what the listing of its kind told."""


def _patterns(transport: Transport) -> dict[str, Body]:
    """Every index template's patterns and priority; all of the foreign ones would be much to read."""
    answer = transport.get(
        "/_index_template",
        params={"filter_path": "index_templates.name,index_templates.index_template.index_patterns,"
                               "index_templates.index_template.priority"},
    ) or {}  # fmt: skip
    return KIND["index_template"].unwrap(answer)


def _rivals(templates: Sequence[Resource], live: Mapping[str, Body]) -> dict[str, tuple[str, ...]]:
    ours = {template.name for template in templates}
    rivals = {}
    for template in templates:
        (name,) = template.body["index_patterns"]
        found = tuple(
            other
            for other, body in live.items()
            if other not in ours
            and body.get("priority", 0) >= template.body["priority"]
            and any(fnmatchcase(name, pattern) for pattern in _listed(body["index_patterns"]))
        )
        if found:
            rivals[name] = found
    return rivals


def _listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def _simulated(transport: Transport, template: Resource, component: Callable[[str], Body | None]) -> Body | str:
    """What an index template would come to: its mapping, or the server's reason why it is impossible."""
    try:
        return kept_mapping(transport, template, component)
    except RejectedError as error:
        if error.status != 400:  # the credential or the server is the trouble, not the template
            raise
        return error.reason
