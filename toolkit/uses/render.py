"""Resources as files and scripts, for a cluster that is asked or a version that is named."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from toolkit import __version__
from toolkit.capabilities import Capabilities, of_elasticsearch
from toolkit.catalogue import read_catalogue
from toolkit.client.connect import OLDEST, capabilities, connect
from toolkit.config import Connection, Settings
from toolkit.dashboards.compile import compile_dashboards
from toolkit.dashboards.saved_object import ndjson
from toolkit.errors import ToolkitError, UsageError
from toolkit.load import configured, desired
from toolkit.scripts.steps import Head, Step, steps

_VERSION = re.compile(r"(\d{1,3})\.(\d{1,3})(?:\.(\d{1,3}))?")


def server_of_version(text: str) -> Capabilities:
    """What an Elasticsearch of that version can do, without asking one.

    Raises:
        UsageError: that is no version, or it is too old.
    """
    found = _VERSION.fullmatch(text)
    if not found:
        raise UsageError(f"--server {text}: no version of Elasticsearch", hint="it looks like 8.17.2")
    version = (int(found[1]), int(found[2]), int(found[3] or 0))
    if version < OLDEST:
        raise UsageError(f"--server {text}: {OLDEST[0]}.{OLDEST[1]} is the oldest version that is supported")
    return of_elasticsearch(version)


def server_of_cluster(connection: Connection) -> Capabilities:
    """What the connected cluster can do.

    Raises:
        UnreachableError, RejectedError: it does not answer, or is not supported.
    """
    transport = connect(connection, read_only=True)
    try:
        return capabilities(transport)
    finally:
        transport.close()


def rendered(settings: Settings, server: Capabilities) -> tuple[list[Step], Head]:
    """The steps that install everything, and the head of a script of them."""
    return steps(desired(settings, server)), Head(__version__, str(server), settings.namespace)


def dashboards(settings: Settings, space: str) -> str:
    """The dashboards of a namespace, as the file that Kibana imports into that space."""
    return ndjson(compile_dashboards(settings, configured(read_catalogue(), settings), space)).decode()


def write_folder(files: Mapping[str, str], folder: Path) -> None:
    """Write files below a folder, which may hold nothing but an earlier version of the same files.

    Raises:
        UsageError: it holds something else, which whoever sends the folder's files would send too.
        ToolkitError: it cannot be written.
    """
    try:
        if stranger := next((path for path in _files_in(folder) if path not in files), None):
            raise UsageError(
                f"--output {folder}: holds {stranger}, which is not part of this", hint="name an empty folder"
            )
        for name, text in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        raise ToolkitError(f"--output {folder} cannot be written: {error.strerror}") from error


def write_file(text: str, path: Path) -> None:
    """Write one file, its lines ending in LF everywhere: a shell takes no CR.

    Raises:
        ToolkitError: it cannot be written.
    """
    try:
        path.write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        raise ToolkitError(f"--output {path} cannot be written: {error.strerror}") from error


def _files_in(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir())
