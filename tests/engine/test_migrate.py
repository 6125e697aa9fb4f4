"""Migrations run once, to the same end whatever happens: killed, interrupted, two at once, a lock that is lost."""

from __future__ import annotations

import json
import multiprocessing
import os
import re
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event, Thread
from typing import Any

import psutil
import pytest

from tests.faults.account import NUMBER, Posting
from tests.faults.mortal import Node, mortal
from tests.found import CATALOGUE
from tests.running import Engine, authorization
from tests.unit.commands import Ran
from toolkit import lock, tasks
from toolkit.apply import install, remove
from toolkit.client.connect import capabilities, connect
from toolkit.client.transport import Transport
from toolkit.config import Connection, Settings
from toolkit.errors import LockHeldError
from toolkit.kinds.ingest_pipeline import PIPELINE
from toolkit.lock import INDEX
from toolkit.model import SILENT, Bar, Body
from toolkit.ocs.feed import Feed
from toolkit.questions.dead_letters import Selection
from toolkit.uses.deployment import Deployment
from toolkit.uses.destroy import users_of_shared
from toolkit.uses.migrate import forecast, overview, unlock, up
from toolkit.uses.relabel import relabel
from toolkit.uses.replay import replay

ROOT = Path(__file__).parents[2]
START_MS = 1_700_000_000_000
NIGHT = [{"set": {"field": "ocs.shift", "value": "night"}}]
STEPS: dict[str, Body] = {
    "request": {
        "request": {
            "PUT": "/_ingest/pipeline/shift-{namespace}",
            "body": {"processors": NIGHT},
            "done_when": {"get": "/_ingest/pipeline/shift-{namespace}", "has": {"shift-{namespace}.processors": NIGHT}},
        }
    },
    "put_mapping": {
        "put_mapping": {
            "stream": "campaign_groups",
            "mapping": {"properties": {"ocs": {"properties": {"shift": {"type": "keyword"}}}}},
        }
    },
    "update_by_query": {
        "update_by_query": {
            "stream": "campaign_groups",
            "pipeline": "shift-{namespace}",
            "query": {"bool": {"must_not": {"exists": {"field": "ocs.shift"}}}},
        }
    },
    "rollover": {"rollover": {"stream": "campaign_groups"}},
}
"""One of each kind, by its word; together they give every stored document a shift."""


@dataclass
class Home:
    """A namespace with stored messages in two backing indices, and a folder of migrations."""

    engine: Engine
    folder: Path
    settings: Settings
    count: int = 0
    """Documents that were stored before anything was migrated."""

    @property
    def namespace(self) -> str:
        return self.settings.namespace

    @property
    def stream(self) -> str:
        return f"ocs-campaign-groups-{self.namespace}"

    @property
    def transport(self) -> Transport:
        return self.engine.transport

    @property
    def target(self) -> Deployment:
        return Deployment(self.transport, self.engine.server, self.settings)

    @property
    def indices(self) -> list[str]:
        found = self.transport.get(f"/_data_stream/{self.stream}")
        return [index["index_name"] for index in found["data_streams"][0]["indices"]]

    def fill(self, count: int) -> None:
        """Store messages, half of them before a rollover."""
        texts = [message.text for message in Feed(count=count, groups=4, seed=5).messages(CATALOGUE, START_MS)]
        for half in (texts[: count // 2], texts[count // 2 :]):
            if self.count:
                self.transport.post(f"/{self.stream}/_rollover", None)
            for first in range(0, len(half), 1000):
                some = half[first : first + 1000]
                ids = range(self.count, self.count + len(some))
                lines = [f'{{"create":{{"_id":"m{id_}"}}}}\n{text}\n' for id_, text in zip(ids, some, strict=True)]
                answer = self.transport.post(f"/{self.stream}/_bulk", "".join(lines), {"pipeline": PIPELINE})
                assert not answer["errors"], answer
                self.count += len(some)
        self.transport.post(f"/{self.stream}/_refresh", None)

    def write(self, *steps: Body, version: int = 1000, name: str = "shift") -> Path:
        """The file of a migration."""
        file = self.folder / f"V{version}__{name}.yml"
        file.write_text(json.dumps({"description": "Every message has a shift.", "steps": steps}), encoding="utf-8")
        return file

    def up(self, *, rate: int | None = None, progress: Any = SILENT) -> list[Any]:
        return list(up(self.target, rate=rate, progress=progress))

    @property
    def states(self) -> list[str]:
        return [item.state for item in overview(self.target).items]

    def documents(self) -> dict[str, Body]:
        """Id → hit, with version and source."""
        self.transport.post(f"/{self.stream}/_refresh", None)
        found = self.transport.post(f"/{self.stream}/_search", {"size": 10_000, "version": True})
        return {hit["_id"]: hit for hit in found["hits"]["hits"]}

    def state(self) -> Body:
        """All that a migration may change, by raw requests; without times, and with neither names nor numbers of tasks
        and indices that no two runs share.
        """
        indices = self.indices
        about = self.transport.get(f"/{self.stream}")
        documents = {}
        for id_, hit in sorted(self.documents().items()):
            del hit["_source"]["event"]["ingested"]
            documents[id_] = [indices.index(hit["_index"]), hit["_version"], hit["_source"]]
        history = self.transport.get(f"/{INDEX}/_doc/migrations-{self.namespace}")["_source"]
        for row in history["rows"]:
            for when in ("begun", "ended", "seconds"):
                assert row.pop(when) is not None
            for step in row["steps"]:
                assert step["note"].pop("write_index", indices[-2]) == indices[-2], "the rollover was made from there"
                step["note"].pop("tasks", None)
                assert step["note"].pop("indices", indices[:-1]) == indices[:-1], "those that were there at first"
        found = {
            "mappings": [about[index]["mappings"] for index in indices],
            "documents": documents,
            "history": history,
            "pipeline": self.transport.get(f"/_ingest/pipeline/shift-{self.namespace}"),
            "left": [self.transport.get(f"/{INDEX}/_doc/{each}-migrate-{self.namespace}") for each in _WORK],
            "locks": len(overview(self.target).locks),
        }
        named: Body = json.loads(json.dumps(found).replace(self.namespace, "NAMESPACE"))
        return named


_WORK = ("task", "write_blocks")


@contextmanager
def home(engine: Engine, folder: Path, *, count: int = 16, shared: bool = False) -> Iterator[Home]:
    """A namespace, filled, and nothing of it afterwards; `shared`: with what it shares with others."""
    folder.mkdir(exist_ok=True)
    settings = Settings(namespace=f"mig_{secrets.token_hex(4)}", refresh_interval_s=1, migrations=str(folder))
    found = Home(engine, folder, settings)
    target = found.target
    install(engine.transport, [r for r in target.resources if r.namespace or shared])
    try:
        found.fill(count)
        yield found
    finally:
        users = users_of_shared(target)
        remove(engine.transport, [r for r in target.resources if r.namespace or (shared and not users)])
        engine.transport.delete(f"/_ingest/pipeline/shift-{found.namespace}")
        for name in ("migrations", *(f"{each}-migrate" for each in _WORK), "lock-relabel"):
            engine.transport.delete(f"/{INDEX}/_doc/{name}-{found.namespace}")


@pytest.fixture(scope="module")
def ground(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """An engine with what all namespaces share."""
    with home(engine, tmp_path_factory.mktemp("ground"), shared=True):
        yield engine


@pytest.fixture
def place(ground: Engine, tmp_path: Path) -> Iterator[Home]:
    with home(ground, tmp_path / "migrations") as found:
        yield found


@pytest.fixture
def undisturbed(place: Home) -> Body:
    """What a run of all steps comes to that nothing happens to."""
    place.write(*STEPS.values())
    place.up()
    return place.state()


def ocs_elastic(home: Home, *arguments: str) -> subprocess.Popen[str]:
    """A command in a process of its own."""
    connection = home.engine.connection
    environment = {**os.environ, "OCS_ELASTIC_STATE": str(home.folder.parent), "NO_COLOR": "1", "PYTHONPATH": str(ROOT)}
    (home.folder.parent / "ocs-elastic.yml").write_text(json.dumps({"migrations": str(home.folder)}), encoding="utf-8")
    if connection.embedded:
        (home.folder.parent / "local.json").write_text(json.dumps({"url": connection.url}), encoding="utf-8")
        arguments = (*arguments, "--profile", "local")
    else:
        environment["ELASTICSEARCH_URL"] = connection.url
    if connection.username:
        environment["ELASTICSEARCH_USERNAME"] = connection.username
        environment["ELASTICSEARCH_PASSWORD"] = connection.password or ""
    return subprocess.Popen(
        [sys.executable, "-m", "toolkit", *arguments, "--namespace", home.namespace],
        cwd=home.folder.parent,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=_heed_interruptions if sys.platform != "win32" else None,  # noqa: PLW1509 - nothing else runs there
    )


def _heed_interruptions() -> None:
    """A shell that starts the tests in the background has them, and what they start, ignore Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def ended(process: subprocess.Popen[str]) -> Ran:
    try:
        out, err = process.communicate(timeout=120)
    finally:
        process.kill()
    assert "Traceback" not in err, err
    return Ran(process.returncode, out, err)


def run(home: Home, *arguments: str) -> Ran:
    return ended(ocs_elastic(home, *arguments))


@contextmanager
def at_work(home: Home) -> Iterator[subprocess.Popen[str]]:
    """A run of all steps by the command, in the middle of a slow task; it is killed if it still runs at the end."""
    home.write(*STEPS.values())
    process = ocs_elastic(home, "migrate", "up", "--yes", "--rate", "2")
    try:
        deadline = time.monotonic() + 60
        while not (_written(home) and _noted(home)):
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < deadline, "it has begun no task"
            time.sleep(0.1)
        yield process
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()


def _written(home: Home) -> int:
    """Documents that the task of now has written."""
    task = tasks.patiently(lambda: tasks.unfinished(home.transport, f"migrate-{home.namespace}"))
    return int(home.transport.get(f"/_tasks/{task.id}")["task"]["status"]["updated"]) if task else 0


def _noted(home: Home) -> bool:
    """Whether the history names a task."""
    found = home.transport.get(f"/{INDEX}/_doc/migrations-{home.namespace}")
    return any(step["note"].get("tasks") for row in found["_source"]["rows"] for step in row["steps"])


def test_every_kind_of_step_is_foretold_done_and_verified(place: Home) -> None:
    place.write(*STEPS.values())
    before, indices = place.documents(), place.indices
    dry = run(place, "migrate", "up", "--dry-run")
    assert dry.code == 3, dry
    for told in (
        f"PUT /_ingest/pipeline/shift-{place.namespace} is sent",
        *(f"{index}: ocs.shift" for index in indices),
        *(f"{index}: 8 documents" for index in indices),
        f"turns from {indices[-1]} to a new index",
    ):
        assert told in dry.out, dry.out
    assert place.transport.get(f"/_ingest/pipeline/shift-{place.namespace}") is None
    assert (place.documents(), place.indices, place.states) == (before, indices, ["pending"])
    assert run(place, "migrate", "status").code == 3
    done = run(place, "migrate", "up", "--yes")
    assert done.code == 0, done
    assert "V1000__shift: applied, 4 steps" in done.out
    after = place.documents()
    assert after.keys() == before.keys()
    for id_, hit in after.items():
        assert (hit["_version"], hit["_index"]) == (2, before[id_]["_index"])
        assert hit["_source"]["ocs"].pop("shift") == "night"
        assert hit["_source"] == before[id_]["_source"]
    night = {"query": {"term": {"ocs.shift": "night"}}}
    assert place.transport.post(f"/{place.stream}/_count", night)["count"] == place.count
    assert place.indices[:-1] == indices
    for index, about in place.transport.get(f"/{place.stream}").items():
        fields = about["mappings"]["properties"]["ocs"]["properties"]
        assert fields.get("shift") == (None if index == place.indices[-1] else {"type": "keyword"}), index
    status = run(place, "migrate", "status", "--json")
    assert status.code == 0, status
    (item,) = json.loads(status.out)["migrations"]
    assert (item["state"], item["history"]["outcome"], len(item["history"]["tasks"])) == ("applied", "applied", 2)
    known = place.transport.get(f"/{INDEX}/_doc/migrations-{place.namespace}")
    again = run(place, "migrate", "up", "--yes")
    assert (again.code, again.out.strip()) == (0, "Nothing to do.")
    assert run(place, "migrate", "up", "--dry-run").code == 0
    assert place.transport.get(f"/{INDEX}/_doc/migrations-{place.namespace}") == known
    assert place.documents().keys() == before.keys()


class After:
    """Dies, as by SIGKILL, right after one of the writes that change something; the number 0 lets it live."""

    def __init__(self, number: int) -> None:
        self.writes: list[str] = []
        self._number, self._sent = number, False

    def __call__(self, method: str, path: str) -> None:
        self._sent = not self._sent  # told before and after
        if self._sent or path.endswith("/_refresh"):
            return
        self.writes.append(f"{method} {path}")
        if len(self.writes) == self._number:
            os.kill(os.getpid(), signal.SIGKILL)


def _dies(connection: Connection, settings: Settings, die_at: int, rate: int | None) -> None:
    """Runs in a process of its own."""
    transport = connect(connection)
    transport.on_write = After(die_at)
    list(up(Deployment(transport, capabilities(transport), settings), rate=rate))


def in_a_process(act: Callable[..., None], *arguments: Any) -> multiprocessing.process.BaseProcess:
    """Begin something that kills its process, or may; forked, since nothing needs to be imported anew."""
    process = multiprocessing.get_context("fork").Process(target=act, args=arguments, daemon=True)
    process.start()
    return process


needs_fork = pytest.mark.skipif(sys.platform == "win32", reason="needs fork and SIGKILL")
ALL = os.environ.get("TEST_FAULTS") == "all"
"""Whether every write is tried, which takes minutes: `make faults`."""


@needs_fork
@pytest.mark.timeout(900)
def test_a_run_that_dies_after_any_write_is_ended_by_the_next(ground: Engine, tmp_path: Path) -> None:
    """Killed right after each of its writes (in CI after every fourth), while a throttled task is at work too."""
    alive = After(0)
    with home(ground, tmp_path / "undisturbed", count=8) as one:
        one.write(*STEPS.values())
        one.transport.on_write = alive
        try:
            one.up(rate=4)
        finally:
            one.transport.on_write = lambda _method, _path: None
        undisturbed = one.state()
    assert len(alive.writes) > 20
    for number, write in list(enumerate(alive.writes, 1))[:: 1 if ALL else 4]:
        with home(ground, tmp_path / str(number), count=8) as one:
            one.write(*STEPS.values())
            child = in_a_process(_dies, ground.connection, one.settings, number, 4)
            child.join(60)
            assert child.exitcode == -signal.SIGKILL, write
            begun = time.monotonic()
            one.up()
            assert time.monotonic() - begun < 20, "nobody waits for a lock whose holder died on this machine"
            assert one.state() == undisturbed, write


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM], ids=lambda end: end.name)
def test_a_run_that_ends_in_the_middle_leaves_its_task_and_the_next_attaches_to_it(
    ground: Engine, undisturbed: Body, tmp_path: Path, end: signal.Signals
) -> None:
    with home(ground, tmp_path / "m") as one:
        with at_work(one) as process:
            process.send_signal(end)
            done = ended(process)
        assert done.code == (-end if end is signal.SIGKILL else 128 + end), done
        if end is not signal.SIGKILL:
            assert re.search(r"task \S+ \(update-by-query \[\S+\]\) goes on .* ocs-elastic migrate up", done.err), done
        status = run(one, "migrate", "status")
        assert (status.code, "interrupted" in status.out) == (3, True), status
        said: list[str] = []
        (row,) = one.up(progress=Told(said))
        assert any("an earlier run has begun a task" in line for line in said)
        assert len(row.tasks) == 2, "the one of the earlier run too"
        assert one.state() == undisturbed


class Told:
    """A `Progress` that keeps what it is told."""

    def __init__(self, said: list[str]) -> None:
        self.say = said.append

    def bar(self, title: str, total: int | None, unit: str) -> AbstractContextManager[Bar]:
        return SILENT.bar(title, total, unit)


@pytest.fixture(scope="module")
def node() -> Iterator[Node]:
    with mortal() as started:
        yield started


@pytest.fixture(scope="module")
def doomed(node: Node, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """An engine that may be killed."""
    connection = Connection(node.url, "the tests", embedded=node.embedded)
    transport = connect(connection)
    engine = Engine(connection, transport, capabilities(transport))
    with home(engine, tmp_path_factory.mktemp("doomed"), shared=True):
        yield engine


KILLED_AT = {
    "request": r"PUT /_ingest/pipeline/.*",
    "put_mapping": r"PUT .*/_mapping",
    "update_by_query": r"POST .*/_update_by_query",
    "rollover": r"POST .*/_rollover",
}


@dataclass
class Killing:
    """Kills the engine, as a power cut would, right after a certain write has been answered."""

    pid: int
    pattern: str
    seen: int = field(default=0)

    def __call__(self, method: str, path: str) -> None:
        self.seen += bool(re.fullmatch(self.pattern, f"{method} {path}"))
        if self.seen == 2:
            self.seen += 1
            main = psutil.Process(self.pid)
            for each in [*main.children(recursive=True), main]:
                each.kill()


def _kills(connection: Connection, settings: Settings, killing: Killing) -> None:
    """Runs in a process of its own, which ends badly where a step does not wait for the engine."""
    transport = connect(connection)
    transport.on_write = killing
    list(up(Deployment(transport, capabilities(transport), settings), rate=4))


@needs_fork
@pytest.mark.timeout(600)
@pytest.mark.parametrize("kind", STEPS)
def test_an_engine_that_dies_in_a_step_and_comes_back_changes_nothing_of_the_end(
    node: Node, doomed: Engine, undisturbed: Body, tmp_path: Path, kind: str
) -> None:
    with home(doomed, tmp_path / "m") as one:
        one.write(*STEPS.values())
        assert node.running is not None
        child = in_a_process(_kills, doomed.connection, one.settings, Killing(node.running.pid, KILLED_AT[kind]))
        node.running.wait(60)
        node.running = None
        node.start()
        child.join(300)
        assert child.exitcode == (0 if kind == "update_by_query" else 1), "only a task is waited for"
        node.wait_until_up()
        assert one.states in (["applied"], ["failed"], ["interrupted"])
        one.up()
        found = one.state()
        assert _without_ids(found) == _without_ids(undisturbed)


def _without_ids(state: Body) -> Body:
    """Another engine may give a mapping and a pipeline in words of its own: what is compared is what all have."""
    return {key: value for key, value in state.items() if key not in ("mappings", "pipeline")} | {
        "indices": len(state["mappings"]),
        "shift": [mapping["properties"]["ocs"]["properties"].get("shift") for mapping in state["mappings"]],
    }


def test_of_two_at_once_one_does_it_all_and_the_other_is_told_who(
    ground: Engine, undisturbed: Body, tmp_path: Path
) -> None:
    with home(ground, tmp_path / "m") as one:
        with at_work(one) as first:
            second = run(one, "migrate", "up", "--yes")
            assert second.code == 1, second
            assert f"(process {first.pid}) is migrating namespace {one.namespace} since" in second.err
            status = run(one, "migrate", "status")
            assert f"(process {first.pid}) is migrating namespace {one.namespace} since" in status.out
            done = ended(first)
        assert done.code == 0, done
        assert one.state() == undisturbed
        one.write(STEPS["rollover"], version=1001, name="turn")
        before = len(one.indices)
        both = [ocs_elastic(one, "migrate", "up", "--yes") for _ in range(2)]
        codes = sorted(done.code for done in map(ended, both))
        assert codes in ([0, 1], [0, 0])
        assert len(one.indices) == before + 1


def test_while_a_migration_runs_nobody_relabels_replays_or_applies(place: Home) -> None:
    with at_work(place):
        target = place.target
        other = Settings(namespace=place.namespace, refresh_interval_s=7)
        changed = Deployment(place.transport, place.engine.server, other)
        for act in (
            lambda: relabel(target),
            lambda: replay(target, Selection()),
            lambda: list(changed.apply(changed.plan())),
        ):
            with pytest.raises(LockHeldError, match=f"is migrating namespace {place.namespace} since"):
                act()


def test_while_somebody_relabels_nobody_migrates_and_the_clusters_lock_is_given_back(place: Home) -> None:
    place.write(*STEPS.values())
    name = f"lock-relabel-{place.namespace}"
    with (
        lock.locked(place.transport, place.target.state_index, name=name, doing="is relabelling"),
        pytest.raises(LockHeldError, match="is relabelling since"),
    ):
        place.up()
    assert place.states == ["pending"]
    assert place.transport.get(f"/{INDEX}/_doc/{lock.CLUSTER}") is None


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Heartbeats are not waited for so long."""
    monkeypatch.setattr(lock, "HEARTBEAT_S", 0.3)
    monkeypatch.setattr(lock, "_WATCH_S", 1.5)


def held_elsewhere(home: Home, by: timedelta) -> Body:
    """A lock of a run on another machine, whose clock is off."""
    now = datetime.now(UTC) + by
    return {
        "type": "lock",
        "id": "of-another",
        "owner": "ann",
        "doing": f"is migrating namespace {home.namespace}",
        "host": "elsewhere",
        "process": os.getpid(),
        "machine": "another boot of another machine",
        "taken": now.isoformat(timespec="milliseconds"),
        "heartbeat": now.isoformat(timespec="milliseconds"),
        "expires": (now + timedelta(seconds=lock.EXPIRES_AFTER_S)).isoformat(timespec="milliseconds"),
    }


@contextmanager
def elsewhere(home: Home, by: timedelta, *, alive: bool) -> Iterator[None]:
    """Somebody on another machine holds the cluster's lock, and writes heartbeats, or died."""
    path = f"/{INDEX}/_doc/{lock.CLUSTER}"
    held = held_elsewhere(home, by)
    with lock.locked(home.transport, home.target.state_index, name="to_have_the_index"):
        home.transport.put(path, held)
    stop = Event()

    def beat() -> None:
        other = connect(home.engine.connection)
        while not stop.wait(0.3):
            other.put(path, {**held_elsewhere(home, by), "taken": held["taken"]})

    thread = Thread(target=beat, daemon=True)
    if alive:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        if alive:
            thread.join()
        home.transport.delete(path)


OFF = [timedelta(), timedelta(hours=2), timedelta(hours=-2)]
_names = ["right", "ahead", "behind"]


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("by", OFF, ids=_names)
def test_a_holder_elsewhere_that_lives_keeps_the_lock_whatever_its_clock_says(place: Home, by: timedelta) -> None:
    place.write(STEPS["rollover"])
    with elsewhere(place, by, alive=True):
        with pytest.raises(LockHeldError, match=r"ann on elsewhere .* is migrating"):
            place.up()
        with pytest.raises(LockHeldError, match=r"ann on elsewhere .* is alive"):
            unlock(place.target, overview(place.target).locks)
        assert place.states == ["pending"]
        assert [each.host for each in overview(place.target).locks] == ["elsewhere"]


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("by", OFF[1:], ids=_names[1:])
def test_a_holder_elsewhere_that_died_with_its_clock_off_is_followed_after_a_look(place: Home, by: timedelta) -> None:
    place.write(STEPS["rollover"])
    with elsewhere(place, by, alive=False):
        begun = time.monotonic()
        place.up()
        assert time.monotonic() - begun > lock._WATCH_S, "it was watched for a heartbeat first"
    assert place.states == ["applied"]


@pytest.mark.usefixtures("quick")
def test_the_lock_of_one_that_died_elsewhere_is_taken_away(place: Home) -> None:
    place.write(STEPS["rollover"])
    with elsewhere(place, timedelta(), alive=False):
        with pytest.raises(LockHeldError, match=r"ann on elsewhere .* is migrating"):
            place.up()
        wrong = run(place, "migrate", "unlock", "--host", "here")
        assert (wrong.code, "held on elsewhere" in wrong.err) == (2, True), wrong
        assert run(place, "migrate", "unlock").code == 2, "there is no terminal to type the host on"
        unlock(place.target, overview(place.target).locks)
        assert overview(place.target).locks == ()
        place.up()
    assert place.states == ["applied"]
    nothing = run(place, "migrate", "unlock", "--host", "elsewhere")
    assert (nothing.code, nothing.out.strip()) == (0, "Nothing is locked.")


def test_the_command_takes_a_lock_away_after_a_look_for_a_heartbeat(place: Home) -> None:
    place.write(STEPS["rollover"])
    with elsewhere(place, timedelta(), alive=False):
        done = run(place, "migrate", "unlock", "--host", "elsewhere")
        assert done.code == 0, done
        assert "ann on elsewhere" in done.out
        assert "Unlocked: lock" in done.out
        assert run(place, "migrate", "up", "--yes").code == 0


@pytest.mark.usefixtures("quick")
def test_a_lock_that_is_lost_in_the_middle_of_a_task_ends_the_run_and_it_says_what_is_half_done(
    ground: Engine, undisturbed: Body, tmp_path: Path
) -> None:
    path = f"/{INDEX}/_doc/{lock.CLUSTER}"
    with home(ground, tmp_path / "m") as one:
        one.write(*STEPS.values())

        def lose(_method: str, where: str) -> None:
            if where.endswith("/_update_by_query"):
                one.transport.on_write = lambda _method, _path: None
                other = connect(one.engine.connection)
                other.put(path, held_elsewhere(one, timedelta()))

        one.transport.on_write = lose
        said: list[str] = []
        begun = time.monotonic()
        try:
            with pytest.raises(LockHeldError) as lost:
                one.up(rate=1, progress=Told(said))
            took_s = time.monotonic() - begun
            held = one.transport.get(path)
            while_held = one.states
        finally:
            one.transport.on_write = lambda _method, _path: None
            one.transport.delete(path)
        assert took_s < 7, "it does not wait for its task, which takes 8 s for each index"
        reason = lost.value.reason
        assert re.search(r"V1000__shift\.yml, step 3 of 4 \(send documents .*\): the lock was lost", reason), reason
        assert "[steps 1 to 2 are done, none after" in reason
        assert any(re.search(r"task \S+ \(update-by-query .*\) goes on without this command", line) for line in said)
        assert held["_source"]["id"] == "of-another", "it is not given back by whoever lost it"
        assert while_held in (["running"], ["interrupted"])
        assert one.states == ["interrupted"]
        one.up()
        assert one.state() == undisturbed


@pytest.mark.timeout(600)
def test_while_messages_come_none_is_refused_lost_or_doubled(ground: Engine, tmp_path: Path) -> None:
    """A field is added, and stored documents get it, under constant posting."""
    with home(ground, tmp_path / "m", count=3000) as one:
        stored_before = datetime.now(UTC).isoformat(timespec="milliseconds")
        query = {
            "bool": {
                "filter": {"range": {"event.ingested": {"lt": stored_before}}},
                "must_not": {"exists": {"field": "ocs.shift"}},
            }
        }
        update = {"update_by_query": {**STEPS["update_by_query"]["update_by_query"], "query": query}}
        one.write(STEPS["request"], STEPS["put_mapping"], update, STEPS["rollover"])
        connection = one.engine.connection
        posting = Posting(
            f"{connection.url}/{one.stream}/_doc",
            Feed(100_000, groups=20, seed=6),
            rate=50,
            headers=authorization(connection),
        )
        try:
            posting.wait_for(20)
            (row,) = one.up(rate=1000)
            posting.wait_for(20)
        finally:
            posting.stop.set()
            account = posting.finish()
        assert (account.refused, account.unanswered) == ({}, {})
        assert row.outcome == "applied"
        documents = one.documents()
        assert len(documents) == one.count + len(account.accepted)
        found: dict[int, list[tuple[str, str]]] = {}
        for id_, hit in documents.items():
            number = hit["_source"]["ocs"].get("extra", {}).get(NUMBER)
            if number is None:
                assert (hit["_source"]["ocs"]["shift"], hit["_version"]) == ("night", 2)
            else:
                found.setdefault(int(number), []).append((hit["_index"], id_))
                assert ("shift" in hit["_source"]["ocs"], hit["_version"]) == (False, 1)
        account.check(found)
        night = {"query": {"term": {"ocs.shift": "night"}}}
        assert one.transport.post(f"/{one.stream}/_count", night)["count"] == one.count


def test_a_failed_one_is_mended_and_goes_on_without_a_second_rollover(place: Home) -> None:
    gone = {"request": {"PUT": "/_nonsense", "done_when": {"get": f"/{place.stream}-x", "has": {"a": 1}}}}
    place.write(STEPS["rollover"], gone)
    failed = run(place, "migrate", "up", "--yes")
    assert failed.code == 1, failed
    assert "step 2 of 2 (PUT /_nonsense)" in failed.err
    assert "[step 1 is done" in failed.err
    assert (place.states, len(place.indices)) == (["failed"], 3)
    place.write(STEPS["rollover"], STEPS["request"])
    assert forecast(place.target)[0].steps[0].lines == ()
    place.up()
    assert (place.states, len(place.indices)) == (["applied"], 3)
