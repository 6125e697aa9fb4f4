"""Desired resources to a cluster, in order: each kind after those that it depends on.

For a cluster of the toolkit's own, such as the embedded engine: nothing is asked about what is there already.
"""

from __future__ import annotations

from collections.abc import Iterable

from toolkit.client.transport import Transport
from toolkit.errors import RejectedError
from toolkit.kinds import KIND, KINDS
from toolkit.model import SILENT, Progress, Resource


def install(transport: Transport, resources: Iterable[Resource], *, progress: Progress = SILENT) -> None:
    """Write every resource.

    Raises:
        RejectedError: the server refused one; those before it are written.
        UnreachableError: the server does not answer.
    """
    for resource in resources:
        progress.say(f"installing {resource}")
        try:
            KIND[resource.kind].write(transport, resource)
        except RejectedError as error:
            raise RejectedError(f"{resource} ({resource.source}): {error.reason}", hint=error.hint) from error


def remove(transport: Transport, resources: Iterable[Resource]) -> None:
    """Delete every resource, data included, in the opposite order."""
    order = {kind.name: position for position, kind in enumerate(KINDS)}
    for resource in sorted(resources, key=lambda r: order[r.kind], reverse=True):
        KIND[resource.kind].delete(transport, resource.name)
