"""Indices behind a stream are made anew while messages come in, and whatever dies on the way, nothing is lost."""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from tests.found import CATALOGUE
from tests.running import Engine, Stream, installed
from toolkit.change_class import IMPOSSIBLE, REINDEX
from toolkit.config import Settings
from toolkit.load import state_index
from toolkit.lock import INDEX, locked
from toolkit.migrate.place import Place
from toolkit.migrate.sources import drop, sources
from toolkit.migrate.step import FailedStepError
from toolkit.migrate.steps.reindex import ALL, Reindex
from toolkit.model import Body
from toolkit.ocs.feed import Feed
from toolkit.uses.deployment import Deployment
from toolkit.uses.destroy import destroy, removal

START_MS = 1_790_000_000_000
ROOT = Path(__file__).parents[2]
FIELD = "ocs.extra_word"
VERSION = 2


class Note:
    """Keeps what a step has to remember in a file, as a history does in an index."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def get(self, key: str, default: Any = None) -> Any:
        return json.loads(self._path.read_text()).get(key, default) if self._path.exists() else default

    def keep(self, **values: Any) -> None:
        kept = json.loads(self._path.read_text()) if self._path.exists() else {}
        self._path.write_text(json.dumps(kept | values))


@dataclass(frozen=True)
class Stored:
    """A stream of three indices, the two older ones outdated: a field has another type in the template of today."""

    stream: Stream
    folder: Path

    @property
    def transport(self) -> Any:
        return self.stream.engine.transport

    @property
    def name(self) -> str:
        return self.stream.name

    @property
    def note(self) -> Note:
        return Note(self.folder / "note.json")

    @property
    def target(self) -> Deployment:
        return Deployment(self.transport, self.stream.engine.server, self.stream.settings)

    @property
    def place(self) -> Place:
        target = self.target
        return Place(self.transport, target.server, self.stream.settings.namespace, target.resources, VERSION)

    @property
    def indices(self) -> list[str]:
        found = self.transport.get(f"/_data_stream/{self.name}")
        return [index["index_name"] for index in found["data_streams"][0]["indices"]]

    def post(self, seed: int, count: int = 60) -> None:
        feed = Feed(count=count, groups=6, interval_s=10, odd_percent=10, seed=seed)
        for message in feed.messages(CATALOGUE, START_MS):
            status, _ = self.stream.post(message.text)
            assert status == 201

    def declare(self, type_: str) -> None:
        """The user's own component asks for a field of such a type."""
        mappings = {"properties": {"ocs": {"properties": {"extra_word": {"type": type_}}}}}
        body = {"template": {"mappings": mappings}}
        self.transport.put(f"/_component_template/{self.name}@custom", body)

    def documents(self) -> dict[str, Body]:
        """Id → source."""
        self.transport.post(f"/{self.name}/_refresh", None)
        body = {"size": 10_000, "query": {"match_all": {}}}
        hits = self.transport.post(f"/{self.name}/_search", body)["hits"]["hits"]
        assert len(hits) == len({hit["_id"] for hit in hits})
        return {hit["_id"]: hit["_source"] for hit in hits}

    def state(self) -> Body:
        """What there is of the stream, without times and what a server numbers."""
        answer = self.transport.get(f"/.ds-{self.name}-*,{self.name}-v*", params={"expand_wildcards": "all"})
        return {index: _steady(body) for index, body in answer.items()} | {"stream": self.indices}

    def again(self) -> None:
        """A new stream, outdated as at first; the index that keeps the task is there, whoever has deleted it."""
        with locked(self.transport, state_index(self.stream.settings, self.stream.engine.server), name="lock-reindex"):
            pass
        for path in self.folder.iterdir():
            path.unlink()
        self.transport.delete(f"/_data_stream/{self.name}")
        for source in sources(self.transport, self.place.streams):
            self.transport.delete(f"/{source.index}")
        for index in self.transport.get(f"/.ds-{self.name}-*,{self.name}-v*", params={"expand_wildcards": "all"}):
            self.transport.delete(f"/{index}")
        self.declare("keyword")
        self.transport.put(f"/_data_stream/{self.name}", None)
        self.post(1)
        self.transport.post(f"/{self.name}/_rollover", None)
        self.post(2)
        self.declare("long")


def _steady(body: Body) -> Body:
    settings = {
        key: value
        for key, value in body["settings"]["index"].items()
        if key not in ("creation_date", "uuid", "version")
    }
    if "origination_date" in settings.get("lifecycle", {}):
        settings["lifecycle"] = {**settings["lifecycle"], "origination_date": "some time"}
    meta = json.loads(json.dumps(body["mappings"].get("_meta", {})))
    for key in ("until", "origination_date"):
        if meta.get("replaced", {}).get(key):
            meta["replaced"][key] = "some time"
    return {"settings": settings, "meta": meta, "data_stream": body.get("data_stream")}


@pytest.fixture(scope="module")
def made(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stored]:
    if not engine.server.data_stream_modify:
        pytest.skip("this engine cannot exchange the indices of a data stream")
    settings = Settings(namespace=f"reindex_{secrets.token_hex(4)}", refresh_interval_s=1, transform_frequency_s=1)
    for stream in installed(engine, settings):
        found = Stored(stream, tmp_path_factory.mktemp("reindex"))
        yield found
        for index in engine.transport.get(f"/.ds-{found.name}-*,{found.name}-v*", params={"expand_wildcards": "all"}):
            if index not in found.indices:
                engine.transport.delete(f"/{index}")


@pytest.fixture
def stored(made: Stored) -> Stored:
    made.again()
    return made


STEP = Reindex("campaign_groups", keep_source_days=7)


def test_documents_are_the_same_and_their_indices_what_the_template_asks_for(stored: Stored) -> None:
    before, old = stored.documents(), stored.indices
    assert REINDEX in {change.action for change in stored.target.plan().changes}
    assert STEP.hindrances(stored.place, stored.note) == []
    preview = STEP.preview(stored.place, stored.note)
    assert preview[0] == f"roll over {stored.name}: {old[-1]}, which is written to, is one of them"
    assert [line for line in preview if line.startswith("reindex")] == [
        f"reindex {index} (60 documents) into {_new(stored, index)}" for index in reversed(old)
    ]
    STEP.run(stored.place, stored.note)
    assert STEP.faults(stored.place, stored.note) == []
    assert STEP.preview(stored.place, stored.note) == []
    assert stored.documents() == before
    assert stored.indices[:-1] == [_new(stored, index) for index in old], "in the order of their age"
    caps = stored.transport.get(f"/{stored.name}/_field_caps", params={"fields": FIELD})
    assert set(caps["fields"][FIELD]) == {"long"}
    kept = sources(stored.transport, stored.place.streams)
    assert [(each.index, each.documents, each.needed) for each in kept] == [(index, 60, "") for index in old]
    assert not [change for change in stored.target.plan().changes if change.action in (REINDEX, IMPOSSIBLE)]
    assert not stored.target.plan().pending
    state = stored.state()
    STEP.run(stored.place, stored.note)
    assert stored.state() == state, "a rerun changes nothing"


def _new(stored: Stored, index: str) -> str:
    return f"{stored.name}-v{VERSION}-{index.removeprefix(f'.ds-{stored.name}-')}"


def test_the_new_index_goes_when_the_old_one_would_have_gone(stored: Stored) -> None:
    """And the old one stays until it is dropped."""
    if not stored.stream.engine.server.ilm:
        pytest.skip("this engine has no ILM")
    old = stored.indices
    explained = stored.transport.get(f"/{stored.name}/_ilm/explain")["indices"]
    rolled_over_ms = explained[old[1]]["index_creation_date_millis"]
    STEP.run(stored.place, stored.note)
    explained = stored.transport.get(f"/{stored.name}/_ilm/explain")["indices"]
    about = explained[_new(stored, old[0])]
    assert (about["managed"], about["policy"]) == (True, stored.name)
    assert abs(int(about["lifecycle_date_millis"]) - rolled_over_ms) < 5_000, "its rollover, not its creation"
    for index in old:
        settings = stored.transport.get(f"/{index}")[index]["settings"]["index"]
        assert "lifecycle" not in settings
        assert "default_pipeline" not in settings, "it could not be deleted"
        assert (settings["hidden"], settings["blocks"]["write"]) == ("true", "true")
    kept = sources(stored.transport, stored.place.streams)
    stored.transport.post(
        "/_data_stream/_modify",
        {"actions": [{"remove_backing_index": {"data_stream": stored.name, "index": _new(stored, old[0])}}]},
    )
    with pytest.raises(Exception, match="its retention is not over"):
        drop(stored.transport, kept[0])
    stored.transport.post(
        "/_data_stream/_modify",
        {"actions": [{"add_backing_index": {"data_stream": stored.name, "index": _new(stored, old[0])}}]},
    )
    for source in kept:
        drop(stored.transport, source)
        drop(stored.transport, source)
    assert sources(stored.transport, stored.place.streams) == []
    assert [stored.transport.get(f"/{index}") for index in old] == [None, None]


def test_whoever_destroys_the_data_destroys_what_was_replaced_too(engine: Engine, stored: Stored) -> None:
    settings = replace(stored.stream.settings, namespace=f"{stored.stream.settings.namespace}_gone")
    for stream in installed(engine, settings):
        other = replace(stored, stream=stream)
        place = replace(other.place, version=VERSION)
        Reindex("campaign_groups", which=ALL).run(place, Note(stored.folder / "other.json"))
        (kept,) = sources(other.transport, place.streams)
        assert kept.index not in [resource.name for resource in removal(other.target, ()).goes]
        what = removal(other.target, place.streams.both)
        assert kept.index in [resource.name for resource in destroy(other.target, what)]
        assert other.transport.get(f"/{kept.index}") is None


def test_every_index_by_wish_and_what_was_made_of_them_before(stored: Stored) -> None:
    before = stored.documents()
    STEP.run(stored.place, stored.note)
    old = stored.indices
    (stored.folder / "note.json").unlink()
    place = replace(stored.place, version=VERSION + 1)
    step = Reindex("campaign_groups", which=ALL)
    step.run(place, stored.note)
    assert step.faults(place, stored.note) == []
    assert stored.documents() == before
    assert not set(old) & set(stored.indices)
    kept = {source.index: source for source in sources(stored.transport, place.streams)}
    assert kept.keys() >= set(old)
    assert kept[old[0]].until is None


def test_through_a_pipeline(stored: Stored) -> None:
    before, name = stored.documents(), f"zz-{stored.stream.settings.namespace}"
    stored.transport.put(f"/_ingest/pipeline/{name}", {"processors": [{"set": {"field": "ocs.word", "value": 7}}]})
    try:
        Reindex("campaign_groups", pipeline="zz-{namespace}").run(stored.place, stored.note)
    finally:
        stored.transport.delete(f"/_ingest/pipeline/{name}")
    after = stored.documents()
    assert after.keys() == before.keys()
    assert {source["ocs"].get("word") for source in after.values()} == {7}


@pytest.mark.parametrize("processor", [{"drop": {}}, {"fail": {"message": "no luck"}}], ids=["drops", "fails"])
def test_bad_pipeline_leaves_everything_as_it_was(stored: Stored, processor: Body) -> None:
    before, indices, name = stored.documents(), stored.indices, f"zz-{stored.stream.settings.namespace}"
    stored.transport.put(f"/_ingest/pipeline/{name}", {"processors": [processor]})
    step = Reindex("campaign_groups", pipeline=name)
    try:
        with pytest.raises(FailedStepError, match=r"no luck|has 60 documents, and 0 came of them"):
            step.run(stored.place, stored.note)
    finally:
        stored.transport.delete(f"/_ingest/pipeline/{name}")
    assert stored.documents() == before
    assert stored.indices[:-1] == indices
    state = stored.state()
    assert set(state) == {*stored.indices, "stream"}
    assert all("blocks" not in state[index]["settings"] for index in indices)
    assert step.hindrances(stored.place, stored.note) == [f"there is no ingest pipeline {name}"]


def test_a_write_block_of_somebody_is_the_new_ones_too(stored: Stored) -> None:
    old = stored.indices[0]
    stored.transport.put(f"/{old}/_settings", {"index.blocks.write": True})
    STEP.run(stored.place, stored.note)
    new = stored.state()[_new(stored, old)]
    assert new["settings"]["blocks"] == {"write": "true"}
    assert new["data_stream"] == stored.name


def test_bad_a_read_only_index_is_named_before_anything_is_done(stored: Stored) -> None:
    old = stored.indices[0]
    stored.transport.put(f"/{old}/_settings", {"index.blocks.read_only": True})
    try:
        (said,) = STEP.hindrances(stored.place, stored.note)
        assert said == f"{old} cannot be exchanged: read-only (index.blocks.read_only)"
    finally:
        stored.transport.put(f"/{old}/_settings", {"index.blocks.read_only": None})


def test_bad_templates_that_are_not_applied_come_first(stored: Stored) -> None:
    settings = replace(stored.stream.settings, shards=2)
    resources = Deployment(stored.transport, stored.stream.engine.server, settings).resources
    (said,) = STEP.hindrances(replace(stored.place, resources=resources), stored.note)
    assert "is not what this toolkit and configuration would make of it: ocs-elastic apply comes first" in said


def test_what_its_retention_deletes_in_the_middle_needs_nothing(stored: Stored) -> None:
    """At every write: the index is gone by then, and its half copy goes too."""
    moments = 2
    while _runs_while_the_first_goes(stored, moments):
        moments += 3
    assert moments > 20, "there were many moments"


def _runs_while_the_first_goes(stored: Stored, moment: int) -> bool:
    """Whether it went before the run had come to it."""
    stored.again()
    first, seen = stored.indices[0], 0

    def age(_method: str, _path: str) -> None:
        nonlocal seen
        seen += 1
        if seen == moment and first in stored.indices:
            stored.transport.on_write = _nothing
            stored.transport.delete(f"/{first}")

    stored.transport.on_write = age
    try:
        STEP.run(stored.place, stored.note)
    finally:
        stored.transport.on_write = _nothing
    assert STEP.faults(stored.place, stored.note) == [], moment
    if first in stored.state():
        return False
    assert len(stored.documents()) == 60, moment
    assert _new(stored, first) not in stored.state(), moment
    return True


def _nothing(_method: str, _path: str) -> None: ...


def test_searches_and_messages_notice_nothing(stored: Stored) -> None:
    """Every search finds all that was there before it; not one message is refused; each is there once.

    With every rollover, whoever asks for it, searches lack a shard for a moment, that of the new index, which is empty;
    so here it is over before.
    """
    stored.transport.post(f"/{stored.name}/_rollover", None)
    stored.transport.get(f"/_cluster/health/{stored.name}", params={"wait_for_no_initializing_shards": "true"})
    begun = len(stored.documents())
    posted = 0

    def post() -> None:
        nonlocal posted
        status, _ = stored.stream.post('{"GSW_CAMPAIGN_GROUP_GUID": "meanwhile", "GSW_CAMPAIGN_GROUP_STATE": 5}')
        assert status == 201
        posted += 1

    old = {"ids": {"values": list(stored.documents())}}
    counts: list[int] = []

    def search() -> None:
        counts.append(stored.transport.post(f"/{stored.name}/_count", {"query": old})["count"])

    with _meanwhile(post), _meanwhile(search), _meanwhile(search):
        STEP.run(stored.place, stored.note)
        time.sleep(0.5)
    assert len(counts) > 20
    assert set(counts) == {begun}
    assert len(stored.documents()) == begun + posted


@contextmanager
def _meanwhile(do: Callable[[], None]) -> Iterator[None]:
    stop, errors = threading.Event(), []

    def loop() -> None:
        try:
            while not stop.wait(0.01):
                do()
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=loop)
    thread.start()
    yield
    stop.set()
    thread.join()
    assert not errors, errors


def test_the_latest_states_stay_what_they_are_and_go_on(stored: Stored) -> None:
    """The transform finds other indices at its next checkpoint, and neither repeats nor forgets anything."""
    if not stored.stream.engine.server.transforms:
        pytest.skip("this engine has no transforms")
    name = stored.place.streams.current_state
    before = _settled(stored, name)
    processed = _transform(stored, name)["stats"]["documents_processed"]
    STEP.run(stored.place, stored.note)
    for source in sources(stored.transport, stored.place.streams):
        drop(stored.transport, source)
    assert _settled(stored, name) == before
    status, _ = stored.stream.post('{"GSW_CAMPAIGN_GROUP_GUID": "afterwards", "GSW_CAMPAIGN_GROUP_STATE": 5}')
    assert status == 201
    after = _settled(stored, name, more=1)
    assert len(after) == len(before) + 1
    assert {id_: after[id_] for id_ in before} == before
    about = _transform(stored, name)
    assert about["state"] in ("started", "indexing")
    assert about["stats"]["documents_processed"] < processed + 2 * len(stored.documents())


def _transform(stored: Stored, name: str) -> Body:
    (found,) = stored.transport.get(f"/_transform/{name}/_stats")["transforms"]
    return dict(found)


def _settled(stored: Stored, name: str, *, more: int = 0) -> dict[str, Body]:
    """The latest states, once they do not change any more; so many more than there are at first."""
    last: dict[str, Body] = {}
    least, deadline = more + len(last), time.monotonic() + 60
    while time.monotonic() < deadline:
        time.sleep(8)
        stored.transport.post(f"/{name}/_refresh", None)
        hits = stored.transport.post(f"/{name}/_search", {"size": 1000})["hits"]["hits"]
        now = {hit["_id"]: hit["_source"] for hit in hits}
        if now == last and len(now) > least:
            return now
        last = now
    raise AssertionError(last)


DIES = """
import json, sys
from pathlib import Path
from tests.running import Stream, engine_at
from tests.engine.test_plan import Dying
from tests.engine.test_reindex import STEP, Stored
from toolkit.config import Settings
url, settings, folder, die_at = json.loads(sys.argv[1])
engine = engine_at(url)
engine.transport.on_write = dying = Dying(die_at)
stored = Stored(Stream(engine, Settings(**settings)), Path(folder))
STEP.run(stored.place, stored.note)
print(dying.moments)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
@pytest.mark.timeout(1800)
def test_a_run_that_dies_at_any_write_can_be_run_again(stored: Stored) -> None:
    """Killed before every write, which is after the one before it; the next run ends as an undisturbed one does."""
    goal, documents = _undisturbed(stored)
    at, died = 1, True
    while died:
        stored.again()
        process = _dies(stored, at)
        died = process.returncode == -signal.SIGKILL
        assert died or process.returncode == 0, (at, process.stderr)
        STEP.run(stored.place, stored.note)
        assert STEP.faults(stored.place, stored.note) == [], at
        assert stored.state() == goal, at
        assert len(stored.documents()) == documents, at
        assert stored.transport.get(f"/{INDEX}/_doc/task-{stored.place.task}") is None, at
        at += 2
    assert at > 40


def _undisturbed(stored: Stored) -> tuple[Body, int]:
    process = _dies(stored, 0)
    assert process.returncode == 0, process.stderr
    assert int(process.stdout) > 40
    return stored.state(), len(stored.documents())


def _dies(stored: Stored, at: int) -> subprocess.CompletedProcess[str]:
    words = {"namespace": stored.stream.settings.namespace, "refresh_interval_s": 1, "transform_frequency_s": 1}
    arguments = json.dumps([stored.transport.url, words, str(stored.folder), at])
    line = [sys.executable, "-c", DIES, arguments]
    return subprocess.run(line, cwd=ROOT, env=os.environ, capture_output=True, text=True, check=False)
