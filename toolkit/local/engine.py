"""The embedded engine as other rooms use it: started, found, stopped. "Up" means: an index was created and deleted."""

from __future__ import annotations

import re
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import urllib3

from toolkit import signals
from toolkit.errors import EngineError
from toolkit.local import cache, folders, launch, process
from toolkit.model import Progress

START_S = 120
"""How long an engine may take to come up."""

_STOP_S = 10
_POLL_S = 0.1
_COMPLAINT = re.compile(r" (ERROR|FATAL) |^(Error|Exception|Caused by|Unrecognized|Could not)|Exception: ")
_ADDRESS = re.compile(r"127\.0\.0\.1:(\d{1,5})$")


@dataclass(frozen=True)
class Engine:
    """An engine that is up."""

    url: str
    pid: int
    folder: Path
    """Holds its data, configuration and log, and goes when the engine is stopped."""
    version: str
    created: float
    """When its process began, in seconds since 1970."""

    @property
    def log(self) -> Path:
        """What it says."""
        return folders.log_file(self.folder)

    @property
    def memory_bytes(self) -> int:
        """What its process occupies; 0 when it has gone."""
        try:
            return int(psutil.Process(self.pid).memory_info().rss)
        except psutil.Error:
            return 0

    def answers(self) -> bool:
        """Whether it answers a request within five seconds."""
        try:
            return _request(self.url, "GET", "/", timeout_s=5)[0] == 200
        except urllib3.exceptions.HTTPError:
            return False

    def stop(self) -> None:
        """Stop the process and delete its folder, data and all; it may be stopped already.

        Raises:
            EngineError: the process or the folder does not go.
        """
        with signals.uninterruptible():
            if (record := folders.read_record()) and record["folder"] == str(self.folder):
                folders.delete_record()
            folders.discard(self.folder, grace_s=_STOP_S)


def start(
    *,
    progress: Progress,
    archive: Path | None = None,
    mirror: str | None = None,
    port: int | None = None,
    record: bool = True,
) -> Engine:
    """Start an engine and wait until it is up. Interrupted or failing, it leaves nothing running and no data.

    Args:
        progress: Is told of every step that takes time.
        archive: A copy of the engine's archive to take instead of a download.
        mirror: Address of a repository laid out like Maven Central, to fetch from instead.
        port: The port to listen on; None: a free one.
        record: Make it the machine's `local` engine, which other commands find; if that is up already, it is the
            answer. False: a private one, which only the caller knows and stops; see also `owned`.

    Raises:
        EngineError: it cannot be fetched, unpacked or started; the reason names the file or the port.
    """
    with signals.terminable():
        if (up := _tidy()) and record:
            return up
        folder = folders.new()
        try:
            engine = _start_in(folder, progress, archive, mirror, port)
            if record and (faster := running()):  # another command that was begun at the same time
                folders.discard(folder)
                return faster
            if record:
                folders.write_record(_as_record(engine))
        except BaseException:
            folders.discard(folder)
            raise
    return engine


@contextmanager
def owned(
    *, progress: Progress, archive: Path | None = None, mirror: str | None = None, port: int | None = None
) -> Iterator[Engine]:
    """A private engine for the duration of a `with`; it is stopped whatever happens, SIGTERM and Ctrl-C included.

    Raises:
        EngineError: as `start`.
    """
    with signals.terminable():
        _tidy()
        folder = folders.new()
        try:
            yield _start_in(folder, progress, archive, mirror, port)
        finally:
            folders.discard(folder)


def running() -> Engine | None:
    """The machine's `local` engine, if its process is really alive and really it."""
    record = folders.read_record()
    if record is None:
        return None
    folder = Path(str(record["folder"]))
    if process.find(launch.marker(folders.run_folder(folder)), int(record["pid"])) is None:
        return None
    return Engine(str(record["url"]), int(record["pid"]), folder, str(record["version"]), float(record["created"]))


def stop() -> Engine | None:
    """Stop the machine's `local` engine and remove whatever else was left behind; None: it was not running.

    Raises:
        EngineError: the process or its folder does not go.
    """
    engine = _tidy()
    if engine:
        engine.stop()
    return engine


def _tidy() -> Engine | None:
    """The machine's `local` engine; what engines and commands that were killed have left is removed."""
    up = running()
    if up is None and (record := folders.read_record()):
        folders.delete_record()
        folders.discard(Path(str(record["folder"])))
    folders.sweep(up.folder if up else None)
    return up


def _as_record(engine: Engine) -> dict[str, str | int | float]:
    return {
        "url": engine.url,
        "pid": engine.pid,
        "created": engine.created,
        "folder": str(engine.folder),
        "version": engine.version,
        "log": str(engine.log),
    }


def _start_in(folder: Path, progress: Progress, archive: Path | None, mirror: str | None, port: int | None) -> Engine:
    if port is not None:
        _require_free(port)
    account = process.unprivileged()
    folders.furnish(folder, port, account)  # first, since it shows whether root may act as another user
    java = cache.java(progress)
    home = cache.engine_home(progress, archive=archive, mirror=mirror)
    run, log = folders.run_folder(folder), folders.log_file(folder)
    begun = time.monotonic()
    progress.say(f"Starting OpenSearch {cache.OPENSEARCH.version} ...")
    with folders.usable(folder, "OCS_ELASTIC_STATE"):
        log.touch()
    child = process.spawn(launch.command(java, home, run), folder=home, log=log, account=account)
    created = psutil.Process(child.pid).create_time()
    url, version = _wait_until_up(child, run, log, home)
    progress.say(f"Up after {time.monotonic() - begun:.0f} s, as {account.name if account else 'this user'}")
    child.returncode = 0  # it outlives this object, which would complain about that otherwise
    return Engine(url, child.pid, folder, version, created)


def _require_free(port: int) -> None:
    with socket.socket() as probe:
        if sys.platform != "win32":  # there the option means something else: to share the port
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except (OSError, OverflowError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise EngineError(
                f"port {port} cannot be used: {reason}{_holder(port)}",
                hint="name another port, or none: then a free one is chosen",
            ) from error


def _holder(port: int) -> str:
    """Who listens on a port, as far as this user may know."""
    try:
        for connection in psutil.net_connections("tcp"):
            listens = connection.status == psutil.CONN_LISTEN and connection.laddr[1:] == (port,)
            if listens and connection.pid:
                return f" (by {psutil.Process(connection.pid).name()}, process {connection.pid})"
    except psutil.Error:
        pass
    return ""


def _wait_until_up(child: subprocess.Popen[bytes], run: Path, log: Path, home: Path) -> tuple[str, str]:
    """Address and version of an engine that has just created and deleted an index."""
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        if (code := child.poll()) is not None:
            raise EngineError(
                f"OpenSearch {process.how_it_ended(code)} before it was up{_complaints(log)}",
                hint=f"if files are missing from {home}, delete that folder: it is unpacked again",
            )
        if address := _address(run):
            try:
                if version := _proof(address):
                    return address, version
            except urllib3.exceptions.HTTPError:
                pass  # it does not answer yet
        time.sleep(_POLL_S)
    raise EngineError(
        f"OpenSearch was not up after {START_S} s{_complaints(log)}",
        hint="the machine may be too busy, or have less than 1 GB of memory free; try again",
    )


def _address(run: Path) -> str | None:
    """Where the engine listens. It says so itself: asking a port that was free before could reach a stranger."""
    try:
        lines = launch.ports_file(run).read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    found = next((match for line in lines if (match := _ADDRESS.match(line))), None)
    return f"http://127.0.0.1:{found[1]}" if found else None


def _proof(url: str) -> str | None:
    """Create an index and delete it; the server's version, or None while it is not ready for that."""
    status, health = _request(url, "GET", "/_cluster/health?wait_for_status=yellow&timeout=1s")
    if status != 200 or health.get("status") not in ("yellow", "green"):
        return None
    index = f"/ocs-elastic-probe-{secrets.token_hex(6)}"
    status, answer = _request(url, "PUT", index, timeout_s=30)
    if 400 <= status < 500:
        raise EngineError(
            f"OpenSearch runs but cannot create an index: {_reason(answer)}",
            hint="this is a fault of the toolkit: please report it with this message",
        )
    if not answer.get("shards_acknowledged"):
        return None
    status, _ = _request(url, "DELETE", index, timeout_s=30)
    if status != 200:
        return None
    return str(_request(url, "GET", "/")[1]["version"]["number"])


def _reason(answer: dict[str, Any]) -> str:
    error = answer.get("error")
    return str(error.get("reason", error)) if isinstance(error, dict) else str(error or answer)


def _request(url: str, method: str, path: str, *, timeout_s: float = 5) -> tuple[int, dict[str, Any]]:
    """One request, no retries; urllib3 asks no proxy unless told to, so the loopback is always reached directly."""
    with urllib3.PoolManager(timeout=timeout_s, retries=False) as pool:
        response = pool.request(method, url + path)
        try:
            body = response.json()
        except ValueError:
            body = {}
        return response.status, body if isinstance(body, dict) else {}


def _complaints(log: Path) -> str:
    """The last errors in a log, for a message; without any, its last lines."""
    try:
        lines = [line for line in log.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
    except OSError:
        return ""
    told = [line for line in lines if _COMPLAINT.search(line)][-3:] or lines[-3:]
    return "".join(f"\n  {line.strip()[:300]}" for line in told)
