"""The proof that the path from OCS works: two messages, posted as OCS would, read back, compared and deleted.

One must become a document, the other a dead letter; and OCS's credential must not be able to read either.
"""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any

from toolkit.catalogue import read_catalogue
from toolkit.client.transport import Transport
from toolkit.config import Settings
from toolkit.errors import RejectedError
from toolkit.load import configured
from toolkit.model import SILENT, Body, Progress
from toolkit.ocs.message import Message
from toolkit.ocs.post import Target
from toolkit.streams import Streams
from toolkit.uses.access import NOT_GIVEN, Whose
from toolkit.uses.outbox import Outbox
from toolkit.uses.specimen import Specimen, no_message, specimen
from toolkit.uses.verification import Check, Place, Verification

_READS = "OCS's credential reads nothing"
_READS_REMEDY = (
    "OCS's credential may read, and must be able to post and nothing else: `ocs-elastic credentials create` makes one "
    "that has OCS's role alone; `ocs-elastic plan` shows whether that role was changed"
)
_FAILED_REMEDY = (
    "the stream did not take it: what is said here is Elasticsearch's reason; pipeline, mapping and templates must be "
    "this toolkit's: `ocs-elastic plan`. What cannot be deleted there goes with the failure store's retention"
)


def verify(
    transport: Transport,
    target: Target,
    settings: Settings,
    *,
    credential: Whose = Whose.CONNECTION,
    as_ocs: Transport | str = NOT_GIVEN,
    keep: bool = False,
    progress: Progress = SILENT,
) -> Verification:
    """Post a message of the tenant `ocs-elastic-verify` and one that is none, and see what becomes of them.

    Args:
        transport: reads the messages back and deletes them.
        target: OCS's own URI, with the credential to post with.
        settings: the namespace, and the labels that the user wants.
        credential: whose the target's is.
        as_ocs: the cluster by OCS's own credential, which must be refused; or why there is none to try.
        keep: whether the messages are left where they are.
        progress: told what an interruption leaves behind.

    Raises:
        ToolkitError: a data stream is absent.
        UnreachableError, RejectedError: a message was not taken, or the server does not answer.
    """
    streams = Streams(settings.namespace)
    streams.require(transport)
    began_s = time.monotonic()
    sent = specimen(configured(read_catalogue(), settings), str(uuid.uuid4()), time.time_ns() // 1_000_000)
    other = no_message(sent)
    whole = f"a message of campaign group {sent.guid}, tagged ocs_verify,"
    dead = f"a dead letter whose event.original is {other.text}"
    with Outbox(transport, target, progress, keep=keep) as outbox:
        place = outbox.post(sent.message, whole)
        letter = outbox.post(other, dead, which=" that must become a dead letter")
        checks = list(_message(transport, streams, sent, place))
        checks += _dead_letter(transport, streams, other, letter)
        checks.append(_reads(as_ocs, streams, place))
        if not keep:
            checks.append(_deleted("deleted", outbox.delete(whole)))
            checks.append(_deleted("dead letter: deleted", outbox.delete(dead)))
    seconds = time.monotonic() - began_s
    return Verification(str(target), credential, sent.guid, place, letter, checks, outbox.left, seconds)


def _message(transport: Transport, streams: Streams, sent: Specimen, place: Place) -> Iterator[Check]:
    document = _document(transport, place)
    source = document or {}
    yield _taken("not in the failure store", place, source)
    yield _whereabouts(streams, place, source)
    yield Check("read back", {"found": True}, {"found": document is not None})
    if document is None or place.in_failure_store or place.stream == streams.dead_letters:
        return  # everything else would fail for the same reason
    for name, fields in sent.stored.items():
        yield _fields(name, fields, source)
    yield _ingested(source)
    yield from _queried(transport, streams, sent, place)


def _dead_letter(transport: Transport, streams: Streams, sent: Message, place: Place) -> Iterator[Check]:
    document = _document(transport, place)
    source = document or {}
    yield _taken("dead letter: not in the failure store", place, source)
    yield Check("a dead letter", {"stream": streams.dead_letters}, {"stream": place.stream})
    yield Check("dead letter: read back", {"found": True}, {"found": document is not None})
    if document is None or place.in_failure_store or place.stream != streams.dead_letters:
        return
    yield _fields("dead letter: word for word", {"event.original": sent.text}, source)
    yield _fields("dead letter: reason", {"error.type": "not_ocs"}, source)
    yield _fields("dead letter: to be replayed", {"ocs.replay.state": "pending"}, source)
    yield _fields("dead letter: counted nowhere", {"tags": ["ocs_verify"]}, source)


def _document(transport: Transport, place: Place) -> Body | None:
    """Its source; by its id, so a refresh is not waited for. None where it is not there."""
    try:
        document = transport.get(place.path)
    except RejectedError:
        if not place.in_failure_store:
            raise
        return None  # the operator may not read there; that it is there has failed already
    return dict(document["_source"]) if document else None


def _taken(name: str, place: Place, source: Body) -> Check:
    """That the stream took it; where its failure store did, also why."""
    expected, found = {"failure store": "not used"}, {"failure store": "used" if place.in_failure_store else "not used"}
    if not place.in_failure_store:
        return Check(name, expected, found)
    why = _with_reasons(name, expected, found, source)
    return Check(why.name, why.expected, why.found, remedy=_FAILED_REMEDY)


def _whereabouts(streams: Streams, place: Place, source: Body) -> Check:
    """That it is in the stream; where it is a dead letter, also why."""
    name, expected, found = "not a dead letter", {"stream": streams.campaign_groups}, {"stream": place.stream}
    if place.stream != streams.dead_letters:
        return Check(name, expected, found)
    return _with_reasons(name, expected, found, source)


def _with_reasons(name: str, expected: Body, found: Body, source: Body) -> Check:
    reasons = {path: _at(source, path) for path in ("error.type", "error.message")}
    return Check(name, {**expected, **dict.fromkeys(reasons)}, {**found, **reasons})


def _fields(name: str, fields: Body, source: Body) -> Check:
    return Check(name, fields, {path: _at(source, path) for path in fields})


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


def _reads(as_ocs: Transport | str, streams: Streams, place: Place) -> Check:
    """That OCS's credential can neither search the stream nor get the message; found are the answers' HTTP status."""
    if isinstance(as_ocs, str):
        return Check(_READS, {}, {}, not_made=as_ocs)
    found = {
        "search": _status(lambda: as_ocs.post(f"/{streams.campaign_groups}/_search", {"size": 0})),
        "get": _status(lambda: as_ocs.get(place.path)),
    }
    return Check(_READS, dict.fromkeys(found, 403), found, remedy=_READS_REMEDY)


def _status(read: Callable[[], Any]) -> int | None:
    """The HTTP status of a reading request's answer."""
    try:
        return 404 if read() is None else 200
    except RejectedError as error:
        return error.status


def _deleted(name: str, result: str) -> Check:
    return Check(name, {"result": "deleted"}, {"result": result})


def _at(source: Body, path: str) -> Any:
    value: Any = source
    for step in path.split("."):
        value = value.get(step) if isinstance(value, dict) else None
    return value


def _single(values: Any) -> Any:
    """A query's answer lists the values of a field, even where there is one."""
    return values[0] if isinstance(values, list) and len(values) == 1 else values
