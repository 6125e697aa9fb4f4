"""What commands hold in memory at most: with ten times the messages, against as many campaign groups with fewer."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.bench.bench import Bench
from tests.bench.row import Aim, Row
from tests.bench.turns import in_turn
from tests.running import Stream, installed
from toolkit.catalogue import read_catalogue
from toolkit.config import Settings
from toolkit.ocs.feed import Feed
from toolkit.ocs.message import iso

_TIMES = 10
"""How many times theirs our messages are."""
_FEW = 1_000
_FEW_POSTED = 500
"""Fewer, because each is a request."""
_FEW_REPLAYED = 500
"""Fewer, because it takes long."""
_FEW_WRITTEN = 10_000
"""More, because a file is quick."""
_GROUPS = 20
_FEW_INTERVAL_S = 200
"""Of the messages that are reported; with ten times as many it is a tenth, so that both take 2 h 47 min."""
_PACE_S = 600
"""The same lives on both sides."""
_NOT_OCS = 10
"""Every so manyth dead letter is no message of OCS, and fails again."""
_DOCUMENTS_A_BULK = 1000
_MB = 1024 * 1024 if sys.platform == "darwin" else 1024
"""Of what the system counts a process's memory in."""

_LAUNCHER = """
import resource, subprocess, sys
code = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL).returncode
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
sys.exit(code)
"""
"""A process begins with the peak of the one that starts it, so a small one has to."""


def rows(bench: Bench) -> Iterator[Row]:
    """A row for each command, two for that which can also write to a file."""
    yield _row(bench, "simulate", "`simulate`, posting", partial(_posting, bench), _FEW_POSTED)
    yield _row(bench, "simulate-output", "`simulate --output`", _writing, _FEW_WRITTEN)
    yield _row(bench, "replay", "`failures replay`", partial(_replaying, bench), _FEW_REPLAYED)
    yield _row(bench, "relabel", "`relabel`", partial(_relabelling, bench))
    with ExitStack() as both:
        filled = {count: both.enter_context(_reportable(bench, count)) for count in (_FEW, _FEW * _TIMES)}
        yield _row(bench, "report", "`report --json`", lambda count: _reporting(filled[count]))


def _row(bench: Bench, name: str, what: str, peak_mb: Callable[[int], float], few: int = _FEW) -> Row:
    many = few * _TIMES
    sides = {f"{name} {count:,}": partial(peak_mb, count) for count in (few, many)}
    theirs, ours = in_turn(sides, bench.repeats, bench.say).values()
    what, against = f"{what}, {many:,} messages", f"{few:,} messages"
    return Row(f"memory-{name}", what, against, "MB", tuple(ours), tuple(theirs), Aim(1.1))


def _posting(bench: Bench, count: int) -> float:
    with _stream(bench) as stream:
        return _peak_mb(stream, "simulate", "--count", str(count), "--groups", str(_GROUPS))


def _writing(count: int) -> float:
    return _peak_of("simulate", "--output", os.devnull, "--count", str(count), "--groups", str(_GROUPS))


def _replaying(bench: Bench, count: int) -> float:
    with _stream(bench) as stream:
        _fill(bench, stream.dead_letters, _dead_letters(count), pipeline="_none")
        return _peak_mb(stream, "failures", "replay", "--yes", code=3)


def _relabelling(bench: Bench, count: int) -> float:
    """The labels of all documents are others than the catalogue's."""
    with _stream(bench) as stream:
        _fill(bench, stream.name, _mislabelled(count), pipeline="_none")
        return _peak_mb(stream, "relabel", "--yes", "--rate", "0")


def _reporting(stream: Stream) -> float:
    """Without charts: what draws them takes much more than all else, and the same for all."""
    return _peak_mb(stream, "report", "--json")


@contextmanager
def _reportable(bench: Bench, count: int) -> Iterator[Stream]:
    """Messages of the last hours; the fewer, the longer the interval."""
    feed = Feed(count=count, groups=_GROUPS, interval_s=_FEW_INTERVAL_S * _FEW // count, pace_s=_PACE_S)
    with _stream(bench) as stream:
        messages = feed.messages(read_catalogue(), time.time_ns() // 1_000_000 - feed.span_ms())
        _fill(bench, stream.name, (message.text for message in messages))
        yield stream


@contextmanager
def _stream(bench: Bench) -> Iterator[Stream]:
    """Of a namespace of its own, which goes afterwards."""
    yield from installed(bench.engine, Settings(namespace=f"bench_{secrets.token_hex(3)}"))


def _fill(bench: Bench, name: str, documents: Iterator[str], **params: str) -> None:
    while some := list(islice(documents, _DOCUMENTS_A_BULK)):
        body = "".join(f'{{"create":{{}}}}\n{document}\n' for document in some)
        answer = bench.ask("POST", f"/{name}/_bulk", body, filter_path="errors,items.*.error", **params)
        if answer["errors"]:
            raise RuntimeError(f"{name} refused documents: {answer['items'][0]}")
    bench.ask("POST", f"/{name}/_refresh")


def _dead_letters(count: int) -> Iterator[str]:
    """What the pipeline makes of messages that it cannot take, such as after a mistake in it."""
    now_ms = time.time_ns() // 1_000_000
    messages = Feed(count=count, groups=_GROUPS).messages(read_catalogue(), now_ms - 10 * count * 1000)
    for position, message in enumerate(messages):
        came = iso(now_ms - count + position)
        letter = {
            "@timestamp": came,
            "event": {"ingested": came, "original": message.text if position % _NOT_OCS else '{"nothing": "of OCS"}'},
            "error": {"type": "pipeline_failure", "message": "broken"},
            "ocs": {"replay": {"state": "pending"}},
        }
        yield json.dumps(letter)


def _mislabelled(count: int) -> Iterator[str]:
    now_ms = time.time_ns() // 1_000_000
    for position in range(count):
        state = {"code": 5, "label": "Not its label"}
        document = {
            "@timestamp": iso(now_ms - 1000 * position),
            "event": {"ingested": iso(now_ms)},
            "ocs": {"campaign_group": {"guid": f"guid-{position % _GROUPS}", "state": state}},
        }
        yield json.dumps(document)


def _peak_mb(stream: Stream, *arguments: str, code: int = 0) -> float:
    """The greatest memory of a command on a stream's namespace."""
    connection = stream.engine.connection
    with TemporaryDirectory() as folder:
        place = Path(folder)
        profile: dict[str, Any] = {"url": connection.url}
        if connection.username:
            (place / "password").write_text(connection.password or "", encoding="utf-8")
            profile |= {"username": connection.username, "password_file": "password"}
        (place / "ocs-elastic.yml").write_text(json.dumps({"profiles": {"bench": profile}}), encoding="utf-8")
        (place / "local.json").write_text(json.dumps({"url": connection.url}), encoding="utf-8")
        where = ("--config", str(place / "ocs-elastic.yml"), "--namespace", stream.settings.namespace)
        named = "local" if connection.embedded else "bench"
        more = {"OCS_ELASTIC_STATE": folder}
        return _peak_of(*arguments, *where, "--profile", named, code=code, more=more)


def _peak_of(*arguments: str, code: int = 0, more: Mapping[str, str] | None = None) -> float:
    """The greatest memory of a command.

    Raises:
        RuntimeError: it ended with another code, or did not do what it was to.
    """
    line = [sys.executable, "-c", _LAUNCHER, sys.executable, "-m", "toolkit", *arguments]
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("ELASTIC", "KIBANA"))}
    done = subprocess.run(line, capture_output=True, text=True, check=False, env=environment | dict(more or {}))
    if done.returncode != code:
        raise RuntimeError(f"{' '.join(arguments)}: ended with {done.returncode}: {done.stderr[-500:]}")
    return int(done.stdout) / _MB
