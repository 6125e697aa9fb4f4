"""What `listen` shows and says is what an engine does."""

from __future__ import annotations

import json
import re
import time
import urllib.error
import urllib.request
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.engine.test_pipeline import CASES, message_of
from tests.running import Stream, authorization
from toolkit.catalogue import read_catalogue
from toolkit.listen.check import Checked, Level, check
from toolkit.listen.request import Received
from toolkit.listen.values import beyond_64_bits
from toolkit.ocs.odd import CLASSES, OddMessages
from toolkit.tables import METADATA
from toolkit.uses.listen import Preview

CATALOGUE = read_catalogue()
JSON = "application/json"


@pytest.fixture(scope="module", name="preview")
def _preview(stream: Stream) -> Preview:
    return Preview(stream.engine.transport, stream.engine.server, stream.settings)


def checked(body: bytes, content_type: str | None = JSON) -> Checked:
    headers = () if content_type is None else (("Content-Type", content_type),)
    received = Received(1, "127.0.0.1", None, "HTTP/1.1", "POST", "/ocs-campaign-groups-x/_doc", headers, body, 1, True)
    return check(received, CATALOGUE, time.time_ns() // 1_000_000)


def steady(source: dict[str, Any]) -> dict[str, Any]:
    """Without the engine's clock, and without the order of its own maps."""
    for holder, key in ((source, "@timestamp"), (source["event"], "ingested")):
        moment = datetime.fromisoformat(re.sub(r"\.(\d{3})\d*", r".\1", holder[key]))
        if abs((datetime.now(UTC) - moment).total_seconds()) < 3600:
            holder[key] = "<ingest time>"
    if "original" in source["event"]:
        source["event"]["original"] = json.loads(source["event"]["original"])
    if "calling_lists" in source.get("ocs", {}):
        source["ocs"]["calling_lists"].sort(key=json.dumps)
    return source


def agree(stream: Stream, preview: Preview, body: str) -> None:
    """What is shown is what is stored, and what is said of it is true of it."""
    said = checked(body.encode())
    status, answer = stream.post(body)
    assert said.status == status == 201, answer
    shown = preview.document(said)
    if said.json_text is None:
        assert shown is None
        return
    assert shown is not None
    if beyond_64_bits(said.message):
        assert shown.source is None
        assert "beyond 64 bits" in shown.reason
        return
    assert shown.source is not None, shown
    stored = stream.fetch(answer)
    assert steady(shown.source) == steady(stored)
    assert str(shown.index) in answer["_index"]
    if "error" not in stored:
        asides = {(f.attribute, f.what.rpartition(" ")[2]) for f in said.findings if f.level is Level.ASIDE}
        kept = {
            (key, f"ocs.{place}")
            for place in ("invalid", "extra")
            for key in stored["ocs"].get(place, {})
            if key not in METADATA
        }
        listed = {f.attribute for f in said.findings if f.what.startswith("the calling lists")}
        if len(said.findings) <= 100:
            assert {aside for aside in asides if aside[1].startswith("ocs.") and aside[0] not in METADATA} == {
                pair for pair in kept if pair[0] not in listed
            }
        unknown = any(f.what.startswith("unknown code") for f in said.findings)
        assert unknown is ("ocs_unknown_code" in stored.get("tags", []))


@pytest.mark.parametrize("case", CASES)
def test_a_golden_message_is_shown_as_it_is_stored(stream: Stream, preview: Preview, case: str) -> None:
    body = message_of(case)
    if checked(body.encode()).status != 201 or stream.post(body)[0] != 201:
        pytest.skip("no engine takes it")
    agree(stream, preview, body)


@pytest.mark.parametrize("name", CLASSES)
def test_an_odd_message_is_shown_as_it_is_stored(stream: Stream, preview: Preview, name: str) -> None:
    odd = OddMessages(CATALOGUE, 1, first_key=0)
    mine = [message for _ in range(len(CLASSES) * 12) if (message := odd.next(1_700_000_000_000)).odd == name]
    assert len(mine) == 12
    for message in mine:
        taken_by_engine = not METADATA_KEYS.isdisjoint(json.loads(message.text))
        if not taken_by_engine:
            agree(stream, preview, message.text)


METADATA_KEYS = frozenset(METADATA)


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"{", b"[1]", b'"x"', b"7", b'{"a": NaN}', b'{"a": Infinity}', b'{"a": 1,}', b"{'a': 1}", b"a=1"),
        *(b'{"a": 1, "a": 2}', b'{"a": {"b": 1, "b": 1}}', b'{"a": "\x1b"}', b'{"a": "M\xfcller"}', b'{"a": 01}'),
        '{"a": "x"}'.encode("utf-16"),
        *(
            b'{"a": 1}',
            b'{"a": 1} x',
            b'{"a": 1}{"b": 2}',
            b'\xef\xbb\xbf{"a": 1}',
            b'{"a": "\\ud800"}',
            b' {"a": 1e400} ',
        ),
    ],
)
def test_what_is_said_to_be_refused_is_refused_and_nothing_else(stream: Stream, body: bytes) -> None:
    status, answer = stream.post(body)
    assert (checked(body).status >= 400) is (status >= 400), answer


@pytest.mark.parametrize("body", [b'{"a": ' + b"9" * 1200 + b"}", b'{"a": "\xed\xa0\x80"}'])
def test_what_8_3_3_took_and_others_refuse_is_said_to_be_refused(stream: Stream, body: bytes) -> None:
    """A number of 1,200 digits, and half a pair of UTF-16 in UTF-8: the stricter engine is believed."""
    status, answer = stream.post(body)
    assert checked(body).status == 400
    if stream.engine.server.distribution == "opensearch":
        assert status == 400, answer


@pytest.mark.parametrize(
    "content_type",
    [JSON, "Application/JSON; charset=UTF-8", "text/plain", "text/json", "application/x-www-form-urlencoded", ""],
)
def test_a_content_type_is_judged_as_the_engine_does(stream: Stream, content_type: str) -> None:
    headers = {"Content-Type": content_type, **authorization(stream.engine.connection)}
    request = urllib.request.Request(stream.url, data=b'{"a": 1}', headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            status = answer.status
    except urllib.error.HTTPError as error:
        status = error.code
    assert (checked(b'{"a": 1}', content_type).status >= 400) is (status >= 400), status
