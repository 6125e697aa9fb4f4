"""`ocs-elastic migrate` as it is typed: exit codes, what goes where, and what is said at night."""

from __future__ import annotations

import io
import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tests.unit.commands import Command, Ran, command
from tests.unit.migrations import HISTORY, Elasticsearch, write
from tests.unit.test_lock import LOCK, document
from toolkit.cli import migrate
from toolkit.config import load_settings
from toolkit.migrate.history import History
from toolkit.uses.deployment import Deployment

STREAMS = ("ocs-campaign-groups-default", "ocs-dead-letters-default")
RELABEL = "/ocs-elastic-state/_doc/lock-relabel-default"
_STATE = "/ocs-elastic-state"


def index(name: str, more: str = "") -> str:
    """A migration that makes an index."""
    return (
        f"description: Makes {name}.\nsteps:\n"
        f"  - request:\n      PUT: /{name}\n      body: {{made: true}}\n"
        f"      done_when: {{get: /{name}, has: {{made: true}}}}\n{more}"
    )


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    return command(monkeypatch, capsys)


@pytest.fixture(autouse=True)
def _nobody_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    """There is no terminal, and nobody waits."""
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    monkeypatch.setattr("toolkit.lock.time.sleep", lambda _s: None)


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's folder, with two migrations."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ocs-elastic.yml").write_text("migrations: mine\n", encoding="utf-8")
    write(tmp_path / "mine", "V1000__first.yml", index("one"))
    return write(tmp_path / "mine", "V1001__second.yml", index("two"))


@pytest.fixture
def server(mine: Path, monkeypatch: pytest.MonkeyPatch) -> Elasticsearch:
    """A cluster with the namespace `default`."""
    found = Elasticsearch()
    for stream in STREAMS:
        found.documents[f"/_data_stream/{stream}"] = {"data_streams": [{"indices": [{"index_name": f".ds-{stream}"}]}]}
    found.documents[_STATE] = {}

    def deployment_of(
        _profile: str | None, namespace: str | None, config: Path | None, *, read_only: bool, **_options: bool
    ) -> Deployment:
        found.read_only = read_only
        return Deployment(found.transport(), found.about, load_settings(config, namespace=namespace))

    monkeypatch.setattr(migrate, "deployment_of", deployment_of)
    return found


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def types(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr(sys, "stdin", _Terminal(text))


def made(server: Elasticsearch) -> list[str]:
    return [path for method, path, _, _ in server.written if method == "PUT" and "/_doc/" not in path]


def states(run: Command) -> dict[int, str]:
    return {row["version"]: row["state"] for row in json.loads(run("migrate", "status", "--json").out)["migrations"]}


def fails_at_second(mine: Path) -> None:
    write(mine, "V1001__second.yml", index("two", "    after:\n      - {get: /two, absent: true}\n"))


def test_from_pending_to_applied(run: Command, server: Elasticsearch) -> None:
    ran = run("migrate", "status")
    assert ran.code == 3
    assert ran.out.startswith("Migrations of namespace default on http://a-cluster:9200\n")
    assert "2 migrations pending: ocs-elastic migrate up" in ran.out
    assert server.written == []
    ran = run("migrate", "up", "--yes")
    assert ran.code == 0
    assert "V1000__first: applied, 1 step, 0.0 s\nV1001__second: applied, 1 step, 0.0 s\n" in ran.out
    assert "V1000__first: Makes one.\nPUT /one\n" in ran.err
    assert made(server) == ["/one", "/two"]
    ran = run("migrate", "status")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.endswith("Nothing to do.\n")
    assert run("migrate", "up") == Ran(0, "Nothing to do.\n", "")
    assert LOCK not in server.documents


def test_a_dry_run_writes_nothing_and_says_what_would_be(run: Command, server: Elasticsearch) -> None:
    ran = run("migrate", "up", "--dry-run")
    assert (ran.code, ran.err) == (3, "")
    assert ran.out == (
        "V1000__first (mine/V1000__first.yml): Makes one.\n"
        "  1. PUT /one\n"
        "       PUT /one is sent, since GET /one: made is absent, not true\n"
        '       body: {"made":true}\n'
        "\n"
        "V1001__second (mine/V1001__second.yml): Makes two.\n"
        "  1. PUT /two\n"
        "       PUT /two is sent, since GET /two: made is absent, not true\n"
        '       body: {"made":true}\n'
    )
    dropping = run("migrate", "up", "--dry-run", "--drop-source")
    told = "Whatever a reindexing among these replaces is deleted as well, at once (--drop-source).\n"
    assert dropping.out == f"{ran.out}\n{told}"
    ran = run("migrate", "up", "--dry-run", "--json", "--to", "1000")
    assert (ran.code, ran.err) == (3, "")
    assert [each["version"] for each in json.loads(ran.out)["migrations"]] == [1000]
    assert run("migrate", "repair", "--dry-run") == Ran(0, "Nothing to repair.\n", "")
    assert server.written == []
    run("migrate", "up", "--yes")
    assert run("migrate", "up", "--dry-run") == Ran(0, "Nothing to do.\n", "")
    ran = run("migrate", "up", "--dry-run", "--json")
    assert (ran.code, json.loads(ran.out)) == (0, {"migrations": [], "to_drop": []})


def test_a_dry_run_says_what_is_in_the_way(run: Command, server: Elasticsearch, mine: Path) -> None:
    write(mine, "V1000__first.yml", index("one", "    before:\n      - {get: /zero, has: {a: 1}}\n"))
    ran = run("migrate", "up", "--dry-run")
    assert ran.code == 1
    assert "     IN THE WAY: GET /zero: a is absent, not 1\n" in ran.out
    assert json.loads(run("migrate", "up", "--dry-run", "--json").out)["migrations"][0]["steps"][0]["hindrances"] == [
        "GET /zero: a is absent, not 1"
    ]


def test_to_ends_after_a_version(run: Command, server: Elasticsearch) -> None:
    assert run("migrate", "up", "--yes", "--to", "1000").code == 0
    assert made(server) == ["/one"]
    assert states(run) == {1000: "applied", 1001: "pending"}
    ran = run("migrate", "up", "--yes", "--to", "7")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err == "error: there is no migration of version 7\nhint: there are: 1000, 1001\n"
    assert run("migrate", "up", "--yes", "--to", "0").code == 2


def test_without_a_terminal_and_without_yes_nothing_is_done(run: Command, server: Elasticsearch) -> None:
    for arguments in (["up"], ["baseline", "--to", "1000"]):
        ran = run("migrate", *arguments)
        assert ran.code == 2
        assert "error: there is no terminal to ask on\nhint: give --yes" in ran.err
    assert server.written == []


def test_who_is_asked_may_say_no_and_the_question_is_no_result(
    run: Command, server: Elasticsearch, monkeypatch: pytest.MonkeyPatch
) -> None:
    types(monkeypatch, "n\n")
    ran = run("migrate", "up")
    assert ran.code == 1
    assert "Migrate? [y/N]" in ran.err
    assert "Migrate?" not in ran.out
    assert server.written == []
    types(monkeypatch, "y\n")
    ran = run("migrate", "up", "--json")
    assert ran.code == 0
    assert [row["outcome"] for row in json.loads(ran.out)["applied"]] == ["applied", "applied"]


def test_json_is_all_that_is_printed(run: Command, server: Elasticsearch) -> None:
    ran = run("migrate", "up", "--json", "--yes")
    rows = json.loads(ran.out)["applied"]
    assert [(row["version"], row["outcome"], row["tasks"]) for row in rows] == [
        (1000, "applied", []),
        (1001, "applied", []),
    ]
    overview = json.loads(run("migrate", "status", "--json").out)
    assert (overview["pending"], overview["locks"], overview["namespace"]) == (0, [], "default")
    assert overview["migrations"][0]["history"] == rows[0]
    assert json.loads(run("migrate", "up", "--json").out) == {"applied": [], "dropped": []}
    assert json.loads(run("migrate", "repair", "--json").out) == []


def test_one_that_fails_ends_it_and_those_before_it_are_told_in_json_too(
    run: Command, server: Elasticsearch, mine: Path
) -> None:
    fails_at_second(mine)
    ran = run("migrate", "up", "--json", "--yes")
    assert ran.code == 1
    assert [row["version"] for row in json.loads(ran.out)["applied"]] == [1000]
    assert "error: mine/V1001__second.yml, step 1 of 1 (PUT /two): it was done, but is not what it should be" in ran.err
    assert "hint: " in ran.err
    assert states(run) == {1000: "applied", 1001: "failed"}
    ran = run("migrate", "status")
    assert ran.code == 3
    assert "it was done, but is not what it should be: GET /two finds something, and should not" in " ".join(
        ran.out.split()
    )
    write(mine, "V1001__second.yml", index("two"))
    assert run("migrate", "up", "--yes").code == 0
    assert made(server) == ["/one", "/two"]


def test_an_applied_file_that_was_changed_is_an_error_until_it_is_repaired(
    run: Command, server: Elasticsearch, mine: Path
) -> None:
    run("migrate", "up", "--yes")
    write(mine, "V1000__first.yml", index("one").replace("made: true}\n", "made: true, more: 1}\n"))
    before = len(server.written)
    for arguments in (["status"], ["up", "--yes"], ["up", "--dry-run"], ["baseline", "--to", "1000", "--yes"]):
        ran = run("migrate", *arguments)
        assert ran.code == 1
        assert "error: mine/V1000__first.yml was changed after it was applied" in ran.err
    assert json.loads(run("migrate", "status", "--json").out)["migrations"][0]["state"] == "changed"
    ran = run("migrate", "repair", "--dry-run")
    assert ran.code == 3
    assert ran.out.startswith("to repair: V1000__first was changed after it was applied")
    assert made(server) == ["/one", "/two"]
    assert all(path in (LOCK, RELABEL) for _, path, _, _ in server.written[before:])
    assert run("migrate", "repair").code == 2
    ran = run("migrate", "repair", "--yes")
    assert ran.code == 0
    assert "repaired: V1000__first was changed" in ran.out
    assert run("migrate", "status").code == 0


def test_a_repair_that_cannot_be_made_is_told_with_exit_code_1(run: Command, server: Elasticsearch, mine: Path) -> None:
    run("migrate", "up", "--yes")
    write(mine, "V1001__second.yml", index("three"))
    for arguments in (["--dry-run"], ["--yes"], []):
        ran = run("migrate", "repair", *arguments)
        assert ran.code == 1
        assert ran.out.startswith("left as it is: V1001__second was changed after it was applied")
    (found,) = json.loads(run("migrate", "repair", "--json").out)
    assert (found["repaired"], found["to_repair"]) == (False, False)


def test_one_without_file_is_an_error(run: Command, server: Elasticsearch, mine: Path) -> None:
    run("migrate", "up", "--yes")
    (mine / "V1001__second.yml").unlink()
    ran = run("migrate", "status")
    assert ran.code == 1
    assert "missing" in ran.out
    assert ran.out.endswith("Files and history contradict each other: nothing is run until that is settled.\n")
    assert "error: V1001__second was applied on this cluster" in ran.err
    assert "'migrations' in ocs-elastic.yml" in ran.err


def test_a_run_that_was_interrupted_is_told_from_one_that_is_under_way(run: Command, server: Elasticsearch) -> None:
    run("migrate", "up", "--yes")
    history = History(server.transport(), "default")
    history.write(replace(history.rows[1001], outcome="running", ended=None))
    assert states(run)[1001] == "interrupted"
    server.documents[LOCK] = document()
    assert states(run)[1001] == "running"
    ran = run("migrate", "status")
    assert ran.code == 3
    assert "NOTE: ann on bigbox (process 77) is migrating namespace default since" in ran.out
    server.documents[LOCK] = document(doing="is migrating namespace another")
    assert states(run)[1001] == "interrupted"
    server.documents[LOCK] = document(expires="2026-01-01T00:00:00.000+00:00")
    assert states(run)[1001] == "interrupted"
    assert "by the clock here its time is over" in run("migrate", "status").out
    del server.documents[LOCK]
    ran = run("migrate", "repair", "--json", "--yes")
    assert ran.code == 0
    (found,) = json.loads(ran.out)
    assert (found["repaired"], found["to_repair"]) == (True, False)
    assert states(run)[1001] == "failed"
    assert run("migrate", "up", "--yes").code == 0


@pytest.mark.parametrize("path", [LOCK, RELABEL], ids=["cluster", "relabel"])
def test_while_somebody_else_is_at_it_nothing_is_done(run: Command, server: Elasticsearch, path: str) -> None:
    server.documents[path] = document()
    for arguments in (["up", "--yes"], ["baseline", "--to", "1000", "--yes"]):
        ran = run("migrate", *arguments)
        assert ran.code == 1
        assert "error: ann on bigbox (process 77) is migrating namespace default since" in ran.err
        assert "ocs-elastic migrate unlock" in ran.err
    assert made(server) == []
    assert HISTORY not in server.documents
    assert (LOCK in server.documents) is (path == LOCK), "what it took it gave back"


def test_bad_files_are_told_before_anything_is_done(run: Command, server: Elasticsearch, mine: Path) -> None:
    write(mine, "V1001__second.yml", "description: why\nsteps:\n  - rolover: {}\n")
    for arguments in (
        ["status"],
        ["status", "--json"],
        ["up", "--yes"],
        ["up", "--yes", "--json"],
        ["repair", "--yes"],
    ):
        ran = run("migrate", *arguments)
        assert (ran.code, ran.out) == (1, "")
        assert ran.err == ("error: mine/V1001__second.yml:3: unknown key 'rolover'\nhint: Did you mean 'rollover'?\n")
    assert all(path in (LOCK, RELABEL) for _, path, _, _ in server.written)


def test_a_history_of_a_newer_toolkit_is_told(run: Command, server: Elasticsearch) -> None:
    run("migrate", "up", "--yes")
    server.documents[HISTORY]["rows"][0]["rolled_back"] = True
    for arguments in (["status"], ["up", "--yes"], ["up", "--dry-run"], ["repair", "--yes"]):
        ran = run("migrate", *arguments)
        assert (ran.code, ran.out) == (1, "")
        assert "it holds 'rolled_back', which this toolkit does not know\nhint: a newer ocs-elastic" in ran.err


@pytest.mark.parametrize(
    "arguments",
    [["status"], ["up", "--yes"], ["up", "--dry-run"], ["baseline", "--to", "1000", "--yes"], ["repair", "--yes"]],
)
def test_a_namespace_that_is_not_there_is_told(run: Command, server: Elasticsearch, arguments: list[str]) -> None:
    """A typing error must not end in 'Nothing to do', nor in a history of nothing."""
    ran = run("migrate", *arguments, "--namespace", "defualt")
    assert (ran.code, ran.out) == (1, "")
    assert "error: no data stream 'ocs-campaign-groups-defualt' on http://a-cluster:9200" in ran.err
    assert server.written == []


def test_in_the_middle_of_an_upgrade_of_the_nodes_only_looking_is_possible(run: Command, server: Elasticsearch) -> None:
    server.about = replace(server.about, newest=(8, 18, 0))
    assert run("migrate", "status").code == 3
    assert run("migrate", "repair", "--dry-run").code == 0
    ran = run("migrate", "up", "--yes")
    assert (ran.code, ran.out) == (1, "")
    assert "error: the cluster's nodes have different versions" in ran.err
    assert server.written == []


def test_a_baseline_is_declared_by_name_and_runs_nothing(
    run: Command, server: Elasticsearch, monkeypatch: pytest.MonkeyPatch
) -> None:
    types(monkeypatch, "n\n")
    ran = run("migrate", "baseline", "--to", "1000")
    assert ran.code == 1
    assert ran.out.strip() == "V1000__first: Makes one."
    assert "Is all of that done in namespace default on http://a-cluster:9200" in ran.err
    assert server.written == []
    ran = run("migrate", "baseline", "--to", "1000", "--yes")
    assert ran.code == 0
    assert ran.out.endswith("V1000__first: declared to be done; nothing was run\n")
    assert made(server) == []
    assert states(run) == {1000: "baseline", 1001: "pending"}
    for to, reason in (("1000", "everything up to version 1000 is done already"), ("7", "no migration of version 7")):
        ran = run("migrate", "baseline", "--to", to)
        assert (ran.code, ran.out) == (2, "")
        assert reason in ran.err
    assert run("migrate", "baseline").code == 2


def test_new_writes_the_next_file_and_refuses_what_cannot_be(run: Command, mine: Path) -> None:
    ran = run("migrate", "new", "third", "--description", 'Why: "it" is #3.')
    assert ran.code == 0
    assert ran.out.endswith("V1002__third.yml: fill in its steps, then ocs-elastic migrate up --dry-run\n")
    assert 'description: "Why: \\"it\\" is #3."' in (mine / "V1002__third.yml").read_text(encoding="utf-8")
    ran = run("migrate", "new", "fourth")
    assert ran.code == 1
    assert "V1002__third.yml:4: there are no steps yet" in ran.err
    for arguments, reason in (
        (["Bad"], "'Bad' cannot be a migration's name"),
        (["a", "--description", "a\nb"], "a description is one line of text"),
        (["a", "--folder", "ocs-elastic.yml"], "is no folder"),
        ([], ""),
    ):
        ran = run("migrate", "new", *arguments)
        assert (ran.code, ran.out) == (2, "")
        assert reason in ran.err
    assert run("migrate", "new", "a", "--folder", "another/one").code == 0
    Path("ocs-elastic.yml").unlink()
    ran = run("migrate", "new", "a")
    assert (ran.code, ran.out) == (2, "")
    assert "error: no folder for your migrations is named" in ran.err


def test_nothing_is_locked(run: Command, server: Elasticsearch) -> None:
    assert run("migrate", "unlock") == Ran(0, "Nothing is locked.\n", "")


def test_unlock_asks_for_the_hosts_name(run: Command, server: Elasticsearch, monkeypatch: pytest.MonkeyPatch) -> None:
    server.documents[LOCK], server.documents[RELABEL] = document(), document()
    ran = run("migrate", "unlock")
    assert ran.code == 2
    assert "error: there is no terminal to ask on\nhint: give --host bigbox\n" in ran.err
    ran = run("migrate", "unlock", "--host", "laptop")
    assert ran.code == 2
    assert "error: --host laptop: a lock is held on bigbox" in ran.err
    types(monkeypatch, "laptop\n")
    assert run("migrate", "unlock").code == 1
    assert {LOCK, RELABEL} < server.documents.keys()
    types(monkeypatch, "bigbox\n")
    ran = run("migrate", "unlock")
    assert ran.code == 0
    assert ran.err.count("Type the host's name (bigbox)") == 1, "both locks are of one run"
    assert "watching for half a minute whether ann on bigbox (process 77) is alive" in ran.err
    assert ran.out.startswith("lock: ann on bigbox (process 77) is migrating namespace default since")
    assert ran.out.endswith("Unlocked: lock\nUnlocked: lock-relabel-default\n")
    assert not {LOCK, RELABEL} & server.documents.keys()


def test_unlock_works_whatever_the_files_say(run: Command, server: Elasticsearch, mine: Path) -> None:
    write(mine, "V1000__first.yml", "]")
    server.documents[LOCK] = document()
    ran = run("migrate", "unlock", "--host", "bigbox")
    assert ran.code == 0
    assert LOCK not in server.documents


def test_who_is_alive_keeps_the_lock(run: Command, server: Elasticsearch, monkeypatch: pytest.MonkeyPatch) -> None:
    held = document()
    server.transport().put(LOCK, held)
    monkeypatch.setattr("toolkit.lock.time.sleep", lambda _s: server.transport().put(LOCK, held))
    ran = run("migrate", "unlock", "--host", "bigbox")
    assert ran.code == 1
    assert "Unlocked" not in ran.out
    assert "error: ann on bigbox (process 77) is alive: it has written its heartbeat since" in ran.err
    assert LOCK in server.documents
