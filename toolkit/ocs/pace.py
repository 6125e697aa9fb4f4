"""When a message may go: at most so many a second, or when its own time has come."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from threading import Event

from toolkit.ocs.message import Message

_CATCH_UP_S = 0.05  # a sleep may overrun by a little; that much may be made up for


def at_rate(messages: Iterable[Message], rate: float, stop: Event) -> Iterator[Message]:
    """Let at most `rate` messages a second through; ends when `stop` is set."""
    due_s = 0.0  # on the monotonic clock
    for message in messages:
        now_s = time.monotonic()
        if due_s > now_s and stop.wait(due_s - now_s):
            return
        due_s = max(due_s, now_s - _CATCH_UP_S) + 1 / rate
        yield message


def in_real_time(messages: Iterable[Message], stop: Event) -> Iterator[Message]:
    """Let each message through when the machine's clock reaches its time; ends when `stop` is set."""
    for message in messages:
        wait_s = message.time_ms / 1000 - time.time()
        if wait_s > 0 and stop.wait(wait_s):
            return
        yield message
