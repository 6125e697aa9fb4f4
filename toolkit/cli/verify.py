"""`ocs-elastic verify`: one message on the path that OCS's would take."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from toolkit.cli.cluster import connection_and_settings
from toolkit.cli.options import AsJson, Config, Namespace, Profile
from toolkit.errors import ToolkitError

if TYPE_CHECKING:
    from toolkit.uses.verify import Verification


def verify(
    *,
    profile: Profile = None,
    namespace: Namespace = None,
    config: Config = None,
    keep: Annotated[bool, typer.Option("--keep", help="Leave the message in the stream, to look at it.")] = False,
    as_json: AsJson = False,
) -> None:
    """Post one message to OCS's own URI, as OCS would, read it back, compare every field, and delete it.

    It is of the tenant `ocs-elastic-verify`, so status and dashboards leave it out. The credential is that of the
    connection. The exit code is 0 only if every check is ok.
    """
    from toolkit.client.connect import connect  # noqa: PLC0415 - start-up time of every other command
    from toolkit.output import console, tables  # noqa: PLC0415
    from toolkit.signals import terminable  # noqa: PLC0415
    from toolkit.uses.simulation import target_of  # noqa: PLC0415
    from toolkit.uses.verify import verify as run  # noqa: PLC0415

    connection, settings = connection_and_settings(profile, namespace, config)
    transport, target = connect(connection), target_of(connection, settings.namespace)
    with terminable():
        found = run(transport, target, settings, keep=keep, progress=console.TerminalProgress())
    if as_json:
        console.result_json(found.as_json())
    else:
        console.result(tables.verification(found))
    if found.failed:
        raise _failure(found)


def _failure(found: Verification) -> ToolkitError:
    differences = [str(difference) for check in found.failed for difference in check.differences]
    more = f", and {len(differences) - 1} more" if len(differences) > 1 else ""
    return ToolkitError(
        f"{len(found.failed)} of {len(found.checks)} checks failed: {differences[0]}{more}",
        hint="pipeline and mapping on the cluster must be this toolkit's, and the labels those of ocs-elastic.yml: "
        "`ocs-elastic apply` installs them",
    )
