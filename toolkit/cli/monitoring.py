"""What a monitoring system expects of a check: one line, and Nagios's exit codes alone."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from toolkit.errors import ToolkitError

if TYPE_CHECKING:
    from collections.abc import Callable

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


def check(name: str, look: Callable[[], tuple[Nagios, str, Body]], *, as_json: bool) -> NoReturn:
    """Look, print the plugin's line, and end with its code; whatever keeps it from looking is `UNKNOWN`.

    Args:
        name: what was checked, such as `DOCTOR`.
        look: gives the code, what to say, and all that was found.
        as_json: whether all that was found is printed instead of the line.

    Raises:
        Exit: always.
    """
    from toolkit.output.console import result, result_json  # noqa: PLC0415 - start-up time

    try:
        code, said, found = look()
    except ToolkitError as error:
        code, said, found = Nagios.UNKNOWN, error.reason, {"error": error.reason, "hint": error.hint}
    except Exception as error:  # Python's own code for it, 1, would be read as a warning
        said = f"a bug of ocs-elastic ({type(error).__name__}): run it without --check"
        code, found = Nagios.UNKNOWN, {"error": said}
    if as_json:
        result_json(found)
    else:
        line = " ".join(said.split()).replace("|", "/")  # what stands behind a '|' is figures to Nagios
        result(f"{name} {code.name}: {line}")
    raise typer.Exit(int(code))
