"""Write blocks of indices: lifted for as long as something has to be changed in them, and put back.

Which ones were lifted is written into the toolkit's own index before they are, so that the next run puts back what one
that died has left open.
"""

from __future__ import annotations

from collections.abc import Iterable

from toolkit.client.transport import Transport
from toolkit.errors import RejectedError
from toolkit.model import STATE_INDEX


def lifted(transport: Transport, name: str) -> list[str]:
    """The indices whose write blocks were lifted under a name and are not put back yet. Reads only."""
    found = transport.get(_path(name))
    return [] if found is None else list(found["_source"]["indices"])


def lift(transport: Transport, name: str, index: str) -> None:
    """Lift an index's write block until `restore`.

    Raises:
        RejectedError: the server refused.
    """
    _write(transport, name, {*lifted(transport, name), index})
    transport.put(f"/{index}/_settings", {"index.blocks.write": None})


def restore(transport: Transport, name: str) -> None:
    """Put every write block back that was lifted under a name; an index that is gone needs none."""
    for index in (left := lifted(transport, name)):
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


def _write(transport: Transport, name: str, indices: Iterable[str]) -> None:
    transport.put(_path(name), {"type": "write_blocks", "name": name, "indices": sorted(indices)})


def _path(name: str) -> str:
    return f"/{STATE_INDEX}/_doc/write_blocks-{name}"
