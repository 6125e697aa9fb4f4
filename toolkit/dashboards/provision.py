"""Writes saved objects to Kibana, and keeps a record of what came out of it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from toolkit.canonical import checksum
from toolkit.client.kibana import Kibana
from toolkit.client.transport import Transport
from toolkit.dashboards.drift import anew
from toolkit.dashboards.record import Key, Record, Row, read_record, write_record
from toolkit.dashboards.saved_object import SavedObject, ndjson, normalize
from toolkit.errors import RejectedError, ToolkitError
from toolkit.model import Body

_IMPORT_TAKES_MAX = timedelta(hours=1)
"""How long an import whose answer was not seen may go on, and Kibana's clock be fast."""


@dataclass(frozen=True, slots=True)
class Provision:
    """What is to be done in one space; the lock is held meanwhile."""

    kibana: Kibana
    transport: Transport
    namespace: str
    desired: Sequence[SavedObject]
    """Every object that should be there, changed or not."""

    def run(self, changed: Sequence[SavedObject], gone: Sequence[Key], check: Callable[[], None]) -> None:
        """Import what changed at once, delete what goes, and record everything anew, but for what was changed by hand.

        Args:
            changed: what is imported.
            gone: what is deleted.
            check: is called before every write, and may end this by an error.

        Raises:
            RejectedError: Kibana did not take all of it. What it may have written is recorded as under way, so that
                the next run does it again.
            UnreachableError: its answer was not seen; all of it is recorded as under way.
        """
        record = replace(read_record(self.transport, self.namespace, self.kibana.space), kibana=self.kibana.url)
        until = _as_kibana_writes(datetime.now(UTC) + _IMPORT_TAKES_MAX)
        begun = {**record.rows, **{each.key: _begun(each, record.rows.get(each.key), until) for each in changed}}
        if changed:
            check()
            write_record(self.transport, replace(record, rows=begun))
            check()
            self._import(changed, record, begun)
        for key in gone:
            check()
            self.kibana.delete(key)
        check()
        write_record(self.transport, self._after(record, {each.key for each in changed}, gone))

    def _import(self, changed: Sequence[SavedObject], before: Record, begun: Mapping[Key, Row]) -> None:
        """Import; what a refusal left untouched is recorded as it was, so that a change by hand is one afterwards.

        Not so where the answer is a proxy's, or none: Kibana may be at it still.
        """
        try:
            self.kibana.import_(ndjson(changed))
        except RejectedError as error:
            if (error.status or 0) >= 500:
                raise
            with suppress(ToolkitError):  # what went wrong first is what has to be told
                live = self.kibana.export(each.key for each in changed)
                rows = {key: row for key, row in begun.items() if not _untouched(row, live.get(key))}
                kept = {key: row for key, row in before.rows.items() if key not in rows}
                write_record(self.transport, replace(before, rows={**kept, **rows}))
            raise

    def _after(self, before: Record, done: Collection[Key], gone: Collection[Key]) -> Record:
        """What Kibana has now; whoever has changed something by hand meanwhile has changed it."""
        rows = {key: row for key, row in before.rows.items() if key not in gone}
        keys = dict.fromkeys([*(each.key for each in self.desired), *rows])
        live, version = self.kibana.export(keys), self.kibana.version()
        return anew(replace(before, rows=rows), self.desired, live, version, done)


def _begun(wanted: SavedObject, row: Row | None, until: str) -> Row:
    """What was known stays known, so that an import that never came about can be told from one that did."""
    known = row or Row(title=wanted.title, desired="")
    sent = checksum(normalize(wanted.body))
    return replace(known, title=wanted.title, under_way=True, sent=sent, until=until)


def _as_kibana_writes(time: datetime) -> str:
    """Such as `2026-11-23T08:00:00.000Z`: of two of them the later one is the greater text, too."""
    return time.strftime("%Y-%m-%dT%H:%M:%S.000Z")


def _untouched(row: Row, live: Body | None) -> bool:
    """Whether Kibana has not written an object since it was last recorded."""
    return live is None if row.updated_at is None else live is not None and live.get("updated_at") == row.updated_at
