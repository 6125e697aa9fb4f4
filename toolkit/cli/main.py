"""The application: puts the command groups together and turns errors into words and exit codes."""

from __future__ import annotations

import io
import sys
from typing import Annotated

import typer

from toolkit import __version__
from toolkit.cli import credentials, dashboards, local
from toolkit.cli.bootstrap import bootstrap
from toolkit.cli.demo import demo
from toolkit.cli.destroy import destroy
from toolkit.cli.doctor import doctor
from toolkit.cli.init import init
from toolkit.cli.listen import listen
from toolkit.cli.ocs_options import options
from toolkit.cli.plan import apply, plan
from toolkit.cli.render import render
from toolkit.cli.report import report
from toolkit.cli.simulate import simulate
from toolkit.cli.status import status
from toolkit.cli.verify import verify
from toolkit.errors import ToolkitError

app = typer.Typer(
    name="ocs-elastic",
    help="Makes an Elasticsearch cluster take Genesys OCS campaign group notifications straight from OCS.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,  # its traceback shows local variables, and those may hold secrets
)

# In the order in which a newcomer needs them, which is that of --help.
_SET_UP = (demo, init, doctor, bootstrap, plan, apply, render, verify, options, listen)
_USE = (status, report, simulate, destroy)
for _command in (*_SET_UP, *_USE):
    app.command()(_command)
app.add_typer(credentials.app)
app.add_typer(dashboards.app)
app.add_typer(local.app)


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
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a name that the terminal cannot write must not end a command
            stream.reconfigure(errors="replace")
    try:
        app()
    except ToolkitError as error:
        from toolkit.output.console import complain  # noqa: PLC0415

        complain(error)
        sys.exit(error.exit_code)
