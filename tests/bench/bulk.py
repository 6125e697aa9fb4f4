"""Throughput and CPU of bulk indexing: our pipeline against none, against the least one, and against other designs.

All sides index the same messages into an index with the same settings (codec, sort, refresh, shards), so that they
differ in the pipeline and in what it makes of a message; but for the default mapping, which is the server's own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial

from tests.bench import designs
from tests.bench.bench import Bench
from tests.bench.installed import Installed, installed
from tests.bench.load import Spent, index
from tests.bench.messages import bulk_bodies, messages
from tests.bench.row import Aim, Row, compared
from tests.bench.turns import in_turn
from toolkit.catalogue import read_catalogue
from toolkit.model import Body

_DOCUMENTS = 40_000
_DOCUMENTS_EMBEDDED = 15_000
"""So that all benchmarks end within ten minutes there."""
_LEAST_REPEATS = 5
"""A repeat takes a second or two, and what the engine does beside indexing falls on one or another."""
_WARM_UPS = 3
"""Java's thorough compiler still worked on our script in the first repeat after a single one: 99 µs a document, and 47
in the fourth. The embedded engine has the quick one only."""
_COMPARED = 200


@dataclass(frozen=True, slots=True)
class Side:
    """An index to fill, as a request would make it; None: with nothing given."""

    body: Body | None
    pipeline: Body | None = None
    bodies: list[bytes] | None = None
    """Of `_bulk`; None: the messages as OCS sends them."""


def rows(bench: Bench) -> Iterator[Row]:
    """What ours does a second and costs in CPU, against each other design."""
    designs.remove_all(bench)
    lines = list(messages(_DOCUMENTS_EMBEDDED if bench.opensearch else _DOCUMENTS))
    bodies = list(bulk_bodies(iter(lines)))
    with installed(bench) as ours:
        sides = _sides(ours, lines)
        _require_same(bench, ours, sides, lines[:: len(lines) // _COMPARED])
        take: dict[str, Callable[[], Spent]] = {
            name: partial(_fill, bench, ours, name, side, side.bodies or bodies) for name, side in sides.items()
        }
        in_turn(take, 1 if bench.opensearch else _WARM_UPS, lambda name: bench.say(f"warming up: {name}"))
        figures = in_turn(take, bench.at_least(_LEAST_REPEATS), bench.say)
    designs.remove_all(bench)
    yield from _rows(figures)


def _sides(ours: Installed, lines: list[bytes]) -> dict[str, Side]:
    catalogue = read_catalogue()
    raw = ours.raw_index()
    transformed = ours.index(None)
    return {
        "ours": Side(None),
        "none": Side(raw),
        "constant": Side(raw, designs.constant()),
        "made": Side(transformed, designs.constant(), list(bulk_bodies(iter(ours.made(lines))))),
        "chain": Side(transformed, designs.chain(catalogue)),
        "conditions": Side(transformed, designs.conditions(catalogue)),
        "default mapping": Side({}),
    }


def _fill(bench: Bench, ours: Installed, name: str, side: Side, bodies: list[bytes]) -> Spent:
    """Index everything into a new index; ours is the stream itself, emptied by turning to a new index."""
    if side.body is None:
        ours.turn_over()
        return index(bench, ours.stream, bodies)
    place = f"{designs.PREFIX}-{name.replace(' ', '-')}"
    designs.make(bench, place, side.body, side.pipeline)
    try:
        return index(bench, place, bodies)
    finally:
        bench.ask("DELETE", f"/{place}")


def _require_same(bench: Bench, ours: Installed, sides: Mapping[str, Side], lines: list[bytes]) -> None:
    """Make sure that a design is no straw man: what it makes of a message is what ours makes of it.

    Raises:
        RuntimeError: it is not.
    """
    own = ours.told(ours.pipeline, lines)
    for name in ("chain", "conditions"):
        side = sides[name]
        assert side.pipeline is not None
        for message, document, other in zip(lines, own, ours.told(side.pipeline, lines), strict=True):
            if document != other:
                raise RuntimeError(f"{name} makes {other} of {message!r}, and ours {document}")


def _rows(figures: Mapping[str, list[Spent]]) -> Iterator[Row]:
    aims = {
        "made": ("documents as ours makes them, a pipeline of one constant `set`", Aim(0.95, at_least=True), None),
        "constant": ("raw message, explicit mapping, a pipeline of one constant `set`", Aim(0.95, at_least=True), None),
        "none": ("no pipeline, raw message, explicit mapping", Aim(0.75, at_least=True), Aim(1.4)),
        "chain": ("a chain of processors", Aim(1, at_least=True), Aim(1)),
        "conditions": ("a `set` under a condition for each value", Aim(1, at_least=True), Aim(1)),
        "default mapping": ("no pipeline, raw message, the server's default mapping", None, None),
    }
    for name, (against, throughput, cpu) in aims.items():
        ours, theirs = figures["ours"], figures[name]
        pair = partial(compared, against=against, ours=ours, theirs=theirs)
        key = name.replace(" ", "-")
        what = "bulk of 1,000, throughput with our pipeline"
        yield pair(
            f"bulk-throughput-{key}", what, unit="documents/s", figure=lambda spent: spent.a_second, aim=throughput
        )
        what = "bulk of 1,000, the engine's CPU with our pipeline"
        yield pair(f"bulk-cpu-{key}", what, unit="µs a document", figure=lambda spent: spent.cpu_us, aim=cpu)
