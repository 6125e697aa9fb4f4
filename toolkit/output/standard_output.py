"""Standard output, as it must be for its failures to be told from all others."""

from __future__ import annotations

import io
import os
import sys
from typing import Any

from toolkit.errors import ToolkitError


class OutputError(ToolkitError):
    """Standard output takes no more; what was printed is lost."""

    def __init__(self, why: str) -> None:
        super().__init__(f"standard output cannot be written: {why}")


def prepare() -> None:
    """What is printed must reach somebody, and no name that the terminal cannot write may end a command.

    Streams that are closed, as by `2>&-`, are nowhere: without this `print` turns to others, and what is opened next
    takes their place.

    Raises:
        OutputError: standard output is closed.
    """
    if sys.stdin is None:
        sys.stdin = open(os.devnull, encoding="utf-8")  # noqa: SIM115 - for as long as the process lives
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
    if sys.stdout is None:
        raise OutputError("it is closed")
    if type(sys.stdout) is io.TextIOWrapper and _is_file(sys.stdout):  # not a test's, nor Windows' console
        sys.stdout = _again(sys.stdout)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def finish() -> None:
    """Write out what was printed.

    Raises:
        OutputError: it cannot be.
        BrokenPipeError: who read it has gone away, as `head` does.
    """
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except (OutputError, BrokenPipeError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())  # else Python tries again when it ends, and complains in its own words
        os.close(nowhere)
        raise


class _File(io.FileIO):
    """What `sys.stdout` writes to."""

    def write(self, data: Any, /) -> int:
        try:
            return super().write(data)
        except BrokenPipeError:
            raise
        except OSError as error:
            raise OutputError(error.strerror or str(error)) from error


class _Text(io.TextIOWrapper):
    """`sys.stdout`, over a `_File`."""


def _is_file(stream: io.TextIOWrapper) -> bool:
    return type(getattr(stream.buffer, "raw", stream.buffer)) is io.FileIO


def _again(stream: io.TextIOWrapper) -> io.TextIOWrapper:
    """The same, buffered as it was, but for its errors."""
    stream.flush()
    return _Text(
        io.BufferedWriter(_File(stream.fileno(), "w", closefd=False)),
        encoding=stream.encoding,
        newline="\n" if os.linesep == "\n" else None,
        line_buffering=stream.line_buffering or stream.write_through,
    )
