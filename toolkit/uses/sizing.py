"""What a feed of OCS's comes to on a cluster of these settings; no server is asked."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from toolkit.capabilities import Capabilities
from toolkit.config import Settings
from toolkit.config.keys import SETTINGS
from toolkit.errors import InvalidResourceError, UsageError
from toolkit.load import index_mode
from toolkit.measured import read_measured
from toolkit.sizing import GB, SHARD_DOCUMENTS, Demand, Sizing

_UNITS = {"mb": 2**20, "gb": GB}
_RANGE = re.compile(r"\d+-(?P<most>\d+|all)")
_LIMITS_DOCUMENTS = (8, 8, 0)
"""The first Elasticsearch whose ILM ends an index at `SHARD_DOCUMENTS`, whatever a policy says."""


def sizing(settings: Settings, *, groups: int, server: Capabilities | None = None) -> Sizing:
    """Compute it from what was measured.

    Args:
        settings: how often OCS reports a group, and how documents are kept.
        groups: active campaign groups.
        server: what will keep them; None: not known, and then `auto` is reckoned as `standard`, which needs more.

    Raises:
        UsageError: the server lacks the index mode, or the number of replicas depends on the number of nodes alone.
        SourceError: the measured figures cannot be read.
    """
    measured = read_measured()
    mode = _index_mode(settings, server)
    demand = Demand(
        groups=groups,
        interval_s=settings.interval_s,
        retention_days=settings.retention_days,
        dead_letter_retention_days=settings.dead_letter_retention_days,
        shards=settings.shards,
        replicas=_replicas(settings.replicas),
        rollover_bytes=_bytes(settings.rollover_size),
        rollover_documents=SHARD_DOCUMENTS if server is None or server.version >= _LIMITS_DOCUMENTS else None,
        refresh_interval_s=settings.refresh_interval_s,
        index_mode=mode,
    )
    leaner = measured.storage["logsdb"] if mode == "standard" and server and server.logsdb else None
    return Sizing(demand, measured.storage[mode], measured.indexing, leaner)


def with_flags(settings: Settings, flags: dict[str, Any]) -> Settings:
    """The settings, but for those that a flag gives.

    Args:
        settings: the configured ones.
        flags: setting → what its flag gives, None where it does not.

    Raises:
        UsageError: such a value cannot be used.
    """
    given = {name: value for name, value in flags.items() if value is not None}
    for name, value in given.items():
        if refusal := SETTINGS[name].refusal(value):
            raise UsageError(f"{_flag(name)}: {refusal}")
    return replace(settings, **given)


def _flag(name: str) -> str:
    return f"--{name.removesuffix('_s').replace('_', '-')}"


def _index_mode(settings: Settings, server: Capabilities | None) -> str:
    if server is None:
        return "standard" if settings.index_mode == "auto" else settings.index_mode
    try:
        return index_mode(settings, server)
    except InvalidResourceError as error:
        raise UsageError(error.reason, hint=error.hint) from error


def _replicas(text: str) -> int:
    """The most copies that a number or a range of them allows."""
    found = _RANGE.fullmatch(text)
    most = found["most"] if found else text
    if most == "all":
        raise UsageError(
            f"replicas is {text}: how many these are depends on the number of nodes",
            hint="say how many to reckon with: --replicas 1",
        )
    return int(most)


def _bytes(size: str) -> int:
    """A `rollover_size`, which the configuration has checked."""
    return int(size[:-2]) * _UNITS[size[-2:]]
