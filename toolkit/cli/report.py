"""`ocs-elastic report`: what the campaign groups did, as a page to look at, mail and print."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from toolkit.cli.cluster import connection_and_settings
from toolkit.cli.options import AsJson, Config, Namespace, Profile
from toolkit.errors import UsageError


def report(
    *,
    profile: Profile = None,
    namespace: Namespace = None,
    config: Config = None,
    output: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Write the page to this file; - is standard output.  [default: report.html]"),
    ] = None,
    last: Annotated[
        str | None,
        typer.Option(metavar="LENGTH", help="How far back: a number and m, h, d or w.  [default: 24h]"),
    ] = None,
    start: Annotated[
        str | None,
        typer.Option("--from", metavar="TIME", help="Start, instead of --last: ISO 8601, in the timezone."),
    ] = None,
    end: Annotated[
        str | None, typer.Option("--to", metavar="TIME", help="End: ISO 8601, in the timezone.  [default: now]")
    ] = None,
    timezone: Annotated[
        str, typer.Option(metavar="NAME", help="Timezone of all times, by its IANA name, such as Europe/Berlin.")
    ] = "UTC",
    as_json: AsJson = False,
) -> None:
    """Write a report: each campaign group's state, the states' timeline, who changed what, dead letters.

    One HTML file without scripts, which can be mailed and printed. It is drawn by vl-convert-python, which
    `pip install 'ocs-elastic-toolkit[report]'` brings; --json prints the same facts without it. Nothing is written
    to the cluster.
    """
    from toolkit.client.connect import connect  # noqa: PLC0415 - start-up time of every other command
    from toolkit.output import console  # noqa: PLC0415
    from toolkit.report.file import check_place, write  # noqa: PLC0415
    from toolkit.report.page import page, require_renderer  # noqa: PLC0415
    from toolkit.uses.report import collect  # noqa: PLC0415
    from toolkit.uses.window import timezone as zone_of  # noqa: PLC0415
    from toolkit.uses.window import window  # noqa: PLC0415

    if as_json and output is not None:
        raise UsageError("--json and --output exclude each other", hint="--json prints to standard output")
    now = datetime.now(UTC)
    asked = window(zone=zone_of(timezone), now=now, start=start, end=end, last=last)
    place = "report.html" if output is None else output
    if not as_json:
        require_renderer()
        check_place(place)
    connection, settings = connection_and_settings(profile, namespace, config)
    found = collect(connect(connection, read_only=True), settings, asked)
    if as_json:
        console.result_json(found.as_json())
    else:
        written = write(page(found, now), place)
        if written:
            console.result(f"wrote {written}")
