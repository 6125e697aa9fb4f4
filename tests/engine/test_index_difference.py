"""What is called changeable a server takes, and then has; what is not, it refuses. On whatever engine there is."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from typing import Any

import pytest

from tests.running import Engine
from toolkit.client.transport import Transport
from toolkit.errors import RejectedError
from toolkit.index_difference import IN_PLACE, UPDATABLE, IndexDifference, difference, is_in_place
from toolkit.model import Body

SETTINGS: dict[str, Any] = {
    "allocation.max_retries": 3,
    "analyze.max_token_count": 20000,
    "auto_expand_replicas": "0-1",
    "default_pipeline": "_none",
    "final_pipeline": "_none",
    "gc_deletes": "30s",
    "hidden": True,
    "highlight.max_analyzed_offset": 2000000,
    "lifecycle.name": "nobodys",
    "lifecycle.prefer_ilm": True,
    "mapping.depth.limit": 30,
    "mapping.dimension_fields.limit": 21,
    "mapping.field_name_length.limit": 100,
    "mapping.nested_fields.limit": 60,
    "mapping.nested_objects.limit": 100,
    "mapping.total_fields.ignore_dynamic_beyond_limit": True,
    "mapping.total_fields.limit": 2000,
    "max_docvalue_fields_search": 50,
    "max_inner_result_window": 200,
    "max_ngram_diff": 3,
    "max_refresh_listeners": 10,
    "max_regex_length": 500,
    "max_rescore_window": 20000,
    "max_result_window": 20000,
    "max_script_fields": 10,
    "max_shingle_diff": 5,
    "max_slices_per_scroll": 64,
    "max_terms_count": 1000,
    "merge.policy.deletes_pct_allowed": 30,
    "merge.policy.floor_segment": "4mb",
    "merge.policy.max_merge_at_once": 8,
    "merge.policy.max_merged_segment": "2gb",
    "merge.policy.segments_per_tier": 8,
    "merge.scheduler.auto_throttle": False,
    "merge.scheduler.max_merge_count": 6,
    "merge.scheduler.max_thread_count": 1,
    "number_of_replicas": 2,
    "priority": 7,
    "query.default_field": ["a"],
    "refresh_interval": "7s",
    "requests.cache.enable": False,
    "routing.allocation.enable": "all",
    "routing.allocation.total_shards_per_node": 5,
    "routing.rebalance.enable": "all",
    "search.idle.after": "60s",
    "soft_deletes.retention.operations": 10,
    "soft_deletes.retention_lease.period": "10h",
    "translog.durability": "async",
    "translog.flush_threshold_size": "256mb",
    "translog.sync_interval": "10s",
    "unassigned.node_left.delayed_timeout": "5m",
    "warmer.enabled": False,
    "write.wait_for_active_shards": 1,
    # of each prefix one
    "routing.allocation.include.zone": "a",
    "routing.allocation.exclude.zone": "b",
    "routing.allocation.require.zone": "a",
    "search.slowlog.threshold.query.warn": "10s",
    "search.slowlog.threshold.fetch.info": "1s",
    "indexing.slowlog.threshold.index.warn": "10s",
    "indexing.slowlog.source": "100",
}
"""Every setting of the closed set, with a value other than the default."""

STATIC: dict[str, Any] = {
    "codec": "best_compression",
    "number_of_shards": 2,
    "number_of_routing_shards": 8,
    "routing_partition_size": 1,
    "sort.field": ["a"],
    "mode": "standard",
    "mapping.source.mode": "stored",
    "mapping.ignore_malformed": True,
    "mapping.coerce": False,
    "load_fixed_bitset_filters_eagerly": False,
    "store.type": "fs",
    "store.preload": ["nvd"],
    "shard.check_on_startup": False,
    "query_string.lenient": True,
    "analysis.analyzer.mine.type": "standard",
    "similarity.default.type": "boolean",
    "soft_deletes.enabled": True,
    "queries.cache.enabled": False,
    "fielddata.cache": "none",
}


def keyword(**parameters: Any) -> Body:
    return {"type": "keyword", **parameters}


def text(**parameters: Any) -> Body:
    return {"type": "text", "analyzer": "standard", **parameters}


def field(type_: str, **parameters: Any) -> Body:
    return {"type": type_, **parameters}


DATE = "strict_date_optional_time||epoch_millis"
ADDITIVE: dict[str, tuple[Body | None, Body]] = {
    "field": (None, keyword()),
    "object with fields": (None, {"properties": {"a": keyword(), "b": {"properties": {"c": keyword()}}}}),
    "disabled object": (None, field("object", enabled=False)),
    "first multi-field": (keyword(), keyword(fields={"t": text()})),
    "second multi-field": (keyword(fields={"a": text()}), keyword(fields={"b": text()})),
    "of a multi-field": (
        keyword(fields={"a": keyword(ignore_above=3)}),
        keyword(fields={"a": keyword(ignore_above=9)}),
    ),
    "field in an object": ({"properties": {"a": keyword()}}, {"properties": {"b": keyword()}}),
    "field in an object of an object": (
        {"properties": {"a": {"properties": {"b": keyword()}}}},
        {"properties": {"a": {"properties": {"c": keyword()}}}},
    ),
    "field of a dotted name": (
        {"properties": {"a": {"properties": {"b": keyword()}}}},
        {"properties": {"a.c": keyword()}},
    ),
    "beside what stays as it is": (
        keyword(index=False, doc_values=False, ignore_above=3),
        keyword(index=False, doc_values=False, ignore_above=9),
    ),
    "only ignore_above is named": (keyword(store=True, ignore_above=3), keyword(store=True, ignore_above="9")),
    "ignore_above": (keyword(), keyword(ignore_above=9)),
    "ignore_above goes": (keyword(ignore_above=9), keyword()),
    "meta": (keyword(), keyword(meta={"unit": "s"})),
    "meta changes": (keyword(meta={"unit": "m"}), keyword(meta={"unit": "s"})),
    "copy_to": (keyword(), keyword(copy_to="elsewhere")),
    "eager_global_ordinals": (keyword(), keyword(eager_global_ordinals=True)),
    "split_queries_on_whitespace": (keyword(), keyword(split_queries_on_whitespace=True)),
    "norms off": (text(), text(norms=False)),
    "norms of a keyword off": (keyword(norms=True), keyword(norms=False)),
    "norms of a keyword go": (keyword(norms=True), keyword()),
    "fielddata": (text(), text(fielddata=True)),
    "fielddata_frequency_filter": (
        text(fielddata=True),
        text(fielddata=True, fielddata_frequency_filter={"min": 0.01, "max": 0.1, "min_segment_size": 5}),
    ),
    "search_analyzer": (text(), text(search_analyzer="simple")),
    "search_quote_analyzer": (
        text(search_analyzer="standard"),
        text(search_analyzer="standard", search_quote_analyzer="simple"),
    ),
    "coerce": (field("long"), field("long", coerce=False)),
    "coerce of a float": (
        field("scaled_float", scaling_factor=10),
        field("scaled_float", scaling_factor=10, coerce=False),
    ),
    "ignore_malformed of a number": (field("double"), field("double", ignore_malformed=True)),
    "ignore_malformed of a date": (field("date"), field("date", ignore_malformed=True)),
    "ignore_malformed of an address": (field("ip"), field("ip", ignore_malformed=True)),
    "ignore_malformed of a point": (field("geo_point"), field("geo_point", ignore_malformed=True)),
    "ignore_z_value": (field("geo_point"), field("geo_point", ignore_z_value=False)),
    "dynamic": ({"dynamic": False, "properties": {"a": keyword()}}, {"dynamic": True, "properties": {"a": keyword()}}),
    "ignore_above of a wildcard": (field("wildcard"), field("wildcard", ignore_above=9)),
    "depth_limit": (field("flattened"), field("flattened", depth_limit=9)),
    "value of a constant": (field("constant_keyword"), field("constant_keyword", value="a")),
}
"""A field as it is, and as it is asked for; None: absent."""

FIXED: dict[str, tuple[Body, Body]] = {
    "long to double": (field("long"), field("double")),
    "long to keyword": (field("long"), keyword()),
    "keyword to text": (keyword(), text()),
    "keyword to object": (keyword(), {"properties": {"a": keyword()}}),
    "object to keyword": ({"properties": {"a": keyword()}}, keyword()),
    "object to nested": ({"properties": {"a": keyword()}}, field("nested", properties={"a": keyword()})),
    "date to date_nanos": (field("date"), field("date_nanos")),
    "a multi-field's type": (keyword(fields={"a": keyword()}), keyword(fields={"a": text()})),
    "inside an object": ({"properties": {"a": keyword()}}, {"properties": {"a": text()}}),
    "index off": (keyword(), keyword(index=False)),
    "index on, by silence": (keyword(index=False), keyword()),
    "doc_values": (keyword(), keyword(doc_values=False)),
    "store": (keyword(), keyword(store=True)),
    "null_value": (keyword(), keyword(null_value="x")),
    "null_value of a number": (field("long"), field("long", null_value=1)),
    "norms of a keyword on": (keyword(), keyword(norms=True)),
    "norms on": (text(norms=False), text(norms=True)),
    "normalizer": (keyword(), keyword(normalizer="lowercase")),
    "similarity": (keyword(), keyword(similarity="boolean")),
    "index_options": (text(), text(index_options="docs")),
    "term_vector": (text(), text(term_vector="yes")),
    "index_phrases": (text(), text(index_phrases=True)),
    "index_prefixes": (text(), text(index_prefixes={"min_chars": 2, "max_chars": 3})),
    "position_increment_gap": (text(), text(position_increment_gap=3)),
    "analyzer": (text(), {"type": "text", "analyzer": "simple"}),
    "format": (field("date"), field("date", format="epoch_millis")),
    "scaling_factor": (field("scaled_float", scaling_factor=10), field("scaled_float", scaling_factor=100)),
    "enabled": (field("object", enabled=False), field("object", enabled=True)),
    "disabled": (field("object"), field("object", enabled=False)),
    "include_in_root": (field("nested"), field("nested", include_in_root=True)),
    "value of a constant": (field("constant_keyword", value="a"), field("constant_keyword", value="b")),
}

NOTHING: dict[str, Body] = {
    "defaults of a keyword": keyword(
        index=True, doc_values=True, store=False, eager_global_ordinals=False, norms=False
    ),
    "defaults of a number": field("long", coerce=True, ignore_malformed=False, index=True),
    "defaults of an object": field("object", enabled=True, properties={"a": keyword()}),
    "defaults of a date": field("date", format=DATE),
    "defaults of a text": text(norms=True, index=True),
    "copy_to as text": keyword(copy_to="elsewhere"),
    "numbers as text": keyword(ignore_above="5", index="false"),
    "a number that becomes a fraction": field("scaled_float", scaling_factor=10),
    "numbers of a filter": text(fielddata=True, fielddata_frequency_filter={"min": 0.01, "min_segment_size": 5}),
    "dotted": {"properties": {"a.b": keyword(), "a.c": {"properties": {"d.e": keyword()}}}},
}
"""What is there as it was asked for, however the server writes it down."""

ROOT: dict[str, tuple[Body, Body]] = {
    "dynamic": ({"dynamic": False}, {"dynamic": "strict"}),
    "date_detection": ({}, {"date_detection": False}),
    "numeric_detection": ({}, {"numeric_detection": True}),
    "dynamic_date_formats": ({}, {"dynamic_date_formats": ["yyyy"]}),
    "dynamic_templates": (
        {"dynamic_templates": [{"a": {"match": "a*", "mapping": {"type": "keyword"}}}]},
        {"dynamic_templates": [{"b": {"match": "b*", "mapping": {"type": "keyword"}}}]},
    ),
    "runtime": ({}, {"runtime": {"r": {"type": "keyword"}}}),
    "runtime with a script": (
        {"runtime": {"r": {"type": "keyword"}}},
        {"runtime": {"r": {"type": "long", "script": "emit(1)"}}},
    ),
    "new alias": ({"properties": {"a": keyword()}}, {"properties": {"f": {"type": "alias", "path": "a"}}}),
    "new alias of a new field": ({}, {"properties": {"b": keyword(), "f": {"type": "alias", "path": "b"}}}),
    "alias of another field": (
        {"properties": {"a": keyword(), "b": keyword(), "f": {"type": "alias", "path": "a"}}},
        {"properties": {"f": {"type": "alias", "path": "b"}}},
    ),
}

BARE = {"settings": {"number_of_shards": 1, "number_of_replicas": 0}}
STRING_FIELD = {"properties": {"present": keyword()}}


@pytest.fixture
def index(engine: Engine) -> Iterator[str]:
    name = f"zz-difference-{secrets.token_hex(4)}"
    engine.transport.put(f"/{name}", {**BARE, "mappings": STRING_FIELD})
    yield name
    engine.transport.delete(f"/{name}")


def found(
    transport: Transport, index: str, *, settings: Body | None = None, mappings: Body | None = None
) -> IndexDifference:
    """What an index has otherwise than it is asked for."""
    return difference({"settings": settings or {}, "mappings": mappings or {}}, transport.get(f"/{index}")[index])


def refusal(transport: Transport, path: str, body: Body) -> str:
    """The server's reason; empty: it took the request."""
    try:
        transport.put(path, body)
    except RejectedError as error:
        if error.status != 400 and "can't be updated" not in error.reason:  # for which 500 is the answer
            raise
        return error.reason
    return ""


def test_every_setting_of_the_closed_set_is_in_the_table() -> None:
    assert frozenset(f"index.{name}" for name in SETTINGS) >= IN_PLACE
    assert all(is_in_place(f"index.{name}") for name in SETTINGS)
    assert not any(is_in_place(f"index.{name}") for name in STATIC)


def test_what_is_in_place_is_taken_and_then_there(engine: Engine, index: str) -> None:
    tried = 0
    for name, value in SETTINGS.items():
        transport = engine.transport
        wanted = {f"index.{name}": value}
        before = found(transport, index, settings=wanted)
        assert before.settings == wanted, name
        reason = refusal(transport, f"/{index}/_settings", before.settings)
        if "unknown setting" in reason:  # younger, or another engine's: no template with it would be taken either
            continue
        assert not reason, name
        after = found(transport, index, settings=wanted)
        assert not after.in_place, name
        tried += 1
        transport.put(f"/{index}/_settings", {f"index.{name}": None})
    assert tried > len(SETTINGS) * 0.7


def test_what_is_static_is_refused(engine: Engine, index: str) -> None:
    for name, value in STATIC.items():
        wanted = {f"index.{name}": value}
        assert found(engine.transport, index, settings=wanted).static, name
        assert refusal(engine.transport, f"/{index}/_settings", wanted), name


@pytest.mark.parametrize("fixed", [True, False])
def test_replicas_that_expand_and_those_that_do_not(engine: Engine, index: str, fixed: bool) -> None:
    """A number beside replicas that expand by themselves would not stay; either way it is over after one request."""
    transport = engine.transport
    one, other = {"index.auto_expand_replicas": "0-1"}, {"index.number_of_replicas": "0"}
    first, then = (one, other) if fixed else (other, one)
    transport.put(f"/{index}/_settings", first)
    wanted = {**then, **({"index.number_of_replicas": "2"} if fixed else {})}
    transport.put(f"/{index}/_settings", found(transport, index, settings=wanted).settings)
    assert not found(transport, index, settings=wanted).in_place
    assert not found(transport, index, settings={**one, "index.number_of_replicas": "5"}).settings.get(
        "index.number_of_replicas"
    ), "their number is the server's"


def test_every_parameter_that_may_change_is_in_the_table() -> None:
    named = {name for _, after in ADDITIVE.values() for name in after}
    assert named >= UPDATABLE


def test_what_is_additive_is_taken_and_then_there(engine: Engine, index: str) -> None:
    transport, tried = engine.transport, 0
    for i, (case, (before, after)) in enumerate(ADDITIVE.items()):
        name = f"f{i}"
        wanted = {"properties": {name: after}}
        if before is not None and refusal(transport, f"/{index}/_mapping", {"properties": {name: before}}):
            continue  # a type or parameter that this engine does not have
        asked = found(transport, index, mappings=wanted)
        assert asked.additive, case
        assert not asked.fixed, case
        assert not refusal(transport, f"/{index}/_mapping", asked.mapping), case
        left = found(transport, index, mappings=wanted)
        assert (left.additive, left.fixed, left.mapping) == ((), (), {}), case
        tried += 1
    assert tried > len(ADDITIVE) * 0.8


def test_what_is_fixed_is_refused(engine: Engine, index: str) -> None:
    transport, tried = engine.transport, 0
    for i, (case, (before, after)) in enumerate(FIXED.items()):
        name = f"f{i}"
        wanted = {"properties": {name: after}}
        if refusal(transport, f"/{index}/_mapping", {"properties": {name: before}}):
            continue
        asked = found(transport, index, mappings=wanted)
        assert asked.fixed, case
        assert asked.mapping == {}, case
        assert refusal(transport, f"/{index}/_mapping", wanted), case
        tried += 1
    assert tried > len(FIXED) * 0.8


def test_however_a_server_writes_it_down_it_is_no_difference(engine: Engine, index: str) -> None:
    tried = 0
    for i, (case, body) in enumerate(NOTHING.items()):
        wanted = {"properties": {f"f{i}": body}}
        if refusal(engine.transport, f"/{index}/_mapping", wanted):
            continue
        left = found(engine.transport, index, mappings=wanted)
        assert (left.additive, left.fixed) == ((), ()), case
        tried += 1
    assert tried > len(NOTHING) * 0.8


def test_what_holds_for_a_whole_mapping(engine: Engine) -> None:
    transport, tried = engine.transport, 0
    for case, (before, after) in ROOT.items():
        name = f"zz-difference-{secrets.token_hex(4)}"
        if "runtime" in case and engine.server.distribution == "opensearch":
            continue  # it has none, and refuses a template with them
        transport.put(f"/{name}", {**BARE, "mappings": before})
        try:
            asked = found(transport, name, mappings=after)
            assert asked.additive, case
            assert not refusal(transport, f"/{name}/_mapping", asked.mapping), case
            left = found(transport, name, mappings=after)
            assert (left.additive, left.fixed, left.mapping) == ((), (), {}), case
            tried += 1
        finally:
            transport.delete(f"/{name}")
    assert tried >= len(ROOT) - 2
