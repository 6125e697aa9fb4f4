"""`ocs-elastic dashboards`: what is in Kibana, compared with the files, brought there, and kept from there."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from toolkit.cli.cluster import connection_and_settings, deployment_of
from toolkit.cli.commands import Commands
from toolkit.cli.options import Adopt, AsJson, Config, Namespace, Overwrite, Profile, Space, Yes
from toolkit.cli.plan import Format, carry_out, report, show
from toolkit.errors import UsageError

if TYPE_CHECKING:
    from toolkit.uses.deployment import Deployment

app = Commands(
    name="dashboards",
    help="Kibana's dashboards: what apply does with them, by itself; and keeping what was changed in Kibana.",
    no_args_is_help=True,
)


@app.command()
def plan(
    *,
    profile: Profile = None,
    namespace: Namespace = None,
    config: Config = None,
    space: Space = None,
    format: Annotated[Format, typer.Option(help="For a terminal, or for a ticket.")] = Format.TEXT,  # noqa: A002
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Show what would change in Kibana. Changes nothing.

    The exit code is 0 if there is nothing to do, 3 if changes are pending or something was changed by hand in
    Kibana, 1 if something stands in the way.
    """
    target = _with_kibana(profile, namespace, config, space, read_only=True, overwrite=overwrite)
    report(target.plan_dashboards(), format, as_json=as_json)


@app.command("import")
def import_(
    *,
    profile: Profile = None,
    namespace: Namespace = None,
    config: Config = None,
    space: Space = None,
    yes: Yes = False,
    adopt: Adopt = False,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Show what would change in Kibana, ask, and do it. A space that is absent is created.

    What was changed by hand in Kibana stays, unless --overwrite is given.
    """
    from toolkit.output.console import result, result_json  # noqa: PLC0415 - start-up time of every other command

    target = _with_kibana(profile, namespace, config, space, read_only=False, overwrite=overwrite)
    found = target.plan_dashboards()
    if not as_json:
        show(found, Format.TEXT)
    carry_out(found, target.import_dashboards, adopt=adopt, yes=yes, quiet=as_json)
    if as_json:
        result_json({**found.as_json(), "dashboards": [{"title": t, "url": u} for t, u in target.addresses]})
        return
    for title, url in target.addresses:
        result(f"{title}: {url}")


@app.command()
def export(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="[NAME]...", help="Dashboards by name.  [default: those that were changed by hand]"),
    ] = None,
    *,
    profile: Profile = None,
    namespace: Namespace = None,
    config: Config = None,
    space: Space = None,
    output: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Where the files go.  [default: frozen_dashboards of the configuration, else dashboards/frozen of a "
            "checkout]",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Keep what was changed by hand in Kibana as files, which go before the toolkit's own until they are deleted.

    The files hold for every namespace and space. Nothing is changed in Kibana.
    """
    from toolkit.output.console import result, result_json, warn  # noqa: PLC0415
    from toolkit.uses.dashboards import freeze, write  # noqa: PLC0415

    target = _with_kibana(profile, namespace, config, space, read_only=True)
    folder = output or _frozen_folder(target.settings.frozen_dashboards)
    frozen = freeze(target, tuple(names or ()))
    if frozen:
        write(frozen, folder)
    if frozen and output is None:
        warn("ocs-elastic dashboards import (or apply) records that these files hold now; delete one, and ours is back")
    if as_json:
        result_json({"folder": str(folder), "files": [{"title": each.title, "file": each.file} for each in frozen]})
        return
    for each in frozen:
        result(f"Wrote {folder / each.file}: '{each.title}'")
    if not frozen:
        result("Nothing was changed by hand; a name exports a dashboard all the same.")


@app.command()
def lint(*, namespace: Namespace = None, config: Config = None, space: Space = None, as_json: AsJson = False) -> None:
    """Check the dashboards as they would be imported. No server is asked.

    The exit code is 1 if something is wrong.
    """
    from toolkit.catalogue import read_catalogue  # noqa: PLC0415
    from toolkit.config import load_settings  # noqa: PLC0415
    from toolkit.dashboards.compile import compile_dashboards, view_fields  # noqa: PLC0415
    from toolkit.dashboards.lint import lint as check  # noqa: PLC0415
    from toolkit.load import configured  # noqa: PLC0415
    from toolkit.output.console import counted, result, result_json  # noqa: PLC0415

    settings = load_settings(config, namespace=namespace)
    catalogue = configured(read_catalogue(), settings)
    objects = compile_dashboards(settings, catalogue, space or "default")
    findings = check(objects, view_fields(catalogue))
    if as_json:
        result_json({"objects": len(objects), "findings": findings})
    else:
        counts = f"{counted(len(objects), 'saved object')}, {counted(len(findings), 'finding')}."
        result("\n".join([*findings, counts]))
    if findings:
        raise typer.Exit(1)


def _with_kibana(
    profile: str | None,
    namespace: str | None,
    config: Path | None,
    space: str | None,
    *,
    read_only: bool,
    overwrite: bool = False,
) -> Deployment:
    """The deployment.

    Raises:
        UsageError: no address of Kibana is known.
    """
    connection, _ = connection_and_settings(profile, namespace, config)
    if connection.embedded:
        raise UsageError("the embedded engine has no Kibana", hint="name a cluster that has one: --profile NAME")
    if connection.kibana_url is None:
        raise UsageError(
            f"{connection.source}: no address of Kibana is known",
            hint="give it: kibana: {url: https://host:5601} in the profile, or KIBANA_URL beside ELASTICSEARCH_URL",
        )
    return deployment_of(profile, namespace, config, read_only=read_only, space=space, overwrite=overwrite)


def _frozen_folder(configured: str | None) -> Path:
    """Where files go that nobody named a folder for.

    Raises:
        UsageError: this is an installed wheel, whose own folders are not the user's.
    """
    from toolkit.dashboards.frozen import frozen_folder  # noqa: PLC0415
    from toolkit.resources import is_checkout  # noqa: PLC0415

    if configured is None and not is_checkout():
        raise UsageError(
            "no folder for the files is named", hint="set frozen_dashboards in ocs-elastic.yml, or give --output FOLDER"
        )
    return frozen_folder(configured)
