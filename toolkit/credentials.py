"""OCS's credentials on a cluster: users and API keys that carry our mark, found, issued and revoked.

When that may happen, and what is said of it, is decided in `toolkit.uses.credentials`.
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from toolkit import __version__
from toolkit.client.transport import Transport
from toolkit.credential_kind import CredentialKind
from toolkit.errors import RejectedError
from toolkit.kinds.base import MANAGED_BY, of_ours
from toolkit.model import Resource

_MARK = "ocs_elastic"
"""Where the mark stands in `metadata`, as it does in a role's."""
_PASSWORD_BYTES = 24
"""32 characters that need no escape in a URI."""


@dataclass(frozen=True, slots=True)
class Credential:
    """One that OCS may post with, or that only has our names; its secret is not known any more."""

    kind: CredentialKind
    name: str
    id: str
    """What the server knows it by: the name of a user, the id of a key."""
    namespace: str | None
    """From our mark; None: it carries none, so it is not ours."""
    created: str | None
    """By the clock of whoever made it, ISO 8601."""
    valid: bool = True
    """Whether it lets anybody in: not a key that was revoked, which servers remember for a while."""

    def __str__(self) -> str:
        return f"{'user' if self.kind is CredentialKind.USER else 'API key'} {self.name}"

    @property
    def number(self) -> int:
        """Its place in the line of the namespace's credentials; 0 where the name is not of our making."""
        last = self.name.rpartition("-")[2]
        return int(last) if last.isascii() and last.isdigit() else 0


@dataclass(frozen=True, slots=True)
class Issued:
    """A new credential, with what nobody can ask for again."""

    credential: Credential
    secret: str = field(repr=False)
    """A user's password, or an API key in its encoded form."""
    replaces: Credential | None = None
    """What stays valid until it is revoked."""

    @property
    def authorization(self) -> str:
        """The value of the header that lets in whoever sends it."""
        if self.credential.kind is CredentialKind.API_KEY:
            return f"ApiKey {self.secret}"
        return "Basic " + base64.b64encode(f"{self.credential.name}:{self.secret}".encode()).decode()


def role_name(namespace: str) -> str:
    """The role of a namespace's OCS; its credentials are named for it too."""
    return f"ocs-elastic-ocs-{namespace}"


def found(transport: Transport, namespace: str) -> list[Credential]:
    """Everything that has the names of a namespace's credentials or carries its mark, oldest first.

    Raises:
        UnreachableError, RejectedError: the server does not say.
    """
    both = [*_users(transport), *_api_keys(transport, namespace)]
    prefix = f"{role_name(namespace)}-"  # a namespace holds no "-", so no other's names begin so
    near = (each for each in both if each.namespace == namespace or each.name.startswith(prefix))
    return sorted(near, key=lambda each: (each.number, each.name))


def issued(transport: Transport, role: Resource, kind: CredentialKind) -> Issued:
    """Make a new one, with the rights of that role and no others. Two at once must be kept apart by a lock.

    Args:
        transport: the administrator's.
        role: OCS's role of the namespace, as it is rendered.
        kind: what to make.

    Raises:
        UnreachableError: it may have been made, but its secret is lost.
        RejectedError: the server refused.
    """
    namespace = str(role.namespace)
    number = 1 + max((each.number for each in found(transport, namespace)), default=0)
    name, created = f"{role.name}-{number}", datetime.now(UTC).isoformat(timespec="seconds")
    mark = {
        "managed_by": MANAGED_BY,
        "toolkit_version": __version__,
        "namespace": namespace,
        "created": created,
    }
    if kind is CredentialKind.USER:
        return Issued(Credential(kind, name, name, namespace, created), _new_user(transport, name, role, mark))
    answer = transport.post(
        "/_security/api_key",
        {"name": name, "role_descriptors": {role.name: role.body}, "metadata": {_MARK: mark}},
    )
    return Issued(Credential(kind, name, answer["id"], namespace, created), answer["encoded"])


def revoke(transport: Transport, credential: Credential) -> None:
    """Let nobody in by it any more, at once; one that is gone already is no error.

    Raises:
        RejectedError: the server refused, or could not.
    """
    if credential.kind is CredentialKind.USER:
        transport.delete(_user_path(credential.name))
        return
    answer = transport.delete("/_security/api_key", body={"ids": [credential.id]}) or {}
    if answer.get("error_count"):
        causes = "; ".join(str(detail.get("reason")) for detail in answer.get("error_details", []))
        raise RejectedError(f"{credential} was not revoked: {causes}", hint="run the command again")


def _new_user(transport: Transport, name: str, role: Resource, mark: dict[str, str]) -> str:
    password = secrets.token_urlsafe(_PASSWORD_BYTES)
    body = {
        "password": password,
        "roles": [role.name],
        "full_name": f"OCS of namespace {role.namespace}, by ocs-elastic",
        "metadata": {_MARK: mark},
    }
    transport.put(_user_path(name), body)
    return password


def _user_path(name: str) -> str:
    return f"/_security/user/{quote(name, safe='')}"


def _users(transport: Transport) -> Iterator[Credential]:
    """All of the native realm: Elasticsearch 8.3 cannot be asked for some."""
    for name, user in (transport.get("/_security/user") or {}).items():
        mark = _mark_of(user)
        yield Credential(CredentialKind.USER, name, name, mark.get("namespace"), mark.get("created"))


def _api_keys(transport: Transport, namespace: str) -> Iterator[Credential]:
    answer = transport.get("/_security/api_key", params={"name": f"{role_name(namespace)}-*"}) or {}
    now_ms = datetime.now(UTC).timestamp() * 1000
    for key in answer.get("api_keys", []):
        mark = _mark_of(key)
        valid = not key["invalidated"] and key.get("expiration", now_ms + 1) > now_ms
        ours = mark.get("namespace"), mark.get("created")
        yield Credential(CredentialKind.API_KEY, key["name"], key["id"], *ours, valid)


def _mark_of(answer: dict[str, Any]) -> dict[str, Any]:
    return of_ours((answer.get("metadata") or {}).get(_MARK))
