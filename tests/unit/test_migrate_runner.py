"""Running migrations: the order, what is noted, what is said, and what becomes of it if it ends at any moment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from types import SimpleNamespace
from typing import Any, ClassVar, Self, cast

import pytest

from tests.unit.migrations import HISTORY, Elasticsearch, place
from toolkit.canonical import checksum
from toolkit.errors import LockHeldError, RejectedError, ToolkitError, UnreachableError, UsageError
from toolkit.migrate.check import Check, Has
from toolkit.migrate.file import Migration, Part
from toolkit.migrate.history import APPLIED, BASELINE, FAILED, RUNNING, History, Row
from toolkit.migrate.place import Place
from toolkit.migrate.repair import Repair, carry_out, repairs
from toolkit.migrate.runner import FailedMigrationError, baseline, previews, run
from toolkit.migrate.sequence import ChangedMigrationError, Item, require_unchanged, sequence, to_run
from toolkit.migrate.step import Note, Step, keep_task
from toolkit.migrate.steps.update_by_query import UpdateByQuery
from toolkit.tasks import Task
from toolkit.yaml_source import Reader, Where

SERIAL = "/serial"
STREAM = "ocs-campaign-groups-default"
_WHEN = {"begun", "ended", "seconds"}


@dataclass(frozen=True, slots=True)
class Turn(Step):
    """Counts a number up once, as a rollover does, then writes two documents: three writes, two notes."""

    word: ClassVar[str] = "turn"
    name: str
    hindrance: str = ""
    wrong: bool = False
    """Whether its second document is never right."""

    @classmethod
    def read(cls, reader: Reader, where: Where) -> Self:
        raise NotImplementedError

    def title(self, place: Place) -> str:  # noqa: ARG002
        return f"turn {self.name}"

    def preview(self, place: Place, note: Note) -> list[str]:
        return self.faults(place, note)

    def hindrances(self, place: Place, note: Note) -> list[str]:  # noqa: ARG002
        return [self.hindrance] if self.hindrance else []

    def run(self, place: Place, note: Note) -> None:
        if note.get("from") is None:
            note.keep(**{"from": self._serial(place)})
        place.still_held()
        if self._serial(place) == note.get("from"):
            place.transport.put(SERIAL, self._serial(place) + 1)
        if note.get("tasks") is None:
            keep_task(note, Task(f"node:{self.name}", "an-action", "a description"))
        for path in self._paths():
            place.still_held()
            place.transport.put(path, {})

    def faults(self, place: Place, note: Note) -> list[str]:  # noqa: ARG002
        missing = [f"{path} is missing" for path in self._paths() if place.transport.get(path) is None]
        return [*missing, *(["it is wrong"] if self.wrong else [])]

    def _paths(self) -> tuple[str, str]:
        return f"/{self.name}-1", f"/{self.name}-2"

    def _serial(self, place: Place) -> int:
        return int(place.transport.get(SERIAL) or 0)


class Death(BaseException):
    """Of the process."""


@pytest.fixture
def server() -> Elasticsearch:
    return Elasticsearch()


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("toolkit.tasks.time.sleep", lambda _s: None)


def part(step: Turn, before: Sequence[Check] = (), after: Sequence[Check] = ()) -> Part:
    return Part(step, tuple(before), tuple(after), checksum(asdict(step)))


def migration(*parts: Part | str, version: int = 1000) -> Migration:
    found = tuple(part(Turn(each)) if isinstance(each, str) else each for each in parts)
    content = checksum([(each.checksum, repr(each.before), repr(each.after)) for each in found])
    return Migration(version, "a", "why", found, content, f"mine/V{version}__a.yml")


def history(server: Elasticsearch) -> History:
    return History(server.transport(), "default")


def apply(server: Elasticsearch, wanted: Migration, **options: Any) -> Row:
    return run(place(server, version=wanted.version, **options), history(server), wanted)


def fails(server: Elasticsearch, wanted: Migration) -> FailedMigrationError:
    with pytest.raises(FailedMigrationError) as error:
        apply(server, wanted)
    return error.value


def rows(server: Elasticsearch) -> list[dict[str, Any]]:
    """The history but for times."""
    found: list[dict[str, Any]] = server.documents[HISTORY]["rows"]
    return [{key: value for key, value in row.items() if key not in _WHEN} for row in found]


def row_of(server: Elasticsearch, version: int = 1000) -> Row:
    return history(server).rows[version]


def writes(server: Elasticsearch) -> list[str]:
    return [path for _, path, _, _ in server.written if path != HISTORY]


def test_a_migration_is_run_step_by_step_and_its_row_says_all(server: Elasticsearch) -> None:
    said: list[str] = []

    class Progress:
        def say(self, text: str) -> None:
            said.append(text)

    row = apply(server, migration("a", "b"), progress=Progress())
    assert writes(server) == [SERIAL, "/a-1", "/a-2", SERIAL, "/b-1", "/b-2"]
    assert said == ["turn a", "turn b"]
    assert row == row_of(server)
    assert (row.outcome, row.error, row.tasks) == (APPLIED, None, ["node:a", "node:b"])
    assert (row.by != "", row.host != "", row.toolkit != "") == (True, True, True)
    assert row.begun <= str(row.ended)
    assert row.seconds >= 0
    assert [(step.title, step.begun, step.done) for step in row.steps] == [
        ("turn a", True, True),
        ("turn b", True, True),
    ]


def test_each_step_is_noted_before_it_writes_and_after_it(server: Elasticsearch) -> None:
    seen: list[tuple[str, list[tuple[bool, bool]]]] = []
    server.before = lambda _method, path: seen.append(
        (path, [(s.begun, s.done) for s in row_of(server).steps] if HISTORY in server.documents else [])
    )
    apply(server, migration("a", "b"))
    assert seen[0] == (HISTORY, [])
    assert {path: state for path, state in seen if path in ("/a-1", "/b-1")} == {
        "/a-1": [(True, False), (False, False)],
        "/b-1": [(True, True), (True, False)],
    }


BEFORE = (Has("/a-1", None), Has(SERIAL, None))
"""What the step's own work makes untrue."""


def _deaths() -> list[tuple[int, bool]]:
    server = Elasticsearch()
    apply(server, migration(part(Turn("a"), before=BEFORE), "b"))
    return [(number, done) for number in range(1, len(server.written) + 1) for done in (False, True)]


@pytest.mark.parametrize(("number", "done"), _deaths())
def test_death_at_any_write_ends_in_the_same_state(server: Elasticsearch, number: int, done: bool) -> None:
    """Right before it, and right after it; the number is counted up once a step, and the rows are the same."""
    wanted = migration(part(Turn("a"), before=BEFORE), "b")
    undisturbed = Elasticsearch()
    apply(undisturbed, wanted)
    left = [number]

    def die(_method: str, _path: str) -> None:
        left[0] -= 1
        if left[0] == 0:
            raise Death

    setattr(server, "after" if done else "before", die)
    with pytest.raises(Death):
        apply(server, wanted)
    server.before = server.after = lambda _method, _path: None
    before = server.documents.get(HISTORY)
    if before is not None and number < len(undisturbed.written):
        (item,) = sequence([wanted], history(server).rows)
        assert item.state in ("interrupted", "applied")
    apply(server, wanted)
    assert rows(server) == rows(undisturbed)
    assert server.documents[SERIAL] == 2
    assert {path for path in server.documents if path != HISTORY} == {SERIAL, "/a-1", "/a-2", "/b-1", "/b-2"}


@pytest.mark.parametrize(("number", "done"), _deaths())
def test_a_lost_answer_at_any_write_ends_in_the_same_state(server: Elasticsearch, number: int, done: bool) -> None:
    """Of the history it is found out at once; of a step's own write the migration fails, and is run again."""
    wanted = migration(part(Turn("a"), before=BEFORE), "b")
    undisturbed = Elasticsearch()
    apply(undisturbed, wanted)
    left = [number]

    def lost(_method: str, _path: str) -> None:
        left[0] -= 1
        if left[0] == 0:
            raise UnreachableError("no answer")

    setattr(server, "after" if done else "before", lost)
    try:
        apply(server, wanted)
    except FailedMigrationError:
        assert row_of(server).outcome == FAILED
        assert row_of(server).error == "no answer"
        apply(server, wanted)
    assert rows(server) == rows(undisturbed)
    assert server.documents[SERIAL] == 2


def test_what_is_in_the_way_is_said_and_nothing_of_the_step_is_done(server: Elasticsearch) -> None:
    error = fails(server, migration("a", part(Turn("b", hindrance="b is frozen")), "c"))
    assert error.reason == (
        "mine/V1000__a.yml, step 2 of 3 (turn b): it cannot be done now: b is frozen "
        "[step 1 is done, none after this one]"
    )
    assert error.hint == "remove what stands in the way; then ocs-elastic migrate up goes on from there"
    assert writes(server) == [SERIAL, "/a-1", "/a-2"]
    row = row_of(server)
    assert (row.outcome, row.error) == (FAILED, "it cannot be done now: b is frozen")
    assert [(step.begun, step.done) for step in row.steps] == [(True, True), (False, False), (False, False)]
    assert row.ended is not None


def test_a_check_before_that_does_not_hold_is_in_the_way(server: Elasticsearch) -> None:
    error = fails(server, migration(part(Turn("a"), before=[Has("/x", {"y": 1})])))
    assert error.reason.endswith("it cannot be done now: GET /x: y is absent, not 1 [no step is done]")
    assert writes(server) == []


def test_a_check_before_is_asked_once_and_not_of_what_its_own_step_has_done(server: Elasticsearch) -> None:
    """Otherwise a step that was interrupted could never go on."""
    wanted = migration(part(Turn("a", wrong=True), before=BEFORE))
    fails(server, wanted)
    assert fails(server, wanted).reason.endswith(
        "it was done, but is not what it should be: it is wrong [no step is done]"
    )


def test_a_verification_that_fails_is_told_and_the_step_is_not_done(server: Elasticsearch) -> None:
    error = fails(server, migration("a", "b", part(Turn("c", wrong=True), after=[Has("/c-1", None)])))
    assert error.reason == (
        "mine/V1000__a.yml, step 3 of 3 (turn c): it was done, but is not what it should be: it is wrong; "
        "GET /c-1 finds something, and should not [steps 1 to 2 are done]"
    )
    assert "may be mended as long as it is not applied; then ocs-elastic migrate up" in str(error.hint)
    assert [(step.begun, step.done) for step in row_of(server).steps] == [(True, True), (True, True), (True, False)]


def test_a_check_after_that_was_wrong_is_mended_and_its_step_is_not_done_again(server: Elasticsearch) -> None:
    fails(server, migration(part(Turn("a"), after=[Has("/a-1", None)])))
    row = apply(server, migration(part(Turn("a"), after=[Has("/b-1", None)])))
    assert row.outcome == APPLIED
    assert server.documents[SERIAL] == 1, "what it noted holds"


def test_a_servers_refusal_is_told_with_its_own_hint(server: Elasticsearch) -> None:
    def refuse(_method: str, path: str) -> None:
        if path == "/b-1":
            raise RejectedError("PUT /b-1: security_exception", hint="use another user", status=403)

    server.before = refuse
    error = fails(server, migration("a", "b"))
    assert "step 2 of 2 (turn b): PUT /b-1: security_exception [step 1 is done]" in error.reason
    assert error.hint == "use another user; then ocs-elastic migrate up goes on from there"
    row = row_of(server)
    assert row.error == "PUT /b-1: security_exception"
    assert row.steps[1].note == {"from": 1, "tasks": ["node:b"]}, "what it has noted is kept"


@pytest.mark.parametrize(
    ("hint", "expected"),
    [
        (None, "mend what the reason says; then ocs-elastic migrate up goes on from there"),
        ("what it had done is done; ocs-elastic migrate up goes on from there",) * 2,
    ],
)
def test_the_hint_is_a_sentence_and_says_things_once(server: Elasticsearch, hint: str | None, expected: str) -> None:
    def refuse(_method: str, path: str) -> None:
        if path == "/a-1":
            raise ToolkitError("no", hint=hint)

    server.before = refuse
    assert fails(server, migration("a")).hint == expected


def test_a_failed_one_is_edited_and_run_again_and_only_what_is_the_same_keeps_its_note(server: Elasticsearch) -> None:
    fails(server, migration("a", "b", part(Turn("c", wrong=True))))
    assert server.documents[SERIAL] == 3
    row = apply(server, migration("a", "x", "c"))
    assert server.documents[SERIAL] == 5, "a is not counted again, x and the c that was mended are"
    assert [step.title for step in row.steps] == ["turn a", "turn x", "turn c"]
    assert row.error is None


def test_a_step_that_is_put_before_others_does_not_make_them_begin_anew(server: Elasticsearch) -> None:
    fails(server, migration("a", part(Turn("b"), after=[Has("/b-1", None)])))
    row = apply(server, migration("new", "a", "b"))
    assert [(step.title, step.note["from"]) for step in row.steps] == [("turn new", 2), ("turn a", 0), ("turn b", 1)]
    assert server.documents[SERIAL] == 3


def test_of_two_equal_steps_each_has_its_own_note(server: Elasticsearch) -> None:
    row = apply(server, migration("a", "a"))
    assert [step.note["from"] for step in row.steps] == [0, 1]
    fails(server, migration("b", "b", part(Turn("c", wrong=True)), version=1001))
    row = apply(server, migration("b", "b", version=1001))
    assert [step.note["from"] for step in row.steps] == [2, 3]


def test_a_done_step_is_done_again_if_it_does_not_hold_any_more(server: Elasticsearch) -> None:
    fails(server, migration("a", part(Turn("b", hindrance="no"))))
    del server.documents["/a-2"]
    apply(server, migration("a", "b"))
    assert "/a-2" in server.documents
    assert server.documents[SERIAL] == 2


def test_the_time_of_all_runs_is_counted_and_the_first_beginning_stays(
    server: Elasticsearch, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter([0.0, 2.0, 10.0, 13.0])
    monkeypatch.setattr("toolkit.migrate.runner.time", SimpleNamespace(monotonic=lambda: next(clock)))
    fails(server, migration(part(Turn("a", hindrance="no"))))
    first = row_of(server)
    row = apply(server, migration("a"))
    assert (first.seconds, row.seconds) == (2.0, 5.0)
    assert row.begun == first.begun


@pytest.mark.parametrize("when", range(1, 5))
def test_a_lock_that_is_lost_ends_it_at_once_and_leaves_the_history_to_whoever_has_it(
    server: Elasticsearch, when: int
) -> None:
    left = [when]

    def still_held() -> None:
        left[0] -= 1
        if left[0] == 0:
            raise LockHeldError("the lock was lost")

    with pytest.raises(LockHeldError, match="the lock was lost"):
        apply(server, migration("a"), still_held=still_held)
    assert row_of(server).outcome == RUNNING
    last = len(server.written)
    (item,) = sequence([migration("a")], history(server).rows)
    assert item.state == "interrupted"
    assert len(server.written) == last
    assert apply(server, migration("a")).outcome == APPLIED
    assert server.documents[SERIAL] == 1


def test_another_writer_of_the_history_ends_it(server: Elasticsearch) -> None:
    def intrude(_method: str, path: str) -> None:
        if path == "/a-1":
            server.positions[HISTORY] += 1

    server.before = intrude
    with pytest.raises(LockHeldError, match="somebody else has changed the history"):
        apply(server, migration("a", "b"))
    assert "/b-1" not in server.documents


def test_a_server_that_goes_away_for_good_is_the_reason_that_is_told(
    server: Elasticsearch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even though it cannot be written down that the migration failed."""
    clock = iter(range(0, 10**6, 1000))
    monkeypatch.setattr("toolkit.tasks.time.monotonic", lambda: next(clock))

    def away(_method: str, path: str) -> None:
        if path == "/a-1":
            server.before = lambda _m, _p: away("", "/a-1")
            raise UnreachableError("no answer from http://a-cluster:9200", hint="start it")

    server.before = away
    error = fails(server, migration("a"))
    assert "no answer from http://a-cluster:9200" in error.reason
    assert row_of(server).outcome == RUNNING


def test_a_preview_writes_nothing_and_says_what_is_left(server: Elasticsearch) -> None:
    fails(server, migration("a", part(Turn("b", wrong=True)), "c"))
    written = len(server.written)
    wanted = migration("a", part(Turn("b", hindrance="b is frozen"), before=[Has("/b-1", None)]), "c")
    found = previews(place(server), wanted, row_of(server))
    assert [(each.title, each.lines, each.hindrances) for each in found] == [
        ("turn a", (), ()),
        ("turn b", (), ("b is frozen", "GET /b-1 finds something, and should not")),
        ("turn c", ("/c-1 is missing", "/c-2 is missing"), ()),
    ]
    assert found[1].as_json()["hindrances"] == ["b is frozen", "GET /b-1 finds something, and should not"]
    assert len(server.written) == written


def test_a_preview_does_not_ask_again_what_had_to_hold_before_a_step_that_was_begun(server: Elasticsearch) -> None:
    wanted = migration(part(Turn("a", wrong=True), before=BEFORE))
    fails(server, wanted)
    assert previews(place(server), wanted, row_of(server))[0].hindrances == ()


def applied(server: Elasticsearch, *versions: int) -> list[Migration]:
    found = [migration(f"s{version}", version=version) for version in versions]
    for each in found:
        apply(server, each)
    return found


def states(server: Elasticsearch, files: Sequence[Migration]) -> dict[int, str]:
    return {item.version: item.state for item in sequence(files, history(server).rows)}


def test_every_state_is_told_and_only_some_are_run(server: Elasticsearch) -> None:
    one, two, three = applied(server, 1000, 1001, 1002)
    four, five, six = (migration("x", version=version) for version in (1003, 1004, 1005))
    fails(server, replace(four, parts=(part(Turn("x", hindrance="no")),)))
    kept = history(server)
    kept.write(replace(row_of(server, 1003), version=1004, outcome=RUNNING))
    kept.write(baseline(replace(six, checksum="1:another")))
    changed = migration("other", version=1001)
    seven = migration("y", version=1006)
    assert states(server, [one, changed, four, five, six, seven]) == {
        1000: "applied",
        1001: "changed",
        1002: "missing",
        1003: "failed",
        1004: "interrupted",
        1005: "baseline",
        1006: "pending",
    }
    items = sequence([one, two, three, four, five, six, seven], history(server).rows)
    assert [item.version for item in items if item.pending] == [1003, 1004, 1006]
    assert [m.version for m in to_run(items)] == [1003, 1004, 1006]
    assert [m.version for m in to_run(items, 1004)] == [1003, 1004]
    assert to_run(items, 1002) == []
    running = replace(items[4], under_way=True)
    assert (running.state, running.pending) == ("running", True)
    assert replace(items[0], under_way=True).state == "applied"
    assert items[4].as_json()["state"] == "interrupted"
    assert items[6].as_json()["history"] is None


def test_a_version_that_is_not_there_is_a_usage_error(server: Elasticsearch) -> None:
    items = sequence(applied(server, 1000, 1001), history(server).rows)
    with pytest.raises(UsageError, match="no migration of version 7") as error:
        to_run(items, 7)
    assert error.value.hint == "there are: 1000, 1001"
    with pytest.raises(UsageError) as error:
        to_run([], 7)
    assert error.value.hint == "there are: none"


def test_an_applied_one_that_was_changed_is_refused_with_what_to_do(server: Elasticsearch) -> None:
    applied(server, 1000)
    items = sequence([migration("other"), migration("b", version=1001)], history(server).rows)
    with pytest.raises(ChangedMigrationError) as error:
        to_run(items)
    assert "mine/V1000__a.yml was changed after it was applied (by " in error.value.reason
    assert "ocs-elastic migrate new" in str(error.value.hint)
    assert "ocs-elastic migrate repair" in str(error.value.hint)


@pytest.mark.parametrize(
    ("outcome", "said", "forgotten"),
    [
        (APPLIED, "was applied on this cluster", False),
        (BASELINE, "was declared to be done on this cluster", False),
        (FAILED, "failed on this cluster", True),
        (RUNNING, "was interrupted on this cluster", True),
    ],
)
def test_one_that_has_no_file_is_refused_with_what_to_do(
    server: Elasticsearch, outcome: str, said: str, forgotten: bool
) -> None:
    applied(server, 1000)
    history(server).write(replace(row_of(server), outcome=outcome))
    with pytest.raises(ChangedMigrationError) as error:
        require_unchanged(sequence([], history(server).rows))
    assert error.value.reason.startswith(f"V1000__a {said} (by ")
    assert error.value.reason.endswith("and has no file")
    assert ("migrate repair forgets it" in str(error.value.hint)) is forgotten


def test_a_baseline_declares_and_runs_nothing_and_its_file_may_differ(server: Elasticsearch) -> None:
    history(server).write(baseline(migration("a")))
    assert writes(server) == []
    items = sequence([migration("other")], history(server).rows)
    assert to_run(items) == []
    assert items[0].state == BASELINE
    assert row_of(server).ended is not None


def repaired(server: Elasticsearch, files: Sequence[Migration]) -> list[Repair]:
    """What is found, and carried out."""
    written = len(server.written)
    found = repairs(sequence(files, history(server).rows), lambda version: place(server, version=version))
    assert len(server.written) == written, "to look writes nothing"
    carry_out(found, history(server))
    assert [path for _, path, _, _ in server.written[written:]] == [HISTORY] * sum(each.pending for each in found)
    return found


def test_what_is_as_it_should_be_needs_no_repair(server: Elasticsearch) -> None:
    files = applied(server, 1000, 1001)
    history(server).write(baseline(migration("x", version=1002)))
    assert repaired(server, [*files, migration("x", version=1002), migration("y", version=1003)]) == []


def test_a_changed_file_is_accepted_if_the_cluster_is_as_it_says(server: Elasticsearch) -> None:
    apply(server, migration("a", part(Turn("b"), after=[Has(SERIAL, {"x": None})])))
    mended = migration("a", "b")
    (found,) = repaired(server, [mended])
    assert found.said.startswith("was changed after it was applied, and the cluster is as it says now")
    assert found.as_json(done=True) == {
        "version": 1000, "name": "a", "repaired": True, "to_repair": False, "said": found.said,
    }  # fmt: skip
    assert found.as_json(done=False)["to_repair"] is True
    assert states(server, [mended]) == {1000: "applied"}
    assert server.documents[SERIAL] == 2, "no step was run"


def test_a_changed_file_that_the_cluster_contradicts_stays_an_error(server: Elasticsearch) -> None:
    applied(server, 1000)
    changed = migration("s1000", part(Turn("x"), after=[Has("/y", {"z": 1})]))
    (found,) = repaired(server, [changed])
    assert not found.pending
    assert found.said.endswith(
        "so its history stays: turn x: /x-1 is missing; turn x: /x-2 is missing; turn x: GET /y: z is absent, not 1"
    )
    assert found.as_json(done=True)["repaired"] is False
    assert states(server, [changed]) == {1000: "changed"}


def test_an_interrupted_one_is_marked_as_failed_and_goes_on(server: Elasticsearch) -> None:
    def die(_method: str, path: str) -> None:
        if path == "/a-2":
            raise Death

    server.before = die
    with pytest.raises(Death):
        apply(server, migration("a"))
    server.before = lambda _method, _path: None
    (found,) = repaired(server, [migration("a")])
    assert found.said.startswith("was interrupted, and is marked as failed now")
    assert row_of(server).outcome == FAILED
    assert str(row_of(server).error).startswith("interrupted: ")
    assert apply(server, migration("a")).outcome == APPLIED
    assert server.documents[SERIAL] == 1, "its notes were kept"


def test_a_failed_one_is_left_as_it_is_and_its_reason_is_told(server: Elasticsearch) -> None:
    wanted = migration(part(Turn("a", hindrance="a is frozen")))
    fails(server, wanted)
    (found,) = repaired(server, [wanted])
    assert not found.pending
    assert "a is frozen" in found.said
    assert states(server, [wanted]) == {1000: "failed"}


@pytest.mark.parametrize("outcome", [FAILED, RUNNING])
def test_an_unfinished_one_without_file_is_forgotten_and_what_it_did_is_said(
    server: Elasticsearch, outcome: str
) -> None:
    fails(server, migration("a", part(Turn("b", wrong=True)), "c"))
    history(server).write(replace(row_of(server), outcome=outcome))
    (found,) = repaired(server, [])
    assert found.said.endswith("it is forgotten. Nothing is undone: 1 of its 3 steps are done, 1 in part")
    assert history(server).rows == {}


@pytest.mark.parametrize(("outcome", "said"), [(APPLIED, "was applied"), (BASELINE, "was declared to be done")])
def test_a_done_one_without_file_is_left_to_a_person(server: Elasticsearch, outcome: str, said: str) -> None:
    applied(server, 1000)
    history(server).write(replace(row_of(server), outcome=outcome))
    (found,) = repaired(server, [])
    assert not found.pending
    assert found.said == f"{said} and has no file; only you can bring it back"
    assert list(history(server).rows) == [1000]


def test_an_item_is_called_as_its_file_or_its_history_says(server: Elasticsearch) -> None:
    applied(server, 1000)
    only_row, only_file = Item(None, row_of(server)), Item(migration("b", version=2), None)
    assert (str(only_row), str(only_file)) == ("V1000__a", "V0002__a")


class Recovering(Elasticsearch):
    """Has no shard of an old index yet, as right after a restart; then it has, and its documents are what is left."""

    def __init__(self) -> None:
        super().__init__()
        self.searches = 0
        self.documents[f"/_data_stream/{STREAM}"] = {"data_streams": [{"indices": [{"index_name": ".ds-old"}]}]}
        self.documents[f"/{STREAM}/_settings"] = {".ds-old": {"settings": {"index.blocks.read_only": "true"}}}

    def post(self, path: str, body: Any, params: Any = None) -> Any:
        if not path.endswith("/_search"):
            return super().post(path, body, params)
        self.searches += 1
        if self.searches < 3:
            raise RejectedError("without 1 of 2 shards: no_shard_available_action_exception", status=503)
        return {"aggregations": {"indices": {"buckets": [{"key": ".ds-old", "doc_count": 2}]}}}


def test_shards_that_are_not_back_yet_after_a_restart_are_waited_for() -> None:
    cluster = Recovering()
    step = UpdateByQuery("campaign_groups", "_none", {"match_all": {}}, lift_write_blocks=False)
    step.run(place(cluster), cast("Any", None))
    assert step.faults(place(cluster), cast("Any", None)) == [".ds-old: the query still finds 2 documents"]
