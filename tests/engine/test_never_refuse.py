"""Never refuse: whatever object OCS posts, the answer is 2xx and the message is found, whole.

*Found* means fetched by the `_index` and `_id` of its own answer, with every value of the original in `_source`.
"""

from __future__ import annotations

import json
import os
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.found import CATALOGUE, missing
from tests.running import Stream
from toolkit.tables import METADATA

EXAMPLES = int(os.environ.get("TEST_EXAMPLES", "400"))
"""Objects that are generated; set TEST_EXAMPLES for more."""

LARGEST_LONG = 2**63 - 1

HARD_KEYS = (
    "", " ", ".", "..", "a.b", "x..y", ".a", "a.", "ocs", "event", "tags", "error", "message", "@timestamp",
    "ocs.tenant.name", "event.original", "_routing", "_source", "_type", "_seq_no",
    "_primary_term", "_if_seq_no", "_if_primary_term", "_ignored", "_field_names", "_dynamic_templates", "_op_type",
    "_doc_count", "_tier", "_ingest", "_size", "_nested_path", "_feature", "_data_stream_timestamp", "_score", "ctx",
    "params", "name", "GSW_CALLING_LISTS", "gsw_dial_mode", "GSW_DIAL_MODE ", *METADATA,
)  # fmt: skip

texts = st.text(max_size=40) | st.sampled_from(["x" * 1024, "x" * 1025, "営" * 40_000, "NaN", "1e400", "-0", "0x1"])
numbers = (
    st.integers()
    | st.integers(min_value=-(2**70), max_value=2**70)
    | st.sampled_from([2**31 - 1, 2**31, -(2**31), -(2**31) - 1, 2**53 + 1, LARGEST_LONG, -LARGEST_LONG - 1, 0])
    | st.floats(allow_nan=False, allow_infinity=False)
)
scalars = st.none() | st.booleans() | numbers | texts
keys = st.sampled_from(HARD_KEYS) | st.sampled_from(sorted(CATALOGUE.attributes)) | st.text(max_size=20)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4),
    max_leaves=12,
)
times = st.one_of(
    st.decimals(min_value=-(10**11), max_value=10**13, places=9).map(str),
    st.integers(min_value=-(10**13), max_value=10**13),
    st.datetimes(timezones=st.timezones()).map(lambda t: t.isoformat()),
    st.floats(min_value=0, max_value=4e9),
)
lists = st.lists(
    st.fixed_dictionaries(
        {"GSW_STAT_HIT_RATIO": scalars},
        optional={"GSW_CALLING_LIST_NAME": scalars, "GSW_STAT_TIME_TO_COMPLETE": scalars, "OTHER": values},
    ),
    max_size=4,
)
messages = st.builds(
    lambda *parts: {key: value for part in parts for key, value in part.items()},
    st.dictionaries(st.sampled_from(sorted(CATALOGUE.attributes)), values, max_size=8),
    st.dictionaries(keys, values, max_size=4),
    st.fixed_dictionaries({}, optional={"GSW_DATE_TIME": times, "GSW_CALLING_LISTS": lists, "LISTS": lists}),
)


def integers(value: Any) -> list[int]:
    """Every integer anywhere in a value."""
    if isinstance(value, dict):
        return [n for item in value.values() for n in integers(item)]
    if isinstance(value, list):
        return [n for item in value for n in integers(item)]
    return [value] if isinstance(value, int) and not isinstance(value, bool) else []


def refused_by_the_engine_itself(message: dict[str, Any], stream: Stream) -> str | None:
    """Why no pipeline can save a message on this engine; measured, and said in the README."""
    server = stream.engine.server
    if server.distribution == "opensearch":
        beyond = any(not -LARGEST_LONG - 1 <= n <= LARGEST_LONG for n in integers(message))
        return "OpenSearch's script processor refuses integers of 2^63 and more" if beyond else None
    taken = server.version >= (8, 4, 0) and not message.keys().isdisjoint(METADATA)
    return f"this Elasticsearch refuses a body with {', '.join(METADATA)}" if taken else None


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize="TEST_EXAMPLES" not in os.environ,
    suppress_health_check=list(HealthCheck),
)
@given(message=messages)
@example(message={})
@example(message={key: 1 for key in HARD_KEYS if key not in METADATA})
@example(message={f"A{n}": {"b": n} for n in range(2000)} | {"GSW_CAMPAIGN_GROUP_GUID": "g"})
@example(message={"GSW_CAMPAIGN_GROUP_GUID": "g", "GSW_DATE_TIME": "0001-01-01T00:00:00+23:59"})
def test_every_object_is_accepted_and_found(stream: Stream, message: dict[str, Any]) -> None:
    if refused_by_the_engine_itself(message, stream):
        return
    status, answer = stream.post(json.dumps(message))
    assert status == 201, str(answer)[:1000]
    assert missing(message, stream.fetch(answer)) == []


@pytest.mark.parametrize(
    "body",
    ['{"a": 1, "a": 2}', "[1]", '"x"', "", "{", '{"a": NaN}', '{"a": 1,}', b'{"a": "M\xfcller"}'],
    ids=["duplicate keys", "array", "text", "empty", "cut", "NaN", "trailing comma", "latin-1"],
)
def test_what_no_pipeline_can_save_is_refused_aloud(stream: Stream, body: str | bytes) -> None:
    """The limits that the README names; if one of them falls, it should say so."""
    status, answer = stream.post(body)
    assert status in (400, 500)  # an array or a scalar is a 500 on Elasticsearch, a 400 on OpenSearch
    assert answer["error"]["reason"]


@pytest.mark.parametrize("depth", [101, 500, 950])
def test_a_deep_message_is_kept_as_text_and_harms_no_reader(stream: Stream, depth: int) -> None:
    """On 8.3.3, documents a thousand levels deep were stored, and a search for them ended the node."""
    text = '{"GSW_CAMPAIGN_GROUP_GUID": "g", "deep": ' + '{"a":' * depth + "[]" + "}" * (depth + 1)
    status, answer = stream.post(text)
    assert status == 201, str(answer)[:1000]
    kept = stream.fetch(answer)["ocs"]["extra"]["deep"]
    assert kept.replace('{"a":', "").rstrip("}") == "[]"
    assert kept.count('{"a":') == depth


@pytest.mark.parametrize("size", [100_000, 3_000_000])
def test_a_large_foreign_message_is_a_dead_letter_whole(stream: Stream, size: int) -> None:
    """Mustache stops at 1 MB, so the exact text must not come from there."""
    message = {"text": 'é"\\\n' * (size // 6)}
    status, answer = stream.post(json.dumps(message))
    assert status == 201, str(answer)[:1000]
    source = stream.fetch(answer)
    assert json.loads(source["event"]["original"]) == message
    assert source["error"]["type"] == "not_ocs"


def test_a_byte_order_mark_is_taken(stream: Stream) -> None:
    status, answer = stream.post(b'\xef\xbb\xbf{"GSW_TENANT_NAME": "T"}')
    assert status == 201
    assert stream.fetch(answer)["ocs"]["tenant"]["name"] == "T"
