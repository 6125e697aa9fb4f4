"""`verify` on a real engine: what it proves, what it notices, and that nothing stays behind."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace

import pytest

from tests.engine.conftest import Stream
from tests.found import CATALOGUE
from toolkit.config import Settings
from toolkit.errors import ToolkitError
from toolkit.uses.simulation import target_of
from toolkit.uses.status import status
from toolkit.uses.verification import Verification
from toolkit.uses.verify import verify

PIPELINE = "ocs-campaign-groups"


def verified(stream: Stream, settings: Settings | None = None, *, keep: bool = False) -> Verification:
    target = target_of(stream.engine.connection, stream.settings.namespace)
    return verify(stream.engine.transport, target, settings or stream.settings, keep=keep)


def of_verify(stream: Stream, guid: str) -> int:
    query = {"term": {"GSW_CAMPAIGN_GROUP_GUID": guid}}
    return stream.count(stream.name, query)


@contextmanager
def pipeline(stream: Stream, name: str) -> Iterator[None]:
    """Meanwhile messages of this namespace go through another pipeline; the shared one is not touched."""
    transport = stream.engine.transport
    transport.put(f"/{stream.name}/_settings", {"index.default_pipeline": name})
    try:
        yield
    finally:
        transport.put(f"/{stream.name}/_settings", {"index.default_pipeline": PIPELINE})
        transport.delete(f"/_ingest/pipeline/{name}")


def test_the_path_works_and_nothing_stays_behind(stream: Stream) -> None:
    before = stream.count(stream.name), stream.count(stream.dead_letters)
    found = verified(stream)
    assert [check for check in found.checks if not check.ok] == []
    names = {check.name for check in found.checks}
    assert names >= {*CATALOGUE.attributes, "calling lists", "event.ingested", "GSW_ names in queries", "deleted"}
    assert not found.left
    assert (stream.count(stream.name), stream.count(stream.dead_letters)) == before
    assert stream.engine.transport.get(found.place.path) is None


def test_a_message_that_is_kept_is_there_and_absent_from_status(stream: Stream) -> None:
    found = verified(stream, keep=True)
    try:
        assert found.failed == []
        assert found.left
        assert of_verify(stream, found.guid) == 1
        assert found.place.stream == stream.name
        seen = status(stream.engine.transport, stream.settings)
        assert found.guid not in {group.guid for group in seen.groups}
    finally:
        stream.engine.transport.delete(found.place.path)


def test_runs_at_the_same_time_do_not_meet(stream: Stream) -> None:
    with ThreadPoolExecutor(4) as pool:
        found = [run.result() for run in [pool.submit(verified, stream) for _ in range(8)]]
    assert [run.failed for run in found] == [[]] * 8
    assert len({run.guid for run in found}) == 8
    assert [of_verify(stream, run.guid) for run in found] == [0] * 8


def test_bad_label_names_what_was_expected_and_what_was_found(stream: Stream) -> None:
    """The cluster's pipeline has the catalogue's labels, the configuration wants others."""
    found = verified(stream, replace(stream.settings, labels={"state": {"running": "Läuft"}}))
    assert [check.name for check in found.failed] == ["GSW_CAMPAIGN_GROUP_STATE"]
    assert [str(difference) for difference in found.failed[0].differences] == [
        "ocs.campaign_group.state.label: expected 'Läuft', found 'Running'"
    ]
    assert of_verify(stream, found.guid) == 0


def test_bad_pipeline_that_makes_a_dead_letter_of_it(stream: Stream) -> None:
    transport = stream.engine.transport
    ours = transport.get(f"/_ingest/pipeline/{PIPELINE}")[PIPELINE]
    name = f"{stream.settings.namespace}-dead"
    broken = {"processors": [{"fail": {"tag": "broken", "message": "so broken"}}], "on_failure": ours["on_failure"]}
    transport.put(f"/_ingest/pipeline/{name}", broken)
    before = stream.count(stream.dead_letters)
    with pipeline(stream, name):
        found = verified(stream)
    assert [check.name for check in found.failed] == ["not a dead letter"]
    differences = {d.field: d.found for d in found.failed[0].differences}
    assert differences == {
        "stream": stream.dead_letters,
        "error.type": "pipeline_failure",
        "error.message": "so broken",
    }
    assert stream.count(stream.dead_letters) == before


def test_bad_pipeline_that_leaves_the_message_as_it_is(stream: Stream) -> None:
    """A pipeline of somebody else: every attribute is named, or the engine refuses to write to an alias."""
    name = f"{stream.settings.namespace}-idle"
    processors = [{"set": {"field": "@timestamp", "value": "{{{_ingest.timestamp}}}"}}]
    stream.engine.transport.put(f"/_ingest/pipeline/{name}", {"processors": processors})
    with pipeline(stream, name), pytest.raises(ToolkitError, match="refused the message: 400"):
        verified(stream)


def test_bad_namespace_where_nothing_is_installed(stream: Stream) -> None:
    elsewhere = Settings(namespace="nobody_was_here")
    with pytest.raises(ToolkitError, match="no data stream 'ocs-campaign-groups-nobody_was_here'"):
        verify(stream.engine.transport, target_of(stream.engine.connection, elsewhere.namespace), elsewhere)
    assert stream.engine.transport.get("/ocs-campaign-groups-nobody_was_here") is None
