"""`ocs-elastic bootstrap`: from a bare cluster to one that OCS can be pointed at."""

from __future__ import annotations

from typing import Annotated

import typer

from toolkit.cli.plan import Namespace, Profile, apply
from toolkit.cli.verify import verify


def bootstrap(
    *,
    profile: Profile = None,
    namespace: Namespace = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    adopt: Annotated[bool, typer.Option("--adopt", help="Take over what has our names but not our mark.")] = False,
) -> None:
    """Do everything: show the plan, apply it, verify with one message, and print the options to set in OCS.

    It can be run again at any time; what is there already is left as it is.
    """
    from toolkit.config import load_connection, load_settings  # noqa: PLC0415 - start-up time of every other command
    from toolkit.output import console, ocs_options  # noqa: PLC0415
    from toolkit.uses.options import ocs_options as found  # noqa: PLC0415

    apply(profile=profile, namespace=namespace, yes=yes, adopt=adopt)
    console.result("")
    verify(profile=profile, namespace=namespace)
    console.result("")
    connection = load_connection(None, profile=profile)
    console.result(ocs_options.text(found(connection, load_settings(None, namespace=namespace).namespace)))
