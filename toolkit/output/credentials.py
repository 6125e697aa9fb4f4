"""OCS's credentials as text and JSON. A secret is in what `issued` and `issued_json` return, and nowhere else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from toolkit.credential_kind import CredentialKind
from toolkit.credentials import Credential, Issued
from toolkit.uses.credentials import Revocation


def issued(made: Issued, uri: str) -> str:
    """A new credential with its secret, in the forms in which OCS may take it; shown once.

    Args:
        made: the credential.
        uri: what OCS posts to.
    """
    who = made.credential
    lines = [f"Made {who} for OCS of namespace {who.namespace}. Its secret is shown this once, and kept nowhere:", ""]
    if who.kind is CredentialKind.USER:
        scheme, _, rest = uri.partition("://")
        lines += [
            f"user      {who.name}",
            f"password  {made.secret}",
            f"in a URI  {scheme}://{who.name}:{made.secret}@{rest}",
        ]
    lines += [f"header    Authorization: {made.authorization}"]
    return "\n".join(lines)


def kept(made: Issued, file: Path) -> str:
    """A new credential whose secret went into a file."""
    who = made.credential
    return f"Made {who} for OCS of namespace {who.namespace}. Its secret is in {file}, and nowhere else."


def issued_json(made: Issued, file: Path | None) -> dict[str, Any]:
    """For programs: with the secret, unless that went into a file."""
    secret = {"secret": made.secret, "authorization": made.authorization} if file is None else {"file": str(file)}
    former = {} if made.replaces is None else {"replaces": as_json(made.replaces)}
    return {**as_json(made.credential), **secret, **former}


def nginx_line(made: Issued) -> str:
    """What the configuration of `options --format nginx` includes: the header as nginx adds it."""
    return f'proxy_set_header Authorization "{made.authorization}";'


def next_step(made: Issued) -> str:
    """What is to be done with it; no secret is repeated."""
    ways = "`ocs-elastic options` says in which ways OCS can present it."
    if made.replaces is None:
        return ways
    return (
        f"{made.replaces} is still valid, so no message is lost meanwhile. Now:\n"
        f"1. Put {made.credential.name} into OCS, or into the proxy before it. {ways}\n"
        "2. See that messages come: ocs-elastic status\n"
        f"3. Only then: ocs-elastic credentials revoke {made.replaces.name}"
    )


def revocation(what: Revocation, url: str, namespace: str) -> str:
    """What is going to be refused, and what that means."""
    lines = [f"On {url}, namespace {namespace}:", ""]
    lines += [f"  - revoked  {each} (made {each.created})" for each in what.goes]
    lines += [f"    stays    {each} (made {each.created})" for each in what.stays]
    lines += [
        "",
        "Whoever still posts with what is revoked is refused at once. OCS does not retry: its messages are lost.",
    ]
    if not what.stays:
        lines.append("None is left then, so OCS cannot post to this namespace any more.")
    return "\n".join(lines)


def as_json(credential: Credential) -> dict[str, Any]:
    """For programs."""
    return {
        "kind": credential.kind.value,
        "name": credential.name,
        "id": credential.id,
        "namespace": credential.namespace,
        "created": credential.created,
    }
