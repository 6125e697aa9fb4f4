"""`ocs-elastic init`: a configuration file to fill in."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from toolkit.cli.options import AsJson
from toolkit.errors import ToolkitError


def init(
    *,
    config: Annotated[Path, typer.Option("--config", metavar="FILE", help="The file to write.")] = Path(
        "ocs-elastic.yml"
    ),
    force: Annotated[
        bool, typer.Option("--force", help="Write it anew if it is there; what it holds is lost.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Write a configuration file that explains every key. Nothing is sent anywhere.

    The exit code is 1 if the file is there already, and it stays as it is.
    """
    from toolkit.config import sample  # noqa: PLC0415 - start-up time of every other command
    from toolkit.output.console import result, result_json  # noqa: PLC0415

    _write(config, sample(), force=force)
    if as_json:
        result_json({"file": str(config)})
    else:
        result(f"Wrote {config}. Every key in it is explained; fill in a profile for your cluster.")


def _write(file: Path, text: str, *, force: bool) -> None:
    try:
        # "x" and not a look beforehand, so that no file that appears in between is lost.
        with file.open("w" if force else "x", encoding="utf-8") as stream:
            stream.write(text)
    except FileExistsError as error:
        raise ToolkitError(
            f"{file} is there already, and stays as it is",
            hint="--force writes it anew; --config FILE writes another",
        ) from error
    except OSError as error:
        raise ToolkitError(f"{file} cannot be written: {error.strerror}") from error
