"""The tally of a simulation: how many messages were posted, accepted and refused, and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from toolkit.ocs.message import Message

_REASONS_MAX = 20
_OTHER = "other reasons"


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of one message."""

    message: Message
    status: int | None
    """HTTP status; None: no answer came."""
    index: str | None
    """Index, or backing index, that the server says it was written to."""
    id: str | None
    """Id that the server gave to the document."""
    error: str | None
    """Kind of refusal, such as `400 document_parsing_exception` or `no connection`; None: accepted."""
    detail: str | None = None
    """The server's own words, or the system's."""
    failure_store: str | None = None
    """What the server says of its failure store, `used` where the message went there; None: nothing."""


@dataclass(slots=True)
class Counts:
    """How many of some messages did what."""

    written: int = 0
    """To a file."""
    posted: int = 0
    """Attempts: one a message, since OCS does not retry."""
    accepted: int = 0
    refused: int = 0

    def add(self, answer: Answer) -> None:
        """Count one posted message."""
        self.posted += 1
        self.accepted += answer.error is None
        self.refused += answer.error is not None

    def to_json(self) -> dict[str, int]:
        """The counts by name; `written` only if something was."""
        posted = {"posted": self.posted, "accepted": self.accepted, "refused": self.refused}
        return {"written": self.written, **posted} if self.written else posted


class Tally:
    """Counts messages, in all and per odd class; memory does not grow with them."""

    def __init__(self, odd_classes: Iterable[str] = ()) -> None:
        self.all = Counts()
        self.odd = {name: Counts() for name in odd_classes}
        self.reasons: Counter[str] = Counter()
        self.details: dict[str, str] = {}
        """For each reason, the words of its first refusal."""

    def answered(self, answer: Answer) -> None:
        """Count a message that was posted."""
        self.all.add(answer)
        if answer.message.odd is not None:
            self.odd.setdefault(answer.message.odd, Counts()).add(answer)
        if answer.error is not None:
            known = answer.error in self.reasons or len(self.reasons) < _REASONS_MAX
            reason = answer.error if known else _OTHER
            self.reasons[reason] += 1
            self.details.setdefault(reason, answer.detail or "")

    def written(self, message: Message) -> None:
        """Count a message that was written to a file."""
        self.all.written += 1
        if message.odd is not None:
            self.odd.setdefault(message.odd, Counts()).written += 1

    def to_json(self) -> dict[str, Any]:
        """Everything, for a program."""
        reasons = [
            {"reason": reason, "count": count, "first": self.details[reason]}
            for reason, count in self.reasons.most_common()
        ]
        return {
            **self.all.to_json(),
            "reasons": reasons,
            "odd": {name: counts.to_json() for name, counts in self.odd.items()},
        }
