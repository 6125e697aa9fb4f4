"""Standard output, standard error, progress bars. Colour only where a terminal wants it (NO_COLOR is honoured)."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

from toolkit.errors import ToolkitError
from toolkit.model import Bar

if TYPE_CHECKING:
    from rich.console import Console


def result(text: str) -> None:
    """Print a command's result, at once, since more may come much later."""
    print(text, flush=True)


def result_json(value: Any) -> None:
    """Print a command's result for a program."""
    utf8 = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
    print(json.dumps(value, ensure_ascii=not utf8, indent=2))


def result_json_line(value: Any) -> None:
    """Print one of many results for a program, on a line of its own; ASCII, so no terminal takes it for a command."""
    print(json.dumps(value), flush=True)


def counted(number: int, noun: str) -> str:
    """So many of something, for people: `1 change`, `2 changes`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def complain(error: ToolkitError) -> None:
    """Say what went wrong and, on a line of its own, what to do next."""
    print(f"error: {error.reason}", file=sys.stderr)
    if error.hint:
        print(f"hint: {error.hint}", file=sys.stderr)


def warn(text: str) -> None:
    """Say what is not wrong, but should be known."""
    print(f"warning: {text}", file=sys.stderr)


class TerminalProgress:
    """Draws progress on standard error; without a terminal each step is one plain line."""

    def say(self, text: str) -> None:
        """Announce a step, in one line."""
        print(text, file=sys.stderr, flush=True)

    @contextmanager
    def bar(self, title: str, total: int | None, unit: str) -> Iterator[Bar]:
        """Open a bar; without a terminal, nothing but its title is printed."""
        from rich.progress import (  # noqa: PLC0415 - rich costs start-up time
            BarColumn,
            DownloadColumn,
            MofNCompleteColumn,
            Progress,
            ProgressColumn,
            TextColumn,
            TimeRemainingColumn,
        )

        if not _stderr().is_terminal:
            self.say(title)
            yield _NoBar()
            return
        amount: ProgressColumn = DownloadColumn() if unit == "bytes" else MofNCompleteColumn()
        columns: list[ProgressColumn | str] = [TextColumn("{task.description}"), BarColumn(), amount]
        if unit != "bytes":
            columns.append(unit)
        with Progress(*columns, TimeRemainingColumn(), console=_stderr()) as progress:
            task = progress.add_task(title, total=total)

            class _RichBar:
                def advance(self, amount: int) -> None:
                    progress.advance(task, amount)

            yield _RichBar()


class _NoBar:
    def advance(self, amount: int) -> None: ...


@cache
def _stderr() -> Console:
    from rich.console import Console  # noqa: PLC0415

    return Console(stderr=True, highlight=False)
