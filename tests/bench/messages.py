"""Simulated messages as bodies of `_bulk`: made once, so that no time is measured that a client spends on them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from toolkit.catalogue import read_catalogue
from toolkit.ocs.feed import Feed

GROUPS = 200
INTERVAL_S = 10
"""OCS's own default of `campaigngroup-states-interval`."""
_PACE_S = 120
"""A call centre's day, rather than many short lives."""
_START_MS = 1_767_225_600_000
"""2026-01-01, so that every run has the same messages."""
_ACTION = b'{"create":{}}\n'


def messages(count: int, *, groups: int = GROUPS, seed: int = 1, start_ms: int = _START_MS) -> Iterator[bytes]:
    """The bodies of `count` messages, in the order in which OCS would post them."""
    feed = Feed(count=count, groups=groups, interval_s=INTERVAL_S, pace_s=_PACE_S, seed=seed)
    for message in feed.messages(read_catalogue(), start_ms):
        yield message.text.encode()


def bulk_bodies(lines: Iterator[bytes], size: int = 1000) -> Iterator[bytes]:
    """Bodies of `POST /<index or stream>/_bulk`, `size` documents each."""
    while chunk := list(islice(lines, size)):
        yield b"".join(_ACTION + line + b"\n" for line in chunk)
