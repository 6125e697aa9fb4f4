"""What has to happen to each saved object, from what is desired, what is live, and what was recorded. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from toolkit.canonical import checksum
from toolkit.dashboards.record import Key, Record, Row, exported
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
    if unfinished(body, row, version) or checksum(normalize(body)) == row.checksum:
        return False
    return body.get("updated_at") != row.updated_at or version == row.kibana


def unfinished(body: Body, row: Row, version: str) -> bool:
    """Whether an import of a live object was begun, came about as far as can be told, and was not seen to end.

    What is live is what was sent then, or what a Kibana that changes what it imports may have made of that at the time.
    """
    if not row.under_way or body.get("updated_at") == row.updated_at:
        return False
    if checksum(normalize(body)) == row.sent:
        return True
    as_it_was_sent = row.kibana == version and row.desired == row.checksum  # seen at the import before
    return not as_it_was_sent and str(body.get("updated_at")) <= row.until


def anew(
    record: Record, desired: Sequence[SavedObject], live: Mapping[Key, Body], version: str, done: Collection[Key] = ()
) -> Record:
    """The record as what is live has it; what was changed by hand keeps what is known of it.

    Args:
        record: what is known.
        desired: every object that should be there.
        live: every desired or recorded object that is there.
        version: Kibana's.
        done: what has just been imported.
    """
    rows: dict[Key, Row] = {}
    for each in desired:
        row, body = record.rows.get(each.key), live.get(each.key)
        if body is not None and (each.key in done or _as_recorded(each, body, row, version)):
            rows[each.key] = Row(
                title=each.title,
                desired=checksum(normalize(each.body)),
                exported=exported(normalize(body)),
                updated_at=body.get("updated_at"),
                kibana=version,
            )
        elif body is not None and row is not None:
            rows[each.key] = row
    wanted = {each.key for each in desired}
    rows |= {key: row for key, row in record.rows.items() if key not in wanted and key in live}
    return replace(record, rows=rows)


def _as_recorded(wanted: SavedObject, body: Body, row: Row | None, version: str) -> bool:
    """Whether a live object, which was not imported just now, is what the files say."""
    if normalize(body) == normalize(wanted.body):
        return True
    if row is None or unfinished(body, row, version) or edited(body, row, version):
        return False
    return row.desired == checksum(normalize(wanted.body))


def _wanted(wanted: SavedObject, live: Body | None, row: Row | None, version: str, *, overwrite: bool) -> Drift | None:
    after = normalize(wanted.body)

    def drift(action: str, meaning: str = "") -> Drift:
        before = {} if live is None else normalize(live)
        return Drift(action, wanted.key, wanted.title, wanted, before, after, meaning)

    by_hand = live is not None and row is not None and edited(live, row, version)
    if live is None:
        found = drift(CREATE)
    elif row is not None and unfinished(live, row, version):
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
