"""Which requests may be sent to Kibana: nothing that writes in a dry run, and nothing that is known to do harm; pure.

The counterpart of `toolkit.client.guard` for the other server.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from toolkit.errors import ForbiddenRequestError

_EXPORT = re.compile(r"/api/saved_objects/_export")
"""The closed list of POST requests that only read."""
_IMPORT = re.compile(r"/api/saved_objects/_import")
_DATA_VIEWS = re.compile(r"/api/(?:data_views|index_patterns)(?:/.*)?")
_SPACE = re.compile(r"/s/[^/]+(?=/)")

Params = Mapping[str, str | tuple[str, ...]] | None


def check(method: str, path: str, params: Params, *, read_only: bool) -> None:
    """Let a request pass.

    Raises:
        ForbiddenRequestError: it must not be sent, and is not.
    """
    if "?" in path or "#" in path:
        raise ForbiddenRequestError(method, path, "parameters do not belong in its path")
    if read_only and writes(method, path):
        raise ForbiddenRequestError(method, path, "it writes, and this command only reads")
    if _DATA_VIEWS.fullmatch(_in_space(path)):
        raise ForbiddenRequestError(method, path, "with override it deletes other data views of the same title")
    if "createNewCopies" in (params or {}):
        raise ForbiddenRequestError(method, path, "copies have other ids, and controls lose their data views")


def writes(method: str, path: str) -> bool:
    """Whether a request may change anything; when in doubt, yes."""
    return method not in ("GET", "HEAD") and not (method == "POST" and _EXPORT.fullmatch(_in_space(path)))


def repeatable(method: str, path: str, params: Params) -> bool:
    """Whether a second request does no harm and is answered as the first would have been.

    Those are what only reads, and an import that overwrites what the first has written.
    """
    if not writes(method, path):
        return True
    overwrites = (params or {}).get("overwrite") == "true"
    return method == "POST" and overwrites and bool(_IMPORT.fullmatch(_in_space(path)))


def _in_space(path: str) -> str:
    """The path without the space that it is about."""
    return _SPACE.sub("", path, count=1) if path.startswith("/s/") else path
