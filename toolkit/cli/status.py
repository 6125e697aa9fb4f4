"""`ocs-elastic status`: what the campaign groups are doing now, whether OCS is still heard of, and is understood."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from toolkit.cli.cluster import connection_and_settings
from toolkit.cli.monitoring import Check, Looked, code_of
from toolkit.cli.monitoring import check as monitored
from toolkit.cli.options import AsJson, Config, Namespace, Profile

if TYPE_CHECKING:
    from collections.abc import Callable

    from toolkit.uses.health import Health

_Answer = TypeVar("_Answer")


def status(
    *,
    profile: Profile = None,
    namespace: Namespace = None,
    config: Config = None,
    since: Annotated[
        str,
        typer.Option(
            metavar="TIME",
            help="From when on dead letters, failures and unknown codes count: a length of time back from now, a "
            "number and m, h, d or w, or ISO 8601, UTC unless it says otherwise.",
        ),
    ] = "24h",
    threshold: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=WARNING,CRITICAL",
            help="More of it than so many is a warning, or critical; none: never. NAME: silence (seconds), "
            "stale_groups, dead_letters, failures, unknown_codes. May be given again.  [default: the configured ones]",
        ),
    ] = None,
    check: Check = False,
    as_json: AsJson = False,
) -> None:
    """Show what is wrong with the feed, each campaign group's state, and when OCS was last heard of.

    Wrong is: nothing from OCS at all, an active campaign group that is silent, messages that could not be understood.
    Nothing is written. A message can be seen here as soon as the stream was refreshed: after 5 seconds, by default.
    """
    from toolkit.client.connect import connect  # noqa: PLC0415 - start-up time of every other command
    from toolkit.output import console  # noqa: PLC0415
    from toolkit.output import status as output  # noqa: PLC0415
    from toolkit.uses import status as use  # noqa: PLC0415
    from toolkit.uses.thresholds import thresholds  # noqa: PLC0415
    from toolkit.uses.window import since as since_when  # noqa: PLC0415

    def ask(question: Callable[..., _Answer]) -> _Answer:
        start = since_when(since)
        connection, settings = connection_and_settings(profile, namespace, config)
        limits = thresholds(settings, threshold or ())
        return question(connect(connection, read_only=True), settings, since=start, limits=limits)

    if check:
        monitored("STATUS", lambda: _as_plugin(ask(use.health)), as_json=as_json)
    found = ask(use.status)
    if as_json:
        console.result_json(found.as_json())
    else:
        console.result(output.text(found))


def _as_plugin(health: Health) -> Looked:
    from toolkit.output.status import figures, line  # noqa: PLC0415

    return Looked(code_of(health.worst), line(health), health.as_json(), figures(health))
