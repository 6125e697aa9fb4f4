"""What `listen` shows: whatever was sent, nothing of it may speak to the terminal."""

from __future__ import annotations

import json
from collections.abc import Iterator
from textwrap import fill
from typing import Any

from toolkit.listen import masking
from toolkit.listen.check import Checked, Level
from toolkit.listen.request import Trouble
from toolkit.listen.summary import Summary
from toolkit.uses.listen import Document

_BODY_MAX = 16_384  # characters of a body, or a document, that are shown; samples and --json hold all
_LINE_MAX = 2000
_LIST_MAX = 40
_MARKS = {Level.LOST: "LOST ", Level.ASIDE: "aside", Level.NOTE: "note "}


def request(checked: Checked, document: Document | None, answered: int, *, previewed: bool) -> str:
    """A request, what is to be said of it, and what would come of it."""
    return "\n".join(_request(checked, document, answered, previewed=previewed))


def trouble(found: Trouble) -> str:
    """What was no request."""
    text = f"no request from {found.peer}: {found.kind}" + (f": {found.detail}" if found.detail else "")
    return plain(text) + (f"\nhint: {found.hint}" if found.hint else "")


def summary(found: Summary) -> str:
    """What all requests together say."""
    return "\n".join(_summary(found))


def request_json(checked: Checked, document: Document | None, answered: int) -> dict[str, Any]:
    """A request for programs."""
    received = checked.received
    return {
        "type": "request",
        "number": received.number,
        "peer": received.peer,
        "tls": received.tls,
        "version": received.version,
        "method": received.method,
        "path": masking.path(received.path),
        "headers": [list(pair) for pair in masking.headers(received.headers)],
        "nth_of_connection": received.nth,
        "stays_open": received.stays_open,
        "bytes": len(received.body),
        "encoding": checked.encoding,
        "body": checked.text,
        "answered": answered,
        "elasticsearch_answers": checked.status,
        "findings": [
            {"level": f.level.value, "attribute": f.attribute, "what": f.what, "detail": f.detail}
            for f in checked.findings
        ],
        "document": document.as_json() if document else None,
    }


def trouble_json(found: Trouble) -> dict[str, Any]:
    """What was no request, for programs."""
    return {"type": "trouble", "peer": found.peer, "kind": found.kind, "detail": found.detail, "hint": found.hint}


def summary_json(found: Summary, *, samples: int | None) -> dict[str, Any]:
    """The summary for programs."""
    return {"type": "summary", **found.as_json(), "samples": samples}


def plain(text: str) -> str:
    """One line of text that no terminal takes for a command, and that reads in its own direction."""
    shown = "".join(char if char.isprintable() else _escaped(char) for char in text[:_LINE_MAX])
    return shown + (f"… ({len(text) - _LINE_MAX:,} characters more)" if len(text) > _LINE_MAX else "")


def _escaped(char: str) -> str:
    code = ord(char)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _request(checked: Checked, document: Document | None, answered: int, *, previewed: bool) -> Iterator[str]:
    received = checked.received
    how = received.tls or "no TLS"
    yield plain(f"#{received.number}  {received.method} {masking.path(received.path)} {received.version}")
    yield plain(f"  from {received.peer}, {how}, request {received.nth} of its connection, {_after(checked)}")
    yield from _block(f"{name}: {value}" for name, value in masking.headers(received.headers))
    if checked.text is None:
        yield "  no body"
    else:
        yield f"  body, {len(received.body):,} bytes, {checked.encoding}:"
        yield from _block(_cut(checked.text))
    for finding in checked.findings:
        yield plain(f"  {_MARKS[finding.level]} {finding}")
    if not checked.findings:
        yield "  ok    nothing to remark: all of it is as documented"
    yield from _outcome(checked, document, previewed=previewed)
    would = "" if answered == checked.status else f"; Elasticsearch would answer {checked.status}"
    yield f"  answered {answered}{would}"
    yield ""


def _after(checked: Checked) -> str:
    return "which stays open" if checked.received.stays_open else "which ends with it"


def _outcome(checked: Checked, document: Document | None, *, previewed: bool) -> Iterator[str]:
    if not previewed or checked.received.method != "POST":
        return
    if document is None:
        yield "  no document: there is no message to ask the cluster about"
    elif document.source is None:
        yield plain(f"  no document: {document.reason}")
    else:
        where = plain(str(document.index))
        if_taken = ", if it were taken" if checked.status >= 400 else ""
        yield f"  becomes this document in {where}{if_taken}:"
        yield from _block(_cut(json.dumps(document.source, ensure_ascii=False, indent=2, sort_keys=True)))


def _cut(text: str) -> Iterator[str]:
    yield from text[:_BODY_MAX].split("\n")
    if len(text) > _BODY_MAX:
        yield f"… ({len(text) - _BODY_MAX:,} characters more)"


def _block(lines: Any) -> Iterator[str]:
    """Lines that were sent: marked, so that none can be taken for one of ours."""
    return (f"    | {plain(line.rstrip(chr(13)))}" for line in lines)


def _summary(found: Summary) -> Iterator[str]:
    count = f"{found.requests:,} request{'' if found.requests == 1 else 's'}"
    yield f"{count}, {found.of_ocs:,} of OCS, {found.lost:,} that Elasticsearch would lose"
    for kind, number in found.troubles.most_common():
        yield plain(f"  no request: {kind} ({number:,})")
    if not found.requests:
        yield "Nothing came: does OCS's campaigngroup-states-uri lead here, and through every firewall?"
        return
    yield f"largest body {found.largest_bytes:,} bytes, from {plain(', '.join(list(found.senders)[:_LIST_MAX]))}"
    yield ""
    attributes = len(found.catalogue.attributes)
    yield f"Attributes: {len(found.seen)} of {attributes} seen"
    yield from _names("never seen", found.never)
    yield from _names("not in the catalogue", [_typed(found, name) for name in found.unknown])
    if found.findings:
        yield ""
        yield "Findings (requests):"
        for (level, attribute, what), number in found.findings.most_common(_LIST_MAX):
            about = f"{attribute}: " if attribute is not None else ""
            yield plain(f"  {_MARKS[Level(level)]} {about}{what} ({number:,})")
    yield ""
    yield "What is not confirmed of OCS, and what came:"
    for topic, answer in found.answers().items():
        yield plain(f"  {topic}: {answer}")


def _names(title: str, names: list[str]) -> Iterator[str]:
    if names:
        more = f" and {len(names) - _LIST_MAX:,} more" if len(names) > _LIST_MAX else ""
        text = plain(f"{title}: {', '.join(names[:_LIST_MAX])}") + more
        yield fill(text, 100, initial_indent="  ", subsequent_indent="    ", break_on_hyphens=False)


def _typed(found: Summary, name: str) -> str:
    return f"{name} ({'/'.join(found.types[name])})"
