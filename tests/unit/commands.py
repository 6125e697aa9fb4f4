"""Runs the command line in this process, as `ocs-elastic` would."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from toolkit.cli.main import run


@dataclass
class Ran:
    code: int
    out: str
    err: str


Command = Callable[..., Ran]


def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """A function that runs a command and returns what it printed where, and its exit code."""

    def ocs_elastic(*arguments: str) -> Ran:
        monkeypatch.setattr(sys, "argv", ["ocs-elastic", *arguments])
        with pytest.raises(SystemExit) as ended:
            run()
        captured = capsys.readouterr()
        return Ran(int(ended.value.code or 0), captured.out, captured.err)

    return ocs_elastic
