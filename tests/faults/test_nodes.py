"""Three nodes and a replica: the node that OCS posts to is killed while the others stand behind the same name."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator

import pytest

from tests.faults.account import Account, Posting, found, told
from tests.faults.conftest import Namespace, installed
from tests.faults.mortal import Node, cluster
from tests.faults.wire import wire
from toolkit.ocs.feed import Feed

pytestmark = pytest.mark.timeout(900)
RATE = 100.0


@pytest.fixture(scope="module")
def nodes() -> Iterator[list[Node]]:
    with cluster(3) as started:
        yield started


@pytest.mark.parametrize("how", ["kill", "stop"] if os.environ.get("TEST_FAULTS") == "all" else ["kill"])
def test_the_node_that_ocs_posts_to_goes_and_the_others_go_on(nodes: list[Node], how: str) -> None:
    """A single message a connection is lost: the one that was under way."""
    namespace = installed(nodes[0])
    nodes[0].wait_until_up("green")  # the replica is there: auto_expand_replicas 0-1
    with wire(*(node.url for node in nodes)) as name:
        posting = Posting(name.url + namespace.path, Feed(10_000_000, groups=200, odd_percent=20), rate=RATE)
        posting.wait_for(300)
        began_s = time.monotonic()
        getattr(nodes[0], how)()
        posting.wait_for(600)
        posting.stop.set()
        account = posting.finish()
    _wait_for_primaries(nodes[1])
    there = found(nodes[1], namespace.name)
    lost_s = max((moment for moment, _ in account.not_accepted_at), default=began_s) - began_s
    told(
        how=how,
        posted=account.posted,
        accepted=len(account.accepted),
        found=len(there),
        reasons=account.reasons,
        losing_s=round(lost_s, 1),
    )
    account.check(there)
    _back(nodes)
    account.check(found(nodes[0], namespace.name))
    _lost_little(account, namespace)


def _lost_little(account: Account, namespace: Namespace) -> None:
    assert len(account.unanswered) + len(account.refused) <= 16, account.reasons
    assert len(account.accepted) >= 900, namespace.name


def _wait_for_primaries(node: Node) -> None:
    node.wait_until_up("yellow")


def _back(nodes: list[Node]) -> None:
    nodes[0].start()
    nodes[0].wait_until_up("green")
