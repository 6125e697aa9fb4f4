"""What the engine itself refuses: a write block, a disk past its flood stage."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator, Mapping

import pytest

from tests.faults.account import Posting, found
from tests.faults.conftest import Namespace
from tests.faults.mortal import Node
from tests.unit.commands import Command
from toolkit.ocs.feed import Feed

_DISK = "cluster.routing.allocation.disk"
_FLOODED = {
    f"{_DISK}.threshold_enabled": True,
    f"{_DISK}.watermark.low": "0.01%",
    f"{_DISK}.watermark.high": "0.02%",
    f"{_DISK}.watermark.flood_stage": "0.03%",
}
"""So that every disk is too full."""
_ROOMY = {
    f"{_DISK}.watermark.low": "99.97%",
    f"{_DISK}.watermark.high": "99.98%",
    f"{_DISK}.watermark.flood_stage": "99.99%",
}
"""So that none is; the engine lifts its block itself, but only while it watches."""

ALL = os.environ.get("TEST_FAULTS") == "all"
"""Whether the engine is waited for until it lifts its block itself: `make faults`."""

pytestmark = pytest.mark.timeout(600)


@pytest.fixture
def flooded(node: Node, namespace: Namespace) -> Iterator[None]:
    """The engine has found its disk past the flood stage, and has made every index read-only itself."""
    _set_transient(node, _FLOODED)
    try:
        _wait(lambda: _is_blocked(namespace), "blocked")
        yield
    finally:
        _set_transient(node, _ROOMY)
        if not ALL:  # the engine does it itself, but takes a minute
            _lift_blocks(node)
        _wait(lambda: _is_open(namespace), "open again")
        _set_transient(node, dict.fromkeys(_FLOODED))


def _lift_blocks(node: Node) -> None:
    every = {"index.blocks.read_only_allow_delete": None}
    assert node.ask("PUT", "/_all/_settings?expand_wildcards=all", every)[0] == 200
    for duration in ("transient", "persistent"):
        assert node.ask("PUT", "/_cluster/settings", {duration: {"cluster.blocks.create_index": None}})[0] == 200


def _set_transient(node: Node, settings: Mapping[str, object]) -> None:
    status, answer = node.ask("PUT", "/_cluster/settings", {"transient": settings})
    assert status == 200, answer


def _is_blocked(namespace: Namespace) -> bool:
    """Whether the engine blocked the indices of both streams."""
    _, answer = namespace.node.ask("GET", f"/{namespace.stream},{namespace.dead_letters}/_settings?flat_settings=true")
    return all("index.blocks.read_only_allow_delete" in index["settings"] for index in answer.values())


def _is_open(namespace: Namespace) -> bool:
    """Whether nothing is blocked; OpenSearch also lets no index be made where every disk is too full."""
    _, answer = namespace.node.ask("GET", f"/{namespace.stream},{namespace.dead_letters}/_settings?flat_settings=true")
    _, cluster = namespace.node.ask("GET", "/_cluster/settings?flat_settings=true")
    blocks = [*(index["settings"] for index in answer.values()), *cluster.values()]
    return not any("blocks." in name for settings in blocks for name in settings)


def _wait(there: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 90
    while not there():
        assert time.monotonic() < deadline, f"not {what}"
        time.sleep(0.2)


def test_a_full_disk_refuses_messages_and_every_command_says_why(
    namespace: Namespace, flooded: None, ocs_elastic: Command
) -> None:
    posting = Posting(namespace.url, Feed(20, groups=8), first=1000)
    account = posting.finish()
    assert set(account.refused.values()) == {"429 cluster_block_exception"}
    assert len(account.refused) == 20
    assert not account.refused.keys() & found(namespace.node, namespace.name).keys()

    name = ("--namespace", namespace.name)
    posted = ocs_elastic("verify", *name)
    assert posted.code == 1
    assert "flood-stage watermark" in posted.err
    assert "hint: free disk space" in posted.err
    diagnosed = ocs_elastic("doctor", *name, "--check")
    assert diagnosed.code == 2, diagnosed
    assert "read_only_allow_delete" in diagnosed.out or "flood_stage" in diagnosed.out
    for reading in (("status",), ("plan",), ("report", "--json")):
        assert ocs_elastic(*reading, *name).code == 0
    made = ocs_elastic("apply", "--namespace", "nobody_was_here", "--yes")
    assert made.code == 1
    assert "blocked by: " in made.err
    assert "\nhint: " in made.err
    gone = ocs_elastic("destroy", *name, "--yes")
    assert gone.code in (0, 1), gone
    assert gone.code == 0 or "\nhint: " in gone.err


def test_a_blocked_write_index_refuses_messages_and_the_doctor_names_it(
    namespace: Namespace, ocs_elastic: Command
) -> None:
    node = namespace.node
    assert node.ask("PUT", f"/{namespace.stream}/_settings", {"index.blocks.write": True})[0] == 200
    try:
        account = Posting(namespace.url, Feed(20, groups=8), first=2000).finish()
        name = ("--namespace", namespace.name)
        posted = ocs_elastic("verify", *name)
        diagnosed = ocs_elastic("doctor", *name, "--json")
        status = ocs_elastic("status", *name)
        planned = ocs_elastic("plan", *name)
    finally:
        assert node.ask("PUT", f"/{namespace.stream}/_settings", {"index.blocks.write": None})[0] == 200
    assert set(account.refused.values()) == {"403 cluster_block_exception"}
    assert len(account.refused) == 20
    assert not account.refused.keys() & found(node, namespace.name).keys()
    assert posted.code == 1
    assert "index write (api)" in posted.err
    assert "create_doc" not in posted.err, "it is no privilege that is missing"
    assert "ocs-elastic doctor names the block" in posted.err
    assert diagnosed.code == 1
    (finding,) = [f for f in json.loads(diagnosed.out)["findings"] if f["check"] == "blocks"]
    assert finding["level"] == "critical"
    assert "index.blocks.write" in finding["what"]
    assert (status.code, planned.code) == (0, 0), (status, planned)
    account = Posting(namespace.url, Feed(20, groups=8), first=3000).finish()
    assert len(account.accepted) == 20
