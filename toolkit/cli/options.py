"""Options that several commands share, each with one name and one meaning."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from toolkit.errors import UsageError

Config = Annotated[
    Path | None,
    typer.Option(
        "--config",
        metavar="FILE",
        help="The configuration file.  [default: $OCS_ELASTIC_CONFIG, else ocs-elastic.yml if there is one]",
    ),
]
Profile = Annotated[
    str | None,
    typer.Option(
        "--profile",
        metavar="NAME",
        help="The cluster: a profile of the configuration file; local is the embedded engine.  "
        "[default: $OCS_ELASTIC_PROFILE, else $ELASTICSEARCH_URL]",
    ),
]
Namespace = Annotated[
    str | None,
    typer.Option(
        "--namespace", metavar="NAME", help="Namespace of streams and dashboards.  [default: the configured one]"
    ),
]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
Adopt = Annotated[bool, typer.Option("--adopt", help="Take over what has our names but not our mark.")]
Overwrite = Annotated[
    bool, typer.Option("--overwrite", help="Discard what was changed by hand in Kibana; otherwise it stays.")
]
NoDashboards = Annotated[
    bool, typer.Option("--no-dashboards", help="Leave Kibana out: only Elasticsearch is asked and changed.")
]
AllowMixed = Annotated[
    bool,
    typer.Option("--allow-mixed", help="Go on although nodes have different versions, as in the middle of an upgrade."),
]
RATE = 2000
"""Documents a second, unless another rate is asked for: a cluster takes far more, and OCS's messages come first."""
Rate = Annotated[
    int, typer.Option(min=0, metavar="N", help="Documents a second at most; 0: as many as the cluster can.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


def _space(value: str | None) -> str | None:
    from toolkit.config.keys import is_space  # noqa: PLC0415 - start-up time

    if value is not None and not is_space(value):
        raise UsageError(f"--space {value}: no id of a space", hint="it is 1 to 64 of a-z, 0-9, '_' and '-'")
    return value


Space = Annotated[
    str | None,
    typer.Option(
        "--space",
        metavar="ID",
        callback=_space,
        help="The space of Kibana.  [default: the profile's, else $KIBANA_SPACE, else default]",
    ),
]

OcsUri = Annotated[
    str | None,
    typer.Option(
        "--ocs-uri",
        metavar="URI",
        help="What OCS posts to, its campaigngroup-states-uri, where that is not the cluster's own address.  "
        "[default: $OCS_ELASTIC_OCS_URI, else the profile's ocs_uri]",
    ),
]
OcsCaFile = Annotated[
    str | None, typer.Option("--ocs-ca-file", metavar="FILE", help="Certificates (PEM) to trust at that URI.")
]
OcsUsername = Annotated[
    str | None,
    typer.Option(
        "--ocs-username",
        metavar="NAME",
        help="OCS's own user.  [default: $OCS_ELASTIC_OCS_USERNAME, with $OCS_ELASTIC_OCS_PASSWORD]",
    ),
]
OcsPasswordFile = Annotated[
    str | None,
    typer.Option("--ocs-password-file", metavar="FILE", help="File that holds its password and nothing else."),
]
OcsApiKeyFile = Annotated[
    str | None,
    typer.Option(
        "--ocs-api-key-file",
        metavar="FILE",
        help="In their place: file that holds OCS's own API key.  [default: $OCS_ELASTIC_OCS_API_KEY]",
    ),
]
