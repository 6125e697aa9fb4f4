"""`ocs-elastic status`: what the campaign groups are doing now."""

from __future__ import annotations

from typing import Annotated

import typer


def status(
    profile: Annotated[str | None, typer.Option(help="The cluster; local is the embedded engine.")] = None,
    namespace: Annotated[str | None, typer.Option(help="Namespace of the stream.  [default: default]")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Show each campaign group's state, how many are in each, the dead letters, and when OCS was last heard of.

    Nothing is written. A message can be seen here as soon as the stream was refreshed: after 5 seconds, by default.
    """
    from toolkit.client.connect import connect  # noqa: PLC0415 - start-up time of every other command
    from toolkit.config import load_connection, load_settings  # noqa: PLC0415
    from toolkit.output import console, tables  # noqa: PLC0415
    from toolkit.uses.status import status as ask  # noqa: PLC0415

    connection = load_connection(None, profile=profile)
    found = ask(connect(connection), load_settings(None, namespace=namespace))
    if as_json:
        console.result_json(found.as_json())
    else:
        console.result(tables.status(found))
