"""Secrets: those that stand in files of their own, and the header that one goes into."""

from __future__ import annotations

import base64
import codecs
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from toolkit.errors import ConfigurationError, ToolkitError


def read_secret(path: Path, place: str) -> str:
    """What the file holds: one line.

    Args:
        path: the file.
        place: what names the file, for messages.

    Raises:
        ConfigurationError: it cannot be read, is empty, or holds more than one line.
    """
    try:
        text = _text(path.read_bytes()).strip()
    except OSError as error:
        raise ConfigurationError(f"{place}: {path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError:  # its message would repeat what the file holds
        raise ConfigurationError(f"{place}: {path} is not UTF-8") from None
    if not text or "\n" in text:
        what = "holds more than one line" if text else "is empty"
        raise ConfigurationError(f"{place}: {path} {what}", hint="the file holds the secret and nothing else")
    return text


@contextmanager
def new_secret_file(path: Path) -> Iterator[Callable[[str], None]]:
    """A file that is there from now on, and empty until the function that is given is called with the secret.

    It is its owner's alone (0600) from the first byte. On Windows, where such a mode means nothing, it has the access
    rights of its folder. If the block fails before the secret is in it, it is gone again.

    Raises:
        ToolkitError: there is such a file already, or it cannot be written.
    """
    try:
        # "excl" and not a look beforehand; it follows no symbolic link either.
        number = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise ToolkitError(
            f"{path} is there already, and stays as it is", hint="name a file that is not there yet"
        ) from error
    except OSError as error:
        raise _unwritable(path, error) from error
    stream, whole = os.fdopen(number, "wb", buffering=0), False

    def write(secret: str) -> None:
        nonlocal whole
        try:
            left = f"{secret}\n".encode()
            while left:  # a disk that fills up takes a part first, and says so only then
                left = left[stream.write(left) :]
            os.fsync(number)
        except OSError as error:
            raise _unwritable(path, error) from error
        whole = True

    try:
        yield write
    finally:
        stream.close()
        if not whole:
            path.unlink(missing_ok=True)


def _unwritable(path: Path, error: OSError) -> ToolkitError:
    return ToolkitError(f"{path} cannot be written: {error.strerror}", hint="nothing was changed on the cluster")


def basic(username: str, password: str) -> str:
    """The value of the header `Authorization` for user and password."""
    return "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()


def open_to_all(path: Path) -> bool:
    """Whether everyone on this machine may read the file; where the system does not say (Windows), no."""
    return os.name == "posix" and bool(path.stat().st_mode & stat.S_IROTH)


def _text(raw: bytes) -> str:
    """The text; Windows PowerShell 5 writes UTF-16 by `>`, and some editors a byte order mark."""
    if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return raw.decode("utf-16")
    return raw.decode("utf-8-sig")
