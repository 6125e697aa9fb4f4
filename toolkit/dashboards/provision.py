"""Writes saved objects to Kibana, and keeps a record of what came out of it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from toolkit.canonical import checksum
from toolkit.client.kibana import Kibana
from toolkit.client.transport import Transport
from toolkit.dashboards.record import Key, Record, Row, exported, read_record, write_record
from toolkit.dashboards.saved_object import SavedObject, ndjson, normalize
from toolkit.errors import RejectedError, ToolkitError
from toolkit.model import Body


@dataclass(frozen=True, slots=True)
class Provision:
    """What is to be done in one space; the lock is held meanwhile."""

    kibana: Kibana
    transport: Transport
    namespace: str
    desired: Sequence[SavedObject]
    """Every object that should be there, changed or not."""

    def run(
        self, changed: Sequence[SavedObject], gone: Sequence[Key], kept: Collection[Key], check: Callable[[], None]
    ) -> None:
        """Import what changed at once, delete what goes, and record everything anew.

        Args:
            changed: what is imported.
            gone: what is deleted.
            kept: what was changed by hand and stays; so does what is recorded of it.
            check: is called before every write, and may end this by an error.

        Raises:
            RejectedError: Kibana did not take all of it. What it may have written is recorded as under way, so that
                the next run does it again.
        """
        record = read_record(self.transport, self.namespace, self.kibana.space)
        begun = {**record.rows, **{each.key: _begun(each, record.rows.get(each.key)) for each in changed}}
        if changed:
            check()
            write_record(self.transport, replace(record, rows=begun))
            check()
            self._import(changed, record, begun)
        for key in gone:
            check()
            self.kibana.delete(key)
        check()
        write_record(self.transport, self._after(begun, gone, kept))

    def _import(self, changed: Sequence[SavedObject], before: Record, begun: Mapping[Key, Row]) -> None:
        """Import; what a refusal left untouched is recorded as it was, so that a change by hand is one afterwards."""
        try:
            self.kibana.import_(ndjson(changed))
        except RejectedError:
            with suppress(ToolkitError):  # what went wrong first is what has to be told
                live = self.kibana.export(each.key for each in changed)
                rows = {key: row for key, row in begun.items() if not _untouched(row, live.get(key))}
                kept = {key: row for key, row in before.rows.items() if key not in rows}
                write_record(self.transport, replace(before, rows={**kept, **rows}))
            raise

    def _after(self, begun: Mapping[Key, Row], gone: Collection[Key], kept: Collection[Key]) -> Record:
        wanted = {each.key: each for each in self.desired if each.key not in kept}
        live, version = self.kibana.export(wanted), self.kibana.version()
        rows = {key: row for key, row in begun.items() if key in kept and key not in gone}
        for key, body in live.items():
            each = wanted[key]
            rows[key] = Row(
                title=each.title,
                desired=checksum(normalize(each.body)),
                exported=exported(normalize(body)),
                updated_at=body.get("updated_at"),
                kibana=version,
            )
        return Record(self.namespace, self.kibana.space, rows)


def _begun(wanted: SavedObject, row: Row | None) -> Row:
    """What was known stays known, so that an import that never came about can be told from one that did."""
    known = row or Row(title=wanted.title, desired="")
    return replace(known, title=wanted.title, under_way=True)


def _untouched(row: Row, live: Body | None) -> bool:
    """Whether Kibana has not written an object since it was last recorded."""
    return live is None if row.updated_at is None else live is not None and live.get("updated_at") == row.updated_at
