"""Blocks: what keeps a cluster or an index from being written, read or changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from toolkit.doctor.facts import Facts
from toolkit.doctor.finding import Finding, Level, ok
from toolkit.model import Body

_SETTINGS = {
    "5": "index.blocks.read_only",
    "6": "cluster.blocks.read_only",
    "7": "index.blocks.read",
    "8": "index.blocks.write",
    "9": "index.blocks.metadata",
    "12": "index.blocks.read_only_allow_delete",
    "13": "cluster.blocks.read_only_allow_delete",
}
"""A block's id in the cluster's state → the setting that lifts it (Elasticsearch's `IndexMetadata` and `Metadata`)."""
_IN_FORCE = {"filter_path": "blocks.global,blocks.indices.*ocs-*"}
_LOST = "Every message that goes there is refused, and OCS does not repeat it."


def blocks(facts: Facts) -> Iterator[Finding]:
    """What is blocked takes no message, and OCS does not ask twice.

    The cluster's state tells them all; an index with a block of its metadata does not even show its settings.
    """
    in_force = (facts.get("/_cluster/state/blocks", _IN_FORCE) or {}).get("blocks", {})
    if everywhere := in_force.get("global"):
        yield _of_cluster(everywhere)
        if _keeps_from("write", everywhere):
            return  # the streams cannot even be asked for
    names = [*facts.write_indices.values(), *(name for name in facts.indices if name.startswith("ocs-"))]
    found = [_of_index(name, in_force.get("indices", {}).get(name, {}), facts) for name in names]
    blocked = [finding for finding in found if finding]
    yield from blocked
    if names and not blocked:
        yield ok("blocks", "what takes messages is not blocked")


def _of_cluster(found: Mapping[str, Body]) -> Finding:
    said = ", ".join(_SETTINGS.get(id_, str(block.get("description"))) for id_, block in found.items())
    return Finding(
        Level.CRITICAL if _keeps_from("write", found) else Level.WARNING,
        "blocks",
        f"the whole cluster is blocked: {said}",
        "Every message is refused, and OCS does not repeat it; nothing can be installed or changed."
        if _keeps_from("write", found)
        else "Nothing can be installed or changed.",
        _remedy("/_cluster/settings", found, '{{"persistent": {0}, "transient": {0}}}'),
    )


def _of_index(name: str, found: Mapping[str, Body], facts: Facts) -> Finding | None:
    if not found:
        return None
    said = ", ".join(_SETTINGS.get(id_, str(block.get("description"))) for id_, block in found.items())
    takes_messages = name in facts.write_indices.values()
    if _keeps_from("write", found):
        level, why = (
            (Level.CRITICAL, _LOST) if takes_messages else (Level.WARNING, "The latest states cannot be written.")
        )
    elif _keeps_from("read", found):
        level, why = Level.WARNING, "What is in it cannot be read: dashboards, reports and the transform lack it."
    else:
        level, why = Level.WARNING, "It cannot be rolled over, managed or looked at."
    return Finding(level, "blocks", f"{name} is blocked: {said}", why, _remedy(f"/{name}/_settings", found, "{0}"))


def _keeps_from(what: str, found: Mapping[str, Body]) -> bool:
    return any(what in block.get("levels", ()) for block in found.values())


def _remedy(path: str, found: Mapping[str, Body], body: str) -> str:
    """The request that lifts every block for which there is a setting."""
    known = [_SETTINGS[id_] for id_ in found if id_ in _SETTINGS]
    if not known:
        return "see the log of the elected master: no setting lifts it"
    lift = f"PUT {path} " + body.format("{" + ", ".join(f'"{setting}": null' for setting in known) + "}")
    full = any(setting.endswith("read_only_allow_delete") for setting in known)
    return f"free disk space first: the server blocks what lies on a full disk; then {lift}" if full else lift
