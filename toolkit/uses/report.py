"""What a report tells: the campaign groups of one namespace in a window of time. `toolkit.report` makes the page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from toolkit.catalogue import Catalogue, read_catalogue
from toolkit.client.transport import Transport
from toolkit.config import Settings
from toolkit.errors import RejectedError
from toolkit.load import configured
from toolkit.questions import DeadLetterReason, GroupState, dead_letter_reasons, group_states, message_count
from toolkit.questions.changes import NOTHING, Change, Spell, Values, changes, spells, values_before
from toolkit.questions.failure_store import failure_total
from toolkit.streams import Streams
from toolkit.uses.window import Window


@dataclass(frozen=True, slots=True)
class Group:
    """A campaign group at the window's end, and what happened to it before."""

    state: GroupState
    values: Values
    """What was known of it at the window's end."""
    changes: list[Change]
    """In the window, in the order of time."""
    spells: list[Spell]


@dataclass(frozen=True, slots=True)
class Report:
    """What the streams of one namespace say of a window; messages of `verify` are left out."""

    url: str
    streams: Streams
    window: Window
    catalogue: Catalogue
    """With the user's own labels."""
    groups: list[Group]
    """By tenant and name."""
    messages: int
    dead_letters: list[DeadLetterReason]
    """The commonest reason first."""
    failures: int | None = None
    """Documents in the failure stores; None: there are none, or they were not looked into."""
    failures_refused: bool = False
    """Whether the credential may not look into them: who only looks at dashboards may not."""

    @property
    def states(self) -> dict[int | None, int]:
        """State's code → groups in it at the window's end: in the catalogue's order, the busiest first; None last."""
        counts = Counter(group.values.state for group in self.groups)
        order = [value.code for value in reversed(self.catalogue.enums["state"].values)]
        known = [code for code in order if code in counts]
        others = sorted(code for code in counts if code is not None and code not in known)
        return {code: counts[code] for code in [*known, *others, *([None] if None in counts else [])]}

    @property
    def change_count(self) -> int:
        """All changes of all groups."""
        return sum(len(group.changes) for group in self.groups)

    @property
    def dead_letter_count(self) -> int:
        """All dead letters."""
        return sum(reason.count for reason in self.dead_letters)

    def label(self, enum: str, code: int | None) -> str | None:
        """What people call a code."""
        return None if code is None else self.catalogue.enums[enum].label(code)

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        return {
            "url": self.url,
            "namespace": self.streams.namespace,
            "from": self.window.iso(self.window.from_ms),
            "to": self.window.iso(self.window.before_ms),
            "timezone": self.window.zone.key,
            "messages": self.messages,
            "states": [{"state": self.label("state", code), "groups": n} for code, n in self.states.items()],
            "groups": [self._group_as_json(group) for group in self.groups],
            "dead_letters": [reason.as_json() for reason in self.dead_letters],
            "failures": self.failures,
        }

    def _group_as_json(self, group: Group) -> dict[str, Any]:
        state, values = group.state, group.values
        return {
            "tenant": state.tenant,
            "name": state.name,
            "guid": state.guid,
            "state": self.label("state", values.state),
            "since": state.since,
            "dial_mode": self.label("dial_mode", values.dial_mode),
            "last_action": self.label("action", values.action),
            "last_actor": self.label("actor", values.actor),
            "seen": state.seen,
            "changes": [self._change_as_json(change) for change in group.changes],
        }

    def _change_as_json(self, change: Change) -> dict[str, Any]:
        return {
            "time": self.window.iso(change.time_ms),
            "from": self.label("state", change.before.state),
            "to": self.label("state", change.after.state),
            "dial_mode": self.label("dial_mode", change.after.dial_mode),
            "action": self.label("action", change.after.action),
            "actor": self.label("actor", change.after.actor),
        }


def collect(transport: Transport, settings: Settings, window: Window) -> Report:
    """Ask the streams; nothing is written, not even a refresh is asked for.

    Raises:
        ToolkitError: a data stream is absent.
        UnreachableError, RejectedError: the server does not answer, or refuses.
    """
    streams = Streams(settings.namespace)
    streams.require(transport)
    stream, limits = streams.campaign_groups, (window.from_ms, window.before_ms)
    before = values_before(transport, stream, window.from_ms)
    found = changes(transport, stream, *limits, before)
    made = {guid: list(some) for guid, some in groupby(found, key=lambda change: change.guid)}
    states = group_states(transport, stream, before_ms=window.before_ms)
    failed, refused = _failures(transport, streams, window)
    return Report(
        url=transport.url,
        streams=streams,
        window=window,
        catalogue=configured(read_catalogue(), settings),
        groups=list(_groups(states, before, made, window)),
        messages=message_count(transport, stream, *limits),
        dead_letters=dead_letter_reasons(transport, streams.dead_letters, *limits),
        failures=failed,
        failures_refused=refused,
    )


def _failures(transport: Transport, streams: Streams, window: Window) -> tuple[int | None, bool]:
    """How many documents are in both streams' failure stores, and whether that was refused."""
    limits = {"since": window.iso(window.from_ms), "before": window.iso(window.before_ms)}
    try:
        return failure_total(transport, streams.both, **limits), False
    except RejectedError as error:
        if error.status != 403:
            raise
        return None, True


def _groups(
    states: list[GroupState], before: dict[str, Values], made: dict[str, list[Change]], window: Window
) -> Iterator[Group]:
    for state in states:
        start, of_group = before.get(state.guid, NOTHING), made.get(state.guid, [])
        end = of_group[-1].after if of_group else start
        yield Group(state, end, of_group, spells(state.guid, start, of_group, window.from_ms, window.before_ms))
