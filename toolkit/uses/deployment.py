"""One namespace of one cluster: what it should be, what would change, and the change."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from toolkit.apply import Event, apply, can_roll_over_lazily
from toolkit.capabilities import Capabilities
from toolkit.catalogue import Catalogue, read_catalogue
from toolkit.client.connect import capabilities, connect
from toolkit.client.transport import Transport
from toolkit.config import Connection, Settings
from toolkit.live import read_live
from toolkit.load import configured, desired, state_index
from toolkit.model import Body, Resource
from toolkit.plan import Plan, make_plan


@dataclass(frozen=True)
class Deployment:
    """What one namespace of one cluster should be."""

    transport: Transport
    server: Capabilities
    settings: Settings

    @cached_property
    def catalogue(self) -> Catalogue:
        """With the user's own labels."""
        return configured(read_catalogue(), self.settings)

    @cached_property
    def resources(self) -> list[Resource]:
        """Everything that should be there."""
        return desired(self.settings, self.server)

    @property
    def state_index(self) -> Body:
        """The body of the index that keeps the lock."""
        return state_index(self.settings, self.server)

    def plan(self) -> Plan:
        """What has to change. Reads only."""
        live = read_live(self.transport, self.resources, self.server)
        return make_plan(self.resources, live, self.settings.namespace, schema=self.catalogue.schema)

    def apply(self, plan: Plan, *, adopt: bool = False) -> Iterator[Event]:
        """Make a plan's changes, one event each."""
        return apply(
            self.transport,
            plan,
            self.plan,
            state_index=self.state_index,
            lazy_rollover=can_roll_over_lazily(self.server.version, self.server.distribution),
            adopt=adopt,
        )


def deployment(connection: Connection, settings: Settings, *, read_only: bool = False) -> Deployment:
    """Connect, and find out what the server can do.

    Args:
        connection: where, and as whom.
        settings: the namespace, and what it should be.
        read_only: whether anything that writes shall be an error, and not be sent.

    Raises:
        UnreachableError, RejectedError: it does not answer, or is not supported.
    """
    transport = connect(connection, read_only=read_only)
    return Deployment(transport, capabilities(transport), settings)
