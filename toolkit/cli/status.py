"""`ocs-elastic status`: what the campaign groups are doing now."""

from __future__ import annotations

from toolkit.cli.cluster import connection_and_settings
from toolkit.cli.options import AsJson, Config, Namespace, Profile


def status(
    *,
    profile: Profile = None,
    namespace: Namespace = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Show each campaign group's state, how many are in each, the dead letters, and when OCS was last heard of.

    Nothing is written. A message can be seen here as soon as the stream was refreshed: after 5 seconds, by default.
    """
    from toolkit.client.connect import connect  # noqa: PLC0415 - start-up time of every other command
    from toolkit.output import console, tables  # noqa: PLC0415
    from toolkit.uses.status import status as ask  # noqa: PLC0415

    connection, settings = connection_and_settings(profile, namespace, config)
    found = ask(connect(connection, read_only=True), settings)
    if as_json:
        console.result_json(found.as_json())
    else:
        console.result(tables.status(found))
