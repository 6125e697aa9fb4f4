"""`ocs-elastic options`: what to set in OCS; the command line's own options live elsewhere."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from toolkit.cli.cluster import connection_and_settings
from toolkit.cli.options import AsJson, Config, Namespace, Profile
from toolkit.errors import UsageError


class Form(StrEnum):
    """What is printed."""

    TEXT = "text"
    NGINX = "nginx"


def options(
    *,
    profile: Profile = None,
    namespace: Namespace = None,
    config: Config = None,
    output_format: Annotated[
        Form,
        typer.Option(
            "--format",
            help="text: the options, and each way for OCS to prove itself. nginx: the configuration of a proxy that "
            "does it for OCS; no secret is in it.",
        ),
    ] = Form.TEXT,
    as_json: AsJson = False,
) -> None:
    """Print the OCS options to paste, with the URI of this cluster and namespace. Nothing is asked of any server."""
    from toolkit.config import load_ocs_uri  # noqa: PLC0415
    from toolkit.output import console, ocs_options  # noqa: PLC0415
    from toolkit.uses.nginx import nginx_configuration  # noqa: PLC0415
    from toolkit.uses.options import ocs_options as found  # noqa: PLC0415

    connection, settings = connection_and_settings(profile, namespace, config)
    if output_format is Form.NGINX:
        if as_json:
            raise UsageError("--format nginx and --json exclude each other")
        console.result(nginx_configuration(connection, settings.namespace))
        return
    result = found(connection, settings, uri=load_ocs_uri(config, profile=profile))
    if as_json:
        console.result_json(result.as_json())
    else:
        console.result(ocs_options.text(result))
