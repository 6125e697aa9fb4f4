"""Which requests only read: the closed list that the read-only test holds every request against."""

from __future__ import annotations

import re
from urllib.parse import unquote

_NAMES = r"(?:/[^/_][^/]*)?"
_READING_POSTS = re.compile(rf"{_NAMES}/_(?:search|count)|/_index_template/_simulate/[^/]+")
_WRITING_GETS = re.compile(rf"{_NAMES}/_(?:refresh|flush)")


def writes(method: str, path: str) -> bool:
    """Whether a request may change anything on a server; when in doubt, yes."""
    path = unquote(path)
    if method in ("GET", "HEAD"):
        return bool(_WRITING_GETS.fullmatch(path))
    return not (method == "POST" and _READING_POSTS.fullmatch(path))
