"""Secrets: those that stand in files of their own, and the header that one goes into."""

from __future__ import annotations

import base64
import codecs
import os
import stat
from pathlib import Path

from toolkit.errors import ConfigurationError


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
