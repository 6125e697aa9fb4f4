"""The server itself: versions, licence, what it lacks, and its clock."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from toolkit.doctor.facts import Facts, untold
from toolkit.doctor.finding import Finding, Level, ok
from toolkit.plan import UNAVAILABLE

_CLOCK_S_MAX = 60
_DAY_S = 86_400
_LICENSE_DAYS = 14


def versions(facts: Facts) -> Iterator[Finding]:
    """The oldest node decides what can be used."""
    answer = facts.get("/_nodes/plugins", {"filter_path": "nodes.*.version,nodes.*.name"})
    by_version: dict[str, list[str]] = {}
    if not (answer or {}).get("nodes"):
        raise untold(facts.transport.url, "its nodes", "GET /_nodes/plugins")
    for node in answer["nodes"].values():
        by_version.setdefault(node["version"], []).append(node["name"])
    count = sum(map(len, by_version.values()))
    if len(by_version) == 1:
        yield ok("versions", f"{facts.server} on {f'all {count} nodes' if count > 1 else 'its one node'}")
        return
    nodes = "; ".join(f"{version}: {', '.join(sorted(names))}" for version, names in sorted(by_version.items()))
    yield Finding(
        Level.WARNING,
        "versions",
        f"nodes of different versions ({nodes})",
        "What a newer version has stays unused, shards do not move from newer nodes to older ones, and apply changes "
        "nothing until then, unless --allow-mixed is given.",
        "finish the upgrade of all nodes, then run: ocs-elastic plan",
    )


def license(facts: Facts) -> Iterator[Finding]:  # noqa: A001 - Elastic's word
    """Basic is enough for everything here."""
    if facts.server.distribution != "elasticsearch":
        return
    found = (facts.get("/_xpack", {"categories": "license"}) or {}).get("license") or {}
    kind, status = found.get("type"), found.get("status")
    if kind is None:
        yield Finding(Level.UNKNOWN, "license", "the server does not tell its license", "Basic is needed, at least.")
        return
    expires_ms = found.get("expiry_date_in_millis")
    left_days = (expires_ms - facts.now_ms) / 1000 / _DAY_S if expires_ms else None
    until = f", until {datetime.fromtimestamp(expires_ms / 1000, UTC):%Y-%m-%d}" if expires_ms else ""
    if status == "active" and (left_days is None or left_days > _LICENSE_DAYS):
        yield ok("license", f"{kind}, {status}{until}")
        return
    yield Finding(
        Level.WARNING,
        "license",
        f"the license ({kind}) {'expires soon' if status == 'active' else f'is {status}'}{until}",
        "Without a valid one, transforms and ILM go on as they are, but parts of the server refuse requests.",
        "renew it, or go to basic, which is free and enough here: POST /_license/start_basic?acknowledge=true",
    )


def features(facts: Facts) -> Iterator[Finding]:
    """What this server cannot do, and what is left out for it; roles are another check's."""
    lacking = [c for c in facts.plan.changes if c.action == UNAVAILABLE and c.kind not in ("role", "dashboard")]
    for reason in dict.fromkeys(change.meaning for change in lacking):
        kinds = ", ".join(change.kind for change in lacking if change.meaning == reason)
        yield Finding(
            Level.NOTE,
            "features",
            reason,
            f"Left out: {kinds}.",
            "Elasticsearch has it" if facts.server.distribution == "opensearch" else "use Elastic's own distribution",
        )
    if not lacking:
        yield ok("features", "all that is needed: index lifecycle management, transforms, data streams")


def roles(facts: Facts) -> Iterator[Finding]:
    """Pipelines and transforms run on nodes of a role; one that nobody has is not missed before it is needed."""
    there = {role for node in facts.nodes for role in node.get("roles", ("ingest", "transform"))}
    if "ingest" not in there:
        yield Finding(
            Level.CRITICAL,
            "roles",
            "no node has the role ingest",
            "Nobody can run the pipeline, so every message is refused, and OCS does not repeat it.",
            "add ingest to node.roles in elasticsearch.yml of a node, and restart it",
        )
    if facts.server.transforms and "transform" not in there:
        yield Finding(
            Level.WARNING,
            "roles",
            "no node has the role transform",
            "The latest-state index and the dashboard of the present states stand still.",
            "add transform to node.roles in elasticsearch.yml of a node, and restart it",
        )


def clocks(facts: Facts) -> Iterator[Finding]:
    """Messages get their time of ingest from the node that takes them, and the transform goes by it."""
    times = {node["name"]: float(node["timestamp"]) for node in facts.nodes}
    before_ms, after_ms = facts.asked_nodes_ms
    asked_s = (after_ms - before_ms) / 1000
    apart_s = (max(times.values()) - min(times.values())) / 1000 - asked_s
    delay_s = facts.settings.transform_delay_s
    if apart_s > delay_s:
        nodes = ", ".join(f"{name} {(ms - min(times.values())) / 1000:+.0f} s" for name, ms in sorted(times.items()))
        yield Finding(
            Level.WARNING,
            "clocks",
            f"the nodes' clocks are {apart_s:.0f} s apart ({nodes})",
            f"The transform waits {delay_s} s for late messages: those of a node that is behind by more are missed.",
            "let all nodes synchronise their clocks (NTP)",
        )
    ahead_s = [_beyond(ms, before_ms, after_ms) / 1000 for ms in times.values()]
    worst_s = max(ahead_s, key=abs)
    if abs(worst_s) <= _CLOCK_S_MAX:
        yield ok("clocks", "the cluster's clock and this machine's agree within a minute")
        return
    yield Finding(
        Level.CRITICAL if worst_s <= -_DAY_S else Level.WARNING,
        "clocks",
        f"the cluster's clock is {_span(abs(worst_s))} {'ahead of' if worst_s > 0 else 'behind'} this machine's",
        "A message that OCS dates more than 24 h after the cluster's time loses its own time (tag ocs_bad_time), and "
        "ages, freshness and retention go by the cluster's clock.",
        "compare both, and OCS's, with a clock that is right (NTP); it may be this machine's that is wrong",
    )


def _beyond(value: float, low: float, high: float) -> float:
    """How far a value is outside of two limits; 0: it is between them."""
    return value - high if value > high else min(value - low, 0.0)


def _span(seconds: float) -> str:
    return f"{seconds / 3600:.1f} h" if seconds >= 7200 else f"{seconds:.0f} s"
