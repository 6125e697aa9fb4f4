"""A simulation: a feed, where its messages go, and what it came to."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Event
from typing import BinaryIO

from toolkit.catalogue import read_catalogue
from toolkit.config import Connection
from toolkit.config.secret import basic
from toolkit.errors import ConfigurationError
from toolkit.model import SILENT, Bar, Progress
from toolkit.ocs.feed import Feed
from toolkit.ocs.file import write
from toolkit.ocs.message import Message
from toolkit.ocs.odd import CLASSES
from toolkit.ocs.pace import at_rate, in_real_time
from toolkit.ocs.post import Target, check, parse_target, post
from toolkit.ocs.tally import Answer, Tally
from toolkit.ocs.truth import Truth

_REDRAW_S = 0.1


@dataclass
class Simulation:
    """One run of a simulated OCS; afterwards `tally`, `truth` and `seconds` say what it came to."""

    feed: Feed
    start_ms: int
    """Simulated time of the first message, milliseconds since 1970."""
    real_time: bool = False
    """Whether each message is sent at its own time, rather than as fast as it is taken."""
    rate: float | None = None
    """At most so many messages a second."""
    with_truth: bool = False
    """Whether `truth` follows the messages; it is all that grows with them, by what the groups do."""
    progress: Progress = SILENT
    stop: Event = field(default_factory=Event)
    """Set it, from a signal handler for example, to end the run in good order."""
    seconds: float = 0.0
    truth: Truth = field(default_factory=Truth)

    def __post_init__(self) -> None:
        self.tally = Tally(CLASSES if self.feed.odd_count else ())

    def post(
        self,
        target: Target,
        *,
        concurrency: int = 8,
        check_first: bool = True,
        on_answer: Callable[[Answer], None] | None = None,
    ) -> None:
        """Post everything, each message once.

        Raises:
            UnreachableError, RejectedError: the check found that the target is not there.
        """
        if check_first:
            check(target)
        with self._bar(f"Posting to {target}") as step:

            def answered(answer: Answer) -> None:
                if self.with_truth:
                    self.truth.answered(answer)
                if on_answer:
                    on_answer(answer)
                step()

            post(
                self._messages(),
                target,
                concurrency=concurrency,
                rate=self.rate,
                on_answer=answered,
                tally=self.tally,
                stop=self.stop,
            )

    def write(self, stream: BinaryIO, name: str) -> None:
        """Write everything to an open file; `name` is what people call it."""
        messages = at_rate(self._messages(), self.rate, self.stop) if self.rate else self._messages()
        with self._bar(f"Writing to {name}") as step:

            def written(message: Message) -> None:
                if self.with_truth:
                    self.truth.observe(message)
                step()

            write(messages, stream, on_written=written, tally=self.tally, stop=self.stop)

    def _messages(self) -> Iterator[Message]:
        messages = self.feed.messages(read_catalogue(), self.start_ms)
        return in_real_time(messages, self.stop) if self.real_time else messages

    @contextmanager
    def _bar(self, title: str) -> Iterator[Callable[[], None]]:
        """A progress bar that is redrawn a few times a second, and the stopwatch."""
        with self.progress.bar(title, self.feed.count, "messages") as bar:
            steps, began_s = _Steps(bar), time.monotonic()
            try:
                yield steps.step
            finally:
                steps.draw()
                self.seconds = time.monotonic() - began_s


def target_of(
    connection: Connection, namespace: str, *, other: str = "--url, with --ca-file for its certificate"
) -> Target:
    """Where OCS would post for a namespace of a cluster, with the credential that the connection has.

    Args:
        connection: the cluster.
        namespace: whose stream.
        other: the options that name another address, for messages.

    Raises:
        ConfigurationError: the cluster is reached in a way that the simulator, like OCS, does not know.
    """
    for what, value in (("proxy", connection.proxy), ("fingerprint", connection.fingerprint)):
        if value:
            raise ConfigurationError(
                f"{connection.source}: messages are posted directly, as OCS does, which knows no {what}",
                hint=f"name what OCS itself would post to: {other}",
            )
    uri = f"{connection.url.rstrip('/')}/ocs-campaign-groups-{namespace}/_doc"
    return parse_target(uri, headers=authorization(connection), ca_file=connection.ca_file)


def authorization(connection: Connection) -> dict[str, str]:
    """The header for a connection's credential; none where it has none."""
    if connection.api_key:
        return {"Authorization": f"ApiKey {connection.api_key}"}
    if connection.username:
        return {"Authorization": basic(connection.username, connection.password or "")}
    return {}


class _Steps:
    """Collects steps: drawing each would cost more than posting."""

    def __init__(self, bar: Bar) -> None:
        self._bar, self._count, self._drawn_s = bar, 0, time.monotonic()

    def step(self) -> None:
        self._count += 1
        if time.monotonic() - self._drawn_s > _REDRAW_S:
            self.draw()

    def draw(self) -> None:
        self._bar.advance(self._count)
        self._count, self._drawn_s = 0, time.monotonic()
