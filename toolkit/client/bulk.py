"""Several writes in one request, each with an answer of its own."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from toolkit.client.refusal import reason
from toolkit.client.transport import Transport
from toolkit.errors import RejectedError
from toolkit.model import Body

T = TypeVar("T")

_BYTES_MAX = 5_000_000
"""Of one request; a single write may be larger. Servers take 100 MB by default, proxies often 1 to 10."""
_TOO_LARGE = 413
_BUSY = frozenset({429, 503})


@dataclass(frozen=True, slots=True)
class Write:
    """One line of a bulk request and what belongs to it."""

    action: str
    """`create`, `update` …"""
    target: Body
    """`_index`, `_id`, `if_seq_no` …"""
    source: str
    """What is to be written, as JSON text in one line, so that every number stays as it was written."""

    @property
    def text(self) -> str:
        """Both lines."""
        return f"{json.dumps({self.action: self.target})}\n{self.source}\n"

    def size(self) -> int:
        """Their length in bytes."""
        return len(self.text.encode())


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of one write."""

    status: int
    index: str
    id: str
    reason: str | None
    """The server's own, where it refused."""
    type: str | None
    kept: bool = False
    """Whether it went to the stream's failure store, which keeps what the server would have refused."""

    @property
    def done(self) -> bool:
        """Whether it was written where it should be."""
        return self.reason is None and not self.kept

    @property
    def conflict(self) -> bool:
        """Whether something was there already, or has changed meanwhile."""
        return self.status == 409

    @property
    def gone(self) -> bool:
        """Whether what was to be changed is not there any more."""
        return self.status == 404

    @property
    def servers_fault(self) -> bool:
        """Whether the same write can be taken later: the server is busy, or its index or this credential is barred."""
        return self.status in _BUSY or self.type in ("cluster_block_exception", "security_exception")


def bulk(transport: Transport, writes: Sequence[Write], *, pipeline: str) -> list[Answer]:
    """Send the writes, in as many requests as it takes; one answer each, in their order.

    Args:
        transport: the cluster.
        writes: what to write.
        pipeline: the ingest pipeline of those that name none; `_none`: none, not even the stream's own.

    Raises:
        UnreachableError, RejectedError: a request was not answered or was refused as a whole; earlier ones are done.
    """
    return [answer for some in portions(writes, Write.size) for answer in _sent(transport, some, pipeline)]


def _sent(transport: Transport, writes: Sequence[Write], pipeline: str) -> list[Answer]:
    try:
        answer = transport.post("/_bulk", "".join(write.text for write in writes), params={"pipeline": pipeline})
    except RejectedError as error:
        if error.status != _TOO_LARGE:
            raise
        if len(writes) > 1:  # something on the way takes less; what is too large by itself must not stop the others
            middle = len(writes) // 2
            return [each for half in (writes[:middle], writes[middle:]) for each in _sent(transport, half, pipeline)]
        target = writes[0].target
        return [Answer(_TOO_LARGE, target["_index"], target.get("_id", ""), error.reason, None)]
    return [_answer(item) for item in answer["items"]]


def portions(items: Iterable[T], length: Callable[[T], int]) -> Iterator[list[T]]:
    """What can go into one request each: many small ones, or a single one of any length."""
    some: list[T] = []
    size = 0
    for item in items:
        if some and size + length(item) > _BYTES_MAX:
            yield some
            some, size = [], 0
        some.append(item)
        size += length(item)
    if some:
        yield some


def _answer(item: dict[str, Any]) -> Answer:
    (said,) = item.values()
    error = said.get("error")
    return Answer(
        status=said["status"],
        index=said["_index"],
        id=said.get("_id") or "",
        reason=reason({"error": error}) if error else None,
        type=error.get("type") if isinstance(error, dict) else None,
        kept=said.get("failure_store") == "used",
    )
