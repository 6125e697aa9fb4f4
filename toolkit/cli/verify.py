"""`ocs-elastic verify`: two messages on the path that OCS's would take."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from toolkit.cli.cluster import connection_and_settings, ocs_access
from toolkit.cli.options import (
    AsJson,
    Config,
    Namespace,
    OcsApiKeyFile,
    OcsCaFile,
    OcsPasswordFile,
    OcsUri,
    OcsUsername,
    Profile,
)
from toolkit.errors import ToolkitError

if TYPE_CHECKING:
    from toolkit.config import Connection, OcsAccess, Settings
    from toolkit.uses.verification import Verification


def verify(
    *,
    profile: Profile = None,
    namespace: Namespace = None,
    config: Config = None,
    ocs_uri: OcsUri = None,
    ocs_ca_file: OcsCaFile = None,
    ocs_username: OcsUsername = None,
    ocs_password_file: OcsPasswordFile = None,
    ocs_api_key_file: OcsApiKeyFile = None,
    keep: Annotated[bool, typer.Option("--keep", help="Leave both messages where they are, to look at them.")] = False,
    as_json: AsJson = False,
) -> None:
    """Post two messages to OCS's own URI, as OCS would, read them back, compare every field, and delete them.

    One must become a document, the other, which is no message of OCS's, a dead letter; neither may go to the failure
    store, and OCS's credential must be refused to read. The first is of the tenant `ocs-elastic-verify`, so status and
    dashboards leave it out.

    Without OCS's own credential the connection's is used, and that OCS cannot read is not checked; to an --ocs-uri it
    is not sent. The exit code is 0 only if no check failed.
    """
    connection, settings = connection_and_settings(profile, namespace, config)
    access = ocs_access(
        connection,
        profile,
        config,
        ocs_uri=ocs_uri,
        ocs_ca_file=ocs_ca_file,
        ocs_username=ocs_username,
        ocs_password_file=ocs_password_file,
        ocs_api_key_file=ocs_api_key_file,
    )
    verified(connection, settings, access, keep=keep, as_json=as_json)


def verified(
    connection: Connection, settings: Settings, access: OcsAccess, *, keep: bool = False, as_json: bool = False
) -> None:
    """What `verify` does, for those who know how OCS gets in.

    Raises:
        ToolkitError: a check failed.
    """
    from toolkit.client.connect import connect  # noqa: PLC0415 - start-up time of every other command
    from toolkit.output import console, tables  # noqa: PLC0415
    from toolkit.signals import terminable  # noqa: PLC0415
    from toolkit.uses.access import as_ocs, ocs_target, whose  # noqa: PLC0415
    from toolkit.uses.verify import verify as run  # noqa: PLC0415

    transport, target = connect(connection), ocs_target(connection, access, settings.namespace)
    with terminable():
        found = run(
            transport,
            target,
            settings,
            credential=whose(connection, access),
            as_ocs=as_ocs(transport, access),
            keep=keep,
            progress=console.TerminalProgress(),
        )
    if as_json:
        console.result_json(found.as_json())
    else:
        console.result(tables.verification(found))
    if found.failed:
        raise _failure(found)


def _failure(found: Verification) -> ToolkitError:
    differences = [str(difference) for check in found.failed for difference in check.differences]
    more = f", and {len(differences) - 1} more" if len(differences) > 1 else ""
    remedy = found.failed[0].remedy or (
        "pipeline and mapping on the cluster must be this toolkit's, and the labels those of ocs-elastic.yml: "
        "`ocs-elastic apply` installs them"
    )
    return ToolkitError(
        f"{len(found.failed)} of {len(found.checks)} checks failed: {found.failed[0].name}: {differences[0]}{more}",
        hint=remedy,
    )
