"""What can be chosen about a message where the vendor documents nothing. Light: the command line reads it at start."""

from __future__ import annotations

from enum import StrEnum


class PeriodicAction(StrEnum):
    """What a periodic message holds for its action and actor, which the vendor does not document."""

    LAST = "last"
    """The last request and who made it, again."""
    NONE = "none"
    """Action `unknown-message` and actor `unknown`: both attributes are always present, and these two say nothing."""


class CallingListShape(StrEnum):
    """How the figures of the calling lists are laid out, which the vendor does not document either."""

    ARRAY = "array"
    """GSW_CALLING_LISTS, an array of objects."""
    OBJECT = "object"
    """GSW_CALLING_LISTS, an object keyed by list name."""
    IN_PLACE = "in-place"
    """An object keyed by list name in the place of the group's own statistic."""
    NONE = "none"
    """Not at all."""
