"""Files to resource bodies, to the report's page and to nginx's configuration: the only Jinja2.

The delimiters are our own (`<% %>`, `${{ }}`, `<# #>`), since Elasticsearch's `{{mustache}}` would otherwise be
eaten without a word. An undefined variable is an error. Nothing that a configuration says is ever rendered: values
go in through `tojson` and come out as JSON strings; in a page they are escaped; in plain text whoever renders it
lets nothing through that would mean something there.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from pathlib import Path
from typing import Any, NoReturn

import jinja2
from jinja2.sandbox import ImmutableSandboxedEnvironment

from toolkit.errors import RenderError, nearest
from toolkit.model import Body

_UNDEFINED = re.compile(r"'(?P<name>[^']+)' is undefined|has no attribute '(?P<attribute>[^']+)'")


class Renderer:
    """Renders the files of one folder with one set of variables."""

    def __init__(self, folder: Path, variables: Mapping[str, Any]) -> None:
        self._variables = dict(variables)
        self._environment = _environment(folder)

    def body(self, path: str) -> Body:
        """The JSON object that a file renders to; `path` is relative to the folder, with '/'.

        Raises:
            RenderError: syntax error, undefined variable, or a result that is no JSON object.
        """
        return _parse(path, self._rendered(self._environment, path))

    def page(self, path: str) -> str:
        """The HTML that a file renders to, every value escaped; `path` is relative to the folder, with '/'.

        Raises:
            RenderError: syntax error or undefined variable.
        """
        return self._rendered(self._environment.overlay(autoescape=True), path)

    def text(self, path: str) -> str:
        """The plain text that a file renders to, nothing escaped; `path` is relative to the folder, with '/'.

        Raises:
            RenderError: syntax error or undefined variable.
        """
        return self._rendered(self._environment, path)

    def _rendered(self, environment: jinja2.Environment, path: str) -> str:
        try:
            return environment.get_template(path).render(self._variables)
        except jinja2.TemplateSyntaxError as error:
            raise RenderError(f"{error.name or path}:{error.lineno}: {error.message}") from error
        except jinja2.UndefinedError as error:
            raise self._undefined(path, error) from error
        except jinja2.TemplateError as error:
            raise RenderError(f"{path}: {error}") from error

    def _undefined(self, path: str, error: jinja2.UndefinedError) -> RenderError:
        found = _UNDEFINED.search(error.message or "")
        hint = nearest(found["name"] or found["attribute"], self._names()) if found else None
        line = _line_in(path, error)
        return RenderError(f"{path}:{line}: {error.message}" if line else f"{path}: {error.message}", hint=hint)

    def _names(self) -> set[str]:
        """Every name that a template may use, and every name inside those."""
        inside = (value for value in self._variables.values() if is_dataclass(value))
        return {*self._variables, *(field.name for value in inside for field in fields(value))}


@cache
def _environment(folder: Path) -> jinja2.Environment:
    """One a folder, since to compile a file takes ten times as long as to render it."""

    def load(path: str) -> tuple[str, str, Callable[[], bool]]:
        found = text(path)
        return found, path, lambda: text(path) == found

    def text(path: str) -> str:
        """A file's text, to be rendered or, through `file(...)`, to be put in as it stands."""
        try:
            return (folder / path).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise RenderError(f"{path}: cannot be read: {error}") from error

    environment = ImmutableSandboxedEnvironment(
        loader=jinja2.FunctionLoader(load),
        undefined=jinja2.StrictUndefined,
        autoescape=False,  # JSON is escaped by `tojson`, and HTML by the overlay above
        keep_trailing_newline=False,
        trim_blocks=True,
        lstrip_blocks=True,
        block_start_string="<%",
        block_end_string="%>",
        variable_start_string="${{",
        variable_end_string="}}",
        comment_start_string="<#",
        comment_end_string="#>",
    )
    environment.filters["tojson"] = _tojson
    environment.globals["file"] = text
    return environment


def _line_in(path: str, error: BaseException) -> int | None:
    """The line of a template that an exception came from: Jinja2 rewrites its traceback to name it."""
    line = None
    traceback = error.__traceback__
    while traceback:
        if traceback.tb_frame.f_code.co_filename == path:
            line = traceback.tb_lineno
        traceback = traceback.tb_next
    return line


def _tojson(value: Any) -> str:
    """JSON for a JSON file; Jinja2's own filter escapes for HTML."""
    return json.dumps(value, ensure_ascii=False, default=_no_json)


def _no_json(value: Any) -> NoReturn:
    if isinstance(value, jinja2.Undefined):
        str(value)  # a strict one raises an error that names it
    raise jinja2.TemplateRuntimeError(f"{type(value).__name__} cannot be written as JSON")


def _parse(path: str, text: str) -> Body:
    try:
        body = json.loads(text, object_pairs_hook=_no_duplicates)
    except ValueError as error:
        raise RenderError(
            f"{path}: renders to something that is not JSON: {error}", hint=_excerpt(text, error)
        ) from error
    if not isinstance(body, dict):
        raise RenderError(f"{path}: must render to a JSON object, not to {type(body).__name__}")
    return body


def _no_duplicates(pairs: list[tuple[str, Any]]) -> Body:
    body = dict(pairs)
    if len(body) != len(pairs):
        keys = [key for key, _ in pairs]
        raise ValueError(f"key '{next(k for k in keys if keys.count(k) > 1)}' stands twice")
    return body


def _excerpt(text: str, error: ValueError) -> str | None:
    if not isinstance(error, json.JSONDecodeError):
        return None
    lines = text.splitlines()
    return f"rendered line {error.lineno} reads: {lines[error.lineno - 1].strip()[:120]}" if lines else "it is empty"
