"""Finds the cluster: in a profile, in the environment, or in the embedded engine's record."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from toolkit.config import cloud
from toolkit.config.connection import ONE_CREDENTIAL, Connection, in_clear, split_address
from toolkit.config.document import PROFILES, document, profile_in, profile_named
from toolkit.config.folders import local_record
from toolkit.config.keys import CONNECTION, CONNECTION_KEYS, is_address, is_space
from toolkit.config.secret import open_to_all, read_secret
from toolkit.errors import ConfigurationError, NoClusterError, nearest
from toolkit.yaml_source import Document

_IN_KIBANA = re.compile(r"(?P<base>.*?)(?:/s/(?P<space>[^/]+)/?(?:/app(?:/.*)?)?|/app(?:/.*)?)")
"""A path below Kibana's base path: of a space, of a page in it, or of a page."""
PROFILE_LOCAL = "local"
"""The profile that `ocs-elastic local up` writes."""


@dataclass(frozen=True, slots=True)
class _Given:
    """What one source says, key by key, not understood yet."""

    source: str
    values: dict[str, Any] = field(repr=False)
    places: dict[str, str]
    folder: Path = field(default_factory=Path)
    """What paths are relative to."""


def load_connection(path: Path | None, *, profile: str | None) -> Connection:
    """Where the cluster is: a profile, or `ELASTICSEARCH_URL` or `ELASTICSEARCH_CLOUD_ID` with its credential.

    Raises:
        NoClusterError: no cluster is named.
        ConfigurationError: two different ones are, or something that is said cannot be used.
    """
    environment = _from_environment()
    name = profile_named(profile)
    found = _of_profile(path, name, beside=environment) if name else None
    if found and environment and set(_hosts(environment)) != set(found.hosts):
        place = environment.source
        raise ConfigurationError(
            f"profile '{name}' is {found.shown_url}, but {place} is {', '.join(_hosts(environment))}",
            hint=f"unset {place}, or leave the profile out",
        )
    if found:
        return found
    if environment:
        return _understand(environment)
    raise NoClusterError(
        "no cluster is named",
        hint="set ELASTICSEARCH_URL, or name a profile: --profile local is what 'ocs-elastic local up' starts",
    )


def _from_environment() -> _Given | None:
    """What the environment says; None where it names no cluster, and a credential alone is of no use."""
    values, places = {}, {}
    for name in (*(key.name for key in CONNECTION_KEYS), "password", "api_key"):
        variable = f"ELASTICSEARCH_{name.upper()}"
        if name in CONNECTION and not CONNECTION[name].plain:
            continue
        if text := os.environ.get(variable):
            values[name], places[name] = _of_text(name, text), variable
            if name in CONNECTION and (refusal := CONNECTION[name].refusal(values[name])):
                raise ConfigurationError(f"{variable}: {refusal}")
    if kibana := os.environ.get("KIBANA_URL"):
        if not is_address(kibana):
            raise ConfigurationError("KIBANA_URL: must be an address such as https://host:5601")
        values["kibana"], places["kibana"] = {"url": kibana}, "KIBANA_URL"
    if space := os.environ.get("KIBANA_SPACE"):
        if not is_space(space):
            raise ConfigurationError("KIBANA_SPACE: must be the id of a space: 1 to 64 of a-z, 0-9, '_' and '-'")
        values["kibana"] = {**values.get("kibana", {}), "space": space}
        places.setdefault("kibana", "KIBANA_SPACE")
    named = places.get("url") or places.get("cloud_id")
    return _Given(named, values, places) if named else None


def _of_text(name: str, text: str) -> Any:
    """A variable's text as the file would hold it."""
    if name == "url" and "," in text:
        return [part.strip() for part in text.split(",") if part.strip()]
    return int(text) if name == "request_timeout_s" and text.isascii() and text.isdigit() else text


def _of_profile(path: Path | None, name: str, *, beside: _Given | None) -> Connection | None:
    """The profile's connection; None where it leaves the address to the environment.

    Raises:
        ConfigurationError: there is no such profile, or it names no cluster and the environment does not either.
    """
    file = document(path)
    raw = profile_in(file, name)
    if name == PROFILE_LOCAL:
        if file and (own := [key for key in raw or {} if key in CONNECTION]):
            place = file.at(PROFILES, name, own[0])
            raise ConfigurationError(f"{place}: profile 'local' is the embedded engine, so it takes no '{own[0]}'")
        return _local_connection()
    if file is None or raw is None:
        where, known = (file.source, file.value.get(PROFILES) or {}) if file else ("ocs-elastic.yml", {})
        raise ConfigurationError(f"{where}: no profile '{name}'", hint=nearest(name, [*known, PROFILE_LOCAL]))
    given = _profile_given(file, name, raw)
    if "url" in given.values or "cloud_id" in given.values:
        return _understand(given)
    if given.values or beside is None:
        raise ConfigurationError(
            f"{file.at(PROFILES, name, *list(given.values)[:1])}: profile '{name}' needs a url or a cloud_id",
            hint="an address and its credential always come from one source",
        )
    return None


def _profile_given(file: Document, name: str, raw: dict[str, Any]) -> _Given:
    values = {key: value for key, value in raw.items() if key in CONNECTION}
    places = {key: file.at(PROFILES, name, key) for key in values}
    source = places.get("url") or places.get("cloud_id") or file.at(PROFILES, name)
    return _Given(source, values, places, Path(file.source).parent)


def _understand(given: _Given) -> Connection:
    values = given.values
    hosts = _addresses(given)
    password, api_key = (_secret(given, name) for name in ("password", "api_key"))
    connection = Connection(
        url=hosts[0],
        source=given.source,
        username=values.get("username"),
        password=password,
        api_key=api_key,
        ca_file=_path(given, "ca_file"),
        others=tuple(hosts[1:]),
        fingerprint=values.get("fingerprint"),
        proxy=values.get("proxy"),
        request_timeout_s=float(values.get("request_timeout_s", 30)),
        kibana_url=_kibana(given),
        kibana_space=values.get("kibana", {}).get("space", "default"),
    )
    return replace(connection, warnings=tuple(_warnings(given, connection)))


def _secret(given: _Given, name: str) -> str | None:
    """The secret itself (from the environment only) or what the file for it holds."""
    file = _path(given, f"{name}_file")
    if file is None:
        value: str | None = given.values.get(name)
        return value
    place = given.places[f"{name}_file"]
    if name in given.values:
        raise ConfigurationError(f"{place}: {given.places[name]} is given too", hint=ONE_CREDENTIAL)
    return read_secret(file, place)


def _warnings(given: _Given, connection: Connection) -> Iterator[str]:
    """A warning, not a refusal: containers mount secrets readable by all, and some clusters speak plain http."""
    for name in ("password_file", "api_key_file"):
        file = _path(given, name)
        if file and open_to_all(file):
            yield f"{file} can be read by everyone on this machine: chmod 600 {file}"
    if connection.has_credential:
        for url in filter(in_clear, (*connection.hosts, *filter(None, [connection.kibana_url]))):
            yield f"the credential goes to {url} unencrypted: use https"


def _addresses(given: _Given) -> list[str]:
    """The addresses as they were given, user and password included."""
    if "url" in given.values and "cloud_id" in given.values:
        raise ConfigurationError(f"{given.places['cloud_id']}: {given.places['url']} names a cluster too")
    if "cloud_id" in given.values:
        return [_of_cloud(given)[0]]
    url = given.values["url"]
    return [url] if isinstance(url, str) else list(url)


def _hosts(given: _Given) -> tuple[str, ...]:
    return tuple(split_address(url, given.source)[0] for url in _addresses(given))


def _kibana(given: _Given) -> str | None:
    kibana = given.values.get("kibana", {})
    if "url" in kibana:
        url = split_address(kibana["url"], given.places["kibana"])[0]
        _check_base_path(url, given.places["kibana"])
        return url
    if "cloud_id" in given.values:
        return _of_cloud(given)[1]
    if kibana:
        raise ConfigurationError(
            f"{given.places['kibana']}: a space is named, but no address of Kibana",
            hint="give it: kibana: {url: https://host:5601, space: ...}, or KIBANA_URL beside KIBANA_SPACE",
        )
    return None


def _check_base_path(url: str, place: str) -> None:
    """What people copy from their browser ends in a space or a page, and Kibana's address ends before both.

    Raises:
        ConfigurationError: it does; the reason shows the path alone.
    """
    found = _IN_KIBANA.fullmatch(urlsplit(url).path)
    if found is None:
        return
    path = found[0][len(found["base"]) :]
    if found["space"] is None:
        raise ConfigurationError(
            f"{place}: the address ends in {path}, and that is a page in Kibana", hint="give what stands before /app"
        )
    name = found["space"]
    raise ConfigurationError(
        f"{place}: the address ends in {path}, and that is a space: give it as KIBANA_SPACE, or kibana: {{space: ...}}",
        hint=f"the address is what stands before /s/{name}; the space's id is {name}",
    )


def _of_cloud(given: _Given) -> tuple[str, str | None]:
    try:
        return cloud.addresses(given.values["cloud_id"])
    except ValueError as error:
        raise ConfigurationError(
            f"{given.places['cloud_id']}: this is no Cloud id", hint="copy it whole from Elastic Cloud's console"
        ) from error


def _path(given: _Given, name: str) -> Path | None:
    text = given.values.get(name)
    return given.folder / Path(text).expanduser() if text else None


def _local_connection() -> Connection:
    record = local_record()
    try:
        url = json.loads(record.read_text(encoding="utf-8"))["url"]
    except (OSError, ValueError, KeyError) as error:
        raise ConfigurationError(
            "profile 'local' is the embedded engine, and none is up", hint="start it: ocs-elastic local up"
        ) from error
    return Connection(url=url, source=str(record), embedded=True)
