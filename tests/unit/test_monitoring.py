"""What Nagios is told where a plugin's command line is wrong."""

from __future__ import annotations

import json

import pytest

from tests.unit.commands import Command, command


@pytest.fixture(name="run")
def _run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    return command(monkeypatch, capsys)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("doctor --check --bogus", "DOCTOR UNKNOWN: No such option: --bogus"),
        ("--bogus doctor --check", "DOCTOR UNKNOWN: No such option: --bogus"),
        ("doctor extra --check", "DOCTOR UNKNOWN: Got unexpected extra argument"),
        ("doctor --check --profile", "DOCTOR UNKNOWN: Option '--profile' requires an argument."),
        ("docter --check", "DOCTER UNKNOWN: No such command 'docter'"),
    ],
)
def test_a_command_line_that_cannot_be_understood_is_unknown_under_check(
    run: Command, arguments: str, said: str
) -> None:
    """Its own exit code, 2, is critical to Nagios."""
    ran = run(*arguments.split())
    assert (ran.code, len(ran.out.splitlines())) == (3, 1)
    assert ran.out.startswith(said)
    as_json = run(*arguments.split()[:-1], "--json", arguments.rsplit(maxsplit=1)[-1])
    assert as_json.code == 3
    assert json.loads(as_json.out)["error"].startswith(said.partition("UNKNOWN: ")[2])
    assert run(*(word for word in arguments.split() if word != "--check")).code == 2


def test_the_check_of_the_simulator_is_no_plugins(run: Command) -> None:
    ran = run("simulate", "--check", "--bogus")
    assert (ran.code, ran.out) == (2, "")
