"""What a number of campaign groups comes to; the expected figures were worked out by hand."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.commands import Command, command
from toolkit.capabilities import of_elasticsearch
from toolkit.client.transport import Transport
from toolkit.config import Settings
from toolkit.errors import SourceError, UsageError
from toolkit.load import desired
from toolkit.measured import Indexing, Storage, read_measured
from toolkit.output.sizing import text
from toolkit.resources import data_folder
from toolkit.sizing import GB, SHARD_DOCUMENTS, Demand, Limit, Seen, Sizing, fitting_rollover_gb
from toolkit.uses.sizing import look, sizing, with_flags

STORAGE = Storage(80, 1.25, "an engine", 200, 1000, "2026-11")
"""100 bytes a document as it lies on disk."""
LEANER = replace(STORAGE, bytes=60)
LARGE = replace(STORAGE, bytes=320)
"""400 bytes a document: 200 million of them are 74.5 GB."""
INDEXING = Indexing(
    bulk_cpu_us=50,
    post_cpu_us=1000,
    steady_cpus=0.02,
    posts_a_second=5000,
    connections=8,
    cpus=2,
    engine="an engine",
    date="2026-11",
)
DEMAND = Demand(
    groups=200,
    interval_s=10,
    retention_days=90,
    dead_letter_retention_days=90,
    shards=1,
    replicas=1,
    rollover_bytes=25 * GB,
    refresh_interval_s=5,
    index_mode="standard",
)


def of(storage: Storage = STORAGE, leaner: Storage | None = None, **changes: Any) -> Sizing:
    return Sizing(replace(DEMAND, **changes), storage, INDEXING, leaner)


@pytest.mark.parametrize(
    ("groups", "interval_s", "a_second", "a_day"),
    [
        (200, 10, 20, 1_728_000),
        (5000, 10, 500, 43_200_000),
        (5000, 30, 500 / 3, 14_400_000),
        (1, 86_400, 1 / 86_400, 1),
    ],
)
def test_messages(groups: int, interval_s: int, a_second: float, a_day: float) -> None:
    found = of(groups=groups, interval_s=interval_s)
    assert (found.messages_a_second, found.messages_a_day) == pytest.approx((a_second, a_day))


def test_two_hundred_groups_turn_by_age() -> None:
    found = of()
    assert (found.limit, found.index_days, found.kept_days) == (Limit.AGE, 9, (81, 90))
    assert (found.documents, found.shard_documents) == (155_520_000, 15_552_000)
    assert found.primary_bytes == 15_552_000_000
    assert found.bytes == 31_104_000_000
    assert found.disk_bytes == pytest.approx(36_592_941_176, abs=1)
    assert (found.indices, found.shards, found.nodes) == (11, 22, 2)  # 9 wait, one is due, one is written
    assert found.other_shards == 26  # 11 of dead letters, the latest states, our own state; two of each
    assert found.cpus == pytest.approx(0.06)  # 20 times 1 ms for each of two copies, and the steady part
    assert found.shard_load == pytest.approx(0.004)
    assert found.rewrite_cpu_hours == pytest.approx(4.32)
    assert found.advice == ()


def test_five_thousand_groups_turn_by_documents() -> None:
    """200 million documents are there before 25 GB, and long before 9 days."""
    found = of(groups=5000)
    assert found.limit is Limit.DOCUMENTS
    assert found.index_days == pytest.approx(4.6296, abs=1e-4)
    assert found.kept_days == pytest.approx((81, 85.6296), abs=1e-4)
    assert (found.documents, found.shard_documents) == (43_200_000 * 81 + 200_000_000, 200_000_000)
    assert found.primary_bytes == 369_920_000_000
    assert (found.indices, found.shards) == (19, 38)  # 81 / 4.63 = 17.5
    assert (found.cpus, found.shard_load) == pytest.approx((1.02, 0.1))
    assert found.advice == ()


def test_large_documents_turn_by_size() -> None:
    found = of(LARGE, groups=5000)
    assert (found.limit, found.shard_documents) == (Limit.SIZE, 67_108_864)  # 25 times 2**30 / 400
    assert found.shard_bytes == 25 * GB
    assert found.documents == 43_200_000 * 81 + 67_108_864
    assert found.indices == 54  # 1.5534 days each: 81 / 1.5534 = 52.1
    assert found.advice == ()


def test_a_shard_that_is_too_large_is_advised_against() -> None:
    found = of(LARGE, groups=5000, rollover_bytes=500 * GB)
    assert (found.limit, found.shard_documents, found.shard_bytes) == (Limit.DOCUMENTS, 200_000_000, 80_000_000_000)
    (advice,) = found.advice
    assert (advice.setting, advice.value) == ("rollover_size", "50gb")
    assert "A shard would end at 74.5 GB, where 10 to 50 GB are usual" in advice.why
    assert of(LARGE, groups=5000, rollover_bytes=50 * GB).advice == ()


@pytest.mark.parametrize(
    ("days", "index_days", "kept", "indices"),
    [(1, 0.1, (0.9, 1.0), 11), (7, 0.7, (6.3, 7.0), 11), (300, 30, (270, 300), 11), (3650, 30, (3620, 3650), 122)],
)
def test_the_rollover_age_follows_the_retention(
    days: int, index_days: float, kept: tuple[float, float], indices: int
) -> None:
    found = of(groups=1, retention_days=days)
    assert found.index_days == pytest.approx(index_days)
    assert found.kept_days == pytest.approx(kept)
    assert found.indices == indices


@pytest.mark.parametrize(
    ("changes", "advised"),
    [
        ({}, {}),
        ({"groups": 24_999}, {}),
        ({"groups": 25_000}, {}),  # half of what a shard was seen to take
        ({"groups": 25_001}, {"shards": "2", "interval_s": "11"}),
        ({"groups": 50_000}, {"shards": "2", "interval_s": "20"}),
        ({"groups": 50_000, "shards": 2}, {"interval_s": "20"}),
        ({"groups": 5000, "shards": 3}, {}),  # by age, at 12.1 GB a shard
        ({"groups": 5000, "shards": 8}, {"shards": "1"}),  # by age, at 4.5 GB a shard
        ({"groups": 5000, "rollover_bytes": 5 * GB}, {"rollover_size": "18gb"}),
        ({"groups": 5000, "rollover_bytes": 500 * GB}, {}),  # by documents, at 18.6 GB a shard
        ({"groups": 200, "rollover_bytes": 500 * GB}, {}),  # by age, at 1.4 GB a shard
        ({"groups": 200, "rollover_bytes": 5 * GB}, {}),
        ({"replicas": 0}, {"replicas": "0-1"}),
        ({"replicas": 2}, {}),
        ({"interval_s": 5}, {}),
        ({"interval_s": 4}, {"interval_s": "5"}),
        (
            {"groups": 50_000, "shards": 10, "rollover_bytes": GB * 500 // 1024},
            {"shards": "2", "rollover_size": "18gb", "interval_s": "20", "retention_days": "11"},
        ),
    ],
)
def test_advice(changes: dict[str, Any], advised: dict[str, str]) -> None:
    assert {each.setting: each.value for each in of(**changes).advice} == advised


def test_no_shard_comes_to_what_lucene_does_not_hold() -> None:
    """By age it would be 2,592,000,000 documents, 86.4 million on each of 30 days; Lucene holds 2,147,483,519."""
    found = of(groups=5000, interval_s=5, retention_days=300, rollover_bytes=900 * GB)
    assert (found.limit, found.shard_documents) == (Limit.DOCUMENTS, 200_000_000)
    assert found.index_days == pytest.approx(2.3148, abs=1e-4)
    assert found.advice == ()


def test_more_shards_than_nodes_may_hold_need_more_nodes_or_fewer_days() -> None:
    found = of(groups=50_000, shards=10, rollover_bytes=GB * 500 // 1024)
    assert found.shards == 669 * 10 * 2  # 5,242,880 documents a shard: 667 indices wait
    assert found.other_shards == (11 * 10 + 2) * 2
    assert found.nodes == 14
    assert found.but(retention_days=11).nodes == 2
    assert found.but(retention_days=12).nodes == 3


def test_a_leaner_index_mode_is_advised_with_the_bytes_it_saves() -> None:
    (advice,) = of(leaner=LEANER).advice
    assert (advice.setting, advice.value) == ("index_mode", "auto")
    assert "60 bytes instead of 80: primaries of 10.9 GB instead of 14.5 GB" in advice.why
    assert of(leaner=replace(LEANER, bytes=80)).advice == ()


@settings(deadline=None)  # a retention that fits is looked for day by day
@given(
    demand=st.builds(
        Demand,
        groups=st.integers(1, 1_000_000),
        interval_s=st.integers(1, 86_400),
        retention_days=st.integers(1, 3650),
        dead_letter_retention_days=st.integers(1, 3650),
        shards=st.integers(1, 50),
        replicas=st.integers(0, 2),
        rollover_bytes=st.integers(1, 1000).map(lambda size: size * GB),
        refresh_interval_s=st.integers(1, 60),
        index_mode=st.just("standard"),
    ),
    bytes_=st.floats(20, 2000),
)
def test_no_document_gets_too_old_and_advice_that_is_taken_is_not_given_again(demand: Demand, bytes_: float) -> None:
    found = Sizing(demand, replace(STORAGE, bytes=bytes_), INDEXING)
    assert found.kept_days[1] <= demand.retention_days + 1e-9
    assert found.documents <= found.messages_a_day * demand.retention_days + 1
    assert found.shard_bytes <= demand.rollover_bytes + 1
    assert found.shard_documents <= SHARD_DOCUMENTS
    for advice in found.advice:
        better = found.but(**_taken(advice.setting, advice.value))
        assert advice.setting not in {each.setting for each in better.advice}


def _taken(setting: str, value: str) -> dict[str, Any]:
    match setting:
        case "rollover_size":
            return {"rollover_bytes": int(value.removesuffix("gb")) * GB}
        case "replicas":
            return {"replicas": 1}
        case _:
            return {setting: int(value)}


def test_the_fitting_size_is_whole_and_within_bounds() -> None:
    assert fitting_rollover_gb(STORAGE) == 18
    assert fitting_rollover_gb(replace(STORAGE, bytes=800)) == 50
    assert fitting_rollover_gb(replace(STORAGE, bytes=1)) == 1


# From settings.


@pytest.mark.parametrize("version", [(8, 3, 0), (8, 17, 2), (9, 5, 3)])
def test_every_policy_ends_an_index_at_the_documents_that_are_reckoned_with(version: tuple[int, int, int]) -> None:
    policies = [each for each in desired(Settings(), of_elasticsearch(version)) if each.kind == "ilm_policy"]
    assert len(policies) == 2
    for policy in policies:
        rollover = policy.body["policy"]["phases"]["hot"]["actions"]["rollover"]
        assert rollover["max_primary_shard_docs"] == SHARD_DOCUMENTS, policy.name


@pytest.mark.parametrize(
    ("version", "mode", "expected"),
    [
        (None, "auto", "standard"),
        (None, "logsdb", "logsdb"),
        ((8, 3, 3), "auto", "standard"),
        ((8, 7, 1), "auto", "standard"),
        ((8, 8, 0), "auto", "standard"),
        ((8, 17, 2), "auto", "logsdb"),
        ((8, 17, 2), "standard", "standard"),
    ],
)
def test_the_server_decides_on_the_index_mode_and_not_on_the_limits(
    version: tuple[int, int, int] | None, mode: str, expected: str
) -> None:
    server = of_elasticsearch(version) if version else None
    found = sizing(Settings(index_mode=mode), groups=200, server=server)
    assert found.demand.index_mode == expected
    assert found.storage == read_measured().storage[expected]
    assert found.days_to[Limit.DOCUMENTS] == pytest.approx(115.7407, abs=1e-4)  # 200 million at 1,728,000 a day
    saves = server is not None and server.logsdb and expected == "standard"
    assert bool(found.leaner) is saves


def test_logsdb_on_a_server_without_it_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match=r"which elasticsearch 8\.3\.3 does not have"):
        sizing(Settings(index_mode="logsdb"), groups=1, server=of_elasticsearch((8, 3, 3)))


@pytest.mark.parametrize(("text", "copies"), [("0", 0), ("2", 2), ("0-1", 1), ("1-3", 3)])
def test_of_a_range_of_replicas_the_most_count(text: str, copies: int) -> None:
    assert sizing(Settings(replicas=text), groups=1).demand.replicas == copies


def test_a_range_without_an_end_has_to_be_told() -> None:
    with pytest.raises(UsageError, match=r"^replicas is 0-all: how many") as caught:
        sizing(Settings(replicas="0-all"), groups=1)
    assert caught.value.hint == "say how many to reckon with: --replicas 1"


@pytest.mark.parametrize(("size", "expected"), [("25gb", 26_843_545_600), ("500mb", 524_288_000)])
def test_sizes_are_elasticsearchs_own(size: str, expected: int) -> None:
    assert sizing(Settings(rollover_size=size), groups=1).demand.rollover_bytes == expected


def test_a_flag_goes_before_the_setting_and_nothing_else_changes() -> None:
    configured = Settings(shards=2, replicas="2")
    assert with_flags(configured, {"shards": 3, "replicas": None}) == replace(configured, shards=3)


SEEN = Seen("a stream", documents=10_000, primary_bytes=1_500_000, groups=300, messages_last_day=2_000_000)


def test_what_was_seen_of_a_stream_goes_before_what_was_measured_elsewhere() -> None:
    found = sizing(Settings(), groups=None, server=of_elasticsearch((8, 17, 2)), seen=SEEN)
    assert (found.demand.groups, found.storage.on_disk) == (300, 150)
    assert (found.storage.engine, found.storage.documents) == ("elasticsearch 8.17.2", 10_000)
    assert sizing(Settings(), groups=7, seen=SEEN).demand.groups == 7


def test_too_few_documents_do_not_tell_what_one_takes() -> None:
    few = replace(SEEN, documents=9999)
    found = sizing(Settings(), groups=None, server=of_elasticsearch((8, 3, 3)), seen=few)
    assert (found.demand.groups, found.storage) == (300, read_measured().storage["standard"])
    assert sizing(Settings(), groups=1, seen=replace(SEEN, documents=0, primary_bytes=0)).seen


def test_a_stream_without_active_groups_does_not_tell_how_many_there_will_be() -> None:
    with pytest.raises(UsageError, match=r"^a stream has heard of no active campaign group in 24 hours") as caught:
        sizing(Settings(), groups=None, seen=replace(SEEN, groups=0))
    assert caught.value.hint == "say how many there will be: --groups"


class _Transport:
    """A stream of two indices on a server that keeps a replica of one."""

    def get(self, path: str, _: Any = None) -> Any:
        if not path.endswith("/_segments"):
            return {"data_streams": [{}]}
        primary = {"routing": {"primary": True}, "segments": {"_0": _segment(100), "_1": _segment(20)}}
        replica = {"routing": {"primary": False}, "segments": {"_0": _segment(119)}}
        empty = {"routing": {"primary": True}}
        return {"indices": {"one": {"shards": {"0": [replica, primary]}}, "two": {"shards": {"0": [empty]}}}}

    def post(self, path: str, body: Any) -> Any:
        if path.endswith("/_count"):
            return {"count": 77}
        if "until" in body["aggs"]:
            return {"aggregations": {"until": {"buckets": [{"to": 1_795_420_800_000.0}]}}}
        groups = [_heard(guid, code) for guid, code in (("a", 5), ("b", 3), ("c", 0))]  # the last is not loaded
        return {"aggregations": {"groups": {"buckets": groups}}}


def _segment(documents: int) -> dict[str, int]:
    return {"num_docs": documents, "size_in_bytes": 50 * documents}


def _heard(guid: str, code: int) -> dict[str, Any]:
    source = {"ocs": {"campaign_group": {"state": {"code": code}}}}
    known = {"last": {"hits": {"hits": [{"_source": source}]}}}
    return {"key": {"guid": guid}, "heard": {"value": 1.0}, "known": known}


def test_of_a_stream_primaries_count_and_only_groups_that_are_active() -> None:
    seen = look(cast(Transport, _Transport()), Settings())
    assert seen == Seen("ocs-campaign-groups-default", 120, 6000, groups=2, messages_last_day=77)


def test_what_was_seen_is_told() -> None:
    found = sizing(Settings(), groups=None, server=of_elasticsearch((8, 17, 2)), seen=SEEN)
    lines = text(found).splitlines()
    assert any("2,000,000" in line and "active groups: 300" in line for line in lines)
    assert found.as_json()["seen"]["primary_bytes"] == 1_500_000


# The command.


@pytest.fixture(name="run")
def _run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Command:
    monkeypatch.chdir(tmp_path)
    return command(monkeypatch, capsys)


def test_the_command_tells_people(run: Command) -> None:
    ran = run("sizing", "--groups", "5000", "--server", "8.3.3", "--replicas", "0", "--rollover-size", "50gb")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith("5,000 active campaign groups, a message of each every 10 s, kept 90 days\n")
    rows = {line[1:16].strip(): line for line in ran.out.splitlines()}
    assert "500 a second" in rows["Messages"]
    assert "43,200,000 a day" in rows["Messages"]
    assert "5,000" in rows["Latest states"]
    assert "after 4.6 days" in rows["A new index"]
    assert "by documents of a primary shard, 200,000,000 at most" in rows["A new index"]
    assert "- replicas: 0-1\n" in ran.out
    assert "measured on Elasticsearch 8.3.3" in ran.out


def test_the_command_says_that_the_settings_fit(run: Command) -> None:
    assert "The settings fit." in run("sizing", "--groups", "200", "--server", "8.17.2").out


def test_the_configuration_is_what_flags_are_not_given_for(run: Command, tmp_path: Path) -> None:
    (tmp_path / "ocs-elastic.yml").write_text(
        "retention_days: 30\nprofiles:\n  big: {url: https://b:9200, interval_s: 20, shards: 4}\n", encoding="utf-8"
    )
    demand = json.loads(run("sizing", "--groups", "9", "--profile", "big", "--shards", "5", "--json").out)["demand"]
    assert (demand["retention_days"], demand["interval_s"], demand["shards"]) == (30, 20, 5)


def test_json(run: Command) -> None:
    ran = run("sizing", "--groups", "200", "--server", "8.17.2", "--json")
    assert (ran.code, ran.err) == (0, "")
    found = json.loads(ran.out)
    assert set(found) == {
        "demand", "seen", "measured", "messages", "documents", "bytes", "rollover", "shard", "indices", "shards",
        "nodes", "cpus", "rewrite_cpu_hours", "advice",
    }  # fmt: skip
    assert found["messages"] == {"a_second": 20.0, "a_day": 1_728_000.0}
    assert found["documents"] == {"most": 155_520_000, "kept_days": [81.0, 90.0], "latest_states": 200}
    assert found["rollover"]["by"] == "age"
    assert set(found["rollover"]["days_to"]) == {"age", "size", "documents"}
    assert found["shards"] == {"stream": 22, "others": 26}
    assert found["measured"]["storage"]["engine"] == "Elasticsearch 8.17.2"
    assert found["bytes"]["with_replicas"] == 2 * found["bytes"]["primaries"]
    assert found["advice"] == []


def test_an_index_mode_that_is_not_known_yet_is_said_to_be_reckoned_as_the_larger(run: Command) -> None:
    ran = run("sizing", "--groups", "200")
    assert (ran.code, ran.err.startswith("warning: index_mode is auto")) == (0, True)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("", "--groups is missing hint: say how many are active, or ask the stream as it is: --measure"),
        ("--measure --server 8.17.2", "--measure and --server exclude each other"),
        ("--measure", "no cluster"),
        ("--groups 0", "Invalid value for '--groups'"),
        ("--groups many", "Invalid value for '--groups'"),
        ("--groups 1 --interval 0", "--interval: 'interval_s' must be a whole number of seconds, 1 to 86400, not 0"),
        ("--groups 1 --retention-days 0", "--retention-days: 'retention_days' must be a whole number of days"),
        ("--groups 1 --shards 0", "--shards: 'shards' must be"),
        ("--groups 1 --replicas many", "--replicas: 'replicas' must be a number, or a range such as 0-1, not 'many'"),
        ("--groups 1 --replicas 0-all", "replicas is 0-all"),
        ("--groups 1 --rollover-size 25", "--rollover-size: 'rollover_size' must be a size such as 25gb, not '25'"),
        ("--groups 1 --index-mode time_series", "Invalid value for '--index-mode'"),
        ("--groups 1 --index-mode logsdb --server 8.3.3", "index_mode is logsdb, which elasticsearch 8.3.3 does not"),
        ("--groups 1 --server 7.17.0", "8.3 is the oldest version"),
        ("--groups 1 --server new", "no version of Elasticsearch"),
    ],
)
def test_bad_input_is_a_usage_error(run: Command, arguments: str, said: str) -> None:
    ran = run("sizing", *arguments.split())
    assert (ran.code, ran.out) == (2, "")
    assert said in " ".join(ran.err.replace("│", " ").split())


# What was measured.

TEXT = (data_folder("templates") / "measured.yml").read_text(encoding="utf-8")


def test_the_file_can_be_read() -> None:
    found = read_measured()
    assert list(found.storage) == ["standard", "logsdb"]
    assert found.storage["logsdb"].bytes < found.storage["standard"].bytes


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("bytes: ", "bytes: -", "must be a number greater than 0"),
        ("bytes: ", "bytes: a", "must be a number greater than 0"),
        ("bytes: ", "bites: ", "unknown key 'bites'"),
        ("unmerged: ", "unmerged: 0.9 # ", "must be 1 or more, not 0.9"),
        ("unmerged: ", "# ", "'unmerged' is missing"),
        ("groups: ", "groups: 0 # ", "must be a whole number, 1 or more"),
        ("  logsdb:", "  time_series:", "unknown key 'time_series'"),
        ("  post_cpu_us: ", "  post_cpu_us: true # ", "must be a number greater than 0"),
        ("  connections: ", "  connections: 1.5 # ", "must be a whole number, 1 or more"),
        ("indexing:", "indices:", "unknown key 'indices'"),
    ],
)
def test_a_figure_that_cannot_be_used_is_named_with_its_line(tmp_path: Path, old: str, new: str, reason: str) -> None:
    file = tmp_path / "measured.yml"
    file.write_text(_with(old, new), encoding="utf-8")
    with pytest.raises(SourceError) as caught:
        read_measured(file)
    assert caught.value.reason.startswith(f"{file}:")
    assert reason in caught.value.reason


def _with(old: str, new: str) -> str:
    """The file with its first line that holds the one, comments aside, holding the other."""
    lines = TEXT.splitlines(keepends=True)
    place = next(i for i, line in enumerate(lines) if old in line and not line.startswith("#"))
    return "".join([*lines[:place], lines[place].replace(old, new), *lines[place + 1 :]])
