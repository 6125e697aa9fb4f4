"""The CLI reference: the `--help` of every command that is registered."""

from __future__ import annotations

import html
from collections.abc import Iterator
from typing import Any

import typer
from typer.main import get_command

WIDTH = 100
"""Columns of the help, whatever the terminal of whoever writes it."""


def markdown(app: typer.Typer) -> str:
    """Every command, each to be opened."""
    return "\n\n".join(_details(context) for context in contexts(app))


def contexts(app: typer.Typer) -> Iterator[typer.Context]:
    """The context of every command that is not hidden: the application itself, then each group before its commands."""
    yield from _walk(_context(get_command(app), app.info.name or "", None))


def summary(context: typer.Context) -> str:
    """The first sentence of a command's help."""
    text = " ".join((context.command.help or "").partition("\n\n")[0].split())
    return text.partition(". ")[0].rstrip(".")


def parameters(context: typer.Context) -> list[Any]:
    """A command's options and arguments, but `--help`."""
    return list(context.command.params)


def _context(command: Any, name: str, parent: typer.Context | None) -> typer.Context:
    command.rich_markup_mode = None  # plain text: no boxes, no colours
    return typer.Context(command, info_name=name, parent=parent, terminal_width=WIDTH, max_content_width=WIDTH)


def _walk(context: typer.Context) -> Iterator[typer.Context]:
    yield context
    for name, command in sorted(getattr(context.command, "commands", {}).items()):
        if not command.hidden:
            yield from _walk(_context(command, name, context))


def _details(context: typer.Context) -> str:
    text = "\n".join(line.rstrip() for line in context.command.get_help(context).splitlines())
    title = f"<code>{context.command_path}</code>: {html.escape(summary(context), quote=False)}"
    return f"<details>\n<summary>{title}</summary>\n\n```text\n{text}\n```\n\n</details>"
