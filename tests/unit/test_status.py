"""`ocs-elastic status`: what it shows, what it says to a monitoring system, and that it asks without writing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.unit.cluster import CATALOGUE, DEAD_LETTERS, STREAM, Cluster
from tests.unit.commands import Command, command

NOW_MS = 1_795_420_800_000
INGESTED = "2026-11-23T08:00:00.000Z"
CODES = [attribute.name for attribute in CATALOGUE.of_type("code")]
State = tuple[int, str] | None


@pytest.fixture(name="status")
def _status(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    run = command(monkeypatch, capsys)
    return lambda *arguments: run("status", *arguments)


def hits(source: dict[str, Any] | None) -> dict[str, Any]:
    return {"last": {"hits": {"hits": [{"_source": source}] if source else []}}}


def source(guid: str, state: State) -> dict[str, Any]:
    found: dict[str, Any] = {"@timestamp": INGESTED, "ocs": {"campaign_group": {"name": f"group {guid}"}}}
    if state:
        found["ocs"]["campaign_group"]["state"] = {"code": state[0], "label": state[1]}
    return found


def bucket(guid: str, state: State) -> dict[str, Any]:
    return {
        "key": {"guid": guid},
        "states": {"buckets": [{"key": state[0], "last": {"value": 1.0}}] if state else []},
        "known": hits(source(guid, state) if state else None),
        "changes": hits(None),
        **hits(source(guid, state)),
    }


def clock() -> dict[str, Any]:
    return {"until": {"buckets": [{"to": float(NOW_MS)}]}}


def unknown(codes: dict[str, dict[int, int]] | None = None) -> dict[str, Any]:
    """Attribute → code → messages."""
    counts = {name: (codes or {}).get(name, {}) for name in CODES}
    buckets = {
        name: {"codes": {"buckets": [{"key": code, "doc_count": n} for code, n in of_name.items()]}}
        for name, of_name in counts.items()
    }
    return {"total": sum(n for of_name in counts.values() for n in of_name.values()), **buckets}


def groups_of(*states: State) -> list[dict[str, Any]]:
    """The answers of a stream with a campaign group in each of those states: the groups, and since when."""
    known = sum(state is not None for state in states)
    since = {"buckets": [{"doc_count": 1, "since": {"value_as_string": INGESTED}}] * known}
    groups = [bucket(str(i), state) for i, state in enumerate(states)]
    return [{"groups": {"buckets": groups}}, *([{"groups": since}] if known else [])]


def feed(server: Cluster, *states: State, age_s: float = 12, codes: dict[str, dict[int, int]] | None = None) -> None:
    """A stream with a campaign group in each of those states, all last heard of at the same time."""
    heard_ms = NOW_MS - age_s * 1000
    server.last = [{"_source": {"event": {"ingested": INGESTED}}, "sort": [heard_ms]}]
    heard = [{**bucket(str(i), state), "heard": {"value": heard_ms}} for i, state in enumerate(states)]
    server.aggregations = [clock(), {"groups": {"buckets": heard}}, unknown(codes), *groups_of(*states)]


def nothing(server: Cluster) -> None:
    server.last = []
    server.aggregations = [clock(), unknown(), {"groups": {"buckets": []}}]


def test_states_are_counted_the_busiest_first(status: Command, server: Cluster) -> None:
    feed(server, (3, "Inactive"), (5, "Running"), None, (5, "Running"), (9, "Unknown (9)"))
    server.dead_letters = 7
    ran = status()
    assert (ran.code, ran.err) == (0, "")
    assert "5 campaign groups: Running 2, Inactive 1, Unknown (9) 1, state not known 1" in ran.out
    assert "last message 12 s ago (2026-11-23 08:00:00 UTC), dead letters 7" in ran.out
    assert "group 0" in ran.out


def test_what_is_wrong_stands_first(status: Command, server: Cluster) -> None:
    feed(server, (5, "Running"), (0, "Not loaded"), age_s=50, codes={"GSW_DIAL_MODE": {12: 3}})
    lines = status().out.splitlines()
    heads = [line.split(":")[0].split(maxsplit=1) for line in lines[: lines.index("")] if not line.startswith(" ")]
    assert heads == [["CRITICAL", "silence"], ["CRITICAL", "stale groups"], ["NOTE", "unknown codes"]]
    assert "Campaign groups now" in lines


@pytest.mark.parametrize(
    ("age_s", "shown"),
    [(-3, "0 s"), (119, "119 s"), (300, "5 min"), (7200, "2 h"), (172_800, "2 days")],
)
def test_the_age_is_in_the_unit_that_people_use(status: Command, server: Cluster, age_s: float, shown: str) -> None:
    feed(server, (0, "Not loaded"), age_s=age_s)
    assert f"last message {shown} ago" in status().out


def test_an_empty_stream_reads_well(status: Command, server: Cluster) -> None:
    nothing(server)
    ran = status()
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith("WARNING   silence: no message of OCS yet\n")
    assert f"\nNo message yet in {STREAM} on {server.url}; dead letters 0.\n" in ran.out


def test_json(status: Command, server: Cluster) -> None:
    feed(server, (5, "Running"))
    found = json.loads(status("--json").out)
    assert (found["namespace"], found["stream"], found["dead_letters"]) == ("default", STREAM, 0)
    assert found["states"] == {"Running": 1}
    assert found["last_message"] == {"ingested": INGESTED, "age_s": 12}
    assert found["groups"][0]["since"] == INGESTED
    nothing(server)
    empty = json.loads(status("--json").out)
    assert (empty["groups"], empty["states"], empty["last_message"]) == ([], {}, None)


def test_nothing_is_written(status: Command, server: Cluster) -> None:
    feed(server, (5, "Running"))
    status()
    assert set(server.requests) == {
        f"GET /_data_stream/{STREAM}",
        f"GET /_data_stream/{DEAD_LETTERS}",
        f"POST /{DEAD_LETTERS}/_count",
        f"GET /{DEAD_LETTERS}/_count",
        f"POST /{STREAM}/_search",
    }


def test_a_feed_that_runs_is_ok_in_one_line_with_its_figures(status: Command, server: Cluster) -> None:
    feed(server, (5, "Running"), (4, "Active"), (0, "Not loaded"), age_s=4.25)
    ran = status("--check")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out == (
        "STATUS OK: active campaign groups: 2, last message 4 s ago, dead letters since 2026-11-22 08:00 UTC: 0, "
        "unknown codes: 0 | silence=4.2s;35;35;0 stale_groups=0;0;0;0 dead_letters=0;0;100;0 failures=U;0;100;0 "
        "unknown_codes=0;;;0\n"
    )


def test_a_feed_that_stopped_is_critical_and_names_the_groups(status: Command, server: Cluster) -> None:
    feed(server, (5, "Running"), (1, "Waiting for unload"), (0, "Not loaded"), age_s=36)
    ran = status("--check")
    assert ran.code == 2
    said, figures = ran.out.split(" | ")
    assert said == (
        "STATUS CRITICAL: silence: nothing from OCS for 36 s, active campaign groups: 2; "
        "stale groups: silent for more than 35 s: 2 of 2 active campaign groups (group 0, group 1)"
    )
    assert figures.startswith("silence=36.0s;35;35;0 stale_groups=2;0;0;0 ")


def test_a_night_without_a_group_is_ok(status: Command, server: Cluster) -> None:
    feed(server, (0, "Not loaded"), (0, "Not loaded"), age_s=30_000)
    ran = status("--check")
    assert ran.code == 0
    assert ran.out.startswith("STATUS OK: active campaign groups: 0, last message 8 h ago, ")
    assert "| silence=U;35;35;0 stale_groups=0;0;0;0 " in ran.out


@pytest.mark.parametrize(("letters", "code"), [(0, 0), (1, 1), (100, 1), (101, 2)])
def test_dead_letters(status: Command, server: Cluster, letters: int, code: int) -> None:
    feed(server, (5, "Running"))
    server.dead_letters = letters
    ran = status("--check")
    assert ran.code == code
    assert ("not replayed since" in ran.out) is (code > 0)


def test_json_of_a_check_holds_figures_thresholds_and_findings(status: Command, server: Cluster) -> None:
    feed(server, (5, "Running"), age_s=40, codes={"GSW_DIAL_MODE": {12: 3}})
    ran = status("--check", "--json", "--threshold", "silence=60,none", "--since", "2026-11-23T06:00+01:00")
    found = json.loads(ran.out)
    assert (ran.code, found["level"]) == (2, "critical")
    assert (found["now"], found["since"]) == (INGESTED, "2026-11-23T05:00:00.000Z")
    assert found["figures"] == {
        "silence": 40.0,
        "stale_groups": 1,
        "dead_letters": 0,
        "failures": None,
        "unknown_codes": 3,
    }
    assert found["thresholds"]["silence"] == {"warning": 60, "critical": None}
    assert found["thresholds"]["dead_letters"] == {"warning": 0, "critical": 100}
    assert found["stale_groups"] == [
        {"tenant": None, "name": "group 0", "guid": "0", "state": "Running", "silent_s": 40.0}
    ]
    assert found["unknown_codes"] == [{"attribute": "GSW_DIAL_MODE", "code": 12, "messages": 3}]
    assert [finding["check"] for finding in found["findings"]] == ["stale groups", "unknown codes"]


def test_a_flag_goes_before_the_environment_and_that_before_the_file(
    status: Command, server: Cluster, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "some.yml"
    file.write_text("unknown_codes_threshold: 0,0\n", encoding="utf-8")
    codes = {"GSW_DIAL_MODE": {12: 1}}

    def code(*flags: str) -> int:
        feed(server, (5, "Running"), codes=codes)
        return status("--check", "--config", str(file), *flags).code

    assert code() == 2
    monkeypatch.setenv("OCS_ELASTIC_UNKNOWN_CODES_THRESHOLD", "0,1")
    assert code() == 1
    assert code("--threshold", "unknown_codes=1,1") == 0


def test_the_interval_is_ocss(status: Command, server: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OCS_ELASTIC_INTERVAL_S", "60")
    feed(server, (5, "Running"), age_s=180)
    assert status("--check").code == 0
    monkeypatch.setenv("OCS_ELASTIC_SILENT_INTERVALS", "2")
    feed(server, (5, "Running"), age_s=126)
    ran = status("--check")
    assert (ran.code, "silent for more than 125 s" in ran.out) == (2, True)


@pytest.mark.parametrize("absent", [STREAM, DEAD_LETTERS])
def test_bad_a_stream_is_absent(status: Command, server: Cluster, absent: str) -> None:
    server.streams -= {absent}
    ran = status()
    assert (ran.code, ran.out) == (1, "")
    assert f"error: no data stream '{absent}' on {server.url}\nhint: `ocs-elastic apply` " in ran.err
    checked = status("--check")
    assert (checked.code, checked.err) == (3, "")
    assert checked.out == f"STATUS UNKNOWN: no data stream '{absent}' on {server.url}\n"


def test_bad_nobody_is_named(status: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    ran = status()
    assert ran.code == 2
    assert "error: no cluster is named" in ran.err


@pytest.mark.parametrize(
    ("flags", "reason", "hint"),
    [
        (["--since", "soon"], "--since: 'soon' is no time", "90m, 24h or 7d"),
        (["--since", ""], "--since: '' is no time", "90m, 24h or 7d"),
        (["--since", "0h"], "--since: '0h' is no time", "90m, 24h or 7d"),
        (["--since", "9999w"], "--since 9999w: it is at most 366 days ago", ""),
        (["--since", "1970-01-01"], "--since: 1970-01-01 is none of OCS's times", "90m"),
        (["--since", "2026-11-23T08:00:00Z"], "is not in the past: the server's clock says 2026-11-23T08:00", ""),
        (["--threshold", "dead_letters"], "'' must be two numbers", "--threshold dead_letters=10,100"),
        (["--threshold", "dead_letters=5"], "'5' must be two numbers", "--threshold dead_letters=10,100"),
        (["--threshold", "dead_letters=5,2"], "'5,2' must be two numbers", "10,100"),
        (["--threshold", "dead_letters=-1,2"], "'-1,2' must be two numbers", "10,100"),
        (["--threshold", "dead_letters=auto"], "'auto' must be two numbers", "10,100"),
        (["--threshold", "silence=soon"], "'soon' must be auto, or two numbers", "10,100"),
        (["--threshold", "dead_leters=1,2"], "it limits no 'dead_leters'", "Did you mean 'dead_letters'?"),
        (["--threshold", "=1,2"], "it limits no ''", "Known: dead_letters, "),
    ],
)
def test_bad_flags(status: Command, server: Cluster, flags: list[str], reason: str, hint: str) -> None:
    feed(server, (5, "Running"))
    ran = status(*flags)
    assert (ran.code, ran.out) == (2, "")
    assert reason in ran.err
    assert hint in ran.err
    feed(server, (5, "Running"))
    checked = status("--check", *flags)
    assert (checked.code, checked.err) == (3, "")
    assert checked.out.startswith("STATUS UNKNOWN: ")
    assert reason in checked.out


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("INTERVAL_S", "0"),
        ("INTERVAL_S", "10s"),
        ("SILENT_INTERVALS", "1"),
        ("FORGET_HOURS", "0"),
        ("SILENCE_THRESHOLD", "30"),
        ("STALE_GROUPS_THRESHOLD", "auto"),
        ("DEAD_LETTERS_THRESHOLD", "100,0"),
        ("FAILURES_THRESHOLD", "0;100"),
        ("UNKNOWN_CODES_THRESHOLD", "none"),
    ],
)
def test_bad_settings(status: Command, server: Cluster, monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(f"OCS_ELASTIC_{name}", value)
    ran = status()
    assert (ran.code, ran.out) == (2, "")
    assert f"error: OCS_ELASTIC_{name}: '{name.lower()}' must be " in ran.err
    assert status("--check").code == 3
    assert server.requests == []
