"""`ocs-elastic report`: where the page goes, what it is asked, and what goes wrong."""

from __future__ import annotations

import json
import os
import stat
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from tests.unit.cluster import DEAD_LETTERS, STREAM, Cluster
from tests.unit.commands import Command, command
from tests.unit.test_status import groups_of
from toolkit.errors import UsageError
from toolkit.report.file import check_place, write

NO_DEAD_LETTERS: dict[str, Any] = {"reasons": {"buckets": []}}
DEAD = {"key": "not a message of OCS", "doc_count": 2, "types": {"buckets": [{"key": "not_ocs"}]}}


@pytest.fixture(name="server")
def _server(server: Cluster) -> Cluster:
    server.aggregations = answers()
    return server


@pytest.fixture(name="report")
def _report(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    run = command(monkeypatch, capsys)
    return lambda *arguments: run("report", *arguments)


def answers(*, dead_letters: bool = False) -> list[dict[str, Any]]:
    """One group that is Running, as it was before the window; then one run of its messages."""
    groups, since = groups_of((5, "Running"))
    held = {"state": 5, "mode": None, "action": 9, "actor": 1, "message": "state_change"}
    run = {"key": {"guid": "0", "time": 0, **held}, "first": {"value": 1.0}, "last": {"value": 2.0}}
    dead = {"reasons": {"buckets": [DEAD]}} if dead_letters else NO_DEAD_LETTERS
    return [groups, {"runs": {"buckets": [run]}}, groups, since, dead]


def test_the_page_is_written_and_its_place_is_said(report: Command, server: Cluster, tmp_path: Path) -> None:
    server.dead_letters = 3
    ran = report()
    assert (ran.code, ran.err) == (0, "")
    assert ran.out == f"wrote {tmp_path / 'report.html'}\n"
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert page.startswith("<!DOCTYPE html>")
    assert "group 0" in page
    assert sorted(os.listdir(tmp_path)) == ["report.html"]


def test_standard_output_holds_the_page_and_nothing_else(report: Command, server: Cluster) -> None:
    ran = report("--output", "-")
    assert ran.code == 0
    assert ran.out.startswith("<!DOCTYPE html>")
    assert ran.out.rstrip().endswith("</html>")


def test_json(report: Command, server: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It needs nothing that draws."""
    monkeypatch.setitem(sys.modules, "vl_convert", None)
    server.aggregations = answers(dead_letters=True)
    ran = report("--json", "--timezone", "Europe/Berlin", "--from", "2024-11-23", "--to", "2024-11-23T09:00")
    assert (ran.code, ran.err) == (0, "")
    found = json.loads(ran.out)
    assert (found["from"], found["to"]) == ("2024-11-22T23:00:00.000Z", "2024-11-23T08:00:00.000Z")
    assert found["timezone"] == "Europe/Berlin"
    assert found["states"] == [{"state": "Running", "groups": 1}]
    (group,) = found["groups"]
    assert (group["state"], group["last_action"], group["last_actor"]) == ("Running", "Start dialing", "OCS client")
    (change,) = group["changes"]
    assert (change["from"], change["to"], change["action"]) == ("Running", "Running", "Start dialing")
    assert found["dead_letters"] == [{"type": "not_ocs", "message": "not a message of OCS", "count": 2}]
    assert os.listdir(tmp_path) == []


def test_nothing_is_written_to_the_cluster(report: Command, server: Cluster) -> None:
    assert report().code == 0
    assert set(server.requests) == {
        f"GET /_data_stream/{STREAM}",
        f"GET /_data_stream/{DEAD_LETTERS}",
        f"POST /{STREAM}/_count",
        f"POST /{STREAM}/_search",
        f"POST /{DEAD_LETTERS}/_search",
    }


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (
            ["--timezone", "Europe/Belrin"],
            "error: --timezone: there is no timezone 'Europe/Belrin'\nhint: Did you mean",
        ),
        (["--from", "2026-11-23", "--to", "2026-11-22"], "error: nothing lies between --from"),
        (["--last", "soon"], "error: --last: 'soon' is no length of time\nhint: "),
        (["--output", "absent/report.html"], "error: absent/report.html: there is no folder"),
        (["--output", "."], "error: . is a folder"),
        (["--json", "--output", "x.html"], "error: --json and --output exclude each other"),
    ],
)
def test_bad_what_was_typed(report: Command, server: Cluster, arguments: list[str], reason: str) -> None:
    """Said before the server is asked for anything."""
    ran = report(*arguments)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith(reason)
    assert server.requests == []


def test_bad_no_renderer(report: Command, server: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "vl_convert", None)
    ran = report()
    assert (ran.code, ran.out) == (1, "")
    assert "pip install 'ocs-elastic-toolkit[report]'" in ran.err
    assert server.requests == []


def test_bad_a_stream_is_absent(report: Command, server: Cluster, tmp_path: Path) -> None:
    server.streams -= {STREAM}
    ran = report()
    assert (ran.code, ran.out) == (1, "")
    assert f"error: no data stream '{STREAM}'" in ran.err
    assert os.listdir(tmp_path) == []


def test_bad_the_file_cannot_be_written(
    report: Command, server: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was there before is still there, and nothing is beside it."""
    (tmp_path / "report.html").write_text("before", encoding="utf-8")

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "replace", refuse)
    ran = report()
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith("error: report.html cannot be written: Permission denied\nhint: ")
    assert (tmp_path / "report.html").read_text(encoding="utf-8") == "before"
    assert os.listdir(tmp_path) == ["report.html"]


def test_a_page_replaces_the_one_of_yesterday(tmp_path: Path) -> None:
    place = str(tmp_path / ("n" * 240 + ".html"))
    assert write("one", place) == write("two 営", place) == Path(place)
    assert Path(place).read_text(encoding="utf-8") == "two 営"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no named pipes in folders")
def test_a_named_pipe_stays_one(tmp_path: Path) -> None:
    """So does a device: root's `--output /dev/null` once left a file in its place, which no test should risk."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    got: list[str] = []
    reader = threading.Thread(target=lambda: got.append(pipe.read_text(encoding="utf-8")), daemon=True)
    reader.start()
    write("page", str(pipe))
    if not stat.S_ISFIFO(pipe.stat().st_mode):
        pytest.fail("the pipe is a file now")
    reader.join(10)
    assert got == ["page"]


@pytest.mark.skipif(sys.platform == "win32", reason="links and permissions of Unix")
def test_a_link_is_followed_and_permissions_stay(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    target, link, dangling = tmp_path / "there" / "real.html", tmp_path / "link.html", tmp_path / "new.html"
    target.write_text("old", encoding="utf-8")
    target.chmod(0o640)
    link.symlink_to("there/real.html")
    dangling.symlink_to("there/new.html")
    for place in (link, dangling):
        check_place(str(place))
        assert write("page", str(place)) == place
        assert place.is_symlink()
        assert place.read_text(encoding="utf-8") == "page"
    assert stat.S_IMODE(target.stat().st_mode) == 0o640
    assert sorted(os.listdir(tmp_path / "there")) == ["new.html", "real.html"]
    (tmp_path / "astray").symlink_to("absent/x.html")
    with pytest.raises(UsageError, match=r"there is no folder .*/absent"):
        check_place(str(tmp_path / "astray"))
