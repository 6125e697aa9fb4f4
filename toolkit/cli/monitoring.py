"""What a monitoring system expects of a check: one line, and Nagios's exit codes alone."""

from __future__ import annotations

from contextlib import contextmanager
from enum import IntEnum
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple, NoReturn

import typer
import typer.core

from toolkit.errors import ToolkitError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from toolkit.doctor.finding import Level
    from toolkit.model import Body

Check = Annotated[
    bool,
    typer.Option(
        "--check",
        help="As a monitoring plugin: one line, and exit code 0 ok, 1 warning, 2 critical, 3 could not check.",
    ),
]


class Nagios(IntEnum):
    """The exit codes of a plugin, by Nagios's plugin guidelines."""

    OK = 0
    WARNING = 1
    CRITICAL = 2
    UNKNOWN = 3


def code_of(worst: Level) -> Nagios:
    """The code for the worst finding."""
    from toolkit.doctor.finding import Level  # noqa: PLC0415 - start-up time

    codes = {Level.CRITICAL: Nagios.CRITICAL, Level.WARNING: Nagios.WARNING, Level.UNKNOWN: Nagios.UNKNOWN}
    return codes.get(worst, Nagios.OK)


class Looked(NamedTuple):
    """What a plugin found."""

    code: Nagios
    said: str
    found: Body
    """All of it, for programs."""
    figures: str = ""
    """Performance data: `label=value;warning;critical`, with blanks between."""


def check(name: str, look: Callable[[], Looked], *, as_json: bool) -> NoReturn:
    """Look, print the plugin's line, and end with its code; whatever keeps it from looking is `UNKNOWN`.

    Args:
        name: what was checked, such as `DOCTOR`.
        look: looks.
        as_json: whether all that was found is printed instead of the line.

    Raises:
        Exit: always.
    """
    try:
        looked = look()
    except ToolkitError as error:
        looked = Looked(Nagios.UNKNOWN, error.reason, {"error": error.reason, "hint": error.hint})
    except Exception as error:  # Python's own code for it, 1, would be read as a warning
        said = f"a bug of ocs-elastic ({type(error).__name__}): run it without --check"
        looked = Looked(Nagios.UNKNOWN, said, {"error": said})
    _say(name, looked, as_json=as_json)
    raise typer.Exit(int(looked.code))


class PluginGroup(typer.core.TyperGroup):
    """The commands, so that a command line that cannot be understood is `UNKNOWN` too where it says `--check`.

    A usage error's own code, 2, would be read as critical, and nothing was looked at.
    """

    def make_context(self, info_name: str | None, args: list[str], *more: Any, **named: Any) -> Any:
        """Read the options that stand before a command."""
        given = tuple(args)  # it empties the list
        with self._unknown_under_check(given):
            context = super().make_context(info_name, args, *more, **named)
        context.meta[_GIVEN] = given
        return context

    def invoke(self, ctx: Any) -> Any:
        """Find the command, read its options and run it."""
        with self._unknown_under_check(ctx.meta[_GIVEN]):
            return super().invoke(ctx)

    @contextmanager
    def _unknown_under_check(self, given: Sequence[str]) -> Iterator[None]:
        """Of what ends with exit code 2, only usage errors pass here as errors; a check ends with `Exit`."""
        try:
            yield
        except Exception as error:
            if getattr(error, "exit_code", None) != _USAGE or isinstance(error, typer.Exit) or not self._checks(given):
                raise
            said = error.format_message() if hasattr(error, "format_message") else str(error)  # Typer's, or ours
            found: Body = {"error": said, "hint": getattr(error, "hint", None)}
            _say(_named(given).upper(), Looked(Nagios.UNKNOWN, said, found), as_json="--json" in given)
            error.exit_code = int(Nagios.UNKNOWN)  # type: ignore[attr-defined]
            raise

    def _checks(self, given: Sequence[str]) -> bool:
        """Whether a plugin was asked for: not by the option of `simulate`, which can be switched off."""
        command = self.commands.get(_named(given))
        otherwise = command is not None and any("--no-check" in option.secondary_opts for option in command.params)
        return not otherwise and any(word.partition("=")[0] == "--check" for word in given)


_GIVEN = "toolkit.cli.monitoring.given"
_USAGE = 2


def _named(given: Sequence[str]) -> str:
    """The command, whether there is such a one or not."""
    return next((word for word in given if not word.startswith("-")), "ocs-elastic")


def _say(name: str, looked: Looked, *, as_json: bool) -> None:
    from toolkit.output.console import result, result_json  # noqa: PLC0415 - start-up time

    if as_json:
        result_json(looked.found)
    else:
        line = " ".join(looked.said.split()).replace("|", "/")  # what stands behind a '|' is figures to Nagios
        figures = f" | {looked.figures}" if looked.figures else ""
        result(f"{name} {looked.code.name}: {line}{figures}")
