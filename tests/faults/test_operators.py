"""Two operators at once: one does it, the other is told who does, and in the end all is as it was wanted."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.mortal import Node
from tests.faults.operator import Operator

pytestmark = pytest.mark.timeout(600)

APPLY = ("apply", "--yes")
DESTROY = ("destroy", "--yes", "--data", "ocs-campaign-groups-f_two", "--data", "ocs-dead-letters-f_two")


@pytest.mark.parametrize("other", [APPLY, DESTROY], ids=["apply", "destroy"])
def test_apply_and_another_at_once(node: Node, tmp_path: Path, other: tuple[str, ...]) -> None:
    one, two = Operator(node, tmp_path / "one", "f_two"), Operator(node, tmp_path / "two", "f_two")
    if other == DESTROY:
        assert one.run(*APPLY).code == 0
    begun = [one.begin(*APPLY), two.begin(*other)]
    ended = [one.end(begun[0]), two.end(begun[1])]
    for done in ended:
        assert done.code in (0, 1), done
        if done.code == 1:
            assert "error: " in done.err
            assert "is changing this cluster since" in done.err or "has changed since the plan" in done.err, done
    assert 0 in [done.code for done in ended], ended
    assert one.run(*APPLY).code == 0
    planned = two.run("plan")
    assert planned.code == 0, planned
