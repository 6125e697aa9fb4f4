"""Where a time axis is marked: at round times of a timezone's own clocks, on an axis of time that really passed; pure.

So the day on which the clocks change is as long as it was: 23 or 25 hours, with the change named where it happens.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from toolkit.uses.window import Window

_MINUTE, _HOUR, _DAY = 60, 3600, 86_400
_STEPS_S = (
    *(1, 5, 10, 15, 30),
    *(n * _MINUTE for n in (1, 5, 15, 30)),
    *(n * _HOUR for n in (1, 2, 3, 6, 12)),
    *(n * _DAY for n in (1, 2, 7, 14, 28)),
)
_QUARTER_S = 15 * _MINUTE
"""Every timezone is a whole number of these away from UTC."""


@dataclass(frozen=True, slots=True)
class Tick:
    """A mark on the axis."""

    time_ms: int
    label: str
    below: str
    """The day and the clocks' name, where they are others than at the tick before."""


def step_s(window: Window, most: int) -> int:
    """The smallest round length, in seconds, of which at most so many fit into the window; else the greatest."""
    span_s = (window.before_ms - window.from_ms) / 1000
    return next((step for step in _STEPS_S if span_s / step <= most), _STEPS_S[-1])


def boundaries(window: Window, step: int) -> Iterator[int]:
    """The times strictly inside the window, in milliseconds, at which a step begins by the timezone's clocks."""
    every_ms = min(step, _QUARTER_S) * 1000
    first_ms = window.from_ms // every_ms * every_ms
    slot = _slot(window.at(first_ms), step)
    for time_ms in range(first_ms + every_ms, window.before_ms, every_ms):
        last, slot = slot, _slot(window.at(time_ms), step)
        if slot != last and time_ms > window.from_ms:
            yield time_ms


def ticks(window: Window, most: int) -> list[Tick]:
    """The marks of a time axis."""
    step = step_s(window, most)
    found: list[Tick] = []
    shown: tuple[str, ...] = ()
    for time_ms in boundaries(window, step):
        time = window.at(time_ms)
        day = f"{time:%a} {time.day} {time:%b}", time.tzname() or ""
        if step >= _DAY:
            label, below = f"{time.day} {time:%b}", day[1] if day[1:] != shown[1:] else ""
        else:
            label = f"{time:%H:%M:%S}" if step < _MINUTE else f"{time:%H:%M}"
            below = " ".join(new for new, old in zip(day, shown or ("", ""), strict=True) if new != old)
        found.append(Tick(time_ms, label, below))
        shown = day
    return found


def moment(window: Window, time_ms: int) -> str:
    """A time for people: with seconds, since requests follow each other quickly; without the timezone's name."""
    time = window.at(time_ms)
    return f"{time.day} {time:%b %H:%M:%S}" if _one_year(window, time) else f"{time.day} {time:%b %Y %H:%M:%S}"


def full(window: Window, time_ms: int) -> str:
    """A time for a heading: to the minute, with day, year and the name of the clocks at that time."""
    time = window.at(time_ms)
    return f"{time:%a} {time.day} {time:%b %Y, %H:%M} {time.tzname()}"


def length(seconds: int) -> str:
    """A round length of time in the greatest unit that fits."""
    for unit, name in ((_DAY, "day"), (_HOUR, "hour"), (_MINUTE, "minute"), (1, "second")):
        if seconds % unit == 0:
            number = seconds // unit
            return name if number == 1 else f"{number} {name}s"
    raise AssertionError(seconds)  # seconds are whole


def _slot(time: datetime, step: int) -> tuple[object, ...]:
    """The step that a time lies in, by the clocks; an hour that they show twice is two steps."""
    if step >= _DAY:
        return ((time.toordinal() - 1) // (step // _DAY),)  # weeks begin on Monday: 1 January 1 was one
    seconds = time.hour * _HOUR + time.minute * _MINUTE + time.second
    return (time.toordinal(), seconds // step, time.utcoffset() if step <= _HOUR else None)


def _one_year(window: Window, time: datetime) -> bool:
    return time.year == window.at(window.before_ms).year
