"""Finds the cluster: in a profile, in the environment, or in the embedded engine's record."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from toolkit.config import cloud
from toolkit.config.connection import Connection, in_clear, split_address
from toolkit.config.document import PROFILES, document, profile_in, profile_named
from toolkit.config.folders import local_record
from toolkit.config.given import Given
from toolkit.config.keys import CONNECTION, CONNECTION_KEYS, is_address, is_space
from toolkit.errors import ConfigurationError, NoClusterError, nearest
from toolkit.yaml_source import Document

_IN_KIBANA = re.compile(r"(?P<base>.*?)(?:/s/(?P<space>[^/]+)/?(?:/app(?:/.*)?)?|/app(?:/.*)?)")
"""A path below Kibana's base path: of a space, of a page in it, or of a page."""
PROFILE_LOCAL = "local"
"""The profile that `ocs-elastic local up` writes."""


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


def _from_environment() -> Given | None:
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
    return Given(named, values, places) if named else None


def _of_text(name: str, text: str) -> Any:
    """A variable's text as the file would hold it."""
    if name == "url" and "," in text:
        return [part.strip() for part in text.split(",") if part.strip()]
    return int(text) if name == "request_timeout_s" and text.isascii() and text.isdigit() else text


def _of_profile(path: Path | None, name: str, *, beside: Given | None) -> Connection | None:
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


def _profile_given(file: Document, name: str, raw: dict[str, Any]) -> Given:
    values = {key: value for key, value in raw.items() if key in CONNECTION}
    places = {key: file.at(PROFILES, name, key) for key in values}
    source = places.get("url") or places.get("cloud_id") or file.at(PROFILES, name)
    return Given(source, values, places, Path(file.source).parent)


def _understand(given: Given) -> Connection:
    values = given.values
    hosts = _addresses(given)
    password, api_key = given.secret("password"), given.secret("api_key")
    connection = Connection(
        url=hosts[0],
        source=given.source,
        username=values.get("username"),
        password=password,
        api_key=api_key,
        ca_file=given.path("ca_file"),
        others=tuple(hosts[1:]),
        fingerprint=values.get("fingerprint"),
        proxy=values.get("proxy"),
        request_timeout_s=float(values.get("request_timeout_s", 30)),
        kibana_url=_kibana(given),
        kibana_space=values.get("kibana", {}).get("space", "default"),
    )
    return replace(connection, warnings=tuple(_warnings(given, connection)))


def _warnings(given: Given, connection: Connection) -> Iterator[str]:
    """Warnings, not refusals: some clusters speak plain http."""
    yield from given.warnings("password_file", "api_key_file")
    if connection.has_credential:
        for url in filter(in_clear, (*connection.hosts, *filter(None, [connection.kibana_url]))):
            yield f"the credential goes to {url} unencrypted: use https"


def _addresses(given: Given) -> list[str]:
    """The addresses as they were given, user and password included."""
    if "url" in given.values and "cloud_id" in given.values:
        raise ConfigurationError(f"{given.places['cloud_id']}: {given.places['url']} names a cluster too")
    if "cloud_id" in given.values:
        return [_of_cloud(given)[0]]
    url = given.values["url"]
    return [url] if isinstance(url, str) else list(url)


def _hosts(given: Given) -> tuple[str, ...]:
    return tuple(split_address(url, given.source)[0] for url in _addresses(given))


def _kibana(given: Given) -> str | None:
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


def _of_cloud(given: Given) -> tuple[str, str | None]:
    try:
        return cloud.addresses(given.values["cloud_id"])
    except ValueError as error:
        raise ConfigurationError(
            f"{given.places['cloud_id']}: this is no Cloud id", hint="copy it whole from Elastic Cloud's console"
        ) from error


def _local_connection() -> Connection:
    record = local_record()
    try:
        url = json.loads(record.read_text(encoding="utf-8"))["url"]
    except (OSError, ValueError, KeyError) as error:
        raise ConfigurationError(
            "profile 'local' is the embedded engine, and none is up", hint="start it: ocs-elastic local up"
        ) from error
    return Connection(url=url, source=str(record), embedded=True)
