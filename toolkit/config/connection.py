"""An address, how it is reached, and the credential for it."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit

from toolkit.config.keys import is_address
from toolkit.errors import ConfigurationError

ONE_CREDENTIAL = "give either an API key, or a user and a password, once"


@dataclass(frozen=True, slots=True)
class Connection:
    """An address and the credential for it; both always come from one source.

    User and password that stand in an address are taken out of it, so that no address holds a secret.
    Certificates are always verified.
    """

    url: str
    source: str
    """Where it was found, for messages."""
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    api_key: str | None = field(default=None, repr=False)
    ca_file: Path | None = None
    """Certificates to trust instead of the system's."""
    embedded: bool = False
    """Whether it is the embedded engine, the only OpenSearch that is spoken to."""
    others: tuple[str, ...] = ()
    """Further hosts of the same cluster."""
    fingerprint: str | None = None
    """SHA-256, in hexadecimal, of the one certificate to trust: the server's or its CA's."""
    proxy: str | None = field(default=None, repr=False)
    """HTTP proxy on the way; the only address that may hold a password."""
    request_timeout_s: float = 30.0
    kibana_url: str | None = None
    """Kibana's address, with its base path; None: none is known."""
    kibana_space: str = "default"
    """The id of the space that dashboards go into."""
    warnings: tuple[str, ...] = ()
    """What is not wrong, but should be known to whoever runs a command."""

    def __post_init__(self) -> None:
        split = [split_address(url, self.source) for url in self.hosts]
        found = {pair for _, pair in split if pair}
        if len(found) > 1 or (found and (self.username or self.api_key)):
            raise ConfigurationError(
                f"{self.source}: an address holds a user, and another credential is given too", hint=ONE_CREDENTIAL
            )
        for pair in found:
            object.__setattr__(self, "username", pair[0])
            object.__setattr__(self, "password", pair[1])
        object.__setattr__(self, "url", split[0][0])
        object.__setattr__(self, "others", tuple(url for url, _ in split[1:]))
        if self.fingerprint:
            object.__setattr__(self, "fingerprint", self.fingerprint.replace(":", "").lower())
        _check(self)

    @property
    def hosts(self) -> tuple[str, ...]:
        """Every host's address."""
        return self.url, *self.others

    @property
    def shown_url(self) -> str:
        """The address for people, without any credential."""
        return self.url + (f" (and {len(self.others)} more)" if self.others else "")

    @property
    def shown_proxy(self) -> str | None:
        """The proxy's address for people, without any credential."""
        return split_address(self.proxy, self.source)[0] if self.proxy else None

    @property
    def has_credential(self) -> bool:
        """Whether it can prove who is asking."""
        return bool(self.api_key or self.username)


def _check(connection: Connection) -> None:
    """What no single key's check can see.

    Raises:
        ConfigurationError: two things that are said contradict each other.
    """
    source = connection.source
    if connection.api_key and (connection.username or connection.password):
        raise ConfigurationError(f"{source}: an API key, and a user or password too", hint=ONE_CREDENTIAL)
    if connection.api_key and not re.fullmatch(r"[!-~]+", connection.api_key):
        raise ConfigurationError(
            f"{source}: the API key holds what no key does: a blank, the end of a line, or a letter beyond ASCII",
            hint="give it in its encoded form, on one line, as Kibana and `credentials create` show it",
        )
    if bool(connection.username) != (connection.password is not None):
        missing = "password" if connection.username else "user"
        raise ConfigurationError(f"{source}: the {missing} is missing", hint=ONE_CREDENTIAL)
    if connection.ca_file and connection.fingerprint:
        raise ConfigurationError(f"{source}: both a CA file and a fingerprint", hint="one of them is enough")
    trust = "a CA file" if connection.ca_file else "a fingerprint" if connection.fingerprint else None
    if trust and not all(url.startswith("https:") for url in connection.hosts):
        raise ConfigurationError(f"{source}: {trust} is given, but the address is http", hint="write it as https://…")


def split_address(url: str, source: str) -> tuple[str, tuple[str, str] | None]:
    """An address without its user and password, and these.

    Raises:
        ConfigurationError: it is no address; the reason does not repeat it, since it may hold a password.
    """
    if not is_address(url):
        raise ConfigurationError(f"{source}: this is no address", hint="write it as https://host:9200")
    parts = urlsplit(url)
    bare = parts._replace(netloc=parts.netloc.rpartition("@")[2], fragment="").geturl().rstrip("/")
    if parts.username is None:
        return bare, None
    return bare, (unquote(parts.username), unquote(parts.password or ""))


def in_clear(url: str) -> bool:
    """Whether what is sent there can be read on the way."""
    parts = urlsplit(url)
    if parts.scheme == "https" or parts.hostname == "localhost":
        return False
    try:
        return not ipaddress.ip_address(parts.hostname or "").is_loopback
    except ValueError:
        return True
