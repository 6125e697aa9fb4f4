"""What ran on which engine: written by `pytest --evidence FOLDER`, and shown in README.md as a table.

A run on an engine of one's own (`make test-full`) leaves one file in tests/evidence: the engine, the commit, and how
each group of tests ended. What CI runs on every change needs no file.
"""

from __future__ import annotations

import json
import subprocess
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "tests" / "evidence"

CI, BY_HAND, NOT_RUN = "CI", "by hand", "not run"


@dataclass(frozen=True, slots=True)
class Server:
    """The engine that a run was on."""

    distribution: str
    version: str
    secured: bool


SERVER = pytest.StashKey[Server]()
"""Set by the fixture that finds the engine."""
KIBANA = pytest.StashKey[str]()
"""Its version; to be set by the fixture that uses it, so that no Kibana is claimed that no test has asked."""


@dataclass(frozen=True, slots=True)
class Group:
    """Tests that make one line of the table."""

    title: str
    tests: tuple[str, ...]
    """Beginnings of their ids."""
    of_pipeline: bool = False
    """Whether they say something about the very pipeline that they ran with, and about no other."""
    beyond_ci: bool = False
    """Whether they need what no engine in CI has: security on a whole server, or the exchange of a stream's indices."""

    def holds(self, test: str) -> bool:
        """Whether a test belongs to it."""
        return test.startswith(self.tests)


GROUPS = (
    Group(
        "pipeline: golden messages",
        ("tests/engine/test_pipeline.py::test_a_message_becomes_its_golden_document",),
        of_pipeline=True,
    ),
    Group("never refuse: generated objects", ("tests/engine/test_never_refuse.py",), of_pipeline=True),
    Group("10,000 messages, a fifth odd, ground truth met", ("tests/engine/test_questions.py",), of_pipeline=True),
    Group("`plan` and `apply`: every leaf, every interruption", ("tests/engine/test_plan.py",)),
    Group("what an index takes while it is there, and what not", ("tests/engine/test_index_difference.py",)),
    Group("`migrate`: every step, killed, interrupted, two at once", ("tests/engine/test_migrate.py",)),
    Group(
        "`migrate`: indices of a stream exchanged while messages come",
        ("tests/engine/test_reindex.py",),
        beyond_ci=True,
    ),
    Group("every schema to the newest", ("tests/engine/test_schemas.py",)),
    Group("`destroy`", ("tests/engine/test_destroy.py",)),
    Group("`verify`, `status`", ("tests/engine/test_verify.py", "tests/engine/test_status.py")),
    Group("OCS's credentials: what they may do, every refusal", ("tests/engine/test_credentials.py",), beyond_ci=True),
    Group(
        "roles: everything with that role alone, no privilege to spare", ("tests/engine/test_roles.py",), beyond_ci=True
    ),
    Group("`bootstrap`", ("tests/engine/test_bootstrap.py",)),
    Group("dashboards: every panel's question answered with the truth", ("tests/engine/test_dashboards.py",)),
    Group("dashboards in Kibana: plan, import, export, delete", ("tests/recorded/test_recorded_kibana.py",)),
    Group("`report`: every change, in both ways to fill periodic messages", ("tests/engine/test_report.py",)),
    Group("`failures replay`: once, whatever happens", ("tests/engine/test_replay.py",)),
    Group("`relabel`: every document, interrupted and run again", ("tests/engine/test_relabel.py",)),
    Group("`doctor`", ("tests/engine/test_doctor.py",)),
    Group("`listen`: what it shows is what is stored", ("tests/engine/test_listen.py",), of_pipeline=True),
    Group("what only reads, writes nothing", ("tests/engine/test_read_only.py",)),
    Group("ILM policies and transform: made, changed, destroyed", ("tests/recorded/test_recorded.py",)),
    Group("templates and stored documents", ("tests/engines/test_partial_elasticsearch.py",)),
    Group("failure stores: what they keep, counted and replayed", ("tests/engines/test_partial_failure_store.py",)),
    Group("ILM policies, by Elasticsearch's own parser", ("tests/engines/test_ilm_policies.py",)),
)

IN_CI = {
    "OpenSearch 3.6.0, embedded": "tests/engine/",
    "Elasticsearch 8.19.21, partial": "tests/engines/",
    "Elasticsearch 9.5.3, partial": "tests/engines/",
}
"""The engines of CI, with the folder of the tests that run on each."""


class Evidence:
    """Counts how the tests of each group end, and writes it down."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._commit = _commit()
        self._outcomes: dict[str, str] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """The worst of a test's phases is what it came to."""
        if report.failed or report.skipped or report.when == "call":
            self._outcomes[report.nodeid] = report.outcome

    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Write it down, unless the run was broken off."""
        server = session.config.stash.get(SERVER, None)
        if server is None or exitstatus not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        name = f"{server.distribution}-{server.version}{'-secured' if server.secured else ''}.json"
        file = self._folder / name
        before = json.loads(file.read_text(encoding="utf-8"))["groups"] if file.exists() else {}
        ran = self._ran(session.config.stash.get(KIBANA, None))
        groups = {group.title: ran.get(group.title) or before.get(group.title) for group in GROUPS}
        report = {
            "engine": server.distribution,
            "version": server.version,
            "security": server.secured,
            "groups": {title: found for title, found in groups.items() if found},
        }
        file.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")

    def _ran(self, kibana: str | None) -> dict[str, dict[str, Any]]:
        """What each group came to now; one that did not run keeps what it came to before."""
        run = {
            "commit": self._commit,
            "date": datetime.now(UTC).date().isoformat(),
            "kibana": kibana,
            "pipeline": current_pipeline(),
        }
        return {group.title: {**counts, **run} for group in GROUPS if (counts := self._counts(group))}

    def _counts(self, group: Group) -> dict[str, int]:
        counts = Counter(outcome for test, outcome in self._outcomes.items() if group.holds(test))
        return {outcome: counts[outcome] for outcome in ("passed", "failed", "skipped")} if counts else {}


def _commit() -> str:
    """The commit that is tested.

    Raises:
        UsageError: what would be tested is no commit, so nobody could look at it later.
    """
    changed = _git("status", "--porcelain", "--", ".", ":!tests/evidence")
    if changed:
        raise pytest.UsageError(f"evidence names a commit, so commit first:\n{changed}")
    return _git("rev-parse", "HEAD")


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise pytest.UsageError(f"evidence names a commit: {done.stderr.strip()}")
    return done.stdout.strip()


def current_pipeline() -> str:
    """The checksum of the pipeline as it is now."""
    from tests.engine.test_pipeline import pipeline_checksum  # noqa: PLC0415 - pytest must have loaded it first

    return pipeline_checksum()


def matrix(folder: Path = FOLDER) -> str:
    """The table of README.md: what ran on each engine.

    Raises:
        ValueError: a file tells of failures.
    """
    pipeline = current_pipeline()
    columns = {name: dict(_in_ci(tests)) for name, tests in IN_CI.items()}
    reports = [_report_of(file) for file in folder.glob("elasticsearch-*.json")]
    reports.sort(key=lambda report: (_number(report["version"]), report["security"]))
    columns |= {_column(report): dict(_by_hand(report, pipeline)) for report in reports}
    head = "| | " + " | ".join(columns) + " |"
    rows = [
        f"| {group.title} | " + " | ".join(cells.get(group.title, NOT_RUN) for cells in columns.values()) + " |"
        for group in GROUPS
    ]
    table = "\n".join([head, "|---" * (len(columns) + 1) + "|", *rows])
    runs = [f"{_column(report)}: {_runs(report)}" for report in reports]
    return f"{table}\n\nBy hand: {'; '.join(runs)}." if runs else table


def _in_ci(folder: str) -> Iterator[tuple[str, str]]:
    for group in GROUPS:
        if not group.beyond_ci and all(test.startswith(folder) for test in group.tests):
            yield group.title, CI


def _by_hand(report: dict[str, Any], pipeline: str) -> Iterator[tuple[str, str]]:
    """What passed; another pipeline's messages say nothing about this one's."""
    for group in GROUPS:
        found = report["groups"].get(group.title, {"passed": 0})
        if found["passed"] and (found["pipeline"] == pipeline or not group.of_pipeline):
            yield group.title, BY_HAND


def _runs(report: dict[str, Any]) -> str:
    """Which commits ran there, and when."""
    found = sorted({(group["date"], group["commit"][:7]) for group in report["groups"].values()})
    return ", ".join(f"commit {commit} ({date})" for date, commit in found)


def _report_of(file: Path) -> dict[str, Any]:
    report: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    failed = [title for title, counts in report["groups"].items() if counts["failed"]]
    if failed:
        raise ValueError(f"{file.name}: failed: {', '.join(failed)}; run it again once it passes")
    return report


def _column(report: dict[str, Any]) -> str:
    return f"Elasticsearch {report['version']}{', security on' if report['security'] else ''}"


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))
