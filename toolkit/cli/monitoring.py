"""What a monitoring system expects of a check: one line, and Nagios's exit codes alone."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, Annotated, NamedTuple, NoReturn

import typer

from toolkit.errors import ToolkitError

if TYPE_CHECKING:
    from collections.abc import Callable

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
    from toolkit.output.console import result, result_json  # noqa: PLC0415 - start-up time

    try:
        looked = look()
    except ToolkitError as error:
        looked = Looked(Nagios.UNKNOWN, error.reason, {"error": error.reason, "hint": error.hint})
    except Exception as error:  # Python's own code for it, 1, would be read as a warning
        said = f"a bug of ocs-elastic ({type(error).__name__}): run it without --check"
        looked = Looked(Nagios.UNKNOWN, said, {"error": said})
    if as_json:
        result_json(looked.found)
    else:
        line = " ".join(looked.said.split()).replace("|", "/")  # what stands behind a '|' is figures to Nagios
        figures = f" | {looked.figures}" if looked.figures else ""
        result(f"{name} {looked.code.name}: {line}{figures}")
    raise typer.Exit(int(looked.code))
