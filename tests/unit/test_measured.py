"""The figures that `sizing` reckons with are those of the benchmarks' last run: neither changes without the other."""

from __future__ import annotations

from statistics import median

import pytest

from tests.bench.feed import straight_line
from tests.bench.row import Row
from tests.bench.table import FOLDER, read, rows_of
from toolkit.measured import read_measured

STORAGE = {
    "standard": ("elasticsearch-8.3.3", "bytes-standard"),
    "logsdb": ("elasticsearch-8.17.2", "bytes-logsdb"),
}
"""Index mode → the engine whose results hold it, and the name of the row."""
FEED = ("elasticsearch-8.3.3", "feed")


def row_of(engine: str, name: str) -> Row:
    groups = read(FOLDER / f"{engine}.json").values()
    (found,) = (row for group in groups for row in rows_of(group) if row.name == name)
    return found


@pytest.mark.parametrize("mode", STORAGE)
def test_a_document_takes_what_the_benchmark_said(mode: str) -> None:
    """To the whole byte."""
    engine, name = STORAGE[mode]
    storage = read_measured().storage[mode]
    assert storage.bytes == pytest.approx(median(row_of(engine, name).ours), abs=0.5)
    assert storage.engine.lower().replace(" ", "-") == engine


def test_the_feed_takes_what_the_benchmark_said() -> None:
    row, indexing = row_of(*FEED), read_measured().indexing
    a_message_us, steady = straight_line(median(row.ours), median(row.theirs))
    assert indexing.post_cpu_us == pytest.approx(a_message_us, abs=0.5)
    assert indexing.steady_cpus == pytest.approx(steady, abs=0.0005)
