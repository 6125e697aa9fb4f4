"""The state of the feed: what each campaign group is doing, and whether OCS is still heard of."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from toolkit.catalogue import read_catalogue
from toolkit.client.transport import Transport
from toolkit.config import Settings
from toolkit.load import configured
from toolkit.questions import GroupState, LastMessage, count, group_states, last_message
from toolkit.uses.streams import Streams

UNSAID = "state not known"
"""Where no message of a campaign group held a state that could be understood."""


@dataclass(frozen=True, slots=True)
class Status:
    """What the streams of one namespace say; messages of `verify` are left out."""

    url: str
    streams: Streams
    groups: list[GroupState]
    counts: dict[str, int]
    """State → campaign groups in it, in the catalogue's order, the busiest first; only states that occur."""
    dead_letters: int
    last: LastMessage | None

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        return {
            "url": self.url,
            "namespace": self.streams.namespace,
            "stream": self.streams.campaign_groups,
            "groups": [group.as_json() for group in self.groups],
            "states": self.counts,
            "dead_letters": self.dead_letters,
            "last_message": self.last.as_json() if self.last else None,
        }


def status(transport: Transport, settings: Settings) -> Status:
    """Ask the streams; nothing is written, not even a refresh is asked for.

    Raises:
        ToolkitError: a data stream is absent.
        UnreachableError, RejectedError: the server does not answer, or refuses.
    """
    streams = Streams(settings.namespace)
    streams.require(transport)
    groups = group_states(transport, streams.campaign_groups)
    labels = [value.label for value in configured(read_catalogue(), settings).enums["state"].values]
    return Status(
        url=transport.url,
        streams=streams,
        groups=groups,
        counts=_counts((group.state or UNSAID for group in groups), labels[::-1]),
        dead_letters=count(transport, streams.dead_letters),
        last=last_message(transport, streams.campaign_groups),
    )


def _counts(states: Iterable[str], order: list[str]) -> dict[str, int]:
    """How often each occurs: those of the order first, then others, such as labels of former times."""
    counts = Counter(states)
    known = [state for state in order if state in counts]
    return {state: counts[state] for state in [*known, *sorted(counts.keys() - set(known))]}
