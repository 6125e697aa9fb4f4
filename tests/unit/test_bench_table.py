"""What benchmarks make of their figures; no figure is measured here."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from tests.bench import summary, table
from tests.bench.row import Aim, Row
from tests.bench.turns import in_turn

RUN = {"date": "2026-01-02", "commit": "abc", "machine": "2 CPUs"}
QUICK = Row(
    "quick", "ours", "theirs", "ms", (1.0, 3.0, 2.0), (2.0, 2.0, 2.0), Aim(1.2), note="a note", client_share=0.02
)
MISSED = Row("missed", "a panel", "plain", "ms", (6.0,), (2.0,), Aim(2.0))


def test_a_ratio_is_the_median_of_the_repeats() -> None:
    assert QUICK.ratios == (0.5, 1.5, 1.0)
    assert QUICK.ratio == 1.0


@pytest.mark.parametrize(
    ("aim", "ratio", "met"),
    [
        (Aim(0.95, at_least=True), 0.95, True),
        (Aim(0.95, at_least=True), 0.949, False),
        (Aim(1.4), 1.4, True),
        (Aim(1.4), 1.41, False),
    ],
)
def test_an_aim_is_met_at_its_limit(aim: Aim, ratio: float, met: bool) -> None:
    assert aim.met(ratio) is met


def test_sides_are_taken_in_turn_and_back() -> None:
    order: list[str] = []

    def taken(name: str) -> int:
        order.append(name)
        return len(order)

    assert in_turn({name: partial(taken, name) for name in "ab"}, 3) == {"a": [1, 4, 5], "b": [2, 3, 6]}
    assert "".join(order) == "abbaab"


def test_a_group_that_is_measured_again_leaves_the_others(tmp_path: Path) -> None:
    table.keep("elasticsearch-8.3.3", "one", [QUICK], RUN, tmp_path)
    table.keep("elasticsearch-8.3.3", "two", [MISSED], RUN, tmp_path)
    table.keep("elasticsearch-8.3.3", "two", [MISSED, QUICK], RUN, tmp_path)
    groups = table.read(tmp_path / "elasticsearch-8.3.3.json")
    assert {title: table.rows_of(group) for title, group in groups.items()} == {"one": [QUICK], "two": [MISSED, QUICK]}
    page = (tmp_path / "elasticsearch-8.3.3.md").read_text(encoding="utf-8")
    assert "| ours | theirs | 2 ms | 2 ms | **1.00** (0.50 to 1.50) | ≤ 1.2 | met | 2% |" in page
    assert "- ours, against theirs: a note" in page
    assert f"Missed: a panel, against plain. Reason: {table.NO_REASON}" in page


def test_the_readme_shows_each_engine_and_why_an_aim_is_missed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(summary, "reason", lambda engine, name: f"{name} on {engine}")
    met = Row("query-met", "another panel", "plain", "ms", (3.0,), (2.0,), Aim(2.0))
    table.keep("opensearch-3.6.0", "queries", [MISSED, met], RUN, tmp_path)
    table.keep("elasticsearch-8.17.2", "plan", [QUICK], RUN, tmp_path)
    table.keep("elasticsearch-8.3.3", "queries", [MISSED], RUN, tmp_path)
    lines = summary.summary(tmp_path).splitlines()
    engines = "Elasticsearch 8.3.3 | Elasticsearch 8.17.2 | embedded OpenSearch 3.6.0"
    assert lines[0] == f"| what | against | aim | {engines} | client's CPU |"
    assert "| a panel | plain | ≤ 2 | **3.00 (3.00 to 3.00)** | - | **3.00 (3.00 to 3.00)** |  |" in lines
    assert "| ours | theirs | ≤ 1.2 | - | 1.00 (0.50 to 1.50) | - | 2% |" in lines
    assert "| 1 other searches of panels, the slowest | the same | ≤ 2 | - | - | 1.50 | |" in lines
    assert "- a panel, against plain: missed on opensearch-3.6.0" in lines
    assert lines[-1].startswith("Measured: Elasticsearch 8.3.3: 2026-01-02, 2 CPUs, commit abc; ")
