"""`ocs-elastic --help` is quick: what a command needs is imported when it runs."""

from __future__ import annotations

import subprocess
import sys

import pytest

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


def imported_by(statement: str) -> set[str]:
    code = f"import sys\n{statement}\nprint(*sys.modules)"
    return set(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split())


def test_the_command_line_imports_nothing_heavy() -> None:
    assert not imported_by("import toolkit.cli.main") & {*HEAVY}


@pytest.mark.parametrize("room", ["toolkit.client.connect", "toolkit.client.guard", "toolkit.config"])
def test_the_client_is_imported_when_it_connects(room: str) -> None:
    assert not imported_by(f"import {room}") & {"elasticsearch", "elastic_transport", "truststore", "urllib3"}
