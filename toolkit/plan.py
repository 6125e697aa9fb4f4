"""The plan: what has to change on a cluster so that it is as the files and the configuration say. Pure.

`plan`, `apply` and everything that previews use this one object; what it does not say is not done.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from toolkit.canonical import checksum
from toolkit.change_class import (
    IMPOSSIBLE,
    LIMITS,
    MAPPING,
    REBUILD,
    REINDEX,
    ROLLOVER,
    SETTINGS,
    Classed,
    of_latest_state,
    of_stream,
)
from toolkit.dashboards.drift import Drift
from toolkit.dashboards.live import LiveSpace
from toolkit.effective import merged
from toolkit.errors import ToolkitError, UnsafePlanError
from toolkit.index_difference import Leaf
from toolkit.kinds import KIND, KINDS
from toolkit.live import Live, wanted_component
from toolkit.model import Body, Resource
from toolkit.versions import mixed, newer

_ORDER = {kind.name: position for position, kind in enumerate(KINDS)}

CREATE, UPDATE, DELETE, ADOPT, UNAVAILABLE, EDITED = "create", "update", "delete", "adopt", "unavailable", "edited"
_IDLE = frozenset({UNAVAILABLE, EDITED, REINDEX, IMPOSSIBLE})
"""The actions of changes that `apply` does not make."""

SAVED_OBJECTS = {"tag": "tag", "index-pattern": "data_view", "dashboard": "dashboard"}
"""Kibana's types of saved objects and, in the words of its pages, what a plan calls them."""
SPACE = "space"


@dataclass(frozen=True, slots=True)
class Difference:
    """One leaf that changes; None: absent."""

    path: str
    before: Any
    after: Any

    def as_json(self) -> Body:
        """For programs."""
        return {"path": self.path, "before": self.before, "after": self.after}


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that is to be done, or that cannot be."""

    action: str
    """`create`, `update`, `delete`, `adopt`, `unavailable`, `edited` (by hand, so it stays), or a class of
    `toolkit.change_class`: `mapping`, `settings`, `rollover`, `rebuild`, `reindex`, `impossible`."""
    kind: str
    name: str
    source: str = ""
    """The file that it comes from."""
    resource: Resource | None = None
    """What is written; None where nothing is."""
    differences: tuple[Difference, ...] = ()
    meaning: str = ""
    """What it means for documents, or why it is not possible."""
    indices: tuple[str, ...] = ()
    """The indices that it is about, where it is not about the resource as a whole."""

    @property
    def pending(self) -> bool:
        """Whether something will be done."""
        return self.action not in _IDLE

    def as_json(self) -> Body:
        """For programs."""
        return {
            "action": self.action,
            "kind": self.kind,
            "name": self.name,
            "source": self.source,
            "differences": [difference.as_json() for difference in self.differences],
            "meaning": self.meaning,
            **({"indices": list(self.indices)} if self.indices else {}),
        }

    def __str__(self) -> str:
        return f"{self.action} {self.kind} {self.name}"


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that stands in the way, and what to do about it."""

    reason: str
    hint: str

    @classmethod
    def of(cls, error: ToolkitError) -> Problem:
        """The same that another command would end with."""
        return cls(error.reason, error.hint or "")


@dataclass(frozen=True)
class Plan:
    """All changes, in the order in which they are made."""

    cluster: str
    cluster_id: str
    url: str
    server: str
    namespace: str
    changes: tuple[Change, ...]
    problems: tuple[Problem, ...] = field(default=())
    kibana: str = ""
    """Kibana's address and the space; empty where none is known."""
    outdated_record: bool = False
    """Whether what was recorded of Kibana no longer holds, though nothing may have to change there."""
    notes: tuple[str, ...] = ()
    """What is worth knowing, and stands in nobody's way."""

    @property
    def edited(self) -> tuple[Change, ...]:
        """What was changed by hand in Kibana, and stays as it is."""
        return tuple(change for change in self.changes if change.action == EDITED)

    @property
    def pending(self) -> tuple[Change, ...]:
        """The changes that will be made."""
        return tuple(change for change in self.changes if change.pending)

    @property
    def checksum(self) -> str:
        """Of the changes and of the cluster that they are for."""
        target = [self.cluster_id, self.namespace, *filter(None, [self.kibana])]
        return checksum([*target, [change.as_json() for change in self.pending]])

    def raise_if_unsafe(self, *, adopt: bool) -> None:
        """Refuse a plan that cannot, or without consent must not, be applied.

        Raises:
            UnsafePlanError: the first problem, or what would be adopted.
        """
        if self.problems:
            raise UnsafePlanError("; ".join(problem.reason for problem in self.problems), hint=self.problems[0].hint)
        foreign = [change for change in self.pending if change.action == ADOPT]
        if foreign and not adopt:
            names = ", ".join(f"{change.kind} {change.name}" for change in foreign)
            raise UnsafePlanError(
                f"not ours, but of a name that we need: {names}",
                hint="look at the plan; --adopt takes them over, which replaces what they hold",
            )

    def as_json(self) -> Body:
        """For programs."""
        return {
            "cluster": self.cluster,
            "cluster_id": self.cluster_id,
            "url": self.url,
            "server": self.server,
            "namespace": self.namespace,
            "kibana": self.kibana or None,
            "checksum": self.checksum,
            "pending": len(self.pending),
            "changes": [change.as_json() for change in self.changes],
            "problems": [{"reason": problem.reason, "hint": problem.hint} for problem in self.problems],
            "notes": list(self.notes),
        }


def dashboard_changes(space: LiveSpace, found: Iterable[Drift]) -> Iterator[Change]:
    """What has to happen in Kibana: the space first, then what others refer to, deletions last."""
    if not space.present:
        yield Change(CREATE, SPACE, space.space, meaning="The space is new. It is never changed or deleted.")
    for drift in found:
        type_, id_ = drift.key
        kind = SAVED_OBJECTS.get(type_, type_)
        source = drift.wanted.source if drift.wanted else ""
        resource = Resource(kind, id_, drift.wanted.body, source) if drift.wanted else None
        leaves = tuple(differences(drift.before, drift.after)) if drift.before else ()
        meaning = f"'{drift.title}'" + (f": {drift.meaning}" if drift.meaning else "")
        yield Change(drift.action, kind, id_, source, resource, leaves, meaning)


def space_notes(space: LiveSpace, *, outdated: bool) -> Iterator[str]:
    """What a plan says of the record, which only `apply` and `dashboards import` write."""
    if space.record.rows and space.elsewhere:
        yield (
            f"The last import went to Kibana at {space.elsewhere}, and this is {space.url}: if that is not the same "
            "one under another address, what was imported there stays there."
        )
    if outdated:
        yield "What is recorded of Kibana is out of date; apply, or dashboards import, records it anew."


def no_dashboards(reason: str) -> Change:
    """The row that says why there are no dashboards."""
    return Change(UNAVAILABLE, "dashboard", "all", "dashboards", meaning=reason)


def absent_data(absent: Iterable[str]) -> Iterator[Problem]:
    """Dashboards over data that are not there show nothing, for ever (seen on Kibana 8.3.3)."""
    if names := ", ".join(absent):
        yield Problem(
            f"absent: {names}; a dashboard over it stays blank", "install the namespace first: ocs-elastic apply"
        )


def make_plan(
    desired: Sequence[Resource],
    live: Live,
    namespace: str,
    *,
    schema: int,
    allow_mixed: bool = False,
    older_indices: bool = False,
) -> Plan:
    """Compare what is desired with what is live.

    Args:
        desired: everything that should be there.
        live: what is there.
        namespace: whose plan it is.
        schema: of this toolkit's catalogue.
        allow_mixed: whether the nodes may be of different versions.
        older_indices: whether new fields are for older indices too.
    """
    behind = list(_behind(desired, live, older_indices=older_indices))
    rebuilt = {change.name for change in behind if change.action == REBUILD}
    changes = [
        *_unavailable(live),
        *(change for r in desired if not (r.kind == "index" and r.name in rebuilt) and (change := _change(r, live))),
        *behind,
    ]
    changes.sort(key=_turn)
    changes.extend(_deletions(desired, live, namespace))
    return Plan(
        cluster=live.cluster,
        cluster_id=live.cluster_id,
        url=live.url,
        server=str(live.server),
        namespace=namespace,
        changes=tuple(changes),
        problems=tuple(_problems(desired, live, schema, allow_mixed=allow_mixed)),
    )


def _change(resource: Resource, live: Live) -> Change | None:
    kind = KIND[resource.kind]
    body = live.bodies[resource.kind, resource.name]
    if body is None:
        return Change(CREATE, kind.name, resource.name, resource.source, resource, meaning=kind.meaning(CREATE))
    if resource.kind == "component_template" and resource.name.endswith("@custom"):
        return None  # the user's own, whatever it holds
    found = tuple(differences(kind.normalize(body), kind.normalize(resource.body)))
    ours = bool(kind.mark_of(body))
    if (ours and not found) or (resource.name in live.in_the_way):
        return None
    action = UPDATE if ours else ADOPT
    meaning = kind.meaning(UPDATE) if ours else "It does not carry our mark: somebody else's, and it is replaced."
    return Change(action, kind.name, resource.name, resource.source, resource, found, meaning)


def _unavailable(live: Live) -> Iterator[Change]:
    for kind in KINDS:
        if reason := kind.lacking(live.server):
            yield Change(UNAVAILABLE, kind.name, "all", kind.folder, meaning=reason)


def _turn(change: Change) -> tuple[float, int]:
    """Where a change stands among all: new fields before what fills them, settings after what they name."""
    order = _ORDER[change.kind]
    first, last = -1, len(KINDS)
    if change.action == SETTINGS and all(difference.path.startswith(LIMITS) for difference in change.differences):
        return first - 1, order  # before the fields that need them
    stages = {MAPPING: first, SETTINGS: _ORDER["index_template"] + 0.5, ROLLOVER: last}
    return stages.get(change.action, last + 1 if change.action in (REINDEX, IMPOSSIBLE) else order), order


def _behind(desired: Sequence[Resource], live: Live, *, older_indices: bool) -> Iterator[Change]:
    """What the indices of streams, and the latest state's, have otherwise than their templates as those will be."""
    component = wanted_component(desired, live.bodies)
    templates = {resource.name: resource for resource in desired if resource.kind == "index_template"}
    for resource in desired:
        name, template = resource.name, templates.get(resource.name)
        if template is None or name in live.in_the_way:
            continue
        wanted, kept = merged(template.body, component), live.kept.get(name)
        found: Iterable[Classed] = ()
        if resource.kind == "data_stream" and name in live.streams:
            stream = live.streams[name]
            found = of_stream(name, wanted, stream, server=live.server, kept=kept, older_indices=older_indices)
        elif resource.kind == "index":
            transform = bool(live.bodies.get(("transform", name)))
            found = of_latest_state(name, wanted, live.bodies["index", name], transform=transform, kept=kept)
        for each in found:
            body = resource.body if each.action == REBUILD else each.body
            yield Change(
                each.action,
                resource.kind,
                name,
                template.source,
                None if body is None else replace(resource, body=body),
                tuple(_shown(each, leaf) for leaf in each.leaves),
                each.meaning,
                each.indices,
            )


def _shown(classed: Classed, leaf: Leaf) -> Difference:
    """A setting beside fields is one line, since that is what programs have read in a rollover from the beginning."""
    if classed.action in (ROLLOVER, REBUILD) and not leaf.path.startswith("mapping of "):
        return Difference(f"{leaf.path}: {leaf.before} instead of {leaf.after}", None, None)
    return Difference(*leaf)


def _deletions(desired: Sequence[Resource], live: Live, namespace: str) -> Iterator[Change]:
    """What is ours and no longer desired, in the opposite order; other namespaces' are left alone."""
    wanted = {(resource.kind, resource.name) for resource in desired}
    for (kind, name), body in sorted(live.owned.items(), key=lambda item: -_ORDER[item[0][0]]):
        mark = KIND[kind].mark_of(body)
        if (kind, name) not in wanted and mark.get("namespace") == namespace:
            yield Change(DELETE, kind, name, meaning=f"No file of this version makes it. {KIND[kind].meaning(DELETE)}")


def _problems(desired: Sequence[Resource], live: Live, schema: int, *, allow_mixed: bool) -> Iterator[Problem]:
    for name, templates in live.rivals.items():
        yield Problem(
            f"{name}: foreign index template {', '.join(templates)} has the same or a higher priority and would win",
            "lower its priority below 500, or narrow its index_patterns",
        )
    for name in live.in_the_way:
        yield Problem(
            f"{name} is an index that the toolkit did not make",
            f"if its documents matter, copy them elsewhere; then DELETE /{name}, and stop what posts to it until "
            "this is applied",
        )
    component = wanted_component(desired, live.bodies)
    for name, reason in live.refusals.items():
        custom = f"{name}@custom"
        own = (component(custom) or {}).get("template") or {}
        cause = f"; probably by component template {custom}, which is yours" if own else ""
        yield Problem(
            f"index template {name} would be refused{cause}: {reason}",
            f"look at {custom}" if own else "this is a bug or an unsupported server: please report it",
        )
    marks = (KIND[kind].mark_of(body) for (kind, _), body in live.owned.items())
    for error in (newer(marks, schema), None if allow_mixed else mixed(live.server)):
        if error:
            yield Problem.of(error)


def differences(before: Any, after: Any, path: str = "") -> Iterator[Difference]:
    """The leaves that differ between two normalised bodies, in the order of their paths."""
    if isinstance(before, dict) and isinstance(after, dict):
        for key in sorted(before.keys() | after.keys()):
            inner = f"{path}.{key}" if path else str(key)
            if key not in before:
                yield Difference(inner, None, after[key])
            elif key not in after:
                yield Difference(inner, before[key], None)
            else:
                yield from differences(before[key], after[key], inner)
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for i, (one, other) in enumerate(zip(before, after, strict=True)):
            yield from differences(one, other, f"{path}[{i}]")
    elif before != after or type(before) is not type(after):
        yield Difference(path, before, after)
