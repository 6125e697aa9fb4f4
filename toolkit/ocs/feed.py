"""The feed: the messages of all campaign groups, in the order of simulated time. Pure; who posts them is elsewhere."""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from operator import attrgetter

from toolkit.catalogue import Catalogue
from toolkit.ocs.campaign import CampaignGroup, campaign_groups
from toolkit.ocs.choices import CallingListShape, PeriodicAction
from toolkit.ocs.life import Moment, live
from toolkit.ocs.message import Message, Writer, to_text
from toolkit.ocs.odd import OddMessages
from toolkit.ocs.statistics import Statistics

_time = attrgetter("time_ms")


@dataclass(frozen=True, slots=True)
class Feed:
    """What is simulated; the same values give the same bytes."""

    count: int
    """Messages in all, odd ones included."""
    groups: int = 20
    interval_s: int = 10
    """Seconds between a group's periodic messages: OCS's option `campaigngroup-states-interval`."""
    pace_s: int | None = None
    """Seconds that a unit of a group's life takes (dialing lasts 10 to 70 of them, see `toolkit.ocs.life`); None: the
    interval, so that a short simulation shows a whole life."""
    odd_percent: int = 0
    """Share of odd messages."""
    seed: int = 1
    periodic_action: PeriodicAction = PeriodicAction.LAST
    calling_lists: CallingListShape = CallingListShape.ARRAY

    @property
    def odd_count(self) -> int:
        """How many of the messages are odd."""
        return self.count * self.odd_percent // 100

    def span_ms(self) -> int:
        """Milliseconds from the start to the last message. It walks through all lives: 2 s for a million messages."""
        ordinary = self.count - self.odd_count
        if not ordinary:
            return self._odd_time_ms(self.count - 1)
        last = deque(islice(self._moments(self._campaign_groups()), ordinary), maxlen=1)
        return last[0].time_ms

    def messages(self, catalogue: Catalogue, start_ms: int) -> Iterator[Message]:
        """The messages, one by one; memory depends on the number of groups alone.

        Args:
            catalogue: where all numbers come from.
            start_ms: the simulation's start, in milliseconds since 1970 UTC.
        """
        ordinary = self._ordinary(catalogue, start_ms)
        odd = OddMessages(catalogue, self.seed, first_key=self.groups)
        time_ms = start_ms
        for position in range(self.count):
            if self._is_odd(position):
                if self.odd_percent == 100:  # no ordinary message tells the time
                    time_ms = start_ms + self._odd_time_ms(position)
                yield odd.next(time_ms)
            else:
                message = next(ordinary)
                time_ms = message.time_ms
                yield message

    def _is_odd(self, position: int) -> bool:
        """Whether the message at that position is odd: they are spread evenly."""
        return (position + 1) * self.odd_count // self.count > position * self.odd_count // self.count

    def _odd_time_ms(self, position: int) -> int:
        return position * self.interval_s * 1000 // self.groups

    def _campaign_groups(self) -> list[CampaignGroup]:
        return campaign_groups(self.groups, self.seed)

    def _ordinary(self, catalogue: Catalogue, start_ms: int) -> Iterator[Message]:
        groups = self._campaign_groups()
        statistics = [Statistics(group, self.interval_s * 1000) for group in groups]
        writer = Writer(catalogue, self.calling_lists)
        for moment in self._moments(groups):
            figures = statistics[moment.group.index].at(moment)
            told = self._as_told(moment)
            time_ms = start_ms + moment.time_ms
            yield Message(time_ms, to_text(writer.body(told, figures, time_ms)), moment.group.index, told)

    def _moments(self, groups: list[CampaignGroup]) -> Iterator[Moment]:
        """The lives of all groups, merged: at the same time, the group with the lower number comes first."""
        interval_ms, pace_ms = self.interval_s * 1000, (self.pace_s or self.interval_s) * 1000
        return heapq.merge(*(live(group, interval_ms, pace_ms) for group in groups), key=_time)

    def _as_told(self, moment: Moment) -> Moment:
        if moment.periodic and self.periodic_action is PeriodicAction.NONE:
            return moment._replace(action="unknown-message", actor="unknown")
        return moment
