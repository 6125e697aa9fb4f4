"""Whether a cluster may be changed as it is: its nodes are of one version, and no newer toolkit has set it up.

Each question has one sentence here, for everything that asks it: a plan, which shows it as a problem, and commands
that change something without a plan.
"""

from __future__ import annotations

from collections.abc import Iterable

from toolkit.capabilities import Capabilities
from toolkit.client.transport import Transport
from toolkit.errors import UnsafePlanError
from toolkit.kinds import KIND
from toolkit.kinds.base import OURS
from toolkit.kinds.ingest_pipeline import IngestPipeline
from toolkit.model import Body


def mixed(server: Capabilities) -> UnsafePlanError | None:
    """Why a cluster in the middle of an upgrade should not be changed; None: its nodes are of one version.

    What is installed then is what the oldest node can do, and shards do not move from newer nodes to older ones.
    """
    if server.newest == server.version:
        return None
    newest = ".".join(map(str, server.newest))
    return UnsafePlanError(
        f"the cluster's nodes have different versions: the oldest is {server}, the newest {newest}",
        hint="finish the upgrade of all nodes first (ocs-elastic doctor names them); or give --allow-mixed, and plan "
        "and apply again when it is finished",
    )


def refuse_mixed(server: Capabilities, *, allowed: bool) -> None:
    """Make sure that all nodes of a cluster are of one version, unless others are allowed.

    Raises:
        UnsafePlanError: they are not.
    """
    if not allowed and (error := mixed(server)):
        raise error


def newer(marks: Iterable[Body], known: int) -> UnsafePlanError | None:
    """Why a toolkit may not change what carries these marks; None: all of them are of a schema that it knows.

    Args:
        marks: see `Kind.mark_of`; those that are empty say nothing.
        known: the schema of this toolkit's catalogue.
    """
    newest = max(marks, key=_schema, default={})
    if _schema(newest) <= known:
        return None
    which = f"ocs-elastic-toolkit {newest['toolkit_version']} or newer" if "toolkit_version" in newest else "the newer"
    return UnsafePlanError(
        f"the cluster was set up by a newer toolkit: schema {_schema(newest)}, and this one knows {known}",
        hint=f"install {which}; an older one would take fields away",
    )


def newer_toolkit(transport: Transport, known: int) -> UnsafePlanError | None:
    """The same for a cluster, by one request: of its pipelines.

    All namespaces share them, and what they write is what the schema is about.

    Raises:
        UnreachableError, RejectedError: the server does not say.
    """
    kind = KIND[IngestPipeline.name]
    # `description` is where the mark stands on OpenSearch; the scripts, which are long, are left out.
    found = transport.get(kind.url(OURS), params={"filter_path": "*._meta,*.description"}) or {}
    return newer(map(kind.mark_of, kind.unwrap(found).values()), known)


def refuse_newer(transport: Transport, known: int) -> None:
    """Make sure, before something is changed without a plan, that no newer toolkit has set up the cluster.

    Raises:
        UnsafePlanError: one has.
        UnreachableError, RejectedError: the server does not say.
    """
    if error := newer_toolkit(transport, known):
        raise error


def _schema(mark: Body) -> int:
    """A mark's schema; 0 where it has none, or one that somebody else has written."""
    text = str(mark.get("schema", ""))
    return int(text) if text.isdecimal() else 0
