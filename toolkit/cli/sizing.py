"""`ocs-elastic sizing`: what a number of campaign groups needs of a cluster."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from toolkit.cli.cluster import connection_and_settings
from toolkit.cli.options import AsJson, Config, Namespace, Profile
from toolkit.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from toolkit.capabilities import Capabilities
    from toolkit.config import Settings
    from toolkit.sizing import Seen


class IndexMode(StrEnum):
    """How documents are stored."""

    STANDARD = "standard"
    LOGSDB = "logsdb"


_CONFIGURED = "  [default: the configured one]"


def sizing(
    *,
    groups: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="N",
            help="Active campaign groups: those that send periodic messages. Needed, but with --measure.",
        ),
    ] = None,
    interval: Annotated[
        int | None,
        typer.Option(
            metavar="SECONDS",
            help=f"Between two messages of one: OCS's campaigngroup-states-interval.{_CONFIGURED}",
        ),
    ] = None,
    retention_days: Annotated[
        int | None, typer.Option(metavar="DAYS", help=f"The greatest age of a document.{_CONFIGURED}")
    ] = None,
    shards: Annotated[
        int | None, typer.Option(metavar="N", help=f"Primary shards of each index of the stream.{_CONFIGURED}")
    ] = None,
    replicas: Annotated[
        str | None,
        typer.Option(metavar="N", help=f"Copies of each shard; of a range such as 0-1 the most.{_CONFIGURED}"),
    ] = None,
    rollover_size: Annotated[
        str | None,
        typer.Option(metavar="SIZE", help=f"The greatest size of a primary shard, such as 25gb.{_CONFIGURED}"),
    ] = None,
    index_mode: Annotated[
        IndexMode | None,
        typer.Option(
            help="How documents are stored.  [default: the configured one; where that is auto, what --server has, else "
            "standard]",
        ),
    ] = None,
    server: Annotated[
        str | None,
        typer.Option(
            metavar="VERSION",
            help="Elasticsearch version, such as 8.17.2, which decides on the index mode.",
        ),
    ] = None,
    measure: Annotated[
        bool,
        typer.Option(
            "--measure",
            help="Ask the cluster: its version, the active campaign groups of the last 24 hours, and the bytes that a "
            "document takes in its stream, from 10,000 documents on. Nothing is written.",
        ),
    ] = False,
    profile: Profile = None,
    namespace: Namespace = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Reckon what campaign groups come to: messages, documents, disks, indices, shards, nodes and CPU.

    From the configured settings and from what a message was measured to take; the figures are the most that there will
    be, if every group is active all day. Below them stands which settings to change, to what, and why. Without
    --measure no server is asked.
    """
    from toolkit.output import console  # noqa: PLC0415 - start-up time of every other command
    from toolkit.output import sizing as output  # noqa: PLC0415
    from toolkit.uses import sizing as use  # noqa: PLC0415

    if measure and server is not None:
        raise UsageError("--measure and --server exclude each other", hint="the cluster says its version itself")
    flags = {
        "interval_s": interval,
        "retention_days": retention_days,
        "shards": shards,
        "replicas": replicas,
        "rollover_size": rollover_size,
        "index_mode": index_mode.value if index_mode else None,
    }
    asked = _of_cluster if measure else _of_files
    settings, target, seen = asked(profile, namespace, config, server)
    found = use.sizing(use.with_flags(settings, flags), groups=groups, server=target, seen=seen)
    if target is None and index_mode is None and settings.index_mode == "auto":
        console.warn(
            "index_mode is auto, and no --server says what that will be: reckoned as standard, which takes more"
        )
    if as_json:
        console.result_json(found.as_json())
    else:
        console.result(output.text(found))


Asked = tuple["Settings", "Capabilities | None", "Seen | None"]


def _of_files(profile: str | None, namespace: str | None, config: Path | None, server: str | None) -> Asked:
    """What the configuration says, and what a server of that version can do."""
    from toolkit.config import load_settings  # noqa: PLC0415
    from toolkit.uses.render import server_of_version  # noqa: PLC0415

    settings = load_settings(config, namespace=namespace, profile=profile)
    return settings, server_of_version(server) if server else None, None


def _of_cluster(profile: str | None, namespace: str | None, config: Path | None, _: str | None) -> Asked:
    """The same of a cluster, and what its stream is like."""
    from toolkit.client.connect import capabilities, connect  # noqa: PLC0415
    from toolkit.uses.sizing import look  # noqa: PLC0415

    connection, settings = connection_and_settings(profile, namespace, config)
    transport = connect(connection, read_only=True)
    return settings, capabilities(transport), look(transport, settings)
