"""The real engine's life, once, as a user sees it: through the command line, in processes of their own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import urllib3

from tests.open_folder import open_folder

pytestmark = pytest.mark.timeout(900)  # the first run fetches the engine


@pytest.fixture(scope="module")
def state() -> Iterator[Path]:
    """A state folder of its own, so that a developer's engine is never touched; the cache is the real one."""
    with open_folder() as parent, pytest.MonkeyPatch.context() as patch:
        folder = parent / "state"
        patch.setenv("OCS_ELASTIC_STATE", str(folder))
        yield folder
        local("down")
        assert processes_of(folder) == []


def local(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "toolkit", "local", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def up() -> dict[str, Any]:
    done = local("up", "--json")
    assert done.returncode == 0, done.stderr
    facts: dict[str, Any] = json.loads(done.stdout)
    return facts


def processes_of(state: Path) -> list[psutil.Process]:
    return [
        found
        for found in psutil.process_iter(["cmdline"])
        if any(str(state) in argument for argument in found.info["cmdline"] or ())
    ]


def get(url: str) -> dict[str, Any]:
    answer: dict[str, Any] = urllib3.request("GET", url, timeout=10).json()
    return answer


def test_up_status_up_again_down(state: Path) -> None:
    facts = up()
    assert get(facts["url"])["version"]["distribution"] == "opensearch"
    assert get(f"{facts['url']}/_stats")["_all"]["primaries"] == {}  # the probe's index is gone
    status = json.loads(local("status", "--json").stdout)
    assert status["up"] is True
    assert (status["url"], status["pid"], status["version"]) == (facts["url"], facts["pid"], facts["version"])
    assert 50e6 < status["memory_bytes"] < 1e9
    assert up()["pid"] == facts["pid"]
    process = psutil.Process(facts["pid"])
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        assert process.username() == "nobody"
    listening = {c.laddr[0].removeprefix("::ffff:") for c in process.net_connections("tcp") if c.status == "LISTEN"}
    assert listening == {"127.0.0.1"}
    done = local("down")
    assert done.returncode == 0
    assert not process.is_running()
    assert list(state.iterdir()) == []
    assert local("status").returncode == 1
    assert local("down").returncode == 0


def test_bad_port_that_an_engine_has_taken_itself(state: Path) -> None:
    """Whoever was there goes on undisturbed, and the refusal names the port."""
    facts = up()
    port = facts["url"].rpartition(":")[2]
    elsewhere = state.parent / "elsewhere"
    command = [sys.executable, "-m", "toolkit", "local", "up", "--port", port]
    environment = {**os.environ, "OCS_ELASTIC_STATE": str(elsewhere)}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 1
    assert f"error: port {port} cannot be used" in done.stderr
    assert list(elsewhere.glob("*")) == []
    assert local("status").returncode == 0


def test_a_killed_engine_is_noticed_and_up_works_again(state: Path) -> None:
    facts = up()
    process = psutil.Process(facts["pid"])
    process.kill()
    process.wait(10)
    assert local("status").returncode == 1
    again = up()
    assert again["pid"] != facts["pid"]
    assert not Path(facts["folder"]).exists()
    assert local("down").returncode == 0


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signals to be polite with")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_interrupted_up_leaves_nothing(state: Path, number: signal.Signals) -> None:
    command = [sys.executable, "-m", "toolkit", "local", "up"]
    with subprocess.Popen(
        command,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        # A shell that starts the tests in the background has them, and what they start, ignore Ctrl-C.
        preexec_fn=lambda: signal.signal(number, signal.SIG_DFL),  # noqa: PLW1509 - the child runs nothing else
    ) as starting:
        deadline = time.monotonic() + 120
        while not processes_of(state):
            assert time.monotonic() < deadline
            time.sleep(0.1)
        time.sleep(1)
        starting.send_signal(number)
        assert starting.wait(30) == 128 + number
    assert processes_of(state) == []
    assert list(state.iterdir()) == []


def test_what_a_killed_up_left_behind_goes_with_the_next_down(state: Path) -> None:
    command = [sys.executable, "-m", "toolkit", "local", "up"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as starting:
        while not processes_of(state):
            time.sleep(0.1)
        starting.kill()
    assert len(processes_of(state)) == 1
    assert local("down").returncode == 0
    assert processes_of(state) == []
    assert list(state.iterdir()) == []
