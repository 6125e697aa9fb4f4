"""Reads YAML strictly: duplicate keys are errors, and every value knows the line it stands on.

PyYAML alone keeps the last of two equal keys without a word and forgets line numbers, and both matter
in files that people edit by hand: a message that names the line is half of the repair.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, NoReturn

import yaml

from toolkit.errors import SourceError, nearest

Where = tuple[str | int, ...]
"""A place inside a document: the keys and list positions that lead to it."""


class _Loader(yaml.SafeLoader):
    """YAML 1.2's idea of a scalar: `no`, `1:30` and `07` are text; `true`, `null`, `7` and `7.5` are not."""

    yaml_implicit_resolvers: ClassVar[dict[str, Any]] = {}  # type: ignore[misc]  # not inherited: PyYAML copies it


for _tag, _pattern, _first in (
    ("bool", r"^(?:true|false)$", "tf"),
    ("null", r"^(?:null|~|)$", ["n", "~", ""]),
    ("int", r"^[-+]?(?:0|[1-9][0-9]*)$", "-+0123456789"),
    ("float", r"^[-+]?(?:0|[1-9][0-9]*)\.[0-9]+(?:[eE][-+]?[0-9]+)?$", "-+0123456789"),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(_pattern), list(_first))


@dataclass(frozen=True)
class Document:
    """A YAML file's content as plain Python values, with the line of each."""

    source: str
    value: Any
    lines: dict[Where, int] = field(repr=False)

    def at(self, *where: str | int) -> str:
        """`file:line` of a value, or of the nearest thing around it that has a line."""
        while where and where not in self.lines:
            where = where[:-1]
        return f"{self.source}:{self.lines.get(where, 1)}"


class Reader:
    """Takes values out of a document, each checked; every complaint names file and line.

    Each check raises `SourceError`.
    """

    def __init__(self, document: Document) -> None:
        self.document = document

    def fail(self, where: Where, problem: str, hint: str | None = None) -> NoReturn:
        """Complain of what stands at a place."""
        raise SourceError(f"{self.document.at(*where)}: {problem}", hint=hint)

    def mapping(self, where: Where, required: str, *, optional: str = "", open_ended: bool = False) -> dict[str, Any]:
        """A mapping that has all required keys and no unknown one; both are lists of words."""
        raw = self.value(where)
        if not isinstance(raw, dict):
            self.fail(where, "must be a mapping")
        known = {*required.split(), *optional.split()}
        unknown = next((key for key in raw if key not in known), None)
        if unknown is not None and not open_ended:
            self.fail((*where, unknown), f"unknown key '{unknown}'", nearest(str(unknown), known))
        if missing := next((key for key in required.split() if key not in raw), None):
            self.fail(where, f"'{missing}' is missing")
        return raw

    def list(self, where: Where, value: Any) -> list[Any]:
        """A list with something in it."""
        if not isinstance(value, list) or not value:
            self.fail(where, "must be a list that is not empty")
        return value

    def text(self, where: Where, value: Any) -> str:
        """Text."""
        if not isinstance(value, str):
            self.fail(where, f"must be text, not {value!r}")
        return value

    def matching(self, where: Where, value: Any, pattern: re.Pattern[str], expected: str) -> str:
        """Text of a pattern; `expected` says it in words."""
        if not pattern.fullmatch(self.text(where, value)):
            self.fail(where, f"must be {expected}, not {value!r}")
        return str(value)

    def count(self, where: Where, value: Any, *, most: int | None = None) -> int:
        """A whole number, 1 or more."""
        whole = isinstance(value, int) and not isinstance(value, bool)
        if not whole or value < 1 or (most is not None and value > most):
            self.fail(where, f"must be a whole number, 1 {f'to {most}' if most else 'or more'}, not {value!r}")
        return int(value)

    def whole(self, where: Where, value: Any) -> int:
        """A whole number, 0 or more."""
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            self.fail(where, f"must be a whole number, 0 or more, not {value!r}")
        return int(value)

    def number(self, where: Where, value: Any) -> float:
        """A number greater than 0, whole or not."""
        if isinstance(value, bool) or not isinstance(value, int | float) or value <= 0:
            self.fail(where, f"must be a number greater than 0, not {value!r}")
        return float(value)

    def optional_count(self, where: Where, value: Any) -> int | None:
        """The same, or nothing."""
        return None if value is None else self.count(where, value)

    def flag(self, where: Where, value: Any) -> bool:
        """Yes or no."""
        if not isinstance(value, bool):
            self.fail(where, f"must be true or false, not {value!r}")
        return value

    def value(self, where: Where) -> Any:
        """What stands at a place; None where nothing does."""
        found = self.document.value
        for part in where:
            try:
                found = found[part]
            except (KeyError, IndexError, TypeError):
                return None
        return found


def load(path: Path, *, source: str | None = None) -> Document:
    """Read a YAML file.

    Raises:
        SourceError: it cannot be read, is not YAML, or holds a duplicate key.
    """
    source = source or str(path)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError(f"{source}: cannot be read: {error}") from error
    return parse(text, source=source)


def parse(text: str, *, source: str) -> Document:
    """Read YAML text; `source` is the name that messages give it."""
    lines: dict[Where, int] = {}
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        value = None if node is None else _construct(loader, node, (), lines, source)
    except yaml.YAMLError as error:
        raise SourceError(_yaml_reason(source, error)) from error
    except RecursionError as error:
        raise SourceError(f"{source}: is nested too deeply, or an alias contains itself") from error
    return Document(source, value, lines)


def _construct(loader: _Loader, node: yaml.Node, where: Where, lines: dict[Where, int], source: str) -> Any:
    lines.setdefault(where, node.start_mark.line + 1)
    if isinstance(node, yaml.SequenceNode):
        return [_construct(loader, item, (*where, i), lines, source) for i, item in enumerate(node.value)]
    if not isinstance(node, yaml.MappingNode):
        return _scalar(loader, node, source)
    result: dict[Any, Any] = {}
    for key_node, value_node in node.value:
        key = _scalar(loader, key_node, source)
        line = key_node.start_mark.line + 1
        if not isinstance(key, str | int):
            raise SourceError(f"{source}:{line}: a key must be text or a whole number, not {key!r}")
        if key in result:
            raise SourceError(
                f"{source}:{line}: key '{key}' stands twice; the first is on line {lines[(*where, key)]}",
                hint="remove or rename one of the two",
            )
        lines[(*where, key)] = line
        result[key] = _construct(loader, value_node, (*where, key), lines, source)
    return result


def _scalar(loader: _Loader, node: yaml.Node, source: str) -> Any:
    """One value; what Python or UTF-8 has no room for is refused here, where the line is known."""
    line = node.start_mark.line + 1
    try:
        value = loader.construct_object(node, deep=True)
    except ValueError as error:  # a number of thousands of digits, a tag that its text does not fit
        raise SourceError(f"{source}:{line}: {error}") from error
    if isinstance(value, str) and any("\ud800" <= character <= "\udfff" for character in value):
        raise SourceError(
            f"{source}:{line}: holds half a character, {value!a}",
            hint="write the character itself, or \\U and its eight digits",
        )
    return value


def _yaml_reason(source: str, error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or str(error)
    return f"{source}:{mark.line + 1}: {problem}" if mark else f"{source}: {problem}"
