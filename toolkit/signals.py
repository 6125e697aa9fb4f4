"""What happens to a command that is asked to end: what it began is cleaned up."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event
from types import FrameType
from typing import Any, NoReturn

_INTERRUPTIONS = ("SIGINT", "SIGTERM", "SIGHUP")  # by name: Windows has no SIGHUP


@contextmanager
def terminable() -> Iterator[None]:
    """Meanwhile SIGTERM and SIGHUP raise `SystemExit`, so that what was begun is also cleaned up.

    Handlers that a program has set itself are left alone. Outside the main thread nothing can be set.
    """
    with _handlers(_leave, [n for n in _numbers() if signal.getsignal(n) is signal.SIG_DFL]):
        yield


@contextmanager
def uninterruptible() -> Iterator[None]:
    """Meanwhile a second Ctrl-C or SIGTERM is ignored: for cleaning up, which takes a moment."""
    with _handlers(signal.SIG_IGN, _numbers()):
        yield


@contextmanager
def deferred() -> Iterator[None]:
    """Meanwhile Ctrl-C and SIGTERM wait: for a request whose answer must not be lost, which ends by its time-out."""
    came: list[int] = []
    with _handlers(lambda number, _frame: came.append(number), _numbers()):
        yield
    if came:
        signal.raise_signal(came[0])


@contextmanager
def set_when_asked_to_end(stop: Event) -> Iterator[None]:
    """Meanwhile the first Ctrl-C or SIGTERM sets `stop`, for an end in good order; the second ends the program."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    def asked_to_end(_number: int, _frame: FrameType | None) -> None:
        stop.set()
        restore()

    for number in before:
        signal.signal(number, asked_to_end)
    try:
        yield
    finally:
        restore()


def _numbers() -> list[signal.Signals]:
    return [getattr(signal, name) for name in _INTERRUPTIONS if hasattr(signal, name)]


@contextmanager
def _handlers(handler: Any, numbers: list[signal.Signals]) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    previous = {number: signal.signal(number, handler) for number in numbers}
    try:
        yield
    finally:
        for number, old in previous.items():
            signal.signal(number, old)


def _leave(number: int, frame: FrameType | None) -> NoReturn:  # noqa: ARG001 - the signature of a handler
    sys.exit(128 + number)
