"""How long the command line takes to say what it can, against a Typer application that can nothing."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial

from tests.bench.bench import Bench
from tests.bench.row import Aim, Row
from tests.bench.turns import in_turn

_BARE = """
import typer
app = typer.Typer()
@app.command()
def one() -> None:
    "One."
@app.command()
def two() -> None:
    "Two."
app()
"""
_SIDES = {
    "ocs-elastic": [sys.executable, "-m", "toolkit", "--help"],
    "bare": [sys.executable, "-c", _BARE, "--help"],
}
_TIMES = 7
"""Starts a repeat; the quickest counts, since a start can only be slowed down by what else the machine does."""


def rows(bench: Bench) -> Iterator[Row]:
    """One row; the engine has no part in it."""
    sides = {name: partial(_quickest_s, command) for name, command in _SIDES.items()}
    figures = in_turn(sides, bench.repeats, bench.say)
    yield Row(
        "help",
        "`ocs-elastic --help`",
        "a bare Typer application's",
        "s",
        tuple(figures["ocs-elastic"]),
        tuple(figures["bare"]),
        Aim(1.5),
    )


def _quickest_s(command: list[str]) -> float:
    return min(_seconds(command) for _ in range(_TIMES))


def _seconds(command: list[str]) -> float:
    began_s = time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - began_s
