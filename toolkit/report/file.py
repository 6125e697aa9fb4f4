"""Where the page goes: a file that is there whole or not at all, what is no regular file, or standard output."""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
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
    folder = path.resolve().parent
    if not path.exists() and not folder.is_dir():
        raise UsageError(f"{place}: there is no folder {folder}")


def write(page: str, place: str) -> Path | None:
    """Write a page; None where it went to standard output.

    A regular file is replaced in one step, keeps its permissions, and is the one that a link leads to. Anything
    else, such as a device or a named pipe, is written into.

    Raises:
        ToolkitError: the file cannot be written; what was there before is still there.
    """
    data = page.encode()
    if place == STANDARD_OUTPUT:
        sys.stdout.buffer.write(data)
        sys.stdout.flush()
        return None
    path = Path(place).absolute()
    try:
        mode = path.stat().st_mode if path.exists() else None
        if mode is None or stat.S_ISREG(mode):
            _replace(path.resolve(), data, mode)
        else:
            path.write_bytes(data)
    except OSError as error:
        raise ToolkitError(
            f"{place} cannot be written: {error.strerror or error}", hint="--output names another file"
        ) from error
    return path


def _replace(path: Path, data: bytes, mode: int | None) -> None:
    """Write beside the file, then put it in its place; `mode` is that of the file that is there."""
    part = path.with_name(f".{path.name[:200]}.{secrets.token_hex(4)}")
    try:
        with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _permissions(mode)), "wb") as stream:
            stream.write(data)
        if mode is not None:
            part.chmod(_permissions(mode))  # whatever the umask has taken from it
        os.replace(part, path)
    except OSError:
        with contextlib.suppress(OSError):
            part.unlink()
        raise


def _permissions(mode: int | None) -> int:
    return 0o666 if mode is None else stat.S_IMODE(mode)
