"""What all tests share."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.evidence import Evidence

SKIPS = Path(__file__).with_name("skips.txt")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update", action="store_true", help="write the golden files anew; review the result as a diff")
    parser.addoption("--record", action="store_true", help="keep what a real Elasticsearch answers")
    parser.addoption(
        "--evidence", metavar="FOLDER", help="write down there what ran, on which engine, and how it ended"
    )


def pytest_configure(config: pytest.Config) -> None:
    if folder := config.getoption("--evidence"):
        config.pluginmanager.register(Evidence(Path(folder)))


@pytest.fixture
def update(request: pytest.FixtureRequest) -> bool:
    return bool(request.config.getoption("--update"))


@pytest.fixture(autouse=True, scope="session")
def _no_production() -> None:
    """What a user's shell holds for production must not reach a test."""
    for name in list(os.environ):
        if name.startswith(("ELASTICSEARCH_", "KIBANA_", "OCS_ELASTIC_")) and name != "OCS_ELASTIC_CACHE":
            del os.environ[name]


def allowed_skips() -> dict[str, str]:
    """Test id (or its beginning) → the reason for which it may skip in CI."""
    rows = (line.split(" ", 1) for line in SKIPS.read_text(encoding="utf-8").splitlines() if line[:1] not in ("", "#"))
    return {test: reason.strip() for test, reason in rows}


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> Iterator[None]:
    """Around the reporter's, so that its word is the last: among a hundred excused ones nobody would see it."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    assert isinstance(reporter, pytest.TerminalReporter)
    unexpected = _unexpected(reporter)
    if unexpected and session.exitstatus == 0:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
    yield
    for test in unexpected:
        reporter.write_line(f"SKIPPED in CI without a reason in {SKIPS.name}: {test}", red=True)


def _unexpected(reporter: pytest.TerminalReporter) -> list[str]:
    """Tests that skipped although `CI=true` and nothing excuses them."""
    if os.environ.get("CI") != "true":
        return []
    allowed = allowed_skips()
    skipped = (report.nodeid for report in reporter.stats.get("skipped", []))
    return [test for test in skipped if not any(test.startswith(known) for known in allowed)]
