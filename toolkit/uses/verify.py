"""The proof that the path from OCS works: one message, posted as OCS would, read back, compared and deleted."""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from toolkit.catalogue import read_catalogue
from toolkit.client.transport import Transport
from toolkit.config import Settings
from toolkit.errors import RejectedError, ToolkitError, UnreachableError
from toolkit.load import configured
from toolkit.model import SILENT, Body, Progress
from toolkit.ocs.post import Target, post_one
from toolkit.ocs.tally import Answer
from toolkit.uses.specimen import Specimen, specimen
from toolkit.uses.streams import Streams

_BACKING_INDEX = re.compile(r"\.ds-(?P<stream>.+?)(-\d{4}\.\d{2}\.\d{2})?-\d{6,}")
"""A data stream's backing index; OpenSearch leaves the date out."""
_NEVER_SENT = ("connection refused", "TLS failed")
_REMEDIES = {
    401: "the server does not know this credential: check user and password, or the API key",
    403: "the credential needs the privilege create_doc on both data streams of the namespace",
    413: "something between here and Elasticsearch limits the size of a message",
    429: "the cluster has more to do than it can: OCS's messages are lost just so",
}


@dataclass(frozen=True, slots=True)
class Difference:
    """A field that is not what it must be; None: absent."""

    field: str
    expected: Any
    found: Any

    def __str__(self) -> str:
        return f"{self.field}: expected {_word(self.expected)}, found {_word(self.found)}"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at: the fields as they must be, and as they are."""

    name: str
    expected: Body
    found: Body

    @property
    def ok(self) -> bool:
        """Whether all is as it must be."""
        return not self.differences

    @property
    def differences(self) -> list[Difference]:
        """What is not."""
        fields = ((name, value, self.found.get(name)) for name, value in self.expected.items())
        return [Difference(name, expected, found) for name, expected, found in fields if expected != found]

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        return {"name": self.name, "ok": self.ok, "expected": self.expected, "found": self.found}


@dataclass(frozen=True, slots=True)
class Place:
    """Where the server says that it put the message."""

    index: str
    id: str

    @property
    def path(self) -> str:
        """The document's own path."""
        return f"/{quote(self.index)}/_doc/{quote(self.id, safe='')}"

    @property
    def stream(self) -> str:
        """The data stream of the backing index; the index itself where it is none."""
        backing = _BACKING_INDEX.fullmatch(self.index)
        return backing["stream"] if backing else self.index

    def __str__(self) -> str:
        return f"{self.index}/_doc/{self.id}"


@dataclass(frozen=True, slots=True)
class Verification:
    """What a verification came to."""

    target: str
    guid: str
    place: Place
    checks: list[Check]
    left: bool
    """Whether the message is still there: because it was to be kept, or could not be deleted."""
    seconds: float

    @property
    def failed(self) -> list[Check]:
        """The checks that failed."""
        return [check for check in self.checks if not check.ok]

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        return {
            "ok": not self.failed,
            "target": self.target,
            "guid": self.guid,
            "index": self.place.index,
            "id": self.place.id,
            "left": self.left,
            "seconds": round(self.seconds, 3),
            "checks": [check.as_json() for check in self.checks],
        }


def verify(
    transport: Transport, target: Target, settings: Settings, *, keep: bool = False, progress: Progress = SILENT
) -> Verification:
    """Post one message of the tenant `ocs-elastic-verify`, and see whether it becomes what it must.

    Args:
        transport: reads the message back and deletes it.
        target: OCS's own URI, with the credential to post with.
        settings: the namespace, and the labels that the user wants.
        keep: whether the message is left where it is.
        progress: told what an interruption leaves behind.

    Raises:
        ToolkitError: a data stream is absent.
        UnreachableError, RejectedError: the message was not taken, or the server does not answer.
    """
    streams = Streams(settings.namespace)
    streams.require(transport)
    began_s = time.monotonic()
    sent = specimen(configured(read_catalogue(), settings), str(uuid.uuid4()), time.time_ns() // 1_000_000)
    place = _posted(sent, target, progress)
    try:
        checks = list(_checks(transport, streams, sent, place))
        left = keep
        if not keep:
            deleted = _deletion(transport, place)
            checks.append(deleted)
            left = not deleted.ok
    except BaseException:  # an interruption too: what was posted must not stay
        _clean_up(transport, place, keep=keep, progress=progress)
        raise
    return Verification(str(target), sent.guid, place, checks, left, time.monotonic() - began_s)


def _posted(sent: Specimen, target: Target, progress: Progress) -> Place:
    """Post it, once, like OCS.

    Raises:
        UnreachableError, RejectedError: it was not taken.
    """
    may_be_left = f"if it was taken after all, a message of campaign group {sent.guid}, tagged ocs_verify, is left"
    try:
        answer = post_one(sent.message, target)
    except (KeyboardInterrupt, SystemExit):
        progress.say(f"interrupted while posting; {may_be_left}")
        raise
    if answer.status is None:
        hint = "check the address, the network and TLS, and that the server is up"
        if answer.error not in _NEVER_SENT:
            hint += f"; {may_be_left}"
        raise UnreachableError(f"no answer from {target}: {answer.error}: {answer.detail}", hint=hint)
    if answer.error is not None:
        raise _refusal(answer, target)
    if answer.index is None or answer.id is None:
        raise RejectedError(
            f"{target} answered {answer.status}, but not where the message is",
            hint=f"something else answers there in Elasticsearch's place; {may_be_left}",
        )
    return Place(answer.index, answer.id)


def _refusal(answer: Answer, target: Target) -> RejectedError:
    remedy = _REMEDIES.get(answer.status or 0, "OCS would lose every message in this way; see the server's log")
    return RejectedError(f"{target} refused the message: {answer.error}: {answer.detail}", hint=remedy)


def _checks(transport: Transport, streams: Streams, sent: Specimen, place: Place) -> Iterator[Check]:
    document = transport.get(place.path)  # by its id, so a refresh is not waited for
    source = document["_source"] if document else {}
    yield _whereabouts(streams, place, source)
    yield Check("read back", {"found": True}, {"found": document is not None})
    if document is None or place.stream == streams.dead_letters:
        return  # everything else would fail for the same reason
    for name, fields in sent.stored.items():
        yield Check(name, fields, {path: _at(source, path) for path in fields})
    yield _ingested(source)
    yield from _queried(transport, streams, sent, place)


def _whereabouts(streams: Streams, place: Place, source: Body) -> Check:
    """That it is in the stream; where it is a dead letter, also why."""
    expected, found = {"stream": streams.campaign_groups}, {"stream": place.stream}
    if place.stream != streams.dead_letters:
        return Check("not a dead letter", expected, found)
    reasons = {path: _at(source, path) for path in ("error.type", "error.message")}
    return Check("not a dead letter", expected | dict.fromkeys(reasons), found | reasons)


def _ingested(source: Body) -> Check:
    """That the engine's own time is there; which, is its clock's affair."""
    stored = _at(source, "event.ingested")
    is_time = isinstance(stored, str) and bool(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", stored))
    return Check("event.ingested", {"event.ingested": stored if is_time else "a time"}, {"event.ingested": stored})


def _queried(transport: Transport, streams: Streams, sent: Specimen, place: Place) -> Iterator[Check]:
    """That a search finds it, and reaches every attribute, by OCS's own names."""
    transport.post(f"/{streams.campaign_groups}/_refresh", None)
    query = {
        "size": 2,
        "_source": False,
        "query": {"term": {sent.guid_attribute: sent.guid}},
        "fields": list(sent.queried),
    }
    hits = transport.post(f"/{streams.campaign_groups}/_search", query)["hits"]["hits"]
    name = f"search by {sent.guid_attribute}"
    yield Check(name, {"ids": [place.id]}, {"ids": [hit["_id"] for hit in hits]})
    if hits:
        found = hits[0].get("fields", {})
        yield Check("GSW_ names in queries", sent.queried, {field: _single(found.get(field)) for field in sent.queried})


def _deletion(transport: Transport, place: Place) -> Check:
    return Check("deleted", {"result": "deleted"}, {"result": _delete(transport, place)})


def _delete(transport: Transport, place: Place) -> str:
    """Delete the message by its own place: what became of it, in a word or in the server's."""
    try:
        answer = transport.delete(place.path, params={"refresh": "true"})
    except ToolkitError as error:
        return error.reason
    return str(answer["result"]) if answer else "it is not there any more"


def _clean_up(transport: Transport, place: Place, *, keep: bool, progress: Progress) -> None:
    """Delete the message on the way out, or say that it stays; what ended the verification is what gets raised."""
    done = "kept" if keep else "interrupted"
    try:
        done = done if keep else _delete(transport, place)
    finally:
        if done != "deleted":
            progress.say(f"left behind: {place} ({done})")


def _at(source: Body, path: str) -> Any:
    value: Any = source
    for step in path.split("."):
        value = value.get(step) if isinstance(value, dict) else None
    return value


def _single(values: Any) -> Any:
    """A query's answer lists the values of a field, even where there is one."""
    return values[0] if isinstance(values, list) and len(values) == 1 else values


def _word(value: Any) -> str:
    return "nothing" if value is None else repr(value)
