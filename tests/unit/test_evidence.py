"""README.md says of each engine what ran there, and no more."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.evidence import FOLDER, GROUPS, IN_CI, ROOT, current_pipeline, matrix

MARKER = "tests.evidence"
"""Stands in README.md where the table is generated."""
PIPELINE, PLAN = GROUPS[0].title, "`plan` and `apply`: every leaf, every interruption"


RUN = {"commit": "0123456789abcdef", "date": "2026-11-23", "kibana": None}


def report(folder: Path, groups: dict[str, Any] | None = None, *, pipeline: str | None = None, **changed: Any) -> None:
    run = {**RUN, "pipeline": pipeline or current_pipeline()}
    counts = groups or {title: {"passed": 2, "failed": 0, "skipped": 0} for title in (PIPELINE, PLAN)}
    found = {"version": "8.3.3", "security": False, **changed}
    found["groups"] = {title: {**run, **each} for title, each in counts.items()}
    secured = "-secured" if found["security"] else ""
    (folder / f"elasticsearch-{found['version']}{secured}.json").write_text(json.dumps(found), encoding="utf-8")


def cells(table: str) -> dict[tuple[str, str], str]:
    """(line, column) → value."""
    lines = [line.strip("| ").split(" | ") for line in table.splitlines() if line.startswith("|")]
    columns = lines[0]
    return {(row[0], column): value for row in lines[2:] for column, value in zip(columns, row[1:], strict=True)}


def test_what_ran_by_hand_is_told_from_what_did_not_run(tmp_path: Path) -> None:
    report(tmp_path)
    found = cells(matrix(tmp_path))
    assert found[PIPELINE, "Elasticsearch 8.3.3"] == found[PLAN, "Elasticsearch 8.3.3"] == "by hand"
    assert found["`destroy`", "Elasticsearch 8.3.3"] == "not run"
    assert found["`destroy`", "OpenSearch 3.6.0, embedded"] == "CI"
    assert set(found.values()) == {"CI", "by hand", "not run"}
    assert "Elasticsearch 8.3.3: commit 0123456 (2026-11-23)." in matrix(tmp_path)


def test_what_ran_at_different_times_is_told_by_its_own_commit(tmp_path: Path) -> None:
    counts = {"passed": 1, "failed": 0, "skipped": 0}
    report(tmp_path, {PLAN: counts, PIPELINE: {**counts, "commit": "fedcba987", "date": "2026-11-24"}})
    assert "8.3.3: commit 0123456 (2026-11-23), commit fedcba9 (2026-11-24)." in matrix(tmp_path)


def test_versions_stand_in_their_order_and_security_apart(tmp_path: Path) -> None:
    for version, security in (("8.17.2", True), ("8.17.2", False), ("8.3.3", False)):
        report(tmp_path, version=version, security=security)
    columns = matrix(tmp_path).splitlines()[0].strip("| ").split(" | ")
    assert columns[len(IN_CI) :] == ["Elasticsearch 8.3.3", "Elasticsearch 8.17.2", "Elasticsearch 8.17.2, security on"]


def test_another_pipelines_messages_say_nothing_about_this_one(tmp_path: Path) -> None:
    report(tmp_path, pipeline="1:0")
    found = cells(matrix(tmp_path))
    assert found[PIPELINE, "Elasticsearch 8.3.3"] == "not run"
    assert found[PLAN, "Elasticsearch 8.3.3"] == "by hand"


def test_what_was_only_skipped_did_not_run(tmp_path: Path) -> None:
    report(tmp_path, groups={PLAN: {"passed": 0, "failed": 0, "skipped": 3}})
    assert cells(matrix(tmp_path))[PLAN, "Elasticsearch 8.3.3"] == "not run"


def test_bad_evidence_of_a_failure(tmp_path: Path) -> None:
    report(tmp_path, groups={PLAN: {"passed": 9, "failed": 1, "skipped": 0}})
    with pytest.raises(ValueError, match=r"elasticsearch-8\.3\.3\.json: failed: `plan`"):
        matrix(tmp_path)


def test_every_group_has_tests_and_nothing_of_a_machine_is_in_the_evidence() -> None:
    for group in GROUPS:
        assert all((ROOT / test.partition("::")[0]).is_file() for test in group.tests), group.title
    for file in FOLDER.glob("*.json"):
        kept = json.loads(file.read_text(encoding="utf-8"))
        assert kept.keys() == {"engine", "version", "security", "groups"}
        for group in kept["groups"].values():
            assert group.keys() == {"passed", "failed", "skipped", "commit", "date", "kibana", "pipeline"}
        assert "/" not in file.read_text(encoding="utf-8"), file.name


@pytest.mark.skipif(sys.platform != "linux", reason="the partial engines are Linux's")
def test_the_engines_of_ci_are_those_that_ci_starts() -> None:
    from tests.engines.partial import DISTRIBUTIONS  # noqa: PLC0415 - Linux only
    from toolkit.local.cache import OPENSEARCH  # noqa: PLC0415

    started = {f"Elasticsearch {version}, partial" for version in DISTRIBUTIONS}
    assert IN_CI.keys() == {f"OpenSearch {OPENSEARCH.version}, embedded", *started}


def test_readme_shows_the_table() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    if MARKER in readme:
        assert matrix() in readme, "write it anew: make docs"
