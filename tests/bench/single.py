"""Single POSTs over connections that stay open, as OCS posts: our pipeline against none, and against the least one.

The load comes from wrk.

wrk is a package of Debian, Ubuntu, Fedora and Homebrew. A client in Python would be slower than the engine, and draw
every ratio to 1.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tests.bench import designs
from tests.bench.bench import Bench
from tests.bench.installed import Installed, installed
from tests.bench.messages import messages
from tests.bench.row import Aim, Row, compared
from tests.bench.turns import in_turn
from tests.running import authorization
from toolkit.model import Body

_SCRIPT = Path(__file__).parent / "post.lua"
_CONNECTIONS = {8: Aim(0.97, at_least=True), 32: Aim(0.9, at_least=True)}
"""Each with the aim for its throughput against no pipeline."""
_P99 = Aim(1.2)
_AGAINST = {
    "none": "no pipeline, raw message, explicit mapping",
    "constant": "raw message, explicit mapping, a pipeline of one constant `set`",
}
_SECONDS = 8
_SECONDS_EMBEDDED = 3
_WARM_UP_S = 5
_LEAST_REPEATS = 5
"""An answer waits for the disk, whose time varies most of all."""
_MESSAGES = 20_000
_PLACE = f"{designs.PREFIX}-single"
_CONSTANT = designs.constant()


@dataclass(frozen=True, slots=True)
class Posted:
    """What wrk saw."""

    a_second: float
    p99_ms: float
    client_share: float
    """wrk's part of all CPU that was spent."""


def rows(bench: Bench) -> Iterator[Row]:
    """Throughput and the 99th percentile of the time to an answer."""
    if shutil.which("wrk") is None:
        print("wrk is not installed, so single POSTs are not measured: apt install wrk", file=sys.stderr)  # noqa: T201
        return
    designs.remove_all(bench)
    with installed(bench) as ours, tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "messages"
        file.write_bytes(b"\n".join(messages(_MESSAGES)))
        raw = ours.raw_index()
        for connections, aim in _CONNECTIONS.items():
            yield from _rows(_Sides(bench, ours, raw, file, connections), aim)
    designs.remove_all(bench)


@dataclass(frozen=True, slots=True)
class _Sides:
    """What is measured, with one number of connections."""

    bench: Bench
    installed: Installed
    raw: Body
    """The index for messages as OCS sends them."""
    file: Path
    connections: int

    def take(self) -> dict[str, Callable[[int], Posted]]:
        """Each side by name; it is given how long to post, in seconds."""
        return {"ours": self._ours, "none": partial(self._plain, None), "constant": partial(self._plain, _CONSTANT)}

    def _ours(self, seconds: int) -> Posted:
        """Into the stream, as OCS does."""
        self.installed.turn_over()
        return _post(self.bench, self.installed.stream, self.file, self.connections, seconds)

    def _plain(self, pipeline: Body | None, seconds: int) -> Posted:
        """Into a plain index."""
        designs.make(self.bench, _PLACE, self.raw, pipeline)
        return _post(self.bench, _PLACE, self.file, self.connections, seconds)


def _rows(sides: _Sides, aim: Aim) -> Iterator[Row]:
    bench, connections = sides.bench, sides.connections
    take = sides.take()
    for name, post in take.items():
        bench.say(f"warming up: {name}, {connections} connections")
        post(_SECONDS_EMBEDDED if bench.opensearch else _WARM_UP_S)
    seconds = _SECONDS_EMBEDDED if bench.opensearch else _SECONDS
    timed = {name: partial(post, seconds) for name, post in take.items()}
    figures = in_turn(timed, bench.at_least(_LEAST_REPEATS), bench.say)
    ours = figures["ours"]
    for name, against in _AGAINST.items():
        theirs, suffix = figures[name], "" if name == "none" else f"-{name}"
        pair = partial(compared, against=against, ours=ours, theirs=theirs)
        aims = (aim, _P99) if name == "none" else (None, None)
        what = f"single POSTs, {connections} connections"
        key = f"single-throughput-{connections}{suffix}"
        yield pair(key, what, unit="requests/s", figure=lambda posted: posted.a_second, aim=aims[0])
        what = f"{what}, 99th percentile of the time to an answer"
        key = f"single-p99-{connections}{suffix}"
        yield pair(key, what, unit="ms", figure=lambda posted: posted.p99_ms, aim=aims[1])


def _post(bench: Bench, name: str, file: Path, connections: int, seconds: int) -> Posted:
    """Post for some seconds.

    Raises:
        RuntimeError: a message was refused or lost.
    """
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", "-s", str(_SCRIPT)]
    environment = {**os.environ, "BENCH_AUTHORIZATION": authorization(bench.engine.connection).get("Authorization", "")}
    engine_s, client_s = bench.cpu_s(), _children_cpu_s()
    done = subprocess.run(
        [*command, f"{bench.url}/{name}/_doc", "--", str(file)],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
    )
    client_s = _children_cpu_s() - client_s
    engine_s = bench.cpu_s() - engine_s
    said = next((line for line in done.stdout.splitlines() if line.startswith("RESULT ")), None)
    if said is None:
        raise RuntimeError(f"wrk says nothing that is understood: {done.stdout}{done.stderr}")
    result = json.loads(said.removeprefix("RESULT "))
    if result["refused"] or result["lost"] or not result["requests"]:
        raise RuntimeError(f"{name}: messages were refused or lost: {result}")
    a_second = result["requests"] / result["duration_us"] * 1e6
    return Posted(a_second, result["p99_us"] / 1000, client_s / (client_s + engine_s))


def _children_cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
