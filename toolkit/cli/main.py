"""The application: puts the command groups together and turns errors into words and exit codes."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from toolkit import __version__
from toolkit.cli import local
from toolkit.cli.demo import demo
from toolkit.cli.init import init
from toolkit.cli.simulate import simulate
from toolkit.errors import ToolkitError

app = typer.Typer(
    name="ocs-elastic",
    help="Makes an Elasticsearch cluster take Genesys OCS campaign group notifications straight from OCS.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,  # its traceback shows local variables, and those may hold secrets
)

app.add_typer(local.app)
app.command()(demo)
app.command()(init)
app.command()(simulate)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"ocs-elastic {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Makes an Elasticsearch cluster take Genesys OCS campaign group notifications straight from OCS."""


def run() -> None:
    """Run a command; every `ToolkitError` ends here as a reason, a hint and its exit code."""
    try:
        app()
    except ToolkitError as error:
        from toolkit.output.console import complain  # noqa: PLC0415

        complain(error)
        sys.exit(error.exit_code)
