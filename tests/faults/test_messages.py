"""What becomes of OCS's messages under each fault: accepted is found, nothing is there twice, and no loss but in it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.faults.account import Account, Posting, found, told
from tests.faults.conftest import Namespace, installed
from tests.faults.failures import break_pipeline, counts, forget_marks, mend_pipeline
from tests.faults.mortal import Node
from tests.faults.operator import Operator
from tests.faults.wire import PASS, Treatment, Wire, only_posts_to
from toolkit.ocs.feed import Feed

MESSAGES = int(os.environ.get("TEST_FAULTS_MESSAGES", "2000"))
"""How many are accepted around the kills; `make faults` has 100,000."""
ENDLESS = 10_000_000
SETTLING_S = 2
"""How long after an engine says that it is up a message may still be lost, on a machine that has more to do."""
KILLS = int(os.environ.get("TEST_FAULTS_KILLS", "1"))
RATE = float(os.environ.get("TEST_FAULTS_RATE", "200"))
"""Messages a second: so many that a fault of a second shows, and an engine on two cores keeps up."""

TOO_EARLY = {"400 mapper_parsing_exception", "400 document_parsing_exception"}
"""A node that starts listens before it knows its indices, so a message that comes then goes to them without their
pipeline, and is refused: the mapping takes no GSW_ name."""
ANY_TIME = {"400 illegal_argument_exception"}
"""Elasticsearch from 8.4 on takes no body that holds `_index` or the like, a class of odd ones."""

pytestmark = [
    pytest.mark.timeout(1800),
    pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL"),
]


def test_what_was_accepted_survives_a_kill_and_what_is_lost_was_posted_meanwhile(node: Node, tmp_path: Path) -> None:
    """`index.translog.durability: request`: an answer means that the message is on the disk.

    Beside the numbered messages `ocs-elastic simulate` posts too: it goes on through the fault, and tells what it lost.
    """
    namespace, second = installed(node), installed(node)
    break_pipeline(node)
    operator = Operator(node, tmp_path / "operator", namespace.name)
    posting = Posting(namespace.url, Feed(ENDLESS, groups=200, odd_percent=20), rate=RATE)
    outages = []
    with simulating(second) as simulate:
        for _ in range(KILLS):
            posting.wait_for(MESSAGES // (KILLS + 1))
            began_s = time.monotonic()
            node.kill()
            node.start()
            node.wait_until_up()
            outages.append((began_s, time.monotonic()))
        posting.wait_for(MESSAGES - len(posting.account.accepted))
        posting.stop.set()
        account = posting.finish()
        simulate.terminate()
        out, _ = simulate.communicate(timeout=60)
    there = found(node, namespace.name)
    not_known = [number for number in account.unanswered if number in there]
    told(
        posted=account.posted,
        accepted=len(account.accepted),
        found=len(there),
        found_though_unanswered=len(not_known),
        down_s=[round(ended_s - began_s, 1) for began_s, ended_s in outages],
        rate=RATE,
        reasons=account.reasons,
        details=account.details,
    )
    account.check(there)
    late = [
        (reason, [round(moment - ended_s, 1) for _, ended_s in outages])
        for moment, reason in account.not_accepted_at
        if reason not in ANY_TIME
        and not any(began_s - 1 < moment < ended_s + SETTLING_S for began_s, ended_s in outages)
    ]
    assert late == []
    assert set(account.refused.values()) <= TOO_EARLY | ANY_TIME, account.reasons
    assert len(not_known) <= 8 * KILLS, "no more than were under way"
    _tells_what_it_lost(simulate.returncode, json.loads(out), second)
    mend_pipeline(operator)
    _replayed_once(namespace, operator)


def _replayed_once(namespace: Namespace, operator: Operator) -> None:
    """All failures, twice, with a rollover between: the second time changes no count."""
    first = operator.run("failures", "replay", "--yes", "--json")
    replayed = counts(namespace)
    assert namespace.node.ask("POST", f"/{namespace.stream}/_rollover")[0] == 200
    again = operator.run("failures", "replay", "--yes", "--json")
    told(first=json.loads(first.out), again=json.loads(again.out), counts=replayed)
    assert counts(namespace) == replayed
    forget_marks(namespace)
    once_more = operator.run("failures", "replay", "--yes", "--json")
    told(once_more=json.loads(once_more.out))
    assert counts(namespace) == replayed
    assert {first.code, again.code, once_more.code} <= {0, 3}, "those that are no message of OCS fail again"


@contextmanager
def simulating(namespace: Namespace) -> Iterator[subprocess.Popen[str]]:
    """`ocs-elastic simulate`, which posts until it is told to end."""
    line = [sys.executable, "-m", "toolkit", "simulate", "--url", namespace.url, "--json", "--rate", "50"]
    with subprocess.Popen([*line, "--count", str(ENDLESS)], stdout=subprocess.PIPE, text=True) as process:
        try:
            while counts(namespace)[0] == 0:
                assert process.poll() is None, "it asks first whether the stream is there"
                time.sleep(0.1)
            yield process
        finally:
            process.kill()


def _tells_what_it_lost(code: int, tally: dict[str, Any], namespace: Namespace) -> None:
    assert code == 1
    assert 0 < tally["refused"] == tally["posted"] - tally["accepted"]
    assert "connection refused" in {reason["reason"] for reason in tally["reasons"]}
    namespace.node.ask("POST", f"/{namespace.stream}/_refresh")
    there = namespace.node.ask("GET", f"/{namespace.stream}/_count")[1]["count"]
    assert tally["accepted"] <= there <= tally["accepted"] + 8 * KILLS


@pytest.mark.parametrize("place", ["the head", "before the body", "the body", "its last byte"])
def test_a_request_that_is_cut_is_not_there(namespace: Namespace, cable: Wire, place: str) -> None:
    def cut(request: Any) -> Treatment:
        head, body = len(request.head), len(request.body)
        after = {
            "the head": 20,
            "before the body": head,
            "the body": head + body // 2,
            "its last byte": head + body - 1,
        }[place]
        return Treatment(request_bytes=after) if request.method == "POST" and next(turns) % 2 else PASS

    turns = iter(range(1_000_000))
    cable.treat = cut
    account = _posted(cable, namespace, 20)
    assert len(account.accepted) == len(account.unanswered) == 10, account.reasons
    assert not set(account.unanswered) & found(namespace.node, namespace.name).keys()


@pytest.mark.parametrize("after", [0, 10, 150, -1], ids=["nothing", "the status", "the head", "its last byte"])
def test_a_message_whose_answer_is_cut_is_there_once(namespace: Namespace, cable: Wire, after: int) -> None:
    """OCS cannot know, and asks nobody: it was taken."""
    cable.treat = only_posts_to(namespace.path, Treatment(answer_bytes=after))
    account = _posted(cable, namespace, 10)
    assert account.refused == {}
    assert not any(account.accepted.values()), "no answer was whole"
    assert account.accepted.keys() | account.unanswered.keys() <= found(namespace.node, namespace.name).keys()


@pytest.mark.parametrize(("status", "kind"), [(429, "es_rejected_execution_exception"), (503, "unavailable")])
def test_in_a_storm_of_refusals_what_is_refused_is_lost_and_nothing_else(
    namespace: Namespace, cable: Wire, status: int, kind: str
) -> None:
    began_s = time.monotonic()
    storm = Treatment(instead=(status, kind))
    cable.treat = lambda _request: storm if 0.5 < time.monotonic() - began_s < 1.5 else PASS
    account = _posted(cable, namespace, 400, rate=200)
    refused = sum(treatment is storm for _, treatment in cable.treated)
    assert 50 < refused == len(account.refused), account.reasons
    assert set(account.refused.values()) == {f"{status} {kind}"}
    assert len(account.accepted) == 400 - refused


def test_slow_answers_slow_the_feed_and_lose_nothing_where_the_sender_waits(namespace: Namespace, cable: Wire) -> None:
    cable.treat = only_posts_to(namespace.path, Treatment(delay_s=1))
    account = _posted(cable, namespace, 16)
    assert len(account.accepted) == 16


_numbers = iter(range(10_000_000, 1_000_000_000, 100_000))


def _posted(cable: Wire, namespace: Namespace, count: int, rate: float | None = None) -> Account:
    """Ordinary messages over the wire, and the promise held against what is there; no number is used twice."""
    first = next(_numbers)
    feed = Feed(count, groups=8)
    account = Posting(cable.url + namespace.path, feed, rate=rate, first=first).finish(timeout_s=60)
    assert account.posted == count
    cable.treat = lambda _request: PASS
    there = found(namespace.node, namespace.name)
    account.check({number: places for number, places in there.items() if first <= number < first + count})
    return account
