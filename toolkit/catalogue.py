"""The catalogue of attributes and enums, read from `templates/catalogue.yml` and checked.

Everything that depends on what OCS sends is generated from it: the pipeline's tables, mapping and
aliases, the simulator, the data dictionary. Facts of the domain live in the YAML file, none here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NoReturn

from toolkit.errors import CatalogueError, ConfigurationError, nearest
from toolkit.resources import data_folder
from toolkit.yaml_source import Document, Where, load

ATTRIBUTE_TYPES = ("keyword", "code", "integer", "number", "timestamp")
ADDED_TYPES = ("keyword", "constant", "integer", "timestamp", "object")
PRESENCES = ("always", "configured", "running", "predictive", "statistics")
UNITS = ("ratio", "seconds")

_ID = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_COLOUR = re.compile(r"#[0-9A-F]{6}")
_ADDED = re.compile(r"tags|(?:event|ocs)\.[a-z][a-z_]*")
_CONSTANT = re.compile(r"event\.[a-z][a-z_]*")
_TARGET = re.compile(r"@timestamp|ocs(?:\.[a-z][a-z_]*)+")


@dataclass(frozen=True, slots=True)
class Attribute:
    """An attribute of OCS's message and the field that it becomes."""

    name: str
    type: str
    present: str
    target: str
    meaning: str
    enum: str | None = None
    unit: str | None = None
    calling_list: str | None = None
    """Name of the same figure inside an entry of the calling lists, where OCS sends it for each list too."""

    @property
    def alias_of(self) -> str:
        """The field that queries by the attribute's own name reach."""
        return f"{self.target}.code" if self.type == "code" else self.target


@dataclass(frozen=True, slots=True)
class AddedField:
    """A field that the pipeline adds to what OCS sent."""

    name: str
    type: str
    meaning: str
    value: str | None = None
    """What a constant is, in every document; an engine refuses a document that holds another."""


@dataclass(frozen=True, slots=True)
class EnumValue:
    """One number of an enum: `code` on the wire, `id` for programs, `label` for people."""

    code: int
    id: str
    vendor: str | None
    label: str
    colour: str
    silent: bool = False
    """Of a state: whether a group in it is not active, so that OCS sends no periodic messages for it."""


@dataclass(frozen=True)
class Enum:
    """An enum of the vendor's."""

    name: str
    vendor: str | None
    meaning: str
    values: tuple[EnumValue, ...]

    @property
    def silent(self) -> frozenset[int]:
        """The codes of the silent states."""
        return frozenset(v.code for v in self.values if v.silent)

    def by_id(self, id: str) -> EnumValue:  # noqa: A002 - the catalogue's own word
        """The value with that id.

        Raises:
            KeyError: the enum has none.
        """
        return next((v for v in self.values if v.id == id), None) or _missing(id, (v.id for v in self.values))

    def code(self, id: str) -> int:  # noqa: A002
        """The number on the wire of the value with that id."""
        return self.by_id(id).code

    def label(self, code: int) -> str:
        """The label of a number; an unknown one reads `Unknown (n)`, as the pipeline writes it."""
        return next((v.label for v in self.values if v.code == code), f"Unknown ({code})")


@dataclass(frozen=True)
class CallingLists:
    """Where the figures of the calling lists go, and which attributes may hold a list's name."""

    target: str
    names: tuple[str, ...]


@dataclass(frozen=True)
class Catalogue:
    """What OCS sends, and what it becomes."""

    schema: int
    keyword_length: int
    future_hours: int
    attributes: Mapping[str, Attribute]
    added: tuple[AddedField, ...]
    calling_lists: CallingLists
    state_change_actions: tuple[str, ...]
    enums: Mapping[str, Enum]

    def of_type(self, *types: str) -> Iterator[Attribute]:
        """The attributes of those types, in the catalogue's order."""
        return (a for a in self.attributes.values() if a.type in types)

    @property
    def constants(self) -> dict[str, str]:
        """What every document holds, field → value."""
        return {added.name: added.value for added in self.added if added.value is not None}

    def with_labels(self, labels: Mapping[str, Mapping[str, str]]) -> Catalogue:
        """The same catalogue with other labels: enum → id → label.

        Raises:
            ConfigurationError: it names an enum or an id that the catalogue does not have.
        """
        enums = dict(self.enums)
        for name, by_id in labels.items():
            if name not in enums:
                raise ConfigurationError(f"labels.{name}: no such enum", hint=nearest(name, enums))
            ids = [v.id for v in enums[name].values]
            for unknown in by_id.keys() - set(ids):
                raise ConfigurationError(f"labels.{name}.{unknown}: no such id", hint=nearest(unknown, ids))
            values = tuple(replace(v, label=by_id.get(v.id, v.label)) for v in enums[name].values)
            enums[name] = replace(enums[name], values=values)
        return replace(self, enums=enums)

    def with_state_change_actions(self, ids: Iterable[str]) -> Catalogue:
        """The same catalogue with another idea of which actions make a message a `state_change`."""
        ids = tuple(ids)
        known = [v.id for v in self.enums["action"].values]
        for unknown in (i for i in ids if i not in known):
            raise ConfigurationError(f"state_change_actions: no action '{unknown}'", hint=nearest(unknown, known))
        return replace(self, state_change_actions=ids)


def read_catalogue(path: Path | None = None) -> Catalogue:
    """Read and check the catalogue.

    Raises:
        SourceError: it cannot be read, is not YAML, or has a duplicate key.
        CatalogueError: it contradicts itself; the reason begins with file and line.
    """
    if path:
        return _Reader(load(path)).catalogue()
    own = data_folder("templates") / "catalogue.yml"
    return _Reader(load(own, source="templates/catalogue.yml", trusted=True)).catalogue()


def _missing(id: str, known: Iterable[str]) -> NoReturn:  # noqa: A002
    raise KeyError(f"no id {id!r}; {nearest(id, known)}")


class _Reader:
    """Turns the document into a `Catalogue`; every complaint names the line."""

    def __init__(self, document: Document) -> None:
        self.document = document

    def fail(self, where: Where, problem: str, hint: str | None = None) -> NoReturn:
        raise CatalogueError(f"{self.document.at(*where)}: {problem}", hint=hint)

    def catalogue(self) -> Catalogue:
        top = self.mapping(
            (), required=("schema", "limits", "attributes", "added", "calling_lists", "state_change_actions", "enums")
        )
        limits = self.mapping(("limits",), required=("keyword_length", "future_hours"))
        enums = {name: self.enum(name) for name in self.mapping(("enums",))}
        attributes = {name: self.attribute(name, enums) for name in self.mapping(("attributes",))}
        self.check_targets(attributes)
        return Catalogue(
            schema=self.typed(("schema",), top["schema"], int),
            keyword_length=self.positive(("limits", "keyword_length"), limits["keyword_length"]),
            future_hours=self.positive(("limits", "future_hours"), limits["future_hours"]),
            attributes=attributes,
            added=tuple(self.added(name) for name in self.mapping(("added",))),
            calling_lists=self.calling_lists(),
            state_change_actions=self.state_change_actions(enums),
            enums=enums,
        )

    def attribute(self, name: str, enums: Mapping[str, Enum]) -> Attribute:
        where: Where = ("attributes", name)
        raw = self.mapping(
            where,
            required=("type", "present", "target", "meaning"),
            optional=("enum", "unit", "calling_list"),
        )
        self.one_of((*where, "type"), raw["type"], ATTRIBUTE_TYPES)
        self.one_of((*where, "present"), raw["present"], PRESENCES)
        if raw["type"] == "code":
            if "enum" not in raw:
                self.fail(where, f"'{name}' is a code, so it needs an enum")
            self.one_of((*where, "enum"), raw["enum"], tuple(enums))
        elif "enum" in raw:
            self.fail((*where, "enum"), f"'{name}' is no code, so it cannot have an enum")
        if "unit" in raw:
            self.one_of((*where, "unit"), raw["unit"], UNITS)
        self.matching((*where, "target"), raw["target"], _TARGET, "a field below ocs., or @timestamp")
        for key in ("meaning", "calling_list"):
            if key in raw:
                self.typed((*where, key), raw[key], str)
        return Attribute(name=name, **raw)

    def check_targets(self, attributes: Mapping[str, Attribute]) -> None:
        """No two attributes may meet in one field, nor one field lie inside another."""
        seen: dict[str, str] = {}
        for attribute in attributes.values():
            where = ("attributes", attribute.name, "target")
            for other, name in seen.items():
                if f"{attribute.target}.".startswith(f"{other}.") or f"{other}.".startswith(f"{attribute.target}."):
                    self.fail(where, f"target '{attribute.target}' collides with that of {name}, '{other}'")
            seen[attribute.target] = attribute.name

    def added(self, name: str) -> AddedField:
        where: Where = ("added", name)
        raw = self.mapping(where, required=("type", "meaning"), optional=("value",))
        self.matching(where, name, _ADDED, "tags, or a field below event. or ocs.")
        self.one_of((*where, "type"), raw["type"], ADDED_TYPES)
        constant = raw["type"] == "constant"
        if constant:
            self.matching(where, name, _CONSTANT, "a field below event., since it is a constant")
        if constant != ("value" in raw):
            self.fail(where, "a constant has a 'value', and nothing else has")
        return AddedField(
            name=name,
            type=raw["type"],
            meaning=self.typed((*where, "meaning"), raw["meaning"], str),
            value=self.typed((*where, "value"), raw["value"], str) if constant else None,
        )

    def enum(self, name: str) -> Enum:
        where: Where = ("enums", name)
        raw = self.mapping(where, required=("vendor", "meaning", "values"))
        rows = self.typed((*where, "values"), raw["values"], list)
        values = tuple(self.enum_value((*where, "values", i)) for i in range(len(rows)))
        for field in ("code", "id", "label"):
            first: dict[Any, int] = {}
            for i, value in enumerate(values):
                key = getattr(value, field)
                if key in first:
                    line = self.document.at(*where, "values", first[key])
                    self.fail((*where, "values", i), f"{field} '{key}' stands twice in '{name}'; first at {line}")
                first[key] = i
        return Enum(name=name, vendor=raw["vendor"], meaning=raw["meaning"], values=values)

    def enum_value(self, where: Where) -> EnumValue:
        raw = self.mapping(where, required=("code", "id", "vendor", "label", "colour"), optional=("silent",))
        self.typed((*where, "code"), raw["code"], int)
        self.typed((*where, "label"), raw["label"], str)
        self.matching((*where, "id"), raw["id"], _ID, "lower-case words joined by '-'")
        self.matching((*where, "colour"), raw["colour"], _COLOUR, 'a colour such as "#0072B2", quoted')
        if "silent" in raw and where[1] != "state":
            self.fail((*where, "silent"), "only a state of a campaign group can be silent")
        self.typed((*where, "silent"), raw.get("silent", False), bool)
        return EnumValue(**raw)

    def calling_lists(self) -> CallingLists:
        where: Where = ("calling_lists",)
        raw = self.mapping(where, required=("target", "names"))
        self.matching((*where, "target"), raw["target"], _TARGET, "a field below ocs.")
        names = self.typed((*where, "names"), raw["names"], list)
        return CallingLists(raw["target"], tuple(self.typed((*where, "names", i), n, str) for i, n in enumerate(names)))

    def state_change_actions(self, enums: Mapping[str, Enum]) -> tuple[str, ...]:
        where: Where = ("state_change_actions",)
        if "action" not in enums:
            self.fail(("enums",), "the enum 'action' is missing")
        ids = tuple(v.id for v in enums["action"].values)
        listed = self.typed(where, self.document.value["state_change_actions"], list)
        for i, action in enumerate(listed):
            self.one_of((*where, i), action, ids)
        return tuple(listed)

    # Checks of a single value; each returns it, or fails with its line.

    def mapping(
        self, where: Where, *, required: tuple[str, ...] = (), optional: tuple[str, ...] = ()
    ) -> dict[str, Any]:
        value: Any = self.document.value
        for step in where:
            value = value[step]
        value = self.typed(where, value, dict)
        if required:
            for key in value.keys() - {*required, *optional}:
                self.fail((*where, key), f"unknown key '{key}'", nearest(str(key), (*required, *optional)))
            for key in required:
                if key not in value:
                    self.fail(where, f"'{key}' is missing")
        return dict(value)

    def typed(self, where: Where, value: Any, expected: type) -> Any:
        if not isinstance(value, expected) or (expected is int and isinstance(value, bool)):
            names = {dict: "a mapping", list: "a list", str: "text", int: "a whole number", bool: "true or false"}
            self.fail(where, f"'{where[-1] if where else 'file'}' must be {names[expected]}, not {value!r}")
        return value

    def positive(self, where: Where, value: Any) -> int:
        number: int = self.typed(where, value, int)
        if number <= 0:
            self.fail(where, f"'{where[-1]}' must be above 0, not {number}")
        return number

    def one_of(self, where: Where, value: Any, known: tuple[str, ...]) -> None:
        if value not in known:
            self.fail(
                where,
                f"unknown {where[-1] if isinstance(where[-1], str) else 'id'} '{value}'",
                nearest(str(value), known),
            )

    def matching(self, where: Where, value: Any, pattern: re.Pattern[str], expected: str) -> None:
        if not isinstance(value, str) or not pattern.fullmatch(value):
            self.fail(where, f"'{where[-1]}' must be {expected}, not {value!r}")
