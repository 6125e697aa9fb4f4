"""The life of a campaign group: phases and the steps between them, as data, and a walk through them.

The states are the vendor's. Which request leads from one to another, and how long a group stays, is how
contact centres run campaigns; the vendor documents neither. Two choices are the simulator's own: a group
is `inactive` only for a moment after some loads, and it then becomes `active` without a message of its
own, so that a change of state arrives with a periodic message.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from random import Random
from types import MappingProxyType
from typing import NamedTuple

from toolkit.ocs.campaign import CampaignGroup

SILENT_STATES = frozenset({"not-loaded"})
"""Ids of the states in which a group is not active, so that OCS sends no periodic messages for it.

The catalogue's `silent` says the same to everybody else; here it stands once more, since how long a simulation takes is
known without a catalogue, and a test holds both together.
"""

_JITTER_MS = 30  # OCS's timer is not exact either


@dataclass(frozen=True, slots=True)
class Phase:
    """A part of a group's life."""

    state: str
    """Id of the state that it is reported as."""
    shortest: float
    longest: float
    """How long it lasts, in units of the pace."""


@dataclass(frozen=True, slots=True)
class Step:
    """A way out of a phase."""

    origin: str
    target: str
    weight: int
    """How often it is taken, against the other steps from the same phase."""
    action: str | None
    """Id of the request that causes it and is sent with it; None: it happens without a message."""
    actors: Mapping[str, int]
    """Ids of those who do it, with their weights; empty: whoever acted last."""


PHASES: Mapping[str, Phase] = MappingProxyType(
    {
        "away": Phase("not-loaded", 4, 20),
        "settling": Phase("inactive", 0.3, 1.8),
        "loaded": Phase("active", 1, 8),
        "dialing": Phase("running", 10, 70),
        "paused": Phase("active", 4, 20),
        "exhausted": Phase("active", 1, 6),
        "draining": Phase("waiting-unload", 0.5, 4),
        "leaving": Phase("unload-in-progress", 0.05, 0.8),
    }
)

_ANYONE = {"ocs-client": 6, "schedule": 4, "sequence": 2, "comm-client": 1}
_SUPERVISOR = {"ocs-client": 5, "comm-client": 1}
_SAME: dict[str, int] = {}

STEPS = (
    Step("away", "loaded", 8, "load", _ANYONE),
    Step("away", "settling", 2, "load", _ANYONE),
    Step("settling", "loaded", 1, None, _SAME),
    Step("loaded", "dialing", 16, "start-dialing", _ANYONE),
    Step("loaded", "leaving", 2, "unload", _SUPERVISOR),
    Step("loaded", "away", 1, "force-unload", _SUPERVISOR),
    Step("dialing", "dialing", 5, "set-dialing-mode", _SUPERVISOR),
    Step("dialing", "loaded", 3, "stop-dialing", _SUPERVISOR),
    Step("dialing", "paused", 3, "stop-dialing", {"schedule": 1}),
    Step("dialing", "exhausted", 4, "complete", {"self": 1}),
    Step("dialing", "draining", 2, "unload", {"ocs-client": 2, "schedule": 1}),
    Step("dialing", "away", 1, "force-unload", _SUPERVISOR),
    Step("paused", "dialing", 9, "start-dialing", {"schedule": 1}),
    Step("paused", "leaving", 1, "unload", {"schedule": 1}),
    Step("exhausted", "leaving", 4, "unload", {"sequence": 3, "schedule": 2, "ocs-client": 2}),
    Step("exhausted", "dialing", 1, "start-dialing", _SUPERVISOR),
    Step("draining", "leaving", 5, "unload", _SAME),
    Step("draining", "away", 1, "force-unload", _SUPERVISOR),
    Step("leaving", "away", 1, "unload", _SAME),
)
"""Sorted by origin, which `groupby` needs."""

_STEPS_FROM = {origin: tuple(steps) for origin, steps in groupby(STEPS, key=lambda step: step.origin)}


class Stay(NamedTuple):
    """A group's stay in one phase: its way out is known when it begins."""

    phase: str
    state: str
    """Id of the state."""
    mode: str | None
    """Id of the dial mode; None unless the group is running."""
    start_ms: int
    end_ms: int
    way_out: Step


class Moment(NamedTuple):
    """A moment at which OCS sends a message."""

    group: CampaignGroup
    time_ms: int
    """Milliseconds since the simulation's start."""
    stay: Stay
    action: str
    actor: str
    """Ids of the last request and of who made it."""
    periodic: bool
    """Whether the message is due to the interval; otherwise the request itself is the reason."""


def live(group: CampaignGroup, interval_ms: int, pace_ms: int) -> Iterator[Moment]:
    """The moments of a group's life, without end; the same group, interval and pace give the same life.

    Group 0 is loaded at once, so that a simulation in real time begins with a message, the others
    within three times the pace.
    """
    rng = Random(group.seed)
    grid_ms = rng.randrange(interval_ms)  # of the periodic messages
    stay = _first_stay(group, rng, pace_ms)
    action, actor = "", ""
    while True:
        if stay.state not in SILENT_STATES:
            grid_ms += max(0, -((grid_ms - stay.start_ms) // interval_ms)) * interval_ms
            while (time_ms := grid_ms + int(rng.random() * _JITTER_MS)) < stay.end_ms:
                yield Moment(group, time_ms, stay, action, actor, periodic=True)
                grid_ms += interval_ms
        step = stay.way_out
        actor = _drawn(step.actors, rng) or actor
        stay = _next_stay(group, stay, rng, pace_ms)
        if step.action is not None:
            action = step.action
            yield Moment(group, stay.start_ms, stay, action, actor, periodic=False)


def _first_stay(group: CampaignGroup, rng: Random, pace_ms: int) -> Stay:
    end_ms = 0 if group.index == 0 else rng.randrange(3 * pace_ms)
    return Stay("away", PHASES["away"].state, None, 0, end_ms, _way_out("away", rng))


def _next_stay(group: CampaignGroup, stay: Stay, rng: Random, pace_ms: int) -> Stay:
    name = stay.way_out.target
    phase = PHASES[name]
    length_ms = max(1, int(rng.uniform(phase.shortest, phase.longest) * pace_ms))
    mode = _mode(group, stay, rng) if phase.state == "running" else None
    return Stay(name, phase.state, mode, stay.end_ms, stay.end_ms + length_ms, _way_out(name, rng))


def _mode(group: CampaignGroup, stay: Stay, rng: Random) -> str:
    """The mode to dial in: another one where it is changed, else mostly the usual one."""
    if stay.mode is not None:
        return rng.choice([mode for mode in group.modes if mode != stay.mode])
    return group.modes[0] if rng.random() < 0.7 else rng.choice(group.modes)


def _way_out(phase: str, rng: Random) -> Step:
    steps = _STEPS_FROM[phase]
    return rng.choices(steps, weights=[step.weight for step in steps])[0]


def _drawn(weights: Mapping[str, int], rng: Random) -> str | None:
    return rng.choices(list(weights), weights=list(weights.values()))[0] if weights else None
