"""`request`: whatever no other kind of step does, as it would be sent by hand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Self

from toolkit.canonical import canonical
from toolkit.client import guard
from toolkit.errors import ForbiddenRequestError
from toolkit.migrate.check import Check, read_check
from toolkit.migrate.place import Place
from toolkit.migrate.step import Note, Step
from toolkit.yaml_source import Reader, Where

_LONG = ("reindex", "update_by_query")
"""Requests that have a step of their own."""
_METHODS = ("PUT", "POST", "DELETE")


@dataclass(frozen=True, slots=True)
class Request(Step):
    """One request, and the check that tells whether it has been done: sent only if it has not."""

    word: ClassVar[str] = "request"
    method: str
    path: str
    parameters: dict[str, str]
    body: Any
    done_when: Check

    @classmethod
    def read(cls, reader: Reader, where: Where) -> Self:
        """`{PUT: /path, parameters: {...}, body: {...}, done_when: {get: /path, has: {...}}}`."""
        raw = reader.mapping(where, "done_when", optional=f"{' '.join(_METHODS)} parameters body")
        methods = [method for method in _METHODS if method in raw]
        if len(methods) != 1:
            reader.fail(where, f"a request is one of {', '.join(_METHODS)}, with its path")
        path = reader.text((*where, methods[0]), raw[methods[0]])
        if not path.startswith("/") or "?" in path or "#" in path:
            reader.fail((*where, methods[0]), "must be a path that begins with /; parameters stand under 'parameters'")
        parameters = reader.mapping((*where, "parameters"), "", open_ended=True) if "parameters" in raw else {}
        for name, value in parameters.items():
            if not isinstance(value, str | int | float):
                reader.fail((*where, "parameters", name), f"must be text, a number, true or false, not {value!r}")
        _refuse_what_is_never_sent(reader, where, methods[0], path, raw)
        return cls(
            method=methods[0],
            path=path,
            parameters=_parameters(parameters),
            body=raw.get("body"),
            done_when=read_check(reader, (*where, "done_when")),
        )

    def title(self, place: Place) -> str:
        """As it would be typed."""
        return f"{self.method} {place.named(self.path)}"

    def preview(self, place: Place, note: Note) -> list[str]:  # noqa: ARG002 - the check tells
        """What is sent, whole, and why."""
        if not (fault := self.done_when.fault(place)):
            return []
        sent = {"parameters": place.named(self.parameters), "body": place.named(self.body)}
        return [
            f"{self.title(place)} is sent, since {fault}",
            *(f"{part}: {canonical(value)}" for part, value in sent.items() if value),
        ]

    def hindrances(self, place: Place, note: Note) -> list[str]:  # noqa: ARG002
        """None of its own: `before` holds what its file asks for."""
        return []

    def run(self, place: Place, note: Note) -> None:  # noqa: ARG002
        """Send it where it has not been done."""
        if not self.done_when.fault(place):
            return
        place.still_held()
        path, body, params = place.named(self.path), place.named(self.body), place.named(self.parameters)
        if self.method == "DELETE":
            place.transport.delete(path, params=params, body=body)
        else:
            {"PUT": place.transport.put, "POST": place.transport.post}[self.method](path, body, params=params)

    def faults(self, place: Place, note: Note) -> list[str]:  # noqa: ARG002
        """What is not as `done_when` says."""
        fault = self.done_when.fault(place)
        return [fault] if fault else []


def _parameters(raw: dict[str, Any]) -> dict[str, str]:
    return {key: str(value).lower() if isinstance(value, bool) else str(value) for key, value in raw.items()}


def _refuse_what_is_never_sent(reader: Reader, where: Where, method: str, path: str, raw: dict[str, Any]) -> None:
    """What the transport refuses, and long work, which has steps that wait for it and find it again.

    A file that asks for these is wrong before anything is done.
    """
    if step := next((word for word in _LONG if path.rstrip("/").endswith(f"/_{word}")), None):
        reader.fail((*where, method), f"takes long and would run twice after an interruption: use the step {step}")
    try:
        guard.check(method, path, _parameters(raw.get("parameters", {})), raw.get("body"), read_only=False)
    except ForbiddenRequestError as error:
        reader.fail((*where, method), error.reason)
