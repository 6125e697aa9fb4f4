"""Stored documents get the labels of now, whatever happens on the way; in the end each is as if it had come today."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.engine.test_labels import main
from tests.engine.test_pipeline import CASES, SCRIPT_REFUSES, golden_of, message_of
from tests.found import CATALOGUE
from tests.running import Engine, Stream, installed
from toolkit import tasks, write_blocks
from toolkit.apply import install
from toolkit.client.connect import capabilities, connect
from toolkit.config import Connection, Settings
from toolkit.errors import LockHeldError, RejectedError, ToolkitError
from toolkit.kinds.ingest_pipeline import PIPELINE, RELABEL_PIPELINE
from toolkit.listen.values import beyond_64_bits
from toolkit.local import process
from toolkit.local.engine import Engine as LocalEngine
from toolkit.local.engine import start
from toolkit.lock import INDEX
from toolkit.model import SILENT, Bar, Body
from toolkit.ocs.feed import Feed
from toolkit.output.console import TerminalProgress
from toolkit.uses.deployment import Deployment
from toolkit.uses.relabel import relabel, survey

LABELS = {
    "state": {"running": "Läuft", "inactive": "Ruht", "active": "Inactive"},
    "action": {"start-dialing": "Wählen"},
}
ACTIONS = ("load", "unknown-message")
START_MS = 1_700_000_000_000
ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Stored:
    """A stream whose documents are known by the messages that they were."""

    stream: Stream
    messages: dict[str, str]
    """Id of the document → message."""

    @property
    def transport(self) -> Any:
        return self.stream.engine.transport

    @property
    def indices(self) -> list[str]:
        """The stream's, the oldest first."""
        found = self.transport.get(f"/_data_stream/{self.stream.name}")
        return [index["index_name"] for index in found["data_streams"][0]["indices"]]

    def post(self, messages: list[str]) -> None:
        for message in messages:
            status, answer = self.stream.post(message)
            assert status == 201
            if "ocs-campaign-groups-" in answer["_index"]:
                self.messages[answer["_id"]] = message

    def documents(self) -> dict[str, Body]:
        """Id → hit, with version and source."""
        self.transport.post(f"/{self.stream.name}/_refresh", None)
        body = {"size": 10_000, "version": True, "query": {"match_all": {}}}
        hits = self.transport.post(f"/{self.stream.name}/_search", body)["hits"]["hits"]
        return {hit["_id"]: hit for hit in hits}

    def target(self, *, other: bool) -> Deployment:
        """The namespace with labels of its own, or with the catalogue's."""
        settings = self.stream.settings
        if other:
            settings = Settings(
                namespace=settings.namespace, refresh_interval_s=1, labels=LABELS, state_change_actions=ACTIONS
            )
        return Deployment(self.transport, self.stream.engine.server, settings)

    def applied(self, *, other: bool = True) -> Deployment:
        """The pipelines of such labels are on the cluster."""
        target = self.target(other=other)
        install(self.transport, [r for r in target.resources if r.kind == "ingest_pipeline"])
        return target

    def block(self, name: str = "write") -> str:
        """The index of all documents but those to come, which takes no writes any more."""
        if len(self.indices) == 1:
            self.transport.post(f"/{self.stream.name}/_rollover", None)
        index = self.indices[0]
        self.transport.put(f"/{index}/_settings", {f"index.blocks.{name}": True})
        return index

    def blocks(self, index: str) -> dict[str, str]:
        answer = self.transport.get(f"/{index}/_settings/index.blocks*", params={"flat_settings": "true"})
        found: dict[str, str] = answer.get(index, {}).get("settings", {})
        return {name: value for name, value in found.items() if value == "true"}


@pytest.fixture(scope="module")
def filled(engine: Engine) -> Iterator[Stored]:
    """Golden messages and simulated ones."""
    for stream in installed(engine, Settings(namespace=f"relabel_{secrets.token_hex(4)}", refresh_interval_s=1)):
        found = Stored(stream, {})
        refused = SCRIPT_REFUSES if engine.server.distribution == "opensearch" else set()
        found.post([message_of(case) for case in CASES if "document" in golden_of(case) and case not in refused])
        simulated = Feed(count=120, groups=6, interval_s=10, odd_percent=20, seed=3).messages(CATALOGUE, START_MS)
        found.post([message.text for message in simulated])
        yield found
    engine.transport.delete(f"/{INDEX}")


@pytest.fixture
def stored(filled: Stored) -> Iterator[Stored]:
    """All of it under the catalogue's labels, which are those of the pipelines again afterwards."""
    yield filled
    for index in filled.indices:
        for name in filled.blocks(index):
            filled.transport.put(f"/{index}/_settings", {name: None})
    left = tasks.patiently(lambda: relabel(filled.applied(other=False), rate=None).left)
    assert not left.pending


def test_every_document_is_as_if_its_message_had_come_today(stored: Stored) -> None:
    before = stored.documents()
    target = stored.applied()
    found = survey(target)
    assert 50 < found.documents < len(before)
    assert found.parts[0].index in stored.indices
    assert ("ocs.campaign_group.state.label", "Running", "Läuft") in {
        (change.field, change.before, change.after) for change in found.changes
    }
    done = relabel(target, rate=None)
    assert (done.left.documents, done.left.pending) == (0, False)
    assert done.documents >= found.documents, "the transform may have added to the latest-state index meanwhile"
    _all_as_of_today(stored, target, before)
    written = [id_ for id_, hit in stored.documents().items() if hit["_version"] > before[id_]["_version"]]
    assert len(written) == sum(part.documents for part in found.parts if part.index in stored.indices)
    assert relabel(target, rate=None).documents == 0, "there is nothing left to do"
    assert stored.transport.get(f"/{INDEX}/_doc/lock-relabel-{target.settings.namespace}") is None


def _all_as_of_today(stored: Stored, target: Deployment, before: dict[str, Body]) -> None:
    """Each is what the main pipeline makes of its message now, but for the time at which it came."""
    after = stored.documents()
    assert after.keys() == before.keys() == stored.messages.keys()
    ids = [id_ for id_, message in stored.messages.items() if not _refused_by_simulate(message)]
    wanted = main(stored.stream.engine, target.catalogue, [stored.messages[id_] for id_ in ids])
    for id_, document in zip(ids, wanted, strict=True):
        source = before[id_]["_source"]
        document["event"]["ingested"] = source["event"]["ingested"]
        document["@timestamp"] = source["@timestamp"]
        assert _ordered(after[id_]["_source"]) == _ordered(document)
    for id_ in after.keys() - set(ids):
        kept = ({key: value for key, value in hit[id_]["_source"].items() if key != "event"} for hit in (after, before))
        assert _unlabelled(next(kept)) == _unlabelled(next(kept))


def _refused_by_simulate(message: str) -> bool:
    return beyond_64_bits(json.loads(message))


def _ordered(source: Body) -> Body:
    if "calling_lists" in source.get("ocs", {}):  # their order is that of the engine's own maps
        source["ocs"]["calling_lists"].sort(key=lambda row: json.dumps(row, sort_keys=True))
    return source


def _unlabelled(source: Body) -> Body:
    return {key: value for key, value in source["ocs"].items() if key in ("invalid", "extra", "stats")}


def test_messages_that_come_meanwhile_are_right_and_not_written_again(stored: Stored) -> None:
    target = stored.applied()
    stored.post(['{"GSW_CAMPAIGN_GROUP_GUID": "late", "GSW_CAMPAIGN_GROUP_STATE": 5}'])
    late = list(stored.messages)[-1]
    relabel(target, rate=None)
    hit = stored.documents()[late]
    assert hit["_version"] == 1
    assert hit["_source"]["ocs"]["campaign_group"]["state"]["label"] == "Läuft"


def test_back_again_and_the_documents_are_what_they_were(stored: Stored) -> None:
    before = _sources(stored)
    assert relabel(stored.applied(), rate=None).documents
    assert relabel(stored.applied(other=False), rate=None).documents
    assert _sources(stored) == before


def _sources(stored: Stored) -> dict[str, Body]:
    return {id_: hit["_source"] for id_, hit in stored.documents().items()}


def test_a_write_block_is_named_left_and_only_by_wish_lifted_and_put_back(stored: Stored) -> None:
    index = stored.block()
    target = stored.applied()
    (part,) = [part for part in survey(target).parts if part.index in stored.indices]
    assert (part.index, part.write_block, part.hindrance) == (index, True, "")
    done = relabel(target, rate=None)
    assert [each.index for each in done.left.parts] == [index]
    assert stored.blocks(index) == {"index.blocks.write": "true"}
    done = relabel(target, rate=None, lift=True)
    assert done.documents >= part.documents
    assert done.left.documents == 0
    assert stored.blocks(index) == {"index.blocks.write": "true"}
    with pytest.raises(RejectedError, match="blocked"):
        stored.transport.delete(f"/{index}/_doc/{next(iter(stored.messages))}")


def test_the_block_of_the_index_that_is_written_to_is_put_back_too(stored: Stored) -> None:
    """Elasticsearch's own request for blocks refuses that index, so that the block was lost and every next run failed;
    the setting that somebody has blocked it by is taken.
    """
    index = stored.indices[-1]
    stored.transport.put(f"/{index}/_settings", {"index.blocks.write": True})
    done = relabel(stored.applied(), rate=None, lift=True)
    assert done.documents
    assert not done.left.pending
    assert stored.blocks(index) == {"index.blocks.write": "true"}


def test_what_is_read_only_is_named_and_left_even_if_blocks_are_lifted(stored: Stored) -> None:
    index = stored.block("read_only")
    stored.post(['{"GSW_CAMPAIGN_GROUP_GUID": "g", "GSW_CAMPAIGN_GROUP_STATE": 5}'])
    done = relabel(stored.applied(), rate=None, lift=True)
    assert done.documents >= 1, "the newer index is relabelled"
    (part,) = [each for each in done.left.parts if each.index in stored.indices]
    assert part.index == index
    assert "index.blocks.read_only" in part.hindrance
    stored.transport.put(f"/{index}/_settings", {"index.blocks.read_only": None})


def test_labels_that_are_not_applied_yet_stop_it_before_anything_is_done(stored: Stored) -> None:
    for name in (PIPELINE, RELABEL_PIPELINE):
        before = stored.documents()
        target = stored.applied()
        old = next(r for r in stored.target(other=False).resources if r.name == name)
        install(stored.transport, [old])
        for ask in (survey, relabel):
            with pytest.raises(ToolkitError, match=f"{name} on .* is not what this toolkit") as raised:
                ask(target)
            assert "apply" in str(raised.value.hint)
        assert stored.documents() == before
    stored.transport.delete(f"/_ingest/pipeline/{RELABEL_PIPELINE}")
    with pytest.raises(ToolkitError, match=f"{RELABEL_PIPELINE} on .* is not there"):
        relabel(stored.target(other=True))


def test_labels_that_are_applied_in_the_middle_stop_it(stored: Stored) -> None:
    """Apply is not kept waiting for hours by a relabel; what it was about is over then, and it says so."""
    stored.block()
    stored.post([message_of("full-activity")] * 3)
    target = stored.applied()
    steps: list[str] = []

    def then_apply(method: str, path: str) -> None:
        steps.append(path)
        if path.endswith("_update_by_query") and steps.count(path) == 2:
            stored.applied(other=False)

    target.transport.on_write = then_apply
    try:
        with pytest.raises(ToolkitError, match="is not what this toolkit and configuration would make of it"):
            relabel(target, rate=None, lift=True)
    finally:
        target.transport.on_write = lambda _method, _path: None
    done = relabel(stored.target(other=False), rate=None, lift=True)
    assert done.left.documents == 0


def test_a_task_that_was_cancelled_is_told_and_the_next_run_goes_on(stored: Stored) -> None:
    target = stored.applied()
    total = survey(target).documents
    with _Command(stored, "--yes", "--rate", "10") as command:
        task = command.task()
        stored.transport.post(f"/_tasks/{task}/_cancel", None)
        _, err = command.ended()
        assert command.process.returncode == 1
        assert "was cancelled by user request" in err
        assert "ocs-elastic relabel goes on from there" in err
    left = survey(target)
    assert 0 < left.documents <= total
    assert not left.under_way
    with _Command(stored, "--yes", "--rate", "10") as command:
        task = command.task()
        command.process.kill()
        command.ended()
    stored.transport.post(f"/_tasks/{task}/_cancel", None)  # while nobody looks: no reason to stop at
    assert relabel(target, rate=None).left.documents == 0


def test_of_two_at_once_the_second_is_told_who_is_at_work(stored: Stored) -> None:
    target = stored.applied()
    with _Command(stored, "--yes", "--rate", "10") as command:
        task = command.task()
        with pytest.raises(LockHeldError, match=f"is relabelling namespace {target.settings.namespace} since"):
            relabel(target, rate=None)
        stored.applied()  # what changes the cluster is not kept waiting
        stored.transport.post(f"/_tasks/{task}/_cancel", None)
        command.ended()


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM], ids=lambda end: end.name)
def test_a_run_that_ends_leaves_its_task_and_the_next_attaches_to_it(stored: Stored, end: signal.Signals) -> None:
    index = stored.block()
    target = stored.applied()
    before = stored.documents()
    total = sum(part.documents for part in survey(target).parts if part.index == index)
    with _Command(stored, "--yes", "--rate", "10", "--lift-write-blocks") as command:
        task = command.task(index)
        command.process.send_signal(end)
        _, err = command.ended()
        assert command.process.returncode == (-end if end is signal.SIGKILL else 128 + end)
        if end is not signal.SIGKILL:
            assert f"task {task} (update-by-query [{index}]) goes on" in err
            assert f"POST /_tasks/{task}/_cancel" in err
    found = survey(target)
    assert task in found.under_way
    assert found.lifted == (index,)
    said: list[str] = []
    done = relabel(target, rate=None, lift=True, progress=_Told(said))
    assert any(task in line and "an earlier run has begun a task" in line for line in said)
    assert done.documents >= total
    written = [hit["_version"] - before[id_]["_version"] for id_, hit in stored.documents().items()]
    assert sorted(set(written)) == [0, 1], "all by the first run's task: no second one was begun"
    assert (done.left.documents, done.left.pending) == (0, False)
    assert stored.blocks(index) == {"index.blocks.write": "true"}


DIES = """
import json, sys
from tests.running import engine_at
from tests.engine.test_plan import Dying
from toolkit.client.connect import capabilities, connect
from toolkit.config import Connection, Settings
from toolkit.uses.deployment import Deployment
from toolkit.uses.relabel import relabel
url, settings, die_at = json.loads(sys.argv[1])
engine = engine_at(url)
engine.transport.on_write = dying = Dying(die_at)
relabel(Deployment(engine.transport, engine.server, Settings(**settings)), rate=None, lift=True)
print(dying.moments)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
@pytest.mark.timeout(900)
def test_a_run_that_dies_at_any_write_can_be_run_again(stored: Stored) -> None:
    """Killed before every write, which is after the one before it; the next run ends as an undisturbed one does."""
    index = stored.block()

    def dies(at: int, *, other: bool) -> subprocess.CompletedProcess[str]:
        settings = stored.applied(other=other).settings
        words = {"labels": LABELS, "state_change_actions": ACTIONS} if other else {}
        arguments = json.dumps([stored.transport.url, {"namespace": settings.namespace, **words}, at])
        line = [sys.executable, "-c", DIES, arguments]
        return subprocess.run(line, cwd=ROOT, capture_output=True, text=True, check=False)

    relabel(stored.applied(), rate=None)  # makes the index of the toolkit's own state, once
    undisturbed = dies(0, other=False)
    assert undisturbed.returncode == 0, undisturbed.stderr
    moments = int(undisturbed.stdout)
    assert moments > 10
    for at in range(1, moments + 1, 2):
        other = at % 4 == 1
        died = dies(at, other=other)
        assert died.returncode == -signal.SIGKILL, (at, died.stderr)
        done = relabel(stored.target(other=other), rate=None, lift=True)
        assert (done.left.documents, done.left.pending) == (0, False), at
        assert stored.blocks(index) == {"index.blocks.write": "true"}, at


def test_without_consent_nothing_is_done_and_a_dry_run_says_what_would_be(stored: Stored) -> None:
    stored.applied()
    before = stored.documents()
    with _Command(stored) as asked:
        out, err = asked.ended()
        assert asked.process.returncode == 2
        assert "to relabel in" in out
        assert "--yes" in err
    with _Command(stored, "--dry-run") as dry:
        out, err = dry.ended()
        assert dry.process.returncode == 3, err
        assert "Läuft" in out
    with _Command(stored, "--dry-run", "--json") as dry:
        shown = json.loads(dry.ended()[0])
        assert shown["documents"] == survey(stored.target(other=True)).documents
        assert {"field": "ocs.action.label", "before": "Start dialing", "after": "Wählen"}.items() <= next(
            change for change in shown["changes"] if change["after"] == "Wählen"
        ).items()
    assert stored.documents() == before
    assert stored.transport.get(f"/{INDEX}/_doc/task-relabel-{stored.stream.settings.namespace}") is None


@pytest.mark.parametrize("arguments", [["--rate", "-1"], ["--rate", "fast"], ["--rate", "1.5"]])
def test_bad_rate(stored: Stored, arguments: list[str]) -> None:
    with _Command(stored, "--yes", *arguments) as command:
        _, err = command.ended()
        assert command.process.returncode == 2
        assert "--rate" in err


def test_bad_namespace(engine: Engine) -> None:
    with pytest.raises(ToolkitError, match="no data stream 'ocs-campaign-groups-nobody_was_here'"):
        survey(Deployment(engine.transport, engine.server, Settings(namespace="nobody_was_here")))


def test_bad_documents_stop_it_with_the_servers_own_reason_and_their_block_is_put_back(stored: Stored) -> None:
    """What the pipeline cannot write is told with index and id; here it fails for every document."""
    index = stored.block()
    target = stored.applied()
    body = {"processors": [{"script": {"source": "throw new IllegalArgumentException('no luck')"}}]}
    good = next(r for r in target.resources if r.name == RELABEL_PIPELINE)
    steps: list[str] = []

    def then_break(_method: str, path: str) -> None:
        steps.append(path)
        if path.endswith("/_settings") and len(steps) > 1:  # lifted: the pipeline has been looked at by then
            target.transport.on_write = lambda _method, _path: None
            target.transport.put(f"/_ingest/pipeline/{RELABEL_PIPELINE}", body)

    target.transport.on_write = then_break
    with pytest.raises(ToolkitError, match="no luck") as raised:
        relabel(target, rate=None, lift=True)
    assert f"{index}/" in raised.value.reason
    assert stored.blocks(index) == {"index.blocks.write": "true"}
    assert write_blocks.lifted(stored.transport, f"relabel-{target.settings.namespace}") == []
    install(stored.transport, [good])
    assert relabel(target, rate=None, lift=True).left.documents == 0


def test_the_latest_state_index_is_relabelled_too(stored: Stored) -> None:
    if not stored.stream.engine.server.transforms:
        pytest.skip("this engine has no transforms")
    name = f"ocs-current-state-{stored.stream.settings.namespace}"
    transform = f"/_transform/{name}"
    deadline = time.monotonic() + 60
    while not stored.transport.get(f"/{name}/_count")["count"]:
        assert time.monotonic() < deadline, stored.transport.get(f"{transform}/_stats")
        time.sleep(1)
    target = stored.applied()
    found = survey(target)
    assert found.parts[-1].index == name
    assert relabel(target, rate=None).left.documents == 0
    hits = stored.transport.post(f"/{name}/_search", {"size": 100})["hits"]["hits"]
    labels = {hit["_source"]["ocs"].get("campaign_group", {}).get("state", {}).get("label") for hit in hits}
    assert not labels & {"Running", "Active"}


class _Command:
    """`ocs-elastic relabel` in a process of its own, under labels that a file holds."""

    def __init__(self, stored: Stored, *arguments: str) -> None:
        connection = stored.stream.engine.connection
        self._stored = stored
        self._folder = Path(tempfile.mkdtemp())
        words = {"labels": LABELS, "state_change_actions": ACTIONS, "refresh_interval_s": 1}
        (self._folder / "ocs-elastic.yml").write_text(json.dumps(words), encoding="utf-8")
        environment = {**os.environ, "OCS_ELASTIC_STATE": str(self._folder), "NO_COLOR": "1"}
        if connection.embedded:
            (self._folder / "local.json").write_text(json.dumps({"url": connection.url}), encoding="utf-8")
            arguments = (*arguments, "--profile", "local")
        else:
            environment["ELASTICSEARCH_URL"] = connection.url
        if connection.username:
            environment["ELASTICSEARCH_USERNAME"] = connection.username
            environment["ELASTICSEARCH_PASSWORD"] = connection.password or ""
        line = [sys.executable, "-m", "toolkit", "relabel", "--namespace", stored.stream.settings.namespace, *arguments]
        self.process = subprocess.Popen(
            line,
            cwd=self._folder,
            env={**environment, "PYTHONPATH": str(ROOT)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=_heed_interruptions if sys.platform != "win32" else None,  # noqa: PLW1509 - nothing else runs there
        )

    def __enter__(self) -> _Command:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.communicate()
        shutil.rmtree(self._folder)

    def task(self, index: str = "") -> str:
        """The id of the task that it has begun, for that index if one is named, once documents were written."""
        name = f"relabel-{self._stored.stream.settings.namespace}"
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and self.process.poll() is None:
            task = tasks.patiently(lambda: tasks.unfinished(self._stored.transport, name))
            if (
                task
                and index in task.description
                and self._stored.transport.get(f"/_tasks/{task.id}")["task"]["status"]["updated"]
            ):
                return task.id
            time.sleep(0.1)
        raise AssertionError(self.ended() if self.process.poll() is not None else "it has begun no task")

    def ended(self, *, within_s: float = 60) -> tuple[str, str]:
        return self.process.communicate(timeout=within_s)


def _heed_interruptions() -> None:
    """A shell that starts the tests in the background has them, and what they start, ignore Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class _Told:
    """A `Progress` that keeps what it is told."""

    def __init__(self, said: list[str]) -> None:
        self.say = said.append

    def bar(self, title: str, total: int | None, unit: str) -> AbstractContextManager[Bar]:
        return SILENT.bar(title, total, unit)


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
@pytest.mark.timeout(600)
def test_an_engine_that_dies_in_the_middle_is_waited_for_and_what_is_left_done() -> None:
    """Its task dies with it, and its next one may get the same number; here it is killed, with SIGKILL."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    running = start(progress=TerminalProgress(), port=port, record=False)
    try:
        connection = Connection(url=running.url, source="the tests", embedded=True)
        transport = connect(connection)
        engine = Engine(connection, transport, capabilities(transport))
        settings = Settings(namespace="restarted", refresh_interval_s=1)
        stored = Stored(Stream(engine, settings), {})
        install(transport, stored.target(other=False).resources)
        feed = Feed(count=200, groups=6, interval_s=10, odd_percent=0, seed=4)
        stored.post([message.text for message in feed.messages(CATALOGUE, START_MS)])
        before = stored.documents()
        target = stored.applied()
        with _Command(stored, "--yes", "--rate", "20") as command:
            task = command.task()
            _restart(running)
            out, err = command.ended(within_s=300)
        assert command.process.returncode == 0, err
        assert "waiting up to 180 s for the server" in err
        assert f"task {task} (update-by-query [{stored.indices[0]}]) is gone" in err
        assert "none is left" in out
        assert survey(target).documents == 0
        _all_as_of_today(stored, target, before)
    finally:
        running.stop()


def _restart(running: LocalEngine) -> None:
    """Kill an engine and start it again as it was, on the same data and the same port."""
    old = psutil.Process(running.pid)
    line, folder = old.cmdline(), Path(old.cwd())
    old.kill()
    old.wait(30)
    process.spawn(line, folder=folder, log=running.log, account=process.unprivileged())


def test_an_index_that_goes_by_its_age_before_its_write_block_is_lifted_needs_nothing(stored: Stored) -> None:
    """It ended the run, and the others kept their labels. Comes last: nearly all documents of this module go."""
    index = stored.block()
    stored.post(['{"GSW_CAMPAIGN_GROUP_GUID": "g", "GSW_CAMPAIGN_GROUP_STATE": 5}'])
    target = stored.applied()
    transport = target.transport

    def age(_method: str, path: str) -> None:
        if "/write_blocks-" in path and transport.get(f"/{index}") is not None:
            transport.on_write = lambda _method, _path: None
            transport.delete(f"/{index}")

    transport.on_write = age
    done = relabel(target, rate=None, lift=True)
    assert transport.get(f"/{index}") is None
    assert (done.left.documents, done.left.lifted) == (0, ())
    assert done.documents >= 1
