"""The demo on the embedded engine: what it counts, and the page that it ends with."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from tests.running import Engine
from toolkit.apply import remove
from toolkit.load import desired
from toolkit.ocs.feed import Feed
from toolkit.report.page import page
from toolkit.uses.demo import SETTINGS, demo


@pytest.fixture
def embedded(engine: Engine) -> Iterator[Engine]:
    if not engine.connection.embedded:
        pytest.skip("the demo runs on the embedded engine only")
    yield engine
    remove(engine.transport, [r for r in desired(SETTINGS, engine.server) if r.namespace])


def test_the_demo_ends_with_a_report_of_all_that_it_posted(embedded: Engine) -> None:
    found = demo(embedded.connection, Feed(count=400, groups=4, odd_percent=5))
    assert found.posted == found.stored + found.dead_lettered == 400
    assert found.report.dead_letter_count == found.dead_lettered
    assert {group.state.guid for group in found.report.groups} == {state.guid for state in found.states}
    assert found.report.change_count > 10
    text = page(found.report, datetime.now(UTC))
    assert text.count("<svg") == 3
    for state in found.states:
        assert (state.name or "(no name)").split("@")[0][:20] in text
