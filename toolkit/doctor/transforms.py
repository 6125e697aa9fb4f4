"""The transform that keeps the latest states: whether it runs, keeps up, and as whom."""

from __future__ import annotations

from collections.abc import Iterator

from toolkit.doctor.facts import Facts
from toolkit.doctor.finding import Finding, Level, ok
from toolkit.errors import RejectedError
from toolkit.model import Body

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
    """Messages that it should have taken by now: those since its last checkpoint's end, but for the newest.

    Its own figures do not tell: one whose role has lost `read` stays green on 8.17.2, and nothing is behind.
    """
    last = stats.get("checkpointing", {}).get("last", {})
    usual_s = facts.settings.transform_delay_s + 2 * facts.settings.transform_frequency_s
    since_ms, until_ms = last.get("time_upper_bound_millis", 0), facts.now_ms - 1000 * (usual_s + _GRACE_S)
    if since_ms >= until_ms:
        return
    source = body["source"]
    times = {body["sync"]["time"]["field"]: {"gte": since_ms, "lt": until_ms, "format": "epoch_millis"}}
    query = {"bool": {"filter": [source["query"], {"range": times}]}}
    try:
        left = facts.transport.post(f"/{','.join(source['index'])}/_count", {"query": query})["count"]
    except RejectedError as error:
        if error.status != 404:
            raise
        return  # there is no stream, which another check tells
    if left:
        yield Finding(
            Level.WARNING,
            "transform",
            f"{name} is behind: messages older than {usual_s + _GRACE_S} s that it has not taken: {left:,}",
            _STALE,
            "is what it runs with still allowed to read the stream? Otherwise look at the nodes' load, and at "
            f"GET /_transform/{name}/_stats",
        )


def _identity(facts: Facts, name: str, body: Body) -> Iterator[Finding]:
    """It runs with the privileges that its creator had; newer servers tell which."""
    if not facts.server.security:
        return
    granted = body.get("authorization")
    if not granted:
        yield ok("transform", f"{name}: {facts.server} does not tell with whose privileges it runs; its creator's")
        return
    roles = granted.get("roles") or granted.get("api_key", {}).get("name") or granted.get("service_account")
    who = ", ".join(roles) if isinstance(roles, list) else str(roles)
    if isinstance(roles, list) and "superuser" in roles:
        yield Finding(
            Level.NOTE,
            "transform",
            f"{name} runs with the privileges of role superuser",
            "It was written by such a user, and may read and write everything.",
            f"write it again as an operator: DELETE /_transform/{name}?force=true, then ocs-elastic apply",
        )
    else:
        yield ok("transform", f"{name} runs with the privileges of {'API key ' * ('api_key' in granted)}{who}")


def _only(answer: Body | None) -> Body:
    found: list[Body] = (answer or {}).get("transforms", [])
    return found[0] if found else {}
