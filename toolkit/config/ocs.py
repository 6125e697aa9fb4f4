"""How OCS itself reaches the cluster: the URI that it posts to and its own credential, as far as they are known."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from toolkit.config.connection import ONE_CREDENTIAL, Connection, in_clear, split_address
from toolkit.config.document import PROFILES, document, profile_in, profile_named
from toolkit.config.given import Given
from toolkit.config.keys import OCS, OCS_KEYS
from toolkit.config.sources import PROFILE_LOCAL
from toolkit.errors import ConfigurationError

_CREDENTIAL = ("ocs_username", "ocs_password", "ocs_password_file", "ocs_api_key", "ocs_api_key_file")
_SECRETS = ("ocs_password", "ocs_api_key")
"""These stand in the environment only; no option and no file of ours holds one."""


@dataclass(frozen=True, slots=True)
class OcsAccess:
    """OCS's way to the cluster, where it is not simply the connection's."""

    uri: str | None = None
    """What OCS posts to, without any credential; None: the cluster's own address."""
    own: Connection | None = None
    """The cluster as OCS, by its own credential; None: that is not known."""
    ca_file: Path | None = None
    """Certificates to trust at `uri` instead of the system's."""
    source: str = ""
    """Where the URI was found, for messages."""
    warnings: tuple[str, ...] = ()
    """What is not wrong, but should be known to whoever runs a command."""


def load_ocs_access(
    path: Path | None, *, profile: str | None, connection: Connection, options: Mapping[str, str]
) -> OcsAccess:
    """OCS's URI and its credential, each from options, the environment, or the profile, in this order.

    A credential is never sent to an address that was named closer at hand than itself: it may not be meant for it.

    Args:
        path: the configuration file, as for `load_connection`.
        profile: the flag's value.
        connection: the cluster.
        options: keys of `OCS_KEYS` that the command line gives, with their values.

    Raises:
        ConfigurationError: a value cannot be used, or two of them contradict each other.
    """
    given = _sources(path, profile, options)
    address = _address(given)
    credential = next((each for each in given if _holds_credential(each)), None)
    if address and credential and given.index(address) < given.index(credential):
        raise ConfigurationError(
            f"{_place(credential)}: this credential of OCS's is not given together with {address.places['ocs_uri']}",
            hint="give both in one place: options, the environment, or the profile",
        )
    found = OcsAccess(
        uri=_uri(address),
        own=_own(credential, connection) if credential else None,
        ca_file=_ca_file(given, address),
        source=address.places["ocs_uri"] if address else "",
    )
    return replace(found, warnings=tuple(_warnings(found, credential)))


def load_ocs_uri(path: Path | None, *, profile: str | None) -> str | None:
    """OCS's URI alone, without any credential, from the environment or the profile; no secret is read.

    Raises:
        ConfigurationError: it cannot be used.
    """
    return _uri(_address(_sources(path, profile, {})))


def _sources(path: Path | None, profile: str | None, options: Mapping[str, str]) -> list[Given]:
    """What each says, the one that goes before the others first."""
    return [_checked(_from_options(options)), _checked(_from_environment()), _from_profile(path, profile)]


def _address(given: Iterable[Given]) -> Given | None:
    return next((each for each in given if "ocs_uri" in each.values), None)


def _uri(address: Given | None) -> str | None:
    return split_address(address.values["ocs_uri"], address.places["ocs_uri"])[0] if address else None


def _from_options(options: Mapping[str, str]) -> Given:
    places = {name: f"--{name.replace('_', '-')}" for name in options}
    if "ocs_uri" in options and OCS["ocs_uri"].fits(options["ocs_uri"]) and _pair(options["ocs_uri"]):
        raise ConfigurationError(
            "--ocs-uri: it holds a user, and no secret belongs on a command line, where others see it",
            hint="--ocs-username and --ocs-password-file, or OCS_ELASTIC_OCS_URI in the environment",
        )
    return Given("the command line", dict(options), places)


def _from_environment() -> Given:
    names = (*(key.name for key in OCS_KEYS), *_SECRETS)
    places = {name: f"OCS_ELASTIC_{name.upper()}" for name in names}
    values = {name: text for name, place in places.items() if (text := os.environ.get(place))}
    return Given("the environment", values, {name: places[name] for name in values})


def _from_profile(path: Path | None, profile: str | None) -> Given:
    """What the profile says, checked when the file was read."""
    file, name = document(path), profile_named(profile)
    raw = profile_in(file, name) if name else None
    if file is None or name is None or raw is None:
        return Given("the profile", {}, {})
    values = {key: value for key, value in raw.items() if key in OCS}
    places = {key: file.at(PROFILES, name, key) for key in values}
    secret = next((places[key] for key in _CREDENTIAL if key in values), None)
    if secret and name != PROFILE_LOCAL and not {"url", "cloud_id", "ocs_uri"} & raw.keys():
        raise ConfigurationError(
            f"{secret}: profile '{name}' names no cluster for this credential of OCS's",
            hint="an address and its credential always come from one source: give url or ocs_uri beside it",
        )
    return Given(file.at(PROFILES, name), values, places, Path(file.source).parent)


def _checked(given: Given) -> Given:
    for name, value in given.values.items():
        if name in OCS and (refusal := OCS[name].refusal(value)):
            raise ConfigurationError(f"{given.places[name]}: {refusal}")
    return given


def _holds_credential(given: Given) -> bool:
    return any(name in given.values for name in _CREDENTIAL) or bool(_pair(given.values.get("ocs_uri")))


def _pair(uri: str | None) -> tuple[str, str] | None:
    """User and password in a URI."""
    return split_address(uri, "")[1] if uri else None


def _place(given: Given) -> str:
    """What names a credential in messages."""
    return next(given.places[name] for name in (*_CREDENTIAL, "ocs_uri") if name in given.values)


def _own(given: Given, connection: Connection) -> Connection:
    """The cluster by OCS's credential."""
    username, password = given.values.get("ocs_username"), given.secret("ocs_password")
    if pair := _pair(given.values.get("ocs_uri")):
        if any(name in given.values for name in _CREDENTIAL):
            raise ConfigurationError(
                f"{given.places['ocs_uri']}: it holds a user, and another credential is given too", hint=ONE_CREDENTIAL
            )
        username, password = pair
    return replace(
        connection,
        source=_place(given),
        username=username,
        password=password,
        api_key=given.secret("ocs_api_key"),
        kibana_url=None,
        warnings=(),
    )


def _ca_file(given: Iterable[Given], address: Given | None) -> Path | None:
    found = next((each for each in given if "ocs_ca_file" in each.values), None)
    if found is None:
        return None
    place = found.places["ocs_ca_file"]
    if address is None:
        raise ConfigurationError(f"{place}: it goes with ocs_uri, which is not given")
    if not address.values["ocs_uri"].startswith("https:"):
        raise ConfigurationError(f"{place}: {address.places['ocs_uri']} is http", hint="write it as https://…")
    return found.path("ocs_ca_file")


def _warnings(found: OcsAccess, credential: Given | None) -> Iterator[str]:
    if found.own is None or credential is None:
        return
    yield from credential.warnings("ocs_password_file", "ocs_api_key_file")
    for url in filter(in_clear, [found.uri] if found.uri else found.own.hosts):
        yield f"OCS's credential goes to {url} unencrypted: use https"
