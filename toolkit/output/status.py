"""What `status` found: for people, and as the one line of a monitoring plugin with its figures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from toolkit.doctor.finding import Level
from toolkit.output.console import counted
from toolkit.output.doctor import finding_lines
from toolkit.output.tables import group_states, moment, readable, shown
from toolkit.uses.health import age, minute

if TYPE_CHECKING:
    from toolkit.uses.health import Health
    from toolkit.uses.status import Status

_UNITS = {"silence": "s"}
"""Measure → its unit, by Nagios's plugin guidelines; none: a number of things."""


def text(found: Status) -> str:
    """What is wrong first; then the state table, how many groups are in each state, when OCS was last heard of."""
    health = found.health
    problems = [line for finding in health.findings for line in finding_lines(finding)]
    dead = f"dead letters {found.dead_letters:,}"
    where = f"{health.streams.campaign_groups} on {health.url}"
    if health.last is None:
        return "\n".join([*problems, "", f"No message yet in {where}; {dead}."])
    counts = ", ".join(f"{shown(state)} {count:,}" for state, count in found.counts.items())
    lines = [
        *problems,
        *([""] if problems else []),
        group_states(found.groups),
        "",
        f"{counted(len(found.groups), 'campaign group')}: {counts}",
        f"last message {age(health.last.age_s)} ago ({moment(health.last.ingested)} UTC), {dead}, in {where}",
    ]
    return "\n".join(lines)


def line(health: Health) -> str:
    """What is wrong, in one line; where nothing is, what was looked at."""
    wrong = [finding for finding in health.findings if finding.level is not Level.NOTE]
    if wrong:
        return "; ".join(f"{finding.check}: {readable(finding.what)}" for finding in wrong)
    last = f"last message {age(health.last.age_s)} ago" if health.last else "no message yet"
    since = f"dead letters since {minute(health.since_ms)}: {health.dead_letters:,}"
    return f"active campaign groups: {health.active:,}, {last}, {since}, unknown codes: {health.unknown_messages:,}"


def figures(health: Health) -> str:
    """The performance data of Nagios's plugin guidelines: `label=value;warning;critical`, `U` for what has no value.

    A limit means there what it means here: more than that.
    """
    return " ".join(_figure(health, measure) for measure in health.figures)


def _figure(health: Health, measure: str) -> str:
    value, limits = health.figures[measure], health.thresholds[measure]
    number = "U" if value is None else f"{round(value, 1)}{_UNITS.get(measure, '')}"
    warning, critical = ("" if limit is None else str(limit) for limit in (limits.warning, limits.critical))
    return f"{measure}={number};{warning};{critical};0"
