"""The watermarks of nodes' disks: how much of one a cluster wants to stay free, by the settings in force. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from toolkit.model import Body

DISK = "cluster.routing.allocation.disk"
"""Where the settings about disks stand."""

_UNITS = {"b": 1, "kb": 2**10, "mb": 2**20, "gb": 2**30, "tb": 2**40, "pb": 2**50}
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgtp]?b)", re.IGNORECASE)


def in_force(answer: Body) -> dict[str, str]:
    """An answer to `GET /_cluster/settings?include_defaults`, flat: transient over persistent over default."""
    found: dict[str, str] = {}
    for layer in ("defaults", "persistent", "transient"):
        found |= dict(_flat("", answer.get(layer, {})))
    return found


def kept_free(settings: Mapping[str, str], name: str, total: int) -> float:
    """Bytes of a disk that must stay free: a share of it, but no more than the headroom, or a size of its own.

    Args:
        settings: what is in force.
        name: the watermark's, such as `high`.
        total: bytes of the whole disk.
    """
    value = settings[f"{DISK}.watermark.{name}"]
    if size := _bytes(value):
        return size
    used = float(value.removesuffix("%")) / 100 if value.endswith("%") else float(value)
    headroom = _bytes(settings.get(f"{DISK}.watermark.{name}.max_headroom", ""))
    free = total * (1 - used)
    return min(free, headroom) if headroom else free


def _flat(prefix: str, value: Any) -> Iterator[tuple[str, str]]:
    if not isinstance(value, dict):
        yield prefix, str(value)
        return
    for key, inner in value.items():
        yield from _flat(f"{prefix}.{key}" if prefix else key, inner)


def _bytes(text: str) -> float:
    """A size such as `20GB`; 0 where it is none, or switched off (`-1`)."""
    found = _SIZE.fullmatch(text)
    return float(found[1]) * _UNITS[found[2].lower()] if found else 0.0
