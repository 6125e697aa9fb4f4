"""The transform that keeps the latest states: whether it runs, keeps up, and as whom."""

from __future__ import annotations

from collections.abc import Iterator

from toolkit.doctor.facts import Facts
from toolkit.doctor.finding import Finding, Level, ok
from toolkit.model import Body
from toolkit.questions import last_message

_STALE = "The latest-state index and the dashboard of the present states stand still; messages are kept all the same."
_GRACE_S = 60
_RUNS = ("started", "indexing")


def transform(facts: Facts) -> Iterator[Finding]:
    """Every transform that should be there; one that is absent is the plan's to tell."""
    for name in (resource.name for resource in facts.resources if resource.kind == "transform"):
        stats = _only(facts.get(f"/_transform/{name}/_stats"))
        body = _only(facts.get(f"/_transform/{name}"))
        if not stats or not body:
            continue
        found = list(_ill(facts, name, stats, body))
        yield from found
        if not found:
            yield ok("transform", f"{name} is {stats['state']} and keeps up")
        yield from _identity(facts, name, body)


def _ill(facts: Facts, name: str, stats: Body, body: Body) -> Iterator[Finding]:
    state = stats["state"]
    if state not in _RUNS:
        reason = f": {stats['reason']}" if stats.get("reason") else ""
        again = "remove the cause, then ocs-elastic apply, which starts it again"
        yield Finding(Level.WARNING, "transform", f"{name} is {state}{reason}", _STALE, again)
        return
    health = stats.get("health") or {}
    for issue in health.get("issues", []):
        what = f"{name} is {health['status']}: {issue['issue']} {issue.get('details', '')}".strip()
        yield Finding(Level.WARNING, "transform", what, _STALE, "remove the cause; it tries again by itself")
    yield from _late(facts, name, stats, body)


def _late(facts: Facts, name: str, stats: Body, body: Body) -> Iterator[Finding]:
    """Behind by more than its own pace explains, and with something left to do.

    Either alone is no lag: a late message changes no latest state, and a message of `verify` is none of its.
    """
    behind = stats.get("checkpointing", {}).get("operations_behind", 0)
    if not behind or not facts.streams:
        return
    source, destination = body["source"]["index"][0], body["dest"]["index"]
    newest, done = (last_message(facts.transport, index) for index in (source, destination))
    if newest is None:
        return
    lag_s = done.age_s - newest.age_s if done else newest.age_s
    usual_s = facts.settings.transform_delay_s + 2 * facts.settings.transform_frequency_s
    if lag_s > usual_s + _GRACE_S:
        yield Finding(
            Level.WARNING,
            "transform",
            f"{name} is {lag_s:,.0f} s behind, {behind:,} operations; {usual_s} s are usual",
            _STALE,
            f"look at the nodes' load, and at GET /_transform/{name}/_stats",
        )


def _identity(facts: Facts, name: str, body: Body) -> Iterator[Finding]:
    """It runs with the privileges that its creator had; newer servers tell which."""
    granted = body.get("authorization")
    if not facts.server.security or not granted:
        return
    roles = granted.get("roles") or granted.get("api_key", {}).get("name") or granted.get("service_account")
    who = ", ".join(roles) if isinstance(roles, list) else str(roles)
    if isinstance(roles, list) and "superuser" in roles:
        yield Finding(
            Level.NOTE,
            "transform",
            f"{name} runs with the privileges of role superuser",
            "It was written by such a user, and may read and write everything.",
            "write it again as an operator: DELETE it with ?force=true, then ocs-elastic apply",
        )
    else:
        yield ok("transform", f"{name} runs with the privileges of {'API key ' * ('api_key' in granted)}{who}")


def _only(answer: Body | None) -> Body:
    found: list[Body] = (answer or {}).get("transforms", [])
    return found[0] if found else {}
