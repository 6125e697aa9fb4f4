"""The history of migrations: written safely, whatever becomes of an answer, and read only if it is understood."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.unit.migrations import HISTORY, Elasticsearch
from toolkit.errors import LockHeldError, RejectedError, ToolkitError, UnreachableError
from toolkit.migrate.history import APPLIED, FAILED, RUNNING, History, Row, StepRow

STEPS = (
    StepRow("roll over", "1:s", begun=True, done=True, note={"write_index": "i", "tasks": ["n:1", "n:2"]}),
    StepRow("reindex", "1:t", note={"copies": {"a": ["b", {"c": None}]}, "tasks": ["n:3"]}),
)
ROW = Row(
    version=1000, name="a", checksum="1:c", outcome=FAILED, by="me", host="here", toolkit="0.1.0",
    begun="2026-11-23T08:00:00.000+00:00", ended="2026-11-23T08:00:01.500+00:00", seconds=1.5, steps=STEPS,
    error="Grund: Müller 😀",
)  # fmt: skip


@pytest.fixture
def server() -> Elasticsearch:
    return Elasticsearch()


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("toolkit.tasks.time.sleep", lambda _s: None)


def history(server: Elasticsearch, namespace: str = "default") -> History:
    return History(server.transport(), namespace)


def once(error: Exception) -> Callable[[str, str], None]:
    """Raised the first time."""
    left = [error]

    def hook(_method: str, _path: str) -> None:
        if left:
            raise left.pop()

    return hook


def test_a_namespace_without_history_has_no_rows_and_looking_writes_nothing(server: Elasticsearch) -> None:
    assert history(server).rows == {}
    assert server.written == []


def test_what_was_written_is_read_as_it_was(server: Elasticsearch) -> None:
    one = history(server)
    one.write(ROW)
    one.write(replace(ROW, version=2, name="b", outcome=APPLIED, steps=(), error=None, ended=None))
    read = history(server).rows
    assert read == one.rows
    assert read[1000] == ROW
    assert list(read) == [2, 1000], "by version, for whoever looks into the index"
    assert read[1000].tasks == ["n:1", "n:2", "n:3"]
    assert read[1000].as_json()["tasks"] == ["n:1", "n:2", "n:3"]


def test_namespaces_have_each_their_own(server: Elasticsearch) -> None:
    history(server).write(ROW)
    assert history(server, "tenant.a").rows == {}
    history(server, "tenant.a").write(replace(ROW, version=2))
    assert list(history(server).rows) == [1000]


def test_the_first_write_only_creates_and_every_other_one_names_the_one_before(server: Elasticsearch) -> None:
    one = history(server)
    one.write(ROW)
    one.write(replace(ROW, outcome=RUNNING))
    history(server).forget([1000])
    params = [params for _, _, params, _ in server.written]
    assert params == [
        {"op_type": "create"},
        {"if_seq_no": "0", "if_primary_term": "1"},
        {"if_seq_no": "1", "if_primary_term": "1"},
    ]
    assert history(server).rows == {}


def test_another_writer_is_found_out_by_both_kinds_of_write(server: Elasticsearch) -> None:
    late, later = history(server), history(server)
    history(server).write(ROW)
    for writer in (late, later):
        with pytest.raises(LockHeldError, match="somebody else has changed the history") as error:
            writer.write(replace(ROW, by="another"))
        assert "migrate status" in (error.value.hint or "")
        assert writer.rows == {}, "what was not written is not believed"
    reader = history(server)
    history(server).write(replace(ROW, seconds=2.0))
    with pytest.raises(LockHeldError):
        reader.forget([1000])
    assert history(server).rows[1000].by == "me"


def test_a_history_that_was_deleted_meanwhile_is_not_written_anew(server: Elasticsearch) -> None:
    one = history(server)
    one.write(ROW)
    del server.documents[HISTORY]
    with pytest.raises(LockHeldError):
        one.write(ROW)


@pytest.mark.parametrize("error", [UnreachableError("no answer"), RejectedError("bad gateway", status=502)])
@pytest.mark.parametrize("first", [True, False], ids=["first", "later"])
def test_a_write_whose_answer_was_lost_is_known_to_be_ours(
    server: Elasticsearch, error: ToolkitError, first: bool
) -> None:
    """Found out by reading, or by the refusal of the second attempt; lists and tuples are the same to JSON."""
    one = history(server)
    if not first:
        one.write(replace(ROW, outcome=RUNNING))
    server.after = once(error)
    one.write(ROW)
    assert history(server).rows == {1000: ROW}
    one.write(replace(ROW, seconds=9.0))
    assert history(server).rows[1000].seconds == 9.0


def test_a_refused_second_attempt_of_the_clients_own_is_known_to_be_ours(server: Elasticsearch) -> None:
    """The client may have been told of a conflict with itself."""
    one = history(server)
    server.after = once(RejectedError("version conflict", status=409))
    one.write(ROW)
    one.write(replace(ROW, seconds=9.0))
    assert history(server).rows[1000].seconds == 9.0


@pytest.mark.parametrize("error", [UnreachableError("no answer"), RejectedError("busy", status=429)])
def test_a_write_that_did_not_arrive_is_made_again(server: Elasticsearch, error: ToolkitError) -> None:
    one = history(server)
    server.before = once(error)
    one.write(ROW)
    assert history(server).rows == {1000: ROW}


def test_a_lost_answer_with_another_writer_after_it_is_another_writer(server: Elasticsearch) -> None:
    one = history(server)

    def lost(_method: str, _path: str) -> None:
        server.after = lambda _method, _path: None
        history(server).write(replace(ROW, by="another"))
        raise UnreachableError("no answer")

    server.after = lost
    with pytest.raises(LockHeldError):
        one.write(ROW)
    assert history(server).rows[1000].by == "another"


def test_a_server_that_stays_away_is_told_as_such_and_the_row_is_not_believed(
    server: Elasticsearch, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter(range(0, 10**6, 1000))
    monkeypatch.setattr("toolkit.tasks.time.monotonic", lambda: next(clock))
    one, said = History(server.transport(), "default"), []

    def away(_method: str, _path: str) -> None:
        said.append(_path)
        raise UnreachableError("no answer")

    server.before = away
    with pytest.raises(UnreachableError):
        one.write(ROW)
    assert one.rows == {}
    assert said


def test_a_refusal_is_told_at_once(server: Elasticsearch) -> None:
    server.before = once(RejectedError("security_exception", status=403))
    with pytest.raises(RejectedError, match="security_exception"):
        history(server).write(ROW)


def _row(**changes: Any) -> dict[str, Any]:
    server = Elasticsearch()
    history(server).write(ROW)
    row: dict[str, Any] = server.documents[HISTORY]["rows"][0]
    return {key: value for key, value in {**row, **changes}.items() if value != "nothing"}


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        ({}, "'rows' is missing"),
        ({"rows": None}, "not iterable"),
        ({"rows": 7}, "not iterable"),
        ({"rows": ["a"]}, "'a' is no mapping"),
        ({"rows": {"a": 1}}, "'a' is no mapping"),
        ({"rows": [{}]}, "'version' is missing"),
        ({"rows": [_row(steps="nothing")]}, "'steps' is missing"),
        ({"rows": [_row(steps=None)]}, "not iterable"),
        ({"rows": [_row(steps=["a"])]}, "'a' is no mapping"),
        ({"rows": [_row(name="nothing")]}, "'name'"),
        ({"rows": [_row(rolled_back=True)]}, "it holds 'rolled_back', which this toolkit does not know"),
        ({"rows": [_row(steps=[{"title": "a", "checksum": "1:c", "skipped": 1}])]}, "it holds 'skipped', which this"),
        ({"rows": [_row(outcome="skipped")]}, "version 1000 with outcome 'skipped'"),
        ({"rows": [_row(version="1000")]}, "version '1000' with outcome 'failed'"),
    ],
)
def test_a_history_that_is_not_understood_is_an_error_and_never_written_over(
    server: Elasticsearch, document: dict[str, Any], reason: str
) -> None:
    """A newer toolkit's, most likely: what this one does not know it would lose."""
    server.documents[HISTORY] = document
    with pytest.raises(ToolkitError) as error:
        history(server)
    assert error.value.reason.startswith(
        "the history of migrations, ocs-elastic-state/_doc/migrations-default on http://a-cluster:9200, cannot be read"
    )
    assert reason in error.value.reason
    assert error.value.hint == "a newer ocs-elastic may have written it: use that one"
    assert server.written == []


def test_a_row_of_an_older_toolkit_may_lack_what_has_a_default(server: Elasticsearch) -> None:
    older = _row(error="nothing", seconds="nothing", ended="nothing", steps=[{"title": "a", "checksum": "1:c"}])
    server.documents[HISTORY] = {"rows": [older]}
    assert history(server).rows[1000].steps == (StepRow("a", "1:c"),)
