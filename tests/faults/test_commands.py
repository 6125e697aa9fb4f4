"""What the commands do under each fault: a clear error, its exit code, nothing half done, and they can be run again."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator

import pytest

from tests.faults.conftest import Namespace, deployed, installed
from tests.faults.mortal import Node
from tests.faults.wire import PASS, Request, Treat, Treatment, Wire, from_the, only_posts_to
from tests.unit.commands import Command, Ran
from toolkit.client.guard import writes
from toolkit.kinds import KIND

pytestmark = pytest.mark.timeout(600)

FAULTS = {
    "request cut": Treatment(request_bytes=30),
    "answer cut": Treatment(answer_bytes=150),
    "429": Treatment(instead=(429, "es_rejected_execution_exception")),
    "503": Treatment(instead=(503, "unavailable_shards_exception")),
    "slow": Treatment(delay_s=3),
}
ALL = os.environ.get("TEST_FAULTS") == "all"
"""Whether every fault happens at every write: `make faults`."""
READS = ["plan", "status", "report --json", "doctor", "doctor --check"]


@pytest.fixture(scope="module")
def used(node: Node) -> Namespace:
    """A namespace that is installed, with a message and a dead letter, refreshed."""
    found = installed(node)
    for message in ({"GSW_CAMPAIGN_GROUP_GUID": "g", "GSW_CAMPAIGN_GROUP_STATE": 5}, {"nothing": "of OCS"}):
        assert node.ask("POST", f"{found.path}", message)[0] == 201
    assert node.ask("POST", f"/{found.stream},{found.dead_letters}/_refresh")[0] == 200
    return found


def run(ocs_elastic: Command, command: str, namespace: str) -> Ran:
    ran = ocs_elastic(*command.split(), "--namespace", namespace)
    assert "Traceback" not in ran.err + ran.out
    return ran


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("command", READS)
def test_a_command_that_reads_says_what_stands_in_its_way(
    used: Namespace, cable: Wire, ocs_elastic: Command, command: str, fault: str
) -> None:
    for position in (0,) if fault == "slow" and not ALL else (0, 5):
        cable.treat = from_the(position, FAULTS[fault])
        ran = run(ocs_elastic, command, used.name)
        if command == "doctor --check":
            assert ran.code in (2, 3), ran
            assert ran.out.startswith(("DOCTOR CRITICAL: ", "DOCTOR UNKNOWN: "))
            assert ran.out.count("\n") == 1
        elif command == "doctor":
            assert ran.code == 1, ran
            assert SAYS[fault] in ran.out, ran
        else:
            assert ran.code == 1, ran
            assert ran.out == "", "no half of a result"
            assert ran.err.startswith("error: "), ran
            assert SAYS[fault] in ran.err, ran
            assert "\nhint: " in ran.err, ran


SAYS = {
    "request cut": "ended the connection without an answer",
    "answer cut": "ended the connection in the middle of its answer",
    "429": "answered 429",
    "503": "answered 503",
    "slow": "did not answer within 2 s",
}


@pytest.mark.parametrize("fault", ["request cut", "answer cut", "429", "503"])
@pytest.mark.parametrize("command", ["plan --json", "report --json", "doctor --json"])
def test_a_command_that_reads_gets_over_a_fault_that_passes(
    used: Namespace, cable: Wire, ocs_elastic: Command, command: str, fault: str
) -> None:
    whole = run(ocs_elastic, command, used.name)
    for position in (0, 3, 7):
        cable.treat = from_the(position, FAULTS[fault], last=position)
        ran = run(ocs_elastic, command, used.name)
        assert (ran.code, ran.err) == (whole.code, whole.err)
        assert json.loads(ran.out).keys() == json.loads(whole.out).keys()


@pytest.fixture
def gone_with_its_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """The commands run in this process, which lives on; a command's own has ended, and whoever comes next sees that."""
    monkeypatch.setattr("toolkit.lock._died_here", lambda _lock: True)


WRITE_FAULTS = ["request cut", "answer cut", "429", "503", "slow"] if ALL else ["answer cut", "429"]


@pytest.mark.usefixtures("gone_with_its_process")
@pytest.mark.parametrize("fault", WRITE_FAULTS)
def test_an_apply_that_fails_at_a_write_is_run_again_and_is_done(
    node: Node, used: Namespace, cable: Wire, ocs_elastic: Command, fault: str
) -> None:
    name = fault.replace(" ", "_")
    for position in _some(_writes_of(cable, lambda: _applied(ocs_elastic, f"w_{name}"))):
        namespace = f"w_{name}.{position}"
        cable.treat = _at_write(position, FAULTS[fault])
        failed = run(ocs_elastic, "apply --yes", namespace)
        cable.treat = lambda _request: PASS
        _is_an_error_or_done(failed, fault)
        again = _applied(ocs_elastic, namespace)
        assert again.code == 0, (position, failed, again)
        assert run(ocs_elastic, "plan", namespace).code == 0
        _is_free(node)


@pytest.mark.usefixtures("gone_with_its_process")
@pytest.mark.parametrize("fault", WRITE_FAULTS)
def test_a_destroy_that_fails_at_a_write_is_run_again_and_is_done(
    node: Node, used: Namespace, cable: Wire, ocs_elastic: Command, fault: str
) -> None:
    namespace = "f_gone"
    _applied(ocs_elastic, namespace)
    for position in _some(_writes_of(cable, lambda: _destroyed(ocs_elastic, namespace))):
        _applied(ocs_elastic, namespace)
        cable.treat = _at_write(position, FAULTS[fault])
        failed = _destroyed(ocs_elastic, namespace)
        cable.treat = lambda _request: PASS
        _is_an_error_or_done(failed, fault)
        again = _destroyed(ocs_elastic, namespace)
        assert again.code == 0, (position, failed, again)
        own = [resource for resource in deployed(node, namespace).resources if resource.namespace]
        assert [str(each) for each in own if KIND[each.kind].read(used.target.transport, each.name)] == []
        _is_free(node)


def _is_an_error_or_done(ran: Ran, fault: str) -> None:
    """A request that may be repeated was, so that the fault is not seen."""
    if ran.code == 0:
        return
    assert ran.code == 1, ran
    assert "error: " in ran.err, ran
    assert "\nhint: " in ran.err, ran
    assert SAYS[fault] in ran.err, ran


def _is_free(node: Node) -> None:
    status, _ = node.ask("GET", "/ocs-elastic-state/_doc/lock")
    assert status == 404, "the lock was released"


def _applied(ocs_elastic: Command, namespace: str) -> Ran:
    return run(ocs_elastic, "apply --yes", namespace)


def _destroyed(ocs_elastic: Command, namespace: str) -> Ran:
    streams = f"--data ocs-campaign-groups-{namespace} --data ocs-dead-letters-{namespace}"
    return run(ocs_elastic, f"destroy --yes {streams}", namespace)


def _is_write(request: Request) -> bool:
    return writes(request.method, request.path)


def _writes_of(cable: Wire, act: Callable[[], Ran]) -> int:
    """How many writing requests it takes, undisturbed."""
    cable.treated.clear()
    assert act().code == 0
    return sum(_is_write(request) for request, _ in cable.treated)


def _some(count: int) -> list[int]:
    """The lock, a write in the middle, and the lock's release."""
    assert count > 3
    return list(range(count)) if ALL else [1, count // 2, count - 1]


def _at_write(position: int, treatment: Treatment) -> Treat:
    """Treats so one writing request, counted from 0; where it is repeated, the second is let pass."""
    turns: Iterator[int] = iter(range(1_000_000))
    return lambda request: treatment if _is_write(request) and next(turns) == position else PASS


@pytest.mark.parametrize("fault", ["request cut", "answer cut", "429", "503", "slow"])
def test_verify_says_what_may_be_left_and_leaves_nothing_else(
    used: Namespace, cable: Wire, ocs_elastic: Command, fault: str
) -> None:
    cable.treat = only_posts_to(used.path, FAULTS[fault])
    ran = run(ocs_elastic, "verify", used.name)
    if fault == "slow":  # it posts as patiently as OCS does in the simulation
        assert ran.code == 0, ran
        return
    assert ran.code == 1, ran
    assert "error: " in ran.err
    assert "hint: " in ran.err
    left = used.node.ask("POST", f"/{used.stream}/_count", {"query": {"term": {"tags": "ocs_verify"}}})
    cable.treat = lambda _request: PASS
    assert "if it was taken after all" in ran.err or fault in ("429", "503", "answer cut")
    assert left[0] == 200
    assert run(ocs_elastic, "verify", used.name).code == 0
