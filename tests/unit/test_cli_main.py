"""How every command ends: standard output that takes nothing, a reader that goes away, Ctrl-C and SIGTERM."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.unit.tls import Server, serving

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="a POSIX shell's redirections, and signals")
COMMAND = f"{sys.executable} -m toolkit"
FULL = "error: standard output cannot be written: No space left on device\n"
CLOSED = "error: standard output cannot be written: it is closed\n"
NOISE = re.compile(r"Writing to standard output\n|Wrote .*\n")


def shell(line: str, **more: str) -> tuple[int, str, str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("ELASTIC", "KIBANA"))}
    ran = subprocess.run(
        [shutil.which("bash") or "sh", "-c", line.replace("ocs-elastic", COMMAND)],
        check=False,
        capture_output=True,
        text=True,
        env=environment | more,
    )
    return ran.returncode, ran.stdout, ran.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize(
    "arguments", ["--version", "--help", "dashboards lint --json", "render --server 8.3.3", "simulate --output -"]
)
def test_bad_standard_output_is_full(arguments: str, unbuffered: str) -> None:
    """Each ended in a traceback, or in Python's own words and the exit code 120."""
    code, _, err = shell(f"ocs-elastic {arguments} >/dev/full", PYTHONUNBUFFERED=unbuffered)
    assert (code, NOISE.sub("", err)) == (1, FULL)


@pytest.mark.parametrize("arguments", ["dashboards lint", "report --output -"])
def test_bad_standard_output_is_closed(arguments: str) -> None:
    assert shell(f"ocs-elastic {arguments} >&-") == (1, "", CLOSED)


def test_a_reader_that_goes_away_is_told_nothing() -> None:
    code, _, err = shell("set -o pipefail; ocs-elastic dashboards lint --json | true")
    assert (code in (0, 1), err) == (True, "")


def test_a_closed_standard_error_does_not_turn_errors_into_results() -> None:
    assert shell("ocs-elastic plan 2>&-") == (2, "", "")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize(
    ("arguments", "said"), [(["apply"], "interrupted; run it again\n"), (["plan"], "interrupted\n")]
)
def test_an_interrupted_command_says_so_in_one_line(arguments: list[str], said: str, number: signal.Signals) -> None:
    with serving(Server()) as server:
        server.delay_s = 5
        process = subprocess.Popen(
            [sys.executable, "-m", "toolkit", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "ELASTICSEARCH_URL": f"http://127.0.0.1:{server.port}"},
            # A shell that starts the tests in the background has them, and what they start, ignore Ctrl-C.
            preexec_fn=lambda: signal.signal(number, signal.SIG_DFL),  # noqa: PLW1509 - the child runs nothing else
        )
        until = time.monotonic() + 20
        while not server.requests and time.monotonic() < until:
            time.sleep(0.02)
        process.send_signal(number)
        out, err = process.communicate(timeout=20)
    assert (process.returncode, out, err) == (128 + number, "", said)
