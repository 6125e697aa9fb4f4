"""Options that several commands share, each with one name and one meaning."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

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
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
