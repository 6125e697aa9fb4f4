"""Reads YAML strictly: duplicate keys are errors, and every value knows the line it stands on.

PyYAML alone keeps the last of two equal keys without a word and forgets line numbers, and both matter
in files that people edit by hand: a message that names the line is half of the repair.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import yaml

from toolkit.errors import SourceError

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
        raise SourceError(f"{source}: {_yaml_reason(error)}") from error
    except RecursionError as error:
        raise SourceError(f"{source}: is nested too deeply, or an alias contains itself") from error
    return Document(source, value, lines)


def _construct(loader: _Loader, node: yaml.Node, where: Where, lines: dict[Where, int], source: str) -> Any:
    lines.setdefault(where, node.start_mark.line + 1)
    if isinstance(node, yaml.SequenceNode):
        return [_construct(loader, item, (*where, i), lines, source) for i, item in enumerate(node.value)]
    if not isinstance(node, yaml.MappingNode):
        return loader.construct_object(node, deep=True)
    result: dict[Any, Any] = {}
    for key_node, value_node in node.value:
        key = loader.construct_object(key_node, deep=True)
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


def _yaml_reason(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or str(error)
    return f"line {mark.line + 1}: {problem}" if mark else problem
