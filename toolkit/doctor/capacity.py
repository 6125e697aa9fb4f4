"""Room: on the nodes' disks, for shards, and for the copies that replicas are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from toolkit.doctor.facts import Facts, untold
from toolkit.doctor.finding import Finding, Level, ok
from toolkit.model import Body
from toolkit.watermarks import DISK, in_force, kept_free

_SHARDS = "cluster.max_shards_per_node"
_ROLLOVERS_MIN = 10
"""For how many more rollovers there should be room, at least."""

_STAGES = (
    (
        "flood_stage",
        Level.CRITICAL,
        "Indices there become read-only: every message is refused, and OCS does not repeat it.",
    ),
    ("high", Level.WARNING, "Shards are moved away; past the flood stage, messages are refused."),
    ("low", Level.NOTE, "No further shards are put there; past the flood stage, messages are refused."),
)
"""Watermarks, the worst first."""
_OF_FROZEN = (
    ("flood_stage.frozen", Level.NOTE, "Nothing of the toolkit's is there: it mounts no searchable snapshots."),
)
"""A node for the frozen tier alone fills nine tenths of its disk with its cache on purpose: it has one watermark."""
_FROZEN = "data_frozen"
_TAKING = frozenset({"data", "data_hot", "data_content"})
"""The roles of nodes on which write indices lie, and the index of the latest states."""
_ASK = "GET /_cluster/settings?include_defaults=true"


def disk(facts: Facts) -> Iterator[Finding]:
    """Every data node's free space against the watermarks in force."""
    settings = _settings(facts)
    _require(facts, settings, *(f"{DISK}.watermark.{name}" for name, _, _ in _STAGES))
    watched = settings.get(f"{DISK}.threshold_enabled", "true") == "true"
    if not watched:
        yield Finding(
            Level.NOTE,
            "disk",
            f"{DISK}.threshold_enabled is false: the watermarks do nothing",
            "A disk that is full stops the node in the middle of its work.",
            f'PUT /_cluster/settings {{"persistent": {{"{DISK}.threshold_enabled": null}}, '
            f'"transient": {{"{DISK}.threshold_enabled": null}}}}, and remove it from elasticsearch.yml',
        )
    for node in facts.nodes:
        if any(role.startswith("data") for role in _roles(node)):
            yield _of_node(node, settings, watched=watched)


def _of_node(node: Body, settings: dict[str, str], *, watched: bool) -> Finding:
    total, free = (node.get("fs", {}).get("total", {}).get(f"{what}_in_bytes") for what in ("total", "available"))
    if not total or free is None:
        what = f"{node['name']} does not tell how full its disk is"
        return Finding(Level.UNKNOWN, "disk", what, "A disk that is full takes no message.", "see that node's log")
    shown = f"{node['name']}: {_shown(free)} of {_shown(total)} free"
    stages = _OF_FROZEN if _is_frozen(node) else _STAGES
    stage = next((s for s in stages if free < kept_free(settings, s[0], total)), None)
    if stage is None:
        return ok("disk", shown)
    name, level, why = stage
    if level is Level.CRITICAL and not _TAKING & set(_roles(node)):
        level, why = Level.WARNING, "Indices there become read-only; those that take messages are on other nodes."
    return Finding(
        level,
        "disk",
        f"{shown}, past the watermark {name} ({settings[f'{DISK}.watermark.{name}']})",
        why if watched else "The watermarks are off, so nothing stops before the disk is full.",
        "add disk space or a node, or keep documents for a shorter time (retention_days)",
    )


def _roles(node: Body) -> list[str]:
    roles: list[str] = node.get("roles", ["data"])
    return roles


def _is_frozen(node: Body) -> bool:
    """Whether it is for the frozen tier alone, as far as data go."""
    return {role for role in _roles(node) if role.startswith("data")} == {_FROZEN}


def shards(facts: Facts) -> Iterator[Finding]:
    """Where no more shards are allowed, no stream can turn to a new index."""
    health, settings = facts.get("/_cluster/health"), _settings(facts)
    _require(facts, settings, _SHARDS)
    frozen = [node["name"] for node in facts.nodes if _is_frozen(node)]  # they have a limit of their own
    nodes = health["number_of_data_nodes"] - len(frozen)
    used = sum(health[f"{state}_shards"] for state in ("active", "initializing", "unassigned"))
    used -= _shards_on(facts, frozen) if frozen else 0
    most = int(settings[_SHARDS]) * nodes
    left, need = most - used, _a_rollover(facts, nodes)
    what = f"{used:,} of {most:,} shards in use"
    if left >= max(_ROLLOVERS_MIN * need, most // 10):
        yield ok("shards", what)
        return
    yield Finding(
        Level.CRITICAL if left < need else Level.WARNING,
        "shards",
        f"{what}; one rollover of both streams needs {need}",
        "Without room for more, no index can be made: streams grow without a rollover, and nothing can be installed.",
        "remove indices that are no longer needed, add a data node, or raise the limit: PUT /_cluster/settings "
        f'{{"persistent": {{"{_SHARDS}": {2 * int(settings[_SHARDS])}}}}}',
    )


def _shards_on(facts: Facts, nodes: list[str]) -> int:
    rows = facts.get("/_cat/allocation", {"format": "json", "h": "node,shards"}) or []
    return sum(int(row["shards"]) for row in rows if row["node"] in nodes)


def replicas(facts: Facts) -> Iterator[Finding]:
    """Shards of the namespace that no node holds."""
    if not (names := facts.names):
        return
    answer = facts.get(f"/_cluster/health/{','.join(names)}", {"level": "shards", "timeout": "1s"})
    found = list(_shards_of(answer))
    plain = [name for name in names if name not in facts.streams]
    unassigned = [shard for shard in found if not (shard.has_primary and shard.replicas_missing == 0)]
    for shard in unassigned:
        yield _on_no_node(shard, of_messages=shard.index not in plain)
    if not unassigned:
        yield ok("replicas", f"all {len(found)} shards are on a node, with every copy")


@dataclass(frozen=True, slots=True)
class _Shard:
    index: str
    number: str
    has_primary: bool
    recovers: bool
    """Whether a node is about to have it."""
    replicas_missing: int

    @property
    def explain(self) -> str:
        """The request that tells why it is on no node."""
        primary = str(not self.has_primary).lower()
        body = f'{{"index": "{self.index}", "shard": {self.number}, "primary": {primary}}}'
        return f"the cause: POST /_cluster/allocation/explain {body}"

    def __str__(self) -> str:
        return f"shard {self.number} of {self.index}"


def _shards_of(health: Body) -> Iterator[_Shard]:
    for index, body in health["indices"].items():
        for number, shard in body["shards"].items():
            primary, unassigned = bool(shard["primary_active"]), shard["unassigned_shards"]
            recovers = not primary and bool(shard.get("initializing_shards"))
            missing = unassigned - (not primary and not recovers)
            yield _Shard(index, number, primary, recovers, missing)


def _on_no_node(shard: _Shard, *, of_messages: bool) -> Finding:
    if not shard.has_primary:
        why = "Its documents cannot be read or written"
        why += ": every message that goes there is refused." if of_messages else ", and messages are kept all the same."
        what = f"{shard} is {'being recovered, and not there yet' if shard.recovers else 'on no node'}"
        remedy = "wait; GET /_cat/recovery?v&active_only=true shows how far it is" if shard.recovers else shard.explain
        return Finding(Level.CRITICAL if of_messages else Level.WARNING, "replicas", what, why, remedy)
    return Finding(
        Level.WARNING,
        "replicas",
        f"{shard}: replicas on no node: {shard.replicas_missing}",
        "A node that fails may take the only copy along, and ILM waits for the replica for ever.",
        f"{shard.explain}; a single node holds no replica: replicas: 0-1",
    )


def _settings(facts: Facts) -> dict[str, str]:
    """The cluster's settings in force, flat: transient over persistent over default."""
    where = {"include_defaults": "true", "filter_path": f"*.{_SHARDS}*,*.{DISK}"}
    answer = facts.get("/_cluster/settings", where) or {}
    found = {f"{DISK}.watermark.flood_stage.frozen": "95%"}  # Elasticsearch's own default
    return found | in_force(answer)


def _require(facts: Facts, settings: dict[str, str], *names: str) -> None:
    if absent := [name for name in names if name not in settings]:
        raise untold(facts.transport.url, ", ".join(absent), _ASK)


def _a_rollover(facts: Facts, nodes: int) -> int:
    """Shards that the next indices of both streams need."""
    most = facts.settings.replicas.rpartition("-")[2]
    wanted = int(most) if most.isdigit() else nodes - 1  # `all`
    copies = min(wanted, nodes - 1) if "-" in facts.settings.replicas else wanted
    return 2 * facts.settings.shards * (1 + copies)


def _shown(size: float) -> str:
    return f"{size / 2**30:,.1f} GB"
