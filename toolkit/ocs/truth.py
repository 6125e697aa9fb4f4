"""The ground truth: what really happened to each ordinary campaign group, to compare an installation with.

It is told by the simulator's own moments, not read from the messages' numbers.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from toolkit.ocs.campaign import CampaignGroup
from toolkit.ocs.life import Moment
from toolkit.ocs.message import Message, iso
from toolkit.ocs.tally import Answer


@dataclass(slots=True)
class _Known:
    """What is known of one group."""

    group: CampaignGroup
    state: str
    since_ms: int
    mode: str | None = None
    messages: int = 0
    refused: int = 0
    last_request: dict[str, str] | None = None
    last_message: dict[str, str] = field(default_factory=dict)
    changes: list[dict[str, str | None]] = field(default_factory=list)
    mode_changes: list[dict[str, str | None]] = field(default_factory=list)
    value_changes: list[dict[str, str | None]] = field(default_factory=list)

    def note_value_change(self, moment: Moment, time: str) -> None:
        """A change as the streams are asked for it: of state, dial mode, or the last request's action and actor."""
        request: dict[str, str] = self.last_request or {}
        now = {
            "to": moment.stay.state,
            "dial_mode": moment.stay.mode,
            "action": request.get("action"),
            "actor": request.get("actor"),
        }
        last = self.value_changes[-1] if self.value_changes else None
        if last is None or any(last[name] != value for name, value in now.items()):
            self.value_changes.append({"time": time, "from": last["to"] if last else None, **now})


class Truth:
    """Follows the messages; its memory grows with groups and their changes only."""

    def __init__(self) -> None:
        self._groups: dict[str, _Known] = {}
        self._odd = 0
        self._first_ms: int | None = None
        self._last_ms = 0

    def answered(self, answer: Answer) -> None:
        """Take in a message that was posted; that it was refused does not make it less true."""
        known = self.observe(answer.message)
        if known is not None and answer.error is not None:
            known.refused += 1

    def observe(self, message: Message) -> _Known | None:
        """Take in a message; each group's must come in order. Odd ones are only counted."""
        self._first_ms = message.time_ms if self._first_ms is None else min(self._first_ms, message.time_ms)
        self._last_ms = max(self._last_ms, message.time_ms)
        moment = message.moment
        if moment is None:
            self._odd += 1
            return None
        time = iso(message.time_ms)
        cause = {"time": time, "action": moment.action, "actor": moment.actor}
        known = self._groups.get(moment.group.guid)
        if known is None:
            known = self._groups[moment.group.guid] = _Known(moment.group, "", message.time_ms)
        if known.state != moment.stay.state:
            known.changes.append({"from": known.state or None, "to": moment.stay.state, **cause})
            known.state, known.since_ms = moment.stay.state, message.time_ms
        if known.mode != moment.stay.mode:
            known.mode_changes.append({"from": known.mode, "to": moment.stay.mode, **cause})
            known.mode = moment.stay.mode
        known.messages += 1
        known.last_message = cause
        if not moment.periodic:
            known.last_request = cause
        known.note_value_change(moment, time)
        return known

    def to_json(self) -> dict[str, Any]:
        """All of it: totals, and a row for each campaign group that sent something, in the groups' order."""
        known = sorted(self._groups.values(), key=lambda each: each.group.index)
        states = sorted({each.state for each in known})
        ordinary = sum(each.messages for each in known)
        return {
            "totals": {
                "messages": ordinary + self._odd,
                "odd": self._odd,
                "refused": sum(each.refused for each in known),
                "groups": len(known),
                "states": {state: sum(each.state == state for each in known) for state in states},
                "changes": sum(len(each.changes) for each in known),
                "value_changes": sum(len(each.value_changes) for each in known),
                "first": None if self._first_ms is None else iso(self._first_ms),
                "last": None if self._first_ms is None else iso(self._last_ms),
            },
            "groups": [_row(each) for each in known],
        }


def _row(known: _Known) -> dict[str, Any]:
    group = known.group
    return {
        "tenant": group.tenant,
        "guid": group.guid,
        "name": group.name,
        "campaign": group.campaign,
        "group": group.group,
        "state": known.state,
        "since": iso(known.since_ms),
        "dial_mode": known.mode,
        "last_request": known.last_request,
        "last_message": known.last_message,
        "messages": known.messages,
        "refused": known.refused,
        "changes": known.changes,
        "dial_mode_changes": known.mode_changes,
        "value_changes": known.value_changes,
    }
