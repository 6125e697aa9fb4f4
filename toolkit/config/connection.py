"""Where the cluster is, and the credential for it."""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass, field
from pathlib import Path

from toolkit.config.document import document
from toolkit.config.folders import local_record
from toolkit.errors import ConfigurationError, nearest
from toolkit.yaml_source import Document

PROFILE_LOCAL = "local"
"""The profile that `ocs-elastic local up` writes."""
_CONNECTION_KEYS = frozenset({"url", "username", "password_file", "api_key_file", "ca_file"})


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
    file = document(path)
    profiles = (file.value.get("profiles") if file else None) or {}
    if not isinstance(profiles, dict) or profile not in profiles:
        where = file.source if file else "ocs-elastic.yml"
        raise ConfigurationError(f"{where}: no profile '{profile}'", hint=nearest(profile, [*profiles, PROFILE_LOCAL]))
    assert file  # noqa: S101 - a profile was found in it
    place: tuple[str, ...] = ("profiles", profile)
    raw = profiles[profile]
    if not isinstance(raw, dict) or not isinstance(raw.get("url"), str):
        raise ConfigurationError(f"{file.at(*place)}: profile '{profile}' needs a url")
    for key in raw.keys() - _CONNECTION_KEYS:
        raise ConfigurationError(f"{file.at(*place, key)}: unknown key '{key}'", hint=nearest(key, _CONNECTION_KEYS))
    return Connection(
        url=raw["url"],
        source=file.at(*place, "url"),
        username=raw.get("username"),
        password=_secret(file, (*place, "password_file"), raw.get("password_file")),
        api_key=_secret(file, (*place, "api_key_file"), raw.get("api_key_file")),
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


def _secret(file: Document, place: tuple[str, ...], path: str | None) -> str | None:
    if path is None:
        return None
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise ConfigurationError(f"{file.at(*place)}: {path} cannot be read: {error.strerror}") from error


def _without_secret(url: str) -> str:
    return re.sub(r"//[^/@]*@", "//", url)
