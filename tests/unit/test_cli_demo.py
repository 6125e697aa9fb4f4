"""`ocs-elastic demo`: what it refuses before it starts an engine, and how it ends."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.unit.commands import Command, command
from tests.unit.test_report import RUNNING, group, report
from toolkit.cli import demo as room
from toolkit.uses import demo as use


@pytest.fixture(name="demo")
def _demo(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Command:
    """The command, with an engine that is none and a demo that is over at once."""
    monkeypatch.chdir(tmp_path)

    @contextmanager
    def no_engine(*_: Any, **__: Any) -> Iterator[SimpleNamespace]:
        yield SimpleNamespace(url="http://127.0.0.1:1")

    def over(*_: Any, **__: Any) -> use.Demo:
        told = report(group("g", before=RUNNING))
        return use.Demo("an engine", "http://127.0.0.1:1", 7, 7, 0, 0, [told.groups[0].state], told)

    monkeypatch.setattr(room, "_engine", no_engine)
    monkeypatch.setattr(use, "demo", over)
    run = command(monkeypatch, capsys)
    return lambda *arguments: run("demo", *arguments)


def test_it_ends_with_a_page_to_look_at(demo: Command, tmp_path: Path) -> None:
    ran = demo()
    assert ran.code == 0
    assert f"Look at it: {tmp_path / 'ocs-elastic-demo.html'}" in ran.out
    assert (tmp_path / "ocs-elastic-demo.html").read_text(encoding="utf-8").startswith("<!DOCTYPE html>")


def test_the_page_goes_where_it_is_wanted_or_nowhere(demo: Command, tmp_path: Path) -> None:
    assert '"report": "' in demo("--json", "--report", "other.html").out
    assert '"report": null' in demo("--json", "--no-report").out
    assert [file.name for file in tmp_path.iterdir()] == ["other.html"]


def test_without_a_renderer_the_demo_goes_on(demo: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "vl_convert", None)
    ran = demo()
    assert ran.code == 0
    assert "warning: the report's charts are drawn by vl-convert-python" in ran.err
    assert list(tmp_path.iterdir()) == []
    asked = demo("--report", "x.html")
    assert (asked.code, asked.out) == (1, "")
    assert "pip install 'ocs-elastic-toolkit[report]'" in asked.err


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--report", "x.html", "--no-report"], "error: --report and --no-report exclude each other"),
        (["--report", "-"], "error: --report needs a file"),
        (["--report", "absent/x.html"], "error: absent/x.html: there is no folder"),
    ],
)
def test_bad_place(demo: Command, arguments: list[str], reason: str) -> None:
    ran = demo(*arguments)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith(reason)


def test_bad_the_page_cannot_be_written(demo: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the demo came to is seen all the same."""

    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", refuse)
    ran = demo()
    assert ran.code == 1
    assert "posted 7, stored 7" in ran.out
    assert ran.err.startswith("error: ocs-elastic-demo.html cannot be written: No space left on device")
