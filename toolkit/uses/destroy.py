"""Taking the toolkit's resources away again, and data only where its name was typed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from toolkit.credentials import Credential, revoke, role_name
from toolkit.dashboards.record import Key, Record, forget, recorded
from toolkit.errors import UnsafePlanError, UsageError
from toolkit.kinds import KIND, KINDS
from toolkit.load import desired
from toolkit.lock import INDEX, Lock, locked
from toolkit.migrate.history import forget as forget_history
from toolkit.migrate.history import is_recorded
from toolkit.migrate.sources import sources, unfinished_copies
from toolkit.model import Resource
from toolkit.plan import SAVED_OBJECTS
from toolkit.streams import Streams
from toolkit.uses.credentials import ours
from toolkit.uses.deployment import LEAVE_OUT, Deployment, or_without_dashboards
from toolkit.versions import newer

_WITHOUT_DATA = ("transform", "index")
"""What a stream does not need to go on taking messages."""

_FAILURES = "With each stream goes what its failure store keeps."  # MetadataDataStreamsService, of 8.19 and 9.x


@dataclass(frozen=True, slots=True)
class Removal:
    """What will go and what will stay, with the reason."""

    goes: tuple[Resource, ...]
    stays: tuple[tuple[Resource, str], ...]
    state_goes: bool
    """Whether the toolkit's own state goes too: nothing of any namespace is left then."""
    dashboards: tuple[Record, ...] = ()
    """What goes from Kibana, in every space that something of the namespace was imported into."""
    notes: tuple[str, ...] = ()
    """What is worth knowing before."""
    credentials: tuple[Credential, ...] = ()
    """OCS's, which is refused from then on."""
    history: bool = False
    """Whether there is a history of migrations that goes with the documents that it is about."""

    @property
    def nothing(self) -> bool:
        """Whether nothing goes."""
        return not (self.goes or self.dashboards or self.credentials or self.history)

    @property
    def revoked(self) -> tuple[Resource, ...]:
        """OCS's credentials, as resources."""
        return tuple(Resource(each.kind.value, each.name, {}, "", each.namespace) for each in self.credentials)

    @property
    def saved_objects(self) -> tuple[Resource, ...]:
        """What goes from Kibana, as resources; the space is named as where they come from."""
        return tuple(_resource(key, record) for record in self.dashboards for key in reversed(list(record.rows)))


def removal(target: Deployment, data: tuple[str, ...]) -> Removal:
    """Work out what goes. Reads only.

    Args:
        target: the namespace.
        data: names of the streams whose documents are to go; both, or none.

    Raises:
        UsageError: a name is no stream of this namespace, or one of two is missing.
        UnsafePlanError: something of our names is not ours, or a newer toolkit has set it up.
    """
    streams = {resource.name for resource in target.resources if resource.kind == "data_stream"}
    if unknown := set(data) - streams:
        raise UsageError(
            f"no stream of this namespace: {', '.join(sorted(unknown))}",
            hint=f"its streams are {' and '.join(sorted(streams))}",
        )
    if data and (missing := streams - set(data)):
        raise UsageError(
            f"the templates serve both streams, so both go or none: {', '.join(sorted(missing))} is missing"
        )
    present = _present(target)
    users = users_of_shared(target)
    goes, stays = [], _out_of_reach(target)
    for resource in present:
        if not data and resource.kind not in _WITHOUT_DATA:
            stays.append((resource, "the stream needs it; --data NAME removes stream and documents with it"))
        elif resource.namespace is None and users:
            stays.append((resource, f"still used by index template {', '.join(sorted(users))}"))
        else:
            goes.append(resource)
    history = bool(data) and is_recorded(target.transport, target.settings.namespace)
    if data:
        goes += _replaced(target)
    if history:
        goes += _half_made(target)
    records = recorded(target.transport, target.settings.namespace)
    there, used = _dashboards(target, records)
    state_goes = bool(data) and not users and not (records and target.without_dashboards)
    notes = (*_notes(target, there), *([_FAILURES] if data and target.server.failure_store else []))
    credentials = tuple(ours(target)) if target.server.manages_security else ()
    return Removal(tuple(goes), (*stays, *used), state_goes, tuple(there), notes, credentials, history)


def _replaced(target: Deployment) -> list[Resource]:
    """What migrations have replaced and keep: it holds the same documents as the streams."""
    namespace = target.settings.namespace
    kept = sources(target.transport, Streams(namespace))
    return [Resource("index", each.index, {}, f"replaced by migration {each.migration}", namespace) for each in kept]


def _half_made(target: Deployment) -> list[Resource]:
    """What an interrupted migration has made: copies of documents, which name a pipeline, so that it could not go."""
    namespace = target.settings.namespace
    copies = unfinished_copies(target.transport, Streams(namespace))
    return [Resource("index", index, {}, "half made by a migration", namespace) for index in copies]


def _dashboards(target: Deployment, records: list[Record]) -> tuple[list[Record], list[tuple[Resource, str]]]:
    """What goes from Kibana, as records of that alone, and what stays there."""
    if target.without_dashboards:
        reason = "left out by --no-dashboards; destroy without it removes it"
        return [], [(_resource(key, record), reason) for record in records for key in record.rows]
    if records and target.kibana is None:
        spaces = " and ".join(record.space for record in records)
        raise UnsafePlanError(
            f"dashboards of this namespace are in Kibana, in space {spaces}, and no address of Kibana is known",
            hint="give it: kibana: {url: ...} in the profile, or KIBANA_URL beside ELASTICSEARCH_URL; "
            f"or {LEAVE_OUT}",
        )
    goes, stays = [], []
    for record in records:
        with or_without_dashboards():  # whether it answers is better known before anything is gone
            used = dict(_used_by_others(target, record))
        goes.append(replace(record, rows={key: row for key, row in record.rows.items() if key not in used}))
        stays += [(_resource(key, record), reason) for key, reason in used.items()]
    return goes, stays


def _used_by_others(target: Deployment, record: Record) -> Iterator[tuple[Key, str]]:
    """The data views that other people's objects show, or that are in other spaces too, with what to do about it."""
    if target.kibana is None:
        return
    target.kibana.version(target.progress, within_s=0)
    kibana = target.kibana.in_space(record.space)
    for key in [key for key in record.rows if key[0] == "index-pattern" and kibana.has_space()]:
        spaces = kibana.spaces_of(key)
        elsewhere = [space for space in spaces if space != record.space]
        users = kibana.users_of(key) if spaces else []
        others = [f"{type_} '{title}'" for (type_, id_), title in users if (type_, id_) not in record.rows]
        uses = [f"in space {', '.join(elsewhere)} too"] if elsewhere else []
        uses += [f"used by {', '.join(others)}"] if others else []
        if uses:
            yield key, f"{' and '.join(uses)}; from now on it is theirs, to be removed in Kibana"


def _notes(target: Deployment, records: list[Record]) -> Iterator[str]:
    for record in records:
        if target.kibana and record.kibana not in ("", target.kibana.url):
            yield (
                f"The last import into space {record.space} went to Kibana at {record.kibana}, and this is "
                f"{target.kibana.url}: if that is not the same one under another address, what is there stays there."
            )


def _resource(key: Key, record: Record) -> Resource:
    return Resource(SAVED_OBJECTS.get(key[0], key[0]), key[1], {}, f"space {record.space}")


def destroy(target: Deployment, what: Removal) -> Iterator[Resource]:
    """Remove it, in the opposite order of its making; yields each resource that is gone.

    Raises:
        LockHeldError: somebody else changes the cluster.
        RejectedError: the server refused; what went before is gone, and the next run goes on from there.
    """
    order = {kind.name: position for position, kind in enumerate(KINDS)}
    with locked(target.transport, target.state_index) as lock:
        yield from _destroy_dashboards(target, what, lock)
        for credential, resource in zip(what.credentials, what.revoked, strict=True):
            lock.check()
            revoke(target.transport, credential)
            yield resource
        for resource in sorted(what.goes, key=lambda r: order[r.kind], reverse=True):
            lock.check()
            KIND[resource.kind].delete(target.transport, resource.name)
            yield resource
        if what.history:  # last: whoever was interrupted before still sees it, and what a new namespace begins with
            lock.check()
            forget_history(target.transport, target.settings.namespace)
    if what.state_goes:
        target.transport.delete(f"/{INDEX}")


def _destroy_dashboards(target: Deployment, what: Removal, lock: Lock) -> Iterator[Resource]:
    """Dashboards before what they refer to; the spaces stay."""
    if target.kibana is None:
        return
    for record in what.dashboards:
        kibana = target.kibana.in_space(record.space)
        if kibana.has_space():
            for key in reversed(list(record.rows)):
                lock.check()
                kibana.delete(key)
        forget(target.transport, record)
    yield from what.saved_objects


def _out_of_reach(target: Deployment) -> list[tuple[Resource, str]]:
    """Roles and OCS's credentials, where this credential can neither see nor remove them."""
    reason = KIND["role"].lacking(target.server)
    if not target.server.security or not reason:
        return []
    as_administrator = desired(target.settings, replace(target.server, manages_security=True))
    namespace = target.settings.namespace
    ocs = Resource("user or api-key", f"{role_name(namespace)}-*", {}, "", namespace)
    roles = [resource for resource in as_administrator if resource.kind == "role"]
    return [(resource, f"if it is there: {reason}") for resource in (ocs, *roles)]


def _present(target: Deployment) -> list[Resource]:
    """What is there of all that should be.

    What a newer toolkit has set up is left to it: this one would leave what it does not know, and, where what the
    namespaces share has other names by then, take the pipeline away under the streams of the others, whose messages
    would all be refused.
    """
    found = [(r, body) for r in target.resources if (body := KIND[r.kind].read(target.transport, r.name)) is not None]
    if error := newer((KIND[r.kind].mark_of(body) for r, body in found), target.catalogue.schema):
        raise error
    return [resource for resource, body in found if _ours(resource, body)]


def _ours(resource: Resource, body: dict[str, object]) -> bool:
    if resource.name.endswith("@custom"):
        return True  # it goes with the templates that name it, and says so in the list
    if not KIND[resource.kind].mark_of(body):
        raise UnsafePlanError(
            f"{resource} does not carry our mark, so it is not removed",
            hint="remove it by hand if it should go, or adopt it first: ocs-elastic apply --adopt",
        )
    return True


def users_of_shared(target: Deployment) -> set[str]:
    """Index templates other than this namespace's that are composed of what all namespaces share."""
    shared = {r.name for r in target.resources if r.kind == "component_template" and r.namespace is None}
    own = {r.name for r in target.resources if r.kind == "index_template"}
    templates = KIND["index_template"].unwrap(target.transport.get("/_index_template") or {})
    return {
        name for name, body in templates.items() if name not in own and shared.intersection(body.get("composed_of", []))
    }
