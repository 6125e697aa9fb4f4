"""A Typer application of many commands, which reads the options of a command when they are asked for.

Typer reads those of all commands at every start: it evaluates each annotation four times, which for `--help`, whose
list shows names and first sentences only, takes a fifth of the time.
"""

from __future__ import annotations

from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, cast

import typer
import typer.core
from typer.main import get_command, get_command_name

if TYPE_CHECKING:
    from collections.abc import Callable


class Commands(typer.Typer):
    """An application, or a group of commands; used as any `typer.Typer`."""

    def command(self, name: str | None = None, **settings: Any) -> Callable[[Any], Any]:
        """Register a command: a function, whose docstring is its help and whose parameters are its options."""

        def register(function: Callable[..., None]) -> Callable[..., None]:
            named = super(Commands, self).command(
                name or get_command_name(function.__name__),
                cls=cast(Any, partial(_Command, function)),
                help=function.__doc__,
                **settings,
            )
            named(_nothing)
            return function

        return register


def _nothing() -> None:
    """What Typer reads in the place of a command's function."""


class _Command(typer.core.TyperCommand):
    """A command whose function has not been read yet."""

    def __init__(self, function: Callable[..., None], **told: Any) -> None:
        super().__init__(**told)
        self._function = function
        del self.params, self.callback  # those of `_nothing`: what stands below takes their place

    @cached_property
    def params(self) -> Any:  # type: ignore[override]
        """The options and arguments."""
        return self._read.params

    @cached_property
    def callback(self) -> Any:  # type: ignore[override]
        """What runs the function."""
        return self._read.callback

    @cached_property
    def _read(self) -> Any:
        alone = typer.Typer(add_completion=False)
        alone.command()(self._function)
        return get_command(alone)
