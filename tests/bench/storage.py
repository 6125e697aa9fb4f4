"""Bytes that a document takes once its index is merged to one segment."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from tests.bench import designs
from tests.bench.bench import Bench
from tests.bench.installed import Installed, installed
from tests.bench.load import index
from tests.bench.messages import GROUPS, bulk_bodies, messages
from tests.bench.row import Aim, Row
from tests.bench.turns import in_turn
from toolkit.catalogue import read_catalogue
from toolkit.kinds.ingest_pipeline import PIPELINE
from toolkit.model import Body

_DOCUMENTS = 200_000
_DOCUMENTS_EMBEDDED = 50_000
"""So that all benchmarks end within ten minutes there."""
_AIMS = {"standard": Aim(0.3), "logsdb": Aim(0.24)}
_PLACE = f"{designs.PREFIX}-storage"
_UNIT = "bytes a document"


@dataclass(frozen=True, slots=True)
class Size:
    """Bytes a document."""

    written: float
    """As the engine leaves them."""
    merged: float


def rows(bench: Bench) -> Iterator[Row]:
    """Ours in each index mode that the server has, and an explicit mapping, against the server's default mapping."""
    designs.remove_all(bench)
    count = _DOCUMENTS_EMBEDDED if bench.opensearch else _DOCUMENTS
    bodies = list(bulk_bodies(messages(count)))
    with installed(bench) as ours:
        sides: dict[str, Callable[[], Size]] = {
            name: partial(_size, bench, name, body, bodies) for name, body in _sides(bench, ours).items()
        }
        figures = in_turn(sides, bench.repeats, bench.say)
    designs.remove_all(bench)
    default = tuple(size.merged for size in figures.pop("default"))
    of = f"{count:,} documents of {GROUPS} campaign groups"
    for name, found in figures.items():
        what = (
            f"storage, ours, index mode {name}" if name in _AIMS else "storage, an explicit mapping of the raw message"
        )
        merged = tuple(size.merged for size in found)
        against = "the server's default mapping of the raw message"
        yield Row(f"bytes-{name}", what, against, _UNIT, merged, default, _AIMS.get(name), f"{of} in one segment")
        if name in _AIMS:
            written = tuple(size.written for size in found)
            yield Row(
                f"unmerged-{name}",
                f"{what}, as the engine leaves it",
                "the same in one segment",
                _UNIT,
                written,
                merged,
            )


def _sides(bench: Bench, ours: Installed) -> dict[str, Body]:
    sides: dict[str, Body] = {"default": {}, "explicit": {"mappings": designs.raw_mappings(read_catalogue())}}
    for mode in _AIMS:
        if mode == "standard" or bench.engine.server.logsdb:
            body = ours.index(None, mode=mode)
            sides[mode] = {**body, "settings": {**body["settings"], "index.default_pipeline": PIPELINE}}
    return sides


def _size(bench: Bench, name: str, body: Body, bodies: list[bytes]) -> Size:
    """What the documents of an index take that is filled, merged and removed."""
    place = f"{_PLACE}-{name}"
    bench.ask("DELETE", f"/{place}", ignore_unavailable="true")
    bench.ask("PUT", f"/{place}", body)
    count = index(bench, place, bodies).documents
    written = _segment_bytes(bench, place)
    bench.ask("POST", f"/{place}/_forcemerge", max_num_segments="1")
    bench.ask("POST", f"/{place}/_flush")
    bench.ask("POST", f"/{place}/_refresh")  # else OpenSearch counts the segments of before
    primaries = bench.ask("GET", f"/{place}/_stats/store,docs,segments")["_all"]["primaries"]
    if primaries["segments"]["count"] != 1 or primaries["docs"]["count"] != count:
        raise RuntimeError(f"{place} is not as it should be: {primaries}")
    bench.ask("DELETE", f"/{place}")
    return Size(written / count, primaries["store"]["size_in_bytes"] / count)


def _segment_bytes(bench: Bench, place: str) -> int:
    """Of the segments that searches see: while a merge runs, its result lies beside them, and is no part of this."""
    bench.ask("POST", f"/{place}/_flush")
    shards = bench.ask("GET", f"/{place}/_segments")["indices"][place]["shards"]
    return sum(each["size_in_bytes"] for copies in shards.values() for each in copies[0]["segments"].values())
