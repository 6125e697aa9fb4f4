"""What a feed of OCS's comes to on a cluster of these settings: from what was measured, or from a stream as it is."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from toolkit.capabilities import Capabilities
from toolkit.catalogue import read_catalogue
from toolkit.client.transport import Transport
from toolkit.config import Settings
from toolkit.config.keys import SETTINGS
from toolkit.errors import InvalidResourceError, UsageError
from toolkit.load import index_mode
from toolkit.measured import Measured, Storage, read_measured
from toolkit.model import Body
from toolkit.questions import health as ask
from toolkit.questions import message_count
from toolkit.sizing import GB, Demand, Seen, Sizing
from toolkit.streams import Streams
from toolkit.uses.health import active

_UNITS = {"mb": 2**20, "gb": GB}
_RANGE = re.compile(r"\d+-(?P<most>\d+|all)")
_DAY_MS = 86_400_000


def sizing(
    settings: Settings, *, groups: int | None, server: Capabilities | None = None, seen: Seen | None = None
) -> Sizing:
    """Compute it from what was measured.

    Args:
        settings: how often OCS reports a group, and how documents are kept.
        groups: active campaign groups; None: those that were seen.
        server: what will keep them; None: not known, and then `auto` is reckoned as `standard`, which needs more.
        seen: what the stream is like now, which goes before what the toolkit brings.

    Raises:
        UsageError: nobody says how many groups; the server lacks the index mode; or the number of replicas depends on
            the number of nodes alone.
        SourceError: the measured figures cannot be read.
    """
    measured = read_measured()
    mode = _index_mode(settings, server)
    demand = Demand(
        groups=_groups(groups, seen),
        interval_s=settings.interval_s,
        retention_days=settings.retention_days,
        dead_letter_retention_days=settings.dead_letter_retention_days,
        shards=settings.shards,
        replicas=_replicas(settings.replicas),
        rollover_bytes=_bytes(settings.rollover_size),
        refresh_interval_s=settings.refresh_interval_s,
        index_mode=mode,
    )
    if seen and seen.storage_is_known:
        return Sizing(demand, _storage(seen, str(server)), measured.indexing, seen=seen)
    return Sizing(demand, measured.storage[mode], measured.indexing, _leaner(measured, mode, server), seen)


def look(transport: Transport, settings: Settings) -> Seen:
    """What the stream is like now; nothing is written.

    Raises:
        ToolkitError: a data stream is absent.
        UnreachableError, RejectedError: the server does not answer, or refuses.
    """
    streams = Streams(settings.namespace)
    streams.require(transport)
    stream = streams.campaign_groups
    now_ms = ask.server_time_ms(transport, stream)
    heard = ask.heard_groups(transport, stream, now_ms - _DAY_MS)
    segments = _segments(transport, stream)
    return Seen(
        stream=stream,
        documents=sum(segment["num_docs"] for segment in segments),
        primary_bytes=sum(segment["size_in_bytes"] for segment in segments),
        groups=len(active(heard, read_catalogue().enums["state"])),
        messages_last_day=message_count(transport, stream, now_ms - _DAY_MS, now_ms),
    )


def _segments(transport: Transport, stream: str) -> list[Body]:
    """Those of primary shards that searches see: while segments are merged, the store holds the result as well."""
    shard = "indices.*.shards.*"
    wanted = ("routing.primary", "segments.*.num_docs", "segments.*.size_in_bytes")
    answer = transport.get(f"/{stream}/_segments", {"filter_path": ",".join(f"{shard}.{path}" for path in wanted)})
    copies = [
        copy
        for index in answer.get("indices", {}).values()
        for copies in index["shards"].values()
        for copy in copies
        if copy["routing"]["primary"]
    ]
    return [segment for copy in copies for segment in copy.get("segments", {}).values()]


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


def _groups(given: int | None, seen: Seen | None) -> int:
    if given is not None:
        return given
    if seen is None:
        raise UsageError("--groups is missing", hint="say how many are active, or ask the stream as it is: --measure")
    if not seen.groups:
        raise UsageError(
            f"{seen.stream} has heard of no active campaign group in 24 hours",
            hint="say how many there will be: --groups",
        )
    return seen.groups


def _storage(seen: Seen, engine: str) -> Storage:
    """Bytes as they lie, so nothing is to be added for what is not merged."""
    today = datetime.now(UTC).date().isoformat()
    return Storage(seen.primary_bytes / seen.documents, 1.0, engine, seen.groups, seen.documents, today)


def _leaner(measured: Measured, mode: str, server: Capabilities | None) -> Storage | None:
    return measured.storage["logsdb"] if mode == "standard" and server and server.logsdb else None


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
