"""Engines that may be killed: each is started again with its data, at its old address.

The embedded engine, or whatever `TEST_FAULTS_START` starts: a command that runs one node of an engine in the
foreground, without security, with HTTP at `TEST_FAULTS_URL`, and with the data of its last run.
"""

from __future__ import annotations

import json
import os
import shlex
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import urllib3

from toolkit.local import cache, folders, launch, process
from toolkit.local.process import Account
from toolkit.output.console import TerminalProgress

START_S = 180


@dataclass
class Node:
    """One node of an engine."""

    url: str
    command: Sequence[str]
    home: Path
    """The folder that it is started in."""
    log: Path
    account: Account | None = None
    embedded: bool = False
    running: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    def start(self) -> None:
        """Start it, without waiting."""
        self.running = process.spawn(self.command, folder=self.home, log=self.log, account=self.account)

    def kill(self) -> None:
        """End it as a power cut would: nothing is written any more, nobody is told."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """End it as its administrator would."""
        self._end(signal.SIGTERM)

    def _end(self, how: signal.Signals) -> None:
        if self.running is None:
            return
        main = psutil.Process(self.running.pid)
        everything = [*main.children(recursive=True), main]
        for each in everything:
            each.send_signal(how)
        self.running.wait(60)
        psutil.wait_procs(everything, timeout=60)
        self.running = None

    def ask(self, method: str, path: str, body: Any = None, *, timeout_s: float = 30) -> tuple[int, Any]:
        """One request, sent once: status, or 0 where nobody answers, and answer."""
        headers = {"content-type": "application/json"}
        data = None if body is None else json.dumps(body)
        try:
            answer = urllib3.request(
                method, self.url + path, body=data, headers=headers, timeout=timeout_s, retries=False
            )
            return answer.status, answer.json() if answer.data else None
        except urllib3.exceptions.HTTPError:
            return 0, None

    def wait_until_up(self, status: str = "yellow") -> None:
        """Until it answers and every primary shard is there."""
        deadline = time.monotonic() + START_S
        path = f"/_cluster/health?wait_for_status={status}&timeout=5s"
        while not self._is(*self.ask("GET", path, timeout_s=10)):
            assert self.running is None or self.running.poll() is None, self.log.read_text(errors="replace")[-3000:]
            assert time.monotonic() < deadline, f"{self.url} is not up after {START_S} s"
            time.sleep(0.1)

    def _is(self, status: int, health: Any) -> bool:
        return status == 200 and health["timed_out"] is False and health["status"] in ("yellow", "green")


@contextmanager
def mortal() -> Iterator[Node]:
    """One node, up."""
    if command := os.environ.get("TEST_FAULTS_START"):
        folder = Path(os.environ["TEST_FAULTS_FOLDER"])
        nodes = [Node(os.environ["TEST_FAULTS_URL"], shlex.split(command), folder, folder / "faults.log")]
        yield from _up(nodes)
    else:
        with _embedded(1) as nodes:
            yield from _up(nodes)


@contextmanager
def cluster(count: int) -> Iterator[list[Node]]:
    """So many nodes of one cluster of the embedded engine, up."""
    with _embedded(count) as nodes:
        for started in _up(nodes):
            found = started.ask("GET", "/_cluster/health")[1]["number_of_nodes"]
            assert found == count
            yield nodes


def _up(nodes: list[Node]) -> Iterator[Node]:
    for node in nodes:
        assert node.ask("GET", "/")[0] == 0, f"somebody else's engine is at {node.url}, and these tests kill theirs"
    try:
        for node in nodes:
            node.start()
        for node in nodes:
            node.wait_until_up()
        yield nodes[0]
    finally:
        for node in nodes:
            node.kill()


@contextmanager
def _embedded(count: int) -> Iterator[list[Node]]:
    """Nodes with a folder each, not started yet; the folders go."""
    places = [folders.new() for _ in range(count)]
    try:
        ports = _free_ports(2 * count)
        account = process.unprivileged()
        for number, place in enumerate(places):
            folders.furnish(place, ports[number], account)
            _configure(folders.run_folder(place) / "conf" / "opensearch.yml", number, ports[count:], count)
        java, home = cache.java(TerminalProgress()), cache.engine_home(TerminalProgress())
        yield [
            Node(
                f"http://127.0.0.1:{port}",
                launch.command(java, home, folders.run_folder(place)),
                home,
                folders.log_file(place),
                account,
                embedded=True,
            )
            for port, place in zip(ports[:count], places, strict=True)
        ]
    finally:
        for place in places:
            folders.discard(place)


def _configure(file: Path, number: int, transport_ports: list[int], count: int) -> None:
    """Give the node a name and a transport port of its own and, where it has neighbours, tell it of them."""
    settings = json.loads(file.read_text())
    settings |= {"node.name": f"n{number}", "transport.port": transport_ports[number]}
    settings |= {"cluster.info.update.interval": "10s"}  # how often it looks at its disk: the least that it takes
    if count > 1:
        del settings["discovery.type"]
        settings |= {
            "cluster.name": f"faults-{transport_ports[0]}",
            "discovery.seed_hosts": [f"127.0.0.1:{port}" for port in transport_ports],
            "cluster.initial_cluster_manager_nodes": [f"n{each}" for each in range(count)],
        }
    file.write_text(json.dumps(settings, indent=2))


def _free_ports(count: int) -> list[int]:
    """Ports that were free a moment ago: a node that starts again needs its old one, so the engine cannot choose."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()
