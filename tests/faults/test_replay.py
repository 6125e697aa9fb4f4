"""`failures replay` while the engine is killed, by two at once, after a rollover: each message is there once."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

import pytest

from tests.faults.account import Posting, found_in
from tests.faults.conftest import Namespace, installed
from tests.faults.failures import break_pipeline, counts, forget_marks, mend_pipeline
from tests.faults.mortal import Node
from tests.faults.operator import Operator
from toolkit.ocs.feed import Feed

LETTERS = int(os.environ.get("TEST_FAULTS_LETTERS", "100"))

pytestmark = [
    pytest.mark.timeout(1800),
    pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL"),
]


@pytest.fixture
def broken(node: Node, tmp_path: Path) -> tuple[Namespace, Operator, set[int]]:
    """A namespace that has dead letters which wait, and whose pipeline is mended; and their numbers."""
    namespace = installed(node)
    operator = Operator(node, tmp_path / "operator", namespace.name)
    break_pipeline(node)
    account = Posting(namespace.url, Feed(10 * LETTERS, groups=50), concurrency=16).finish()
    mend_pipeline(operator)
    assert len(account.accepted) == 10 * LETTERS, account.reasons
    return namespace, operator, {number for number in account.accepted if number % 10 == 0}


def test_a_replay_during_which_the_engine_is_killed_goes_on_and_writes_nothing_twice(
    broken: tuple[Namespace, Operator, set[int]],
) -> None:
    namespace, operator, numbers = broken
    node = namespace.node
    before = counts(namespace)
    replaying = operator.begin("failures", "replay", "--yes", "--json")
    while node.ask("GET", f"/{namespace.stream}/_count")[1]["count"] == before[0] and replaying.poll() is None:
        time.sleep(0.05)
    node.kill()
    first = operator.end(replaying)
    node.start()
    node.wait_until_up()
    if first.code != 0:
        assert first.code == 1, first
        assert "error: " in first.err
        assert "\nhint: " in first.err
    again = operator.run("failures", "replay", "--yes", "--json")
    assert again.code == 0, again
    places = found_in(node, namespace.stream)
    assert numbers <= places.keys()
    assert {number: place for number, place in places.items() if len(place) > 1} == {}
    assert counts(namespace) == (before[0] + len(numbers), before[1])
    _changes_nothing_any_more(namespace, operator)


def _changes_nothing_any_more(namespace: Namespace, operator: Operator) -> None:
    """Replayed again, after a rollover, and although no dead letter says that it was."""
    before = counts(namespace)
    assert namespace.node.ask("POST", f"/{namespace.stream}/_rollover")[0] == 200
    waiting = forget_marks(namespace)
    again = operator.run("failures", "replay", "--yes", "--json")
    assert again.code == 0, again
    assert json.loads(again.out)["total"] == waiting
    assert counts(namespace) == before


def test_two_replays_at_once_write_nothing_twice(broken: tuple[Namespace, Operator, set[int]], tmp_path: Path) -> None:
    namespace, one, numbers = broken
    two = Operator(namespace.node, tmp_path / "two", namespace.name)
    before = counts(namespace)
    begun = [each.begin("failures", "replay", "--yes") for each in (one, two)]
    ended = [operator.end(process) for operator, process in zip((one, two), begun, strict=True)]
    assert 0 in [done.code for done in ended], ended
    for done in ended:
        assert done.code == 0 or (done.code == 1 and "is changing this cluster since" in done.err), done
    assert one.run("failures", "replay", "--yes").code == 0
    assert counts(namespace) == (before[0] + len(numbers), before[1])
