"""How the feed is: who is silent though OCS should report it, what was not understood, and how bad that is; pure.

OCS reports every campaign group that is active, again and again, and says nothing when a group is deleted. So a group
is **active** where its last known state is one in which OCS is not silent, and **stale** where it is active and its
last message is older than `Settings.stale_after_s`. A group that others have gone on without for long is forgotten,
which is measured against the last message of all: while nothing at all comes, nobody is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from toolkit.catalogue import Enum
from toolkit.config.threshold import Threshold
from toolkit.doctor.finding import WORST_FIRST, Finding, Level
from toolkit.questions.health import HeardGroup, LastMessage, UnknownCode
from toolkit.streams import Streams
from toolkit.uses.window import Window

_NAMED_MAX = 10
_NAME_MAX = 60
"""So many groups, or codes, are named, the others counted, and of a name so many characters: a line of monitoring has
an end."""


@dataclass(frozen=True, slots=True)
class StaleGroup:
    """A campaign group that OCS should report, and does not."""

    tenant: str | None
    name: str | None
    guid: str
    state: str | None
    """Label of its last known state."""
    silent_s: float
    """Seconds since the server took its last message."""

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Health:
    """The figures of one namespace at a time, and what they are judged by; all times are by the server's clock."""

    url: str
    streams: Streams
    now_ms: int
    """Milliseconds since 1970 UTC."""
    since_ms: int
    """From when on dead letters, failures and unknown codes count: milliseconds since 1970 UTC."""
    stale_after_s: int
    thresholds: Mapping[str, Threshold]
    last: LastMessage | None
    """None: there never was one."""
    active: int
    """How many campaign groups OCS should report."""
    stale: list[StaleGroup]
    """Those of them that it does not, by tenant and name."""
    dead_letters: int
    failures: int | None
    """Documents in the failure store; None: the server has none, or it is off."""
    unknown_messages: int
    """How many messages hold an unknown code."""
    unknown_codes: list[UnknownCode]

    @property
    def figures(self) -> dict[str, float | None]:
        """Measure → its figure; None where there is none, as of silence where nobody should speak."""
        return {
            "silence": self.last.age_s if self.last and self.active else None,
            "stale_groups": len(self.stale),
            "dead_letters": self.dead_letters,
            "failures": self.failures,
            "unknown_codes": self.unknown_messages,
        }

    def level(self, measure: str) -> Level:
        """How bad a figure is."""
        figure, limits = self.figures[measure], self.thresholds[measure]
        if figure is None:
            return Level.OK
        if limits.critical is not None and figure > limits.critical:
            return Level.CRITICAL
        return Level.WARNING if limits.warning is not None and figure > limits.warning else Level.OK

    @property
    def findings(self) -> list[Finding]:
        """What is wrong or should be known, the worst first; nothing of what is well."""
        judges = (_silence, _stale, _dead_letters, _failures, _unknown)
        return sorted((f for judge in judges for f in judge(self)), key=lambda f: WORST_FIRST.index(f.level))

    @property
    def worst(self) -> Level:
        """How bad it is."""
        return next((finding.level for finding in self.findings), Level.OK)

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        return {
            "url": self.url,
            "namespace": self.streams.namespace,
            "stream": self.streams.campaign_groups,
            "level": self.worst.value,
            "findings": [finding.as_json() for finding in self.findings],
            "now": Window.iso(self.now_ms),
            "since": Window.iso(self.since_ms),
            "stale_after_s": self.stale_after_s,
            "active_groups": self.active,
            "figures": self.figures,
            "thresholds": {measure: limits.as_json() for measure, limits in self.thresholds.items()},
            "last_message": self.last.as_json() if self.last else None,
            "stale_groups": [group.as_json() for group in self.stale],
            "unknown_codes": [code.as_json() for code in self.unknown_codes],
        }


def active(heard: Iterable[HeardGroup], states: Enum) -> list[HeardGroup]:
    """The groups that OCS should report; of a state that the catalogue does not have, nobody knows."""
    speaking = {value.code for value in states.values} - states.silent
    return [group for group in heard if group.state_code in speaking]


def stale(groups: Iterable[HeardGroup], now_ms: int, stale_after_s: int) -> list[StaleGroup]:
    """Those of the active groups that have been silent for too long, by tenant and name."""
    silent = ((group, (now_ms - group.heard_ms) / 1000) for group in groups)
    found = [StaleGroup(g.tenant, g.name, g.guid, g.state, age_s) for g, age_s in silent if age_s > stale_after_s]
    return sorted(found, key=lambda group: (group.tenant or "", group.name or "", group.guid))


def _silence(health: Health) -> Iterator[Finding]:
    if health.last is None:
        unwatched = health.thresholds["silence"] == Threshold(None, None)
        yield Finding(
            Level.NOTE if unwatched else Level.WARNING,
            "silence",
            "no message of OCS yet",
            "Whether OCS can reach this cluster, nobody knows.",
            "`ocs-elastic verify` tries the path that OCS would take, `ocs-elastic options` prints what to set in OCS",
        )
    elif (level := health.level("silence")) is not Level.OK:
        yield Finding(
            level,
            "silence",
            f"nothing from OCS for {age(health.last.age_s)}, active campaign groups: {health.active:,}",
            "OCS never repeats a message: what it says meanwhile is lost.",
            "is OCS up, and does its log tell of 81001? `ocs-elastic verify` tries the path from OCS, "
            "`ocs-elastic doctor` looks at the cluster",
        )


def _stale(health: Health) -> Iterator[Finding]:
    if (level := health.level("stale_groups")) is Level.OK:
        return
    names = _named(group.name or group.guid for group in health.stale)
    yield Finding(
        level,
        "stale groups",
        f"silent for more than {health.stale_after_s} s: {len(health.stale):,} of {health.active:,} active campaign "
        f"groups ({names})",
        "Their state here is the last that was heard, not the present one.",
        "in OCS's log, 81001 names the groups that it reports; a group that was deleted is forgotten by itself",
    )


def _dead_letters(health: Health) -> Iterator[Finding]:
    if (level := health.level("dead_letters")) is not Level.OK:
        yield Finding(
            level,
            "dead letters",
            f"not replayed since {minute(health.since_ms)}: {health.dead_letters:,}",
            "Messages that could not be understood are kept whole there, but in no dashboard and no report.",
            "see why, and what they hold: ocs-elastic failures list",
        )


def _failures(health: Health) -> Iterator[Finding]:
    if health.failures is not None and (level := health.level("failures")) is not Level.OK:
        yield Finding(
            level,
            "failure store",
            f"documents since {minute(health.since_ms)}: {health.failures:,}",
            "They were neither indexed nor made dead letters: a mapping or the pipeline is at fault.",
            "see why, and what they hold: ocs-elastic failures list",
        )


def _unknown(health: Health) -> Iterator[Finding]:
    if not health.unknown_messages:
        return
    level = health.level("unknown_codes")
    codes = _named(f"{code.attribute} {code.code}: {code.messages:,}" for code in health.unknown_codes)
    which = f" ({codes})" if codes else ""  # none where only the tag came, by another hand than the pipeline's
    yield Finding(
        Level.NOTE if level is Level.OK else level,
        "unknown codes",
        f"messages since {minute(health.since_ms)}: {health.unknown_messages:,}{which}",
        "Nothing is lost: it is shown as Unknown and its number until it has a name.",
        "tell the maintainers of ocs-elastic, who give it one; until then, nothing has to be done",
    )


def _named(names: Iterable[str]) -> str:
    """The first names, and how many others there are."""
    every = [name if len(name) <= _NAME_MAX else f"{name[: _NAME_MAX - 1]}…" for name in names]
    others = len(every) - _NAMED_MAX
    return ", ".join(every[:_NAMED_MAX]) + (f" and {others:,} more" if others > 0 else "")


def age(seconds: float) -> str:
    """A length of time in the unit that people use."""
    for limit, divisor, unit in ((120, 1, "s"), (7200, 60, "min"), (172_800, 3600, "h")):
        if seconds < limit:
            return f"{seconds / divisor:.0f} {unit}"
    return f"{seconds / 86_400:.0f} days"


def minute(time_ms: int) -> str:
    """A time for people, who read it in UTC."""
    return f"{Window.iso(time_ms)[:16].replace('T', ' ')} UTC"
