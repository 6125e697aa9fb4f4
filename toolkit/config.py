"""Where settings come from: the only room that reads the environment."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import platformdirs

from toolkit.errors import ConfigurationError, SourceError, nearest
from toolkit.yaml_source import Document, load

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


NAMESPACE = re.compile(r"[a-z0-9_.]{1,80}")
PROFILE_LOCAL = "local"
"""The profile that `ocs-elastic local up` writes."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What the resources are rendered from: how long, how many, how large."""

    namespace: str = "default"
    """Ends the name of everything that is not shared by the whole cluster."""
    retention_days: int = 90
    """The greatest age of a document."""
    dead_letter_retention_days: int = 90
    """The greatest age of a dead letter."""
    shards: int = 1
    """Primary shards of each index of the stream."""
    replicas: str = "0-1"
    """A number, or a range that follows the number of nodes."""
    rollover_size: str = "25gb"
    """The greatest size of a primary shard before the stream turns to a new index."""
    refresh_interval_s: int = 5
    """Seconds until a document can be found."""
    index_mode: str = "auto"
    """`auto` (`logsdb` where the server knows it), `standard` or `logsdb`."""
    transform_frequency_s: int = 10
    """Seconds between two looks of the latest-state transform."""
    current_state_days: int = 30
    """Days after which a campaign group that sends nothing leaves the latest-state index."""
    labels: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Enum → id → label, where others than the catalogue's are wanted; for the whole cluster."""
    state_change_actions: tuple[str, ...] | None = None
    """Ids of the actions that make a message a `state_change`; None: the catalogue's."""

    @property
    def transform_delay_s(self) -> int:
        """Seconds that the transform waits for late documents: a refresh, and some more."""
        return self.refresh_interval_s + 5


@dataclass(frozen=True, slots=True)
class Connection:
    """An address and the credential for it; both always come from one source."""

    url: str
    source: str
    """Where it was found, for messages."""
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    api_key: str | None = field(default=None, repr=False)
    ca_file: Path | None = None
    embedded: bool = False
    """Whether it is the embedded engine, the only OpenSearch that is spoken to."""

    @property
    def shown_url(self) -> str:
        """The address without the credential that it may hold: for people."""
        return _without_secret(self.url)


def load_settings(path: Path | None, *, namespace: str | None = None) -> Settings:
    """Settings from flags, the environment, `ocs-elastic.yml` and defaults, in this order.

    Args:
        path: the file; None: `ocs-elastic.yml` in the working folder, where there is one.
        namespace: the flag's value.

    Raises:
        ConfigurationError: an unknown key or a value that cannot be used; the reason names its place.
    """
    values: dict[str, Any] = {}
    places: dict[str, str] = {}
    document = _document(path)
    if document:
        for key, value in document.value.items():
            if key == "profiles":
                continue
            if key not in _KEYS:
                raise ConfigurationError(f"{document.at(key)}: unknown key '{key}'", hint=nearest(key, _KEYS))
            values[key], places[key] = value, document.at(key)
    for key in _KEYS - {"labels", "state_change_actions"}:
        name = f"OCS_ELASTIC_{key.upper()}"
        if text := os.environ.get(name):
            values[key], places[key] = int(text) if text.isascii() and text.isdigit() else text, name
    if namespace is not None:
        values["namespace"], places["namespace"] = namespace, "--namespace"
    for key, value in values.items():
        _check(key, value, places[key])
    if isinstance(values.get("replicas"), int):
        values["replicas"] = str(values["replicas"])
    if "state_change_actions" in values:
        values["state_change_actions"] = tuple(values["state_change_actions"])
    return Settings(**values)


def load_connection(path: Path | None, *, profile: str | None) -> Connection:
    """Where the cluster is: a profile, or `ELASTICSEARCH_URL` with its credential.

    Raises:
        ConfigurationError: no cluster is named, or flag and environment name different ones.
    """
    url = os.environ.get("ELASTICSEARCH_URL")
    profile = profile or (None if url else os.environ.get("OCS_ELASTIC_PROFILE"))
    if profile is None:
        if url:
            return _connection_from_environment(url)
        raise ConfigurationError(
            "no cluster is named",
            hint="set ELASTICSEARCH_URL, or name a profile: --profile local is what 'ocs-elastic local up' starts",
        )
    connection = _local_connection() if profile == PROFILE_LOCAL else _profile_connection(path, profile)
    if url and url.rstrip("/") != connection.url.rstrip("/"):
        raise ConfigurationError(
            f"profile '{profile}' is {connection.shown_url}, but ELASTICSEARCH_URL is {_without_secret(url)}",
            hint="unset ELASTICSEARCH_URL, or leave the profile out",
        )
    return connection


def _connection_from_environment(url: str) -> Connection:
    ca_file = os.environ.get("ELASTICSEARCH_CA_FILE")
    return Connection(
        url=url,
        source="ELASTICSEARCH_URL",
        username=os.environ.get("ELASTICSEARCH_USERNAME"),
        password=os.environ.get("ELASTICSEARCH_PASSWORD"),
        api_key=os.environ.get("ELASTICSEARCH_API_KEY"),
        ca_file=Path(ca_file) if ca_file else None,
    )


def _profile_connection(path: Path | None, profile: str) -> Connection:
    document = _document(path)
    profiles = (document.value.get("profiles") if document else None) or {}
    if not isinstance(profiles, dict) or profile not in profiles:
        where = document.source if document else "ocs-elastic.yml"
        raise ConfigurationError(f"{where}: no profile '{profile}'", hint=nearest(profile, [*profiles, PROFILE_LOCAL]))
    assert document  # noqa: S101 - a profile was found in it
    place: tuple[str, ...] = ("profiles", profile)
    raw = profiles[profile]
    if not isinstance(raw, dict) or not isinstance(raw.get("url"), str):
        raise ConfigurationError(f"{document.at(*place)}: profile '{profile}' needs a url")
    for key in raw.keys() - _CONNECTION_KEYS:
        raise ConfigurationError(
            f"{document.at(*place, key)}: unknown key '{key}'", hint=nearest(key, _CONNECTION_KEYS)
        )
    return Connection(
        url=raw["url"],
        source=document.at(*place, "url"),
        username=raw.get("username"),
        password=_secret(document, (*place, "password_file"), raw.get("password_file")),
        api_key=_secret(document, (*place, "api_key_file"), raw.get("api_key_file")),
        ca_file=Path(raw["ca_file"]) if raw.get("ca_file") else None,
    )


def _local_connection() -> Connection:
    record = local_record()
    try:
        url = json.loads(record.read_text(encoding="utf-8"))["url"]
    except (OSError, ValueError, KeyError) as error:
        raise ConfigurationError(
            "profile 'local' is the embedded engine, and none is up", hint="start it: ocs-elastic local up"
        ) from error
    return Connection(url=url, source=str(record), embedded=True)


def _secret(document: Document, place: tuple[str, ...], file: str | None) -> str | None:
    if file is None:
        return None
    try:
        return Path(file).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise ConfigurationError(f"{document.at(*place)}: {file} cannot be read: {error.strerror}") from error


def _document(path: Path | None) -> Document | None:
    given = path or (Path(os.environ["OCS_ELASTIC_CONFIG"]) if os.environ.get("OCS_ELASTIC_CONFIG") else None)
    file = given or Path("ocs-elastic.yml")
    if given is None and not file.exists():
        return None
    try:
        document = load(file)
    except SourceError as error:
        raise ConfigurationError(error.reason, hint=error.hint) from error
    if document.value is None:
        return None
    if not isinstance(document.value, dict):
        raise ConfigurationError(f"{document.at()}: must be a mapping of settings")
    return document


def _without_secret(url: str) -> str:
    return re.sub(r"//[^/@]*@", "//", url)


def _is_count(least: int) -> Callable[[Any], bool]:
    return lambda v: isinstance(v, int) and not isinstance(v, bool) and v >= least


def _is_label(value: Any) -> bool:
    return isinstance(value, str) and 1 <= len(value) <= 200


_CHECKS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "namespace": (
        lambda v: isinstance(v, str) and bool(NAMESPACE.fullmatch(v)),
        "1 to 80 of a-z, 0-9, '_' and '.'",
    ),
    "retention_days": (_is_count(1), "a whole number of days, 1 or more"),
    "dead_letter_retention_days": (_is_count(1), "a whole number of days, 1 or more"),
    "shards": (_is_count(1), "a whole number, 1 or more"),
    "replicas": (
        lambda v: _is_count(0)(v) or (isinstance(v, str) and bool(re.fullmatch(r"\d+(-(\d+|all))?", v))),
        "a number, or a range such as 0-1",
    ),
    "rollover_size": (
        lambda v: isinstance(v, str) and bool(re.fullmatch(r"[1-9]\d*(mb|gb)", v)),
        "a size such as 25gb",
    ),
    "refresh_interval_s": (_is_count(1), "a whole number of seconds, 1 or more"),
    "index_mode": (lambda v: v in ("auto", "standard", "logsdb"), "auto, standard or logsdb"),
    "transform_frequency_s": (
        lambda v: _is_count(1)(v) and v <= 3600,
        "a whole number of seconds, 1 to 3600",
    ),
    "current_state_days": (_is_count(1), "a whole number of days, 1 or more"),
    "labels": (
        lambda v: (
            isinstance(v, dict)
            and all(isinstance(i, dict) and all(isinstance(label, str) for label in i.values()) for i in v.values())
        ),
        "enum → id → label",
    ),
    "state_change_actions": (
        lambda v: isinstance(v, list) and all(isinstance(i, str) for i in v),
        "a list of action ids",
    ),
}
_KEYS = frozenset(_CHECKS)
_CONNECTION_KEYS = frozenset({"url", "username", "password_file", "api_key_file", "ca_file"})


def _check(key: str, value: Any, place: str) -> None:
    fits, expected = _CHECKS[key]
    if not fits(value):
        raise ConfigurationError(f"{place}: '{key}' must be {expected}, not {value!r}")
