"""OCS's credential of a namespace: made, replaced without a message lost, and taken away. The administrator's work.

OCS does not retry, so nothing here ends a credential that OCS may be posting with before its successor is there: to
rotate is to make a second one, and to revoke the first is a step of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from toolkit.credential_kind import CredentialKind
from toolkit.credentials import Credential, Issued, found, issued, revoke, role_name
from toolkit.errors import (
    RejectedError,
    StalePlanError,
    ToolkitError,
    UnreachableError,
    UnsafePlanError,
    UsageError,
    nearest,
)
from toolkit.kinds import KIND
from toolkit.lock import locked
from toolkit.model import Resource
from toolkit.signals import deferred, uninterruptible
from toolkit.streams import Streams
from toolkit.uses.deployment import Deployment
from toolkit.versions import newer

Deliver = Callable[[Issued], None]
"""Brings a secret to whoever asked for it; what it raises takes the credential back."""


@dataclass(frozen=True, slots=True)
class Revocation:
    """What will be refused from then on, and what will still be taken."""

    goes: tuple[Credential, ...]
    stays: tuple[Credential, ...]


def create(target: Deployment, kind: CredentialKind, deliver: Deliver) -> Issued:
    """Make the first credential of a namespace.

    Raises:
        ToolkitError: who asks may not, what it needs is not there, or the namespace has a credential already.
        UnreachableError, RejectedError: the server does not answer, or refuses.
    """
    role = _role(target)
    with locked(target.transport, target.state_index):
        _require_none(target)
        return _made(target, role, kind, deliver)


def obstacle(target: Deployment) -> ToolkitError | None:
    """Why a namespace's first credential cannot be made, and what helps; None: it can, once role and streams are there.

    Raises:
        UnreachableError, RejectedError: the server does not say.
    """
    try:
        _require_security(target)
        _require_user(target)
        _require_none(target)
    except (UnreachableError, RejectedError):
        raise
    except ToolkitError as error:
        return error
    return None


def only_one(target: Deployment) -> Credential | None:
    """The namespace's valid credential; None: there is none, or more than one, or who asks may not know.

    Raises:
        UnreachableError, RejectedError: the server does not say.
    """
    there = ours(target) if target.server.manages_security else []
    return there[0] if len(there) == 1 else None


def rotate(target: Deployment, kind: CredentialKind | None, deliver: Deliver) -> Issued:
    """Make the successor of a namespace's credential, which stays valid.

    Args:
        target: the namespace.
        kind: what to make; None: what there is.
        deliver: see `Deliver`.

    Raises:
        ToolkitError: who asks may not, what it needs is not there, or there is not exactly one credential.
        UnreachableError, RejectedError: the server does not answer, or refuses.
    """
    role = _role(target)
    with locked(target.transport, target.state_index):
        there = ours(target)
        if not there:
            raise ToolkitError(
                f"namespace '{role.namespace}' has no credential for OCS that could be replaced",
                hint="make the first one: ocs-elastic credentials create",
            )
        if len(there) > 1:
            raise ToolkitError(
                f"namespace '{role.namespace}' is being rotated already; valid are {_listed(there)}",
                hint="revoke what OCS does not post with, then rotate again: ocs-elastic credentials revoke NAME",
            )
        (former,) = there
        return _made(target, role, kind or former.kind, deliver, former)


def revocation(target: Deployment, names: Sequence[str]) -> Revocation:
    """Work out what would be revoked. Reads only.

    Raises:
        UsageError: no name is given, or one that is none of the namespace's.
        UnsafePlanError: something of that name is not ours.
        ToolkitError: who asks may not manage security.
    """
    _require_security(target)
    all_found = found(target.transport, target.settings.namespace)
    valid = [each for each in all_found if each.valid and each.namespace == target.settings.namespace]
    if not names:
        raise UsageError("which credential?", hint=f"name it; valid are: {_listed(valid) or 'none'}")
    for name in names:
        if name in (each.name for each in valid):
            continue
        if foreign := [each for each in all_found if each.valid and each.name == name]:
            raise UnsafePlanError(
                f"{foreign[0]} does not carry our mark, so it is not revoked",
                hint="if it should go, remove it by hand",
            )
        raise UsageError(
            f"namespace '{target.settings.namespace}' has no valid credential '{name}'",
            hint=nearest(name, (each.name for each in valid)) if valid else "it has none; --namespace names another",
        )
    goes = tuple(each for each in valid if each.name in names)
    return Revocation(goes, tuple(each for each in valid if each not in goes))


def revoked(target: Deployment, what: Revocation) -> Iterator[Credential]:
    """Revoke them; yields each that is refused from now on.

    Raises:
        LockHeldError: somebody else changes the cluster.
        StalePlanError: there are others than those that were looked at; nothing is revoked.
        RejectedError: the server refused; those before it are revoked.
    """
    with locked(target.transport, target.state_index) as lock:
        if {*ours(target)} != {*what.goes, *what.stays}:  # who revokes the other one has read that this one stays
            raise StalePlanError(
                f"the credentials of namespace '{target.settings.namespace}' have changed since they were shown, so "
                "none is revoked",
                hint="run the command again, and look at what stays",
            )
        for each in what.goes:
            lock.check()
            revoke(target.transport, each)
            yield each


def ours(target: Deployment) -> list[Credential]:
    """The namespace's valid credentials that carry our mark, oldest first."""
    namespace = target.settings.namespace
    return [each for each in found(target.transport, namespace) if each.valid and each.namespace == namespace]


def _made(
    target: Deployment, role: Resource, kind: CredentialKind, deliver: Deliver, former: Credential | None = None
) -> Issued:
    if kind is CredentialKind.API_KEY:
        _require_rights(target, role)
    made = None
    try:
        with deferred():  # what the server makes while nobody waits for its answer, nobody could take back
            made = replace(_issued(target, role, kind), replaces=former)
        deliver(made)
    except BaseException:  # an interruption too: a credential whose secret nobody has is only a danger
        if made:
            with uninterruptible():
                revoke(target.transport, made.credential)
        raise
    return made


def _issued(target: Deployment, role: Resource, kind: CredentialKind) -> Issued:
    try:
        return issued(target.transport, role, kind)
    except UnreachableError as error:
        again = "if it was made all the same, `ocs-elastic credentials create` names it, and `revoke` takes it back"
        raise UnreachableError(error.reason, hint=f"{error.hint}; {again}" if error.hint else again) from error


def _role(target: Deployment) -> Resource:
    """OCS's role of the namespace, which is there as it should be, and so are the streams.

    Raises:
        ToolkitError: something is missing, or who asks may not.
    """
    _require_security(target)
    _require_user(target)
    name = role_name(target.settings.namespace)
    role = next(each for each in target.resources if (each.kind, each.name) == ("role", name))
    kind = KIND["role"]
    live = kind.read(target.transport, name)
    if live is None:
        raise ToolkitError(
            f"there is no role {name} on {target.transport.url}, which is what OCS's credential may do",
            hint="install it first: ocs-elastic apply, as the administrator",
        )
    if error := newer([kind.mark_of(live)], target.catalogue.schema):
        raise error
    if kind.normalize(live) != kind.normalize(role.body):
        raise UnsafePlanError(
            f"role {name} is not as it should be, so no credential is given its rights",
            hint="look at the difference: ocs-elastic plan; then ocs-elastic apply, as the administrator",
        )
    Streams(target.settings.namespace).require(target.transport)
    return role


def _require_security(target: Deployment) -> None:
    if not target.server.security:
        raise ToolkitError(
            f"{KIND['role'].lacking(target.server)} So there are no credentials.",
            hint="OCS posts without one; switch security on in Elasticsearch first: xpack.security.enabled",
        )
    if not target.server.manages_security:
        raise ToolkitError(
            "this credential may not manage security, and OCS's credential is the administrator's affair",
            hint="use the user and password of somebody with the cluster privilege manage_security, once",
        )


def _require_user(target: Deployment) -> None:
    """Whoever makes a credential is a person: a key can neither make a key with rights, nor should it make users."""
    who = target.transport.get("/_security/_authenticate") or {}
    if who.get("authentication_type") == "api_key":
        key = (who.get("api_key") or {}).get("name", "")
        raise ToolkitError(
            f"this connection's credential is an API key ({key}), and OCS's credential is not made with one: "
            "Elasticsearch refuses to let a key make a key that has any rights",
            hint="use an administrator's user and password, once: ELASTICSEARCH_USERNAME and ELASTICSEARCH_PASSWORD "
            "in place of ELASTICSEARCH_API_KEY",
        )


def _require_rights(target: Deployment, role: Resource) -> None:
    """A key may do what its role descriptors say and its maker may too, for ever; tried on 8.3.3.

    Raises:
        ToolkitError: so it could not post.
    """
    answer = target.transport.post("/_security/user/_has_privileges", {"index": role.body["indices"]}) or {}
    names = sorted(name for name, privileges in answer.get("index", {}).items() if not all(privileges.values()))
    if names:
        raise ToolkitError(
            f"whoever makes an API key gives it no more than their own rights, and this user lacks "
            f"{', '.join(role.body['indices'][0]['privileges'])} on {', '.join(names)}: OCS would be refused",
            hint="--kind user makes a user, who needs none of yours; or ask an administrator who has that privilege",
        )


def _require_none(target: Deployment) -> None:
    if there := ours(target):
        raise ToolkitError(
            f"namespace '{target.settings.namespace}' has a credential for OCS already: {_listed(there)}",
            hint="`ocs-elastic credentials rotate` makes its successor, and it stays valid meanwhile; if its "
            f"secret is lost and OCS does not have it: `ocs-elastic credentials revoke {there[-1].name}` first",
        )


def _listed(credentials: Sequence[Credential]) -> str:
    return ", ".join(f"{each} (made {each.created})" for each in credentials)
