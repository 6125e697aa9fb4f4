"""Write blocks of indices: lifted for as long as something has to be changed in them, and put back.

Which ones were lifted is written into the toolkit's own index before they are, so that the next run puts back what one
that died has left open.
"""

from __future__ import annotations

from toolkit.client.transport import Transport
from toolkit.errors import RejectedError
from toolkit.model import STATE_INDEX


def lifted(transport: Transport, name: str) -> list[str]:
    """The indices whose write blocks were lifted under a name and are not put back yet. Reads only."""
    return list(_recorded(transport, name))


def lift(transport: Transport, name: str, index: str) -> None:
    """Lift an index's write block until `restore`.

    Raises:
        RejectedError: the server refused.
    """
    recorded = {**_recorded(transport, name), index: _uuid(transport, index)}
    transport.put(_path(name), {"type": "write_blocks", "name": name, "indices": recorded})
    transport.put(f"/{index}/_settings", {"index.blocks.write": None})


def restore(transport: Transport, name: str) -> None:
    """Put every write block back that was lifted under a name; an index that is gone needs none.

    One that was made anew under the same name, after `destroy` perhaps, may be what OCS's messages go to: it is left
    alone.
    """
    for index, uuid in (left := _recorded(transport, name)).items():
        if _uuid(transport, index) != uuid:
            continue
        try:
            block(transport, index)
        except RejectedError as error:
            if error.status != 404:
                raise
    if left:
        transport.delete(_path(name))


def block(transport: Transport, index: str) -> None:
    """Block it once what is being written is written; Elasticsearch waits for that in none a stream writes to.

    Raises:
        RejectedError: the server refused.
    """
    try:
        transport.put(f"/{index}/_block/write", None)
    except RejectedError as error:
        if error.status != 400:
            raise
        transport.put(f"/{index}/_settings", {"index.blocks.write": True})


def _recorded(transport: Transport, name: str) -> dict[str, str | None]:
    """Index → its uuid."""
    found = transport.get(_path(name))
    return {} if found is None else dict(found["_source"]["indices"])


def _uuid(transport: Transport, index: str) -> str | None:
    where = {"filter_path": "*.settings.index.uuid"}
    found = transport.get(f"/{index}/_settings", params=where) or {}
    return str(found[index]["settings"]["index"]["uuid"]) if index in found else None


def _path(name: str) -> str:
    return f"/{STATE_INDEX}/_doc/write_blocks-{name}"
