"""Where the page goes: a file that is there whole or not at all, or standard output."""

from __future__ import annotations

import contextlib
import os
import secrets
import sys
from pathlib import Path

from toolkit.errors import ToolkitError, UsageError

STANDARD_OUTPUT = "-"


def check_place(place: str) -> None:
    """Find out early what can be known of a file that is to be written.

    Raises:
        UsageError: its folder is absent, or it is a folder itself.
    """
    if place == STANDARD_OUTPUT:
        return
    path = Path(place).absolute()
    if path.is_dir():
        raise UsageError(f"{place} is a folder", hint="name a file in it")
    if not path.parent.is_dir():
        raise UsageError(f"{place}: there is no folder {path.parent}")


def write(page: str, place: str) -> Path | None:
    """Write a page; None where it went to standard output.

    Raises:
        ToolkitError: the file cannot be written; what was there before is still there.
    """
    data = page.encode()
    if place == STANDARD_OUTPUT:
        sys.stdout.buffer.write(data)
        sys.stdout.flush()
        return None
    path = Path(place).absolute()
    part = path.with_name(f".{path.name[:200]}.{secrets.token_hex(4)}")
    try:
        part.write_bytes(data)
        os.replace(part, path)
    except OSError as error:
        with contextlib.suppress(OSError):
            part.unlink()
        raise ToolkitError(
            f"{place} cannot be written: {error.strerror or error}", hint="--output names another file"
        ) from error
    return path
