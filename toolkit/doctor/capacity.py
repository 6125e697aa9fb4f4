"""Room: on the nodes' disks, for shards, and for the copies that replicas are."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from toolkit.doctor.facts import Facts
from toolkit.doctor.finding import Finding, Level, ok
from toolkit.model import Body

_UNITS = {"b": 1, "kb": 2**10, "mb": 2**20, "gb": 2**30, "tb": 2**40, "pb": 2**50}
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgtp]?b)", re.IGNORECASE)
_DISK = "cluster.routing.allocation.disk"
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


def disk(facts: Facts) -> Iterator[Finding]:
    """Every data node's free space against the watermarks in force."""
    settings = _settings(facts)
    watched = settings.get(f"{_DISK}.threshold_enabled", "true") == "true"
    if not watched:
        yield Finding(
            Level.NOTE,
            "disk",
            f"{_DISK}.threshold_enabled is false: the watermarks do nothing",
            "A disk that is full stops the node in the middle of its work.",
            "remove that setting",
        )
    for node in facts.nodes:
        total, free = (node.get("fs", {}).get("total", {}).get(f"{what}_in_bytes") for what in ("total", "available"))
        if not total or not any(role.startswith("data") for role in node.get("roles", ["data"])):
            continue
        shown = f"{node['name']}: {_shown(free)} of {_shown(total)} free"
        stage = next((s for s in _STAGES if free < _needed(settings, f"{_DISK}.watermark.{s[0]}", total)), None)
        if stage is None:
            yield ok("disk", shown)
            continue
        name, level, why = stage
        yield Finding(
            level,
            "disk",
            f"{shown}, past the watermark {name} ({settings[f'{_DISK}.watermark.{name}']})",
            why if watched else "The watermarks are off, so nothing stops before the disk is full.",
            "add disk space or a node, or keep documents for a shorter time (retention_days)",
        )


def shards(facts: Facts) -> Iterator[Finding]:
    """Where no more shards are allowed, no stream can turn to a new index."""
    health = facts.get("/_cluster/health")
    nodes = health["number_of_data_nodes"]
    used = sum(health[f"{state}_shards"] for state in ("active", "initializing", "unassigned"))
    most = int(_settings(facts)[_SHARDS]) * nodes
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
        f"remove what is no longer needed, add a data node, or raise {_SHARDS}",
    )


def replicas(facts: Facts) -> Iterator[Finding]:
    """Shards of the namespace that no node holds."""
    if not (indices := facts.indices):
        return
    answer = facts.get(f"/_cluster/health/{','.join(indices)}", {"level": "shards", "timeout": "1s"})
    found = list(_shards_of(answer))
    unassigned = [shard for shard in found if not (shard.has_primary and shard.replicas_missing == 0)]
    for shard in unassigned:
        yield _on_no_node(shard)
    if not unassigned:
        yield ok("replicas", f"all {len(found)} shards are on a node, with every copy")


@dataclass(frozen=True, slots=True)
class _Shard:
    name: str
    has_primary: bool
    replicas_missing: int


def _shards_of(health: Body) -> Iterator[_Shard]:
    for index, body in health["indices"].items():
        for number, shard in body["shards"].items():
            primary = bool(shard["primary_active"])
            yield _Shard(f"shard {number} of {index}", primary, shard["unassigned_shards"] - (not primary))


def _on_no_node(shard: _Shard) -> Finding:
    explain = "GET /_cluster/allocation/explain tells the cause"
    if not shard.has_primary:
        why = "Its documents cannot be read or written: every message that goes there is refused."
        return Finding(Level.CRITICAL, "replicas", f"{shard.name} is on no node", why, explain)
    return Finding(
        Level.WARNING,
        "replicas",
        f"{shard.name}: replicas on no node: {shard.replicas_missing}",
        "A node that fails may take the only copy along, and ILM waits for the replica for ever.",
        f"{explain}; a single node holds no replica: replicas: 0-1",
    )


def _settings(facts: Facts) -> dict[str, str]:
    """The cluster's settings in force, flat: transient over persistent over default."""
    where = {"include_defaults": "true", "filter_path": f"*.{_SHARDS}*,*.{_DISK}"}
    answer = facts.get("/_cluster/settings", where) or {}
    found: dict[str, str] = {}
    for layer in ("defaults", "persistent", "transient"):
        found |= dict(_flat("", answer.get(layer, {})))
    return found


def _flat(prefix: str, value: Any) -> Iterator[tuple[str, str]]:
    if not isinstance(value, dict):
        yield prefix, str(value)
        return
    for key, inner in value.items():
        yield from _flat(f"{prefix}.{key}" if prefix else key, inner)


def _needed(settings: dict[str, str], watermark: str, total: int) -> float:
    """Bytes that must stay free: a share of the disk, but no more than the headroom, or a size of its own."""
    value = settings[watermark]
    if size := _bytes(value):
        return size
    used = float(value.removesuffix("%")) / 100 if value.endswith("%") else float(value)
    headroom = _bytes(settings.get(f"{watermark}.max_headroom", ""))
    free = total * (1 - used)
    return min(free, headroom) if headroom else free


def _bytes(text: str) -> float:
    """A size such as `20GB`; 0 where it is none, or switched off (`-1`)."""
    found = _SIZE.fullmatch(text)
    return float(found[1]) * _UNITS[found[2].lower()] if found else 0.0


def _a_rollover(facts: Facts, nodes: int) -> int:
    """Shards that the next indices of both streams need."""
    most = facts.settings.replicas.rpartition("-")[2]
    wanted = int(most) if most.isdigit() else nodes - 1  # `all`
    copies = min(wanted, nodes - 1) if "-" in facts.settings.replicas else wanted
    return 2 * facts.settings.shards * (1 + copies)


def _shown(size: float) -> str:
    return f"{size / 2**30:,.1f} GB"
