"""What has to happen to each saved object, from what is desired, what is live, and what was recorded. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from toolkit.canonical import checksum
from toolkit.dashboards.record import Key, Record, Row
from toolkit.dashboards.saved_object import SavedObject, normalize
from toolkit.model import Body

CREATE, UPDATE, DELETE, ADOPT, EDITED = "create", "update", "delete", "adopt", "edited"

_UNFINISHED = "An import was interrupted; it is done again."
_NOT_OURS = "It has our id, but was not imported by this toolkit, or the record of that is lost. It is replaced."
_OVERWRITTEN = "It was changed by hand in Kibana, and that is lost."
_KEPT = (
    "It was changed by hand in Kibana, so it stays as it is. `dashboards export` keeps the change as a file; "
    "--overwrite discards it."
)
_GOES = "No file of this version makes it."
_KEPT_TOO = f"{_GOES} But it was changed by hand in Kibana, so it stays; --overwrite removes it."


@dataclass(frozen=True, slots=True)
class Drift:
    """What has to happen to one saved object, or, where it was edited by hand, does not."""

    action: str
    """`create`, `update`, `delete`, `adopt` or `edited`."""
    key: Key
    title: str
    wanted: SavedObject | None
    """What is imported; None where nothing is."""
    before: Body
    """Normalised: what is live or, for what was edited, what had been imported."""
    after: Body
    """Normalised: what will be live or, for what was edited, is."""
    meaning: str = ""


def drifts(
    desired: Sequence[SavedObject], live: Mapping[Key, Body], record: Record, version: str, *, overwrite: bool = False
) -> Iterator[Drift]:
    """What has to happen, in the order in which objects are desired, deletions last.

    Args:
        desired: every object that should be there.
        live: every desired or recorded object that is there, as Kibana exports it.
        record: what is known of the last import.
        version: Kibana's.
        overwrite: whether changes made by hand are lost.
    """
    for wanted in desired:
        row, body = record.rows.get(wanted.key), live.get(wanted.key)
        if drift := _wanted(wanted, body, row, version, overwrite=overwrite):
            yield drift
    wanted_keys = {wanted.key for wanted in desired}
    for key, row in reversed(list(record.rows.items())):
        if key not in wanted_keys and key in live:
            yield _unwanted(key, live[key], row, version, overwrite=overwrite)


def edited(body: Body, row: Row, version: str) -> bool:
    """Whether a live object was changed by hand since the import.

    Kibana's migrations change a body too, but not the time of its last update.
    """
    if unfinished(body, row) or checksum(normalize(body)) == row.checksum:
        return False
    return body.get("updated_at") != row.updated_at or version == row.kibana


def unfinished(body: Body, row: Row) -> bool:
    """Whether an import of a live object was begun, perhaps came about, and was not seen to end."""
    return row.under_way and body.get("updated_at") != row.updated_at


def _wanted(wanted: SavedObject, live: Body | None, row: Row | None, version: str, *, overwrite: bool) -> Drift | None:
    after = normalize(wanted.body)

    def drift(action: str, meaning: str = "") -> Drift:
        before = {} if live is None else normalize(live)
        return Drift(action, wanted.key, wanted.title, wanted, before, after, meaning)

    by_hand = live is not None and row is not None and edited(live, row, version)
    if live is None:
        found = drift(CREATE)
    elif row is not None and unfinished(live, row):
        found = drift(UPDATE, _UNFINISHED)
    elif normalize(live) == after:
        return None
    elif row is None:
        found = drift(ADOPT, _NOT_OURS)
    elif by_hand and not overwrite:
        found = Drift(EDITED, wanted.key, wanted.title, None, row.body, normalize(live), _KEPT)
    elif by_hand or checksum(after) != row.desired:
        found = drift(UPDATE, _OVERWRITTEN if by_hand else "")
    else:
        return None
    return found


def _unwanted(key: Key, live: Body, row: Row, version: str, *, overwrite: bool) -> Drift:
    by_hand = edited(live, row, version)
    if by_hand and not overwrite:
        return Drift(EDITED, key, row.title, None, row.body, normalize(live), _KEPT_TOO)
    return Drift(DELETE, key, row.title, None, {}, {}, _OVERWRITTEN if by_hand else _GOES)
