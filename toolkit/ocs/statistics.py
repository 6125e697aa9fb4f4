"""The statistics of a campaign group: they drift as a dialer's do, and are empty just after a start."""

from __future__ import annotations

from random import Random
from typing import NamedTuple

from toolkit.ocs.campaign import CampaignGroup
from toolkit.ocs.life import Moment, Stay

PREDICTIVE_MODES = frozenset({"predictive", "predictive-seizing", "predictive-gvp"})
"""Ids of the dial modes that are optimised, and that dial more numbers than there are agents."""


class ListFigures(NamedTuple):
    """What OCS knows of one calling list."""

    name: str
    hit_ratio: float | None
    time_to_complete: int | None
    """Seconds."""


class Figures(NamedTuple):
    """What OCS knows of a campaign group; ratios: 0.3 is 30 %. None: too early to tell, or not dialing."""

    busy_factor: float | None
    hit_ratio: float | None
    overdial_rate: float | None
    time_to_complete: int | None
    """Seconds, those of the slowest list."""
    lists: tuple[ListFigures, ...]


class _CallingList:
    """How far the dialing of one list has come."""

    def __init__(self, name: str, rng: Random) -> None:
        self.name = name
        self.fresh_hit_ratio = rng.uniform(0.18, 0.45)
        self.done = rng.uniform(0, 0.3)  # share of its records
        self.length_ms = 1.0  # what is left when a stay begins would take that long
        self.left = 1.0  # share of the records then

    def begin(self, length_ms: float) -> None:
        """Start dialing at a pace that ends the list after that time; an exhausted list has been refilled."""
        self.done = 0.0 if self.done >= 1 else self.done
        self.left, self.length_ms = 1 - self.done, length_ms

    def figures(self, dialed_ms: int, rng: Random) -> ListFigures:
        """Go on to `dialed_ms` after the begin. The easy contacts come first, so the hit ratio falls."""
        share = min(1.0, dialed_ms / self.length_ms)
        self.done = 1 - self.left * (1 - share)
        hit_ratio = self.fresh_hit_ratio * (1 - 0.5 * self.done) + rng.gauss(0, 0.004)
        return ListFigures(self.name, _ratio(hit_ratio), int(self.length_ms * (1 - share) / 1000))


class Statistics:
    """The statistics of one group; its moments must be asked for in their order."""

    def __init__(self, group: CampaignGroup, interval_ms: int) -> None:
        self._group = group
        self._interval_ms = interval_ms
        self._rng = Random(group.seed + 1)  # apart from the life's, which does not depend on statistics
        self._lists = [_CallingList(name, self._rng) for name in group.calling_lists]
        self._nothing = Figures(None, None, None, None, tuple(ListFigures(n, None, None) for n in group.calling_lists))
        self._natural_busy_factor = self._rng.uniform(0.6, 0.82)
        self._busy_factor = 0.0
        self._stay: Stay | None = None
        self._dialing_since_ms = 0

    def at(self, moment: Moment) -> Figures:
        """The figures that OCS sends at that moment."""
        if moment.stay is not self._stay:
            self._begin(moment.stay)
        dialed_ms = moment.time_ms - moment.stay.start_ms
        if moment.stay.mode is None:
            return self._nothing
        lists = tuple(each.figures(dialed_ms, self._rng) for each in self._lists)
        if moment.time_ms - self._dialing_since_ms < self._interval_ms:
            return self._nothing
        return Figures(
            busy_factor=self._next_busy_factor(moment.stay.mode),
            hit_ratio=_ratio(sum(each.hit_ratio or 0 for each in lists) / len(lists)),
            overdial_rate=self._overdial_rate(moment.stay.mode),
            time_to_complete=max(each.time_to_complete or 0 for each in lists),
            lists=lists,
        )

    def _begin(self, stay: Stay) -> None:
        before, self._stay = self._stay, stay
        if stay.mode is None:
            if stay.phase == "exhausted":
                for each in self._lists:
                    each.done = 1.0  # the last message before the end did not see the very end
            return
        if before is None or before.mode is None:  # dialing starts; after a change of mode it goes on
            self._dialing_since_ms = stay.start_ms
            self._busy_factor = self._rng.uniform(0.25, 0.4)
        self._pace(stay)

    def _pace(self, stay: Stay) -> None:
        """Let the slowest list end with the stay where the group completes, and long after it elsewhere."""
        length_ms = float(stay.end_ms - stay.start_ms)
        completes = stay.way_out.action == "complete"
        for i, each in enumerate(self._lists):
            factor = (1.0 if i == 0 else self._rng.uniform(0.5, 1)) if completes else self._rng.uniform(1.3, 6)
            each.begin(length_ms * factor)

    def _next_busy_factor(self, mode: str) -> float:
        goal = self._natural_busy_factor
        if mode in PREDICTIVE_MODES and self._group.optimize_by == "busy-factor":
            goal = self._group.optimize_goal / 100
        self._busy_factor += (goal - self._busy_factor) * 0.15 + self._rng.gauss(0, 0.008)
        return _ratio(self._busy_factor)

    def _overdial_rate(self, mode: str) -> float:
        if mode not in PREDICTIVE_MODES:
            return 0.0
        by_rate = self._group.optimize_by == "overdial-rate"
        return _ratio(self._rng.gauss(self._group.optimize_goal / 100 if by_rate else 0.02, 0.003))


def _ratio(value: float) -> float:
    return round(min(1.0, max(0.0, value)), 4)
