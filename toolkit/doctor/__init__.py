"""What may be wrong with a cluster, its Kibana and what was installed there; one file a group of checks. Reads only.

A check is a function from `Facts` (what was asked) to `Finding`s (how bad, what, why, what to do). It says what is well
too, so that whoever reads knows that it was looked at. To add one, write it and put it into `CHECKS`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial

from toolkit.config import Connection
from toolkit.doctor import (
    blocks,
    capacity,
    connection,
    credential,
    failures,
    kibana,
    lifecycle,
    resources,
    server,
    transforms,
)
from toolkit.doctor.facts import Facts
from toolkit.doctor.finding import Finding, Level
from toolkit.errors import ToolkitError
from toolkit.live import at_once

Check = Callable[[Facts], Iterable[Finding]]

OF_CONNECTION: tuple[Callable[[Connection], Iterable[Finding]], ...] = (connection.hosts, connection.tls)
"""These need no cluster that answers."""

CHECKS: tuple[Check, ...] = (
    server.versions,
    server.license,
    server.features,
    server.roles,
    server.clocks,
    credential.privileges,
    resources.clashes,
    resources.installed,
    blocks.blocks,
    resources.fields,
    capacity.disk,
    capacity.shards,
    capacity.replicas,
    lifecycle.ilm,
    transforms.transform,
    failures.dead_letters,
    failures.failure_store,
    kibana.kibana,
    kibana.dashboards,
)
"""Every other check, in the order in which people read of them."""


def look_at_connection(where: Connection) -> list[Finding]:
    """What can be said of the way to a cluster."""
    return _together([partial(_made, check.__name__, partial(check, where)) for check in OF_CONNECTION])


def look_at_cluster(facts: Facts, checks: Sequence[Check] = CHECKS) -> list[Finding]:
    """What all checks say, made at once; one that cannot be made says that instead."""
    return _together([partial(_made, check.__name__, partial(check, facts)) for check in checks])


def _together(checks: Sequence[Callable[[], list[Finding]]]) -> list[Finding]:
    return [finding for found in at_once(lambda check: check(), checks) for finding in found]


def _made(name: str, check: Callable[[], Iterable[Finding]]) -> list[Finding]:
    """A check's findings: those until it could not go on, and why."""
    label, found = name.replace("_", " "), []
    try:
        for finding in check():
            found.append(finding)
    except ToolkitError as error:
        found.append(unchecked(label, error))
    except Exception as error:  # a server that answers otherwise than any other must not hide the rest
        what = f"the server's answer was not understood ({type(error).__name__}: {error})"
        found.append(
            Finding(Level.UNKNOWN, label, what, _NOT_CHECKED, "this is a bug of ocs-elastic: please report it")
        )
    return found


def unchecked(name: str, error: ToolkitError) -> Finding:
    """The finding that a check could not be made."""
    return Finding(Level.UNKNOWN, name, f"could not be checked: {error.reason}", _NOT_CHECKED, error.hint or "")


_NOT_CHECKED = "Whether all is well here, nobody knows."
