"""`ocs-elastic status`: what it shows, and that it asks without writing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.unit.cluster import DEAD_LETTERS, STREAM, Cluster
from tests.unit.commands import Command, command

INGESTED = "2026-11-23T08:00:00.000Z"
NOTHING: list[dict[str, Any]] = [
    {"groups": {"buckets": []}},
    {"last": {"value": None}, "until": {"buckets": [{"to": 1e12}]}},
]


@pytest.fixture(name="status")
def _status(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    run = command(monkeypatch, capsys)
    return lambda *arguments: run("status", *arguments)


def hits(source: dict[str, Any] | None) -> dict[str, Any]:
    return {"last": {"hits": {"hits": [{"_source": source}] if source else []}}}


def bucket(guid: str, state: tuple[int, str] | None) -> dict[str, Any]:
    source: dict[str, Any] = {"@timestamp": INGESTED, "ocs": {"campaign_group": {"name": f"group {guid}"}}}
    if state:
        source["ocs"]["campaign_group"]["state"] = {"code": state[0], "label": state[1]}
    return {
        "key": {"guid": guid},
        "states": {"buckets": [{"key": state[0], "last": {"value": 1.0}}] if state else []},
        "known": hits(source if state else None),
        "changes": hits(None),
        **hits(source),
    }


def last(age_s: float) -> dict[str, Any]:
    last_ms = 1_795_420_800_000.0
    return {
        "last": {"value": last_ms, "value_as_string": INGESTED},
        "until": {"buckets": [{"to": last_ms + age_s * 1000}]},
    }


def feed(*states: tuple[int, str] | None, age_s: float = 12) -> list[dict[str, Any]]:
    """The answers of a stream with a campaign group in each of those states."""
    known = sum(state is not None for state in states)
    since = {"buckets": [{"doc_count": 1, "since": {"value_as_string": INGESTED}}] * known}
    groups = {"groups": {"buckets": [bucket(str(i), state) for i, state in enumerate(states)]}}
    return [groups, *([{"groups": since}] if known else []), last(age_s)]


def test_states_are_counted_the_busiest_first(status: Command, server: Cluster) -> None:
    server.aggregations = feed((3, "Inactive"), (5, "Running"), None, (5, "Running"), (9, "Unknown (9)"))
    server.dead_letters = 7
    ran = status()
    assert (ran.code, ran.err) == (0, "")
    assert "5 campaign groups: Running 2, Inactive 1, Unknown (9) 1, state not known 1" in ran.out
    assert "last message 12 s ago (2026-11-23 08:00:00 UTC), dead letters 7" in ran.out
    assert "group 0" in ran.out


@pytest.mark.parametrize(
    ("age_s", "shown"),
    [(-3, "0 s"), (119, "119 s"), (300, "5 min"), (7200, "2 h"), (172_800, "2 days")],
)
def test_the_age_is_in_the_unit_that_people_use(status: Command, server: Cluster, age_s: float, shown: str) -> None:
    server.aggregations = feed((5, "Running"), age_s=age_s)
    assert f"last message {shown} ago" in status().out


def test_an_empty_stream_reads_well(status: Command, server: Cluster) -> None:
    server.aggregations = [*NOTHING]
    ran = status()
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith(f"No message yet in {STREAM} on {server.url}; dead letters 0.\nNext: ")


def test_json(status: Command, server: Cluster) -> None:
    server.aggregations = [*feed((5, "Running")), *NOTHING]
    found = json.loads(status("--json").out)
    assert (found["namespace"], found["stream"], found["dead_letters"]) == ("default", STREAM, 0)
    assert found["states"] == {"Running": 1}
    assert found["last_message"] == {"ingested": INGESTED, "age_s": 12}
    assert found["groups"][0]["since"] == INGESTED
    empty = json.loads(status("--json").out)
    assert (empty["groups"], empty["states"], empty["last_message"]) == ([], {}, None)


def test_nothing_is_written(status: Command, server: Cluster) -> None:
    server.aggregations = feed((5, "Running"))
    status()
    assert set(server.requests) == {
        f"GET /_data_stream/{STREAM}",
        f"GET /_data_stream/{DEAD_LETTERS}",
        f"GET /{DEAD_LETTERS}/_count",
        f"POST /{STREAM}/_search",
    }


@pytest.mark.parametrize("absent", [STREAM, DEAD_LETTERS])
def test_bad_a_stream_is_absent(status: Command, server: Cluster, absent: str) -> None:
    server.streams -= {absent}
    ran = status()
    assert (ran.code, ran.out) == (1, "")
    assert f"error: no data stream '{absent}' on {server.url}\nhint: `ocs-elastic apply` " in ran.err


def test_bad_nobody_is_named(status: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    ran = status()
    assert ran.code == 2
    assert "error: no cluster is named" in ran.err
