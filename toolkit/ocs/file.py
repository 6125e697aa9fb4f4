"""Writes messages to a file, one JSON object a line (NDJSON)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from threading import Event
from typing import BinaryIO

from toolkit.ocs.message import Message
from toolkit.ocs.tally import Tally


def write(
    messages: Iterable[Message],
    stream: BinaryIO,
    *,
    on_written: Callable[[Message], None],
    tally: Tally | None = None,
    stop: Event | None = None,
) -> Tally:
    """Write the messages as UTF-8 lines; once `stop` is set, nothing more is written.

    Raises:
        OSError: the stream does not take them.
    """
    tally = tally or Tally()
    for message in messages:
        if stop is not None and stop.is_set():
            break
        stream.write(message.text.encode() + b"\n")
        tally.written(message)
        on_written(message)
    stream.flush()
    return tally
