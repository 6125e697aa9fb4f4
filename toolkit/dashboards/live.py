"""What a space of Kibana has, as far as a plan needs it. Reads only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from toolkit.client.kibana import Kibana
from toolkit.client.transport import Transport
from toolkit.dashboards.drift import anew
from toolkit.dashboards.record import Key, Record, read_record
from toolkit.dashboards.saved_object import SavedObject
from toolkit.model import SILENT, Body, Progress


@dataclass(frozen=True)
class LiveSpace:
    """The state of a space at one moment."""

    url: str
    space: str
    version: str
    """Kibana's."""
    present: bool
    """Whether the space is there."""
    bodies: Mapping[Key, Body]
    """Every desired or recorded object that is there."""
    record: Record

    @property
    def elsewhere(self) -> str:
        """The address of the Kibana that was imported into, where it is not this one's; else empty."""
        return self.record.kibana if self.record.kibana != self.url else ""

    def outdated(self, desired: Sequence[SavedObject]) -> bool:
        """Whether the record is not what it would be if it were written now."""
        now = anew(self.record, desired, self.bodies, self.version)
        return bool(now.rows) and replace(now, kibana=self.url) != self.record


def read_space(
    kibana: Kibana,
    transport: Transport,
    desired: Sequence[SavedObject],
    namespace: str,
    *,
    progress: Progress = SILENT,
) -> LiveSpace:
    """Ask Kibana, and Elasticsearch for what was recorded, for everything that a plan needs.

    Raises:
        UnreachableError, RejectedError: one of them does not answer, or refuses to.
    """
    version = kibana.version(progress)
    record = read_record(transport, namespace, kibana.space)
    present = kibana.has_space()
    keys = dict.fromkeys([*(each.key for each in desired), *record.rows])
    bodies = kibana.export(keys) if present else {}
    return LiveSpace(kibana.url, kibana.space, version, present, bodies, record)
