"""Posting as OCS does: to its own URI, with its own credential where that is known."""

from __future__ import annotations

import re
from dataclasses import replace
from enum import StrEnum

from toolkit.client.connect import connect, has_security
from toolkit.client.transport import Transport
from toolkit.config import Connection, OcsAccess
from toolkit.credential_kind import CredentialKind
from toolkit.credentials import Credential
from toolkit.errors import ConfigurationError
from toolkit.ocs.post import Target, parse_target
from toolkit.streams import Streams
from toolkit.uses.simulation import authorization, target_of

NOT_GIVEN = (
    "OCS's own credential is not given: OCS_ELASTIC_OCS_USERNAME and OCS_ELASTIC_OCS_PASSWORD, or "
    "OCS_ELASTIC_OCS_API_KEY; or --ocs-username and --ocs-password-file, or --ocs-api-key-file"
)
_STREAM = re.compile(r"/(?P<stream>ocs-campaign-groups-[^/]+)/_doc")


class Whose(StrEnum):
    """By which credential something is posted."""

    OCS = "ocs"
    CONNECTION = "connection"
    NOBODY = "none"


def ocs_target(connection: Connection, access: OcsAccess, namespace: str) -> Target:
    """Where OCS posts to, with OCS's own credential.

    To the cluster's own address the connection's goes where OCS's is not known. To another address it never goes: it
    is not meant for it, and a proxy there may add one of its own.

    Raises:
        ConfigurationError: the URI is of another namespace, or leads somewhere by a way that OCS does not know.
        UsageError: the file of certificates cannot be used.
    """
    if access.uri is None:
        return target_of(access.own or connection, namespace, other="--ocs-uri, with --ocs-ca-file")
    stream = Streams(namespace).campaign_groups
    named = _STREAM.search(access.uri)
    if named and named["stream"] != stream:
        raise ConfigurationError(
            f"{access.source}: OCS's URI leads to {named['stream']}, and the namespace is '{namespace}'",
            hint=f"give the URI of {stream}, or the other namespace: --namespace",
        )
    headers = authorization(access.own) if access.own else {}
    target = parse_target(access.uri, headers=headers, ca_file=access.ca_file)
    target.connect()  # opens nothing, but a file of certificates that cannot be used is known now
    return target


def with_credential(connection: Connection, access: OcsAccess, credential: Credential, secret: str) -> OcsAccess:
    """OCS's way to the cluster by one of its credentials whose secret is at hand."""
    user = credential.kind is CredentialKind.USER
    own = replace(
        connection,
        source=str(credential),
        username=credential.name if user else None,
        password=secret if user else None,
        api_key=None if user else secret,
        kibana_url=None,
        warnings=(),
    )
    return replace(access, own=own)


def whose(connection: Connection, access: OcsAccess) -> Whose:
    """By which credential `ocs_target` posts."""
    if access.own:
        return Whose.OCS
    return Whose.CONNECTION if access.uri is None and connection.has_credential else Whose.NOBODY


def as_ocs(transport: Transport, access: OcsAccess) -> Transport | str:
    """The cluster by OCS's own credential, to see that it cannot read; or why nobody can see that.

    Raises:
        UnreachableError, RejectedError: the server does not say whether security is on.
    """
    if access.own is None:
        return NOT_GIVEN
    if not has_security(transport):
        return f"security is off on {transport.url}, so everybody may read"
    return connect(access.own, read_only=True)
