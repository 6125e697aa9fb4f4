"""Messages that could not be understood, lately."""

from __future__ import annotations

from collections.abc import Iterator

from toolkit.doctor.facts import Facts
from toolkit.doctor.finding import Finding, Level, ok
from toolkit.questions import dead_letter_reasons

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
    stores = {name: stream["failure_store"] for name, stream in facts.streams.items() if "failure_store" in stream}
    since = {"query": {"range": {"@timestamp": {"gte": facts.now_ms - _DAY_MS, "format": "epoch_millis"}}}}
    for name, store in stores.items():
        if not store.get("enabled"):
            continue
        count = 0
        if store.get("indices"):
            count = int(facts.transport.post(f"/{name}::failures/_count", since)["count"])
        if count:
            yield Finding(
                Level.WARNING,
                "failure store",
                f"{name}: {count:,} in the last 24 hours",
                "They were neither indexed nor made dead letters: a mapping or the pipeline is at fault.",
                _NEXT,
            )
        else:
            yield ok("failure store", f"{name}: none in the last 24 hours")
