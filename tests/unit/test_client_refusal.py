"""What a server's refusal means, and what to do about it. Nothing is asked."""

from __future__ import annotations

from typing import Any

import pytest

from toolkit.client.refusal import rejected

FLOOD = (
    "index [.ds-ocs-campaign-groups-default-000001] blocked by: [TOO_MANY_REQUESTS/12/disk usage exceeded flood-stage "
    "watermark, index has read-only-allow-delete block];"
)
"""As Elasticsearch 8.3.3 and OpenSearch 3.6.0 say it."""
BLOCKED = "index [.ds-ocs-campaign-groups-default-000001] blocked by: [FORBIDDEN/8/index write (api)];"


def error(kind: str, reason: str) -> dict[str, Any]:
    return {"error": {"root_cause": [{"type": kind, "reason": reason}], "type": kind, "reason": reason}}


@pytest.mark.parametrize(
    ("status", "body", "remedy"),
    [
        (429, error("cluster_block_exception", FLOOD), "free disk space"),
        (403, error("cluster_block_exception", BLOCKED), "ocs-elastic doctor names the block"),
        (429, error("es_rejected_execution_exception", "rejected execution"), "run the command again in a minute"),
        (503, error("unavailable_shards_exception", "primary shard is not active"), "wait until it is ready"),
        (502, "<html>Bad Gateway</html>", "what is before the server cannot reach it"),
        (504, "<html>Gateway Time-out</html>", "took longer than what is before it waits"),
    ],
)
def test_what_passes_or_can_be_mended_comes_with_what_to_do(status: int, body: Any, remedy: str) -> None:
    found = rejected("http://e:9200", "PUT /x", status, body, None)
    assert found.status == status
    assert found.hint is not None
    assert remedy in found.hint


def test_a_closed_index_is_named_with_the_request_that_opens_it() -> None:
    """The server's own reason is the one word "closed"."""
    body = {"error": {"type": "index_closed_exception", "reason": "closed", "index": "an-index"}}
    found = rejected("http://es", "POST /a-stream/_search", 400, body, None)
    assert found.reason == "http://es answered 400 to POST /a-stream/_search: index an-index is closed"
    assert str(found.hint).startswith("open it: POST /an-index/_open")


def test_where_some_shards_failed_the_first_one_says_why() -> None:
    """As 8.17.2 answers a search that must not be partial: the reason above is "Partial shards failure"."""
    shard = {"shard": 0, "index": "an-index", "reason": {"type": "illegal_argument_exception", "reason": "too large"}}
    failed = {"type": "search_phase_execution_exception", "reason": "Partial shards failure", "failed_shards": [shard]}
    found = rejected("http://es", "POST /a-stream/_search", 400, {"error": failed}, None)
    assert found.reason.endswith(": Partial shards failure: too large")


def test_what_was_asked_wrongly_has_no_hint_of_waiting() -> None:
    found = rejected("http://e:9200", "PUT /x", 400, error("illegal_argument_exception", "unknown setting [x]"), None)
    assert found.hint is None
    assert found.reason == "http://e:9200 answered 400 to PUT /x: unknown setting [x]"
