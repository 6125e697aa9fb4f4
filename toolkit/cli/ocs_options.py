"""`ocs-elastic options`: what to set in OCS; the command line's own options live elsewhere."""

from __future__ import annotations

from typing import Annotated

import typer


def options(
    profile: Annotated[str | None, typer.Option(help="The cluster; local is the embedded engine.")] = None,
    namespace: Annotated[str | None, typer.Option(help="Namespace of the stream.  [default: default]")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Print the OCS options to paste, with the URI of this cluster and namespace. Nothing is asked of any server."""
    from toolkit.config import load_connection, load_settings  # noqa: PLC0415 - start-up time of every other command
    from toolkit.output import console, ocs_options  # noqa: PLC0415
    from toolkit.uses.options import ocs_options as found  # noqa: PLC0415

    connection = load_connection(None, profile=profile)
    result = found(connection, load_settings(None, namespace=namespace).namespace)
    if as_json:
        console.result_json(result.as_json())
    else:
        console.result(ocs_options.text(result))
