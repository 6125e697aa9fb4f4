"""`make bench`: measures everything, or what is named, and writes `tests/bench/results`."""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

from tests.bench import bulk, feed, memory, plan, queries, single, start_up, storage
from tests.bench.bench import Bench
from tests.bench.row import Row
from tests.bench.table import FOLDER, keep, table
from tests.running import engines

GROUPS: dict[str, Callable[[Bench], Iterator[Row]]] = {
    "start-up": start_up.rows,
    "bulk": bulk.rows,
    "single": single.rows,
    "feed": feed.rows,
    "storage": storage.rows,
    "queries": queries.rows,
    "plan": plan.rows,
    "memory": memory.rows,
}
_LEAST_REPEATS = 3


def main() -> None:
    """Measure, and tell whoever waits."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("groups", nargs="*", metavar="GROUP", help=f"what to measure: {', '.join(GROUPS)}; all")
    parser.add_argument("--repeats", type=int, default=_LEAST_REPEATS, help="how often each side is measured")
    arguments = parser.parse_args()
    if unknown := set(arguments.groups) - set(GROUPS):
        parser.error(f"no such group: {', '.join(sorted(unknown))}")
    run = _run()  # before results are written, which would make the working tree another one than its commit
    for engine in engines():
        bench = Bench(engine, arguments.repeats)
        name = str(engine.server).replace(" ", "-")
        for group in arguments.groups or GROUPS:
            if rows := list(GROUPS[group](bench)):
                keep(name, group, rows, run)
                print(table(name, rows))  # noqa: T201 - it is a program
        print(f"written: {FOLDER.name}/{name}.md", file=sys.stderr)  # noqa: T201


def _run() -> dict[str, str]:
    """What is told of a run beside its figures."""
    done = subprocess.run(["git", "describe", "--always", "--dirty"], capture_output=True, text=True, check=False)
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "commit": done.stdout.strip() or "unknown",
        "machine": f"{os.cpu_count()} CPUs, Python {platform.python_version()}",
    }


if __name__ == "__main__":
    main()
