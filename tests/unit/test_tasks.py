"""A server's tasks are found again, told apart, and believed only where they are ours."""

from __future__ import annotations

from typing import Any, cast

import pytest

from toolkit import tasks
from toolkit.client import guard
from toolkit.client.transport import Transport
from toolkit.errors import RejectedError, ToolkitError, UnreachableError

WORK = tasks.update_by_query("an-index", {"match_all": {}}, pipeline="relabel", rate=500)
RECORD = "/ocs-elastic-state/_doc/task-relabel-default"


class Server:
    """Keeps the record, and answers what a test wants for a task."""

    def __init__(self) -> None:
        self.record: dict[str, Any] | None = None
        self.tasks: dict[str, list[Any]] = {}
        """Id → answers, the last one again and again; an exception is raised."""
        self.listed: dict[str, Any] = {}
        self.started = 0
        self.die_after_start = False

    def transport(self) -> Transport:
        return cast("Transport", self)

    def get(self, path: str, params: dict[str, str] | None = None) -> Any:
        if path == RECORD:
            return self.record and {"_source": self.record}
        if path == "/_tasks":
            assert params is not None
            assert params["actions"] == WORK.action
            return {"nodes": {"n": {"tasks": self.listed}}}
        answers = self.tasks.get(path.removeprefix("/_tasks/"), [None])
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def put(self, path: str, body: Any) -> None:
        assert path == RECORD
        self.record = body

    def delete(self, path: str) -> None:
        assert path == RECORD
        self.record = None

    def post(self, path: str, body: Any, params: dict[str, str]) -> Any:
        guard.check("POST", path, params, body, read_only=False)
        assert self.record, "what is begun is written down first"
        self.started += 1
        self.tasks["n:7"] = [answer(updated=0)]
        self.listed["n:7"] = {"description": WORK.description}
        if self.die_after_start:
            raise KeyboardInterrupt
        return {"task": "n:7"}


def answer(*, updated: int, completed: bool = False, description: str = WORK.description, **more: Any) -> Any:
    status = {"total": 10, "updated": updated, "created": 0, "deleted": 0, "noops": 0}
    task = {"action": WORK.action, "description": description, "status": status}
    return {"completed": completed, "task": task, **more}


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Server:
    monkeypatch.setattr("time.sleep", lambda _s: None)
    return Server()


def test_what_is_begun_is_found_again_and_not_begun_twice(server: Server) -> None:
    task = tasks.start(server.transport(), "relabel-default", WORK)
    assert str(task) == "n:7 (update-by-query [an-index])"
    assert tasks.unfinished(server.transport(), "relabel-default") == task
    assert tasks.start(server.transport(), "relabel-default", WORK) == task
    assert server.started == 1


def test_one_whose_id_nobody_has_heard_is_found_in_the_servers_list(server: Server) -> None:
    """The run was killed after the server had taken the request and before it could write down the answer."""
    server.die_after_start = True
    with pytest.raises(KeyboardInterrupt):
        tasks.start(server.transport(), "relabel-default", WORK)
    assert server.record is not None
    assert server.record["id"] is None
    found = tasks.unfinished(server.transport(), "relabel-default")
    assert found is not None
    assert found.id == "n:7"
    server.listed = {"n:8": {"description": "update-by-query [another-index]"}}
    assert tasks.unfinished(server.transport(), "relabel-default") is None


@pytest.mark.parametrize("other", [None, answer(updated=3, description="update-by-query [another-index]")])
def test_a_number_that_a_restarted_node_gave_to_another_task_is_not_ours(server: Server, other: Any) -> None:
    """A node keeps its id and counts its tasks anew."""
    task = tasks.start(server.transport(), "relabel-default", WORK)
    server.tasks["n:7"] = [other]
    assert tasks.unfinished(server.transport(), "relabel-default") is None
    assert tasks.watch(server.transport(), task, lambda _: None) is None
    tasks.start(server.transport(), "relabel-default", WORK)
    assert server.started == 2


def test_progress_is_told_as_it_grows_and_the_end_says_how(server: Server) -> None:
    task = tasks.start(server.transport(), "relabel-default", WORK)
    last = answer(updated=10, completed=True, response={"failures": []})
    server.tasks["n:7"] = [answer(updated=0), answer(updated=4), answer(updated=4), last]
    told: list[int] = []
    assert tasks.watch(server.transport(), task, told.append) == tasks.Outcome(10)
    assert told == [0, 4, 0, 6]
    tasks.forget(server.transport(), "relabel-default")
    assert tasks.unfinished(server.transport(), "relabel-default") is None


FAILURES: dict[str, tuple[Any, str]] = {
    "of a document": (
        {"response": {"failures": [{"index": "i", "id": "d", "cause": {"type": "x", "reason": "too long"}}]}},
        "i/d: too long",
    ),
    "of a search": (
        {"response": {"failures": [{"index": "i", "shard": 0, "reason": {"type": "x", "reason": "no shard"}}]}},
        "i: no shard",
    ),
    "of the whole": ({"error": {"type": "x", "reason": "no such index [i]"}}, "no such index [i]"),
}


@pytest.mark.parametrize("case", FAILURES)
def test_a_failure_is_told_in_the_servers_words(server: Server, case: str) -> None:
    said, words = FAILURES[case]
    task = tasks.start(server.transport(), "relabel-default", WORK)
    server.tasks["n:7"] = [answer(updated=2, completed=True, **said)]
    assert tasks.watch(server.transport(), task, lambda _: None) == tasks.Outcome(2, (words,))


def test_a_cancelled_task_says_by_what(server: Server) -> None:
    task = tasks.start(server.transport(), "relabel-default", WORK)
    response = {"failures": [], "canceled": "by user request"}
    server.tasks["n:7"] = [answer(updated=2, completed=True, response=response)]
    assert tasks.watch(server.transport(), task, lambda _: None) == tasks.Outcome(2, (), "by user request")


@pytest.mark.parametrize(
    "away",
    [UnreachableError("nobody answers"), RejectedError("not yet", status=503), RejectedError("busy", status=429)],
)
def test_a_server_that_is_away_for_a_while_is_waited_for(server: Server, away: ToolkitError) -> None:
    task = tasks.start(server.transport(), "relabel-default", WORK)
    server.tasks["n:7"] = [answer(updated=1), away, away, answer(updated=10, completed=True, response={})]
    said: list[str] = []

    class Told:
        say = said.append

    outcome = tasks.watch(server.transport(), task, lambda _: None, progress=cast("Any", Told()))
    assert outcome == tasks.Outcome(10)
    assert said == [f"waiting up to 180 s for the server: {away.reason}"]


def test_one_that_is_away_for_too_long_or_refuses_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    now = iter(range(0, 10_000, 60))
    monkeypatch.setattr("time.sleep", lambda _s: None)
    monkeypatch.setattr("time.monotonic", lambda: next(now))
    asked: list[None] = []

    def away() -> None:
        asked.append(None)
        raise UnreachableError("nobody answers")

    with pytest.raises(UnreachableError):
        tasks.patiently(away)
    assert len(asked) == 4

    def refused() -> None:
        raise RejectedError("not permitted", status=403)

    with pytest.raises(RejectedError, match="not permitted"):
        tasks.patiently(refused)


@pytest.mark.parametrize(
    ("rate", "requests", "batch"), [(None, "-1", "1000"), (1, "1", "1"), (500, "500", "500"), (5000, "5000", "1000")]
)
def test_a_throttled_task_writes_a_batch_a_second_or_more(rate: int | None, requests: str, batch: str) -> None:
    work = tasks.update_by_query("i", {}, pipeline="p", rate=rate)
    assert (work.params["requests_per_second"], work.params["scroll_size"]) == (requests, batch)
    assert (work.params["conflicts"], work.params["pipeline"]) == ("proceed", "p")
