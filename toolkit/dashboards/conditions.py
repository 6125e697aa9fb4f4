"""Which documents count: conditions in words of the catalogue, once, for Kibana (KQL) and for an engine (query DSL)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from toolkit.catalogue import Catalogue
from toolkit.model import Body


@dataclass(frozen=True, slots=True)
class Is:
    """A field has one of some values."""

    field: str
    values: tuple[str | int, ...]

    @property
    def kql(self) -> str:
        """For Kibana."""
        values = " or ".join(_quoted(value) for value in self.values)
        return f"{self.field}: ({values})" if len(self.values) > 1 else f"{self.field}: {values}"

    @property
    def dsl(self) -> Body:
        """For an engine."""
        return {"terms": {self.field: list(self.values)}}


@dataclass(frozen=True, slots=True)
class Has:
    """A field has a value."""

    field: str

    @property
    def kql(self) -> str:
        """For Kibana."""
        return f"{self.field}: *"

    @property
    def dsl(self) -> Body:
        """For an engine."""
        return {"exists": {"field": self.field}}


@dataclass(frozen=True, slots=True)
class Before:
    """A time lies further back than so much."""

    field: str
    ago: str
    """In the server's date math, such as `2m`."""

    @property
    def kql(self) -> str:
        """For Kibana."""
        return f'{self.field} < "now-{self.ago}"'

    @property
    def dsl(self) -> Body:
        """For an engine."""
        return {"range": {self.field: {"lt": f"now-{self.ago}"}}}


@dataclass(frozen=True, slots=True)
class Not:
    """None of these conditions holds."""

    conditions: tuple[Condition, ...]

    @property
    def kql(self) -> str:
        """For Kibana."""
        return " and ".join(f"not {condition.kql}" for condition in self.conditions)

    @property
    def dsl(self) -> Body:
        """For an engine."""
        return {"bool": {"must_not": [condition.dsl for condition in self.conditions]}}


Condition = Is | Has | Before | Not

NO_VERIFY = Not((Is("tags", ("ocs_verify",)),))
"""Leaves out the messages of `verify`."""


def conditions(where: Mapping[str, Any], catalogue: Catalogue) -> tuple[Condition, ...]:
    """What a `where` of the YAML means.

    Its keys are an enum's name (with an id, or several), `has` (a field), `older` (field: age), `not` (conditions), or
    a field with a value. Codes are compared, not labels: those can be changed.

    Raises:
        KeyError: an enum has no such id.
    """
    return tuple(_of(where, catalogue))


def _of(where: Mapping[str, Any], catalogue: Catalogue) -> Iterator[Condition]:
    fields = {attribute.enum: attribute.alias_of for attribute in catalogue.of_type("code")}
    for key, value in where.items():
        if key == "not":
            yield Not(conditions(value, catalogue))
        elif key == "has":
            yield from (Has(field) for field in _listed(value))
        elif key == "older":
            yield from (Before(field, ago) for field, ago in value.items())
        elif key in fields:
            yield Is(fields[key], tuple(catalogue.enums[key].code(each) for each in _listed(value)))
        else:
            yield Is(key, tuple(_listed(value)))


def kql(found: tuple[Condition, ...]) -> str:
    """All of them, for Kibana; empty where there are none."""
    return " and ".join(condition.kql for condition in found)


def dsl(found: tuple[Condition, ...]) -> Body:
    """All of them, for an engine."""
    return {"bool": {"filter": [condition.dsl for condition in found]}}


def fields(found: tuple[Condition, ...]) -> Iterator[str]:
    """Every field that they name."""
    for condition in found:
        if isinstance(condition, Not):
            yield from fields(condition.conditions)
        else:
            yield condition.field


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _quoted(value: str | int) -> str:
    if isinstance(value, int):
        return str(value)
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
