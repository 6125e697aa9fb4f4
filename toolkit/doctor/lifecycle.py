"""Index lifecycle management: what keeps a stream from turning to a new index, or an old index from going."""

from __future__ import annotations

import re
from collections.abc import Iterator

from toolkit.doctor.facts import Facts
from toolkit.doctor.finding import Finding, Level, ok
from toolkit.model import Body

_DAY_MS = 86_400_000
_AGE = re.compile(r"(\d+)(ms|s|m|h|d)")
_UNIT_MS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": _DAY_MS}
_NO_RETENTION = "Documents stay longer than retention_days, indices grow, and the disk may fill up."


def ilm(facts: Facts) -> Iterator[Finding]:
    """Whether it runs at all, and every index behind the streams."""
    if not facts.server.ilm or not facts.streams:
        return
    mode = (facts.get("/_ilm/status") or {}).get("operation_mode", "RUNNING")
    if mode != "RUNNING":
        yield Finding(
            Level.WARNING, "ilm", f"index lifecycle management is {mode.lower()}", _NO_RETENTION, "POST /_ilm/start"
        )
    found = [finding for name in facts.streams for finding in _of_stream(facts, name)]
    yield from found
    if not found and mode == "RUNNING":
        yield ok("ilm", "no index waits where it should not")


def _of_stream(facts: Facts, stream: str) -> Iterator[Finding]:
    answer = facts.get(f"/{stream}/_ilm/explain") or {}
    for index, state in answer.get("indices", {}).items():
        if not state.get("managed"):
            # Apply puts only the write index right, by a rollover.
            yield Finding(Level.WARNING, "ilm", f"{index} has no ILM policy", _NO_RETENTION, _own(index, stream))
            continue
        if facts.get(f"/_ilm/policy/{state['policy']}") is None:
            yield _without_policy(stream, index, state)
            continue
        yield from _stuck(facts, index, state)
        yield from _outdated(facts, stream, index, state)


def _without_policy(stream: str, index: str, state: Body) -> Finding:
    """Not every server tells it as a failed step, and none before ILM comes by, every ten minutes."""
    policy = state["policy"]
    remedy = "ocs-elastic plan, ocs-elastic apply" if policy == stream else _own(index, stream)
    what = f"{index} goes by ILM policy {policy}, which does not exist"
    return Finding(Level.WARNING, "ilm", what, _NO_RETENTION, remedy)


def _own(index: str, policy: str) -> str:
    """How an index comes by the policy of its stream, which has the stream's name."""
    return f'PUT /{index}/_settings {{"index.lifecycle.name": "{policy}"}}'


def _stuck(facts: Facts, index: str, state: Body) -> Iterator[Finding]:
    step, since_ms = state.get("step", ""), state.get("step_time_millis", facts.now_ms)
    place = f"{state.get('phase')}/{state.get('action')}"
    if step == "ERROR":
        reason = (state.get("step_info") or {}).get("reason", "no reason given")
        failed = f"{index}: ILM failed in {place}, step {state.get('failed_step')}: {reason}"
        yield Finding(Level.WARNING, "ilm", failed, _NO_RETENTION, f"remove the cause, then POST /{index}/_ilm/retry")
    elif (days := (facts.now_ms - since_ms) / _DAY_MS) > 1 and not _patient(facts, index, state):
        info = state.get("step_info") or {}
        said = f" ({message})" if (message := info.get("message") or info.get("reason")) else ""
        yield Finding(
            Level.WARNING,
            "ilm",
            f"{index} has waited {days:.0f} days in {place}, step {step}{said}",
            _NO_RETENTION,
            f"GET /{index}/_ilm/explain tells more; a replica that no node can hold is a frequent cause",
        )


def _patient(facts: Facts, index: str, state: Body) -> bool:
    """Whether an index is meant to wait: for its next phase, or until it is old or large enough to be rolled over."""
    if state.get("step") == "complete":
        return True
    if state.get("step") != "check-rollover-ready":
        return False
    definition = (state.get("phase_execution") or {}).get("phase_definition") or {}
    rollover = definition.get("actions", {}).get("rollover", {})
    age_ms = facts.now_ms - int(state.get("lifecycle_date_millis", facts.now_ms))
    return age_ms <= _milliseconds(rollover.get("max_age")) + _DAY_MS or _is_empty(facts, index)


def _is_empty(facts: Facts, index: str) -> bool:
    """From 8.4 on, an index without documents is not rolled over."""
    answer = facts.get(f"/{index}/_stats/docs", {"filter_path": "indices.*.primaries.docs.count"}) or {}
    counts: list[int] = [each["primaries"]["docs"]["count"] for each in answer.get("indices", {}).values()]
    return sum(counts) == 0


def _milliseconds(age: str | None) -> float:
    """Of an age such as `9d`; none is for ever."""
    found = _AGE.fullmatch(age or "")
    return int(found[1]) * _UNIT_MS[found[2]] if found else float("inf")


def _outdated(facts: Facts, stream: str, index: str, state: Body) -> Iterator[Finding]:
    """An index keeps a phase's definition, as it was when it entered it, until it leaves it."""
    policy = state.get("policy", "")
    newest = (facts.get(f"/_ilm/policy/{policy}") or {}).get(policy, {}).get("version", 0)
    used = (state.get("phase_execution") or {}).get("version", newest)
    if used < newest:
        grows = facts.write_indices.get(stream) == index
        yield Finding(
            Level.NOTE,
            "ilm",
            f"{index} is in phase {state.get('phase')} by version {used} of policy {policy}, which is at {newest}",
            "Until it leaves the phase, the policy's former conditions hold for it.",
            f"wait, or end the phase: POST /{stream}/_rollover" if grows else "wait: it leaves the phase by its age",
        )
