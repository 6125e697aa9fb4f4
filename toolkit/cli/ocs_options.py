"""`ocs-elastic options`: what to set in OCS; the command line's own options live elsewhere."""

from __future__ import annotations

from toolkit.cli.cluster import connection_and_settings
from toolkit.cli.options import AsJson, Config, Namespace, Profile


def options(
    *,
    profile: Profile = None,
    namespace: Namespace = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Print the OCS options to paste, with the URI of this cluster and namespace. Nothing is asked of any server."""
    from toolkit.output import console, ocs_options  # noqa: PLC0415
    from toolkit.uses.options import ocs_options as found  # noqa: PLC0415

    connection, settings = connection_and_settings(profile, namespace, config)
    result = found(connection, settings.namespace)
    if as_json:
        console.result_json(result.as_json())
    else:
        console.result(ocs_options.text(result))
