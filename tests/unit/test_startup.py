"""`ocs-elastic --help` is quick: what a command needs is imported when it runs."""

from __future__ import annotations

import subprocess
import sys

import pytest
import typer.core
import typer.main

from toolkit.cli.main import app

HEAVY = (
    "elasticsearch",
    "elastic_transport",
    "jinja2",
    "pooch",
    "requests",
    "rich",
    "truststore",
    "urllib3",
    "vl_convert",
    "yaml",
)


LIGHT = {
    "toolkit",
    "toolkit.credential_kind",
    "toolkit.errors",
    "toolkit.ocs",
    "toolkit.ocs.choices",
    "toolkit.signals",
}
"""What the command line needs of the rooms below it, before it knows which command it is."""


def imported_by(statement: str) -> set[str]:
    code = f"import sys\n{statement}\nprint(*sys.modules)"
    return set(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split())


def test_the_command_line_imports_nothing_heavy() -> None:
    assert not imported_by("import toolkit.cli.main") & {*HEAVY}


def test_the_command_line_imports_hardly_any_other_room() -> None:
    """One enumeration out of `toolkit.credentials` brought all kinds of resources and the transport with it."""
    ours = {name for name in imported_by("import toolkit.cli.main") if name.partition(".")[0] == "toolkit"}
    assert {name for name in ours if not name.startswith("toolkit.cli")} == LIGHT


def test_help_reads_the_options_of_no_command() -> None:
    """Typer reads those of all, which took longer than everything else that is ours."""
    root = typer.main.get_command(app)
    assert isinstance(root, typer.core.TyperGroup)
    root.get_help(typer.Context(root))
    assert not [name for name, command in root.commands.items() if _options_are_read(command)]
    plan = root.commands["plan"]
    assert ("--profile" in [option for param in plan.params for option in param.opts], _options_are_read(plan)) == (
        True,
        True,
    )


def _options_are_read(command: object) -> bool:
    """Whether what makes them has run; a group has none but `--help`."""
    return "params" in vars(command) and not isinstance(command, typer.core.TyperGroup)


@pytest.mark.parametrize("room", ["toolkit.client.connect", "toolkit.client.guard", "toolkit.config"])
def test_the_client_is_imported_when_it_connects(room: str) -> None:
    assert not imported_by(f"import {room}") & {"elasticsearch", "elastic_transport", "truststore", "urllib3"}
