"""Sends bodies that are made already, as fast as the engine takes them."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from urllib.parse import urlsplit

import urllib3

from tests.bench.bench import Bench
from tests.running import authorization

_CONNECTIONS = 2
_TOO_MANY = 429
_TRIES = 50
_PAUSE_S = 0.2


@dataclass(frozen=True, slots=True)
class Spent:
    """What it took to index documents, until they can be found."""

    documents: int
    seconds: float
    engine_cpu_s: float
    client_cpu_s: float

    @property
    def a_second(self) -> float:
        """Documents a second."""
        return self.documents / self.seconds

    @property
    def cpu_us(self) -> float:
        """What the engine's processes spent on a document, in microseconds of CPU."""
        return self.engine_cpu_s / self.documents * 1e6

    @property
    def client_share(self) -> float:
        """The client's part of all CPU that was spent."""
        return self.client_cpu_s / (self.client_cpu_s + self.engine_cpu_s)


def index(bench: Bench, name: str, bodies: Sequence[bytes]) -> Spent:
    """Index everything by `_bulk`, and refresh.

    Raises:
        RuntimeError: a document was refused.
    """
    pool = _pool(bench)
    cpu_s, own_s, began_s = bench.cpu_s(), time.process_time(), time.perf_counter()
    with ThreadPoolExecutor(_CONNECTIONS) as threads:
        documents = sum(threads.map(lambda body: _bulk(pool, name, body), bodies))
    bench.ask("POST", f"/{name}/_refresh")
    seconds, own_s = time.perf_counter() - began_s, time.process_time() - own_s
    return Spent(documents, seconds, bench.cpu_s() - cpu_s, own_s)


def _pool(bench: Bench) -> urllib3.HTTPConnectionPool:
    parts = urlsplit(bench.url)
    kind = urllib3.HTTPSConnectionPool if parts.scheme == "https" else urllib3.HTTPConnectionPool
    headers = {"Content-Type": "application/x-ndjson", **authorization(bench.engine.connection)}
    return kind(str(parts.hostname), parts.port, maxsize=_CONNECTIONS, block=True, headers=headers)


def _bulk(pool: urllib3.HTTPConnectionPool, name: str, body: bytes) -> int:
    """Send one body; how many documents it held.

    An engine that has no memory for a body now says so (429) and takes nothing of it: it is sent again.
    """
    path = f"/{name}/_bulk?filter_path=errors,error,items.*.error"
    for _ in range(_TRIES):
        answer = pool.urlopen("POST", path, body=body, headers=pool.headers, timeout=120, retries=False)
        if answer.status != _TOO_MANY:
            break
        time.sleep(_PAUSE_S)
    said = json.loads(answer.data)
    if answer.status != 200 or said.get("errors"):
        raise RuntimeError(f"{name} refused documents: {answer.data[:500]!r}")
    return body.count(b"\n") // 2
