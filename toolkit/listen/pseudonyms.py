"""Names out of messages that are to be sent on: the same name gets the same pseudonym, for as long as the key lives.

What can be learned from a name's shape stays: length, script, upper and lower case, digits as digits, blanks and
punctuation; the parts around an `@` are names of their own, so that `Campaign@Group` still shows of what it is made.
Without the key, which is never kept, nobody can try names out.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import unicodedata
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from toolkit.catalogue import Catalogue
from toolkit.listen import values
from toolkit.listen.request import Headers
from toolkit.model import Body

_BLOCK = 128  # aligned, so that a letter and its stand-in are as long in UTF-8
_GUID = re.compile(r"[0-9A-Fa-f]{8}(-?[0-9A-Fa-f]{4}){3}-?[0-9A-Fa-f]{12}")
_HEXADECIMAL = {"Nd": "0123456789", "Lu": "ABCDEF", "Ll": "abcdef"}
_GIVEN_BY_OCS = frozenset({"undefined"})  # what OCS writes where a tenant's annex says nothing
_VENDOR_KEY = re.compile(r"GSW_[A-Z0-9_]{1,60}")
_NUMBER_TEXT = re.compile(r"[\d.,:+TZeE-]*|NaN|[+-]?Infinity|null|true|false", re.ASCII)
_WORD = re.compile(r"\w+")
_KEY_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+")
_PLAIN_HEADERS = frozenset(
    {
        *("accept", "accept-charset", "accept-encoding", "cache-control", "connection", "content-encoding"),
        *("content-length", "content-type", "date", "expect", "keep-alive", "pragma", "transfer-encoding"),
        *("user-agent", "authorization", "proxy-authorization"),  # of the last two, only the scheme is not masked
    }
)
_HEADER_WORDS = frozenset(
    {
        *("accept", "age", "agent", "alive", "api", "app", "auth", "authentication", "authorization", "b3", "cache"),
        *("charset", "client", "code", "connection", "content", "control", "cookie", "correlation", "custom", "date"),
        *(
            "encoding",
            "event",
            "expect",
            "for",
            "forwarded",
            "from",
            "genesys",
            "gsw",
            "host",
            "http",
            "https",
            "id",
            "ip",
        ),
        *("keep", "key", "language", "length", "location", "message", "method", "mime", "ocs", "origin", "password"),
        *("path", "port", "pragma", "private", "proto", "protocol", "proxy", "real", "referer", "request"),
        *("requested", "response", "secret", "secure", "server", "session", "site", "source", "span", "te", "tenant"),
        *("time", "timestamp", "token", "trace", "traceparent", "transfer", "type", "upgrade", "uri", "url", "user"),
        *("version", "via", "with", "www", "x"),
    }
)
"""Of these, names of headers are made that name nobody; any other word may be a customer's."""
_WIDE_BLOCKS = (
    range(0x3400, 0x4DC0),  # CJK, extension A
    range(0x4E00, 0xA000),  # CJK
    range(0xAC00, 0xD7A4),  # Hangul
    range(0x20000, 0x2A6E0),  # CJK, extension B
)
"""Scripts of thousands of letters: the neighbours of a letter alone would say nearly which it is."""
_NUMBER_MIN = 1000
"""What is smaller is a code, a count or a share; what is not may be a telephone's."""
_PATH_WORDS = frozenset({"ocs", "campaign", "groups", "dead", "letters", "default", "_doc", "_create", "_bulk"})


class Pseudonyms:
    """Replaces names, all by one random key."""

    def __init__(self, catalogue: Catalogue, key: bytes | None = None) -> None:
        self._catalogue = catalogue
        self._key = key or secrets.token_bytes(32)
        self._vocabulary = _vocabulary(catalogue)
        self._codes = {
            text.lower()
            for enum in catalogue.enums.values()
            for v in enum.values
            for text in (v.id, v.label, v.vendor or "")
        }

    def name(self, text: str) -> str:
        """A name's pseudonym."""
        if text in _GIVEN_BY_OCS:
            return text
        return "@".join(self._part(part) if part else "" for part in text.split("@"))

    def message(self, body: Body) -> Body:
        """A message without names: numbers, codes, times and the vendor's own words stay."""
        return {self._key_of(key): self._attribute(key, value) for key, value in body.items()}

    def text(self, text: str) -> str:
        """Text of which nobody knows what in it is a name, so that every word is one but OCS's own."""
        return _WORD.sub(lambda found: self._word(found[0]), text)

    def headers(self, given: Headers) -> Headers:
        """Headers whose secrets are masked already; only what cannot name a machine or a customer stays."""
        return tuple(
            (name, value) if name.lower() in _PLAIN_HEADERS else (self._header_name(name), self.text(value))
            for name, value in given
        )

    def path(self, given: str) -> str:
        """A path; the toolkit's own words in it stay."""
        return re.sub(r"[^\W_]+|_\w+", lambda f: f[0] if f[0] in _PATH_WORDS else self._part(f[0]), given)

    def key(self, key: str | None) -> str | None:
        """The name of an attribute as `message` writes it."""
        return None if key is None else self._key_of(key)

    def _attribute(self, key: str, value: Any) -> Any:
        attribute = self._catalogue.attributes.get(key)
        if attribute is None or isinstance(value, dict | list):
            return self._inside(value, figures=attribute is not None and attribute.type == "number")
        if attribute.type == "keyword":
            return self._number(value) if _is_number(value) else self._inside(value)
        if isinstance(value, str):
            known = _NUMBER_TEXT.fullmatch(value.strip()) or value.lower() in self._codes
            return value if known else self.name(value)
        return value

    def _inside(self, value: Any, *, figures: bool = False) -> Any:
        """Every string in a value; keys too, since a list's name may be one; numbers, unless they are figures."""
        if isinstance(value, str):
            return self.name(value)
        if isinstance(value, list):
            return [self._inside(item, figures=figures) for item in value]
        if isinstance(value, dict):
            return {self._key_of(key): self._item(key, item, figures=figures) for key, item in value.items()}
        return self._number(value) if not figures and _is_number(value) and abs(value) >= _NUMBER_MIN else value

    def _item(self, key: str, value: Any, *, figures: bool) -> Any:
        return (
            self._attribute(key, value) if key in self._catalogue.attributes else self._inside(value, figures=figures)
        )

    def _key_of(self, key: str) -> str:
        """An attribute's name stays if it is the vendor's or of its words; it may be a list's, or a customer's own."""
        if _VENDOR_KEY.fullmatch(key) or not key.strip():
            return key
        words = [word.lower() for word in _KEY_WORD.findall(key)]
        return key if words and self._vocabulary.issuperset(words) and key.isascii() else self.name(key)

    def _number(self, value: float) -> float:
        """A number in a name's place, such as a queue's: another of as many digits."""
        text = str(abs(value))
        if not text.replace(".", "", 1).isdigit():
            return 0.0  # one with an exponent, or none
        digits = self._part(text)
        other = f"{'-' if value < 0 else ''}{max(digits[0], '1')}{digits[1:]}"
        return float(other) if isinstance(value, float) else int(other)

    def _header_name(self, name: str) -> str:
        return re.sub(r"[^\W_]+", lambda f: f[0] if f[0].lower() in _HEADER_WORDS else self._part(f[0]), name)

    def _word(self, word: str) -> str:
        return word if _VENDOR_KEY.fullmatch(word) else self._part(word)

    def _part(self, text: str) -> str:
        digest = hashlib.shake_256(self._key + text.encode("utf-8", "surrogatepass")).digest(2 * len(text))
        numbers = (int.from_bytes(digest[2 * i : 2 * i + 2], "big") for i in range(len(text)))
        alphabet: Callable[[str], str | range] = _alike_in_guid if _GUID.fullmatch(text) else _alike
        return "".join(_stand_in(alphabet(char), number) for char, number in zip(text, numbers, strict=True))


def _is_number(value: Any) -> bool:
    return values.json_type(value) == "number"


def _stand_in(alike: str | range, number: int) -> str:
    found = alike[number % len(alike)]
    return found if isinstance(found, str) else chr(found)


def _alike_in_guid(char: str) -> str:
    return _HEXADECIMAL.get(unicodedata.category(char), char)


@lru_cache(maxsize=4096)
def _alike(char: str) -> str | range:
    """What a character may be replaced by: its like among its neighbours; punctuation and marks only by themselves."""
    category = unicodedata.category(char)
    if category[0] not in "LN" and category not in ("Co", "Cn"):
        return char
    for block in _WIDE_BLOCKS:
        if ord(char) in block:
            return block
    first = ord(char) - ord(char) % _BLOCK
    return "".join(chr(n) for n in range(first, first + _BLOCK) if unicodedata.category(chr(n)) == category)


def _vocabulary(catalogue: Catalogue) -> frozenset[str]:
    """The words of which attributes' names are made: a key of these alone names no customer."""
    names = [*catalogue.attributes, *catalogue.calling_lists.names]
    words = {word.lower() for name in names for word in name.split("_")}
    return frozenset({*words, "lists", "id", "dbid", "value", "statistics", "stats", "label", "code", "type"})
