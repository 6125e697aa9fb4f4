"""What could not be understood when it came: why, how many, and each one whole."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from toolkit.client.transport import Transport
from toolkit.config import Settings
from toolkit.errors import ToolkitError
from toolkit.questions.dead_letters import (
    DeadLetter,
    Reason,
    Selection,
    known,
    letters_of,
    present,
    reasons,
    replayed_id,
)
from toolkit.questions.failure_store import Failure, failure_count, failures
from toolkit.streams import Streams

_FAILURES_A_PAGE = 500
_IDS_NAMED = 5


@dataclass(frozen=True, slots=True)
class Listing:
    """Why messages are no documents of the stream."""

    url: str
    dead_letters: str
    """Name of the stream of dead letters."""
    letters: list[Reason]
    failures: list[Reason] | None
    """The same of the failure stores; None: there is none."""

    @property
    def waiting(self) -> int:
        """How many messages a replay would be about."""
        return sum(each.pending + each.failed for each in (*self.letters, *(self.failures or ())))

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        return {
            "url": self.url,
            "waiting": self.waiting,
            "dead_letters": [reason.as_json() for reason in self.letters],
            "failure_store": None if self.failures is None else [reason.as_json() for reason in self.failures],
        }


def listed(transport: Transport, settings: Settings, selection: Selection) -> Listing:
    """Group them by reason. Reads only.

    Raises:
        ToolkitError: a data stream is absent.
        UnreachableError, RejectedError: the server does not answer, or refuses.
    """
    streams = Streams(settings.namespace)
    streams.require(transport)
    known = [stream for stream in streams.both if failure_count(transport, stream) is not None]
    return Listing(
        url=transport.url,
        dead_letters=streams.dead_letters,
        letters=reasons(transport, streams.dead_letters, selection.query()),
        failures=list(_failure_reasons(transport, streams, known, selection)) if known else None,
    )


def shown(transport: Transport, settings: Settings, ids: Sequence[str]) -> list[DeadLetter | Failure]:
    """The dead letters, and documents of failure stores, with these ids. Reads only.

    Raises:
        ToolkitError: a data stream is absent, or nothing has one of these ids.
        UnreachableError, RejectedError: the server does not answer, or refuses.
    """
    streams = Streams(settings.namespace)
    streams.require(transport)
    found: list[DeadLetter | Failure] = list(letters_of(transport, streams.dead_letters, ids))
    if left := set(ids) - {each.id for each in found}:
        for stream in streams.both:
            found += [failure for failure in failures(transport, stream) if failure.id in left]
    _require(settings, ids, {each.id for each in found})
    return sorted(found, key=lambda each: ids.index(each.id))


def require_known(transport: Transport, settings: Settings, ids: Sequence[str]) -> None:
    """Make sure that each of these ids is that of a dead letter, or of a document of a failure store. Reads only.

    Raises:
        ToolkitError: one is not.
        UnreachableError, RejectedError: the server does not answer, or refuses.
    """
    streams = Streams(settings.namespace)
    found = known(transport, streams.dead_letters, ids)
    if set(ids) - found:
        for stream in streams.both:
            found |= {failure.id for failure in failures(transport, stream)}
    _require(settings, ids, found)


def _require(settings: Settings, ids: Sequence[str], found: set[str]) -> None:
    if missing := [id_ for id_ in dict.fromkeys(ids) if id_ not in found]:
        more = f" and {len(missing) - _IDS_NAMED:,} more" if len(missing) > _IDS_NAMED else ""
        raise ToolkitError(
            f"no dead letter of namespace '{settings.namespace}' has the id {', '.join(missing[:_IDS_NAMED])}{more}",
            hint="`ocs-elastic failures list` names one of each sort; what was written a moment ago is not found yet",
        )


def _failure_reasons(
    transport: Transport, streams: Streams, stores: Sequence[str], selection: Selection
) -> Iterator[Reason]:
    grouped: dict[tuple[str | None, str | None], list[tuple[str, str, bool]]] = defaultdict(list)
    for stream in stores:
        found = (failure for failure in failures(transport, stream) if selection.takes(failure))
        while page := list(islice(found, _FAILURES_A_PAGE)):
            ids = [replayed_id(failure.index, failure.id) for failure in page]
            there = present(transport, streams.campaign_groups, ids)
            for failure, id_ in zip(page, ids, strict=True):
                grouped[failure.type, failure.message].append((failure.time, failure.id, id_ in there))
    for (type_, message), members in sorted(grouped.items(), key=lambda item: -len(item[1])):
        replayed = sum(done for _, _, done in members)
        (first, *_), (last, example, _) = min(members), max(members)
        yield Reason(type_, message, len(members) - replayed, 0, replayed, first, last, example)
