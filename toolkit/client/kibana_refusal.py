"""What Kibana's refusals mean, those inside an answer of status 200 included; pure."""

from __future__ import annotations

import html
import re
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from toolkit.config import Connection
from toolkit.errors import CredentialError, RejectedError, UnsupportedServerError

OLDEST = (8, 3)
"""The oldest Kibana that takes the dashboards: their shapes are those of 8.3.0."""
NEWEST_MAJOR = 9
"""Kibana imports from its own major version and the one before it."""
_SUPPORTED = f"supported are Kibana {OLDEST[0]}.{OLDEST[1]} to {NEWEST_MAJOR}.x"
_HINTS = {
    413: "raise the limit: savedObjects.maxImportPayloadBytes and server.maxPayload in kibana.yml, or that of what "
    "stands before Kibana, such as nginx's client_max_body_size",
    429: "Kibana, or what is before it, is asked too much: wait a minute, then run the command again",
}
"""Status → what to do."""
PRIVILEGES = {
    "dashboard": "feature_dashboard.minimal_all",
    "index-pattern": "feature_indexPatterns.all",
    "tag": "feature_savedObjectsTagging.all",
}
"""What it takes to write saved objects of a type, as the operator's role has it; taken away one by one on 8.3.3."""


def rejected(
    url: str, request: str, status: int, body: Any, connection: Connection, *, leads_to: str | None = None
) -> RejectedError:
    """The error for an answer that is a refusal; `leads_to` is its Location, where it has one."""
    said = message(body)
    if error := _in_between(url, request, status, body, proxy=connection.shown_proxy, leads_to=leads_to):
        return error
    if status == 401:
        which = f"check the credential that goes with {connection.source}"
        none = "give one: Kibana asks for the same credential as Elasticsearch does"
        hint = which if connection.has_credential else none
        return CredentialError(f"{url} does not accept the credential: {said}", hint=hint, status=status)
    if status == 403:
        return RejectedError(f"{url} does not permit {request}: {said}", hint=_lacking(said), status=status)
    if status == 422:
        hint = "a dashboard was exported from a newer Kibana than this one: export it here, or remove its frozen file"
        return RejectedError(f"{url} cannot read what it was sent: {said}", hint=hint, status=status)
    if status >= 500:
        hint = "see Kibana's log; nothing more was sent, and the command can be run again"
        return RejectedError(f"{url} failed in {request} ({status}): {said}", hint=hint, status=status)
    shared = "it is in other spaces too: take it out of those, in Kibana under Stack Management > Saved Objects"
    advice = shared if "multiple namespaces" in said else _HINTS.get(status)
    return RejectedError(f"{url} answered {status} to {request}: {said}", hint=advice, status=status)


def _in_between(
    url: str, request: str, status: int, body: Any, *, proxy: str | None, leads_to: str | None
) -> RejectedError | None:
    """The error for an answer of what stands before Kibana; None where it is Kibana's own."""
    if status == 407:
        hint = "proxy: http://user:password@host:port"
        return RejectedError(f"the proxy {proxy} wants user and password", hint=hint, status=status)
    if 300 <= status < 400:
        where = f"it leads to {_shown(leads_to)}" if leads_to else "it leads elsewhere, and does not say where"
        hint = (
            "if that is where Kibana is, give that address; if it is a page to log in at, what stands before Kibana "
            "wants to know who asks, and must let the toolkit's credential through"
        )
        return RejectedError(f"{url} answered {status} to {request}: {where}", hint=hint, status=status)
    if status in (502, 503, 504) and _is_page(body):
        hint = "see whether Kibana is up, and the proxy's log; then run the command again"
        words = f"{url}: a proxy answers {request} ({status}: {message(body)}), Kibana behind it is down"
        return RejectedError(words, hint=hint, status=status)
    return None


def message(body: Any) -> str:
    """Kibana's own words; of a page, its title."""
    if isinstance(body, dict):
        body = body.get("message") or body.get("error") or body
    elif _is_page(body):
        title = re.search(r"<title[^>]*>\s*(.*?)\s*</title>", body, re.IGNORECASE | re.DOTALL)
        return html.unescape(title[1])[:300] if title and title[1] else "a web page"
    return str(body)[:300] or "not a word"


def _is_page(body: Any) -> bool:
    return isinstance(body, str) and bool(re.match(r"\s*<(?:!doctype\s+html|html|head|\?xml)\b", body, re.IGNORECASE))


def _shown(address: str) -> str:
    """An address without what may be secret in it: user, password and parameters."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return "what is no address"
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment=""))[:300]


def numbers(version: Any) -> tuple[int, ...] | None:
    """The numbers of a version as Kibana tells it, such as 8.19.0-SNAPSHOT; None for anything else."""
    found = (
        re.fullmatch(r"(\d{1,9})\.(\d{1,9})\.(\d{1,9})(?:[-+].*)?", version, re.ASCII)
        if isinstance(version, str)
        else None
    )
    return tuple(map(int, found.groups())) if found else None


def unlike_kibana(url: str, request: str, status: int | None) -> UnsupportedServerError:
    """The error for an answer that is none of Kibana's; `status` is None where it cannot even be read."""
    answered = f"answered {status} to {request}" if status else f"answered {request}"
    return UnsupportedServerError(
        f"{url} {answered}, but not as Kibana does",
        hint="check the address, its base path, and what is in between, such as a proxy or a page to log in at",
        status=status,
    )


def no_new_space(space: str) -> str:
    """The hint where a space must not be created."""
    return (
        f"an administrator creates space '{space}' first, in Kibana under Stack Management > Spaces; that takes the "
        "privilege 'all' in every space, so everything in Kibana, and the role ocs-elastic-operator leaves it out"
    )


def no_kibana(url: str, status: int, *, is_kibana: bool) -> UnsupportedServerError:
    """The error for an answer that is not that of Kibana's status.

    Args:
        url: the address.
        status: the answer's.
        is_kibana: whether the answer is signed by a Kibana all the same.
    """
    if is_kibana and status == 200:
        return unlike_kibana(url, "GET /api/status", status)
    if is_kibana:
        return UnsupportedServerError(
            f"{url} is Kibana, but not at this path: it answered {status} to /api/status",
            hint="check the base path in its address: server.basePath in kibana.yml",
            status=status,
        )
    return UnsupportedServerError(
        f"{url} answers ({status}), but is no Kibana",
        hint="check the address (Kibana's port is usually 5601) and its base path",
        status=status,
    )


def redacted(url: str, connection: Connection) -> CredentialError:
    """The error for a status without a version: what Kibana tells everybody, and so who is asking is nobody to it."""
    return CredentialError(
        f"{url} does not tell its version, so it does not accept the credential",
        hint=f"check the credential that goes with {connection.source}",
    )


def unsupported(url: str, version: str) -> UnsupportedServerError | None:
    """The error for a Kibana that is too old or too new; None for one that is supported."""
    found = numbers(version)
    if found is None:
        return no_kibana(url, 200, is_kibana=False)
    if found < OLDEST:
        return UnsupportedServerError(f"{url} runs Kibana {version}, which is too old", hint=_SUPPORTED)
    if found[0] > NEWEST_MAJOR:
        return UnsupportedServerError(
            f"{url} runs Kibana {version}, which is newer than this toolkit knows",
            hint=f"{_SUPPORTED}; look for a newer ocs-elastic",
        )
    return None


def not_imported(url: str, answer: dict[str, Any]) -> RejectedError | None:
    """The error that an answer of status 200 to an import may hold; None where all was imported.

    An answer that creates objects under other ids is one too: links and controls would not find them. What it counts
    as successful is not believed: beside a missing reference or an unknown type, 8.3.3 counts what it does not write.
    """
    reasons = [_reason(error) for error in answer.get("errors", [])]
    elsewhere = [item for item in answer.get("successResults", []) if "destinationId" in item]
    reasons += [
        f"{item['type']} {item['id']}: an object of that id is in another space, so a copy was made under the id "
        f"{item['destinationId']}"
        for item in elsewhere
    ]
    if answer.get("success") is True and not reasons:
        return None
    hint = "run the command again when the cause is gone; what was imported all the same is imported once more"
    if elsewhere:
        hint = "in Kibana, remove the copies, and what has our ids from the other space; then run the command again"
    return RejectedError(f"{url} did not import: {'; '.join(reasons) or 'no reason given'}", hint=hint)


def _reason(error: dict[str, Any]) -> str:
    """One of an import's errors in words; the types are those of Kibana's saved objects API."""
    what = f"{error.get('type')} {error.get('id')}"
    cause = error.get("error", {})
    match cause.get("type"):
        case "conflict" | "ambiguous_conflict":
            return f"{what}: another object is in its place"
        case "missing_references":
            missing = ", ".join(f"{each['type']} {each['id']}" for each in cause.get("references", []))
            return f"{what}: refers to what is absent: {missing}"
        case "unsupported_type":
            return f"{what}: this Kibana knows no objects of that type"
        case _:
            return f"{what}: {cause.get('message') or cause.get('type') or 'no reason given'}"


def _lacking(said: str) -> str:
    """The hint for a 403: the privileges for the types that Kibana names; all of them where it names none."""
    named = [privilege for type_, privilege in PRIVILEGES.items() if re.search(rf"(?<![\w-]){type_}(?![\w-])", said)]
    wanted = ", ".join(named or PRIVILEGES.values())
    return f"it takes Kibana's {wanted} in this space: an administrator gives you the role ocs-elastic-operator"
