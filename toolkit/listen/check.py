"""What a request would come to: what an Elasticsearch would refuse, what it would keep aside, and what is worth a word.

Pure. The sender decides what is in a request, so nothing here may fail on any of it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from toolkit.catalogue import Attribute, Catalogue
from toolkit.listen import values
from toolkit.listen.request import Received
from toolkit.model import Body

DEPTH_MAX = 100
"""Levels of nesting beyond which nothing is looked into, nor a cluster asked: some Elasticsearch end at thousands."""
DIGITS_MAX = 1000
"""Digits of a number; what is longer, engines refuse."""
FINDINGS_MAX = 100
"""Findings of one request; a sender could make thousands."""

_UTF8_MARK = b"\xef\xbb\xbf"
_JSON_TYPES = ("application/json", "application/vnd.elasticsearch+json")
_DOCUMENT_PATH = re.compile(r"/[^/]+/_doc/?(\?.*)?")


class Level(StrEnum):
    """How bad it is."""

    LOST = "lost"
    """Elasticsearch refuses the message, or drops it; OCS does not try again."""
    ASIDE = "aside"
    """It is kept, but not as the field that it should be."""
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Finding:
    """Something about a request."""

    level: Level
    what: str
    """In words that are the same for all of its kind, and hold nothing that was sent."""
    attribute: str | None = None
    detail: str = ""
    """May hold what was sent."""

    def __str__(self) -> str:
        about = f"{self.attribute}: " if self.attribute is not None else ""
        return f"{about}{self.what}" + (f": {self.detail}" if self.detail else "")


class _BodyError(ValueError):
    """A body that an engine refuses, or that no cluster should be asked about."""

    def __init__(self, what: str, detail: str = "", *, level: Level = Level.LOST) -> None:
        super().__init__(what)
        self.finding = Finding(level, what, detail=detail)


@dataclass(frozen=True, slots=True)
class Checked:
    """A request, and what is to be said of it."""

    received: Received
    status: int
    """What Elasticsearch would answer."""
    findings: tuple[Finding, ...]
    text: str | None
    """The body as text; None: there is none."""
    encoding: str
    """`UTF-8`, `UTF-8 with BOM`, `ASCII`, or `not UTF-8`; then `text` is how ISO-8859-1 would read it."""
    message: Body | None
    """The body as an object, where it is one, even where it would be refused for something else."""
    json_text: str | None
    """The JSON text of `message`, without what stands around it; None where no server should be asked about it."""

    @property
    def of_ocs(self) -> bool:
        """Whether it has an attribute of the catalogue, by whichever value."""
        return self.message is not None and all(finding.what != _NOT_OCS for finding in self.findings)


_NOT_OCS = "not a single attribute of OCS: it becomes a dead letter"


def check(received: Received, catalogue: Catalogue, now_ms: int) -> Checked:
    """Judge a request.

    Args:
        received: the request.
        catalogue: what OCS sends.
        now_ms: milliseconds since 1970, since a time in the future is not believed.
    """
    refusal = 405 if received.method not in ("POST", "GET", "HEAD") else 0
    findings = list(_of_request(received))
    text, encoding = _decoded(received.body)
    message = json_text = None
    if received.method == "POST" or received.body:
        refusal = refusal or _refusal_of_type(received)
        findings += _of_encoding(received.body, encoding)
        message, json_text, problems = _parsed(text, received)
        findings += problems
        if message is not None:
            findings += _of_message(message, catalogue, now_ms)
        if encoding == "not UTF-8" or any(f.level is Level.LOST and f.what not in _DROPPED for f in problems):
            refusal = refusal or 400
    status = refusal or (201 if received.method == "POST" else 200)
    if encoding == "not UTF-8":
        json_text = None
    return Checked(received, status, _limited(findings), text, encoding, message, json_text)


def _limited(findings: list[Finding]) -> tuple[Finding, ...]:
    if len(findings) <= FINDINGS_MAX:
        return tuple(findings)
    more = Finding(Level.NOTE, "more findings are left out", detail=str(len(findings) - FINDINGS_MAX))
    return (*findings[:FINDINGS_MAX], more)


def _of_request(received: Received) -> Iterator[Finding]:
    if received.method != "POST":
        yield Finding(Level.NOTE, "not a POST: nothing would be stored", detail=received.method)
    elif not _DOCUMENT_PATH.fullmatch(received.path):
        yield Finding(Level.LOST, "the path is not /<stream>/_doc, so it adds no document")
    if received.method == "POST":
        yield from _of_type(received)
    for encoding in received.values("content-encoding"):
        if encoding.lower() != "identity":
            yield Finding(Level.NOTE, "a compressed body: listen does not unpack it, Elasticsearch unpacks gzip")
    if received.values("transfer-encoding"):
        yield Finding(Level.NOTE, "the body came in chunks; Elasticsearch takes them")
    if received.values("expect"):
        yield Finding(Level.NOTE, "the sender asks before it sends a body (Expect)")


def _of_type(received: Received) -> Iterator[Finding]:
    """Seen on a real Elasticsearch 8.3.3: any charset is taken, and read as UTF-8 all the same."""
    status = _refusal_of_type(received)
    if received.content_type is None:
        yield Finding(Level.LOST, "no Content-Type: Elasticsearch answers 406")
    elif status:
        yield Finding(Level.LOST, f"Content-Type is not JSON: Elasticsearch answers {status}")
    elif (charset := _charset(received.content_type)) and charset not in ("utf-8", "utf8"):
        yield Finding(Level.NOTE, "Content-Type names a charset that is not read: Elasticsearch takes UTF-8 alone")


def _refusal_of_type(received: Received) -> int:
    """The status by which Elasticsearch refuses the Content-Type; 0: it takes it."""
    if received.content_type is None:
        return 406
    kind = received.content_type.partition(";")[0].strip().lower()
    if kind in _JSON_TYPES:
        return 0
    return 406 if re.fullmatch(r"[^\s/]+/[^\s/]+", kind) else 400


def _charset(content_type: str) -> str | None:
    found = re.search(r";\s*charset\s*=\s*\"?([^\s\";]+)", content_type, re.IGNORECASE)
    return found[1].lower() if found else None


def _decoded(body: bytes) -> tuple[str | None, str]:
    if not body:
        return None, "ASCII"
    if body.isascii():
        return body.decode("ascii"), "ASCII"
    marked = body.startswith(_UTF8_MARK)
    try:
        return body.removeprefix(_UTF8_MARK).decode("utf-8"), "UTF-8 with BOM" if marked else "UTF-8"
    except UnicodeDecodeError:
        return body.decode("iso-8859-1"), "not UTF-8"


def _of_encoding(body: bytes, encoding: str) -> Iterator[Finding]:
    if encoding == "UTF-8 with BOM":
        yield Finding(Level.NOTE, "a byte order mark before the JSON: Elasticsearch takes it")
    if encoding != "not UTF-8":
        return
    try:
        body.decode("utf-8")
    except UnicodeDecodeError as error:
        around = body[max(0, error.start - 12) : error.start + 12].decode("iso-8859-1")
        detail = f"byte 0x{body[error.start]:02X} at {error.start}; in ISO-8859-1 it reads {around!r}"
        yield Finding(Level.LOST, "bytes that are not UTF-8: set OCS's option encoding", detail=detail)


_DROPPED = ("something follows the JSON object: Elasticsearch takes the object and drops the rest",)
"""What is lost although Elasticsearch answers 201."""


def _parsed(text: str | None, received: Received) -> tuple[Body | None, str | None, list[Finding]]:
    """The object and its text, if there is one, and what is wrong with it."""
    if any(value.lower() != "identity" for value in received.values("content-encoding")):
        return None, None, []  # compressed: not looked into
    try:
        value, json_text, rest = _object(text or "")
    except _BodyError as error:
        return None, None, [error.finding]
    return value, json_text, [Finding(Level.LOST, _DROPPED[0])] if rest.strip() else []


def _object(text: str) -> tuple[Body, str, str]:
    """The object, its text, and what follows it.

    Raises:
        _BodyError: there is none.
    """
    start = len(text) - len(text.lstrip(" \t\r\n"))
    if start == len(text):
        raise _BodyError("an empty body: Elasticsearch answers 400")
    try:
        value, end = _DECODER.raw_decode(text, start)
    except json.JSONDecodeError as error:
        raise _BodyError("no JSON: Elasticsearch answers 400", f"{error.msg} at character {error.pos}") from error
    except RecursionError as error:
        raise _BodyError("nested too deeply to be read: Elasticsearch answers 400, or, some versions, ends") from error
    if not isinstance(value, dict):
        raise _BodyError(f"not an object but {values.json_type(value)}: Elasticsearch refuses it")
    levels = values.depth(value)
    if levels > DEPTH_MAX:
        what = f"nested deeper than {DEPTH_MAX} levels: kept as text, not looked into here"
        raise _BodyError(what, str(levels), level=Level.ASIDE)
    return value, text[start:end], text[end:]


def _unique(pairs: list[tuple[str, Any]]) -> Body:
    body = dict(pairs)
    if len(body) != len(pairs):
        raise _BodyError("duplicate keys: Elasticsearch answers 400")
    return body


def _constant(_: str) -> Any:
    raise _BodyError("NaN or Infinity, which is no JSON: Elasticsearch answers 400")


def _integer(digits: str) -> int:
    if len(digits) > DIGITS_MAX:
        raise _BodyError(f"a number of more than {DIGITS_MAX} digits: Elasticsearch answers 400")
    return int(digits)


_DECODER = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_constant, parse_int=_integer)


def _of_message(message: Body, catalogue: Catalogue, now_ms: int) -> Iterator[Finding]:
    if catalogue.attributes.keys().isdisjoint(message):
        yield Finding(Level.ASIDE, _NOT_OCS)
        return
    for attribute in catalogue.attributes.values():
        if attribute.name in message:
            yield from _of_attribute(attribute, message[attribute.name], catalogue, now_ms)
    yield from _missing(message, catalogue)
    for key in message.keys() - catalogue.attributes.keys():
        value = message[key]
        if values.are_calling_lists(value, catalogue):
            what = f"the calling lists' figures, as {values.json_type(value)}"
            yield Finding(Level.NOTE, what, key)
        else:
            yield Finding(Level.ASIDE, f"unknown attribute ({values.json_type(value)}): kept in ocs.extra", key)


def _of_attribute(attribute: Attribute, value: Any, catalogue: Catalogue, now_ms: int) -> Iterator[Finding]:
    came = values.json_type(value)
    if value is None:
        if attribute.type != "number":  # a statistic may be null
            yield Finding(Level.NOTE, "null", attribute.name)
        return
    if not values.fits(attribute, value, catalogue, now_ms):
        what = f"no {_WORDS[attribute.type]} ({came}): kept in ocs.invalid"
        yield Finding(Level.ASIDE, what, attribute.name, _short(value))
        return
    if came != _USUAL[attribute.type]:
        yield Finding(Level.NOTE, f"{came}, where {_USUAL[attribute.type]} is documented", attribute.name)
    if attribute.type == "code":
        code = values.whole_number(value)
        enum = catalogue.enums[str(attribute.enum)]
        if code not in {known.code for known in enum.values}:
            what = f"unknown code of {enum.vendor or enum.name}: labelled 'Unknown (n)'"
            yield Finding(Level.ASIDE, what, attribute.name, str(code))


_WORDS = {
    "keyword": "name of at most 1,024 characters",
    "code": "whole number of 32 bits",
    "integer": "whole number of 32 bits",
    "number": "statistic, which is a number from 0 on",
    "timestamp": "time that is understood and not in the future",
}
_USUAL = {"keyword": "string", "code": "number", "integer": "number", "number": "number", "timestamp": "string"}


def _missing(message: Body, catalogue: Catalogue) -> Iterator[Finding]:
    for attribute in catalogue.attributes.values():
        if attribute.name not in message and attribute.present == "always":
            yield Finding(Level.NOTE, "missing, and documented to be always there", attribute.name)
    state = values.whole_number(message.get("GSW_CAMPAIGN_GROUP_STATE"))
    if state is not None and state == catalogue.enums["state"].code("running"):
        for attribute in catalogue.attributes.values():
            if attribute.name not in message and attribute.present == "running":
                yield Finding(Level.NOTE, "missing, and documented for a running group", attribute.name)


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 80 else text[:80] + "…"
