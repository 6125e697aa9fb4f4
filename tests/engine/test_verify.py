"""`verify` on a real engine: what it proves, what it notices, and that nothing stays behind."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace

import pytest

from tests.found import CATALOGUE
from tests.running import Stream
from toolkit.config import OcsAccess, Settings
from toolkit.credential_kind import CredentialKind
from toolkit.errors import ToolkitError
from toolkit.uses.access import Whose, as_ocs, ocs_target, whose, with_credential
from toolkit.uses.credentials import create, revocation, revoked
from toolkit.uses.deployment import Deployment
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
    assert found.failed == []
    names = {check.name for check in found.checks}
    assert names >= {*CATALOGUE.attributes, "calling lists", "event.ingested", "GSW_ names in queries", "deleted"}
    assert [check.name for check in found.not_made] == ["OCS's credential reads nothing"]
    assert found.left == []
    assert (stream.count(stream.name), stream.count(stream.dead_letters)) == before
    for place in (found.place, found.dead_letter):
        assert stream.engine.transport.get(place.path) is None


def test_messages_that_are_kept_are_there_and_the_first_is_absent_from_status(stream: Stream) -> None:
    found = verified(stream, keep=True)
    try:
        assert found.failed == []
        assert found.left == [found.place, found.dead_letter]
        letter = stream.fetch({"_index": found.dead_letter.index, "_id": found.dead_letter.id})
        assert letter["event"]["original"] == f'{{"ocs-elastic-verify":"{found.guid}"}}'
        assert found.dead_letter.stream == stream.dead_letters
        assert of_verify(stream, found.guid) == 1
        assert found.place.stream == stream.name
        seen = status(stream.engine.transport, stream.settings)
        assert found.guid not in {group.guid for group in seen.groups}
    finally:
        for place in found.left:
            stream.engine.transport.delete(place.path)


@pytest.mark.parametrize("kind", list(CredentialKind))
def test_ocss_own_credential_posts_and_cannot_read(stream: Stream, kind: CredentialKind) -> None:
    engine = stream.engine
    if not engine.server.manages_security:
        pytest.skip("security is off, or the tests' credential is no administrator's")
    target = Deployment(engine.transport, engine.server, stream.settings)
    made = create(target, kind, lambda _: None)
    try:
        access = with_credential(engine.connection, OcsAccess(), made.credential, made.secret)
        found = verify(
            engine.transport,
            ocs_target(engine.connection, access, stream.settings.namespace),
            stream.settings,
            credential=whose(engine.connection, access),
            as_ocs=as_ocs(engine.transport, access),
        )
    finally:
        list(revoked(target, revocation(target, [made.credential.name])))
    assert (found.failed, found.not_made, found.left, found.credential) == ([], [], [], Whose.OCS)


def test_bad_a_credential_of_ocss_that_may_read(stream: Stream) -> None:
    """The administrator's own."""
    engine = stream.engine
    if not engine.server.manages_security:
        pytest.skip("security is off, or the tests' credential is no administrator's")
    target = target_of(engine.connection, stream.settings.namespace)
    found = verify(engine.transport, target, stream.settings, as_ocs=engine.transport)
    assert [(check.name, check.found) for check in found.failed] == [
        ("OCS's credential reads nothing", {"search": 200, "get": 200})
    ]


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
    assert [check.name for check in found.failed] == ["not a dead letter", "dead letter: reason"]
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
