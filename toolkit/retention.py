"""How long documents stay, worked out from one number that people understand."""

from __future__ import annotations

from dataclasses import dataclass

_MINUTES_A_DAY = 24 * 60


@dataclass(frozen=True, slots=True)
class Retention:
    """The two ages of an ILM policy that keep no document longer than asked."""

    rollover_minutes: int
    delete_minutes: int

    @property
    def rollover_age(self) -> str:
        """For how long an index takes documents, in Elasticsearch's notation."""
        return _age(self.rollover_minutes)

    @property
    def delete_age(self) -> str:
        """How long after that it is deleted, in Elasticsearch's notation."""
        return _age(self.delete_minutes)


def retention(days: int) -> Retention:
    """Ages for a greatest document age of `days`.

    An index takes documents for min(30, days / 10) days, and ILM counts the delete phase from the rollover, so the
    delete phase begins after what is left.
    """
    rollover = min(30 * _MINUTES_A_DAY, days * _MINUTES_A_DAY // 10)
    return Retention(rollover, days * _MINUTES_A_DAY - rollover)


def _age(minutes: int) -> str:
    for unit, size in (("d", _MINUTES_A_DAY), ("h", 60)):
        if minutes % size == 0:
            return f"{minutes // size}{unit}"
    return f"{minutes}m"
