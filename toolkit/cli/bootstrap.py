"""`ocs-elastic bootstrap`: from a bare cluster to one that OCS can be pointed at."""

from __future__ import annotations

from toolkit.cli.cluster import connection_and_settings
from toolkit.cli.options import Adopt, Config, Namespace, NoDashboards, Overwrite, Profile, Yes
from toolkit.cli.plan import applied
from toolkit.cli.verify import verify


def bootstrap(
    *,
    profile: Profile = None,
    namespace: Namespace = None,
    config: Config = None,
    yes: Yes = False,
    adopt: Adopt = False,
    overwrite: Overwrite = False,
    no_dashboards: NoDashboards = False,
) -> None:
    """Do everything: show the plan, apply it, verify with one message, and print the options to set in OCS.

    Where Kibana's address is known, the dashboards are part of it, and their addresses are printed.
    It can be run again at any time; what is there already is left as it is.
    """
    from toolkit.output import console, ocs_options  # noqa: PLC0415 - start-up time of every other command
    from toolkit.uses.options import ocs_options as found  # noqa: PLC0415

    target = applied(profile, namespace, config, yes=yes, adopt=adopt, overwrite=overwrite, no_dashboards=no_dashboards)
    console.result("")
    verify(profile=profile, namespace=namespace, config=config)
    console.result("")
    connection, settings = connection_and_settings(profile, namespace, config)
    console.result(ocs_options.text(found(connection, settings.namespace)))
    if target.addresses:
        console.result("\nDashboards:\n" + "\n".join(f"  {title}: {url}" for title, url in target.addresses))
