"""A plan to a cluster: what the plan says is done, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby

from toolkit.change_class import MAPPING, REBUILD, ROLLOVER, SETTINGS
from toolkit.client.transport import Transport
from toolkit.dashboards.provision import Provision
from toolkit.errors import RejectedError, StalePlanError
from toolkit.kinds import KIND, KINDS
from toolkit.kinds.transform import Transform
from toolkit.live import at_once
from toolkit.lock import Lock, locked
from toolkit.model import SILENT, Body, Progress, Resource
from toolkit.plan import DELETE, SAVED_OBJECTS, SPACE, Change, Plan

_LAZY_ROLLOVER = (8, 13, 0)
"""From then on a rollover can wait for the next message, so that no empty index is made."""


_ENDPOINT = {MAPPING: "_mapping", SETTINGS: "_settings"}
_GONE_IS_FINE = {"ignore_unavailable": "true", "allow_no_indices": "true"}
"""An older index that its retention has taken meanwhile is missing to nobody."""

_KIBANAS = {*SAVED_OBJECTS.values(), SPACE}
"""The kinds of what is in Kibana; everything of Elasticsearch comes first."""


@dataclass(frozen=True, slots=True)
class Event:
    """A change that has been made."""

    change: Change


def apply(
    transport: Transport,
    plan: Plan,
    replan: Callable[[], Plan],
    *,
    state_index: Body,
    provision: Provision | None = None,
    lazy_rollover: bool = False,
    adopt: bool = False,
) -> Iterator[Event]:
    """Make a plan's changes, one event each; afterwards the plan is empty, and what is recorded of Kibana holds.

    Args:
        transport: the cluster.
        plan: what was shown.
        replan: reads the cluster again and plans again.
        state_index: the body of the index that keeps the lock.
        provision: how Kibana's part is done; None: there is none.
        lazy_rollover: whether the server can wait with a rollover for the next message.
        adopt: whether what is not ours may be taken over.

    Raises:
        UnsafePlanError: the plan has problems, or would take over what is not ours.
        LockHeldError: somebody else changes the cluster.
        StalePlanError: the plan is not the one that was shown any more, or is not empty afterwards.
        RejectedError: the server refused a change; those before it are made, and the next run goes on from there.
    """
    plan.raise_if_unsafe(adopt=adopt)
    if not plan.pending and not plan.outdated_record:
        return
    with locked(transport, state_index) as lock:
        now = replan()
        if now.checksum != plan.checksum:
            raise StalePlanError(
                "the cluster has changed since the plan was made, so nothing was done",
                hint="look at the new plan: ocs-elastic plan",
            )
        elsewhere = [change for change in now.pending if change.kind in _KIBANAS]
        here = (change for change in now.pending if change.kind not in _KIBANAS)
        for _, changes in groupby(here, key=_stage):
            yield from _make(transport, lock, list(changes), lazy_rollover=lazy_rollover)
        if provision and (elsewhere or now.outdated_record):
            yield from _provision(provision, lock, elsewhere)
        left = replan()
        if left.pending:
            raise StalePlanError(
                "every change was made, but the plan is not empty: " + "; ".join(map(str, left.pending)),
                hint="somebody changes the cluster at the same time, or this is a bug: run ocs-elastic plan again",
            )


def _stage(change: Change) -> tuple[str, str]:
    """Changes with the same do not depend on each other."""
    return change.kind, change.action if change.action in (*_ENDPOINT, ROLLOVER, REBUILD) else ""


def _make(transport: Transport, lock: Lock, changes: list[Change], *, lazy_rollover: bool) -> Iterator[Event]:
    """Changes of one kind, which do not depend on each other, at once."""

    def make(change: Change) -> Event:
        lock.check()
        try:
            _write(transport, lock, change, lazy_rollover=lazy_rollover)
        except RejectedError as error:
            raise RejectedError(f"{change} ({change.source}): {error.reason}", hint=error.hint) from error
        return Event(change)

    yield from at_once(make, changes)


def _write(transport: Transport, lock: Lock, change: Change, *, lazy_rollover: bool) -> None:
    if change.action == ROLLOVER:
        transport.post(f"/{change.name}/_rollover", None, params={"lazy": "true"} if lazy_rollover else None)
    elif change.action == DELETE:
        KIND[change.kind].delete(transport, change.name)
    elif change.action == REBUILD and change.resource:
        Transform().rebuild(transport, change.resource)
    elif change.action in _ENDPOINT and change.resource:
        for index in change.indices:
            lock.check()
            transport.put(f"/{index}/{_ENDPOINT[change.action]}", change.resource.body, params=_GONE_IS_FINE)
    elif change.resource:
        KIND[change.kind].write(transport, change.resource)


def _provision(provision: Provision, lock: Lock, changes: list[Change]) -> Iterator[Event]:
    """Kibana's part: the space, then one import of all that changed, then what goes."""
    types = {kind: type_ for type_, kind in SAVED_OBJECTS.items()}
    for change in changes:
        if change.kind == SPACE:
            lock.check()
            provision.kibana.create_space()
            yield Event(change)
    objects = [change for change in changes if change.kind != SPACE]
    wanted = {(types[change.kind], change.name) for change in objects if change.resource}
    changed = [each for each in provision.desired if each.key in wanted]
    gone = [(types[change.kind], change.name) for change in objects if change.action == DELETE]
    provision.run(changed, gone, lock.check)
    yield from map(Event, objects)


def can_roll_over_lazily(version: tuple[int, int, int], distribution: str) -> bool:
    """Whether a server of that version knows `_rollover?lazy`."""
    return distribution == "elasticsearch" and version >= _LAZY_ROLLOVER


def install(transport: Transport, resources: Iterable[Resource], *, progress: Progress = SILENT) -> None:
    """Write every resource without asking what is there: for an engine of one's own, such as the embedded one.

    Raises:
        RejectedError: the server refused one; those before it are written.
        UnreachableError: the server does not answer.
    """
    for resource in resources:
        progress.say(f"installing {resource}")
        try:
            KIND[resource.kind].write(transport, resource)
        except RejectedError as error:
            raise RejectedError(f"{resource} ({resource.source}): {error.reason}", hint=error.hint) from error


def remove(transport: Transport, resources: Iterable[Resource]) -> None:
    """Delete every resource, data included, in the opposite order.

    Raises:
        RejectedError: the first refusal; what else could be deleted is.
    """
    order = {kind.name: position for position, kind in enumerate(KINDS)}
    refusals = []
    for resource in sorted(resources, key=lambda r: order[r.kind], reverse=True):
        try:
            KIND[resource.kind].delete(transport, resource.name)
        except RejectedError as error:
            refusals.append(error)
    if refusals:
        raise refusals[0]
