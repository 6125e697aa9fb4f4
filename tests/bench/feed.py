"""What the feed costs the engine, one POST a message, everything on: `templates/measured.yml` has its CPU from here."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from statistics import median

from tests.bench.bench import Bench
from tests.bench.row import Row
from tests.bench.turns import in_turn
from tests.running import installed
from toolkit.config import Settings
from toolkit.ocs.feed import Feed
from toolkit.uses.simulation import Simulation, target_of

_INTERVAL_S = 10
_FEW, _MANY = 200, 5000
"""Active campaign groups."""
_SECONDS = 15
"""Longer than the transform sleeps."""
_WARM_UP = 10_000
"""Messages, as fast as they are taken: an engine that has just started compiles more than it indexes."""


def rows(bench: Bench) -> Iterator[Row]:
    """One row: the CPU that many groups take against few, each side in a namespace of its own.

    None where there are no transforms: it would leave out half of what a feed costs.
    """
    if not bench.engine.server.transforms:
        return
    with _namespace(bench, "many") as many, _namespace(bench, "few") as few:
        bench.say("warming up")
        _post(bench, many, Feed(count=_WARM_UP, groups=_MANY, interval_s=_INTERVAL_S, odd_percent=0, seed=1), rate=None)
        sides = {
            f"{_MANY} groups": partial(_cpu_ms_a_second, bench, many, _MANY),
            f"{_FEW} groups": partial(_cpu_ms_a_second, bench, few, _FEW),
        }
        many_ms, few_ms = in_turn(sides, bench.repeats, bench.say).values()
    yield Row(
        "feed",
        f"the feed of {_MANY:,} groups, {_MANY // _INTERVAL_S} POSTs a second",
        f"that of {_FEW} groups, {_FEW // _INTERVAL_S} a second",
        "ms of CPU a second",
        tuple(many_ms),
        tuple(few_ms),
        note="post_cpu_us {:.0f}, steady_cpus {:.3f}".format(*straight_line(median(many_ms), median(few_ms))),
    )


def straight_line(many_ms: float, few_ms: float) -> tuple[float, float]:
    """`post_cpu_us` and `steady_cpus`, which `sizing` reckons with, by the CPU of both sides, ms a second."""
    a_message_ms = (many_ms - few_ms) / ((_MANY - _FEW) / _INTERVAL_S)
    steady_ms = max(few_ms - a_message_ms * _FEW / _INTERVAL_S, 0)
    return 1000 * a_message_ms, steady_ms / 1000


@contextmanager
def _namespace(bench: Bench, name: str) -> Iterator[str]:
    settings = Settings(namespace=f"bench_{name}_{secrets.token_hex(3)}", interval_s=_INTERVAL_S)
    for _ in installed(bench.engine, settings):
        yield settings.namespace


def _cpu_ms_a_second(bench: Bench, namespace: str, groups: int) -> float:
    rate = groups / _INTERVAL_S
    feed = Feed(count=round(rate * _SECONDS), groups=groups, interval_s=_INTERVAL_S, odd_percent=0, seed=1)
    spent_s, began_s = bench.cpu_s(), time.monotonic()
    _post(bench, namespace, feed, rate)
    return 1000 * (bench.cpu_s() - spent_s) / (time.monotonic() - began_s)


def _post(bench: Bench, namespace: str, feed: Feed, rate: float | None) -> None:
    simulation = Simulation(feed, time.time_ns() // 1_000_000 - feed.span_ms(), rate=rate)
    simulation.post(target_of(bench.engine.connection, namespace), concurrency=16)
    assert simulation.tally.all.accepted == feed.count
