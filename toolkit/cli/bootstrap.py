"""`ocs-elastic bootstrap`: from a bare cluster to one that OCS can be pointed at."""

from __future__ import annotations

from pathlib import Path

from toolkit.cli.cluster import connection_and_settings
from toolkit.cli.doctor import diagnosis, show
from toolkit.cli.options import Adopt, Config, Namespace, NoDashboards, Overwrite, Profile, Yes
from toolkit.cli.plan import applied
from toolkit.cli.verify import verify
from toolkit.errors import ToolkitError


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
    """Do everything: look for what is wrong, show the plan, apply it, verify, and print the options to set in OCS.

    Something critical ends it before anything is changed; `verify` sends one message.
    Where Kibana's address is known, the dashboards are part of it, and their addresses are printed.
    It can be run again at any time; what is there already is left as it is.
    """
    from toolkit.output import console, ocs_options  # noqa: PLC0415 - start-up time of every other command
    from toolkit.uses.options import ocs_options as found  # noqa: PLC0415

    _examine(profile, namespace, config, no_dashboards=no_dashboards)
    target = applied(profile, namespace, config, yes=yes, adopt=adopt, overwrite=overwrite, no_dashboards=no_dashboards)
    console.result("")
    verify(profile=profile, namespace=namespace, config=config)
    console.result("")
    connection, settings = connection_and_settings(profile, namespace, config)
    console.result(ocs_options.text(found(connection, settings)))
    if target.addresses:
        console.result("\nDashboards:\n" + "\n".join(f"  {title}: {url}" for title, url in target.addresses))


def _examine(profile: str | None, namespace: str | None, config: Path | None, *, no_dashboards: bool) -> None:
    """Show what doctor finds.

    Raises:
        ToolkitError: something has to be put right first.
    """
    from toolkit.output.console import result  # noqa: PLC0415

    found = diagnosis(profile, namespace, config, no_dashboards=no_dashboards)
    show(found, with_ok=False)
    result("")
    if found.blocking:
        raise ToolkitError(
            f"{len(found.blocking)} critical findings, so nothing was changed",
            hint="do what they say, then run this again; ocs-elastic doctor looks again",
        )
