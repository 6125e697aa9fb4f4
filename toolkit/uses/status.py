"""The state of the feed: what the campaign groups are doing, and whether OCS is still heard of, and understood.

Here it is asked; `toolkit.uses.health` judges.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from toolkit.catalogue import read_catalogue
from toolkit.client.transport import Transport
from toolkit.config import Settings
from toolkit.config.threshold import Threshold
from toolkit.errors import UsageError
from toolkit.load import configured
from toolkit.questions import GroupState, count, group_states
from toolkit.questions import health as ask
from toolkit.questions.failure_store import failure_total
from toolkit.streams import Streams
from toolkit.uses.health import Health, active, stale
from toolkit.uses.thresholds import thresholds
from toolkit.uses.window import Window

UNSAID = "state not known"
"""Where no message of a campaign group held a state that could be understood."""
DAY = timedelta(hours=24)
_HOUR_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class Status:
    """What the streams of one namespace say; messages of `verify` are left out."""

    health: Health
    groups: list[GroupState]
    """Every campaign group of the stream."""
    counts: dict[str, int]
    """State → campaign groups in it, in the catalogue's order, the busiest first; only states that occur."""
    dead_letters: int
    """All that are stored, whenever they came and whatever became of them."""

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        return {
            **self.health.as_json(),
            "dead_letters": self.dead_letters,
            "states": self.counts,
            "groups": [group.as_json() for group in self.groups],
        }


def status(
    transport: Transport,
    settings: Settings,
    *,
    since: timedelta | datetime = DAY,
    limits: Mapping[str, Threshold] | None = None,
) -> Status:
    """Ask the streams; nothing is written, not even a refresh is asked for.

    Args:
        transport: the cluster.
        settings: the namespace, and how often OCS reports a campaign group.
        since: as for `health`.
        limits: as for `health`.

    Raises:
        ToolkitError, UsageError, UnreachableError, RejectedError: as `health`.
    """
    found = health(transport, settings, since=since, limits=limits)
    groups = group_states(transport, found.streams.campaign_groups)
    labels = [value.label for value in configured(read_catalogue(), settings).enums["state"].values]
    return Status(
        health=found,
        groups=groups,
        counts=_counts((group.state or UNSAID for group in groups), labels[::-1]),
        dead_letters=count(transport, found.streams.dead_letters),
    )


def health(
    transport: Transport,
    settings: Settings,
    *,
    since: timedelta | datetime = DAY,
    limits: Mapping[str, Threshold] | None = None,
) -> Health:
    """Ask only what has to be watched, which a monitoring system may do every minute; nothing is written.

    Args:
        transport: the cluster.
        settings: the namespace, and how often OCS reports a campaign group.
        since: from when on dead letters, failures and unknown codes count; with a timezone, if it is a time.
        limits: see `toolkit.uses.thresholds`; None: those of the settings.

    Raises:
        ToolkitError: a data stream is absent.
        UsageError: `since` is not in the past.
        UnreachableError, RejectedError: the server does not answer, or refuses.
    """
    streams = Streams(settings.namespace)
    streams.require(transport)
    catalogue = configured(read_catalogue(), settings)
    stream = streams.campaign_groups
    now_ms = ask.server_time_ms(transport, stream)
    since_ms = _since_ms(since, now_ms)
    last = ask.last_message(transport, stream, now_ms)
    forgotten_ms = settings.forget_hours * _HOUR_MS
    heard = ask.heard_groups(transport, stream, Window.ms(last.ingested) - forgotten_ms) if last else []
    expected = active(heard, catalogue.enums["state"])
    unknown_messages, unknown_codes = ask.unknown_codes(transport, stream, since_ms, catalogue.of_type("code"))
    return Health(
        url=transport.url,
        streams=streams,
        now_ms=now_ms,
        since_ms=since_ms,
        stale_after_s=settings.stale_after_s,
        thresholds=thresholds(settings) if limits is None else limits,
        last=last,
        active=len(expected),
        stale=stale(expected, now_ms, settings.stale_after_s),
        dead_letters=ask.waiting_dead_letters(transport, streams.dead_letters, since_ms),
        failures=failure_total(transport, streams.both, since=Window.iso(since_ms)),
        unknown_messages=unknown_messages,
        unknown_codes=unknown_codes,
    )


def _counts(states: Iterable[str], order: list[str]) -> dict[str, int]:
    """How often each occurs: those of the order first, then others, such as labels of former times."""
    counts = Counter(states)
    known = [state for state in order if state in counts]
    return {state: counts[state] for state in [*known, *sorted(counts.keys() - set(known))]}


def _since_ms(since: timedelta | datetime, now_ms: int) -> int:
    if isinstance(since, timedelta):
        return now_ms - since // timedelta(milliseconds=1)
    since_ms = Window.ms(since.isoformat())
    if since_ms >= now_ms:
        now = Window.iso(now_ms)
        raise UsageError(f"--since {Window.iso(since_ms)} is not in the past: the server's clock says {now}")
    return since_ms
