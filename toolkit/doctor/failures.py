"""Messages that could not be understood, lately."""

from __future__ import annotations

from collections.abc import Iterator

from toolkit.doctor.facts import Facts
from toolkit.doctor.finding import Finding, Level, ok
from toolkit.questions import dead_letter_reasons
from toolkit.questions.failure_store import failure_count

_DAY_MS = 86_400_000
_REASONS_SHOWN = 3
_NEXT = "see why, and what they hold: ocs-elastic failures list"


def dead_letters(facts: Facts) -> Iterator[Finding]:
    """Those of the last 24 hours, with the commonest reasons."""
    name = f"ocs-dead-letters-{facts.namespace}"
    if name not in facts.streams:
        return
    reasons = dead_letter_reasons(facts.transport, name, facts.now_ms - _DAY_MS, facts.now_ms + 1)
    count = sum(reason.count for reason in reasons)
    if not count:
        yield ok("dead letters", "none in the last 24 hours")
        return
    shown = "; ".join(f"{reason.count:,} {reason.message or 'other reasons'}" for reason in reasons[:_REASONS_SHOWN])
    yield Finding(
        Level.WARNING,
        "dead letters",
        f"{count:,} in the last 24 hours: {shown}",
        "Messages that nobody could understand are kept whole there, but in no dashboard and no report.",
        _NEXT,
    )


def failure_store(facts: Facts) -> Iterator[Finding]:
    """The second net, where the server has it: what even the pipeline's own failure path could not keep."""
    for name in facts.streams if facts.server.failure_store else ():
        count = failure_count(facts.transport, name, since="now-24h")
        if count is None:
            continue  # it is off, which `installed` says
        if not count:
            yield ok("failure store", f"{name}: none in the last 24 hours")
            continue
        yield Finding(
            Level.WARNING,
            "failure store",
            f"{name}: {count:,} in the last 24 hours",
            "They were neither indexed nor made dead letters: a mapping, a block or the pipeline is at fault, and what "
            "the failure store keeps of them goes by age, after 30 days where nobody says otherwise.",
            _NEXT,
        )
