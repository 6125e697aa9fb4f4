"""One namespace of one cluster and of its Kibana: what it should be, what would change, and the change."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property

from toolkit.apply import Event, apply, can_roll_over_lazily
from toolkit.capabilities import Capabilities
from toolkit.catalogue import Catalogue, read_catalogue
from toolkit.client.connect import capabilities, connect
from toolkit.client.kibana import Kibana, connect_kibana
from toolkit.client.transport import Transport
from toolkit.config import Connection, Settings
from toolkit.dashboards.compile import compile_dashboards, view_fields
from toolkit.dashboards.drift import drifts
from toolkit.dashboards.lint import lint
from toolkit.dashboards.live import LiveSpace, read_space
from toolkit.dashboards.provision import Provision
from toolkit.dashboards.saved_object import SavedObject
from toolkit.errors import RejectedError, SourceError, UnreachableError, UnsafePlanError
from toolkit.kinds import KIND
from toolkit.live import read_live
from toolkit.load import configured, desired, state_index
from toolkit.migrate.known import items
from toolkit.model import SILENT, Body, Progress, Resource
from toolkit.plan import Change, Plan, Problem, absent_data, dashboard_changes, make_plan, no_dashboards, space_notes
from toolkit.versions import newer, newer_toolkit

NO_KIBANA = (
    "No address of Kibana is known, so there are no dashboards: give one in the profile (kibana: {url: ...}), or as "
    "KIBANA_URL beside ELASTICSEARCH_URL."
)
EMBEDDED = "The embedded engine has no Kibana, so there are no dashboards."
LEFT_OUT = "Left out by --no-dashboards; what is in Kibana stays as it is."
LEAVE_OUT = "leave Kibana out for now: --no-dashboards"
_DATA = ("data_stream", "index")
"""The kinds of what dashboards show."""


@dataclass(frozen=True)
class _InKibana:
    """What a plan says of Kibana."""

    changes: tuple[Change, ...]
    problems: tuple[Problem, ...] = ()
    notes: tuple[str, ...] = ()
    outdated_record: bool = False


@dataclass(frozen=True)
class Deployment:
    """What one namespace of one cluster should be."""

    transport: Transport
    server: Capabilities
    settings: Settings
    kibana: Kibana | None = None
    """The space that the dashboards go into; None: no address is known, or they are left out."""
    overwrite: bool = False
    """Whether what was changed by hand in Kibana is lost."""
    progress: Progress = SILENT
    without_dashboards: bool = False
    """Whether they are left out, though Kibana's address may be known."""
    allow_mixed: bool = False
    """Whether the cluster may be changed while its nodes are of different versions."""
    older_indices: bool = False
    """Whether new fields are put into older indices of a stream too."""

    @cached_property
    def catalogue(self) -> Catalogue:
        """With the user's own labels."""
        return configured(read_catalogue(), self.settings)

    @cached_property
    def resources(self) -> list[Resource]:
        """Everything that should be there."""
        return desired(self.settings, self.server, catalogue=self.catalogue)

    @cached_property
    def saved_objects(self) -> list[SavedObject]:
        """Everything that should be in the space of Kibana; nothing where no Kibana is known."""
        return compile_dashboards(self.settings, self.catalogue, self.kibana.space) if self.kibana else []

    @property
    def state_index(self) -> Body:
        """The body of the index that keeps the lock."""
        return state_index(self.settings, self.server)

    @property
    def addresses(self) -> list[tuple[str, str]]:
        """Title and address of every dashboard."""
        dashboards = [each for each in self.saved_objects if each.type == "dashboard"]
        return [(each.title, self.kibana.address(each.id)) for each in dashboards] if self.kibana else []

    def plan(self) -> Plan:
        """What has to change, in Kibana too. Reads only."""
        live = read_live(self.transport, lambda: self.resources, self.server)
        found = make_plan(
            self.resources,
            live,
            self.settings.namespace,
            schema=self.catalogue.schema,
            allow_mixed=self.allow_mixed,
            older_indices=self.older_indices,
        )
        with or_without_dashboards():
            kibana = self._dashboards()
        return replace(
            found,
            changes=(*found.changes, *kibana.changes),
            problems=(*found.problems, *kibana.problems),
            kibana=self._kibana(),
            outdated_record=kibana.outdated_record,
            notes=(*self._pending_migrations(), *kibana.notes),
        )

    def _pending_migrations(self) -> Iterator[str]:
        """What `apply` does not do."""
        try:
            pending = [str(item) for item in items(self.transport, self.settings) if item.pending]
        except SourceError as error:  # a draft that is not finished keeps nobody from applying the rest
            yield f"Which data migrations are pending cannot be told: {error.reason}"
            return
        if pending:
            yield f"Data migrations are pending: {', '.join(pending)}. After apply: ocs-elastic migrate up --dry-run"

    def require_current(self, kind: str, *names: str) -> None:
        """Make sure that resources on the cluster are what they should be.

        Raises:
            UnsafePlanError: one is absent, or differs, or a newer toolkit has made it.
        """
        for name in names:
            resource = next(each for each in self.resources if (each.kind, each.name) == (kind, name))
            live = KIND[kind].read(self.transport, name)
            if live is not None and (error := newer([KIND[kind].mark_of(live)], self.catalogue.schema)):
                raise error
            if live is not None and KIND[kind].normalize(live) == KIND[kind].normalize(resource.body):
                continue
            how = "is not there" if live is None else "is not what this toolkit and configuration would make of it"
            raise UnsafePlanError(
                f"{resource} on {self.transport.url} {how}",
                hint="bring the cluster up to date first: ocs-elastic plan, then ocs-elastic apply",
            )

    def plan_dashboards(self) -> Plan:
        """What has to change in Kibana alone. Reads only."""
        about = self.transport.get("/") or {}
        data = [resource for resource in self.resources if resource.kind in _DATA]
        absent = [str(r) for r in data if KIND[r.kind].read(self.transport, r.name) is None]
        error = newer_toolkit(self.transport, self.catalogue.schema)
        kibana = self._dashboards()
        return Plan(
            cluster=about.get("cluster_name", ""),
            cluster_id=about.get("cluster_uuid", ""),
            url=self.transport.url,
            server=str(self.server),
            namespace=self.settings.namespace,
            changes=kibana.changes,
            problems=(*([Problem.of(error)] if error else []), *absent_data(absent), *kibana.problems),
            kibana=self._kibana(),
            outdated_record=kibana.outdated_record,
            notes=kibana.notes,
        )

    def space(self) -> LiveSpace | None:
        """What is in the space now, and what was recorded; None where no Kibana is known. Reads only."""
        if self.kibana is None:
            return None
        namespace = self.settings.namespace
        self.kibana.version(self.progress, within_s=0 if self.kibana.read_only else None)
        return read_space(self.kibana, self.transport, self.saved_objects, namespace, progress=self.progress)

    def apply(self, plan: Plan, *, adopt: bool = False) -> Iterator[Event]:
        """Make a plan's changes, one event each."""
        return self._apply(plan, adopt=adopt, only_dashboards=False)

    def import_dashboards(self, plan: Plan, *, adopt: bool = False) -> Iterator[Event]:
        """Make the changes of a plan of `plan_dashboards`, one event each."""
        return self._apply(plan, adopt=adopt, only_dashboards=True)

    def _apply(self, plan: Plan, *, adopt: bool, only_dashboards: bool) -> Iterator[Event]:
        provision = None
        if self.kibana:
            provision = Provision(self.kibana, self.transport, self.settings.namespace, self.saved_objects)
        return apply(
            self.transport,
            plan,
            self.plan_dashboards if only_dashboards else self.plan,
            state_index=self.state_index,
            provision=provision,
            lazy_rollover=can_roll_over_lazily(self.server.version, self.server.distribution),
            adopt=adopt,
        )

    def _dashboards(self) -> _InKibana:
        live = self.space()
        if live is None:
            embedded = EMBEDDED if self.server.distribution == "opensearch" else NO_KIBANA
            return _InKibana((no_dashboards(LEFT_OUT if self.without_dashboards else embedded),))
        found = drifts(self.saved_objects, live.bodies, live.record, live.version, overwrite=self.overwrite)
        changes = tuple(dashboard_changes(live, found))
        outdated = live.outdated(self.saved_objects)
        idle = outdated and not any(change.pending for change in changes)
        return _InKibana(changes, self._faults, tuple(space_notes(live, outdated=idle)), outdated)

    @cached_property
    def _faults(self) -> tuple[Problem, ...]:
        """What Kibana would refuse or show wrong: found before anything is written, anywhere."""
        hint = "mend the file; ocs-elastic dashboards lint checks it without any server"
        return tuple(Problem(said, hint) for said in lint(self.saved_objects, view_fields(self.catalogue)))

    def _kibana(self) -> str:
        return f"{self.kibana.url}, space {self.kibana.space}" if self.kibana else ""


def deployment(
    connection: Connection,
    settings: Settings,
    *,
    read_only: bool = False,
    space: str | None = None,
    overwrite: bool = False,
    without_dashboards: bool = False,
    allow_mixed: bool = False,
    older_indices: bool = False,
    progress: Progress = SILENT,
) -> Deployment:
    """Connect, and find out what the server can do. Kibana is asked nothing before a plan is made.

    Args:
        connection: where, and as whom.
        settings: the namespace, and what it should be.
        read_only: whether anything that writes shall be an error, and not be sent.
        space: the space of Kibana; None: the connection's.
        overwrite: whether what was changed by hand in Kibana is lost.
        without_dashboards: whether Kibana is left out of everything.
        allow_mixed: whether the cluster may be changed while its nodes are of different versions.
        older_indices: whether new fields are put into older indices of a stream too.
        progress: is told what is waited for.

    Raises:
        UnreachableError, RejectedError: it does not answer, or is not supported.
    """
    transport = connect(connection, read_only=read_only)
    kibana = None if without_dashboards else connect_kibana(connection, space=space, read_only=read_only)
    server = capabilities(transport)
    return Deployment(
        transport, server, settings, kibana, overwrite, progress, without_dashboards, allow_mixed, older_indices
    )


@contextmanager
def or_without_dashboards() -> Iterator[None]:
    """Where Kibana is the trouble, Elasticsearch's part can still be done."""
    try:
        yield
    except (UnreachableError, RejectedError) as error:
        error.hint = "; or ".join(filter(None, [error.hint, LEAVE_OUT]))
        raise
