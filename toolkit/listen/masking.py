"""Takes secrets out of headers and paths before anything is shown."""

from __future__ import annotations

import re

from toolkit.listen.request import Headers

MASK = "***"

_SECRET_NAME = re.compile(
    r"auth|cookie|token|key|secret|passw|pwd|credential|session|signature|assertion|jwt|\bsig\b|user(?!-agent)|ticket",
    re.IGNORECASE,
)
_SCHEMES = {name.lower(): name for name in ("ApiKey", "Basic", "Bearer", "Digest", "Negotiate", "NTLM")}
_KEEP_ALIVE = "keep-alive"  # a header of that name is no key
_HARMLESS = frozenset(
    {
        *("accept", "accept-charset", "accept-encoding", "accept-language", "cache-control", "connection"),
        *("content-encoding", "content-length", "content-type", "date", "expect", "host", _KEEP_ALIVE, "pragma"),
        *("transfer-encoding", "user-agent"),
    }
)
_RUN = re.compile(r"[A-Za-z0-9+/_=.~-]{20,}")
_USER_INFO = re.compile(r"(?P<before>//)[^/@]*@")


def scheme(value: str) -> str:
    """The way of authentication that an Authorization header uses, without the credential."""
    return _SCHEMES.get(value.split(" ", 1)[0].lower(), "of another kind")


def headers(given: Headers) -> Headers:
    """The headers, with a mask in the place of each value that is a secret or looks like one."""
    return tuple((name, _header(name, value)) for name, value in given)


def path(given: str) -> str:
    """A path and its query, without user, password, keys and tokens."""
    place, mark, query = given.partition("?")
    return _without_user(place) + mark + "&".join(map(_parameter, query.split("&")))


def _header(name: str, value: str) -> str:
    if name.lower() in _HARMLESS:
        return _without_user(value)
    if name.lower() in ("authorization", "proxy-authorization"):
        known = _SCHEMES.get(value.split(" ", 1)[0].lower())
        return f"{known} {MASK}" if known and " " in value else MASK
    if _SECRET_NAME.search(name):
        return MASK
    return _RUN.sub(_unless_harmless, _without_user(value))


def _parameter(text: str) -> str:
    name, equals, value = text.partition("=")
    masked = MASK if _SECRET_NAME.search(name) else _RUN.sub(_unless_harmless, value)
    return f"{name}{equals}{masked}" if equals else _RUN.sub(_unless_harmless, text)


def _without_user(text: str) -> str:
    return _USER_INFO.sub(rf"\g<before>{MASK}@", text)


def _unless_harmless(found: re.Match[str]) -> str:
    """A mask, where letters and digits are mixed in a long run, as in a key; words and numbers are not."""
    run = found[0]
    mixed = any(char.isdigit() for char in run) and any(char.isalpha() for char in run)
    return MASK if mixed else run
