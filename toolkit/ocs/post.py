"""Posts messages as OCS does: one HTTP request each over kept connections, and never a second attempt.

It does not go through `toolkit.client`, which retries. The messages of one campaign group always take the
same connection, so their order is kept.
"""

from __future__ import annotations

import http.client
import json
import select
import socket
import ssl
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, Queue, SimpleQueue
from threading import Event, Thread
from types import MappingProxyType
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit

from toolkit.config.secret import basic
from toolkit.errors import RejectedError, ToolkitError, UnreachableError, UsageError
from toolkit.ocs.message import Message
from toolkit.ocs.pace import at_rate
from toolkit.ocs.tally import Answer, Tally

TIMEOUT_S = 30.0
_QUEUE_MAX = 32  # messages that wait for one connection: enough to keep it busy, too few to matter
_DETAIL_MAX = 300  # characters


@dataclass(frozen=True, slots=True)
class Target:
    """Where messages are posted, with what it takes to be let in."""

    scheme: str
    host: str
    port: int
    path: str
    """Path and query."""
    headers: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}), repr=False)
    """Additional ones, such as `Authorization`: never shown."""
    ca_file: Path | None = None
    """Certificates to trust instead of the system's."""
    timeout_s: float = TIMEOUT_S

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}{self.path.partition('?')[0]}"

    @property
    def stream(self) -> str | None:
        """Path of the stream or index that `…/_doc` adds a document to; None for any other path."""
        path = self.path.partition("?")[0].rstrip("/")
        return path.removesuffix("/_doc") if path.endswith("/_doc") else None

    def connect(self) -> http.client.HTTPConnection:
        """A connection, not opened yet.

        Raises:
            UsageError: the file of certificates cannot be used.
        """
        if self.scheme == "http":
            return http.client.HTTPConnection(self.host, self.port, timeout=self.timeout_s)
        return http.client.HTTPSConnection(self.host, self.port, timeout=self.timeout_s, context=self._tls())

    def _tls(self) -> ssl.SSLContext:
        try:
            return ssl.create_default_context(cafile=self.ca_file)
        except (OSError, ssl.SSLError) as error:
            raise UsageError(f"the CA file {self.ca_file} cannot be used: {error}") from error


def parse_target(url: str, *, headers: Mapping[str, str] | None = None, ca_file: Path | None = None) -> Target:
    """The target of a URL; a user and password in it become Basic authentication and are not shown again.

    Raises:
        UsageError: it is no http or https URL. The reason does not repeat it, since it may hold a password.
    """
    try:
        parts = urlsplit(url)
        port = parts.port or {"http": 80, "https": 443}[parts.scheme]
    except (ValueError, KeyError):
        parts, port = SplitResult("", "", "", "", ""), 0
    if not parts.hostname or not url.isascii() or not url.isprintable() or " " in url:
        raise UsageError(
            "--url is not an address to post to",
            hint="it looks like http://localhost:9200/ocs-campaign-groups-default/_doc",
        )
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(parts.scheme, parts.hostname, port, path, {**_basic(parts), **(headers or {})}, ca_file)


def _basic(parts: SplitResult) -> dict[str, str]:
    if parts.username is None:
        return {}
    return {"Authorization": basic(unquote(parts.username), unquote(parts.password or ""))}


def check(target: Target) -> None:
    """Ask once, before anything is posted, whether the stream is there.

    A post to a stream that is absent would create a plain index of that name.

    Raises:
        UnreachableError: nobody answers.
        RejectedError: the credentials are not accepted, or the server is in trouble.
        ToolkitError: there is no such stream.
    """
    path = target.stream or "/"
    connection = target.connect()
    try:
        connection.request("HEAD", path, headers=dict(target.headers))
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        hint = "check address, port and whether it is http or https"
        if isinstance(error, ssl.SSLCertVerificationError):
            hint = "name the certificate's CA with --ca-file"
        raise UnreachableError(f"no answer from {target}: {_words(error)}", hint=hint) from error
    finally:
        connection.close()
    if status == 401:
        raise RejectedError(f"{target} does not accept the credentials (401)")
    if status == 404 and target.stream is not None:
        name = path.rpartition("/")[2]
        raise ToolkitError(
            f"no data stream '{name}' on {target.scheme}://{target.host}:{target.port}",
            hint="`ocs-elastic apply` creates it, on the embedded engine `ocs-elastic demo --keep`; "
            "--no-check posts anyway, which may create a plain index",
        )
    if status >= 500:
        raise RejectedError(f"{target} answers {status} before anything was posted")
    # 403 is no obstacle: OCS's own credential may add documents and look at nothing.


def post_one(message: Message, target: Target) -> Answer:
    """Post a single message, once, over a connection of its own.

    Raises:
        UsageError: the target's file of certificates cannot be used.
    """
    connection = target.connect()
    try:
        return _send(message, target, connection)
    finally:
        connection.close()


def post(
    messages: Iterable[Message],
    target: Target,
    *,
    concurrency: int = 8,
    rate: float | None = None,
    on_answer: Callable[[Answer], None] = lambda _: None,
    tally: Tally | None = None,
    stop: Event | None = None,
) -> Tally:
    """Post the messages, each once.

    Args:
        messages: read by a thread of its own, only as fast as they can be posted.
        target: where to.
        concurrency: connections.
        rate: upper limit of messages a second; None: as fast as it goes.
        on_answer: called for each message that was posted, from the calling thread only.
        tally: where to count; None: a new one.
        stop: once it is set, nothing more is sent; the answers under way are waited for.

    Returns:
        The tally; a message that could not be sent counts as refused.
    """
    tally, stop = tally or Tally(), stop or Event()
    answers: SimpleQueue[Answer | BaseException | None] = SimpleQueue()
    lanes = [_Lane(target, answers, stop) for _ in range(concurrency)]
    feeder = Thread(target=_feed, args=(messages, rate, lanes, answers, stop), name="feeder", daemon=True)
    for thread in (*lanes, feeder):
        thread.start()
    try:
        for answer in _until_all_ended(answers, len(lanes) + 1):
            tally.answered(answer)
            on_answer(answer)
    except BaseException:
        stop.set()
        raise
    return tally


def _until_all_ended(answers: SimpleQueue[Answer | BaseException | None], threads: int) -> Iterable[Answer]:
    """The answers, until each thread has said that it ended; what went wrong in one is raised here."""
    while threads:
        try:
            answer = answers.get(timeout=0.5)  # without an end, Windows would not notice Ctrl-C
        except Empty:
            continue
        if isinstance(answer, BaseException):
            raise answer
        if answer is None:
            threads -= 1
        else:
            yield answer


def _feed(
    messages: Iterable[Message],
    rate: float | None,
    lanes: list[_Lane],
    answers: SimpleQueue[Answer | BaseException | None],
    stop: Event,
) -> None:
    """Hand each message to its group's lane; a full lane makes everything wait, so that memory stays flat."""
    try:
        for message in at_rate(messages, rate, stop) if rate else messages:
            if stop.is_set():
                break
            lanes[message.key % len(lanes)].waiting.put(message)
    except BaseException as error:
        answers.put(error)
    finally:
        for lane in lanes:
            lane.waiting.put(None)
        answers.put(None)


class _Lane(Thread):
    """One connection and the messages that wait for it."""

    def __init__(self, target: Target, answers: SimpleQueue[Answer | BaseException | None], stop: Event) -> None:
        super().__init__(name="lane", daemon=True)
        self.waiting: Queue[Message | None] = Queue(_QUEUE_MAX)
        self._answers = answers
        self._stop_sending = stop
        self._target = target
        self._connection = target.connect()

    def run(self) -> None:
        """Post what waits until None does; after a stop, throw it away."""
        try:
            while (message := self.waiting.get()) is not None:
                if not self._stop_sending.is_set():
                    self._answers.put(self._post(message))
        except BaseException as error:
            self._answers.put(error)
        finally:
            self._connection.close()
            self._answers.put(None)

    def _post(self, message: Message) -> Answer:
        if _hung_up(self._connection):
            self._connection.close()  # nothing was sent yet: the next request opens a new one
        return _send(message, self._target, self._connection)


def _send(message: Message, target: Target, connection: http.client.HTTPConnection) -> Answer:
    """One attempt; a connection that failed is closed, so that the next message opens a new one."""
    headers = {"Content-Type": "application/json", **target.headers}
    try:
        connection.request("POST", target.path, message.text.encode(), headers)
        response = connection.getresponse()
        status, body = response.status, response.read()
    except (OSError, http.client.HTTPException) as error:
        connection.close()
        return Answer(message, None, None, None, _kind(error), _words(error))
    return _answer(message, status, body)


def _hung_up(connection: http.client.HTTPConnection) -> bool:
    """Whether the server closed an idle connection: it then has something to read, namely its end."""
    return connection.sock is not None and bool(select.select([connection.sock], [], [], 0)[0])


def _answer(message: Message, status: int, body: bytes) -> Answer:
    try:
        said: Any = json.loads(body)
    except ValueError:
        said = None
    said = said if isinstance(said, dict) else {}
    if 200 <= status < 300:
        return Answer(message, status, said.get("_index"), said.get("_id"), None, None, said.get("failure_store"))
    error = said.get("error")
    error = error if isinstance(error, dict) else {"reason": error or body[:_DETAIL_MAX].decode(errors="replace")}
    kind = f"{status} {error['type']}" if "type" in error else f"{status} {http.client.responses.get(status, '')}"
    return Answer(message, status, None, None, kind.strip(), str(error.get("reason"))[:_DETAIL_MAX])


def _kind(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, ConnectionRefusedError):
        return "connection refused"
    if isinstance(error, socket.gaierror):
        return "unknown host"
    if isinstance(error, ssl.SSLError):
        return "TLS failed"
    if isinstance(error, ConnectionError | http.client.IncompleteRead):
        return "connection closed"
    return "no HTTP" if isinstance(error, http.client.HTTPException) else "no connection"


def _words(error: Exception) -> str:
    return (str(error) or type(error).__name__)[:_DETAIL_MAX]
