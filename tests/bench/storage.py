"""Not measured yet."""

from collections.abc import Iterator

from tests.bench.bench import Bench
from tests.bench.row import Row


def rows(bench: Bench) -> Iterator[Row]:
    yield from ()
