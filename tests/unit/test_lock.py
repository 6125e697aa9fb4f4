"""Who holds a lock, by what stands there; and taking it away from somebody who died."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.unit.migrations import Elasticsearch
from toolkit import lock
from toolkit.errors import LockHeldError, RejectedError, ToolkitError
from toolkit.lock import Holder, holder, locked, take_away

LOCK = "/ocs-elastic-state/_doc/lock"
GONE = 2**22 + 1
"""More than any process of Linux is numbered."""


def document(**changes: Any) -> dict[str, Any]:
    """A lock of another machine, by a clock that is right."""
    now = datetime.now(UTC)
    return {
        "type": "lock", "id": "another", "owner": "ann", "doing": "is migrating namespace default", "host": "bigbox",
        "process": 77, "machine": "boot-id pid:[1]", "taken": iso(now - timedelta(minutes=5)), "heartbeat": iso(now),
        "expires": iso(now + timedelta(seconds=120)), **changes,
    }  # fmt: skip


def iso(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds")


@pytest.fixture
def server() -> Elasticsearch:
    return Elasticsearch()


@pytest.fixture
def naps(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long was slept, of which nothing is really done."""
    slept: list[float] = []
    monkeypatch.setattr("toolkit.lock.time.sleep", slept.append)
    return slept


def held(server: Elasticsearch) -> Holder:
    return _held(server, "lock")


def _held(server: Elasticsearch, name: str) -> Holder:
    found = holder(server.transport(), name)
    assert found is not None
    return found


def test_a_free_lock_has_no_holder_and_looking_writes_nothing(server: Elasticsearch) -> None:
    assert holder(server.transport()) is None
    assert server.written == []


def test_the_holder_is_told_and_is_of_this_process(server: Elasticsearch) -> None:
    with locked(server.transport(), {}, doing="is at it"):
        found = held(server)
        assert (found.process, found.gone, found.expired, found.doing) == (os.getpid(), False, False, "is at it")
        assert str(found) == f"{found.owner} on {found.host} (process {os.getpid()})"
    assert holder(server.transport()) is None


def test_what_programs_are_told_has_no_part_that_changes_with_who_looks(server: Elasticsearch) -> None:
    server.documents[LOCK] = document()
    assert held(server).as_json() == {
        "name": "lock", "owner": "ann", "host": "bigbox", "process": 77, "doing": "is migrating namespace default",
        "taken": server.documents[LOCK]["taken"], "heartbeat": server.documents[LOCK]["heartbeat"],
        "expires": server.documents[LOCK]["expires"], "gone": False, "expired": False,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("expires_in_s", "expired"), [(120, False), (-30, False), (-61, True), (7200, True), (-7200, True)]
)
def test_a_holder_is_expired_by_a_clock_here_that_may_be_a_minute_off(
    server: Elasticsearch, expires_in_s: int, expired: bool
) -> None:
    server.documents[LOCK] = document(expires=iso(datetime.now(UTC) + timedelta(seconds=expires_in_s)))
    assert held(server).expired is expired


@pytest.mark.skipif(not hasattr(os, "fork") or lock._machine() is None, reason="no /proc to tell this machine by")
def test_a_process_of_this_machine_that_is_no_more_is_gone(server: Elasticsearch) -> None:
    server.documents[LOCK] = document(machine=lock._machine(), process=GONE)
    assert held(server).gone
    server.documents[LOCK] = document(machine=lock._machine(), process=os.getpid())
    assert not held(server).gone
    server.documents[LOCK] = document(process=GONE)
    assert not held(server).gone, "who can tell, of another machine"


def test_a_lock_of_an_older_toolkit_lacks_what_it_is_for(server: Elasticsearch) -> None:
    server.documents[LOCK] = {key: value for key, value in document().items() if key not in ("doing", "machine")}
    assert held(server).doing == "is changing this cluster"
    assert not held(server).gone


@pytest.mark.parametrize("changes", [{"owner": None}, {"expires": "soon"}, {"expires": None}])
def test_a_lock_that_is_not_understood_is_an_error_with_words(server: Elasticsearch, changes: dict[str, Any]) -> None:
    changed = document(**changes)
    if changes.get("owner", "") is None:
        del changed["owner"]
    server.documents[LOCK] = changed
    with pytest.raises(ToolkitError) as error:
        holder(server.transport())
    assert error.value.reason.startswith(
        "the lock ocs-elastic-state/_doc/lock on http://a-cluster:9200 cannot be read: "
    )
    assert error.value.hint == "a newer ocs-elastic may have written it: use that one"


def test_who_died_elsewhere_is_watched_for_a_heartbeat_and_loses_the_lock(
    server: Elasticsearch, naps: list[float]
) -> None:
    server.documents[LOCK] = document()
    take_away(server.transport(), held(server))
    assert LOCK not in server.documents
    (slept,) = naps
    assert lock.HEARTBEAT_S < slept <= lock._WATCH_S


def test_two_locks_of_one_run_are_watched_at_the_same_time(server: Elasticsearch, naps: list[float]) -> None:
    server.documents[LOCK] = server.documents[f"{LOCK}-relabel-default"] = document()
    take_away(server.transport(), held(server), _held(server, "lock-relabel-default"))
    assert not server.documents
    assert len(naps) == 1


def test_a_process_that_is_gone_is_not_watched(server: Elasticsearch, naps: list[float]) -> None:
    server.documents[LOCK] = document(machine=lock._machine() or "", process=GONE)
    found = held(server)
    if lock._machine() is not None:
        take_away(server.transport(), found)
        assert naps == []
    assert found.gone is (lock._machine() is not None)


def _beat(server: Elasticsearch) -> None:
    server.transport().put(LOCK, server.documents[LOCK])


def _released_and_taken(server: Elasticsearch) -> None:
    server.transport().delete(LOCK)
    server.transport().put(LOCK, document(id="third", owner="bob", host="laptop", process=5))


def _moved(server: Elasticsearch) -> None:
    server.transport().put(LOCK, document(id="third", owner="bob", host="laptop", process=5))


@pytest.mark.parametrize(
    ("meanwhile", "reason"),
    [
        (_beat, "ann on bigbox (process 77) is alive: it has written its heartbeat since"),
        (_released_and_taken, "bob on laptop (process 5) has taken the lock since"),
        (_moved, "bob on laptop (process 5) has taken the lock since"),
    ],
)
def test_who_is_alive_keeps_it(
    server: Elasticsearch,
    monkeypatch: pytest.MonkeyPatch,
    meanwhile: Callable[[Elasticsearch], None],
    reason: str,
) -> None:
    _beat_first = document()
    server.transport().put(LOCK, _beat_first)
    monkeypatch.setattr("toolkit.lock.time.sleep", lambda _s: meanwhile(server))
    with pytest.raises(LockHeldError) as error:
        take_away(server.transport(), held(server))
    assert error.value.reason == reason
    assert LOCK in server.documents


def test_one_that_was_released_meanwhile_is_free_and_that_is_no_error(
    server: Elasticsearch, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.documents[LOCK] = document()
    monkeypatch.setattr("toolkit.lock.time.sleep", lambda _s: server.documents.pop(LOCK))
    take_away(server.transport(), held(server))
    assert holder(server.transport()) is None


def test_another_refusal_is_told_as_it_is(server: Elasticsearch, naps: list[float]) -> None:
    server.documents[LOCK] = document()

    def refuse(_method: str, _path: str) -> None:
        raise RejectedError("security_exception", status=403)

    server.before = refuse
    with pytest.raises(RejectedError, match="security_exception"):
        take_away(server.transport(), held(server))
    assert len(naps) == 1


def test_whoever_lost_it_finds_out_at_the_next_heartbeat(
    server: Elasticsearch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lock, "HEARTBEAT_S", 0.01)
    with locked(server.transport(), {}) as mine:
        mine.check()
        server.documents[LOCK] = document()
        server.positions[LOCK] += 5
        deadline = time.monotonic() + 10
        while mine._lost is None and time.monotonic() < deadline:
            time.sleep(0.01)
        with pytest.raises(LockHeldError, match="the lock was lost"):
            mine.check()
    assert server.documents[LOCK]["owner"] == "ann", "and does not release what is another's"


def test_whoever_slept_longer_than_it_lasts_asks_before_writing(server: Elasticsearch) -> None:
    """A process that was stopped, or a notebook that was closed, wakes up before its next heartbeat."""
    with locked(server.transport(), {}) as mine:
        mine._heard_s -= lock.EXPIRES_AFTER_S + 1
        mine.check()
        server.documents[LOCK] = document()
        mine.check()  # heard of a moment ago: the heartbeat will tell
        mine._heard_s -= lock.EXPIRES_AFTER_S + 1
        with pytest.raises(LockHeldError, match="stopped for a while"):
            mine.check()


def test_who_is_refused_hears_of_unlock(server: Elasticsearch) -> None:
    server.documents[LOCK] = document()
    said = r"ann on bigbox \(process 77\) is migrating namespace default"
    with pytest.raises(LockHeldError, match=said) as error, locked(server.transport(), {}):
        pass
    assert "sooner: ocs-elastic migrate unlock" in str(error.value.hint)
