"""Which cluster and which namespace a command is about: from its flags, the environment and the configuration."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from toolkit.config import Connection, OcsAccess, Settings
    from toolkit.uses.deployment import Deployment


def connection_and_settings(
    profile: str | None, namespace: str | None, config: Path | None
) -> tuple[Connection, Settings]:
    """Where, as whom, and with which settings; warnings go to standard error.

    Raises:
        ConfigurationError: no cluster is named, or a value cannot be used.
    """
    from toolkit.config import load_connection, load_settings  # noqa: PLC0415 - start-up time

    settings = load_settings(config, namespace=namespace, profile=profile)
    connection = load_connection(config, profile=profile)
    for warning in connection.warnings:
        _warn_once(warning)
    return connection, settings


def ocs_access(connection: Connection, profile: str | None, config: Path | None, **options: str | None) -> OcsAccess:
    """How OCS reaches the cluster, by the options of that name, the environment and the profile; warns as above.

    Raises:
        ConfigurationError: a value cannot be used.
    """
    from toolkit.config import load_ocs_access  # noqa: PLC0415

    given = {name: value for name, value in options.items() if value is not None}
    access = load_ocs_access(config, profile=profile, connection=connection, options=given)
    for warning in access.warnings:
        _warn_once(warning)
    return access


@cache
def _warn_once(warning: str) -> None:
    """A command that consists of others asks more than once."""
    from toolkit.output.console import warn  # noqa: PLC0415

    warn(warning)


def deployment_of(
    profile: str | None,
    namespace: str | None,
    config: Path | None,
    *,
    read_only: bool = False,
    space: str | None = None,
    overwrite: bool = False,
    no_dashboards: bool = False,
    allow_mixed: bool = False,
    older_indices: bool = False,
) -> Deployment:
    """The namespace of the cluster, connected; what it may not do it cannot, if it only reads."""
    from toolkit.output.console import TerminalProgress  # noqa: PLC0415
    from toolkit.uses.deployment import deployment  # noqa: PLC0415

    connection, settings = connection_and_settings(profile, namespace, config)
    options = {
        "read_only": read_only,
        "overwrite": overwrite,
        "without_dashboards": no_dashboards,
        "allow_mixed": allow_mixed,
        "older_indices": older_indices,
    }
    return deployment(connection, settings, space=space, progress=TerminalProgress(), **options)
