"""How long a plan takes that finds nothing to change, against its own requests sent by curl, as many at once.

What a process keeps from one plan to the next are its files as Jinja2 has compiled them, so the first is measured for
itself: it is the one that somebody waits for who types `ocs-elastic plan`.
"""

from __future__ import annotations

import json
import secrets
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, NamedTuple
from urllib.parse import urlencode

from tests.bench.bench import Bench
from tests.bench.row import Aim, Row
from tests.bench.turns import in_turn
from tests.running import authorization, installed
from toolkit.client.transport import Transport
from toolkit.config import Settings
from toolkit.live import AT_ONCE
from toolkit.render import _environment
from toolkit.uses.deployment import Deployment

_TIMES = 15
"""Plans a repeat; the quickest counts, since one can only be slowed down by what else the machine does."""


class _Request(NamedTuple):
    """What a plan sends."""

    method: str
    target: str
    """Path and parameters."""
    body: Any


class _Recording(Transport):
    """Remembers what it sends."""

    sent: list[_Request]

    def _send(self, method: str, path: str, body: Any, params: dict[str, str] | None) -> Any:
        self.sent.append(_Request(method, f"{path}?{urlencode(params)}" if params else path, body))
        return super()._send(method, path, body, params)


def rows(bench: Bench) -> Iterator[Row]:
    """Two rows, of a namespace of its own and without Kibana."""
    settings = Settings(namespace=f"bench_{secrets.token_hex(4)}")
    with contextmanager(installed)(bench.engine, settings):
        requests = _requests(bench, settings)
        sides: dict[str, Callable[[], float]] = {
            "the first plan": partial(_quickest_s, partial(_plan, bench, settings), before=_environment.cache_clear),
            "a later plan": partial(_quickest_s, partial(_plan, bench, settings)),
            "curl": partial(_quickest_s, _curl(bench, requests)),
        }
        figures = in_turn(sides, bench.repeats, bench.say)
    for name, side in (("plan", "a later plan"), ("plan-first", "the first plan")):
        yield Row(
            name,
            f"{side} of a process, on an unchanged cluster",
            f"the same requests by `curl --parallel --parallel-max {AT_ONCE}`",
            "s",
            tuple(figures[side]),
            tuple(figures["curl"]),
            Aim(1.5),
            f"{len(requests)} requests; ours from a connected client to the Plan, rendering too; curl's with its start",
        )


def _requests(bench: Bench, settings: Settings) -> list[_Request]:
    transport = bench.engine.transport
    recording = _Recording(transport._client, transport.url, connection=bench.engine.connection, read_only=True)
    recording.sent = []
    _plan(bench, settings, recording)
    return recording.sent


def _plan(bench: Bench, settings: Settings, transport: Transport | None = None) -> None:
    """What `plan` does once it is connected; nothing of an earlier one is known."""
    plan = Deployment(transport or bench.engine.transport, bench.engine.server, settings).plan()
    if plan.pending or plan.problems:
        raise RuntimeError(f"the cluster is not unchanged: {', '.join(map(str, [*plan.pending, *plan.problems]))}")


def _quickest_s(act: Callable[[], None], before: Callable[[], None] = lambda: None) -> float:
    return min(_seconds(act, before) for _ in range(_TIMES))


def _seconds(act: Callable[[], None], before: Callable[[], None]) -> float:
    before()
    began_s = time.perf_counter()
    act()
    return time.perf_counter() - began_s


def _curl(bench: Bench, requests: list[_Request]) -> Callable[[], None]:
    """Sends all of them from one process; its configuration goes through a pipe, since it may hold a password."""
    headers = {"accept": "application/json", "content-type": "application/json"}
    headers |= authorization(bench.engine.connection)
    configuration = "\nnext\n".join(_configured(f"{bench.url}{each.target}", headers, each) for each in requests)
    command = ["curl", "--silent", "--globoff", "--parallel", "--parallel-max", str(AT_ONCE), "--config", "-"]

    def send() -> None:
        try:
            done = subprocess.run(command, input=configuration, capture_output=True, text=True, check=True)
        except FileNotFoundError as error:
            raise RuntimeError("there is no curl, against which `plan` is measured: install it") from error
        statuses = done.stdout.split()
        if len(statuses) != len(requests) or not set(statuses) <= {"200", "404"}:
            raise RuntimeError(f"curl was answered otherwise than `plan`: {' '.join(statuses)}")

    return send


def _configured(url: str, headers: dict[str, str], request: _Request) -> str:
    options = {"url": url, "request": request.method, "output": "/dev/null", "write-out": "%{http_code}\\n"}
    lines = [f"{name} = {json.dumps(value)}" for name, value in options.items()]
    lines += [f"header = {json.dumps(f'{name}: {value}')}" for name, value in headers.items()]
    if request.body is not None:
        lines.append(f"data-binary = {json.dumps(json.dumps(request.body))}")
    return "\n".join(lines)
