"""What a server's refusal means: its root cause, and what to do about it; pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from toolkit.errors import CredentialError, RejectedError, UnsupportedServerError

if TYPE_CHECKING:
    from toolkit.config import Connection

_GRANTED_BY = re.compile(r"granted by the (\w+ privileges) \[([^\]]+)\]")
_FULL = re.compile("flood-stage watermark|cluster create-index blocked")
"""The second is OpenSearch's, where every disk is past the watermark `high`."""
_BLOCKED = re.compile(r"FORBIDDEN/\d+/index (?:write|read-only)")
_CLOSED = re.compile(r"index (\S+) is closed")
_TROUBLES = {
    429: "it has more to do than it can: run the command again in a minute; ocs-elastic doctor looks for the reason",
    502: "what is before the server cannot reach it: see that it is up, then run the command again",
    503: "it is starting, or lacks a master or a shard: wait until it is ready, then run the command again",
    504: "the server took longer than what is before it waits: run the command again",
}
"""Elasticsearch's statuses for what passes, and a proxy's."""
_UNAVAILABLE = 503
_GRANTED_FOR_FAILURES_BY = re.compile(r"or by \[([^\]]+)\] for access with the \[::failures\] selector")
"""What 8.19 and later say behind it of a failure store, where the privileges named first hold for nothing."""
_SUPPORTED = "supported are Elasticsearch 8.3 and later, self-managed or Elastic Cloud, but not serverless"


def rejected(url: str, request: str, status: int, body: Any, connection: Connection | None) -> RejectedError:
    """The error for an answer that is a refusal."""
    if status == 407:
        proxy = connection.shown_proxy if connection else None
        words = f"the proxy {proxy} wants user and password"
        return RejectedError(words, hint="proxy: http://user:password@host:port", status=status)
    cause = reason(body)
    if status == 401:
        words = f"{url} does not accept the credential: {cause}"
        return CredentialError(words, hint=_credential_hint(connection), status=status)
    if status == 403 and (granting := _GRANTED_BY.search(cause)):
        kind, names = granting.groups()
        hint = f"one of these {kind} is missing: {names.replace(',', ', ')}"
        if of_failures := _GRANTED_FOR_FAILURES_BY.search(cause):
            hint = f"this index privilege is missing: {of_failures[1]}"
        return RejectedError(f"{url} does not permit {request}: {cause}", hint=hint, status=status)
    next_step = "use the address that it leads to" if 300 <= status < 400 else remedy(status, cause)
    return RejectedError(f"{url} answered {status} to {request}: {cause}", hint=next_step, status=status)


def incomplete(url: str, request: str, body: Any) -> RejectedError | None:
    """The error for an answer of some shards only, which looks like less than there is; None where it is whole."""
    answers = body.get("responses", [body]) if isinstance(body, dict) else []
    shards = [answer["_shards"] for answer in answers if isinstance(answer, dict) and "_shards" in answer]
    failed, total = (sum(each.get(name, 0) for each in shards) for name in ("failed", "total"))
    if not failed:
        return None
    causes = (reason({"error": failure.get("reason")}) for each in shards for failure in each.get("failures", []))
    return RejectedError(
        f"{url} answered {request} without {failed} of {total} shards: {next(causes, 'it does not say why')}",
        hint="ocs-elastic doctor names the indices that are not there as a whole",
        status=_UNAVAILABLE,
    )


def remedy(status: int, cause: str) -> str | None:
    """What to do about a server that could do what it was asked, and will not now; None where that is not so."""
    if closed := _CLOSED.search(cause):
        return f"open it: POST /{closed[1]}/_open; or, if nobody needs it any more, delete it"
    return remedy_of_a_block(cause) or _TROUBLES.get(status)


def remedy_of_a_block(cause: str) -> str | None:
    """What to do where an index takes nothing, whoever asks: its disk is full, or somebody blocked it."""
    if _FULL.search(cause):
        return "free disk space, or add some: the server then lifts its block by itself, within a minute"
    if _BLOCKED.search(cause):
        return "somebody blocked the index: ocs-elastic doctor names the block, and the request that lifts it"
    return None


def _credential_hint(connection: Connection | None) -> str:
    if connection is None or connection.has_credential:
        which = f"the credential that goes with {connection.source}" if connection else "the credential"
        return f"check {which}; an API key is given in its encoded form"
    return "give one: ELASTICSEARCH_API_KEY, or ELASTICSEARCH_USERNAME and _PASSWORD, or a profile's api_key_file"


def no_elasticsearch(url: str, body: Any) -> UnsupportedServerError:
    """The error for an answer without the sign of Elasticsearch; `body` is the answer, if it could be read."""
    about = body.get("version") if isinstance(body, dict) else None
    about = about if isinstance(about, dict) else {}
    number = about.get("number", "")
    tagline = str(body.get("tagline", "")) if isinstance(body, dict) else ""
    if about.get("distribution") == "opensearch" or "OpenSearch" in tagline:
        return UnsupportedServerError(
            f"{url} is OpenSearch {number}, which is not supported",
            hint=f"{_SUPPORTED}; the embedded engine for trying out is OpenSearch: --profile local",
        )
    if "lucene_version" in about:  # before 7.14 Elasticsearch did not sign its answers
        return too_old(url, number)
    return UnsupportedServerError(f"{url} answers, but is no Elasticsearch", hint=f"check the address; {_SUPPORTED}")


def too_old(url: str, version: str) -> UnsupportedServerError:
    """The error for an Elasticsearch of the past."""
    return UnsupportedServerError(
        f"{url} runs Elasticsearch {version}", hint="8.3 is the oldest version that is supported"
    )


def serverless(url: str) -> UnsupportedServerError:
    """The error for Elastic Cloud Serverless."""
    return UnsupportedServerError(f"{url} is Elasticsearch Serverless, which is not supported", hint=_SUPPORTED)


def reason(body: Any) -> str:
    """The root cause in a server's error answer, from the outermost reason to the innermost."""
    if not isinstance(body, dict):
        return str(body)[:300]
    error = body.get("error")
    if not isinstance(error, dict):
        return str(error or body)[:300]
    reasons: list[str] = []
    while isinstance(error, dict):
        text = str(error.get("reason") or error.get("type"))
        if error.get("type") == "index_closed_exception":  # whose own reason is "closed"
            text = f"index {error.get('index')} is closed"
        if text not in reasons:
            reasons.append(text)
        error = error.get("caused_by") or _of_a_shard(error)
    return ": ".join(reasons)


def _of_a_shard(error: dict[str, Any]) -> Any:
    """Why the first of the shards that failed did so: what is above it says no more than that some did."""
    failed = error.get("failed_shards")
    return failed[0].get("reason") if isinstance(failed, list) and failed and isinstance(failed[0], dict) else None
