"""Takes secrets out of headers and paths before anything is shown."""

from __future__ import annotations

import re
from urllib.parse import unquote

from toolkit.listen.request import Headers

MASK = "***"

_SECRET_NAME = re.compile(
    r"auth|cookie|token|key|secret|pass(?!age|enger|ive)|pwd|credential|session|signature|assertion|jwt|\bsig\b|"
    r"user(?!-agent)|ticket|log-?[io]n|hmac|bearer|cert|\b(otp|pin|sid)\b",
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
_USER_INFO = re.compile(r"(?P<before>//)[^\s]*@|(?P<start>^|[\s/'\"])[^\s/:@]+:(?!//)\S*@")
"""User and password before a host, the way RFC 3986 has it after `//`, or, as some senders put them into `Host`, alone;
up to the last `@`, since a password may hold one, and a `/` too, unescaped."""
_CREDENTIAL = re.compile(rf"\b({'|'.join(_SCHEMES)})\s+\S+", re.IGNORECASE)
_OUR_STREAM = "ocs-campaign-groups-"


def scheme(value: str) -> str:
    """The way of authentication that an Authorization header uses, without the credential."""
    return _SCHEMES.get(value.split(" ", 1)[0].lower(), "of another kind")


def headers(given: Headers) -> Headers:
    """The headers, with a mask in the place of each value that is a secret or looks like one."""
    return tuple((name, _header(name, value)) for name, value in given)


def path(given: str) -> str:
    """A path and its query, without user, password, keys and tokens."""
    place, mark, query = _without_user(given).partition("?")
    shown = "/".join(part if part.startswith(_OUR_STREAM) else _without_runs(part) for part in place.split("/"))
    return shown + mark + "".join(map(_parameter, re.split("([&;])", query)))


def line(given: str) -> str:
    """A line that is no part of a request that can be read, so that anything may stand in it."""
    if _SECRET_NAME.search(given) or _CREDENTIAL.search(given):
        return MASK
    before, at, after = given.rpartition("@")
    return _without_runs(f"{MASK}@{after}" if at and ":" in before else given)


def _header(name: str, value: str) -> str:
    if name.lower() in _HARMLESS:
        return _without_user(value)
    if name.lower() in ("authorization", "proxy-authorization"):
        known = _SCHEMES.get(value.split(" ", 1)[0].lower())
        return f"{known} {MASK}" if known and " " in value else MASK
    if _SECRET_NAME.search(name):
        return MASK
    return _without_runs(_CREDENTIAL.sub(rf"\g<1> {MASK}", _without_user(value)))


def _parameter(text: str) -> str:
    name, equals, value = text.partition("=")
    if not equals:
        return _without_runs(text)
    return f"{name}={MASK if _SECRET_NAME.search(unquote(name)) else _without_runs(value)}"


def _without_user(text: str) -> str:
    return _USER_INFO.sub(lambda found: f"{found['before'] or found['start'] or ''}{MASK}@", text)


def _without_runs(text: str) -> str:
    return _RUN.sub(_unless_harmless, text)


def _unless_harmless(found: re.Match[str]) -> str:
    """A mask, where letters and digits are mixed in a long run, as in a key; words and numbers are not."""
    run = found[0]
    mixed = any(char.isdigit() for char in run) and any(char.isalpha() for char in run)
    return MASK if mixed else run
