"""What a check says: how bad it is, what was found, why that matters, and what to do."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from toolkit.model import Body


class Level(StrEnum):
    """How bad it is."""

    OK = "ok"
    NOTE = "note"
    """Nothing is wrong, but it should be known."""
    UNKNOWN = "unknown"
    """It could not be checked."""
    WARNING = "warning"
    """Something does not work, or will not before long; OCS's messages are still taken."""
    CRITICAL = "critical"
    """Messages of OCS are lost or go astray, or are about to; or nothing can be installed."""


WORST_FIRST = tuple(reversed(Level))
"""The levels, in the order in which people want to read of them."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check says of one thing."""

    level: Level
    check: str
    """What was looked at, such as `disk`."""
    what: str
    """What was found."""
    why: str = ""
    """Why it matters; empty where nothing is wrong."""
    remedy: str = ""
    """What to do; empty where nothing has to be done."""

    def as_json(self) -> Body:
        """For programs."""
        return {
            "level": self.level.value,
            "check": self.check,
            "what": self.what,
            "why": self.why or None,
            "remedy": self.remedy or None,
        }


def ok(check: str, what: str) -> Finding:
    """The finding that all is well."""
    return Finding(Level.OK, check, what)
