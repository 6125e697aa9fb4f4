"""`ocs-elastic bootstrap`: from a bare cluster to one that OCS can be pointed at."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from toolkit.cli.cluster import connection_and_settings, deployment_of, ocs_access
from toolkit.cli.credentials import show_secret, warn_of_rights
from toolkit.cli.doctor import diagnosis, show
from toolkit.cli.options import Adopt, AllowMixed, Config, Namespace, NoDashboards, Overwrite, Profile, Yes
from toolkit.cli.plan import applied
from toolkit.cli.verify import verified
from toolkit.credential_kind import CredentialKind
from toolkit.errors import ToolkitError, UsageError

if TYPE_CHECKING:
    from toolkit.config import Connection, OcsAccess, Settings
    from toolkit.uses.credentials import Deliver
    from toolkit.uses.deployment import Deployment


def bootstrap(
    *,
    profile: Profile = None,
    namespace: Namespace = None,
    config: Config = None,
    yes: Yes = False,
    adopt: Adopt = False,
    overwrite: Overwrite = False,
    no_dashboards: NoDashboards = False,
    allow_mixed: AllowMixed = False,
    no_credentials: Annotated[
        bool, typer.Option("--no-credentials", help="Make no credential for OCS, even if it has none.")
    ] = False,
    credential_output: Annotated[
        Path | None,
        typer.Option(
            "--credential-output",
            metavar="FILE",
            help="Write the password of OCS's user into this new file, which only you can read, and do not show it. "
            "Where OCS has its credential already: the file that holds its secret.",
        ),
    ] = None,
) -> None:
    """Do everything: look for what is wrong, show the plan, apply it, verify, and print the options to set in OCS.

    Something critical ends it before anything is changed; `verify` sends two messages.
    Where security is on and an administrator runs it by user and password, it makes OCS's user if the namespace has
    no credential yet, shows its password once, and verifies with it.
    Where Kibana's address is known, the dashboards are part of it, and their addresses are printed.
    It can be run again at any time; what is there already is left as it is.
    """
    from toolkit.output import console  # noqa: PLC0415 - start-up time of every other command
    from toolkit.uses.access import ocs_target  # noqa: PLC0415

    if no_credentials and credential_output:
        raise UsageError("--no-credentials and --credential-output exclude each other")
    connection, settings = connection_and_settings(profile, namespace, config)
    access = ocs_access(connection, profile, config)
    ocs_target(connection, access, settings.namespace)  # what is wrong with it must not come up half-way
    _examine(profile, namespace, config, no_dashboards=no_dashboards)
    before = deployment_of(profile, namespace, config, read_only=True, no_dashboards=True)
    obstacle = _obstacle(before, access, left_out=no_credentials)
    with _delivery(credential_output if obstacle is None else None, connection, settings, access) as deliver:
        target = applied(
            profile,
            namespace,
            config,
            yes=yes,
            adopt=adopt,
            overwrite=overwrite,
            no_dashboards=no_dashboards,
            allow_mixed=allow_mixed,
        )
        if obstacle is None:
            access, said = _made(target, deliver, connection, access, credential_output)
        else:
            access, said = _not_made(before, obstacle, connection, access, credential_output)
    console.result(f"\n{said}\n")
    verified(connection, settings, access)
    _finish(connection, settings, access, said, target)


def _examine(profile: str | None, namespace: str | None, config: Path | None, *, no_dashboards: bool) -> None:
    """Show what doctor finds.

    Raises:
        ToolkitError: something has to be put right first.
    """
    from toolkit.output.console import result  # noqa: PLC0415

    found = diagnosis(profile, namespace, config, no_dashboards=no_dashboards)
    show(found, with_ok=False)
    result("")
    if found.blocking:
        raise ToolkitError(
            f"{len(found.blocking)} critical findings, so nothing was changed",
            hint="do what they say, then run this again; ocs-elastic doctor looks again",
        )


def _obstacle(before: Deployment, access: OcsAccess, *, left_out: bool) -> ToolkitError | None:
    """Why no credential is made for OCS; None: one is, once everything else is there, and that was said."""
    from toolkit.output.console import result  # noqa: PLC0415
    from toolkit.uses.credentials import obstacle  # noqa: PLC0415

    if left_out:
        return ToolkitError("left out by --no-credentials", hint="ocs-elastic credentials create")
    if access.own:
        return ToolkitError(f"its own is given: {access.own.source}")
    found = obstacle(before)
    if found is None:
        result(f"OCS has no credential in namespace '{before.settings.namespace}': a user will be made for it.\n")
    return found


@contextmanager
def _delivery(file: Path | None, connection: Connection, settings: Settings, access: OcsAccess) -> Iterator[Deliver]:
    """What brings a secret to whoever runs the command: into a file, which is there from now on, or by showing it."""
    from toolkit.config.secret import new_secret_file  # noqa: PLC0415
    from toolkit.uses.options import posted_to  # noqa: PLC0415

    if file is None:
        uri = access.uri or posted_to(connection, settings.namespace)
        yield lambda made: show_secret(made, uri, as_json=False)
        return
    with new_secret_file(file) as write:
        yield lambda made: write(made.secret)


def _made(
    target: Deployment, deliver: Deliver, connection: Connection, access: OcsAccess, file: Path | None
) -> tuple[OcsAccess, str]:
    """Make OCS's user: how OCS gets in from now on, and where its secret is."""
    from toolkit.uses.access import with_credential  # noqa: PLC0415
    from toolkit.uses.credentials import create  # noqa: PLC0415

    made = create(target, CredentialKind.USER, deliver)
    if file:
        warn_of_rights(file)
    where = f"its password is in {file}" if file else "its password was shown above, this once"
    access = with_credential(connection, access, made.credential, made.secret)
    return access, f"OCS's credential: {made.credential}; {where}."


def _not_made(
    before: Deployment, obstacle: ToolkitError, connection: Connection, access: OcsAccess, file: Path | None
) -> tuple[OcsAccess, str]:
    """How OCS gets in, as far as that is known, and why no credential was made for it."""
    from toolkit.config.secret import read_secret  # noqa: PLC0415
    from toolkit.uses.access import with_credential  # noqa: PLC0415
    from toolkit.uses.credentials import only_one  # noqa: PLC0415

    said = f"No credential was made for OCS: {obstacle.reason}" + (f"\n  {obstacle.hint}" if obstacle.hint else "")
    if access.own or file is None or not file.exists() or (there := only_one(before)) is None:
        return access, said
    access = with_credential(connection, access, there, read_secret(file, "--credential-output"))
    return access, f"OCS's credential: {there}, made before; its secret is taken from {file}."


def _finish(connection: Connection, settings: Settings, access: OcsAccess, said: str, target: Deployment) -> None:
    """Print what is to be set in OCS, with the place of its credential's secret, and where to look at the rest."""
    from toolkit.output import ocs_options  # noqa: PLC0415
    from toolkit.output.console import result  # noqa: PLC0415
    from toolkit.uses.options import ocs_options as found  # noqa: PLC0415

    result("")
    result(ocs_options.text(found(connection, settings, uri=access.uri)))
    result(f"\n{said}")
    if target.addresses:
        result("\nDashboards:\n" + "\n".join(f"  {title}: {url}" for title, url in target.addresses))
