"""What became of every single message: each carries a number, by which it is looked for afterwards.

The promise: what was answered with 2xx is found, once; what was refused is not; what was never answered may be found,
once. The simulator posts like OCS and never a second time, so the last two are lost, or cannot be known to be there.
"""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import count
from threading import Event, Thread
from typing import Any

from tests.faults.mortal import Node
from toolkit.catalogue import read_catalogue
from toolkit.ocs.feed import Feed
from toolkit.ocs.message import Message
from toolkit.ocs.post import Target, parse_target, post
from toolkit.ocs.tally import Answer

NUMBER = "TEST_NUMBER"
_PAGE = 5000


def told(**facts: Any) -> None:
    """Say what was measured: `pytest -s` shows it, and it goes into this folder's README.md."""
    sys.stdout.write(json.dumps(facts) + "\n")


@dataclass
class Account:
    """Messages by number, and what was answered to each."""

    accepted: dict[int, tuple[str, str] | None] = field(default_factory=dict)
    """Number → index and id that its answer named; None: it was cut behind its status."""
    refused: dict[int, str] = field(default_factory=dict)
    """Number → the answer."""
    unanswered: dict[int, str] = field(default_factory=dict)
    """Number → how the connection failed."""
    not_accepted_at: list[tuple[float, str]] = field(default_factory=list)
    """When, by the monotonic clock, it was known of each that was refused or not answered, and why."""
    details: dict[str, str] = field(default_factory=dict)
    """Reason → the words of its first refusal."""

    @property
    def posted(self) -> int:
        return len(self.accepted) + len(self.refused) + len(self.unanswered)

    @property
    def reasons(self) -> Counter[str]:
        """Why messages were not accepted."""
        return Counter([*self.refused.values(), *self.unanswered.values()])

    def note(self, answer: Answer) -> None:
        """Take in what was answered to one message."""
        number = json.loads(answer.message.text)[NUMBER]
        if answer.error is None:
            self.accepted[number] = (answer.index, answer.id) if answer.index and answer.id else None
            return
        self.not_accepted_at.append((time.monotonic(), answer.error))
        self.details.setdefault(answer.error, answer.detail or "")
        where = self.unanswered if answer.status is None else self.refused
        where[number] = answer.error

    def check(self, found: dict[int, list[tuple[str, str]]]) -> None:
        """Hold it against what is there."""
        twice = {number: places for number, places in found.items() if len(places) > 1}
        assert not twice, f"found twice: {twice}"
        missing = self.accepted.keys() - found.keys()
        assert not missing, f"{len(missing)} of {len(self.accepted)} were accepted and are not there: {sorted(missing)}"
        elsewhere = {n for n, place in self.accepted.items() if place and found[n] != [place]}
        assert not elsewhere, f"not where the answer said: {elsewhere}"
        unheard_of = found.keys() - self.accepted.keys() - self.unanswered.keys()
        assert not unheard_of, f"refused, and there: {sorted(unheard_of)}"


class Posting(Thread):
    """Posts a feed's messages, numbered, in the background; `finish` gives the account."""

    def __init__(
        self,
        url: str,
        feed: Feed,
        *,
        rate: float | None = None,
        concurrency: int = 8,
        first: int = 0,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(name="posting", daemon=True)
        self.account = Account()
        self.stop = Event()
        self._target: Target = replace(parse_target(url, headers=headers), timeout_s=60)
        self._feed, self._rate, self._concurrency, self._first = feed, rate, concurrency, first
        self._error: BaseException | None = None
        self.start()

    def run(self) -> None:
        start_ms = time.time_ns() // 1_000_000 - 3_600_000
        try:
            post(
                numbered(self._feed.messages(read_catalogue(), start_ms), self._first),
                self._target,
                rate=self._rate,
                concurrency=self._concurrency,
                on_answer=self.account.note,
                stop=self.stop,
            )
        except BaseException as error:
            self._error = error

    def wait_for(self, accepted: int, *, timeout_s: float = 600) -> None:
        """Until so many more have been accepted than are now."""
        goal, deadline = len(self.account.accepted) + accepted, time.monotonic() + timeout_s
        while len(self.account.accepted) < goal:
            assert self.is_alive(), f"posting ended too early: {self._error or self.account.reasons}"
            assert time.monotonic() < deadline, self.account.reasons
            time.sleep(0.02)

    def finish(self, *, timeout_s: float = 600) -> Account:
        """Wait for its end."""
        self.join(timeout_s)
        assert not self.is_alive()
        if self._error:
            raise self._error
        return self.account


def numbered(messages: Iterator[Message], first: int = 0) -> Iterator[Message]:
    """The same messages, each with a number as its first attribute."""
    for number, message in zip(count(first), messages, strict=False):
        rest = message.text.lstrip()[1:]
        comma = "" if rest.strip() == "}" else ","
        yield replace(message, text=f'{{"{NUMBER}":{number}{comma}{rest}')


def found(node: Node, namespace: str) -> dict[int, list[tuple[str, str]]]:
    """Number → where it is: index and id; in the stream and among the dead letters."""
    return found_in(node, f"ocs-campaign-groups-{namespace}", f"ocs-dead-letters-{namespace}")


def found_in(node: Node, *streams: str) -> dict[int, list[tuple[str, str]]]:
    """Number → where it is, in those streams."""
    places: dict[int, list[tuple[str, str]]] = {}
    for stream in streams:
        assert node.ask("POST", f"/{stream}/_refresh")[0] == 200
        for hit in _hits(node, stream):
            places.setdefault(_number(hit["_source"]), []).append((hit["_index"], hit["_id"]))
    return places


def _hits(node: Node, stream: str) -> Iterator[dict[str, Any]]:
    body: dict[str, Any] = {"size": _PAGE, "_source": [f"ocs.extra.{NUMBER}", "event.original"], "sort": ["_doc"]}
    status, page = node.ask("POST", f"/{stream}/_search?scroll=1m", body)
    while status == 200 and page["hits"]["hits"]:
        assert page["_shards"]["failed"] == 0, page["_shards"]
        yield from page["hits"]["hits"]
        status, page = node.ask("POST", "/_search/scroll", {"scroll": "1m", "scroll_id": page["_scroll_id"]})
    assert status == 200, page


def _number(source: dict[str, Any]) -> int:
    """A message's number, wherever the pipeline has put it."""
    if original := source.get("event", {}).get("original"):
        return int(json.loads(original)[NUMBER])
    return int(source["ocs"]["extra"][NUMBER])
