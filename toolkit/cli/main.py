"""The application: puts the command groups together and turns errors into words and exit codes."""

from __future__ import annotations

import contextlib
import signal
import sys
from typing import Annotated

import typer

from toolkit import __version__
from toolkit.cli import credentials, dashboards, failures, local, migrate
from toolkit.cli.bootstrap import bootstrap
from toolkit.cli.commands import Commands
from toolkit.cli.demo import demo
from toolkit.cli.destroy import destroy
from toolkit.cli.doctor import doctor
from toolkit.cli.init import init
from toolkit.cli.listen import listen
from toolkit.cli.monitoring import PluginGroup
from toolkit.cli.ocs_options import options
from toolkit.cli.plan import apply, plan
from toolkit.cli.relabel import relabel
from toolkit.cli.render import render
from toolkit.cli.report import report
from toolkit.cli.simulate import simulate
from toolkit.cli.sizing import sizing
from toolkit.cli.status import status
from toolkit.cli.verify import verify
from toolkit.errors import ToolkitError
from toolkit.signals import terminable

app = Commands(
    name="ocs-elastic",
    cls=PluginGroup,
    help="Makes an Elasticsearch cluster take Genesys OCS campaign group notifications straight from OCS.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,  # its traceback shows local variables, and those may hold secrets
)

_CHANGING = frozenset({"apply", "bootstrap", "dashboards", "destroy", "failures", "migrate", "relabel"})
"""Commands, and groups of them, that may leave a change half made, and that go on with it when they are run again."""
_INTERRUPTED = frozenset(128 + getattr(signal, name, 0) for name in ("SIGINT", "SIGTERM", "SIGHUP"))
_begun: list[str] = []
"""The commands that this process was asked for; one, but for tests."""

# In the order in which a newcomer needs them, which is that of --help.
_SET_UP = (demo, sizing, init, doctor, bootstrap, plan, apply, render, verify, options, listen)
_USE = (status, report, relabel, simulate, destroy)
for _command in (*_SET_UP, *_USE):
    app.command()(_command)
app.add_typer(credentials.app)
app.add_typer(dashboards.app)
app.add_typer(failures.app)
app.add_typer(local.app)
app.add_typer(migrate.app)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"ocs-elastic {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    context: typer.Context,
    version: Annotated[  # noqa: ARG001 - its callback acts
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Makes an Elasticsearch cluster take Genesys OCS campaign group notifications straight from OCS."""
    _begun.append(context.invoked_subcommand or "")


def run() -> None:
    """Run a command; every `ToolkitError` ends here as a reason, a hint and its exit code."""
    from toolkit.output import standard_output  # noqa: PLC0415

    try:
        standard_output.prepare()
        code = _ended()
        standard_output.finish()
    except standard_output.OutputError as error:
        with contextlib.suppress(standard_output.OutputError, BrokenPipeError):
            standard_output.finish()
        code = _complained(error)
    except BrokenPipeError:  # who read it knows that it has gone away
        code = 1
    sys.exit(code)


def _ended() -> int:
    """Run a command; its exit code."""
    from toolkit.output.standard_output import OutputError  # noqa: PLC0415

    try:
        with terminable():
            app()
    except OutputError:
        raise
    except ToolkitError as error:
        return _complained(error)
    except SystemExit as ended:  # Typer ends every command so, and a signal does
        if ended.code in _INTERRUPTED:
            again = "; run it again" if _begun[-1:] and _begun[-1] in _CHANGING else ""
            sys.stderr.write(f"interrupted{again}\n")
        return ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    return 0


def _complained(error: ToolkitError) -> int:
    from toolkit.output.console import complain  # noqa: PLC0415

    complain(error)
    return error.exit_code
