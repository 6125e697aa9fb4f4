"""One namespace of one cluster and of its Kibana: what it should be, what would change, and the change."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

from toolkit.apply import Event, apply, can_roll_over_lazily
from toolkit.capabilities import Capabilities
from toolkit.catalogue import Catalogue, read_catalogue
from toolkit.client.connect import capabilities, connect
from toolkit.client.kibana import Kibana, connect_kibana
from toolkit.client.transport import Transport
from toolkit.config import Connection, Settings
from toolkit.dashboards.compile import compile_dashboards
from toolkit.dashboards.drift import drifts
from toolkit.dashboards.live import LiveSpace, read_space
from toolkit.dashboards.provision import Provision
from toolkit.dashboards.saved_object import SavedObject
from toolkit.kinds import KIND
from toolkit.live import read_live
from toolkit.load import configured, desired, state_index
from toolkit.model import SILENT, Body, Progress, Resource
from toolkit.plan import Change, Plan, absent_data, dashboard_changes, make_plan, no_dashboards

NO_KIBANA = (
    "No address of Kibana is known, so there are no dashboards: give one in the profile (kibana: {url: ...}), or as "
    "KIBANA_URL beside ELASTICSEARCH_URL."
)
EMBEDDED = "The embedded engine has no Kibana, so there are no dashboards."
_DATA = ("data_stream", "index")
"""The kinds of what dashboards show."""


@dataclass(frozen=True)
class Deployment:
    """What one namespace of one cluster should be."""

    transport: Transport
    server: Capabilities
    settings: Settings
    kibana: Kibana | None = None
    """The space that the dashboards go into; None: no address is known."""
    overwrite: bool = False
    """Whether what was changed by hand in Kibana is lost."""
    progress: Progress = SILENT

    @cached_property
    def catalogue(self) -> Catalogue:
        """With the user's own labels."""
        return configured(read_catalogue(), self.settings)

    @cached_property
    def resources(self) -> list[Resource]:
        """Everything that should be there."""
        return desired(self.settings, self.server)

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
        live = read_live(self.transport, self.resources, self.server)
        found = make_plan(self.resources, live, self.settings.namespace, schema=self.catalogue.schema)
        changes = (*found.changes, *self._dashboards())
        return replace(found, changes=changes, kibana=self._kibana())

    def plan_dashboards(self) -> Plan:
        """What has to change in Kibana alone. Reads only."""
        about = self.transport.get("/") or {}
        data = [resource for resource in self.resources if resource.kind in _DATA]
        absent = [str(r) for r in data if KIND[r.kind].read(self.transport, r.name) is None]
        return Plan(
            cluster=about.get("cluster_name", ""),
            cluster_id=about.get("cluster_uuid", ""),
            url=self.transport.url,
            server=str(self.server),
            namespace=self.settings.namespace,
            changes=tuple(self._dashboards()),
            problems=tuple(absent_data(absent)),
            kibana=self._kibana(),
        )

    def space(self) -> LiveSpace | None:
        """What is in the space now, and what was recorded; None where no Kibana is known. Reads only."""
        if self.kibana is None:
            return None
        namespace = self.settings.namespace
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

    def _dashboards(self) -> Iterator[Change]:
        live = self.space()
        if live is None:
            yield no_dashboards(EMBEDDED if self.server.distribution == "opensearch" else NO_KIBANA)
            return
        found = drifts(self.saved_objects, live.bodies, live.record, live.version, overwrite=self.overwrite)
        yield from dashboard_changes(live, found)

    def _kibana(self) -> str:
        return f"{self.kibana.url}, space {self.kibana.space}" if self.kibana else ""


def deployment(
    connection: Connection,
    settings: Settings,
    *,
    read_only: bool = False,
    space: str | None = None,
    overwrite: bool = False,
    progress: Progress = SILENT,
) -> Deployment:
    """Connect, and find out what the server can do. Kibana is asked nothing before a plan is made.

    Args:
        connection: where, and as whom.
        settings: the namespace, and what it should be.
        read_only: whether anything that writes shall be an error, and not be sent.
        space: the space of Kibana; None: the connection's.
        overwrite: whether what was changed by hand in Kibana is lost.
        progress: is told what is waited for.

    Raises:
        UnreachableError, RejectedError: it does not answer, or is not supported.
    """
    transport = connect(connection, read_only=read_only)
    kibana = connect_kibana(connection, space=space, read_only=read_only)
    return Deployment(transport, capabilities(transport), settings, kibana, overwrite, progress)
