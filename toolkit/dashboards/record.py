"""What is known of the last import into a space: one document a namespace and space, in the toolkit's own index.

Kibana migrates what it imports, so what it holds cannot be compared with the files alone.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from urllib.parse import quote

from toolkit.canonical import canonical, checksum
from toolkit.client.transport import Transport
from toolkit.model import STATE_INDEX, Body

_TYPE = "dashboards"
_SPACES_MAX = 1000

Key = tuple[str, str]
"""Type and id of a saved object."""


@dataclass(frozen=True, slots=True)
class Row:
    """What is known of one saved object."""

    title: str
    desired: str
    """Checksum of what was last seen to be imported; empty where nothing was."""
    exported: str = ""
    """What Kibana gave back right after the import: the normalised body as canonical JSON, so that what people
    change by hand can be named; empty until then."""
    updated_at: str | None = None
    """Kibana's own time of the import."""
    kibana: str = ""
    """The version of Kibana that gave it back."""
    under_way: bool = False
    """Whether an import was begun and not seen to end."""
    sent: str = ""
    """Checksum of what that import sent; empty where none is under way."""
    until: str = ""
    """The latest time, as Kibana writes it, at which that import can have come about."""

    @property
    def checksum(self) -> str:
        """Of what Kibana gave back."""
        return checksum(self.body)

    @property
    def body(self) -> Body:
        """What Kibana gave back, normalised; empty where that is not known."""
        body: Body = json.loads(self.exported) if self.exported else {}
        return body


@dataclass(frozen=True, slots=True)
class Record:
    """All that is known of a namespace in a space."""

    namespace: str
    space: str
    rows: Mapping[Key, Row] = field(default_factory=dict)
    kibana: str = ""
    """The address of the Kibana that they were imported into; empty where that was not recorded."""

    def as_json(self) -> Body:
        """The document."""
        rows = {f"{type_}:{id_}": asdict(row) for (type_, id_), row in self.rows.items()}
        where = {"namespace": self.namespace, "space": self.space, "kibana": self.kibana}
        return {"type": _TYPE, **where, "objects": rows}


def exported(body: Body) -> str:
    """A normalised body as a row keeps it."""
    return canonical(body)


def read_record(transport: Transport, namespace: str, space: str) -> Record:
    """What is known; of a space that nothing was imported into, nothing."""
    found = transport.get(_path(namespace, space))
    return Record(namespace, space) if found is None else _record(found["_source"])


def write_record(transport: Transport, record: Record) -> None:
    """Keep what is known; it can be found by `recorded` when this returns."""
    transport.put(_path(record.namespace, record.space), record.as_json(), params={"refresh": "wait_for"})


def forget(transport: Transport, record: Record) -> None:
    """Remove what is known of a space."""
    transport.delete(_path(record.namespace, record.space), params={"refresh": "wait_for"})


def recorded(transport: Transport, namespace: str) -> list[Record]:
    """What is known of a namespace, in every space that something of it was imported into."""
    if transport.get(f"/{STATE_INDEX}", params={"filter_path": "*.settings.index.uuid"}) is None:
        return []
    query = {"size": _SPACES_MAX, "query": {"term": {"type": _TYPE}}, "_source": ["namespace", "space"]}
    hits = transport.post(f"/{STATE_INDEX}/_search", query)["hits"]["hits"]
    spaces = sorted(hit["_source"]["space"] for hit in hits if hit["_source"]["namespace"] == namespace)
    return [read_record(transport, namespace, space) for space in spaces]


def _record(source: Body) -> Record:
    rows = {}
    for key, row in source["objects"].items():
        type_, _, id_ = key.partition(":")
        rows[type_, id_] = Row(**row)
    return Record(source["namespace"], source["space"], rows, source.get("kibana", ""))


def _path(namespace: str, space: str) -> str:
    """Neither a namespace nor the name of its type holds a '-', so no two spaces have the same document."""
    return f"/{STATE_INDEX}/_doc/{quote(f'{_TYPE}-{namespace}-{space}', safe='')}"
