"""`ocs-elastic bootstrap`: from a bare cluster to one that OCS can be pointed at."""

from __future__ import annotations

from typing import Annotated

import typer

from toolkit.cli.cluster import connection_and_settings
from toolkit.cli.options import Config, Namespace, Profile
from toolkit.cli.plan import apply
from toolkit.cli.verify import verify


def bootstrap(
    *,
    profile: Profile = None,
    namespace: Namespace = None,
    config: Config = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    adopt: Annotated[bool, typer.Option("--adopt", help="Take over what has our names but not our mark.")] = False,
) -> None:
    """Do everything: show the plan, apply it, verify with one message, and print the options to set in OCS.

    It can be run again at any time; what is there already is left as it is.
    """
    from toolkit.output import console, ocs_options  # noqa: PLC0415 - start-up time of every other command
    from toolkit.uses.options import ocs_options as found  # noqa: PLC0415

    apply(profile=profile, namespace=namespace, config=config, yes=yes, adopt=adopt)
    console.result("")
    verify(profile=profile, namespace=namespace, config=config)
    console.result("")
    connection, settings = connection_and_settings(profile, namespace, config)
    console.result(ocs_options.text(found(connection, settings.namespace)))
