"""Which requests may be sent: nothing that writes in a dry run, and nothing that would gut documents; pure.

The one place that says which requests write and which may be repeated.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from toolkit.errors import ForbiddenRequestError

_NAMES = r"(?:/[^/_][^/]*)?"  # of indices, streams or aliases; those of the server's own endpoints begin with "_"
_ONE = r"(?:/[^/]+)?"  # any name
_READING_POSTS = re.compile(
    "|".join(
        [
            rf"{_NAMES}/_(?:search|count|msearch|mget|field_caps|validate/query|analyze)",
            rf"/_index_template/_simulate{_ONE}",
            rf"/_index_template/_simulate_index{_ONE}",
            rf"/_ingest/pipeline{_ONE}/_simulate",
            rf"/_ingest{_NAMES}/_simulate",
            rf"/_transform{_ONE}/_preview",
            r"/_scripts/painless/_execute",
            r"/_render/template",
            r"/_security/user/_has_privileges",
            r"/_security/_query/(?:api_key|role|user)",
        ]
    )
)
"""The closed list of POST requests that only read. What is not in it writes."""
_WRITING_GETS = re.compile(rf"{_ONE}/_(?:refresh|flush)")
_PIPELINE_IN_PARAMETERS = re.compile(r"/[^/]+/_update_by_query|(?:/[^/]+)?/_bulk")
_REINDEX = re.compile(r"/_reindex")
_CREATING_PUTS = re.compile(r"/[^/_][^/]*|/(?:_data_stream|_transform)/[^/]+|/[^/]+/_create/[^/]+")
_CONDITIONS = frozenset({"create", "if_seq_no", "if_primary_term", "op_type"})

Params = Mapping[str, str] | None


def check(method: str, path: str, params: Params, body: Any, *, read_only: bool) -> None:
    """Let a request pass.

    Raises:
        ForbiddenRequestError: it must not be sent, and is not.
    """
    if "?" in path or "#" in path:
        raise ForbiddenRequestError(method, path, "parameters do not belong in its path")
    if read_only and writes(method, path):
        raise ForbiddenRequestError(method, path, "it writes, and this command only reads")
    if not _names_its_pipeline(path, params, body):
        raise ForbiddenRequestError(method, path, "it names no pipeline, and the stream's own would gut its documents")


def writes(method: str, path: str) -> bool:
    """Whether a request may change anything on the server; when in doubt, yes."""
    place = _normal(path)
    if method in ("GET", "HEAD"):
        return bool(_WRITING_GETS.fullmatch(place))
    return not (method == "POST" and _READING_POSTS.fullmatch(place))


def repeatable(method: str, path: str, params: Params) -> bool:
    """Whether a second request does no harm and is answered as the first would have been.

    What creates, or asks for a condition, is not: where the first was done and its answer lost, the second would be
    refused, and the refusal would be believed.
    """
    if not writes(method, path):
        return True
    if method == "POST" or _CONDITIONS & (params or {}).keys():
        return False
    return not (method == "PUT" and _CREATING_PUTS.fullmatch(_normal(path)))


def _names_its_pipeline(path: str, params: Params, body: Any) -> bool:
    place = _normal(path)
    if _PIPELINE_IN_PARAMETERS.fullmatch(place):
        return bool((params or {}).get("pipeline"))
    if _REINDEX.fullmatch(place):
        destination = body.get("dest") if isinstance(body, dict) else None
        return isinstance(destination, dict) and bool(destination.get("pipeline"))
    return True


def _normal(path: str) -> str:
    """The path as the server reads it: decoded, without empty parts."""
    return "".join(f"/{unquote(part)}" for part in path.split("/") if part) or "/"
