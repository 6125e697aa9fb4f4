"""`doctor` on a real engine: what is sound is ok, and what is broken on purpose is found."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from tests.running import Engine, Stream, installed
from toolkit.config import Settings
from toolkit.doctor.finding import Finding, Level
from toolkit.uses.doctor import doctor

Look = Callable[[], dict[str, list[Finding]]]


@pytest.fixture(scope="module")
def sound(engine: Engine) -> Iterator[Stream]:
    yield from installed(engine, Settings(namespace=f"doctor_{secrets.token_hex(4)}", refresh_interval_s=1))


@pytest.fixture
def look(sound: Stream) -> Look:
    """Findings by check."""

    def now() -> dict[str, list[Finding]]:
        found: dict[str, list[Finding]] = {}
        for finding in doctor(sound.engine.connection, sound.settings).findings:
            found.setdefault(finding.check, []).append(finding)
        return found

    return now


@contextmanager
def settings_of(stream: Stream, index: str, **changed: str) -> Iterator[None]:
    transport = stream.engine.transport
    transport.put(f"/{index}/_settings", changed)
    try:
        yield
    finally:
        transport.put(f"/{index}/_settings", dict.fromkeys(changed))


def worst(findings: list[Finding]) -> Level:
    return max((finding.level for finding in findings), key=list(Level).index)


def write_index(stream: Stream, name: str) -> str:
    found = stream.engine.transport.get(f"/_data_stream/{name}")["data_streams"][0]["indices"][-1]["index_name"]
    return str(found)


def test_every_check_can_be_made_and_nothing_is_wrong_with_what_was_just_installed(look: Look, sound: Stream) -> None:
    found = look()
    unknown = [finding for findings in found.values() for finding in findings if finding.level is Level.UNKNOWN]
    assert unknown == []
    for check in ("hosts", "versions", "clocks", "clashes", "installed", "blocks", "fields", "shards", "dead letters"):
        assert worst(found[check]) is Level.OK, found[check]
    if sound.engine.server.distribution == "opensearch":
        assert worst(found["features"]) is Level.NOTE
    else:
        assert worst(found["ilm"]) is Level.OK
        assert worst(found["transform"]) in (Level.OK, Level.NOTE), (
            "a note where it runs as superuser, as newer ones tell"
        )


def test_a_dead_letter_is_counted_with_its_reason(look: Look, sound: Stream) -> None:
    assert sound.post('{"nothing": "of OCS"}')[0] == 201
    sound.count(sound.dead_letters)
    (found,) = look()["dead letters"]
    assert found.level is Level.WARNING
    assert found.what.startswith("1 in the last 24 hours: 1 not a message of OCS")


def test_a_write_block_is_critical(look: Look, sound: Stream) -> None:
    with settings_of(sound, write_index(sound, sound.name), **{"index.blocks.write": "true"}):
        (found,) = look()["blocks"]
        assert (found.level, "index.blocks.write" in found.what) == (Level.CRITICAL, True)
        follow(sound, found)
        assert worst(look()["blocks"]) is Level.OK


def follow(stream: Stream, finding: Finding) -> None:
    """Do what a finding says, word for word."""
    method, path, body = finding.remedy.split(" ", 2)
    assert method == "PUT"
    stream.engine.transport.put(path, json.loads(body))


@pytest.mark.parametrize("setting", ["index.blocks.read", "index.blocks.metadata"])
def test_a_block_that_lets_messages_in(look: Look, sound: Stream, setting: str) -> None:
    with settings_of(sound, write_index(sound, sound.name), **{setting: "true"}):
        assert sound.post('{"GSW_CAMPAIGN_GROUP_GUID": "a"}')[0] == 201
        (found,) = look()["blocks"]
        assert (found.level, found.what.endswith(f" is blocked: {setting}")) == (Level.WARNING, True)
        follow(sound, found)
        assert worst(look()["blocks"]) is Level.OK


def test_an_older_index_without_its_policy(look: Look, sound: Stream) -> None:
    if not sound.engine.server.ilm:
        pytest.skip("no ILM")
    transport, old = sound.engine.transport, write_index(sound, sound.name)
    transport.post(f"/{sound.name}/_rollover", None)
    for without in (None, "a policy that does not exist"):
        transport.put(f"/{old}/_settings", {"index.lifecycle.name": without})
        (found,) = look()["ilm"]
        assert (found.level, found.what.startswith(old)) == (Level.WARNING, True)
        follow(sound, found)
        assert worst(look()["ilm"]) is Level.OK


def test_a_replica_that_no_node_can_hold(look: Look, sound: Stream) -> None:
    index = write_index(sound, sound.dead_letters)
    transport = sound.engine.transport
    nodes = transport.get("/_cluster/health")["number_of_data_nodes"]
    changed = {"index.auto_expand_replicas": "false", "index.number_of_replicas": str(nodes)}
    transport.put(f"/{index}/_settings", changed)
    try:
        found = look()
    finally:
        transport.put(f"/{index}/_settings", {"index.number_of_replicas": "0"})
        transport.put(f"/{index}/_settings", {"index.auto_expand_replicas": "0-1"})
    assert worst(found["replicas"]) is Level.WARNING
    assert worst(found["installed"]) is Level.WARNING, "and it is not what was asked for"


def test_a_template_that_would_win(look: Look, sound: Stream) -> None:
    transport, name = sound.engine.transport, f"foreign-{secrets.token_hex(4)}"
    body = {"index_patterns": [f"{sound.name}*"], "priority": 900, "data_stream": {}}
    transport.put(f"/_index_template/{name}", body)
    try:
        (found,) = look()["clashes"]
    finally:
        transport.put(f"/_index_template/{name}", {**body, "priority": 1})  # what a stream goes by cannot be deleted
        transport.delete(f"/_index_template/{name}")
    assert (found.level, name in found.what) == (Level.CRITICAL, True)


def test_an_older_index_whose_field_has_another_type(look: Look, sound: Stream) -> None:
    """As data streams come by it: a template of former times, then ours and a rollover."""
    transport = sound.engine.transport
    template = transport.get(f"/_index_template/{sound.name}")["index_templates"][0]["index_template"]
    own = {
        **template,
        "template": {"mappings": {"properties": {"ocs": {"properties": {"schema": {"type": "keyword"}}}}}},
    }
    transport.put(f"/_index_template/{sound.name}", own)
    transport.post(f"/{sound.name}/_rollover", None)
    wrong = write_index(sound, sound.name)
    transport.put(f"/_index_template/{sound.name}", template)
    transport.post(f"/{sound.name}/_rollover", None)
    try:
        (found,) = look()["fields"]
    finally:
        transport.delete(f"/{wrong}")
    assert found.level is Level.WARNING
    assert found.what.startswith(f"{wrong} has other types: ocs.schema (keyword, not ")
    assert worst(look()["fields"]) is Level.OK


def test_a_namespace_where_nobody_was(engine: Engine) -> None:
    found = doctor(engine.connection, Settings(namespace="nobody_was_here"))
    assert found.worst is Level.WARNING
    assert found.blocking == []
    assert [finding.level for finding in found.findings if finding.check == "installed"] == [Level.WARNING]


def test_a_host_that_is_down_beside_one_that_is_up(engine: Engine, sound: Stream) -> None:
    both = replace(engine.connection, others=("http://127.0.0.1:9",))
    levels = [finding.level for finding in doctor(both, sound.settings).findings if finding.check == "hosts"]
    assert sorted(levels) == [Level.OK, Level.WARNING]


def test_it_takes_seconds(look: Look) -> None:
    """It is made to be run by a monitoring system every minute."""
    started = time.monotonic()
    look()
    assert time.monotonic() - started < 20
