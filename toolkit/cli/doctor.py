"""`ocs-elastic doctor`: what is wrong, why that matters, and what to do about it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import typer

from toolkit.cli.cluster import connection_and_settings
from toolkit.cli.monitoring import Check, Looked, code_of
from toolkit.cli.monitoring import check as monitored
from toolkit.cli.options import AsJson, Config, Namespace, Profile

if TYPE_CHECKING:
    from pathlib import Path

    from toolkit.uses.doctor import Diagnosis


def doctor(
    *,
    profile: Profile = None,
    namespace: Namespace = None,
    config: Config = None,
    check: Check = False,
    as_json: AsJson = False,
) -> None:
    """Look for whatever may be wrong with the cluster, its Kibana and what was installed, and say what to do.

    Connection and certificates, versions, license, clocks, privileges, clashing templates, settings and mappings,
    disk, shards, retention, the transform, dead letters, dashboards. Changes nothing. The exit code is 1 if
    something is critical or could not be checked.
    """
    from toolkit.doctor.finding import Level  # noqa: PLC0415 - start-up time of every other command
    from toolkit.output.console import result_json  # noqa: PLC0415

    if check:
        monitored("DOCTOR", lambda: _as_plugin(diagnosis(profile, namespace, config)), as_json=as_json)
    found = diagnosis(profile, namespace, config)
    if as_json:
        result_json(found.as_json())
    else:
        show(found)
    if {Level.CRITICAL, Level.UNKNOWN} & found.counts.keys():
        raise typer.Exit(1)


def diagnosis(
    profile: str | None, namespace: str | None, config: Path | None, *, no_dashboards: bool = False
) -> Diagnosis:
    """What the checks say; nothing is printed."""
    from toolkit.uses.doctor import doctor as look  # noqa: PLC0415

    connection, settings = connection_and_settings(profile, namespace, config)
    return look(replace(connection, kibana_url=None) if no_dashboards else connection, settings)


def show(found: Diagnosis, *, with_ok: bool = True) -> None:
    """Print it for people, with or without what is well."""
    from toolkit.output import doctor as output  # noqa: PLC0415
    from toolkit.output.console import result  # noqa: PLC0415

    result(output.text(found, with_ok=with_ok))


def _as_plugin(found: Diagnosis) -> Looked:
    from toolkit.output.doctor import summary  # noqa: PLC0415

    return Looked(code_of(found.worst), summary(found), found.as_json())
