"""Checks that a file writes down itself: what has to hold before a step, or after it. They only read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from toolkit.canonical import canonical
from toolkit.client import guard
from toolkit.migrate.place import Place, stream_role
from toolkit.model import Body
from toolkit.yaml_source import Reader, Where

_ABSENT = "absent"


class Check(Protocol):
    """One thing that has to hold."""

    def fault(self, place: Place) -> str:
        """Why it does not hold, in one line; empty: it does. Reads only."""


@dataclass(frozen=True, slots=True)
class Has:
    """What a GET answers has certain values, or is not there at all."""

    path: str
    values: Body | None
    """Place in the answer (names with dots between) → value; None: the answer has to be 404."""

    def fault(self, place: Place) -> str:
        """The first value that is another one."""
        path = place.named(self.path)
        answer = place.transport.get(path)
        if self.values is None:
            return "" if answer is None else f"GET {path} finds something, and should not"
        for name, value in place.named(self.values).items():
            found = _at(answer, name)
            if found != value:
                return f"GET {path}: {name} is {_shown(found)}, not {_shown(value)}"
        return ""


@dataclass(frozen=True, slots=True)
class Count:
    """So many documents of a stream are found by a query."""

    role: str
    query: Body
    least: int
    most: int | None

    def fault(self, place: Place) -> str:
        """How many there are instead."""
        stream = place.stream(self.role)
        place.refresh(stream)
        found = place.transport.post(f"/{stream}/_count", {"query": place.named(self.query)})["count"]
        if found >= self.least and (self.most is None or found <= self.most):
            return ""
        expected = f"{self.least:,}"
        if self.most != self.least:
            expected += " or more" if self.most is None else f" to {self.most:,}"
        return f"{found:,} documents of {stream} are found, where {expected} should be: {canonical(self.query)}"


def read_checks(reader: Reader, where: Where) -> tuple[Check, ...]:
    """The checks at a place of a file; none where nothing stands.

    Raises:
        SourceError: what stands there is not understood; file and line are named.
    """
    value = reader.value(where)
    if value is None:
        return ()
    return tuple(read_check(reader, (*where, i)) for i in range(len(reader.list(where, value))))


def read_check(reader: Reader, where: Where) -> Check:
    """One check.

    Raises:
        SourceError: it is not understood.
    """
    raw = reader.mapping(where, "", optional="get has absent count is at_least at_most")
    if "get" in raw:
        reader.mapping(where, "get", optional="has absent")
        path = reader.text((*where, "get"), raw["get"])
        if not path.startswith("/") or "?" in path or "#" in path:
            reader.fail((*where, "get"), "must be a path that begins with / and has no parameters")
        if guard.writes("GET", path):
            reader.fail((*where, "get"), "writes, and a check only reads")
        if ("has" in raw) == ("absent" in raw):
            reader.fail(where, "a get has either 'has' with the values to find, or 'absent: true'")
        if "absent" in raw:
            if not reader.flag((*where, "absent"), raw["absent"]):
                reader.fail((*where, "absent"), "must be true, or left out")
            return Has(path, None)
        return Has(path, _filled(reader, (*where, "has"), "values to find"))
    if "count" not in raw:
        reader.fail(where, "a check is a 'get' or a 'count'")
    reader.mapping(where, "count", optional="is at_least at_most")
    reader.mapping((*where, "count"), "stream query")
    role = stream_role(reader, (*where, "count", "stream"))
    query = read_query(reader, (*where, "count", "query"))
    limits = {key: reader.whole((*where, key), raw[key]) for key in ("is", "at_least", "at_most") if key in raw}
    if not limits or ("is" in limits and len(limits) > 1):
        reader.fail(where, "a count has 'is', or 'at_least' and 'at_most', or one of them")
    if limits.get("at_least", 0) > limits.get("at_most", limits.get("at_least", 0)):
        reader.fail(where, "no number is at_least one and at_most a smaller one")
    if "is" in limits:
        return Count(role, query, limits["is"], limits["is"])
    return Count(role, query, limits.get("at_least", 0), limits.get("at_most"))


def read_query(reader: Reader, where: Where) -> Body:
    """A query of Elasticsearch's.

    Raises:
        SourceError: it is empty, which no server takes.
    """
    return _filled(reader, where, "a query; match_all: {} finds everything")


def faults(checks: tuple[Check, ...], place: Place) -> list[str]:
    """Why some do not hold."""
    return [fault for check in checks if (fault := check.fault(place))]


def _filled(reader: Reader, where: Where, expected: str) -> Body:
    """A mapping with whatever keys, but not without any."""
    if not (found := reader.mapping(where, "", open_ended=True)):
        reader.fail(where, f"is empty, and has to hold {expected}")
    return found


def _at(answer: Any, name: str) -> Any:
    """A value inside an answer; names may hold dots themselves, as those of settings and backing indices do."""
    if name == "" or not isinstance(answer, dict):
        return answer if name == "" else None
    if name in answer:
        return answer[name]
    for key in sorted((key for key in answer if name.startswith(f"{key}.")), key=len, reverse=True):
        found = _at(answer[key], name[len(key) + 1 :])
        if found is not None:
            return found
    return None


def _shown(value: Any) -> str:
    return _ABSENT if value is None else canonical(value)
