"""Where things are kept on this machine, and what a program that the toolkit starts may know of it."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import platformdirs

_APP = "ocs-elastic"
_WINDOWS_NEEDS = ("SYSTEMROOT", "TEMP", "TMP")  # sockets and temporary files fail there without them


def is_root() -> bool:
    """Whether this process runs as the superuser, whom search engines refuse."""
    return hasattr(os, "geteuid") and os.geteuid() == 0


def cache_folder() -> Path:
    """Where downloads are kept: `OCS_ELASTIC_CACHE`, or the user's cache folder.

    Root's is the machine's, since the embedded engine runs as another user, who cannot look into root's home.
    """
    if given := os.environ.get("OCS_ELASTIC_CACHE"):
        return Path(given).expanduser().absolute()
    if is_root() and sys.platform != "win32":
        return Path(platformdirs.site_cache_dir(_APP, appauthor=False))
    return Path(platformdirs.user_cache_dir(_APP, appauthor=False))


def state_folder() -> Path:
    """Where the embedded engine's data and its profile are kept: `OCS_ELASTIC_STATE`, or the user's state folder.

    Root's is the machine's, for the reason that `cache_folder` gives.
    """
    if given := os.environ.get("OCS_ELASTIC_STATE"):
        return Path(given).expanduser().absolute()
    if is_root() and sys.platform != "win32":
        return Path("/var/lib") / _APP
    return Path(platformdirs.user_state_dir(_APP, appauthor=False))


def local_record() -> Path:
    """The file that describes this user's running embedded engine; also the profile `local`."""
    return state_folder() / "local.json"


def program_environment() -> dict[str, str]:
    """The environment of a program that the toolkit starts: nothing of ours, so no credential and no JAVA_TOOL_OPTIONS.

    The locale is UTF-8, since Java reads paths with it and people's names are in them.
    """
    given = {name: os.environ[name] for name in _WINDOWS_NEEDS if name in os.environ}
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C.UTF-8", **given}
